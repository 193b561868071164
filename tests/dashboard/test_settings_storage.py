"""Storage in a browser: what takes space, what can go, and what is lost with it."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect
from seeing import look
from servers import SERVICES, Server, tiny_service, wait

LEFT = "files-" + "a" * 64


def _left(server: Server, name: str = LEFT, file: str = "weights.bin") -> Path:
    folder = server.home / "models" / name
    folder.mkdir(parents=True)
    (folder / file).write_bytes(os.urandom(2_000_000))
    return folder


def test_what_nothing_needs_is_freed_after_a_look_at_what_is_lost(page: Page, server: Server) -> None:
    folder = _left(server)
    page.goto("/settings/storage")
    row = page.locator(f"tr[data-row='models/{LEFT}']")
    expect(row).to_contain_text("Needed by nothing")
    expect(page.get_by_role("heading", name="are free")).to_be_visible()
    look(page, "settings-storage")
    page.get_by_role("link", name="Free space").click()
    expect(page.locator("main")).to_contain_text("fetches what is no longer here")
    look(page, "settings-storage-free")
    assert folder.exists()
    page.get_by_role("button", name="Remove, and free").click()
    expect(page.locator(".fc-notice")).to_contain_text("freed")
    assert not folder.exists()
    page.goto("/settings/storage/free")
    expect(page.locator("main")).to_contain_text("There is nothing to free")


def test_what_is_chosen_goes_and_nothing_else(page: Page, server: Server) -> None:
    one, other = (_left(server, "files-" + letter * 64) for letter in "bc")
    page.goto("/settings/storage?measure=true")
    page.locator(f"tr[data-row='models/{one.name}']").get_by_role("checkbox").check()
    page.get_by_role("button", name="Remove what is chosen").click()
    page.get_by_role("button", name="Remove, and free").click()
    expect(page.locator(".fc-notice")).to_be_visible()
    assert (one.exists(), other.exists()) == (False, True)


def test_what_comes_to_be_needed_meanwhile_stays_and_says_so(page: Page, server: Server) -> None:
    folder = _left(server, "files-" + "d" * 64)
    page.goto(f"/settings/storage/free?item=models/{folder.name}")
    service = tiny_service("sleeper", Path("/"), replicas=0)
    service["metadata"]["annotations"] = {"serving.kserve.io/stop": "true"}
    service["spec"]["predictor"]["model"]["storageUri"] = "hf://acme/model"
    assert server.call("POST", SERVICES, service)[0] == 201
    page.get_by_role("button", name="Remove, and free").click()
    expect(page.locator("main")).to_contain_text("default/sleeper")
    assert folder.exists()
    server.call("DELETE", f"{SERVICES}/sleeper")
    wait(lambda: server.call("GET", f"{SERVICES}/sleeper")[0] == 404, 30, "it is gone")


def test_scripts_in_names_of_files_are_text(page: Page, server: Server) -> None:
    _left(server, "files-" + "e" * 64, "<script>window.gone=1<script>")
    page.goto("/settings/storage?measure=true")
    expect(page.locator("main")).to_contain_text("<script>window.gone=1<script>")
    assert page.evaluate("window.gone") is None


def test_an_item_that_is_none_is_an_error_and_no_traceback(page: Page) -> None:
    page.goto("/settings/storage/free?item=models/../../etc")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
