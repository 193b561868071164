// What a person has opened stays open when htmx brings the part of the page that it is in anew: <details id>, and
// popovers with data-keeps; and a wide table stays where they have scrolled it to.
import htmx from "htmx.org";

const OPEN = "details[open][id], [popover][data-keeps]:popover-open";

let opened = [];
let scrolled = 0;

const place = (target) => target.closest(".fc-scroll") ?? target.querySelector(".fc-scroll");

document.addEventListener("htmx:beforeSwap", (event) => {
  scrolled = place(event.detail.target)?.scrollLeft ?? 0;
  opened = [...event.detail.target.querySelectorAll(OPEN)].map((each) => each.id);
});
document.addEventListener("htmx:afterSwap", (event) => {
  const there = scrolled ? place(event.detail.target) : null;
  if (there) there.scrollLeft = scrolled; // before a popover is placed by what has been scrolled
  for (const id of opened.splice(0)) {
    const element = document.getElementById(id);
    if (element?.matches("details")) element.open = true;
    else if (element && !element.matches(":popover-open")) element.showPopover({ source: document.querySelector(`[popovertarget="${CSS.escape(id)}"]`) });
  }
});

// What is typed while a form is on its way stays as well, in the same field of the form that comes back. `sent` has what
// the fields were like when a request went out.
const CONTROLS = "input[id]:not([type=hidden], [type=file]), textarea[id], select[id]";
const sent = new WeakMap();

const stateOf = (control) => (control.matches("[type=checkbox], [type=radio]") ? control.checked : control.value);
const setState = (control, state) => (typeof state === "boolean" ? (control.checked = state) : (control.value = state));

let typed = [];

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  const controls = [...detail.target.querySelectorAll(CONTROLS)];
  sent.set(detail.xhr, new Map(controls.map((each) => [each.id, stateOf(each)])));
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const asked = sent.get(detail.xhr);
  typed = [...detail.target.querySelectorAll(CONTROLS)]
    .filter((each) => asked?.has(each.id) && asked.get(each.id) !== stateOf(each))
    .map((each) => [each.id, asked.get(each.id), stateOf(each)]);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [id, before, now] of typed.splice(0)) {
    const control = document.getElementById(id);
    if (control?.matches(CONTROLS) && stateOf(control) === before) setState(control, now); // else it is another field now
  }
});
// What a form was asked to say of what was typed so far is of no use once another form has come in its place.
document.addEventListener("htmx:beforeCleanupElement", ({ target }) => {
  if (target.matches?.("span[hidden][hx-swap=none]")) htmx.trigger(target, "htmx:abort");
});
