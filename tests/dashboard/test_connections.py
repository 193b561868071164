"""Connections of a project in a browser: added, tried, changed, deleted; what is secret never comes back."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, Route, expect
from seeing import look
from servers import SERVICES, Server, tiny_service

CONNECTIONS = "/projects/default/connections"
SECRETS = "/api/v1/namespaces/default/secrets"
TYPES = "/api/v1/namespaces/opendatahub/configmaps"
HOSTILE = "<script>window.hurt = true</script><img src=x onerror='window.hurt = true'>"
SECRET = "open-sesame-42"


def _secret(server: Server, name: str, type_: str, values: dict[str, str], **annotations: str) -> None:
    notes = {"opendatahub.io/connection-type-ref": type_} | annotations
    document = {"metadata": {"name": name, "annotations": notes}, "stringData": values}
    assert server.call("POST", SECRETS, document)[0] == 201


def _type(server: Server, name: str, fields: list[dict]) -> None:
    metadata = {
        "name": name,
        "labels": {"opendatahub.io/connection-type": "true"},
        "annotations": {"openshift.io/display-name": name, "openshift.io/description": HOSTILE},
    }
    document = {"metadata": metadata, "data": {"category": '["Ours"]', "fields": json.dumps(fields)}}
    assert server.call("POST", TYPES, document)[0] == 201


def _kept(server: Server, name: str) -> dict:
    status, document = server.call("GET", f"{SECRETS}/{name}")
    assert status == 200
    return document


def _never_seen(page: Page, secret: str) -> None:
    """Fail where a secret is in any answer that the page gets from now on."""

    def check(route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        assert secret not in answer.text()
        route.fulfill(response=answer)

    page.route(re.compile(r"/projects/"), check)


def test_a_project_without_connections_says_what_they_are_for(page: Page) -> None:
    page.goto(CONNECTIONS)
    expect(page.get_by_role("heading", name="No connections")).to_be_visible()
    look(page, "connections-empty")
    page.get_by_role("link", name="Add connection").click()
    expect(page.get_by_role("heading", name="Add connection")).to_be_visible()


def test_a_connection_is_added_with_the_mouse(page: Page, server: Server) -> None:
    page.goto(CONNECTIONS + "/new")
    page.get_by_label("Connection name").fill("Granite 3.1")
    page.get_by_label("Connection type").select_option(label="URI - v1")
    page.locator("#value-URI").fill("oci://quay.io/redhat-ai-services/modelcar-catalog:granite-3.1-2b-instruct")
    expect(page.get_by_label("Connection name")).to_have_value("Granite 3.1")
    page.get_by_role("button", name="Add connection").click()
    expect(page.get_by_role("status").filter(has_text="Connection Granite 3.1 added")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Granite 3.1")
    expect(row).to_contain_text("URI - v1")
    expect(row).to_contain_text("Model serving")
    kept = _kept(server, "granite-31")
    assert kept["metadata"]["labels"]["opendatahub.io/dashboard"] == "true"


def test_what_is_missing_is_said_at_each_field_and_what_was_typed_stays_hidden_values_too(page: Page) -> None:
    _never_seen(page, SECRET)
    page.goto(CONNECTIONS + "/new?type=s3")
    page.get_by_label("Secret key", exact=False).first.fill(SECRET)
    page.get_by_label("Access key").fill("me")
    page.get_by_role("button", name="Add connection").click()
    expect(page.locator("#title-help")).to_contain_text("A connection needs a name.")
    expect(page.locator("#value-AWS_S3_ENDPOINT-help")).to_contain_text("Endpoint is needed.")
    expect(page.get_by_label("Access key")).to_have_value("me")
    expect(page.locator("#value-AWS_SECRET_ACCESS_KEY")).to_have_value(SECRET)  # the page has kept it, nobody sent it
    look(page, "connection-add")


def test_a_hidden_value_is_shown_only_to_whoever_types_it(page: Page) -> None:
    page.goto(CONNECTIONS + "/new?type=s3")
    field = page.locator("#value-AWS_SECRET_ACCESS_KEY")
    field.fill(SECRET)
    expect(field).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show Secret key").click()
    expect(field).to_have_attribute("type", "text")


def test_a_connection_is_tried_before_it_is_added_and_afterwards(page: Page, server: Server) -> None:
    page.goto(CONNECTIONS + "/new?type=uri-v1")
    page.get_by_label("Connection name").fill("Folder")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#connection-tested")).to_contain_text("URI is needed.")
    page.locator("#value-URI").fill(server.record["url"] + "/absent")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#connection-tested")).to_contain_text("The connection does not work")
    page.locator("#value-URI").fill(server.record["url"] + "/healthz")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#connection-tested")).to_contain_text("The connection works")
    assert server.call("GET", f"{SECRETS}/folder")[0] == 404
    _secret(server, "kept-folder", "uri-v1", {"URI": server.record["url"] + "/healthz"})
    page.goto(CONNECTIONS)
    page.get_by_label("Actions of kept-folder").click()
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#connection-tested")).to_contain_text("The connection works: kept-folder")


def test_a_name_that_is_taken_is_said_at_the_field_while_one_types(page: Page, server: Server) -> None:
    _secret(server, "taken", "uri-v1", {"URI": "https://example.org/model"})
    page.goto(CONNECTIONS + "/new?type=uri-v1")
    page.get_by_label("Connection name").fill("Taken")
    page.locator("#value-URI").fill("nonsense")
    page.get_by_label("Description").click()
    expect(page.locator("#name-help")).to_contain_text("taken already")
    expect(page.locator("#value-URI-help")).to_contain_text("must be a URI")
    page.locator("#value-URI").fill("https://example.org/model")
    page.get_by_role("button", name="Add connection").click()
    expect(page.get_by_label("Resource name")).to_have_attribute("aria-invalid", "true")


def test_hidden_values_are_kept_and_never_shown_when_a_connection_is_edited(page: Page, server: Server) -> None:
    values = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_S3_ENDPOINT": "http://localhost:1"}
    _secret(server, "bucket", "s3", values)
    _never_seen(page, SECRET)
    page.goto(f"{CONNECTIONS}/bucket/edit")
    expect(page.locator("#value-AWS_SECRET_ACCESS_KEY-help")).to_contain_text("kept unless you type another")
    expect(page.get_by_label("Endpoint")).to_have_value("http://localhost:1")
    look(page, "connection-edit")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#connection-tested")).to_contain_text("does not work")
    page.get_by_label("Endpoint").fill("http://localhost:2")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Connection bucket saved")).to_be_visible()
    assert "AWS_SECRET_ACCESS_KEY" in _kept(server, "bucket")["metadata"]["annotations"]["forecourt.dev/hidden-keys"]
    for address in (CONNECTIONS, f"{CONNECTIONS}/bucket/edit"):
        with urllib.request.urlopen(f"{server.record['url']}{address}?format=json") as answer:
            assert SECRET not in answer.read().decode()
    assert SECRET not in (server.home / "output.log").read_text()


def test_what_somebody_else_has_changed_meanwhile_is_not_written_over(page: Page, server: Server) -> None:
    _secret(server, "shared", "uri-v1", {"URI": "https://example.org/a"})
    page.goto(f"{CONNECTIONS}/shared/edit")
    change = {"metadata": {"annotations": {"openshift.io/description": "Theirs"}}}
    assert server.call("PATCH", f"{SECRETS}/shared", change)[0] == 200
    page.get_by_label("Description").fill("Mine")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Description")).to_have_value("Mine")
    assert _kept(server, "shared")["metadata"]["annotations"]["openshift.io/description"] == "Theirs"


def test_deleting_says_which_deployments_use_it_and_wants_the_name(page: Page, server: Server, model: Path) -> None:
    _secret(server, "weights", "uri-v1", {"URI": f"file://{model}"})
    service = tiny_service("uses-weights", model)
    service["metadata"]["annotations"] = {"opendatahub.io/connections": "weights"}
    assert server.call("POST", SERVICES, service)[0] == 201
    page.goto(CONNECTIONS)
    expect(page.get_by_role("row").filter(has_text="weights").first).to_contain_text("uses-weights")
    look(page, "connections")
    page.get_by_label("Actions of weights").click()
    page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 deployment uses it")
    expect(dialog).to_contain_text("uses-weights")
    expect(dialog.get_by_role("button", name="Delete connection")).to_be_disabled()
    look(page, "connection-delete")
    dialog.get_by_label("Type weights to confirm").fill("weights")
    dialog.get_by_role("button", name="Delete connection").click()
    expect(page.get_by_role("status").filter(has_text="Connection weights deleted")).to_be_visible()
    assert server.call("GET", f"{SECRETS}/weights")[0] == 404
    server.call("DELETE", f"{SERVICES}/uses-weights")


def test_every_kind_of_field_is_shown_as_its_type_says_and_what_is_hostile_is_text(page: Page, server: Server) -> None:
    def field(kind: str, variable: str, **properties: object) -> dict:
        return {"type": kind, "name": f"{kind} {HOSTILE}", "envVar": variable, "description": HOSTILE} | {
            "properties": properties
        }

    items = [{"label": HOSTILE, "value": "a"}, {"label": "B", "value": "b"}]
    fields = [
        {"type": "section", "name": HOSTILE, "description": HOSTILE},
        field("short-text", "SHORT", defaultValue=HOSTILE),
        field("text", "TEXT"),
        field("uri", "FIXED", defaultValue="https://fixed.example", defaultReadOnly=True),
        field("hidden", "HIDDEN"),
        field("numeric", "NUMBER", defaultValue=5, min=1, max=9, unit="seconds"),
        field("boolean", "BOOLEAN", defaultValue=True, label=HOSTILE),
        field("dropdown", "ONE", variant="single", items=items, defaultValue=["b"]),
        field("dropdown", "MANY", variant="multi", items=items, defaultValue=["a"]),
        field("file", "FILE", extensions=[".pem"]),
    ]
    _type(server, "every", fields)
    page.goto(CONNECTIONS + "/new?type=every")
    look(page, "connection-fields")
    expect(page.locator("#value-SHORT")).to_have_value(HOSTILE)
    expect(page.locator("#value-FIXED")).to_have_attribute("readonly", "")
    expect(page.locator("#value-NUMBER")).to_have_value("5")
    expect(page.locator("#value-ONE")).to_have_value("b")
    expect(page.locator("#value-MANY-1")).to_be_checked()
    expect(page.get_by_text("seconds")).to_be_visible()
    page.locator("#file-FILE").set_input_files({"name": "ca.pem", "mimeType": "text/plain", "buffer": b"certificate"})
    page.get_by_label("Connection name").fill(HOSTILE)
    page.get_by_label("Resource name").fill("every")
    page.get_by_label("Description").fill(HOSTILE)
    page.get_by_role("button", name="Add connection").click()
    expect(page.get_by_role("row").filter(has_text=HOSTILE)).to_be_visible()
    assert not page.evaluate("window.hurt")
    shown = _kept(server, "every")
    assert set(shown["data"]) == {"SHORT", "FIXED", "NUMBER", "BOOLEAN", "ONE", "MANY"}
    assert json.loads(shown["metadata"]["annotations"]["forecourt.dev/hidden-keys"]) == ["FILE"]
    page.get_by_label(f"Actions of {HOSTILE}").click()
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    assert not page.evaluate("window.hurt")


def test_a_double_click_adds_one_connection(page: Page, server: Server) -> None:
    page.goto(CONNECTIONS + "/new?type=uri-v1")
    page.get_by_label("Connection name").fill("Twice")
    page.locator("#value-URI").fill("https://example.org/model")
    page.get_by_role("button", name="Add connection").dblclick()
    expect(page.get_by_role("status").filter(has_text="Connection Twice added")).to_be_visible()
