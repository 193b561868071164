"""A serving runtime that needs no model: it answers each word of the last message, in capitals, one a piece.

``--fail`` has it print why it cannot go on and end; ``--never-ready`` has it never pass its readiness probe.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        ready = not options.never_ready
        self.respond(200 if ready else 503, {"ready": ready})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        messages = body["messages"]
        print("asked", len(messages), flush=True)
        text = messages[-1]["content"].upper()
        if messages[0]["role"] == "system":
            text += f" ({messages[0]['content']})"
        if body.get("temperature") == 0:
            text += f" coldly, after {len(messages) - 1}"
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            self.respond(200, {"model": body["model"], "choices": [choice]})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        words = text.split(" ")
        for number, word in enumerate(words):
            self.event({"choices": [{"index": 0, "delta": {"content": word if number == 0 else f" {word}"}}]})
            time.sleep(options.pause)
        self.event({"choices": [], "usage": {"completion_tokens": len(words), "prompt_tokens": 1}})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def event(self, document: object) -> None:
        self.wfile.write(b"data: " + json.dumps(document).encode() + b"\n\n")
        self.wfile.flush()

    def respond(self, status: int, document: object) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of who hung up: what is printed here is the log that the tests read."""
        if not isinstance(sys.exception(), ConnectionError):
            raise


parser = argparse.ArgumentParser()
parser.add_argument("--host", required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--model", required=True)
parser.add_argument("--fail", action="store_true")
parser.add_argument("--never-ready", action="store_true")
parser.add_argument("--pause", type=float, default=0.0)
options = parser.parse_args()

if options.fail:
    print("reading the model\nthe tensors are upside down", file=sys.stderr, flush=True)
    sys.exit(3)
print("answering", options.model, flush=True)
Server((options.host, options.port), Handler).serve_forever()
