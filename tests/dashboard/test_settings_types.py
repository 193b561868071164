"""Connection types in a browser: the builder of their fields, what people would see, and what is made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from seeing import look
from servers import Server

from forecourt.dashboard.forms import Form
from forecourt.dashboard.settings import rows, type_form
from forecourt.projects import ConfigMap, ConnectionType

MAPS = "/api/v1/namespaces/opendatahub/configmaps"
LABELS = {"opendatahub.io/connection-type": "true", "opendatahub.io/dashboard": "true"}


def _type(name: str, *fields: dict[str, Any], title: str = "") -> dict[str, Any]:
    annotations = {"openshift.io/display-name": title or name}
    return {
        "metadata": {"name": name, "labels": LABELS, "annotations": annotations},
        "data": {"category": '["Own"]', "fields": json.dumps(fields)},
    }


def _fields(server: Server, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(server.call("GET", f"{MAPS}/{name}")[1]["data"]["fields"])
    return found


URI = {"type": "uri", "name": "Address", "envVar": "ADDRESS", "required": True, "properties": {}}


def test_the_types_that_ship_are_listed(page: Page) -> None:
    page.goto("/settings/connection-types")
    row = page.locator("tr[data-row='s3']")
    expect(row).to_contain_text("Pre-installed")
    expect(row).to_contain_text("Model serving: S3 compatible object storage")
    look(page, "settings-connection-types")


def test_what_is_typed_while_the_form_is_on_its_way_stays(page: Page) -> None:
    page.goto("/settings/connection-types/new")
    page.get_by_role("button", name="Add field").click()
    field = page.get_by_role("group", name="Field 1")
    name, required = field.get_by_label("Name", exact=True), field.get_by_label("Required")
    held_back: list[Route] = []

    def hold(route: Route) -> None:
        if held_back:
            route.continue_()
        held_back.append(route)

    page.route("**/connection-types/new", hold)
    field.get_by_label("Type").select_option("numeric")
    name.fill("Port")
    required.check()
    held_back[0].continue_()
    expect(field.get_by_label("Lower bound")).to_be_visible()
    expect(name).to_have_value("Port")
    expect(required).to_be_checked()
    name.fill("")
    page.get_by_role("button", name="Add section heading").click()
    expect(page.get_by_role("group", name="Section 2")).to_be_visible()
    expect(name).to_have_value("")


def test_a_type_is_built_field_by_field_seen_and_made(page: Page, server: Server) -> None:
    page.goto("/settings/connection-types/new")
    page.get_by_label("Connection type name").fill("Vector store")
    page.get_by_label("Category").fill("Database")
    page.get_by_role("button", name="Add section heading").click()
    page.get_by_role("group", name="Section 1").get_by_label("Name", exact=True).fill("Where it is")
    page.get_by_role("button", name="Add field").click()
    address = page.get_by_role("group", name="Field 2")
    address.get_by_label("Type").select_option("uri")
    address.get_by_label("Name", exact=True).fill("Address")
    address.get_by_label("Required").check()
    page.get_by_role("button", name="Add field").click()
    level = page.get_by_role("group", name="Field 3")
    level.get_by_label("Name", exact=True).fill("Level")
    level.get_by_label("Type").select_option("dropdown")
    level.get_by_label("What can be chosen").fill("High = 2\nLow = 1")
    page.get_by_role("button", name="Move 3 up").click()
    expect(page.get_by_role("group", name="Field 2").get_by_label("Name", exact=True)).to_have_value("Level")
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="What people see")
    expect(preview.get_by_role("heading", name="Where it is")).to_be_visible()
    expect(preview.get_by_label("Address")).to_be_visible()
    expect(preview.get_by_label("Level")).to_contain_text("High")
    look(page, "settings-connection-type")
    page.get_by_role("button", name="Create", exact=True).dblclick()
    expect(page.locator("tr[data-row='vector-store']")).to_contain_text("Database")
    made = _fields(server, "vector-store")
    assert [one["type"] for one in made] == ["section", "dropdown", "uri"]
    assert made[1]["properties"]["items"] == [{"label": "High", "value": "2"}, {"label": "Low", "value": "1"}]
    assert made[2] == {"type": "uri", "name": "Address", "envVar": "ADDRESS", "required": True, "properties": {}}


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(page: Page) -> None:
    page.goto("/settings/connection-types/new")
    page.get_by_label("Connection type name").fill("Wrong")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("would say nothing")
    page.get_by_role("button", name="Add field").click()
    page.get_by_role("group", name="Field 1").get_by_label("Name", exact=True).fill("Key")
    page.get_by_role("group", name="Field 1").get_by_label("Environment variable").fill("not a name")
    expect(page.locator("#field-0-variable-help")).to_contain_text("must be letters, digits")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator("#field-0-variable-help")).to_contain_text("must be letters, digits")
    expect(page.get_by_role("group", name="Field 1").get_by_label("Name", exact=True)).to_have_value("Key")


def test_one_that_ships_is_disabled_by_a_copy_in_its_place(page: Page, server: Server) -> None:
    page.goto("/settings/connection-types")
    page.get_by_role("switch", name="Offer URI - v1").click()
    expect(page.get_by_role("switch", name="Offer URI - v1")).not_to_be_checked()
    assert server.call("GET", f"{MAPS}/uri-v1")[1]["metadata"]["annotations"]["opendatahub.io/disabled"] == "true"
    page.goto("/settings/connection-types/uri-v1/delete")
    page.get_by_role("button", name="Delete connection type").click()
    expect(page.locator("tr[data-row='uri-v1']")).to_contain_text("Pre-installed")


def test_deleting_one_names_the_connections_of_it(page: Page, server: Server) -> None:
    assert server.call("POST", MAPS, _type("used", URI))[0] == 201
    connection = {
        "metadata": {
            "name": "of-it",
            "labels": {"opendatahub.io/dashboard": "true"},
            "annotations": {"opendatahub.io/connection-type-ref": "used"},
        },
        "stringData": {"ADDRESS": "https://example.com"},
    }
    assert server.call("POST", "/api/v1/namespaces/default/secrets", connection)[0] == 201
    page.goto("/settings/connection-types/used/delete")
    expect(page.get_by_role("link", name="default/of-it")).to_be_visible()
    page.get_by_role("button", name="Delete connection type").click()
    expect(page.locator(".fc-notice")).to_contain_text("used deleted")


def test_scripts_in_what_a_type_says_are_text(page: Page, server: Server) -> None:
    name = "<script>window.gone=1</script>"
    field = {
        "type": "short-text",
        "name": name,
        "description": "<b>x",
        "envVar": "X",
        "properties": {"defaultValue": name},
    }
    assert server.call("POST", MAPS, _type("hostile", field, title=name))[0] == 201
    page.goto("/settings/connection-types")
    expect(page.locator("tr[data-row='hostile']")).to_contain_text(name)
    page.goto("/settings/connection-types/hostile/edit")
    expect(page.get_by_role("region", name="What people see")).to_contain_text(name)
    assert page.evaluate("window.gone") is None


# Without a browser


@pytest.mark.parametrize(
    "field",
    [
        {"type": "short-text", "properties": {"defaultValue": "a", "defaultReadOnly": True}},
        {"type": "hidden", "properties": {"deferInput": True}},
        {"type": "boolean", "properties": {"label": "Yes", "defaultValue": True}},
        {"type": "numeric", "properties": {"unit": "GB", "min": 1, "max": 2.5, "defaultValue": 2}},
        {"type": "file", "properties": {"extensions": [".json", ".pem"]}},
        {
            "type": "dropdown",
            "properties": {
                "variant": "multi",
                "items": [{"label": "A", "value": "1"}, {"label": "2", "value": "2"}],
                "defaultValue": ["1", "2"],
            },
        },
    ],
)
def test_a_form_gives_back_each_kind_of_field_that_it_was_filled_with(field: dict[str, Any]) -> None:
    whole = {"name": "Name", "description": "About", "envVar": "NAME", "required": True} | field
    kept = _type("one", {"type": "section", "name": "First"}, whole)
    made = type_form.document(Form([*type_form.filled(kept).items()]), "one", kept, "")
    assert json.loads(made["data"]["fields"]) == [{"type": "section", "name": "First"}, whole]
    assert json.loads(made["data"]["category"]) == ["Own"]
    assert len(ConnectionType.of(ConfigMap.from_dict(made)).fields) == 2


def test_rows_move_and_go_with_their_values() -> None:
    typed: dict[str, Any] = {"fields": "0"}
    for name in "abc":
        rows.add(typed, "field", {"name": name})
    rows.move(typed, "field", 0, -1)
    rows.move(typed, "field", 0, 1)
    rows.remove(typed, "field", 2)
    rows.remove(typed, "field", 7)
    assert typed == {"fields": "2", "field-0-name": "b", "field-1-name": "a"}


@pytest.mark.parametrize("said", ["", "x", "-1", "1e9", "²"])
def test_a_number_of_rows_that_is_none_is_no_row(said: str) -> None:
    assert [*rows.count({"fields": said}, "field")] == []


def test_data_that_is_no_json_has_no_fields() -> None:
    kept = _type("odd") | {"data": {"category": "no json", "fields": "{"}}
    assert type_form.filled(kept)["fields"] == "0"
