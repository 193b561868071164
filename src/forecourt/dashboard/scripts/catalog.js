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

const panel = document.getElementById("catalog-filters");
if (panel && matchMedia("(width < 62rem)").matches) panel.open = false;
