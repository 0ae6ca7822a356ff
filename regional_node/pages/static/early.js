/* Says that script runs, before anything is painted; takes it back if the page's own script does
   not start, as in a browser that is too old: then the page says what to do instead. */
(function () {
  "use strict";
  var root = document.documentElement;
  root.className += " script";
  setTimeout(function () {
    if (!window.lpseStarted) { root.className = root.className.replace(" script", ""); }
  }, 5000);
}());
