// Asks the gateway, and gives the answer piece by piece, with how fast it comes.

export class Problem extends Error {
  constructor(message, { code = "", status = 0 } = {}) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export class Speed {
  constructor() {
    this.started = performance.now();
    this.first = 0;
    this.last = 0;
    this.tokens = 0;
    this.exact = false;
  }

  piece() {
    this.last = performance.now();
    this.first ||= this.last;
    this.tokens += 1;
  }

  count(usage) {
    if (!usage?.completion_tokens) return;
    this.tokens = usage.completion_tokens;
    this.exact = true;
  }

  get words() {
    if (!this.first) return "";
    const seconds = (this.last - this.first) / 1000;
    const told = [`first token after ${Math.round(this.first - this.started)} ms`];
    if (seconds > 0 && this.tokens > 1) told.push(`${((this.tokens - 1) / seconds).toFixed(1)} tokens/s`);
    told.push(`${this.exact ? "" : "about "}${this.tokens} tokens`);
    return told.join(" · ");
  }
}

// Calls `piece(text)` as text comes; returns the speed. Throws Problem, or AbortError where it is stopped.
export async function ask(address, body, { token, signal, speed, piece }) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(address, { method: "POST", headers, body: JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server does not answer. Is it running?", { code: "unreachable" });
  }
  if (!response.ok) throw await refusal(response);
  if (!(response.headers.get("content-type") ?? "").includes("text/event-stream")) {
    const answer = await response.json();
    speed.piece();
    piece(textOf(answer));
    speed.count(answer.usage);
    return;
  }
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") break;
      const event = JSON.parse(data);
      if (event.error) throw new Problem(event.error.message ?? "The answer broke off.", { code: event.error.code });
      const text = textOf(event);
      if (text) {
        speed.piece();
        piece(text);
      }
      speed.count(event.usage);
    }
  } catch (error) {
    if (error.name === "AbortError" || error instanceof Problem) throw error;
    throw new Problem("The answer broke off: what came so far is not all of it.", { code: "broken" });
  }
}

function textOf(answer) {
  const choice = answer.choices?.[0];
  return choice?.delta?.content ?? choice?.message?.content ?? choice?.text ?? "";
}

async function refusal(response) {
  try {
    const said = await response.json();
    const error = said.error ?? said;
    return new Problem(error.message ?? String(error), { code: error.code ?? "", status: response.status });
  } catch {
    return new Problem(`The server answered ${response.status}.`, { status: response.status });
  }
}

async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data:")) yield line.slice(5).trim();
  }
}
