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
const SETTLED_MS = 50; // after an answer, until what it brought listens

const resting = new Set(); // topics that were told of just now
const missed = new Map(); // topics that have changed since they were told of, and what of them
const onTheirWay = new Map(); // requests of which what they bring does not listen yet, with the topic they are made for
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

// Many changes that come at once are one: the first is told at once, those that follow it together a moment later. While
// a part of the page is on its way nothing is asked for: its answer takes the place of the element that would ask, which
// itself asks for nothing before htmx has settled it. What has changed meanwhile is asked for then.
function changed(topic, what) {
  if (resting.has(topic) || onTheirWay.size) {
    missed.set(topic, what);
    return;
  }
  resting.add(topic);
  htmx.trigger(document.body, topic, { what });
  setTimeout(() => {
    resting.delete(topic);
    catchUp();
  }, TOGETHER_MS);
}

function catchUp() {
  for (const [topic, what] of [...missed]) {
    if (onTheirWay.size) return;
    if (resting.has(topic)) continue;
    missed.delete(topic);
    changed(topic, what);
  }
}

// What a person asks for goes first: what was asked for because something changed is broken off, and asked for again.
document.addEventListener("htmx:beforeSend", ({ detail: { xhr, requestConfig } }) => {
  const topic = requestConfig.triggeringEvent?.type;
  const isLive = topics().includes(topic);
  if (!isLive) {
    for (const [other, its] of [...onTheirWay]) {
      if (!its || other.readyState === XMLHttpRequest.DONE) continue;
      missed.set(its, "");
      other.abort();
    }
  }
  onTheirWay.set(xhr, isLive ? topic : "");
  xhr.addEventListener("loadend", () => {
    setTimeout(() => {
      onTheirWay.delete(xhr);
      catchUp();
    }, SETTLED_MS);
  });
});

function refresh() {
  for (const topic of topics()) changed(topic, "");
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
      refresh(); // who has been signed out is sent to sign in
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
