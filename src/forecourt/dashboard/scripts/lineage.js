// A lineage that is wider than its frame begins with the version that it is of in sight.

document.querySelector("[data-scrolls-here]")?.scrollIntoView({ inline: "center", block: "nearest", behavior: "instant" });
