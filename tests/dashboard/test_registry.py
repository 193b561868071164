"""The model registry's pages in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from seeing import look
from servers import SERVICES, Server, tiny_service, wait

REGISTER = "/api/forecourt/v1/registry/register"

# While the next part of the page comes in, and before it listens, a model is registered, and its news arrive.
REGISTERED_MEANWHILE = """name => document.addEventListener("htmx:afterSwap", () => {
  const asked = new XMLHttpRequest();
  asked.open("POST", "/api/model_registry/v1alpha3/registered_models", false);
  asked.setRequestHeader("Content-Type", "application/json");
  asked.send(JSON.stringify({ name }));
  window.status = asked.status;
  for (const until = performance.now() + 200; performance.now() < until; );
}, { once: true })"""


def register(server: Server, model: str, version: str, **more: Any) -> tuple[str, str]:
    """Register a version; return the ids of the model and of it."""
    body = {
        "registeredModel": {"name": model, "description": f"What {model} is", "owner": "ann"},
        "modelVersion": {"name": version, "author": "ann"},
        "modelArtifact": {"name": model, "uri": f"s3://models/{model}/{version}", "modelFormatName": "tiny"},
    }
    status, made = server.call("POST", REGISTER, body | more)
    assert status == 201, made
    return made["registeredModel"]["id"], made["modelVersion"]["id"]


@pytest.fixture(scope="module")
def ids(server: Server) -> dict[str, str]:
    """Two models, one with two versions, of which one has an alias and a parent."""
    made = {}
    made["granite"], made["v1"] = register(server, "granite", "v1", aliases=["champion"], stage="production")
    parent = [{"relation": "quantized-from", "uri": "model-registry://granite/v1"}]
    _, made["v2"] = register(server, "granite", "v2", links=parent)
    made["mistral"], made["m1"] = register(server, "mistral", "m1")
    return made


def test_what_changes_while_a_part_of_the_page_comes_in_is_shown(page: Page, ids: dict[str, str]) -> None:
    page.goto("/registry")
    rows = page.get_by_role("grid", name="Model registry").get_by_role("row")
    expect(rows.filter(has_text="granite")).to_have_count(1)
    page.evaluate(REGISTERED_MEANWHILE, "latecomer")
    page.get_by_label("Filter registered models").press_sequentially("late")
    expect(rows.filter(has_text="granite")).to_have_count(0)
    expect(rows.filter(has_text="latecomer")).to_have_count(1)
    assert page.evaluate("window.status") == "201"


def test_models_are_found_and_the_table_changes_by_itself(page: Page, server: Server, ids: dict[str, str]) -> None:
    page.goto("/registry")
    rows = page.get_by_role("grid", name="Model registry").get_by_role("row")
    expect(rows.filter(has_text="granite")).to_contain_text("champion → v1")
    expect(rows.filter(has_text="granite")).to_contain_text("2 versions")
    look(page, "registry")
    page.get_by_label("Filter registered models").press_sequentially("mist")
    expect(rows.filter(has_text="granite")).to_have_count(0)
    expect(rows.filter(has_text="mistral")).to_have_count(1)
    register(server, "mistral-next", "v1")
    expect(rows.filter(has_text="mistral-next")).to_have_count(1)
    page.get_by_label("Filter by").select_option("Filter")
    page.get_by_label("Filter registered models").fill("owner =")
    expect(page.get_by_role("alert")).to_contain_text("filterQuery")
    page.get_by_label("Filter registered models").fill("name LIKE 'gran%'")
    expect(rows.filter(has_text="granite")).to_have_count(1)
    expect(rows.filter(has_text="mistral")).to_have_count(0)


def test_what_a_model_says_is_edited_a_part_at_a_time(page: Page, server: Server, ids: dict[str, str]) -> None:
    page.goto(f"/registry/models/{ids['mistral']}")
    page.get_by_role("link", name="Edit description").click()
    page.get_by_role("textbox", name="Description").fill("A model of the wind")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("A model of the wind").first).to_be_visible()
    page.get_by_label("Add a label").fill("gold")
    page.get_by_role("button", name="Add the label").click()
    expect(page.get_by_role("list", name="Labels")).to_contain_text("gold")
    page.get_by_role("link", name="Add property").click()
    page.get_by_label("Key").fill("accuracy")
    page.get_by_label("Type").select_option("Number")
    page.get_by_label("Value").fill("high")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#value-help")).to_contain_text("is not a number")
    expect(page.get_by_label("Key")).to_have_value("accuracy")
    page.get_by_label("Value").fill("0.93")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("grid", name="Properties")).to_contain_text("0.93")
    look(page, "registry-model")
    found = server.call("GET", f"/api/model_registry/v1/registered_models/{ids['mistral']}")[1]
    assert found["customProperties"]["accuracy"]["double_value"] == 0.93
    page.get_by_role("button", name="Remove the property accuracy").click()
    expect(page.get_by_text("The property accuracy is removed")).to_be_visible()
    page.get_by_role("link", name="History").click()
    expect(page.get_by_text("property accuracy").first).to_be_visible()


def test_a_version_has_aliases_a_stage_and_a_place(page: Page, ids: dict[str, str]) -> None:
    page.goto(f"/registry/versions/{ids['v2']}")
    expect(page.get_by_text("s3://models/granite/v2")).to_be_visible()
    page.get_by_label("Give it an alias").fill("champion")
    page.get_by_role("button", name="Add the alias").click()
    expect(page.get_by_text("champion is this version's now; it was v1's")).to_be_visible()
    page.get_by_label("Give it an alias").fill("latest")
    page.get_by_role("button", name="Add the alias").click()
    expect(page.locator("#alias-help")).to_contain_text("can be no alias")
    page.get_by_role("combobox", name="Stage").select_option("Staging")
    page.get_by_role("button", name="Save the stage").click()
    expect(page.get_by_text("It is in the stage staging")).to_be_visible()
    look(page, "registry-version")
    page.locator("summary", has_text="Another version").click()
    page.get_by_role("link", name="v1", exact=True).click()
    expect(page).to_have_url(f"/registry/versions/{ids['v1']}")
    expect(page.get_by_role("list", name="Aliases")).to_have_count(0)


def test_versions_are_compared(page: Page, ids: dict[str, str]) -> None:
    page.goto(f"/registry/models/{ids['granite']}/versions")
    page.get_by_label("Compare v1").check()
    page.get_by_label("Compare v2").check()
    page.get_by_role("button", name="Compare the chosen").click()
    table = page.get_by_role("grid", name="Versions side by side")
    expect(table.get_by_role("row").filter(has_text="Model location")).to_contain_text("differs")
    expect(table.get_by_role("row").filter(has_text="Author")).not_to_contain_text("differs")
    look(page, "registry-compare")


def test_what_serves_a_version_is_told_and_keeps_it(page: Page, server: Server, model: Any) -> None:
    identity, version = register(server, "served", "v1")
    service = tiny_service("served", model)
    labels = {"modelregistry.opendatahub.io/registered-model-id": identity}
    labels["modelregistry.opendatahub.io/model-version-id"] = version
    service["metadata"]["labels"] = labels
    assert server.call("POST", SERVICES, service)[0] == 201
    page.goto(f"/registry/versions/{version}/deployments")
    expect(page.get_by_role("grid", name="Deployments")).to_contain_text("served")
    expect(page.get_by_role("grid", name="Deployments")).to_contain_text("Ready", timeout=30_000)
    page.goto(f"/registry/models/{identity}/archive")
    expect(page.get_by_text("served is deployed")).to_be_visible()
    expect(page.get_by_role("link", name="default/served")).to_be_visible()
    server.call("DELETE", f"{SERVICES}/served")
    wait(lambda: server.call("GET", f"{SERVICES}/served")[0] == 404, 20, "the deployment is gone")
    page.goto(f"/registry/versions/{version}/deployments")
    expect(page.get_by_text("Nothing serves it")).to_be_visible()
    expect(page.get_by_text("1 deployment before")).to_be_visible()


def test_a_model_is_archived_restored_and_deleted(page: Page, server: Server) -> None:
    register(server, "old", "v1")
    page.goto("/registry")
    page.get_by_role("button", name="Actions of old").click()
    page.get_by_role("link", name="Archive model").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Archive")).to_be_disabled()
    dialog.get_by_label("Type old to confirm").fill("old")
    dialog.get_by_role("button", name="Archive").click()
    expect(page.get_by_text("old is archived; it can be restored")).to_be_visible()
    expect(page.get_by_role("link", name="old", exact=True)).to_have_count(0)
    page.get_by_role("link", name="View archived models").click()
    look(page, "registry-archive")
    page.get_by_role("button", name="Actions of old").click()
    page.get_by_role("button", name="Restore model").click()
    expect(page.get_by_text("old is restored")).to_be_visible()
    page.get_by_label("Actions of old").click()
    page.get_by_role("link", name="Delete model").click()
    expect(dialog).to_contain_text("1 version")
    dialog.get_by_label("Type old to confirm").fill("old")
    dialog.get_by_role("button", name="Delete model").click()
    expect(page.get_by_text("old is deleted")).to_be_visible()
    expect(page.get_by_role("link", name="old", exact=True)).to_have_count(0)
