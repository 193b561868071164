"""The server stopped under an open page: the page says so, and is fresh once the server is back."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect
from servers import FORECOURT, RUNTIMES, SERVICES, TINY_RUNTIME, Server, serving, tiny_service, wait


def _start_again(server: Server, port: int) -> None:
    words = [*FORECOURT, "up", "--port", str(port), "--registry-port", "0"]
    with (server.home / "output.log").open("ab") as output:
        process = subprocess.Popen(words, env=server.environment, stdout=output, stderr=output)
    server.process, server.record = process, {}
    wait(lambda: server._ready(process), 30, "the server is back")


def test_a_page_says_that_the_server_is_gone_and_goes_on_when_it_is_back(
    browser: Browser, tmp_path: Path, model: Path
) -> None:
    with serving(tmp_path / "home") as server:
        server.call("POST", RUNTIMES, TINY_RUNTIME)
        server.call("POST", SERVICES, tiny_service("lasting", model))
        url = server.record["url"]
        context = browser.new_context(base_url=url)
        pages = []
        for address in ("/deployments", "/deployments/default/lasting", "/deployments/default/lasting/logs"):
            page = context.new_page()
            page.goto(address)
            page.evaluate("window.same = true")
            pages.append(page)
        listed, own, logs = pages
        expect(listed.get_by_role("link", name="Ready")).to_be_visible(timeout=15_000)
        expect(logs.get_by_text("Following")).to_be_visible()
        server.stop(signal.SIGTERM)  # its deployments go on
        for page in (listed, own):
            page.bring_to_front()
            expect(page.get_by_text("The server does not answer.")).to_be_visible(timeout=15_000)
        expect(logs.get_by_text("The stream ended; trying again")).to_be_visible()
        _start_again(server, int(urlsplit(url).port or 0))
        change = {"metadata": {"annotations": {"openshift.io/display-name": "Renamed meanwhile"}}}
        assert server.call("PATCH", f"{SERVICES}/lasting", change)[0] == 200
        for page in (listed, own):
            page.bring_to_front()
            expect(page.get_by_text("The server does not answer.")).to_be_hidden(timeout=20_000)
        expect(listed.get_by_role("link", name="Renamed meanwhile")).to_be_visible(timeout=15_000)
        expect(own.locator("#deployment-actions").get_by_role("link", name="Ready")).to_be_visible(timeout=15_000)
        expect(logs.get_by_text("Following")).to_be_visible(timeout=15_000)
        assert all(page.evaluate("window.same") for page in pages)
        context.close()
