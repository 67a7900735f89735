// What happens in the browser alone. No address is asked that is not ours, and no text becomes markup.
(function () {
  "use strict";
  var isFirst = true;

  function heading() { return document.getElementById("heading"); }

  function tell(text) {
    var place = document.getElementById("announcer");
    if (place) { place.textContent = text; }
  }

  // What is chosen on a page stands in the address; what is empty does not.
  function inAddress(chosen) {
    var address = new URL(window.location.href);
    Object.keys(chosen).forEach(function (name) {
      if (chosen[name]) { address.searchParams.set(name, chosen[name]); } else { address.searchParams.delete(name); }
    });
    window.history.replaceState(window.history.state, "", address);
  }

  function triggers() {
    return ((window.dash_clientside.callback_context || {}).triggered || []).map(function (each) { return each.prop_id; });
  }

  // Menus report their first value when a page is shown, which nobody has chosen: the page says what that was.
  function isChosen(id, value) {
    var menu = document.querySelector('[data-menu="' + id + '"]');
    return menu !== null && menu.getAttribute("data-shown") !== value;
  }

  // A page that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", function () {
    if (document.getElementById("live-content") && window.dash_clientside.set_props) {
      window.dash_clientside.set_props("live-interval", { disabled: document.hidden });
    }
  });

  // "read 12 s ago": the server says when, the page counts on.
  function age() {
    document.querySelectorAll("time.ago").forEach(function (each) {
      var seconds = Math.max(0, Math.round((Date.now() - Date.parse(each.dateTime)) / 1000));
      var text = seconds < 120 ? seconds + " s ago" : seconds < 7200 ? Math.round(seconds / 60) + " min ago"
        : Math.round(seconds / 3600) + " h ago";
      if (each.textContent !== text) { each.textContent = text; }
    });
  }
  window.setInterval(age, 1000);

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    lorentzian: {
      // A new page: name the tab, move the focus to its heading, say so to whoever listens.
      pageShown: function () {
        window.setTimeout(function () {
          var title = heading();
          if (!title) { return; }
          document.title = title.textContent + " · Lorentzian";
          document.querySelectorAll(".header .nav-link").forEach(function (each) {
            var isHere = each.getAttribute("href") === window.location.pathname;
            if (isHere) { each.setAttribute("aria-current", "page"); } else { each.removeAttribute("aria-current"); }
          });
          if (!isFirst) { title.focus({ preventScroll: false }); }
          isFirst = false;
          age();
        }, 0);
        return window.dash_clientside.no_update;
      },
      copyLink: function () {
        if (!navigator.clipboard) { return "Copy the address bar"; }
        navigator.clipboard.writeText(window.location.href);
        tell("The link is copied.");
        return "Copied";
      },
      toggle: function (_clicks, isOpen) { return !isOpen; },
      savePng: function (clicks, id) {
        if (!clicks) { return window.dash_clientside.no_update; }
        var frame = document.querySelector('[data-chart="' + id.chart + '"]');
        var plot = frame && frame.querySelector(".js-plotly-plot");
        if (plot && window.Plotly) {
          window.Plotly.downloadImage(plot, { format: "png", scale: 2, filename: id.chart });
        }
        return window.dash_clientside.no_update;
      },
      filterRuns: function (text, options) {
        inAddress({ filter: text || "" });
        return Object.assign({}, options, { quickFilterText: text || "" });
      },
      // Two to eight runs; the link carries them.
      compareLink: function (rows, href) {
        var base = href.split("?")[0];
        var names = (rows || []).map(function (row) { return row.run; }).slice(0, 8);
        return names.length ? base + "?runs=" + names.map(encodeURIComponent).join(",") : base;
      },
      // Another choice of runs, or of two metrics, is another address: the page is built anew.
      chooseRuns: function (names, search) {
        var wanted = (names || []).join(",");
        var query = new URLSearchParams(search || "");
        if (!wanted || !isChosen("runs", wanted)) { return window.dash_clientside.no_update; }
        query.set("runs", wanted);
        return "?" + query;
      },
      choosePair: function (across, up, clicks, search) {
        var query = new URLSearchParams(search || ""), cell = null;
        if (triggers().some(function (each) { return each.indexOf("clickData") > 0; })) {
          cell = clicks && clicks[0] && clicks[0].points && clicks[0].points[0].customdata;
        }
        if (!cell && !isChosen("pair", across + "," + up)) { return window.dash_clientside.no_update; }
        query.set("across", cell ? cell[0] : across);
        query.set("up", cell ? cell[1] : up);
        return "?" + query === search ? window.dash_clientside.no_update : "?" + query;
      },
      // A choice stands in the address, so that a link shows the same; the page is not built again for it.
      keepInAddress: function (values, controls) {
        var chosen = {};
        controls.forEach(function (control, at) { chosen[control.key] = values[at] || ""; });
        inAddress(chosen);
        return window.dash_clientside.no_update;
      }
    }
  });

  // Cells of the grid of runs.
  function element() { return window.React.createElement.apply(null, arguments); }
  function go(event, href) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) { return; }
    event.preventDefault();
    window.history.pushState({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  }
  // Enter on a row of runs or windows opens it, as a click on its name does; a pinned name stands in a row of its own.
  document.addEventListener("keydown", function (event) {
    var cell = event.key === "Enter" && event.target.closest && event.target.closest(".grid-frame .ag-cell");
    var row = cell && cell.closest(".ag-row");
    var name = row && row.getAttribute("row-id");
    var link = name && cell.closest(".grid-frame").querySelector('.ag-row[row-id="' + CSS.escape(name) + '"] a');
    if (link) { link.click(); }
  });

  var cells = window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {};
  cells.RunLink = function (props) {
    var href = props.data.href;
    return element("a", { href: href, tabIndex: -1, onClick: function (event) { go(event, href); } }, props.value);
  };
  cells.VerdictMark = function (props) {
    return element("span", { className: "mark mark-" + String(props.data.verdict_class) }, props.value);
  };
  // The interval as a bar on the column's own scale, zero marked, beside its text.
  cells.IntervalBar = function (props) {
    var own = props.data, scale = props.scale;
    if (own.sharpe_low === null || own.sharpe_high === null || !scale) {
      return element("span", null, own.sharpe_text);
    }
    function at(value) { return 100 * (Math.max(-scale, Math.min(scale, value)) + scale) / (2 * scale); }
    return element("span", { className: "interval" },
      element("span", { className: "interval-text" }, own.sharpe_text),
      element("svg", { className: "interval-bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": true },
        element("line", { x1: 50, x2: 50, y1: 0, y2: 10, className: "zero" }),
        element("line", { x1: at(own.sharpe_low), x2: at(own.sharpe_high), y1: 5, y2: 5, className: "span" }),
        own.sharpe === null ? null
          : element("line", { x1: at(own.sharpe), x2: at(own.sharpe), y1: 1, y2: 9, className: "point" })));
  };
})();
