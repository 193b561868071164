// One conversation: its messages on the page and in the tab's own memory, and the answer that is under way.
import { rendered } from "./markdown.js";
import { body, endpoint } from "./request.js";
import { Speed, ask } from "./stream.js";

const WAITING_MS = 1500; // without an answer, after which a person is told what is waited for
const DRAWN_MS = 60; // between two drawings of an answer that comes

export class Pane {
  constructor(element, { gateway, parameters, edit, changed }) {
    this.element = element;
    this.gateway = gateway;
    this.parameters = parameters;
    this.edit = edit;
    this.changed = changed;
    this.model = element.dataset.model;
    this.title = element.dataset.title;
    this.locked = element.dataset.protected === "true";
    this.list = element.querySelector("[data-messages]");
    this.speed = element.querySelector("[data-speed]");
    this.tokenField = element.querySelector("[data-token]");
    this.key = `playground ${element.dataset.id}`;
    this.messages = read(this.key);
    this.abort = null;
    if (this.tokenField) {
      this.tokenField.value = sessionStorage.getItem(`${this.key} token`) ?? "";
      this.tokenField.addEventListener("input", () => sessionStorage.setItem(`${this.key} token`, this.tokenField.value.trim()));
    }
    this.draw();
  }

  get busy() {
    return this.abort !== null;
  }

  set(messages) {
    this.stop();
    this.messages = messages;
    this.keep();
    this.draw();
  }

  keep() {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(this.messages));
    } catch {
      // The tab's memory is full: the conversation goes on, and a reload loses it.
    }
  }

  stop() {
    this.abort?.abort();
  }

  say(content) {
    this.messages.push({ role: "user", content });
    return this.answer();
  }

  again(at) {
    this.stop();
    this.messages.length = at;
    return this.answer();
  }

  async answer() {
    const said = { role: "assistant", content: "" };
    const asked = body(this.model, this.messages, this.parameters());
    const address = `${location.origin}${endpoint(this.parameters())}`;
    this.draw();
    this.messages.push(said);
    this.keep();
    const article = this.add(said, this.messages.length - 1);
    const text = article.querySelector("[data-text]");
    const actions = article.querySelector("[data-actions]");
    actions.hidden = true;
    const speed = new Speed();
    const abort = (this.abort = new AbortController());
    this.changed();
    this.speed.textContent = "Waiting for the first token…";
    const waiting = setTimeout(() => (this.speed.textContent = `Waiting for ${this.title} to be ready…`), WAITING_MS);
    let drawing = 0;
    const show = () => {
      drawing = 0;
      const below = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
      text.replaceChildren(...rendered(said.content));
      this.speed.textContent = speed.words;
      if (below) this.list.scrollTop = this.list.scrollHeight;
    };
    try {
      await ask(address, asked, {
        token: this.tokenField?.value.trim(),
        signal: abort.signal,
        speed,
        piece: (piece) => {
          clearTimeout(waiting);
          said.content += piece;
          drawing ||= setTimeout(show, DRAWN_MS);
        },
      });
      if (!said.content) said.note = "It answered with nothing.";
    } catch (error) {
      if (error.name === "AbortError") said.note = "Stopped.";
      else this.tell(error, said);
    } finally {
      clearTimeout(waiting);
      clearTimeout(drawing);
    }
    said.speed = speed.words;
    if (this.abort === abort) this.abort = null;
    if (!this.messages.includes(said)) return this.changed();
    this.keep();
    this.draw();
    this.speed.textContent = speed.words || "\u00a0";
    announce(said.problem ? said.problem.text : `${this.title}: ${said.content} ${said.note ?? ""}`);
    this.changed();
  }

  tell(error, said) {
    const asks = error.status === 401;
    said.problem = { text: error.message, link: ["model_stopped", "model_not_ready", "model_not_found", "upstream_failed"].includes(error.code) };
    if (asks) said.problem.text = this.tokenField?.value ? "This token opens nothing here. Check it, and send again." : `${this.title} asks for a token. Enter one below, and send again.`;
    else if (/chat.?template/i.test(error.message)) said.problem.text += " This model has no chat template: choose Completion as the mode.";
    if (asks) this.tokenField?.focus();
  }

  draw() {
    for (const child of [...this.list.children]) if (!child.matches("[data-hello]")) child.remove();
    this.list.querySelector("[data-hello]").hidden = this.messages.length > 0;
    this.messages.forEach((message, at) => this.add(message, at));
    this.list.scrollTop = this.list.scrollHeight;
  }

  add(message, at) {
    const article = document.getElementById("chat-message").content.cloneNode(true).firstElementChild;
    const mine = message.role === "user";
    article.classList.toggle("fc-message-mine", mine);
    article.querySelector("[data-who]").textContent = mine ? "You" : this.title;
    const text = article.querySelector("[data-text]");
    if (mine) {
      const lines = message.content.split("\n");
      text.append(...lines.flatMap((line, index) => (index ? [document.createElement("br"), line] : [line])));
    } else {
      text.append(...rendered(message.content));
    }
    if (message.problem) text.append(this.problem(message.problem));
    article.querySelector("[data-told]").textContent = [message.note, message.speed].filter(Boolean).join(" · ");
    article.querySelector("[data-do=edit]").hidden = !mine;
    article.querySelector("[data-do=again]").hidden = mine;
    article.querySelector("[data-do=copy]").dataset.copy = message.content;
    article.querySelector("[data-do=edit]").addEventListener("click", () => this.edit(this, at));
    article.querySelector("[data-do=again]").addEventListener("click", () => this.again(at));
    this.list.append(article);
    return article;
  }

  problem({ text, link }) {
    const node = document.getElementById("chat-problem").content.cloneNode(true);
    node.querySelector(".pf-v6-c-alert__title").lastChild.textContent = text;
    node.querySelector(".pf-v6-c-alert__description").remove();
    const group = node.querySelector(".pf-v6-c-alert__action-group");
    if (link) group.querySelector("a").href = this.element.dataset.href;
    else group.remove();
    return node;
  }
}

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "[]");
  } catch {
    return [];
  }
}

function announce(text) {
  document.getElementById("said").textContent = text;
}
