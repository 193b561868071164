"""A serving runtime small enough to start at once: it answers /health, and says who it is to everything else."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--host")
parser.add_argument("--port", type=int)
parser.add_argument("--model", type=Path)
parser.add_argument("--say", default="hello")
parser.add_argument("--exit", type=int, help="end at once, with this code")
parser.add_argument("--never-ready", action="store_true")
parser.add_argument("--stubborn", action="store_true", help="ignore SIGTERM")
parser.add_argument("--also-everywhere", action="store_true", help="listen on a second port, of every address")
parser.add_argument("--fail-while", type=Path, help="end with code 3 as long as this file exists")
parser.add_argument("--eat", type=int, default=0, metavar="MIB", help="use so much memory")
options = parser.parse_args()

print("the tiny runtime begins", flush=True)
if options.stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if options.exit is not None:
    print("cannot load the model: it is a teapot", file=sys.stderr, flush=True)
    sys.exit(options.exit)
if options.fail_while and options.fail_while.exists():
    sys.exit(3)
eaten = b"x" * (options.eat * 1024 * 1024)
if options.also_everywhere:
    second = socket.create_server(("", 0))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/slow"):
            time.sleep(1)
        answer = {"say": options.say, "pid": os.getpid(), "model": sorted(p.name for p in options.model.iterdir())}
        body = json.dumps(answer).encode()
        self.send_response(503 if options.never_ready else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer((options.host, options.port), Handler).serve_forever()
