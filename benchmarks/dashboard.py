"""The dashboard among many models, in Debian's Chromium: bytes, time, Lighthouse's scores, open pages.

    python benchmarks/dashboard.py [--quick] [--only bytes time paint lighthouse streams] [--rounds N]

A server of its own has 10,000 models in its catalog (made up from real ones, as benchmarks/catalog.py says), 1,000
registered models with two versions each and 200 deployments, which are stopped.

- *bytes*: what comes over the wire (Chromium's own count, with headers) for a first visit, with nothing kept, and for
  each later page, with what is kept. Beside it GPUStack's dashboard, as its wheel on PyPI carries it, served by the
  module that serves it there, up to the page that asks who one is: before any data;
- *time*: one client asks for a page again and again over one connection, without and then with what a browser accepts
  compressed: the server's time, the kernel's loopback with it;
- *paint*: the first contentful paint, unthrottled, of a first visit and of a later one, by Chromium without a window
  (``chromium-headless-shell``, what Playwright takes by itself); and of a first visit by Chromium with its window,
  whose own parts share the processors with the page's: as the first page of a new window, and in one that has shown
  another page before. The goal is asked of each;
- *lighthouse*: its scores of performance and accessibility (from npm, kept below ``FORECOURT_BENCH_CACHE``), as it
  measures desktops and as it measures phones (a slow processor, a slow network);
- *streams*: so many open pages that listen, each with a connection: the server's memory, and how long a change takes to
  reach all of them; of a server with the catalog that ships (which the goal is about), and of the one above.

Goals: a first visit under 250 KB, a later page under 40 KB, 50 ms of the server's time, first contentful paint under
300 ms, Lighthouse at least 95, 500 open streams under 200 MB. A goal that is missed is told and does not end the run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from catalog import fill, in_sight
from dashboard_browser import (
    CHROMIUM,
    SHELL,
    Goal,
    chromium,
    gpustack,
    measured_bytes,
    measured_lighthouse,
    measured_paint,
)
from load import Load, Outcome, measure, repeated
from registry_servers import Server, forecourt_up, say
from running import a_directory

TIME_MS, STREAMS, STREAMS_MB = 50, 500, 200
SECTIONS = ("bytes", "time", "paint", "lighthouse", "streams")
EMPTY_HANDED = (
    *("/projects", "/projects/default", "/projects/default/models", "/projects/default/deploy", "/catalog"),
    *("/catalog?performance=true", "/registry", "/registry/register", "/deployments", "/playground", "/jobs"),
    *("/settings/runtimes", "/settings/hardware-profiles", "/settings/storage"),
)
SCORED = ("projects", "catalog", "a model of the catalog", "its performance", "registry", "a version", "deploy model")


# What there is to be seen


def filled(server: Server, models: int, deployments: int) -> dict[str, str]:
    """Register models and deploy; return the pages that are measured."""
    base = f"http://127.0.0.1:{server.port}"
    with httpx.Client(base_url=base, timeout=60) as client:
        for number in range(models):
            for version in ("v1", "v2"):
                body = {
                    "registeredModel": {
                        "name": f"model-{number:04}",
                        "owner": f"owner-{number % 20}",
                        "description": "Made up",
                    },
                    "modelVersion": {"name": version, "customProperties": {"accuracy": double(number / models)}},
                    "modelArtifact": {"uri": f"s3://models/{number}/{version}", "modelFormatName": "gguf"},
                    "aliases": ["champion"] if version == "v1" else [],
                }
                client.post("/api/forecourt/v1/registry/register", json=body).raise_for_status()
        services = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
        for number in range(deployments):
            client.post(services, json=stopped(f"deployment-{number:03}")).raise_for_status()
        found = client.get("/catalog?q=w4a16&format=json").json()
        model = found["models"][0]["href"] if found.get("models") else "/catalog"
        registered = client.get("/registry?format=json").json()["models"][0]
    return {
        "projects": "/projects",
        "a project": "/projects/default",
        "its models": "/projects/default/models",
        "catalog": "/catalog",
        "catalog, searched": "/catalog?q=granite&sort=recovery",
        "catalog, performance view": "/catalog?performance=true",
        "a model of the catalog": model,
        "its performance": f"{model}?tab=performance",
        "its accuracy": f"{model}?tab=accuracy",
        "registry": "/registry",
        "registry, searched": "/registry?q=model-09",
        "a registered model": registered["href"],
        "its versions": f"{registered['href']}/versions",
        "a version": registered["latest"]["href"],
        "its lineage": f"{registered['latest']['href']}/lineage",
        "register model": "/registry/register",
        f"{deployments} deployments": "/deployments",
        "a deployment": "/deployments/default/deployment-000",
        "deploy model": "/projects/default/deploy",
        "playground": "/playground",
        "jobs": "/jobs",
        "serving runtimes": "/settings/runtimes",
        "storage": "/settings/storage",
    }


def double(value: float) -> dict[str, Any]:
    return {"metadataType": "MetadataDoubleValue", "double_value": value}


def stopped(name: str) -> dict[str, Any]:
    spec = {"modelFormat": {"name": "gguf"}, "storageUri": "s3://models/0/v1"}
    metadata = {"name": name, "annotations": {"serving.kserve.io/stop": "true"}}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": {"minReplicas": 1, "model": spec}},
    }


def measured_time(server: Server, pages: dict[str, str], seconds: float) -> tuple[list[str], list[Goal]]:
    rows = [f"{'ms of the server, one client':<34}{'median':>9}{'p95':>9}{'compressed':>12}{'p95':>9}{'KB':>9}"]
    worst = (0.0, "")
    for name, path in pages.items():
        plain, compressed = (asked(server, path, encoding, seconds) for encoding in ("", "br, gzip"))
        with httpx.Client(timeout=60) as client:
            size = (
                len(client.get(f"http://127.0.0.1:{server.port}{path}", headers={"accept": "text/html"}).content) / 1000
            )
        rows.append(
            f"{name:<34}{plain.median * 1e3:>9.1f}{plain.p95 * 1e3:>9.1f}{compressed.median * 1e3:>12.1f}"
            f"{compressed.p95 * 1e3:>9.1f}{size:>9.0f}"
        )
        worst = max(worst, (compressed.median * 1e3, name))
    return rows, [(f"{worst[0]:.0f} ms of the server ({worst[1]})", f"under {TIME_MS} ms", worst[0] < TIME_MS)]


def asked(server: Server, path: str, encoding: str, seconds: float) -> Outcome:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAccept: text/html\r\n"
    request = (head + (f"Accept-Encoding: {encoding}\r\n" if encoding else "") + "\r\n").encode()
    outcome = measure(Load(server.port, partial(repeated, [request]), 1, seconds, min(0.5, seconds / 4)))
    if outcome.errors or not outcome.answers:
        raise SystemExit(f"{path}: {outcome.errors} errors, {outcome.answers} answers; the first: {outcome.error}")
    return outcome


# Open pages


def measured_streams(server: Server, count: int, home: Path) -> tuple[list[str], list[Goal]]:
    """Measure two servers: the one with all that is in it, and one in another home, with what ships.

    Of the second, the pages that need nothing in it are visited first.
    """
    rows, goals = [], []
    with forecourt_up(home, f"sqlite:///{home / 'forecourt.db'}") as shipped:
        in_sight(shipped, 0)
        with httpx.Client(base_url=f"http://127.0.0.1:{shipped.port}", timeout=60) as client:
            for path in EMPTY_HANDED:
                client.get(path, headers={"accept": "text/html"}).raise_for_status()
        shipped.settle()
        for each, what in ((shipped, "with what ships"), (server, "with all that is above")):
            before = each.memory()[0]
            took, heard, after = asyncio.run(listened(each, count))
            rows += [
                f"{count} open streams, {what}: {before:.0f} MB before, {after:.0f} MB with them "
                f"({(after - before) * 1000 / count:.0f} KB each)",
                f"a change reaches {heard} of them after {took * 1e3:.0f} ms",
            ]
            if each is shipped:
                goals.append((f"{count} open streams {after:.0f} MB", f"under {STREAMS_MB} MB", after < STREAMS_MB))
            goals.append((f"a change reaches {heard}, {what}", f"all {count}", heard == count))
    return rows, goals


async def listened(server: Server, count: int) -> tuple[float, int, float]:
    """Open so many streams, change something, and wait until all have heard of it; return seconds, how many, MB."""
    streams = await asyncio.gather(*(opened(server.port) for _ in range(count)))
    await asyncio.sleep(2)
    memory = server.memory()[0]
    began = time.perf_counter()
    hearing = asyncio.gather(*(heard(reader, began) for reader, _ in streams))
    base = f"http://127.0.0.1:{server.port}/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
    async with httpx.AsyncClient(timeout=60) as client:
        (await client.post(base, json=stopped("changed"))).raise_for_status()
    times = [one for one in await hearing if one is not None]
    for _, writer in streams:
        writer.close()
    return max(times, default=0.0), len(times), memory


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /events?on=deployments&on=jobs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    await reader.readuntil(b"retry: 1500\n\n")
    return reader, writer


async def heard(reader: asyncio.StreamReader, began: float) -> float | None:
    try:
        async with asyncio.timeout(30):
            await reader.readuntil(b"event: deployments")
    except TimeoutError:
        return None
    return time.perf_counter() - began


# All of it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to see that it runs")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, metavar="SECTION")
    parser.add_argument("--rounds", type=int, metavar="N", help="of the first paint (default: 11)")
    options = parser.parse_args()
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds is at least 1.")
    models, registered, deployments = (1000, 100, 20) if options.quick else (10_000, 1000, 200)
    streams, seconds = (50, 0.5) if options.quick else (STREAMS, 3.0)
    rounds = options.rounds or (2 if options.quick else 11)
    with a_directory() as directory, contextlib.ExitStack() as stack:
        home = directory / "home"
        server = stack.enter_context(forecourt_up(home, fill(home, models)))
        in_sight(server, models)
        pages = filled(server, registered, deployments)
        server.settle()
        base = f"http://127.0.0.1:{server.port}"
        some = {name: path for name, path in pages.items() if name in SCORED or name.endswith(" deployments")}
        sections: dict[str, Callable[[], tuple[list[str], list[Goal]]]] = {
            "bytes": lambda: with_browsers(
                lambda browser: measured_bytes(browser, base, pages, stack.enter_context(gpustack())), CHROMIUM
            ),
            "time": lambda: measured_time(server, pages, seconds),
            "paint": lambda: with_browsers(
                lambda shell, window: measured_paint(shell, window, base, pages, rounds), SHELL, CHROMIUM
            ),
            "lighthouse": lambda: measured_lighthouse(base, some),
            "streams": lambda: measured_streams(server, streams, directory / "shipped"),
        }
        lines: list[str] = []
        goals: list[Goal] = []
        for name in options.only:
            say(f"{name} …")
            told, met = sections[name]()
            lines += [*told, ""]
            goals += met
    print(f"\n{models:,} models in the catalog, {registered:,} registered, {deployments} deployments\n")
    print("\n".join(lines))
    for what, goal, met in goals:
        print(f"{'met   ' if met else 'MISSED'}  {what:<75} {goal}")


def with_browsers(measured: Callable[..., tuple[list[str], list[Goal]]], *names: str) -> tuple[list[str], list[Goal]]:
    with chromium(*names) as browsers:
        return measured(*browsers)


if __name__ == "__main__":
    sys.exit(main())
