"""Catalog sources in a browser: added with a preview, loaded while one looks, changed, deleted."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from seeing import look
from servers import Server

from forecourt.dashboard.forms import Form
from forecourt.dashboard.settings import source_form
from forecourt.errors import InvalidInput

SOURCES = "/api/forecourt/v1/catalog/sources"
MODELS = """\
models:
  - name: acme/granite
  - name: acme/granite-draft
"""


def test_the_sources_that_ship_are_listed_with_what_became_of_them(page: Page) -> None:
    page.goto("/settings/catalog-sources")
    row = page.locator("tr[data-row='validated']")
    expect(row).to_contain_text("Connected", timeout=20_000)
    expect(row).to_contain_text("YAML file")
    look(page, "settings-catalog-sources")


def test_a_yaml_source_is_previewed_added_and_loaded_while_one_looks(page: Page, server: Server) -> None:
    page.goto("/settings/catalog-sources/new")
    page.get_by_label("Name", exact=False).first.fill("Our models")
    page.get_by_label("YAML file", exact=True).check()
    page.get_by_label("Upload a YAML file").set_input_files(
        {"name": "models.yaml", "mimeType": "application/yaml", "buffer": MODELS.encode()}
    )
    expect(page.get_by_label("YAML", exact=True)).to_have_value(MODELS)
    page.get_by_label("Excluded models").fill("*-draft")
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("1 of 2 models would be shown")
    expect(preview.get_by_text("acme/granite-draft")).to_be_hidden()
    preview.get_by_label("Models excluded (1)").check()
    expect(preview.get_by_text("acme/granite-draft")).to_be_visible()
    assert server.call("GET", f"{SOURCES}/our-models")[0] == 404
    look(page, "settings-catalog-source")
    page.get_by_role("button", name="Add", exact=True).dblclick()
    row = page.locator("tr[data-row='our-models']")
    expect(row).to_contain_text("Connected")
    expect(row.locator("[data-label=Models]")).to_have_text("1")
    expect(row).to_contain_text("Filtered")


def test_a_source_is_changed_hidden_refreshed_and_deleted(page: Page, server: Server) -> None:
    server.call("POST", SOURCES, {"id": "mine", "name": "Mine", "type": "yaml", "catalogData": MODELS})
    page.goto("/settings/catalog-sources/mine/edit")
    expect(page.get_by_label("YAML", exact=True)).to_have_value(MODELS)
    page.get_by_label("YAML", exact=True).fill("models: [{name: other}, {name: 7}]")
    page.get_by_role("button", name="Save").click()
    row = page.locator("tr[data-row='mine']")
    expect(row).to_contain_text("Partly connected")
    row.get_by_text("What was left out (1)").click()
    expect(row).to_contain_text("models[1]")
    page.get_by_role("switch", name="Show models of Mine").click()
    expect(row).to_contain_text("Disabled")
    page.goto("/settings/catalog-sources/mine/delete")
    expect(page.locator("main")).to_contain_text("the YAML that was uploaded")
    page.get_by_role("button", name="Delete source").click()
    expect(page.locator("tr[data-row='mine']")).to_have_count(0)


def test_an_access_token_never_comes_back(page: Page, server: Server) -> None:
    page.goto("/settings/catalog-sources/new")
    page.get_by_label("Name", exact=False).first.fill("Acme")
    page.get_by_label("Organization").fill("acme")
    page.get_by_label("Access token", exact=True).fill("hf_very-secret")
    page.get_by_label("Enable source").uncheck()
    page.get_by_label("Included models").fill("granite*")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("tr[data-row='acme']")).to_contain_text("Hugging Face repository")
    page.goto("/settings/catalog-sources/acme/edit")
    expect(page.locator("#token-help")).to_contain_text("A token is kept")
    assert "hf_very-secret" not in page.content()
    page.get_by_role("button", name="Save").click()
    assert server.call("GET", f"{SOURCES}/acme")[1]["tokenKept"]
    page.goto("/settings/catalog-sources/acme/edit")
    page.get_by_label("Forget the token").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".fc-notice")).to_be_visible()
    assert not server.call("GET", f"{SOURCES}/acme")[1]["tokenKept"]


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(page: Page) -> None:
    page.goto("/settings/catalog-sources/new")
    page.get_by_label("Name", exact=False).first.fill("Wrong")
    page.get_by_label("Organization").fill("not an organization")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#organization-help")).to_contain_text("must be the name of an organization")
    expect(page.get_by_label("Organization")).to_have_value("not an organization")
    page.get_by_label("YAML file", exact=True).check()
    page.get_by_label("YAML", exact=True).fill("models:\n  - name: [")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#source-preview")).to_contain_text("line")


def test_scripts_in_what_a_source_says_are_text(page: Page, server: Server) -> None:
    name = "<script>window.gone=1</script>"
    models = f"models: [{{name: '{name}'}}, {{name: 7}}]"
    made = {"id": "hostile", "name": name, "labels": ["<b>x"], "type": "yaml", "catalogData": models}
    assert server.call("POST", SOURCES, made)[0] == 201
    page.goto("/settings/catalog-sources")
    expect(page.locator("tr[data-row='hostile']")).to_contain_text(name)
    page.goto("/settings/catalog-sources/hostile/edit")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Preview")).to_contain_text(name)
    assert page.evaluate("window.gone") is None


# Without a browser


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("The source: allowedOrganization must be the name of an organization on Hugging Face.", "organization"),
        ("The source: a source of type catalog needs the property url.", "url"),
        ("The source: includedModels has a pattern that is blank.", "included"),
        ("catalogData, line 3: models[0] has no name.", "yaml"),
    ],
)
def test_what_the_server_says_is_told_at_the_field_that_it_is_about(message: str, field: str) -> None:
    errors, rest = source_form.problems(InvalidInput(message))
    assert [*errors] == [field]
    assert rest is None


def test_a_form_gives_back_the_source_that_it_was_filled_with() -> None:
    source = {
        "id": "far",
        "name": "Far",
        "type": "oci-modelcars",
        "enabled": True,
        "labels": ["a", "b"],
        "includedModels": ["x*"],
        "properties": {"registry": "quay.io", "repositories": ["acme/*"], "insecure": True, "syncInterval": "24h"},
    }
    assert source_form.entry(Form([*source_form.filled(source, None).items()]), "far") == source
