// The playground: one input for one or two conversations, their parameters, and the code that does the same.
import { code } from "./parts/chat/code.js";
import { Pane } from "./parts/chat/pane.js";
import { parameters } from "./parts/chat/request.js";

const KEPT = "playground parameters";

function begin(room) {
  const form = room.querySelector("[data-parameters]");
  const input = room.querySelector("[data-input]");
  const button = (name) => room.querySelector(`[data-${name}]`);
  let undone = null;
  restore(form);
  form.addEventListener("input", () => keep(form));
  form.addEventListener("submit", (event) => event.preventDefault());
  if (matchMedia("(width < 60rem)").matches) room.querySelector("[data-parameters-panel]").open = false;

  const changed = () => {
    const busy = panes.some((pane) => pane.busy);
    button("stop").hidden = !busy;
    button("send").disabled = busy;
  };
  // To edit a message is to have it back in the input, without it and what came after; with two, in both.
  const edit = (_, at) => {
    const before = panes.map((pane) => pane.messages.slice());
    input.value = _.messages[at].content;
    for (const pane of panes) pane.set(pane.messages.slice(0, at));
    offer(before);
    input.focus();
  };
  const offer = (before) => {
    undone = before;
    button("undo").hidden = false;
  };
  const gateway = room.dataset.gateway;
  const panes = [...room.querySelectorAll("[data-pane]")].map(
    (element) => new Pane(element, { gateway, parameters: () => parameters(form), edit, changed }),
  );

  room.querySelector("[data-ask]").addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const text = input.value.trim();
    if (!text || panes.some((pane) => pane.busy) || !form.reportValidity()) return;
    input.value = "";
    button("undo").hidden = true;
    for (const pane of panes) pane.say(text);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    input.form.requestSubmit();
  });
  button("stop").addEventListener("click", () => {
    for (const pane of panes) pane.stop();
    input.focus();
  });
  button("clear").addEventListener("click", () => {
    if (!panes.some((pane) => pane.messages.length)) return;
    offer(panes.map((pane) => pane.messages.slice()));
    for (const pane of panes) pane.set([]);
    document.getElementById("said").textContent = "The conversation is cleared. Undo brings it back.";
    button("undo").focus();
  });
  button("undo").addEventListener("click", () => {
    panes.forEach((pane, at) => pane.set(undone[at]));
    button("undo").hidden = true;
    input.focus();
  });

  const dialog = document.getElementById("view-code");
  let language = "curl";
  const show = () => {
    const texts = panes.map((pane) => {
      const said = pane.messages.filter((message) => message.content);
      const typed = input.value.trim();
      const messages = typed ? [...said, { role: "user", content: typed }] : said.at(-1)?.role === "assistant" ? said.slice(0, -1) : said;
      const asked = messages.length ? messages : [{ role: "user", content: "Hello" }];
      return code(language, { gateway, model: pane.model, locked: pane.locked, messages: asked, parameters: parameters(form) });
    });
    document.getElementById("shown-code").textContent = texts.join("\n\n");
    for (const one of dialog.querySelectorAll("[data-language]")) one.setAttribute("aria-pressed", one.dataset.language === language);
  };
  button("view-code").addEventListener("click", () => {
    show();
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-language]");
    if (chosen) {
      language = chosen.dataset.language;
      show();
    }
  });
  room.hidden = false;
  changed();
}

function keep(form) {
  const said = Object.fromEntries([...form.elements].filter((field) => field.name).map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value]));
  sessionStorage.setItem(KEPT, JSON.stringify(said));
}

function restore(form) {
  try {
    for (const [name, value] of Object.entries(JSON.parse(sessionStorage.getItem(KEPT) ?? "{}"))) {
      const field = form.elements[name];
      if (field?.type === "checkbox") field.checked = value;
      else if (field) field.value = value;
    }
  } catch {
    sessionStorage.removeItem(KEPT);
  }
}

// The choosers find deployments as one types.
document.addEventListener("input", (event) => {
  const field = event.target.closest("[data-finds]");
  if (!field) return;
  const said = field.value.trim().toLowerCase();
  for (const item of field.closest("details").querySelectorAll("[data-text]")) item.hidden = !item.dataset.text.includes(said);
});

const room = document.getElementById("playground");
if (room) begin(room);
