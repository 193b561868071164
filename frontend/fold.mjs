// Folds custom properties that can only have one value into the rules that use them.
//
// PatternFly gives each component hundreds of custom properties, so that a theme may change any of them; a browser works
// each of them out for each button of a page. Where nothing in the whole stylesheet sets a property a second time, its
// value can stand in its place:
//
// - one that is set on `:root` stands for its value everywhere;
// - one that is set on a component's class, where a rule is for an element that has the class itself;
// - one of a component whose value leads to `:root` alone, in the rules for the component's parts (`.name__part`) as well.
//
// What has a fallback where it is used stays, and so does what a template or a script names: it may set it.

import postcss from "postcss";
import parser from "postcss-selector-parser";

const ROOT = /^:root(?::where\(\.pf-v6-theme-dark\))?$/;
const USE = /var\(\s*(--[\w-]+)\s*(,?)/g;
const CLASS = /^\.[\w-]+$/;
const NO_VALUE = /^\s*(?:|initial|inherit|unset|revert|revert-layer)\s*$/; // these would mean something else where they are used

// Returns the stylesheet with the custom properties that are `named` and all that cannot be folded left as they are.
export function folded(text, named = []) {
  const root = postcss.parse(text);
  const kept = new Set(named);
  const { declared, used } = read(root);
  root.walkAtRules("property", ({ params }) => kept.add(params.trim())); // what has a type and a first value of its own
  const single = [...declared].filter(([name, found]) => found.length === 1 && !kept.has(name));
  const closed = new Map();
  // Whether a value is the same wherever it stands: it leads to `:root` alone.
  function isClosed(value) {
    return [...value.matchAll(USE)].every(([, name]) => {
      if (!closed.has(name)) {
        closed.set(name, false); // what leads to itself is not
        closed.set(name, !kept.has(name) && (declared.get(name) ?? []).every(({ parent, value: its }) => ROOT.test(parent.selector) && isClosed(its)));
      }
      return closed.get(name);
    });
  }
  for (const [name, [one]] of single) {
    const users = used.get(name) ?? new Set();
    if (one.important || NO_VALUE.test(one.value) || one.parent.parent.type !== "root") continue;
    if (![...users].every((user) => stands(user, name, one))) continue;
    for (const user of users) {
      user.value = user.value.replaceAll(new RegExp(`var\\(\\s*${name}\\s*\\)`, "g"), () => one.value.trim());
      for (const [, inner] of one.value.matchAll(USE)) used.get(inner)?.add(user);
    }
    for (const [, inner] of one.value.matchAll(USE)) used.get(inner)?.delete(one);
    const rule = one.parent;
    one.remove();
    if (!rule.nodes.length) rule.remove();
  }
  return root.toString();

  function stands(user, name, { value, parent }) {
    if ([...user.value.matchAll(USE)].some(([, found, fallback]) => found === name && fallback)) return false;
    if (parent.selector === ":root") return isClosed(value);
    if (!CLASS.test(parent.selector) || user.parent.type !== "rule") return false;
    const closedValue = isClosed(value);
    return subjects(user.parent).every(
      ({ classes, pseudo }) =>
        (classes.includes(parent.selector) && (!pseudo || closedValue)) ||
        (closedValue && classes.some((each) => each.startsWith(`${parent.selector}__`))),
    );
  }
}

function read(root) {
  const declared = new Map();
  const used = new Map();
  root.walkDecls((one) => {
    if (one.prop.startsWith("--")) declared.set(one.prop, [...(declared.get(one.prop) ?? []), one]);
    for (const [, name] of one.value.matchAll(USE)) used.set(name, (used.get(name) ?? new Set()).add(one));
  });
  return { declared, used };
}

const known = new Map();

// Returns for each selector of a rule the classes of the element that it is for, and whether it is for a piece of it.
function subjects({ selector }) {
  if (!known.has(selector)) {
    const found = [];
    parser((list) =>
      list.each(({ nodes }) => {
        const last = nodes.slice(nodes.findLastIndex(({ type }) => type === "combinator") + 1);
        found.push({
          classes: last.filter(({ type }) => type === "class").map(({ value }) => `.${value}`),
          pseudo: last.some((each) => parser.isPseudoElement(each)),
        });
      }),
    ).processSync(selector);
    known.set(selector, found);
  }
  return known.get(selector);
}
