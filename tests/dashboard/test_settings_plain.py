"""Settings without scripts: plain forms and links do all of it, only less lively."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from servers import Server

ROUTE = "/api/forecourt/v1/serving-runtimes"
YAML = """\
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: from-a-file}
spec:
  supportedModelFormats: [{name: mine}]
  containers: [{name: kserve-container, image: "example.com/mine:1"}]
"""


@pytest.fixture
def plain(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context(base_url=server.record["url"], java_script_enabled=False)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_runtimes_are_moved_and_switched(plain: Page, server: Server) -> None:
    plain.goto("/settings/runtimes")
    names = [one["name"] for one in server.call("GET", ROUTE)[1]["items"]]
    plain.locator(f"[id='down-{names[0]}']").click()
    expect(plain.locator("tr[data-row]").first).to_have_attribute("data-row", names[1])
    plain.get_by_role("switch", name="Offer tiny").click()
    expect(plain.get_by_role("switch", name="Offer tiny")).not_to_be_checked()


def test_a_runtime_comes_from_a_file_and_what_is_wrong_is_told(plain: Page, server: Server) -> None:
    plain.goto("/settings/runtimes/new")
    wrong = YAML.replace("containers", "contaners").encode()
    plain.get_by_label("Upload a file").set_input_files({"name": "a.yaml", "mimeType": "text/yaml", "buffer": wrong})
    plain.get_by_role("button", name="Add").click()
    expect(plain.locator("[data-findings=yaml]")).to_contain_text("Line 6")
    expect(plain.get_by_label("YAML")).to_have_value(re.compile("contaners"))
    plain.get_by_label("YAML").fill(YAML)
    plain.get_by_role("button", name="Add").click()
    expect(plain.locator(".fc-notice")).to_contain_text("from-a-file added")


def test_rows_of_a_hardware_profile_are_added_and_removed(plain: Page) -> None:
    plain.goto("/settings/hardware-profiles/new")
    plain.get_by_label("Name", exact=False).first.fill("Plain")
    plain.get_by_role("button", name="Add resource").click()
    expect(plain.get_by_role("group", name="Resource 3")).to_be_visible()
    plain.get_by_role("button", name="Remove resource 3").click()
    expect(plain.get_by_role("group", name="Resource 3")).to_have_count(0)
    expect(plain.get_by_label("Name", exact=False).first).to_have_value("Plain")
    plain.get_by_label("Name", exact=False).first.press("Enter")
    expect(plain.locator("tr[data-row='plain']")).to_be_visible()


def test_a_connection_type_is_built_and_seen(plain: Page) -> None:
    plain.goto("/settings/connection-types/new")
    plain.get_by_label("Connection type name").fill("Plain")
    plain.get_by_role("button", name="Add field").click()
    plain.get_by_role("group", name="Field 1").get_by_label("Name", exact=True).fill("Key")
    plain.get_by_role("button", name="Preview").click()
    expect(plain.get_by_role("region", name="What people see").get_by_label("Key")).to_be_visible()
    plain.get_by_role("button", name="Create", exact=True).click()
    expect(plain.locator("tr[data-row='plain']")).to_be_visible()


def test_a_source_is_previewed_and_storage_measured(plain: Page) -> None:
    plain.goto("/settings/catalog-sources/new")
    plain.get_by_label("Name", exact=False).first.fill("Plain")
    plain.get_by_label("YAML file", exact=True).check()
    plain.get_by_label("YAML", exact=True).fill("models: [{name: one}]")
    plain.get_by_role("button", name="Preview").click()
    expect(plain.get_by_role("region", name="Preview")).to_contain_text("1 of 1 models would be shown")
    expect(plain.get_by_label("YAML", exact=True)).to_have_value("models: [{name: one}]")
    plain.goto("/settings/storage")
    plain.get_by_role("link", name="Measure what takes space").click()
    expect(plain.get_by_text("Images of this machine")).to_be_visible()
