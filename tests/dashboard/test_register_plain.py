"""The form that registers a model, without a browser: what it is filled with, what it refuses, what comes of it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import yaml
from object_stores import object_store
from servers import Server, serving, wait
from tiny_models import write_gguf

API = "/api/model_registry/v1"
EVIL = "<script>alert(1)</script>"
FORM = "/registry/register"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a model in its catalog, whose words are hostile, and a bucket as a connection of a project."""
    home = tmp_path_factory.mktemp("registering")
    text = {"metadataType": "MetadataStringValue"}
    model = {
        "name": "acme/talker",
        "description": EVIL,
        "license": "mit",
        "customProperties": {"size": text | {"string_value": EVIL}, "base_model": text | {"string_value": "acme/base"}},
        "artifacts": [{"uri": "oci://localhost:1/acme/talker:2.0"}],
    }
    (home / "models.yaml").write_text(yaml.safe_dump({"source": "Ours", "models": [model]}))
    with serving(home, FORECOURT_CATALOG_FOLDERS=str(home)) as running:
        done = running.run("catalog", "sources", "add", "ours", "--path", str(home / "models.yaml"))
        assert done.returncode == 0, done.stderr
        values = {
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_S3_ENDPOINT": "https://s3.example.com",
            "AWS_S3_BUCKET": "models",
            "AWS_DEFAULT_REGION": "eu",
        }
        bucket = connection("bucket", values)
        status, made = running.call("POST", "/api/v1/namespaces/default/secrets", bucket)
        assert status == 201, made
        yield running


def connection(name: str, values: dict[str, str]) -> dict[str, Any]:
    """Return a connection to a bucket, as the dashboard makes it."""
    notes = {
        "opendatahub.io/connection-type-ref": "s3",
        "opendatahub.io/connection-type-protocol": "s3",
        "openshift.io/display-name": name,
    }
    labels = {"opendatahub.io/dashboard": "true"}
    return {"metadata": {"name": name, "labels": labels, "annotations": notes}, "stringData": values}


@pytest.fixture
def pages(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.record["url"], trust_env=False, timeout=30) as client:
        yield client


def twin(pages: httpx.Client, **query: str) -> dict[str, Any]:
    """Return the form's data as it opens."""
    answer = pages.get(FORM, params=query | {"format": "json"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def sent(pages: httpx.Client, form: dict[str, Any], where: str = "") -> httpx.Response:
    """Send the form, and return the answer as a program gets it."""
    return pages.post(FORM + where, data=form, headers={"accept": "application/json"})


def typed(name: str, **more: str) -> dict[str, str]:
    """Return what somebody types who knows it all."""
    return {"name": name, "version": "1", "location": "uri", "uri": f"hf://acme/{name}", "mode": "register"} | more


def versions(server: Server, name: str) -> list[dict[str, Any]]:
    query = urlencode({"filterQuery": f"name = '{name}'"})
    models = server.call("GET", f"{API}/registered_models?{query}")[1]["items"]
    found = [server.call("GET", f"{API}/registered_models/{one['id']}/versions")[1]["items"] for one in models]
    return [version for those in found for version in those]


def test_the_form_is_filled_from_the_catalog(pages: httpx.Client, server: Server) -> None:
    page = twin(pages, **{"from": "catalog://ours/acme/talker"})
    form = page["form"]
    assert (form["name"], form["version"], form["description"]) == ("talker", "2.0", EVIL)
    assert (form["location"], form["uri"]) == ("uri", "oci://localhost:1/acme/talker:2.0")
    assert {"relation": "source", "uri": "catalog://ours/acme/talker"} in page["links"]
    assert {"name": "size", "value": EVIL} in page["properties"]
    assert (page["errors"], page["error"]) == ({}, None)
    rows = {"property-name": [one["name"] for one in page["properties"]]}
    rows |= {"property-value": [one["value"] for one in page["properties"]]}
    rows |= {
        "link-relation": [one["relation"] for one in page["links"]],
        "link-uri": [one["uri"] for one in page["links"]],
    }
    where = sent(pages, form | rows).json()["location"]
    identity = where.removeprefix("/registry/versions/")
    made = server.call("GET", f"{API}/model_versions/{identity}")[1]
    assert made["customProperties"]["size"]["string_value"] == EVIL
    lineage = server.call("GET", f"/api/forecourt/v1/registry/model_versions/{identity}/lineage")[1]
    assert [one["uri"] for one in lineage["sources"]] == ["catalog://ours/acme/talker"]
    assert [one["uri"] for one in lineage["parents"]] == ["hf://acme/base"]
    model = server.call("GET", f"{API}/registered_models/{made['registeredModelId']}")[1]
    assert model["license"] == "mit", "what no field has comes along"


def test_what_is_shown_is_text(pages: httpx.Client) -> None:
    scripts = dict.fromkeys(("name", "version", "description", "format", "uri", "aliases", "labels", "image"), EVIL)
    scripts |= {
        "property-name": EVIL,
        "property-value": EVIL,
        "link-relation": "source",
        "link-uri": EVIL,
        "from": EVIL,
    }
    answer = pages.post(FORM, data=typed("x") | scripts)
    assert answer.status_code == 422
    assert EVIL not in answer.text
    assert html.escape(EVIL) in answer.text.replace("&#34;", "&quot;")
    opened = pages.get(FORM, params={"from": "catalog://ours/acme/talker"}).text
    assert EVIL not in opened


def test_a_form_that_is_sent_twice_registers_once(pages: httpx.Client, server: Server) -> None:
    form = typed("twice", key="k1")
    first, second = sent(pages, form), sent(pages, form)
    assert first.json() == second.json()
    assert len(versions(server, "twice")) == 1
    changed = sent(pages, form | {"name": "twice-more"})
    assert changed.json()["location"] != first.json()["location"], "after going back something else can be registered"


def test_a_browser_is_sent_to_the_version(pages: httpx.Client) -> None:
    answer = pages.post(FORM, data=typed("browsed"))
    assert answer.status_code == 303
    assert re.fullmatch(r"/registry/versions/\d+", answer.headers["location"])
    assert "browsed 1 is registered" in answer.headers["set-cookie"]


def test_a_name_that_is_taken_is_told_and_becomes_a_new_version(pages: httpx.Client, server: Server) -> None:
    sent(pages, typed("taken"))
    said = sent(pages, typed("taken", version="v7", key="k2"), "/check").json()
    assert said["errors"] == {"name": "A registered model is called taken already."}
    refused = sent(pages, typed("taken", version="v7", key="k2"))
    assert (refused.status_code, len(versions(server, "taken"))) == (422, 1)
    other = sent(pages, typed("taken", version="v7", key="k2", do=f"version:{said['taken']['id']}")).json()
    assert other["model"] == {"id": said["taken"]["id"], "name": "taken", "archived": False}
    assert (other["form"]["version"], other["form"]["uri"]) == ("v7", "hf://acme/taken")
    done = sent(pages, {**other["form"], "do": ""})
    assert "location" in done.json(), done.text
    assert sorted(one["name"] for one in versions(server, "taken")) == ["1", "v7"]


def test_a_version_that_is_there_is_told_with_the_next_that_is_free(pages: httpx.Client, server: Server) -> None:
    sent(pages, typed("numbered", version="v1"))
    identity = versions(server, "numbered")[0]["registeredModelId"]
    assert twin(pages, model=identity, **{"from": "hf://acme/numbered"})["form"]["version"] == "v2"
    said = sent(pages, typed("", model=identity, version="v1")).json()
    assert said["errors"]["version"] == "numbered has a version v1 already; v2 is free."


def test_an_archived_model_keeps_its_name(pages: httpx.Client, server: Server) -> None:
    sent(pages, typed("old"))
    identity = versions(server, "old")[0]["registeredModelId"]
    server.call("PATCH", f"/api/forecourt/v1/registry/registered_models/{identity}", {"state": "ARCHIVED"})
    said = sent(pages, typed("old", version="2")).json()
    assert said["errors"]["name"] == "An archived model is called old already."


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"name": ""}, "name", "needs a name"),
        ({"name": "x" * 300}, "name", "at most 255 characters"),
        ({"version": ""}, "version", "needs a name"),
        ({"version": "x" * 300}, "version", "at most"),
        ({"uri": ""}, "uri", "Say where"),
        ({"uri": "nothing"}, "uri", "has a scheme"),
        ({"uri": "catalog://ours/acme/gone"}, "uri", "The catalog has no model"),
        ({"uri": "model-registry://a/b"}, "uri", "in the registry already"),
        ({"uri": "oci://UPPER/case"}, "uri", ""),
        ({"uri": "file:///nowhere/at/all"}, "uri", "does not exist"),
        ({"uri": "hf://a/" + "b" * 5000}, "uri", ""),
        ({"location": "object-storage", "path": "a"}, "bucket", "in which bucket"),
        ({"location": "object-storage", "bucket": "b", "path": "//"}, "path", "more than slashes"),
        ({"location": "object-storage", "bucket": "b", "path": "a", "endpoint": "ftp://x"}, "endpoint", "https://"),
        ({"aliases": "latest"}, "aliases", "can be no alias"),
        ({"stage": "canary"}, "stage", "no stage"),
        ({"link-relation": "cousin", "link-uri": "hf://a/b"}, "links", "no relation"),
        ({"link-relation": "source", "link-uri": "x" * 600}, "links", "512 characters"),
        ({"link-relation": "source", "link-uri": "model-registry://nobody/1"}, "links", "no model nobody"),
        ({"property-name": "", "property-value": "1"}, "properties", "needs a key"),
        ({"property-name": "x" * 300, "property-value": "1"}, "properties", "255 characters"),
        ({"property-name": "a", "property-value": "1", "labels": "a"}, "properties", "there twice"),
        ({"mode": "store", "uri": "oci://localhost:1/a/b:1"}, "mode", "stored in a registry already"),
        ({"mode": "store", "image": "No Image"}, "image", ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_said_at_its_field(
    pages: httpx.Client, server: Server, change: dict[str, str], field: str, text: str
) -> None:
    answer = sent(pages, typed("wrong") | change)
    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    assert field in errors, errors
    assert text in errors[field], errors
    assert answer.json()["form"] | change == answer.json()["form"], "what was typed is still there"
    assert versions(server, "wrong") == []


def test_nobody_is_told_of_what_they_have_not_come_to(pages: httpx.Client) -> None:
    assert twin(pages)["errors"] == {}
    assert sent(pages, {"name": "only-a-name", "location": "uri"}, "/check").json()["errors"] == {}


def test_a_model_of_the_catalog_that_is_gone_leaves_an_empty_form(pages: httpx.Client) -> None:
    page = twin(pages, **{"from": "catalog://ours/acme/gone"})
    assert "The catalog has no model" in page["error"]["message"]
    assert pages.get(FORM, params={"model": "99999"}).status_code == 404
    assert pages.get(FORM, params={"model": "x'"}).status_code in (400, 404)


def test_a_scheme_that_nothing_fetches_by_and_a_registry_that_does_not_answer_are_told(pages: httpx.Client) -> None:
    said = sent(pages, typed("gopher", uri="gopher://a/model"), "/check").json()
    assert "gopher://" in said["known"]["warnings"][0]
    said = sent(pages, typed("silent", uri="oci://127.0.0.1:1/a/b:1", key="k3")).json()
    assert "location" in said, "it is registered as it is named"


def test_object_storage_makes_a_uri_that_deployments_understand(pages: httpx.Client, server: Server) -> None:
    page = sent(pages, typed("stored", connection="default/bucket", do="autofill")).json()
    assert page["form"]["location"] == "object-storage"
    where = sent(pages, {**page["form"], "do": "", "path": "granite/2 b/"}).json()["location"]
    artifacts = server.call("GET", f"{API}/model_versions/{where.rpartition('/')[2]}/artifacts")[1]["items"]
    uri = "s3://models/granite/2%20b?endpoint=https://s3.example.com&defaultRegion=eu"
    assert [one["uri"] for one in artifacts] == [uri]
    again = twin(pages, **{"from": uri})["form"]
    assert (again["bucket"], again["path"], again["region"]) == ("models", "granite/2 b", "eu")
    assert again["endpoint"] == "https://s3.example.com"


def test_what_was_typed_stays_where_another_model_is_chosen(pages: httpx.Client) -> None:
    form = {"description": "Mine", "aliases": "best", "property-name": "own", "property-value": "1", "key": "k4"}
    page = sent(pages, form | {"do": "from:catalog://ours/acme/talker"}).json()
    assert (page["form"]["name"], page["form"]["description"], page["form"]["aliases"]) == ("talker", "Mine", "best")
    assert {"name": "own", "value": "1"} in page["properties"]


def test_a_link_to_a_version_leads_to_it_whatever_becomes_of_its_alias(pages: httpx.Client, server: Server) -> None:
    sent(pages, typed("parent", aliases="best"))
    link = {"link-relation": "finetuned-from", "link-uri": "model-registry://parent/best"}
    identity = sent(pages, typed("child") | link).json()["location"].rpartition("/")[2]
    lineage = server.call("GET", f"/api/forecourt/v1/registry/model_versions/{identity}/lineage")[1]
    (parent,) = lineage["parents"]
    assert (parent["uri"], parent["modelVersion"]) == ("model-registry://parent/1", "1")


def test_rows_come_and_go(pages: httpx.Client) -> None:
    page = sent(pages, typed("rows", do="add:properties")).json()
    assert page["properties"] == [{"name": "", "value": ""}]
    rows = {"link-relation": ["source", "evidence"], "link-uri": ["a://1", "a://2"]}
    assert sent(pages, typed("rows", do="remove:links-0") | rows).json()["links"] == [
        {"relation": "evidence", "uri": "a://2"}
    ]
    for nonsense in ("remove:links-x", "remove:links", "add:nothing", "nothing", "version:0", "version:x"):
        assert sent(pages, typed("rows", do=nonsense) | rows).status_code in (200, 400, 404)


def test_a_model_is_stored_on_the_way_and_registered_as_it_was_said(
    pages: httpx.Client, server: Server, tmp_path: Path
) -> None:
    uri = write_gguf(tmp_path / "tiny.gguf").as_uri()
    said = typed("kept", uri=uri, mode="store", aliases="champion", stage="staging", labels="ours", key="k5")
    said |= {"description": "By hand", "link-relation": "evidence", "link-uri": "https://example.com/report"}
    assert [sent(pages, said).json()["location"] for _ in range(2)] == ["/jobs", "/jobs"]
    wait(lambda: versions(server, "kept"), 30, "it is registered")
    (version,) = versions(server, "kept")
    assert version["customProperties"]["stage"]["string_value"] == "staging"
    assert version["customProperties"]["ours"]["string_value"] == ""
    lineage = server.call("GET", f"/api/forecourt/v1/registry/model_versions/{version['id']}/lineage")[1]
    assert lineage["aliases"] == ["champion"]
    assert {one["uri"] for one in lineage["sources"]} == {uri}
    assert [one["uri"] for one in lineage["evidence"]] == ["https://example.com/report"]
    (artifact,) = lineage["artifacts"]
    assert artifact["uri"].startswith(f"oci://{server.record['registry']}/models/kept")
    wait(lambda: f'href="/registry/versions/{version["id"]}"' in pages.get("/jobs").text, 10, "the job says of what")


def test_a_bucket_is_opened_by_the_connection_that_is_chosen(
    pages: httpx.Client, server: Server, tmp_path: Path
) -> None:
    with object_store(tmp_path) as bucket:
        bucket.put("tiny/tiny.gguf", write_gguf(tmp_path / "model.gguf").read_bytes())
        secret = connection("real", bucket.secret)
        assert server.call("POST", "/api/v1/namespaces/default/secrets", secret)[0] == 201
        form = typed("bucketed", connection="default/real", do="autofill", mode="store", key="k6")
        page = sent(pages, form).json()
        assert sent(pages, page["form"] | {"do": "", "path": "tiny"}).json() == {"location": "/jobs"}
        wait(lambda: versions(server, "bucketed"), 30, "it is registered")
    (version,) = versions(server, "bucketed")
    lineage = server.call("GET", f"/api/forecourt/v1/registry/model_versions/{version['id']}/lineage")[1]
    assert lineage["artifacts"][0]["uri"].startswith(f"oci://{server.record['registry']}/models/bucketed")
    assert any(one["uri"].startswith("s3://models/tiny") for one in lineage["sources"])


def test_the_body_that_is_shown_is_the_one_that_is_sent(pages: httpx.Client, server: Server) -> None:
    page = sent(pages, typed("shown", labels="a, b", format="gguf"), "/check").json()
    body = yaml.safe_load(page["yaml"])
    status, made = server.call("POST", "/api/forecourt/v1/registry/register", body)
    assert status == 201, made
    assert set(made["modelVersion"]["customProperties"]) == {"a", "b"}


def test_a_uri_leads_back_to_its_versions(pages: httpx.Client) -> None:
    sent(pages, typed("traced"))
    found = pages.get("/registry/lineage", params={"uri": "hf://acme/traced", "format": "json"}).json()
    assert [one["registeredModel"] for one in found["versions"]] == ["traced"]
    assert EVIL not in pages.get("/registry/lineage", params={"uri": EVIL}).text
    assert "Type a URI" in pages.get("/registry/lineage").text
