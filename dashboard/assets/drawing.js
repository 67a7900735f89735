// When charts are drawn: those on the screen first, one after the other, and between two of them the page can answer.
(function () {
  "use strict";
  var waiting = [], isDue = false;

  function isOnScreen(plot) {
    var place = plot.getBoundingClientRect();
    return place.bottom > 0 && place.top < window.innerHeight;
  }

  // Whether it is, or will be, drawn as wide as its place; how high it is, the figure says.
  function fits(plot) {
    return !plot._fullLayout || Math.abs(plot._fullLayout.width - plot.getBoundingClientRect().width) < 1;
  }

  function whenIdle(run) {
    isDue = true;
    if (window.requestIdleCallback) { window.requestIdleCallback(run, { timeout: 200 }); } else { window.setTimeout(run, 20); }
  }

  function drawNext() {
    isDue = false;
    waiting = waiting.filter(function (each) { return each.plot.isConnected; }); // of a page that was left meanwhile
    var at = Math.max(0, waiting.findIndex(function (each) { return isOnScreen(each.plot); }));
    waiting.splice(at, 1).forEach(function (each) { each.draw(); });
    if (waiting.length) { whenIdle(drawNext); }
  }

  // What Dash calls of plotly. A plot that stands already is drawn anew at once: somebody waits for it. Where somebody
  // zooms, Dash first has it drawn with its own data and the axes that it has just told of: that is there already.
  function patient(plotly) {
    var react = plotly.react, resize = plotly.Plots.resize;
    plotly.react = function (plot, figure) {
      var own = arguments;
      if (plot._fullLayout) { return plot.data === figure.data ? Promise.resolve(plot) : react.apply(plotly, own); }
      return new Promise(function (resolve) {
        waiting.push({ plot: plot, draw: function () { resolve(react.apply(plotly, own)); } });
        if (!isDue) { isDue = true; window.queueMicrotask(drawNext); }
      });
    };
    // Dash has every new plot measured again: a second drawing, and a call to the server, of what fits already.
    plotly.Plots.resize = function (plot) { return fits(plot) ? Promise.resolve(plot) : resize(plot); };
    return plotly;
  }

  // A page of charts has plotly fetched and read while the server still builds it. Until then Dash, which would fetch it
  // once there is a chart, is given what it waits for all the same.
  function fetched(place) {
    return new Promise(function (resolve, reject) {
      var script = document.createElement("script");
      script.onload = resolve;
      script.onerror = function (event) { coming = undefined; reject(event); }; // the next page asks again
      script.src = place.dataset.address;
      document.head.appendChild(script);
    });
  }

  var drawer, place = document.getElementById("plots-code"), coming = place ? fetched(place) : undefined;
  Object.defineProperty(window, "Plotly", {
    configurable: true,
    get: function () { return drawer || coming; },
    set: function (loaded) { drawer = patient(loaded); }
  });
})();
