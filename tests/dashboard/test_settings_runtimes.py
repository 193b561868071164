"""Serving runtimes in a browser: which are offered, in what order, and the YAML with its errors beside it."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from seeing import look
from servers import RUNTIMES, SERVICES, TINY_RUNTIME, Server, tiny_service, wait

ROUTE = "/api/forecourt/v1/serving-runtimes"
WRONG = """\
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata:
  name: Not A Name
spec:
  containers: 7
"""
CLUSTER = "/apis/serving.kserve.io/v1alpha1/clusterservingruntimes"


def _runtime(name: str, **annotations: str) -> dict[str, Any]:
    metadata = {"name": name, "annotations": TINY_RUNTIME["metadata"]["annotations"] | annotations}
    return TINY_RUNTIME | {"metadata": metadata, "kind": "ClusterServingRuntime"}


def _order(server: Server) -> list[str]:
    return [one["name"] for one in server.call("GET", ROUTE)[1]["items"]]


def test_the_list_says_what_each_runtime_is_and_whether_it_runs_here(page: Page) -> None:
    page.goto("/settings/runtimes")
    row = page.locator("tr[data-row='llamacpp']")
    expect(row).to_contain_text("Pre-installed")
    expect(row).to_contain_text("gguf")
    expect(page.locator("tr[data-row='vllm-cuda-runtime']")).to_contain_text("No")
    look(page, "settings-runtimes")


def test_a_runtime_is_disabled_and_enabled_by_its_switch(page: Page, server: Server) -> None:
    page.goto("/settings/runtimes")
    switch = page.get_by_role("switch", name="Offer tiny")
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    assert server.call("GET", f"{ROUTE}/tiny")[1]["enabled"] is False
    switch.click()
    expect(switch).to_be_checked()


def test_a_runtime_moves_by_its_buttons_and_by_dragging(page: Page, server: Server) -> None:
    page.goto("/settings/runtimes")
    page.wait_for_load_state("networkidle")
    first, second, third = _order(server)[:3]
    page.locator(f"[id='down-{first}']").click()
    expect(page.locator("tr[data-row]").first).to_have_attribute("data-row", second)
    assert _order(server)[:2] == [second, first]
    page.locator(f"tr[data-row='{third}'] .fc-grip").drag_to(
        page.locator(f"tr[data-row='{second}']"), target_position={"x": 100, "y": 2}
    )
    expect(page.locator("tr[data-row]").first).to_have_attribute("data-row", third)
    wait(lambda: _order(server)[:3] == [third, second, first], 5, "the order is kept")


def test_what_is_wrong_is_said_at_its_line_as_one_types_and_nothing_is_added(page: Page, server: Server) -> None:
    page.goto("/settings/runtimes/new")
    editor = page.get_by_label("YAML")
    editor.fill(WRONG)
    finding = page.locator("[data-findings=yaml] li").first
    expect(finding).to_contain_text("Line 6, column 15")
    expect(page.locator(".fc-editor-line.is-wrong")).to_have_text("✕ 6")
    finding.get_by_role("button").click()
    expect(editor).to_be_focused()
    assert editor.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)") == "7"
    look(page, "settings-runtime-errors")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#yaml-help")).to_contain_text("Nothing was added")
    expect(page.get_by_label("YAML")).to_have_value(editor.input_value())
    assert "Not A Name" not in _order(server)


def test_the_editor_keeps_no_keyboard_in(page: Page) -> None:
    page.goto("/settings/runtimes/new")
    editor = page.get_by_label("YAML")
    editor.fill("a:\n")
    editor.press("Tab")
    expect(editor).to_have_value("a:\n  ")
    editor.press("Escape")
    editor.press("Tab")
    expect(editor).not_to_be_focused()


def test_one_is_added_from_a_file_changed_and_deleted(page: Page, server: Server) -> None:
    page.goto("/settings/runtimes/new")
    document = json.dumps(_runtime("uploaded") | {"kind": "ServingRuntime"}).encode()
    page.get_by_label("Upload a file").set_input_files(
        {"name": "mine.yaml", "mimeType": "application/yaml", "buffer": document}
    )
    expect(page.locator("[data-findings=yaml]")).to_contain_text("uploaded: nothing is wrong")
    page.get_by_role("button", name="Add").dblclick()
    expect(page.locator(".fc-notice")).to_contain_text("uploaded added")
    assert server.call("GET", f"{CLUSTER}/uploaded")[0] == 200
    page.get_by_role("link", name="uploaded", exact=True).click()
    editor = page.get_by_label("YAML")
    editor.fill(editor.input_value().replace("name: uploaded", "name: uploaded\n  labels: {new: 'yes'}"))
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".fc-notice")).to_contain_text("uploaded changed")
    assert server.call("GET", f"{CLUSTER}/uploaded")[1]["metadata"]["labels"] == {"new": "yes"}
    page.goto("/settings/runtimes/uploaded/delete")
    look(page, "settings-runtime-delete")
    page.get_by_role("button", name="Delete serving runtime").click()
    expect(page.locator(".fc-notice")).to_contain_text("uploaded deleted")
    assert server.call("GET", f"{CLUSTER}/uploaded")[0] == 404


def test_one_that_ships_is_changed_by_making_ones_own_in_its_place(page: Page, server: Server) -> None:
    page.goto("/settings/runtimes/llamacpp/edit")
    editor = page.get_by_label("YAML")
    editor.fill(editor.input_value().replace("llama.cpp ServingRuntime", "Our ServingRuntime"))
    page.get_by_role("button", name="Save").click()
    row = page.locator("tr[data-row='llamacpp']")
    expect(row).to_contain_text("Our ServingRuntime")
    expect(row).to_contain_text("In place of a pre-installed one")
    page.goto("/settings/runtimes/llamacpp/delete")
    expect(page.locator("main")).to_contain_text("back in its place")
    page.get_by_role("button", name="Delete serving runtime").click()
    expect(page.locator("tr[data-row='llamacpp']")).to_contain_text("Pre-installed")


def test_a_copy_has_a_name_of_its_own(page: Page) -> None:
    page.goto("/settings/runtimes/new?from=tiny")
    expect(page.get_by_label("YAML")).to_have_value(re.compile("name: tiny-copy"))


def test_one_that_serves_a_deployment_cannot_be_deleted_and_says_which(page: Page, server: Server) -> None:
    busy = TINY_RUNTIME | {"metadata": {**TINY_RUNTIME["metadata"], "name": "busy"}}
    assert server.call("POST", RUNTIMES, busy)[0] == 201
    service = tiny_service("chat", Path("/nowhere"), replicas=0)
    service["spec"]["predictor"]["model"]["runtime"] = "busy"
    assert server.call("POST", SERVICES, service)[0] == 201
    page.goto("/settings/runtimes/busy/delete")
    expect(page.get_by_role("link", name="default/chat")).to_be_visible()
    expect(page.get_by_role("button", name="Delete serving runtime")).to_have_count(0)
    assert server.call("DELETE", f"{RUNTIMES}/busy")[0] == 409


def test_an_edit_that_another_overtook_says_so_and_keeps_what_was_typed(page: Page, server: Server) -> None:
    server.call("POST", CLUSTER, _runtime("contested"))
    page.goto("/settings/runtimes/contested/edit")
    editor = page.get_by_label("YAML")
    editor.fill(editor.input_value().replace("name: contested", "name: contested\n  labels: {mine: 'yes'}"))
    server.call("PATCH", f"{CLUSTER}/contested", {"metadata": {"labels": {"theirs": "yes"}}})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("contested")
    expect(page.get_by_label("YAML")).to_have_value(re.compile("mine"))
    assert server.call("GET", f"{CLUSTER}/contested")[1]["metadata"]["labels"] == {"theirs": "yes"}


def test_scripts_in_names_are_text(page: Page, server: Server) -> None:
    server.call(
        "POST", CLUSTER, _runtime("hostile", **{"openshift.io/display-name": "<script>window.gone=1</script><b>bold"})
    )
    page.goto("/settings/runtimes")
    expect(page.locator("tr[data-row='hostile']")).to_contain_text("<script>window.gone=1</script>")
    assert page.evaluate("window.gone") is None
    page.goto("/settings/runtimes/new")
    page.get_by_label("YAML").fill("<img src=x onerror=window.gone=1>: [")
    expect(page.locator("[data-findings=yaml] li").first).to_be_visible()
    assert page.evaluate("window.gone") is None


@pytest.mark.parametrize("path", ["/settings/runtimes/new", "/settings/runtimes/check"])
def test_a_gigabyte_of_yaml_is_refused_unread(server: Server, path: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "content-length": str(10**9)}
    request = urllib.request.Request(server.record["url"] + path, b"yaml=a", headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 413
    refused.value.close()


def test_the_environment_is_made_and_removed_and_the_page_says_so(page: Page, server: Server) -> None:
    page.goto("/settings/runtimes?q=tiny")
    row = page.locator("tr[data-row='tiny']")
    row.get_by_role("button", name="Make the environment of tiny now").click()
    expect(row).to_contain_text("made", timeout=30_000)
    row.get_by_role("link", name="Remove the environment of tiny").click(timeout=30_000)
    expect(page.locator("main")).to_contain_text("Remove the environment of tiny?")
    page.get_by_role("button", name="Remove environment").click()
    expect(page.locator("tr[data-row='tiny']")).to_contain_text("Not made")
