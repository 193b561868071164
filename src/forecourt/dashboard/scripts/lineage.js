// A lineage that is wider than its frame begins with the version that it is of in sight, and stays where one has
// scrolled it when it comes anew.

const frame = () => document.querySelector(".fc-lineage");
let left = 0;

document.querySelector("[data-scrolls-here]")?.scrollIntoView({ inline: "center", block: "nearest", behavior: "instant" });
document.addEventListener("htmx:beforeSwap", () => { left = frame()?.scrollLeft ?? 0; });
document.addEventListener("htmx:afterSwap", () => frame()?.scrollTo({ left, behavior: "instant" }));
