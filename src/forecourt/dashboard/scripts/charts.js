// Charts that are asked for again keep the tables open that a person has opened.
const open = new Set();

function tables(element) {
  return [...element.querySelectorAll(".fc-chart-numbers")];
}

document.addEventListener("htmx:beforeSwap", (event) => {
  open.clear();
  tables(event.detail.target).forEach((table, at) => table.open && open.add(at));
});
document.addEventListener("htmx:afterSwap", (event) => {
  tables(document.getElementById(event.detail.target.id) ?? document).forEach((table, at) => (table.open = open.has(at)));
});
