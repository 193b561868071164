// What a person has opened stays open when htmx brings the part of the page that it is in anew: <details id>, and
// popovers with data-keeps.
const OPEN = "details[open][id], [popover][data-keeps]:popover-open";

let opened = [];

document.addEventListener("htmx:beforeSwap", (event) => {
  opened = [...event.detail.target.querySelectorAll(OPEN)].map((each) => each.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened.splice(0)) {
    const element = document.getElementById(id);
    if (element?.matches("details")) element.open = true;
    else if (element && !element.matches(":popover-open")) element.showPopover({ source: document.querySelector(`[popovertarget="${CSS.escape(id)}"]`) });
  }
});
