// A slider (data-mirrors="the id of a number's field") writes into its field; the field's number is what is sent.
// <details data-keep id="…"> stays as open as it was when the server sends it again. On a phone the panel of filters begins closed.
const kept = new Map();

document.addEventListener("htmx:beforeSwap", (event) => {
  kept.clear();
  for (const one of event.detail.target?.querySelectorAll?.("details[data-keep][id]") ?? []) kept.set(one.id, one.open);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [id, open] of kept) {
    const one = document.getElementById(id);
    if (one) one.open = open;
  }
});

function show() {
  for (const slider of document.querySelectorAll("[data-mirrors][hidden]")) slider.hidden = false;
}
document.addEventListener("htmx:afterSwap", show);
show();
document.addEventListener("input", (event) => {
  const slider = event.target.closest("[data-mirrors]");
  if (!slider) return;
  const [value, span] = [Number(slider.value), Number(slider.max) - Number(slider.min)];
  const digits = span > 20 ? 0 : span > 2 ? 1 : 2;
  document.getElementById(slider.dataset.mirrors).value = Number(value.toFixed(digits));
});

const panel = document.getElementById("catalog-filters");
if (panel && matchMedia("(width < 62rem)").matches) panel.open = false;
document.documentElement.dataset.folded = "true"; // until then the style has it closed, so that nothing moves
