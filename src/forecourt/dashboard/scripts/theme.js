// Before the first paint: light or dark, as the person chose, else as their system has it.
const system = matchMedia("(prefers-color-scheme: dark)");

function apply() {
  const chosen = localStorage.getItem("theme");
  const dark = chosen ? chosen === "dark" : system.matches;
  document.documentElement.classList.toggle("pf-v6-theme-dark", dark);
  return dark;
}

apply();
system.addEventListener("change", apply);
addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  localStorage.setItem("theme", document.documentElement.classList.contains("pf-v6-theme-dark") ? "light" : "dark");
  apply();
});
