"""What Chromium measures of the dashboard, and of GPUStack's: bytes over the wire, first paint, Lighthouse's scores."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from registry_servers import say

FIRST_KB, LATER_KB, PAINT_MS, SCORE = 250, 40, 300, 95
SETTLED_MS = 500  # until a tab that was opened is at rest
WINDOW_MS = 1500  # until a window is at rest that has shown its first page: Chromium loads pages of its own for it then
BEFORE = "data:text/html,<p>A page that was there before"
CHROMIUM, SHELL = "chromium", "chromium-headless-shell"
LINE = "(a line of text, to compare)"
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"

Goal = tuple[str, str, bool]
"""What was measured, against what, and whether it is met."""


# A browser


@contextlib.contextmanager
def chromium(*names: str) -> Iterator[list[Browser]]:
    """Start a browser of each name: Chromium with its window (which is drawn, if to nowhere), or without one."""
    with sync_playwright() as playwright:
        launch = playwright.chromium.launch
        browsers = [launch(executable_path=program(name), args=["--no-sandbox"]) for name in names]
        yield browsers
        for browser in browsers:
            browser.close()


def program(name: str) -> str:
    if found := shutil.which(name):
        return found
    raise SystemExit(f"needs {name}, which is not installed")


class Counted:
    """A page of a browser, and the bytes that came over the wire for it."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.bytes: dict[str, float] = {}
        self._urls: dict[str, str] = {}
        session = context.new_cdp_session(self.page)
        session.send("Network.enable")
        session.on(
            "Network.requestWillBeSent", lambda one: self._urls.update({one["requestId"]: one["request"]["url"]})
        )
        session.on("Network.loadingFinished", self._finished)

    def _finished(self, event: dict[str, Any]) -> None:
        url = self._urls.get(event["requestId"], "")
        if event["encodedDataLength"]:
            self.bytes[url] = self.bytes.get(url, 0) + event["encodedDataLength"]

    def visit(self, url: str) -> float:
        """Go to a page; return the kilobytes that it took."""
        self.bytes.clear()
        self.page.goto(url)
        self.page.wait_for_timeout(700)  # what a page asks for by itself once it is there
        return sum(self.bytes.values()) / 1000


def measured_bytes(browser: Browser, base: str, pages: dict[str, str], peer: str) -> tuple[list[str], list[Goal]]:
    rows, later, firsts = [f"{'kilobytes over the wire':<34}{'first visit':>12}{'later':>9}"], [], []
    for name, path in pages.items():
        context = browser.new_context()
        first = Counted(context).visit(base + path)
        context.close()
        firsts.append((first, name))
    context = browser.new_context()
    seen = Counted(context)
    seen.visit(base + "/projects")
    for (first, name), path in zip(firsts, pages.values(), strict=True):
        seen.visit(base + path)  # scripts that only this page has are kept from now on
        size = seen.visit(base + path)
        later.append((size, name))
        rows.append(f"{name:<34}{first:>12.1f}{size:>9.1f}")
    context.close()
    first, later_ = max(firsts), max(later)
    context = browser.new_context()
    theirs = Counted(context)
    size = theirs.visit(peer)
    kinds = sum(value for url, value in theirs.bytes.items() if url.endswith((".js", ".css"))) / 1000
    context.close()
    ours = next(size for size, name in firsts if name == "projects")
    rows += [
        "",
        f"{'GPUStack, a first visit':<34}{size:>12.1f}   (scripts and styles {kinds:.1f}; files of its wheel, no data)",
        f"{'times ours':<34}{size / ours:>12.1f}",
    ]
    return rows, [
        (f"first visit {first[0]:.0f} KB ({first[1]})", f"under {FIRST_KB} KB", first[0] < FIRST_KB),
        (f"later page {later_[0]:.0f} KB ({later_[1]})", f"under {LATER_KB} KB", later_[0] < LATER_KB),
    ]


def measured_paint(
    shell: Browser, windowed: Browser, base: str, pages: dict[str, str], rounds: int
) -> tuple[list[str], list[Goal]]:
    """Measure each page in each round, so that what the machine does beside it falls on all of them.

    A page is opened in a tab that has been there for a moment: what the browser does to open one is no page's. A new
    window does much of that only when it shows its first page (a renderer of its own beside the page's, "WebUI Top
    Renderer" in a trace); so its first page is measured, and one that comes after another page.
    """
    asked = {LINE: "/version"} | pages
    kinds = ("first", "later", "new", "used")
    times: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in kinds} for name in asked}
    for _ in range(rounds):
        for name, path in asked.items():
            for browser, visits, is_used in (
                (shell, ("first", "later"), False),
                (windowed, ("new",), False),
                (windowed, ("used",), True),
            ):
                context = browser.new_context()
                page = context.new_page()
                if is_used:
                    page.wait_for_timeout(SETTLED_MS)
                    page.goto(BEFORE)
                    page.wait_for_timeout(WINDOW_MS)
                for visit in visits:
                    page.wait_for_timeout(SETTLED_MS)
                    page.goto(base + path)
                    page.wait_for_function(PAINTED)
                    times[name][visit].append(page.evaluate(PAINTED))
                context.close()
    found = {name: {visit: statistics.median(each) for visit, each in its.items()} for name, its in times.items()}
    heads = f"{'first visit':>12}{'later':>9}{'in a new window':>17}{'in a used one':>15}"
    rows = [f"{'ms to first contentful paint':<34}{heads}"]
    rows += [
        f"{name:<34}{its['first']:>12.0f}{its['later']:>9.0f}{its['new']:>17.0f}{its['used']:>15.0f}"
        for name, its in found.items()
    ]
    goals = []
    for visit, where in (("first", "without a window"), ("new", "in a new window"), ("used", "in a used window")):
        worst = max(pages, key=lambda name: found[name][visit])
        slowest = found[worst][visit]
        told = f"first contentful paint, {where}: {slowest:.0f} ms ({worst})"
        goals.append((told, f"under {PAINT_MS} ms", slowest < PAINT_MS))
    return rows, goals


# The peer


def cache() -> Path:
    found = Path(os.environ.get("FORECOURT_BENCH_CACHE") or Path.home() / ".cache" / "forecourt-benchmarks")
    found.mkdir(parents=True, exist_ok=True)
    return found


@contextlib.contextmanager
def gpustack() -> Iterator[str]:
    """Serve GPUStack's dashboard as its own module does it, from its released wheel; yield its address."""
    place = cache() / "gpustack"
    if not (place / "gpustack" / "ui" / "index.html").exists():
        say(f"fetching GPUStack's wheel into {place}")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        pip = ["uv", "tool", "run", "pip", "download", "-q", "--no-deps", "--no-binary", ":none:", "-d", str(place)]
        subprocess.run([*pip, "gpustack"], check=True)
        with zipfile.ZipFile(next(place.glob("*.whl"))) as wheel:
            wanted = [one for one in wheel.namelist() if one.startswith(("gpustack/ui/", "gpustack/routes/ui.py"))]
            wheel.extractall(place, wanted)
    spec = spec_from_file_location("gpustack_ui", place / "gpustack" / "routes" / "ui.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    application = FastAPI(openapi_url=None)
    module.register(application)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(application, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


# Lighthouse


def measured_lighthouse(base: str, pages: dict[str, str]) -> tuple[list[str], list[Goal]]:
    tool = lighthouse()
    rows = [f"{'Lighthouse':<34}{'desktop':>9}{'phone':>9}{'accessibility':>15}"]
    worst = {"desktop": 101, "phone": 101, "accessibility": 101}
    for name, path in pages.items():
        scores = {form: scored(tool, base + path, form) for form in ("desktop", "phone")}
        found = {form: scores[form]["performance"] for form in scores}
        found["accessibility"] = min(one["accessibility"] for one in scores.values())
        rows.append(f"{name:<34}{found['desktop']:>9}{found['phone']:>9}{found['accessibility']:>15}")
        worst = {key: min(value, found[key]) for key, value in worst.items()}
    return rows, [(f"Lighthouse {key} {value}", f"at least {SCORE}", value >= SCORE) for key, value in worst.items()]


def lighthouse() -> Path:
    place = cache() / "lighthouse"
    tool = place / "node_modules" / ".bin" / "lighthouse"
    if not tool.exists():
        say(f"installing Lighthouse into {place}")
        place.mkdir(exist_ok=True)
        (place / "package.json").write_text("{}")
        npm = [program("npm"), "install", "--silent", "--no-audit", "--no-fund", "lighthouse@13"]
        subprocess.run(npm, cwd=place, check=True)
    return tool


def scored(tool: Path, url: str, form: str) -> dict[str, int]:
    words = [str(tool), url, "--quiet", "--output=json", "--only-categories=performance,accessibility"]
    words += ["--chrome-flags=--headless=new --no-sandbox", *(["--preset=desktop"] if form == "desktop" else [])]
    told = os.environ | {"CHROME_PATH": program(CHROMIUM)}
    done = subprocess.run(words, env=told, capture_output=True, text=True, timeout=180)
    if done.returncode:
        raise SystemExit(f"lighthouse {url}: {done.stderr[-2000:]}")
    categories = json.loads(done.stdout)["categories"]
    return {name: round(100 * categories[name]["score"]) for name in ("performance", "accessibility")}
