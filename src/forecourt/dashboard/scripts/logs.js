// The log of a deployment as it comes: <pre data-log="address"> is read as a stream and kept to its last lines.
// It can be paused (what comes meanwhile is shown afterwards), and goes on by itself when the server is back.
const MOST_LINES = 5000;
const AGAIN_MS = 2000;
const HIDDEN_MS = 5000;

const log = document.querySelector("[data-log]");
const form = document.querySelector("[data-log-form]");
const pause = document.querySelector("[data-log-pause]");
const wrap = document.querySelector("[data-log-wrap]");
const state = document.querySelector("[data-log-state]");

let waiting = []; // lines that are not shown yet
let rest = ""; // the line that is not whole yet
let paused = false;
let drawing = false;
let reading = null;
let again = 0;
let hiding = 0;

function say(text) {
  if (state.textContent !== text) state.textContent = text;
}

function draw() {
  drawing = false;
  if (paused || !waiting.length) return;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const lines = waiting.splice(0).map((line) => document.createTextNode(`${line}\n`));
  log.append(...lines);
  for (let extra = log.childNodes.length - MOST_LINES; extra > 0; extra -= 1) log.firstChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function take(text) {
  const lines = (rest + text).split("\n");
  rest = lines.pop();
  waiting.push(...lines);
  if (waiting.length > MOST_LINES) waiting.splice(0, waiting.length - MOST_LINES);
  if (paused) say(`Paused: ${waiting.length}${waiting.length === MOST_LINES ? " or more" : ""} new lines`);
  if (!drawing) {
    drawing = true;
    requestAnimationFrame(draw);
  }
}

async function read() {
  const mine = new AbortController();
  reading?.abort();
  reading = mine;
  clearTimeout(again);
  const query = new URLSearchParams({ follow: "true" });
  if (form.elements.replica.value) query.set("replica", form.elements.replica.value);
  try {
    const answer = await fetch(`${log.dataset.log}?${query}`, { signal: mine.signal, headers: { accept: "text/plain" } });
    if (answer.status === 404) {
      say("The deployment is no more");
      return;
    }
    if (answer.status === 401) {
      location.reload(); // who has been signed out is sent to sign in
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    rest = "";
    waiting = [];
    log.replaceChildren();
    if (!paused) say("Following");
    const decoder = new TextDecoder();
    for await (const piece of pieces(answer.body)) take(decoder.decode(piece, { stream: true }));
  } catch (error) {
    if (mine.signal.aborted) return;
  }
  if (mine.signal.aborted) return;
  say("The stream ended; trying again");
  again = setTimeout(read, AGAIN_MS);
}

async function* pieces(body) {
  const reader = body.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) yield value;
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  say(paused ? "Paused" : "Following");
  if (!paused) {
    draw();
    log.scrollTop = log.scrollHeight;
  }
});
wrap.addEventListener("click", () => {
  wrap.setAttribute("aria-pressed", String(log.classList.toggle("is-wrapped")));
});
form.elements.replica.addEventListener("change", () => {
  const query = form.elements.replica.value ? `?replica=${form.elements.replica.value}` : location.pathname;
  history.replaceState(null, "", query);
  document.querySelector("[data-log-download]").href = `${log.dataset.log}?download${form.elements.replica.value ? `&replica=${form.elements.replica.value}` : ""}`;
  read();
});
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(() => { reading?.abort(); reading = null; }, HIDDEN_MS);
  } else if (!reading) read();
});
addEventListener("pagehide", () => { reading?.abort(); reading = null; });
addEventListener("pageshow", (event) => { if (event.persisted) read(); });

for (const button of [pause, wrap]) button.hidden = false;
log.scrollTop = log.scrollHeight;
read();
