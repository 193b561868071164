"""The dashboard in Debian's Chromium, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsers import chromium
from playwright.sync_api import Browser, Page, expect
from servers import RUNTIMES, TINY_RUNTIME, Server, serving

expect.set_options(timeout=15_000)  # milliseconds: two cores that do more than one thing


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for a module: Playwright's loop must not run while tests of asyncio do."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the runtime ``tiny``, for a module."""
    home = tmp_path_factory.mktemp("home")
    with serving(home, FORECOURT_CATALOG_FOLDERS=str(home)) as running:
        assert running.call("POST", RUNTIMES, TINY_RUNTIME)[0] == 201
        yield running


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the runtime ``tiny``."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "model.bin").write_bytes(b"tiny")
    return folder


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A page of a browser that has seen nothing yet. What goes wrong in it (a script, a policy) fails the test."""
    context = browser.new_context(base_url=server.record["url"], viewport={"width": 1280, "height": 860})
    context.set_default_timeout(10_000)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    found = context.new_page()
    wrong: list[str] = []
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.on("console", lambda message: wrong.append(message.text) if _is_wrong(message.type, message.text) else None)
    yield found
    context.close()
    assert not wrong


def _is_wrong(kind: str, text: str) -> bool:
    """Say whether a message on the console is of a defect.

    An answer that a test asked for with an error is none, nor is a request of htmx's whose place a newer one took.
    """
    replaced = text.startswith(("htmx:sendAbort", "htmx:afterRequest"))
    return kind == "error" and not replaced and "Failed to load resource" not in text and "net::ERR_" not in text
