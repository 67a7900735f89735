// Spares a new page's components from forgetting, one by one, what nobody had changed.
// Dash has each do so by itself, and after each asks all of them whether they look different now. Of 500 components that
// are 250,000 questions, most of the time that a page takes. Where there is nothing to forget, nobody is asked.
(function () {
  "use strict";

  function isChanged(hashes, path) {
    return Object.keys(hashes).some(function (each) { return each.startsWith(path.join(",")); });
  }

  function sparing(store) {
    var dispatch = store.dispatch;
    store.dispatch = function (action) {
      var isIdle = action.type === "RESET_COMPONENT_STATE" && !isChanged(store.getState().layoutHashes, action.payload.itempath);
      return isIdle ? action : dispatch(action);
    };
    return store;
  }

  // Where Dash puts its store.
  window.dash_stores = [];
  window.dash_stores.push = function (store) { return Array.prototype.push.call(this, sparing(store)); };
})();
