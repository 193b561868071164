// Habits of forms and buttons that HTML has no word for.
import htmx from "htmx.org";

// data-copy="text" (or of the element that data-copy-from names) goes to the clipboard.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy],[data-copy-from]");
  if (!button) return;
  const from = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  await navigator.clipboard.writeText(button.dataset.copy ?? from?.value ?? from?.textContent ?? "");
  const said = document.getElementById("said");
  if (said) said.textContent = "Copied to the clipboard";
  button.classList.add("is-copied");
  setTimeout(() => button.classList.remove("is-copied"), 1500);
});

// data-opens="id" opens a <dialog>; data-closes closes the one that it is in.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  if (event.target.closest("[data-closes]")) event.target.closest("dialog")?.close();
});

// A <dialog data-open> that htmx has brought opens at once.
document.addEventListener("htmx:load", (event) => {
  const dialog = event.detail.elt.matches?.("dialog[data-open]") ? event.detail.elt : event.detail.elt.querySelector?.("dialog[data-open]");
  if (dialog && !dialog.open) dialog.showModal();
});

// A button that confirms by a name (data-confirms="name" on the text field) is enabled once that is typed.
document.addEventListener("input", (event) => {
  const field = event.target.closest("[data-confirms]");
  if (field) field.form.querySelector("[type=submit]").disabled = field.value !== field.dataset.confirms;
});

// data-shows="id" shows what is typed into a hidden field, and hides it again.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-shows]");
  const field = button && document.getElementById(button.dataset.shows);
  if (!field) return;
  const shown = field.type === "password";
  field.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
});

// A form that was sent is not sent again while the answer is awaited; back from the next page, it can be.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog" || form.hasAttribute("hx-post") || form.hasAttribute("hx-get")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "true";
  for (const button of form.querySelectorAll("[type=submit]")) button.setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[type=submit]")) button.removeAttribute("aria-disabled");
  }
});

// A form that is checked as one types has been told what is in a text field before one leaves it. Said once more as one
// presses a button (which leaves the field), the answer would put another button under the pointer, and lose the click.
document.addEventListener(
  "change",
  (event) => {
    const typed = event.target.matches("textarea, input:not([type=checkbox], [type=radio], [type=file])");
    if (typed && event.target.closest("[hx-trigger^='input delay']")) event.stopPropagation();
  },
  true,
);

// What an answer says as it was said before stays as it is: a button in it is not exchanged under the pointer, and nothing
// is read out twice. Fields are, since what was done in them is in no HTML.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  if (fragment.innerHTML === target.innerHTML && !fragment.querySelector("input, select, textarea, option")) event.detail.shouldSwap = false;
});

// A page that an answer sends elsewhere asks for nothing more: a second click, whose turn comes after the first one's
// answer, would load the next page twice.
let leaving = false;
document.addEventListener("htmx:beforeOnLoad", (event) => {
  leaving ||= event.detail.xhr.getResponseHeader("hx-redirect") !== null;
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (leaving) event.preventDefault();
});
addEventListener("pageshow", () => {
  leaving = false;
});

// Menus of <details data-menu> close when one clicks elsewhere or presses Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details[data-menu][open]") ?? document.querySelector("details[data-menu][open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
});

void htmx;
