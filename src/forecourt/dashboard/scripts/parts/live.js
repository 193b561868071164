// Hears what changes on the server, and has the parts of the page that show it asked for again.
//
// <body data-live="deployments jobs" data-since="…"> listens to those topics; an element with
// hx-trigger="deployments from:body" is asked for again when one changes. A page that nobody looks at does not listen
// (a browser allows six connections to a server), and asks for everything when it is looked at again. Where the server
// has gone, the page says so, and goes on when it is back.
import htmx from "htmx.org";

const GIVEN_UP_MS = 4000; // without a connection, after which a person is told
const HIDDEN_MS = 5000;

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
    source.addEventListener(topic, (event) => htmx.trigger(document.body, topic, { what: event.data }));
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
