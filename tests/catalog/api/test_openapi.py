"""Answers are as upstream's OpenAPI documents say, and nothing that these allow, or forbid, breaks the server."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from catalog.served import Api, defined, entry, metrics, point, weights
from hypothesis import HealthCheck, settings

from forecourt.catalog.model import Problem

if find_spec("schemathesis") is None:
    pytest.skip("needs schemathesis, which is not installed", allow_module_level=True)

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

DOCUMENTS = Path(__file__).parent.parent.parent / "data" / "kubeflow"
UNDOCUMENTED = {
    400,  # for a parameter that is wrong, where v1alpha1 has 404 only
    404,  # for a model that is not there, and for a path that has an empty name in it
    405,  # for a method that the document does not have
}
"""Statuses that are answered beside those that a document lists for an operation."""
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
NAME = "acme/granite 3.1"
NAMES = {"enum": [NAME, "bare", "none/of these"]}
KNOWN = {
    "source_id": {"enum": ["s", "s", "none"]},
    "model_name": NAMES,
    "model_name+": NAMES,
    "filterQuery": {"enum": ["mmlu > 0 OR artifacts.mmlu > 0", "name LIKE '%a%'", "tasks IN ('chat')"]},
    "latencyProperty": {"enum": ["ttft_p90", "hardware_count"]},
    "orderBy": {"enum": ["NAME", "ACCURACY", "RECOMMENDED", "mmlu.double_value", "artifacts.ttft_p90.double_value"]},
    "source": {"enum": [["s"], ["half", "none"]]},
    "config": {"enum": ["type: yaml", "{type: yaml, includedModels: [a*]}", "{type: yaml, assetType: agents}"]},
    "catalogData": {"enum": ["{models: [{name: a}, {name: b}], agents: [{name: c}]}"]},
}
"""Values that lead somewhere; what a document allows of a name in a path, or of an upload, seldom would."""


def schema_of(name: str) -> Any:
    document = yaml.load((DOCUMENTS / name).read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    document.pop("security", None)  # who asks is for a proxy before us to find out
    document["paths"] = {path: said for path, said in document["paths"].items() if "/model_catalog/" in path}
    shared = document["components"]["parameters"].values()
    for path in document["paths"].values():
        for parameter in [*path.get("parameters", ()), *path.get("get", {}).get("parameters", ()), *shared]:
            _lead_somewhere(parameter, parameter.get("name"), anything=parameter.get("in") == "query")
        if upload := path.get("post", {}).get("requestBody"):
            parts = upload["content"]["multipart/form-data"]["schema"]["properties"]
            for part in parts:
                parts[part] = {"anyOf": [KNOWN[part], parts[part]]}
    return schemathesis.openapi.from_dict(
        document, config=SchemathesisConfig.from_dict({"phases": {"coverage": {"enabled": False}}})
    )


def _lead_somewhere(parameter: dict[str, Any], name: str | None, *, anything: bool) -> None:
    """Let a parameter have values that are known, and `anything` that the document allows besides."""
    if name in KNOWN and KNOWN[name] not in parameter["schema"].get("anyOf", ()):
        parameter["schema"] = {"anyOf": [KNOWN[name], parameter["schema"]]} if anything else KNOWN[name]


v1 = schema_of("catalog-v1.yaml")
v1alpha1 = schema_of("catalog.yaml")
SCHEMAS = {"v1": v1, "v1alpha1": v1alpha1}
few = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def filled(served: Api) -> Api:
    """A catalog with something of everything."""
    served.clear()
    served.sources.define(
        defined("s", labels=("Own",), included_models=("*",), excluded_models=("*-x",)),
        defined("half"),
        defined("off", enabled=False),
        defined("servers", asset_type="mcp_servers"),
        labels=({"name": None, "displayName": "Others"}, {"name": "Own", "assetType": "models"}),
        named_queries={
            "default": {
                "artifacts.ttft_p90.double_value": {"operator": "<=", "value": "max"},
                "tasks": {"operator": "IN", "value": ["chat"]},
            }
        },
    )
    served.give(
        "s",
        entry(
            NAME,
            weights(format="safetensors") | {"name": "weights", "description": "All of them."},
            weights("hf://acme/granite"),
            metrics("accuracy", overall_average=61.5, mmlu=70.0),
            metrics("security", refused=12),
            *(point(kind, count=n, ttft=400.0 / n, rps=1000.0 * n) for kind in ("H100", "A100") for n in (1, 2, 4, 8)),
            readme="# Granite ✓",
            description="Answers questions.",
            provider="Acme",
            logo="data:image/png;base64,iVBORw0KGgo=",
            license="apache-2.0",
            licenseLink="https://www.apache.org/licenses/LICENSE-2.0",
            libraryName="transformers",
            maturity="Generally Available",
            language=["en"],
            tasks=["chat"],
            validatedTasks=["tool-calling"],
            externalId="7",
            servingConfig={"toolCalling": {"toolCallParser": "hermes", "requiredArgs": ["--a b"]}},
            createTimeSinceEpoch="1700000000000",
            custom={"size": "8B", "n": 7, "mmlu": 0.5, "open": True, "tag": ""},
        ),
        entry("bare"),
    )
    served.give("half", entry("other/llama", point()), Problem("broken", "has no uri"))
    return served


def conforms(api: Api, case: Any) -> None:
    response = case.call(base_url=api.url)
    case.validate_response(response, checks=CHECKS)
    documented = {int(status) for status in case.operation.definition.raw["responses"]}
    assert response.status_code in documented | UNDOCUMENTED, response.text
    assert response.status_code != 401
    if response.status_code >= 400:
        assert set(response.json()) == {"code", "message"}
        assert all(isinstance(value, str) and value for value in response.json().values())


@v1.parametrize()
@few
def test_v1(case: Any, filled: Api) -> None:
    if not filled.database.is_sqlite:
        return  # what v1 asks of a database, v1alpha1 asks too
    conforms(filled, case)


@v1alpha1.parametrize()
@few
def test_v1alpha1(case: Any, filled: Api) -> None:
    conforms(filled, case)


ASKED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("models", {}, {}),
    ("models", {}, {"orderBy": "RECOMMENDED", "targetRPS": 5, "pageSize": "1"}),
    ("models", {}, {"filterQuery": "tasks = 'chat'", "sourceLabel": ["Own"], "q": "granite"}),
    ("models/filter_options", {}, {}),
    ("sources", {}, {}),
    ("sources", {}, {"assetType": "mcp_servers"}),
    ("labels", {}, {}),
    ("sources/{source_id}/models/{name}", {"name": NAME}, {}),
    ("sources/{source_id}/models/{name}", {"name": "bare"}, {}),
    ("sources/{source_id}/models/{name}/artifacts", {"name": NAME}, {}),
    ("sources/{source_id}/models/{name}/artifacts", {"name": "bare"}, {}),
    ("sources/{source_id}/models/{name}/artifacts/performance", {"name": NAME}, {}),
    (
        "sources/{source_id}/models/{name}/artifacts/performance",
        {"name": NAME},
        {"recommendations": True, "targetRPS": 5},
    ),
]


@pytest.mark.parametrize("version", SCHEMAS)
@pytest.mark.parametrize(("path", "named", "query"), ASKED)
def test_answers_are_as_the_document_says(
    filled: Api, version: str, path: str, named: dict[str, str], query: dict[str, Any]
) -> None:
    schema = SCHEMAS[version]
    paths = (
        f"/api/model_catalog/{version}/{path.replace('{name}', name)}" for name in ("{model_name+}", "{model_name}")
    )
    written = next(each for each in paths if each in schema.raw_schema["paths"])
    values: dict[str, Any] = {}
    if named:
        values["path_parameters"] = {
            "source_id": "s",
            "model_name+" if "{model_name+}" in written else "model_name": named["name"].replace("/", "%2F"),
        }
    response = schema[written]["GET"].Case(**values, query=query).call(base_url=filled.url)
    assert response.status_code == 200, response.text
    schema[written]["GET"].validate_response(response)


@pytest.mark.parametrize("version", SCHEMAS)
def test_a_preview_is_as_the_document_says(filled: Api, version: str) -> None:
    path = f"/api/model_catalog/{version}/sources/preview"
    operation = SCHEMAS[version][path]["POST"]
    for config, status in (
        ("{type: yaml, includedModels: [a*]}", 200),
        ("{type: yaml, assetType: mcp_servers}", 200),
        ("{type: nothing}", 422),
    ):
        files = {"config": config, "catalogData": "{models: [{name: a}, {name: b}], mcp_servers: [{name: s}]}"}
        response = requests.post(filled.url + path, files=files, timeout=30)
        assert response.status_code == status
        operation.validate_response(response)


def known(document: dict[str, Any], name: str) -> set[str]:
    """Return the fields that a schema of the document has, with those of the schemas that it is made up of."""
    schema = document["components"]["schemas"][name]
    found: set[str] = set()
    for part in [schema, *schema.get("allOf", ())]:
        found |= set(part.get("properties", ()))
        if reference := part.get("$ref"):
            found |= known(document, reference.rpartition("/")[2])
    return found


@pytest.mark.parametrize(("version", "file"), [("v1", "catalog-v1.yaml"), ("v1alpha1", "catalog.yaml")])
def test_answers_have_no_field_that_the_document_does_not_know(filled: Api, version: str, file: str) -> None:
    document = yaml.safe_load((DOCUMENTS / file).read_text())
    client = filled.of(version)
    models = client.listed("models")["items"]
    single = client.get(f"sources/s/models/{NAME}").json
    assert set(single) == known(document, "CatalogModel")  # all of them, and no other
    assert all(set(model) <= known(document, "CatalogModel") - {"artifactCounts"} for model in models)
    artifacts = client.listed(f"sources/s/models/{NAME}/artifacts", pageSize=100)["items"]
    for kind, schema in (("model-artifact", "CatalogModelArtifact"), ("metrics-artifact", "CatalogMetricsArtifact")):
        these = [set(each) for each in artifacts if each["artifactType"] == kind]
        assert these and all(each <= known(document, schema) for each in these)
    sources = client.listed("sources")["items"]
    assert len(sources) == 3 and all(set(source) <= known(document, "CatalogSource") for source in sources)
    assert {source["status"] for source in sources} == {"available", "partially-available", "disabled"}
