// The editor of templates/macros/editor.html: line numbers, marks at the lines that are wrong, Tab that makes spaces
// (Escape, then Tab, leaves: no keyboard is kept in), and a way from what is wrong to where it is.
const INDENT = "  ";

function lines(area) {
  return area.value.split("\n").length;
}

function findingsOf(area) {
  return [...document.querySelectorAll(`[data-findings="${CSS.escape(area.name)}"] li[data-line]`)];
}

function draw(area) {
  const gutter = area.parentElement.querySelector(".fc-editor-lines");
  const wrong = new Map();
  for (const one of findingsOf(area)) {
    if (wrong.get(one.dataset.line) !== "error") wrong.set(one.dataset.line, one.dataset.severity);
  }
  const rows = [];
  for (let number = 1; number <= lines(area); number += 1) {
    const row = document.createElement("span");
    const severity = wrong.get(String(number));
    row.className = severity === "error" ? "fc-editor-line is-wrong" : severity ? "fc-editor-line is-doubtful" : "fc-editor-line";
    row.textContent = (severity === "error" ? "✕ " : severity ? "! " : "") + number;
    rows.push(row);
  }
  gutter.replaceChildren(...rows);
  gutter.scrollTop = area.scrollTop;
}

function goTo(area, line, column) {
  const before = area.value.split("\n").slice(0, line - 1);
  const start = before.reduce((sum, each) => sum + each.length + 1, 0);
  const length = (area.value.split("\n")[line - 1] ?? "").length;
  area.focus();
  area.setSelectionRange(start + Math.min(column - 1, length), start + length);
  const height = area.scrollHeight / Math.max(1, lines(area));
  area.scrollTop = Math.max(0, (line - 4) * height);
}

function begin(editor) {
  const area = editor.querySelector("textarea");
  if (!area || editor.dataset.begun) return;
  editor.dataset.begun = "true";
  let leaving = false;
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      leaving = true;
    } else if (event.key === "Tab" && !leaving && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      indent(area, event.shiftKey);
    } else if (event.key !== "Shift") {
      leaving = false;
    }
  });
  area.addEventListener("blur", () => { leaving = false; });
  area.addEventListener("input", () => draw(area));
  area.addEventListener("scroll", () => { area.parentElement.querySelector(".fc-editor-lines").scrollTop = area.scrollTop; });
  draw(area);
}

// The lines of the selection, one step in or out; undo knows of it, since the browser itself writes.
function indent(area, out) {
  const start = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
  if (!out && area.selectionStart === area.selectionEnd) {
    document.execCommand("insertText", false, INDENT);
    return;
  }
  const text = area.value.slice(start, area.selectionEnd);
  const changed = text.split("\n").map((line) => (out ? line.replace(/^ {1,2}/, "") : INDENT + line)).join("\n");
  if (changed === text) return;
  area.setSelectionRange(start, area.selectionEnd);
  document.execCommand("insertText", false, changed);
  area.setSelectionRange(start, start + changed.length);
}

addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-editor]").forEach(begin));
document.addEventListener("htmx:afterSettle", () => {
  for (const editor of document.querySelectorAll("[data-editor]")) {
    begin(editor);
    draw(editor.querySelector("textarea"));
  }
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-goes-to]");
  const area = button && document.getElementById(button.dataset.goesTo);
  if (area) goTo(area, Number(button.dataset.line), Number(button.dataset.column));
});

// data-fills="id" on a file field: what is chosen goes into a text field, where it can be seen before it is sent.
document.addEventListener("change", async (event) => {
  const field = event.target.closest("[data-fills]");
  const area = field && document.getElementById(field.dataset.fills);
  const file = field?.files[0];
  if (!area || !file || file.size > Number(field.dataset.most ?? 1048576)) return;
  area.value = await file.text();
  field.value = "";
  area.dispatchEvent(new Event("input", { bubbles: true }));
  draw(area);
});
