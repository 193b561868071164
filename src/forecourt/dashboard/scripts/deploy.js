// The form Deploy model: what the server says of a field is said of its control too, and exposing asks for tokens.

document.addEventListener("htmx:oobAfterSwap", (event) => {
  const help = event.detail.target;
  if (!help?.id?.endsWith("-help")) return;
  const control = document.getElementById(help.id.slice(0, -"-help".length));
  const wrong = Boolean(help.querySelector(".pf-m-error"));
  if (!control?.matches("input, select, textarea")) return;
  control.toggleAttribute("aria-invalid", false);
  if (wrong) control.setAttribute("aria-invalid", "true");
  control.closest(".pf-v6-c-form-control")?.classList.toggle("pf-m-error", wrong);
});

// A form that was refused shows the first field that is wrong.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt.id !== "deploy-form" || event.detail.xhr.status < 400) return;
  const first = [...document.querySelectorAll("#deploy-form [aria-invalid=true]")].find((one) => one.checkVisibility());
  first?.closest("details")?.setAttribute("open", "");
  (first ?? document.getElementById("form-said"))?.scrollIntoView({ block: "center" });
  first?.focus({ preventScroll: true });
});

// What is made available to others asks for tokens, unless one unticks that; a connection that gets a name is kept.
document.addEventListener("input", (event) => {
  const { target } = event;
  const asked = target.dataset?.asksFor;
  if (asked && (target.type === "checkbox" ? target.checked : target.value)) document.getElementById(asked).checked = true;
});
