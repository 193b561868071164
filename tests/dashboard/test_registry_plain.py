"""The model registry's pages as HTML and as JSON, without a browser."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from servers import Server

from forecourt.dashboard.registry.comparing import rows
from forecourt.dashboard.registry.trail import entry
from forecourt.dashboard.registry.versions import located

MODELS = "/api/model_registry/v1/registered_models"
HOSTILE = "<script>alert(1)</script>"
TEXT = {"metadataType": "MetadataStringValue"}


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def ask(server: Server, path: str, form: dict[str, str] | None = None, kind: str = "text/html") -> tuple[int, Any]:
    """Return the status and the page, or where it leads to."""
    data = urlencode(form).encode() if form is not None else None
    request = Request(server.record["url"] + path, data, {"accept": kind})
    try:
        with build_opener(_Stay).open(request, timeout=30) as answer:
            text = answer.read().decode()
            return answer.status, json.loads(text) if kind.endswith("json") else text
    except HTTPError as error:
        with error:
            return error.code, error.headers.get("location") or error.read().decode()


@pytest.fixture(scope="module")
def hostile(server: Server) -> dict[str, str]:
    """A model and a version with HTML in every field."""
    texts = dict.fromkeys(("description", "owner", "provider", "license", "libraryName", "maturity"), HOSTILE)
    properties = {HOSTILE: TEXT | {"string_value": ""}, f"{HOSTILE}2": TEXT | {"string_value": HOSTILE}}
    body = {"name": HOSTILE, **texts, "licenseLink": "javascript:alert(1)", "tasks": [HOSTILE], "language": [HOSTILE]}
    body |= {"readme": f"# Card\n\n{HOSTILE}\n\n[x](javascript:alert(1))", "customProperties": properties}
    model = server.call("POST", MODELS, body)[1]["id"]
    body = {"name": HOSTILE, "registeredModelId": model, "description": HOSTILE, "author": HOSTILE}
    made = server.call("POST", "/api/model_registry/v1/model_versions", body | {"customProperties": properties})
    version = made[1]["id"]
    artifact = {"name": HOSTILE, "uri": f"s3://{HOSTILE}/a?endpoint={HOSTILE}", "modelFormatName": HOSTILE}
    artifact |= {"artifactType": "model-artifact"}
    assert server.call("POST", f"/api/model_registry/v1/model_versions/{version}/artifacts", artifact)[0] == 201
    link = {"relation": "source", "uri": f"https://example.com/{HOSTILE}", "detail": HOSTILE}
    where = f"/api/forecourt/v1/registry/model_versions/{version}/lineage"
    assert server.call("POST", where, link)[0] == 201
    return {"model": model, "version": version}


PAGES = (
    "/registry",
    "/registry/models/{model}",
    "/registry/models/{model}?edit=details",
    "/registry/models/{model}?edit=readme",
    "/registry/models/{model}/versions",
    "/registry/models/{model}/deployments",
    "/registry/models/{model}/history",
    "/registry/models/{model}/archive",
    "/registry/models/{model}/delete",
    "/registry/versions/{version}",
    "/registry/versions/{version}/artifacts",
    "/registry/versions/{version}/lineage",
    "/registry/versions/{version}/deployments",
    "/registry/versions/{version}/history",
    "/registry/compare?version={version}&version={version}",
)


@pytest.mark.parametrize("path", PAGES)
def test_what_is_written_in_a_field_is_text(server: Server, hostile: dict[str, str], path: str) -> None:
    status, page = ask(server, path.format(**hostile))
    assert status == 200
    assert HOSTILE not in page
    assert 'href="javascript:' not in page
    assert "&lt;script&gt;" in page or "compare" in path
    status, twin = ask(server, path.format(**hostile), kind="application/json")
    assert status == 200
    assert isinstance(twin, dict)


@pytest.mark.parametrize(
    "path",
    [
        "/registry/models/999999",
        "/registry/models/nonsense",
        "/registry/versions/999999/lineage",
        "/registry/versions/%00",
        "/registry/compare?version=999999",
        "/registry/things/1/archive",
    ],
)
def test_what_is_not_there_is_said_so(server: Server, path: str) -> None:
    status, page = ask(server, path)
    assert status in (400, 404), page
    assert "<h1" in page
    assert "Traceback" not in page


def test_a_part_that_there_is_not_is_not_changed(server: Server) -> None:
    model = server.call("POST", MODELS, {"name": "whole"})[1]["id"]
    assert ask(server, f"/registry/models/{model}/change", {"part": "nothing"})[0] == 404
    assert ask(server, f"/registry/models/{model}/change", {})[0] == 404


def test_a_part_that_somebody_changed_meanwhile_is_not_overwritten_unseen(server: Server) -> None:
    model = server.call("POST", MODELS, {"name": "shared"})[1]
    seen = model["lastUpdateTimeSinceEpoch"]
    server.call("PATCH", f"{MODELS}/{model['id']}", {"description": "theirs"})
    form = {"part": "description", "description": "mine", "seen": seen}
    status, page = ask(server, f"/registry/models/{model['id']}/change", form)
    assert status == 409
    assert "Somebody has changed it" in page
    assert ">mine</textarea>" in page
    assert server.call("GET", f"{MODELS}/{model['id']}")[1]["description"] == "theirs"
    now = server.call("GET", f"{MODELS}/{model['id']}")[1]["lastUpdateTimeSinceEpoch"]
    assert f'name="seen" value="{now}"' in page
    assert ask(server, f"/registry/models/{model['id']}/change", form | {"seen": now})[0] == 303
    assert server.call("GET", f"{MODELS}/{model['id']}")[1]["description"] == "mine"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"part": "labels", "label": " "}, "Type the label."),
        ({"part": "properties", "name": "", "kind": "text", "value": "a"}, "Type the property&#39;s key."),
        ({"part": "properties", "name": "n", "kind": "integer", "value": "3000000000"}, "32 bits"),
        ({"part": "properties", "name": "n", "kind": "integer", "value": "1.5"}, "is not an integer"),
        ({"part": "properties", "name": "n", "kind": "number", "value": "inf"}, "is not a number"),
        ({"part": "properties", "name": "n", "kind": "boolean", "value": "yes"}, "true or false"),
        ({"part": "properties", "name": "n", "kind": "text", "value": ""}, "is a label"),
        ({"part": "properties", "name": "n", "kind": "magic", "value": "a"}, "Choose a type."),
        ({"part": "properties", "name": "there", "kind": "text", "value": "a"}, "already"),
        ({"part": "properties", "name": "n" * 300, "kind": "text", "value": "a"}, "255"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(server: Server, form: dict[str, str], told: str) -> None:
    body = {"name": "wrong", "customProperties": {"there": TEXT | {"string_value": "x"}}}
    server.call("POST", MODELS, body)
    model = server.call("GET", "/api/model_registry/v1/registered_model?name=wrong")[1]
    status, page = ask(server, f"/registry/models/{model['id']}/change", form)
    assert status == 422
    assert told in page
    if form.get("name"):
        assert f'value="{form["name"]}"' in page
    assert server.call("GET", f"{MODELS}/{model['id']}")[1]["customProperties"] == body["customProperties"]


def test_a_property_is_called_something_else_in_one_step(server: Server) -> None:
    body = {"name": "renaming", "customProperties": {"teem": TEXT | {"string_value": "x"}}}
    model = server.call("POST", MODELS, body)[1]["id"]
    form = {"part": "properties", "before": "teem", "name": "team", "kind": "text", "value": "search"}
    assert ask(server, f"/registry/models/{model}/change", form)[0] == 303
    properties = server.call("GET", f"{MODELS}/{model}")[1]["customProperties"]
    assert {name: value["string_value"] for name, value in properties.items()} == {"team": "search"}


def test_archiving_wants_the_name(server: Server) -> None:
    model = server.call("POST", MODELS, {"name": "kept"})[1]["id"]
    status, page = ask(server, f"/registry/models/{model}/archive", {"confirm": "something"})
    assert status == 422
    assert "Type kept to confirm." in page
    assert server.call("GET", f"{MODELS}/{model}")[1]["state"] == "LIVE"


def test_pages_go_on_where_the_one_before_ended(server: Server) -> None:
    for number in range(50):
        server.call("POST", MODELS, {"name": f"many-{number:02}", "owner": "paging"})
    pages, token = [], ""
    while token or not pages:
        shown = ask(server, f"/registry?by=owner&q=paging&sort=name&token={token}", kind="application/json")[1]
        pages.append([one["name"] for one in shown["models"]])
        token = shown["next"]
    assert [len(page) for page in pages] == [20, 20, 10]
    assert [name for page in pages for name in page] == [f"many-{number:02}" for number in range(50)]
    assert ask(server, "/registry?token=nonsense")[0] == 422


def test_where_files_are_is_told_in_the_parts_that_an_object_store_has() -> None:
    uri = "s3://models/granite/v1?endpoint=https://minio:9000&defaultRegion=eu-west-1"
    found = located({"uri": uri, "modelFormatName": "vLLM"})
    store = {"endpoint": "https://minio:9000", "region": "eu-west-1", "bucket": "models", "path": "granite/v1"}
    assert found["store"] == store
    assert located({"uri": "oci://a/b@sha256:1234"})["digest"] == "sha256:1234"
    assert located({})["store"] is None


def test_a_change_says_which_fields_are_other_than_before() -> None:
    change = {
        "id": "1",
        "timeSinceEpoch": "1",
        "actor": "ann",
        "agent": "",
        "action": "update",
        "kind": "ModelVersion",
        "name": "v1",
        "before": {"state": "LIVE", "customProperties": {"flag": {"bool_value": True}, "gold": {"string_value": ""}}},
        "after": {"state": "LIVE", "customProperties": {"flag": {"bool_value": False}}},
    }
    found = entry(change)
    assert found["action"] == "changed"
    told = [
        {"field": "label gold", "before": "set", "after": ""},
        {"field": "property flag", "before": "true", "after": "false"},
    ]
    assert found["changes"] == told
    archived = change | {"after": {"state": "ARCHIVED", "customProperties": change["before"]["customProperties"]}}  # type: ignore[index]
    assert entry(archived)["action"] == "archived"


def test_a_comparison_leaves_out_what_nobody_says() -> None:
    def version(**said: Any) -> dict[str, Any]:
        shown = {"description": "", "author": "ann", "stage": "", "labels": [], **said}
        lineage: dict[str, Any] = {"aliases": [], "sources": [], "parents": [], "deployments": []}
        return {"version": shown, "files": located({}), "lineage": lineage, "values": {}, "properties": {}}

    found = rows([version(stage="staging"), version()])
    assert [(one["title"], one["values"], one["differs"]) for one in found] == [
        ("Author", ["ann", "ann"], False),
        ("Stage", ["Staging", ""], True),
    ]
