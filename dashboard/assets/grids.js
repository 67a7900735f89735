// A grid's code, a third of a megabyte, where the page did not bring it: fetched when the first grid is shown.
(function () {
  "use strict";
  var place = document.getElementById("grid-code"), React = window.React, loaded;
  if (!place) { return; }

  function load() {
    return new Promise(function (resolve, reject) {
      var script = document.createElement("script");
      script.onload = function () { resolve({ default: loaded.AgGrid }); };
      script.onerror = reject;
      script.src = place.dataset.address;
      document.head.appendChild(script);
    });
  }

  var Grid = React.lazy(load);
  function AgGrid(props) {
    var room = React.createElement("div", { style: props.style }); // nothing jumps once the grid is there
    return React.createElement(React.Suspense, { fallback: room }, React.createElement(Grid, props));
  }
  AgGrid.dashRenderType = true; // as the grid's own component says: it is told who changed it

  // This one stays where Dash looks for it: another in its place would be another component, and the grid built anew.
  Object.defineProperty(window, "dash_ag_grid", {
    get: function () { return { AgGrid: AgGrid }; },
    set: function (library) { loaded = library; }
  });
})();
