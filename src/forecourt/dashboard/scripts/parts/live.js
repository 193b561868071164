// Hears what changes on the server, and has the parts of the page that show it asked for again.
//
// <body data-live="deployments jobs" data-since="…"> listens to those topics; an element with
// hx-trigger="deployments from:body" is asked for again when one changes. A page that nobody looks at does not listen
// (a browser allows six connections to a server), and asks for everything when it is looked at again. Where the server
// has gone, the page says so, and goes on when it is back.
import htmx from "htmx.org";

const GIVEN_UP_MS = 4000; // without a connection, after which a person is told
const HIDDEN_MS = 5000;
const TOGETHER_MS = 400;

const resting = new Map(); // topics that were told of just now; the last that has changed since, if anything has
let source = null;
let telling = 0;
let hiding = 0;
let lost = false;

function topics() {
  return (document.body.dataset.live ?? "").split(" ").filter(Boolean);
}

function say(gone) {
  lost = gone;
  document.getElementById("server-gone")?.toggleAttribute("hidden", !gone);
}

// Many changes that come at once are one: the first is told at once, those that follow it together a moment later.
function changed(topic, what) {
  if (resting.has(topic)) {
    resting.set(topic, what);
    return;
  }
  resting.set(topic, null);
  htmx.trigger(document.body, topic, { what });
  setTimeout(() => {
    const missed = resting.get(topic);
    resting.delete(topic);
    if (missed !== null) changed(topic, missed);
  }, TOGETHER_MS);
}

function refresh() {
  for (const topic of topics()) htmx.trigger(document.body, topic, {});
}

function listen() {
  if (source || !topics().length) return;
  const query = new URLSearchParams(topics().map((topic) => ["on", topic]));
  query.set("since", document.body.dataset.since ?? "");
  source = new EventSource(`/events?${query}`);
  source.onopen = () => {
    clearTimeout(telling);
    telling = 0;
    if (lost) refresh();
    say(false);
  };
  source.onerror = () => {
    telling ||= setTimeout(() => say(true), GIVEN_UP_MS);
    if (source?.readyState === EventSource.CLOSED) {
      close();
      setTimeout(listen, 1500); // the browser itself gives up where it was refused
    }
  };
  for (const topic of topics()) {
    source.addEventListener(topic, (event) => changed(topic, event.data));
  }
}

function close() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(close, HIDDEN_MS);
  } else if (!source) {
    listen();
    refresh();
  }
});
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => {
  if (event.persisted) refresh();
  listen();
});
