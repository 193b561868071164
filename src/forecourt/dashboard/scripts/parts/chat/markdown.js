// A small, safe part of Markdown as nodes of the page: paragraphs, code, lists, headings as bold text, bold, italics.
// Nothing is ever read as HTML: all text becomes text nodes.

const INLINE = /(`+)(.+?)\1|\*\*(.+?)\*\*|\*(?!\s)([^*\n]+?)\*/gs;

function inline(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    nodes.push(text.slice(from, found.index));
    from = found.index + found[0].length;
    const node = document.createElement(found[1] ? "code" : found[3] ? "strong" : "em");
    node.append(found[2] ?? found[3] ?? found[4]);
    nodes.push(node);
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}

function paragraph(lines) {
  const node = document.createElement("p");
  lines.forEach((line, at) => {
    if (at) node.append(document.createElement("br"));
    node.append(...inline(line));
  });
  return node;
}

function code(lines) {
  const node = document.createElement("pre");
  node.className = "fc-code";
  node.tabIndex = 0;
  const text = document.createElement("code");
  text.textContent = lines.join("\n");
  const button = document.createElement("button");
  button.className = "pf-v6-c-button pf-m-link pf-m-small fc-code-copy";
  button.type = "button";
  button.textContent = "Copy";
  button.dataset.copy = text.textContent;
  node.append(button, text);
  return node;
}

export function rendered(text) {
  const nodes = [];
  let lines = [];
  let list = null;
  const close = () => {
    if (lines.length) nodes.push(paragraph(lines));
    lines = [];
  };
  const all = text.split("\n");
  for (let at = 0; at < all.length; at += 1) {
    const line = all[at];
    const fence = /^\s*(```+|~~~+)/.exec(line);
    const item = /^\s*(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/.exec(line);
    const heading = /^#{1,6}\s+(.*)$/.exec(line);
    if (!item && line.trim()) list = null;
    if (fence) {
      close();
      const inside = [];
      while (++at < all.length && !all[at].trim().startsWith(fence[1])) inside.push(all[at]);
      nodes.push(code(inside));
    } else if (item) {
      close();
      const kind = item[1] ? "UL" : "OL";
      if (list?.tagName !== kind) {
        list = document.createElement(kind);
        if (kind === "OL") list.start = Number(item[2]);
        nodes.push(list);
      }
      const entry = document.createElement("li");
      entry.append(...inline(item[3]));
      list.append(entry);
    } else if (heading) {
      close();
      const strong = document.createElement("strong");
      strong.append(...inline(heading[1]));
      const node = document.createElement("p");
      node.append(strong);
      nodes.push(node);
    } else if (line.trim()) {
      lines.push(line);
    } else {
      close();
    }
  }
  close();
  return nodes;
}
