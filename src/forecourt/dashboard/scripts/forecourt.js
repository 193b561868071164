// What every page needs: htmx, live parts, and a few habits of forms. Pages work without it, only less lively.
import htmx from "htmx.org";
import "./parts/live.js";
import "./parts/habits.js";
import "./parts/kept.js";

Object.assign(htmx.config, {
  allowEval: false,
  includeIndicatorStyles: false,
  selfRequestsOnly: true,
  historyCacheSize: 0,
  defaultSwapStyle: "outerHTML",
});
// A form that is refused comes back with what is wrong: that is shown as well.
document.addEventListener("htmx:beforeSwap", (event) => {
  if ([400, 409, 422].includes(event.detail.xhr.status)) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});
window.htmx = htmx;
