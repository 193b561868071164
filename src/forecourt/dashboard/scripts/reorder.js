// Rows that are dragged to another place by their grip; the buttons beside it do the same by keyboard and without scripts.
let dragged = null;

function rowsOf(row) {
  return [...row.parentElement.querySelectorAll("tr[data-row]")];
}

document.addEventListener("dragstart", (event) => {
  const row = event.target.closest?.(".fc-grip")?.closest("tr[data-row]");
  if (!row) return;
  dragged = row;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", row.dataset.row);
  event.dataTransfer.setDragImage(row, 20, 20);
  row.classList.add("is-dragged");
});

document.addEventListener("dragover", (event) => {
  const over = dragged && event.target.closest?.("tr[data-row]");
  if (!over || over.parentElement !== dragged.parentElement) return;
  event.preventDefault();
  if (over === dragged) return;
  const box = over.getBoundingClientRect();
  over.parentElement.insertBefore(dragged, event.clientY < box.top + box.height / 2 ? over : over.nextElementSibling);
});

document.addEventListener("drop", (event) => {
  if (!dragged) return;
  event.preventDefault();
  const rows = rowsOf(dragged);
  const after = rows[rows.indexOf(dragged) + 1];
  const table = dragged.closest("[data-reorders]");
  if (!table) return;
  const values = { name: dragged.dataset.row, before: after?.dataset.row ?? "" };
  const source = dragged.querySelector("form"); // whose hx-sync goes before a refresh that is under way
  window.htmx.ajax("POST", table.dataset.reorders, { source, target: table.dataset.target, swap: "outerHTML", values });
});

document.addEventListener("dragend", () => {
  dragged?.classList.remove("is-dragged");
  dragged = null;
});
