"""Every resource of both versions of the API: made, read, found, listed, changed."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from registry.served import Api, Client

from forecourt.registry.model import VERSIONS
from forecourt.registry.routes import routes


def text(value: str) -> dict[str, str]:
    return {"string_value": value, "metadataType": "MetadataStringValue"}


PROPERTIES = {
    "text": text("a"),
    "int": {"int_value": "-5", "metadataType": "MetadataIntValue"},
    "double": {"double_value": 0.5, "metadataType": "MetadataDoubleValue"},
    "bool": {"bool_value": False, "metadataType": "MetadataBoolValue"},
    "struct": {"struct_value": "eyJhIjoxfQ==", "metadataType": "MetadataStructValue"},
    "proto": {"type": "a.B", "proto_value": "AAE=", "metadataType": "MetadataProtoValue"},
    "Ünï code.`'\"\\": text("😀"),
}
ARTIFACTS: dict[str, dict[str, Any]] = {
    "model-artifact": {
        "uri": "oci://example.com/model:1",
        "modelFormatName": "onnx",
        "modelFormatVersion": "1",
        "storageKey": "key",
        "storagePath": "path",
        "serviceAccountName": "account",
        "modelSourceKind": "catalog",
        "modelSourceClass": "class",
        "modelSourceGroup": "group",
        "modelSourceId": "id",
        "modelSourceName": "name",
        "state": "LIVE",
    },
    "doc-artifact": {"uri": "https://example.com", "state": "PENDING"},
    "dataset-artifact": {
        "digest": "d",
        "sourceType": "t",
        "source": "s",
        "schema": "c",
        "profile": "p",
        "uri": "u",
        "state": "REFERENCE",
    },
    "metric": {"value": 0.25, "timestamp": "1700000000000", "step": "3", "state": "DELETED"},
    "parameter": {"value": "16", "parameterType": "number", "state": "ABANDONED"},
}
BOTH = ("v1", "v1alpha3")


class Below:
    """What stands in the registry for what is made below it, and the fields that a resource of each kind takes."""

    def __init__(self, api: Api, version: str) -> None:
        self.client: Client = api.of(version)
        self.model = api.made("registered_models", name="base")["id"]
        self.version = api.made("model_versions", name="base", registeredModelId=self.model)["id"]
        self.environment = api.made("serving_environments", name="base")["id"]
        self.experiment = api.v1alpha3.made("experiments", name="base")["id"]

    def fields(self, collection: str) -> dict[str, Any]:
        return {
            "registered_models": {
                "readme": "r",
                "maturity": "m",
                "language": ["en", "de"],
                "tasks": ["chat"],
                "provider": "p",
                "logo": "l",
                "license": "apache-2.0",
                "licenseLink": "k",
                "libraryName": "n",
                "owner": "o",
                "state": "ARCHIVED",
            },
            "model_versions": {"registeredModelId": self.model, "author": "a", "state": "ARCHIVED"},
            "model_artifacts": {"artifactType": "model-artifact", **ARTIFACTS["model-artifact"]},
            "artifacts": {"artifactType": "doc-artifact", **ARTIFACTS["doc-artifact"]},
            "serving_environments": {},
            "inference_services": {
                "registeredModelId": self.model,
                "servingEnvironmentId": self.environment,
                "modelVersionId": self.version,
                "runtime": "vllm",
                "desiredState": "UNDEPLOYED",
            },
            "experiments": {"owner": "o", "state": "ARCHIVED"},
            "experiment_runs": {
                "experimentId": self.experiment,
                "startTimeSinceEpoch": "100",
                "endTimeSinceEpoch": "200",
                "status": "FINISHED",
                "state": "ARCHIVED",
                "owner": "o",
            },
        }[collection]

    def parent(self, collection: str) -> dict[str, str]:
        """Return the query that says below what a resource is searched."""
        said = {
            "model_versions": self.model,
            "inference_services": self.environment,
            "experiment_runs": self.experiment,
        }
        return {"parentResourceId": said[collection]} if collection in said else {}


COLLECTIONS = [
    (version, pattern[0])
    for version, known in VERSIONS.items()
    for pattern, methods in routes(known).items()
    if len(pattern) == 1 and "POST" in methods
]


@pytest.mark.parametrize(("version", "collection"), COLLECTIONS)
def test_what_is_made_can_be_read_found_and_listed_as_it_was_said(api, version, collection):
    below = Below(api, version)
    client, before = below.client, time.time_ns() // 1_000_000
    said = {"name": "Ünï", "description": "d", "externalId": "e", "customProperties": PROPERTIES}
    said |= below.fields(collection)
    status, made = client.post(collection, said)
    assert status == 201, made
    assert {name: made[name] for name in said} == said
    assert re.fullmatch("[1-9][0-9]*", made["id"])
    assert made["createTimeSinceEpoch"] == made["lastUpdateTimeSinceEpoch"]
    assert before <= int(made["createTimeSinceEpoch"]) <= time.time_ns() // 1_000_000
    assert set(made) == {*said, "id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"}

    single = collection.removesuffix("s")
    assert client.get(f"{collection}/{made['id']}") == (200, made)
    assert client.get(single, externalId="e") == (200, made)
    if parent := below.parent(collection):
        assert client.get(single, name="Ünï", **parent) == (200, made)
    elif "artifact" not in collection:
        assert client.get(single, name="Ünï") == (200, made)
    status, listed = client.get(collection)
    assert (status, set(listed)) == (200, {"items", "nextPageToken", "pageSize", "size"})
    assert made in listed["items"]
    assert (listed["nextPageToken"], listed["pageSize"], listed["size"]) == ("", 0, len(listed["items"]))


@pytest.mark.parametrize(("version", "collection"), COLLECTIONS)
def test_a_patch_changes_what_it_says_and_nothing_else(api, version, collection):
    below = Below(api, version)
    client = below.client
    said = {"name": "x", "description": "d", "externalId": "e", "customProperties": PROPERTIES}
    made = client.made(collection, **said, **below.fields(collection))
    path = f"{collection}/{made['id']}"

    def patched(body: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        status, answer = client.patch(path, body)
        assert status == 200, answer
        assert answer == after | {"lastUpdateTimeSinceEpoch": answer["lastUpdateTimeSinceEpoch"]}
        assert client.get(path) == (200, answer)
        return dict(answer)

    patched({}, made)
    time.sleep(0.002)
    after = patched({"description": "new"}, made | {"description": "new"})
    assert int(after["lastUpdateTimeSinceEpoch"]) > int(made["lastUpdateTimeSinceEpoch"])
    after = patched({"description": None}, after)  # as upstream reads null: not said
    after = patched({"description": ""}, after | {"description": ""})
    after = patched({"customProperties": {"other": text("b")}}, after | {"customProperties": {"other": text("b")}})
    after = patched({"customProperties": {}}, after | {"customProperties": {}})
    patched({"externalId": "f"}, after | {"externalId": "f"})
    assert client.get(collection.removesuffix("s"), externalId="e").status == 404
    assert client.patch(path, {"name": "y"}) == (
        400,
        {"code": "Bad Request", "message": 'json: unknown field "name"'},
    )


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("collection", "body"),
    [
        ("model_versions", {"registeredModelId": "5"}),
        ("inference_services", {"registeredModelId": "5"}),
        ("inference_services", {"servingEnvironmentId": "5"}),
        ("registered_models", {"id": "5"}),
        ("registered_models", {"createTimeSinceEpoch": "5"}),
    ],
)
def test_what_is_fixed_cannot_be_patched(api, version, collection, body):
    below = Below(api, version)
    made = below.client.made(collection, name="x", **below.fields(collection))
    status, answer = below.client.patch(f"{collection}/{made['id']}", body)
    assert (status, answer["message"]) == (400, f'json: unknown field "{next(iter(body))}"')
    assert below.client.get(f"{collection}/{made['id']}") == (200, made)


def test_the_lists_of_a_model_are_replaced_by_a_patch(api):
    model = api.made("registered_models", name="x", language=["en"], tasks=["chat", "code"])
    _, after = api.patch(f"registered_models/{model['id']}", {"tasks": []})
    assert (after["language"], after["tasks"]) == (["en"], [])
    assert api.names("registered_models", "tasks = 'chat'") == []
    assert api.names("registered_models", "language = 'en'") == ["x"]


def test_defaults_are_those_of_the_schema(api):
    model = api.made("registered_models", name="x")
    assert (model["state"], model["customProperties"]) == ("LIVE", {})
    version = api.made("model_versions", name="x", registeredModelId=model["id"])
    assert version["state"] == "LIVE"
    environment = api.made("serving_environments", name="x")
    service = api.made("inference_services", registeredModelId=model["id"], servingEnvironmentId=environment["id"])
    assert service["desiredState"] == "DEPLOYED"
    serve = api.made(f"inference_services/{service['id']}/serves", modelVersionId=version["id"])
    assert serve["lastKnownState"] == "UNKNOWN"
    experiment = api.v1alpha3.made("experiments", name="x")
    assert experiment["state"] == "LIVE"
    run = api.v1alpha3.made("experiment_runs", experimentId=experiment["id"])
    assert (run["state"], run["status"]) == ("LIVE", "RUNNING")
    for kind in ARTIFACTS:
        made = api.made("artifacts", artifactType=kind, **({"value": 1} if kind == "metric" else {}))
        assert made["state"] == "UNKNOWN"
        assert made.get("parameterType") == ("string" if kind == "parameter" else None)


def test_what_may_be_without_a_name_gets_one_of_its_own(api):
    first, second = (api.made("model_artifacts") for _ in range(2))
    assert first["name"] != second["name"]
    assert first["artifactType"] == "model-artifact"


@pytest.mark.parametrize("version", BOTH)
class TestNested:
    def test_versions_of_a_model(self, api, version):
        client = api.of(version)
        model, other = (client.made("registered_models", name=name)["id"] for name in "ab")
        path = f"registered_models/{model}/versions"
        made = client.made(path, name="1", author="me", externalId="e")
        assert (made["name"], made["registeredModelId"]) == ("1", model)
        second = client.made(path, name="2", registeredModelId=model)
        client.made(f"registered_models/{other}/versions", name="1")
        assert client.items(path) == [made, second]
        assert client.items(path, name="2") == [second]
        assert client.items(path, externalId="e") == [made]
        assert client.items(path, name="1", externalId="none") == []
        assert client.items(path, filterQuery="author = 'me'") == [made]
        assert client.get("model_version", name="1", parentResourceId=model) == (200, made)

    def test_artifacts_of_a_version(self, api, version):
        client = api.of(version)
        below = Below(api, version)
        path = f"model_versions/{below.version}/artifacts"
        made = [
            client.made(path, artifactType=kind, name=kind, externalId=kind, **self.said(kind, version))
            for kind in ARTIFACTS
        ]
        assert client.items(path) == made
        assert client.items("artifacts") == made
        for one, kind in zip(made, ARTIFACTS, strict=True):
            assert {name: one[name] for name in ARTIFACTS[kind]} == self.said(kind, version)
            assert client.items(path, artifactType=kind) == [one]
            assert client.items("artifacts", artifactType=kind) == [one]
            assert client.items(path, name=kind) == [one]
            assert client.items(path, externalId=kind) == [one]
            assert client.get(f"artifacts/{one['id']}") == (200, one)
            assert client.get("artifact", name=kind, parentResourceId=below.version) == (200, one)
            status, after = client.patch(f"artifacts/{one['id']}", {"artifactType": kind, "description": "d"})
            assert (status, after["description"]) == (200, "d")
        assert client.items("model_artifacts", filterQuery="id > 0")[0]["id"] == made[0]["id"]
        assert client.get("model_artifact", name="doc-artifact", parentResourceId=below.version).status == 404
        assert client.get(f"model_artifacts/{made[1]['id']}").status == 404

    @staticmethod
    def said(kind: str, version: str) -> dict[str, Any]:
        said = ARTIFACTS[kind]
        return said | {"step": 3} if kind == "metric" and version == "v1alpha3" else said

    def test_an_artifact_with_an_id_is_updated(self, api, version):
        client = api.of(version)
        below = Below(api, version)
        path = f"model_versions/{below.version}/artifacts"
        made = client.made(
            path,
            artifactType="model-artifact",
            name="a",
            uri="u",
            description="d",
            state="LIVE",
            customProperties=PROPERTIES,
        )
        status, after = client.post(path, {"artifactType": "model-artifact", "id": made["id"], "uri": "v"})
        assert status == 200
        assert after == made | {"uri": "v", "lastUpdateTimeSinceEpoch": after["lastUpdateTimeSinceEpoch"]}
        assert client.items(path) == [after]

    def test_an_artifact_can_be_attached_to_a_second_version(self, api, version):
        client = api.of(version)
        below = Below(api, version)
        other = client.made("model_versions", name="other", registeredModelId=below.model)["id"]
        loose = client.made("artifacts", artifactType="doc-artifact", name="card")
        for one in (below.version, other, other):
            status, after = client.post(f"model_versions/{one}/artifacts", loose)
            assert status == 200, after
            assert [item["id"] for item in client.items(f"model_versions/{one}/artifacts")] == [loose["id"]]
            status, found = client.get("artifact", name="card", parentResourceId=one)
            assert (status, found.get("id")) == (200, loose["id"])
        assert len(client.items("artifacts")) == 1

    def test_metrics_and_parameters_of_a_version_are_replaced_by_name(self, api, version):
        client = api.of(version)
        below = Below(api, version)
        path = f"model_versions/{below.version}/artifacts"
        for kind, before, after in (("metric", 1, 2.5), ("parameter", "1", "2")):
            made = client.made(path, artifactType=kind, name="x", value=before)
            status, changed = client.post(path, {"artifactType": kind, "name": "x", "value": after})
            assert (status, changed["id"], changed["value"]) == (200, made["id"], after)
        for kind in ("model-artifact", "doc-artifact", "dataset-artifact"):
            client.made(path, artifactType=kind, name="x")
            assert client.post(path, {"artifactType": kind, "name": "x"}).status == 409

    def test_services_of_an_environment(self, api, version):
        client = api.of(version)
        below = Below(api, version)
        path = f"serving_environments/{below.environment}/inference_services"
        made = client.made(path, name="a", externalId="e", registeredModelId=below.model)
        assert made["servingEnvironmentId"] == below.environment
        second = client.made(path, name="b", registeredModelId=below.model)
        assert client.items(path) == [made, second]
        assert client.items(path, name="b") == [second]
        assert client.items(path, externalId="e") == [made]
        assert client.items(path, filterQuery="name = 'b'") == [second]
        assert client.post(path, {"name": "a", "registeredModelId": below.model}).status == 409

    def test_a_service_serves_what_it_names_or_the_newest(self, api, version):
        client = api.of(version)
        below = Below(api, version)
        service = client.made(
            "inference_services", name="a", registeredModelId=below.model, servingEnvironmentId=below.environment
        )
        path = f"inference_services/{service['id']}"
        assert client.get(f"{path}/model").json["id"] == below.model
        assert client.get(f"{path}/version").json["id"] == below.version
        time.sleep(0.002)
        newest = client.made("model_versions", name="newest", registeredModelId=below.model)
        assert client.get(f"{path}/version") == (200, newest)
        client.patch(f"model_versions/{below.version}", {"description": "changed"})
        assert client.get(f"{path}/version").json["id"] == newest["id"]
        assert client.patch(path, {"modelVersionId": below.version}).status == 200
        assert client.get(f"{path}/version").json["id"] == below.version
        other = client.made("registered_models", name="other")
        empty = client.made("inference_services", registeredModelId=other["id"], servingEnvironmentId=below.environment)
        assert client.get(f"inference_services/{empty['id']}/version").status == 404
        stranger = client.post(
            "inference_services",
            {
                "registeredModelId": other["id"],
                "servingEnvironmentId": below.environment,
                "modelVersionId": below.version,
            },
        )
        assert stranger.status == 400

    def test_serves_of_a_service(self, api, version):
        client = api.of(version)
        below = Below(api, version)
        service = client.made("inference_services", **below.fields("inference_services"))
        path = f"inference_services/{service['id']}/serves"
        made = client.made(path, name="a", externalId="e", modelVersionId=below.version, lastKnownState="RUNNING")
        second = client.made(path, name="b", modelVersionId=below.version)
        assert client.items(path) == [made, second]
        assert client.items(path, name="b") == [second]
        assert client.items(path, externalId="e") == [made]
        assert client.items(path, filterQuery="lastKnownState = 'RUNNING'") == [made]

    @pytest.mark.parametrize(
        "value", [text("true"), text("auto"), {"bool_value": True, "metadataType": "MetadataBoolValue"}]
    )
    def test_a_version_that_the_hub_gives_only_to_some_is_not_served(self, api, version, value):
        client = api.of(version)
        below = Below(api, version)
        service = client.made("inference_services", **below.fields("inference_services"))
        path = f"inference_services/{service['id']}/serves"
        for name in ("hf_gated", "hf_private"):
            client.patch(f"model_versions/{below.version}", {"customProperties": {name: value}})
            assert client.post(path, {"modelVersionId": below.version}).status == 400
        for value_ in (text("false"), {"bool_value": False, "metadataType": "MetadataBoolValue"}):
            client.patch(f"model_versions/{below.version}", {"customProperties": {"hf_gated": value_}})
            client.made(path, modelVersionId=below.version)


class TestExperiments:
    def test_runs_of_an_experiment(self, api):
        client = api.v1alpha3
        one, other = (client.made("experiments", name=name)["id"] for name in "ab")
        path = f"experiments/{one}/experiment_runs"
        made = client.made(path, name="1", externalId="e")
        assert made["experimentId"] == one
        second = client.made(path, name="2")
        client.made(f"experiments/{other}/experiment_runs", name="1")
        assert client.items(path) == [made, second]
        assert client.items(path, name="2") == [second]
        assert client.items(path, externalId="e") == [made]
        assert client.get("experiment_run", name="1", parentResourceId=one) == (200, made)

    def test_a_metric_that_is_posted_again_keeps_the_newest_value_and_all_in_its_history(self, api):
        client = api.v1alpha3
        experiment = client.made("experiments", name="x")["id"]
        run, other = (client.made("experiment_runs", experimentId=experiment)["id"] for _ in range(2))
        path = f"experiment_runs/{run}/artifacts"
        answers = [
            client.post(path, {"artifactType": "metric", "name": "loss", "value": 1 / step, "step": step})
            for step in range(1, 13)
        ]
        assert [answer.status for answer in answers] == [201, *[200] * 11]
        assert len({answer.json["id"] for answer in answers}) == 1
        client.made(path, artifactType="metric", name="accuracy", value=0.5, step=2)
        client.made(path, artifactType="parameter", name="lr", value="1e-5")
        client.made(f"experiment_runs/{other}/artifacts", artifactType="metric", name="loss", value=9, step=1)
        assert [(item["name"], item.get("value"), item.get("step")) for item in client.items(path)] == [
            ("loss", 1 / 12, 12),
            ("accuracy", 0.5, 2),
            ("lr", "1e-5", None),
        ]
        history = f"experiment_runs/{run}/metric_history"
        found = client.items(history)
        assert [(item["name"], item["value"], item["step"]) for item in found] == [
            *(("loss", 1 / step, step) for step in range(1, 13)),
            ("accuracy", 0.5, 2),
        ]
        assert {item["artifactType"] for item in found} == {"metric"}
        assert [item["step"] for item in client.items(history, name="loss", stepIds="2,12,99")] == [2, 12]
        assert [item["name"] for item in client.items(history, stepIds="2")] == ["loss", "accuracy"]
        assert len(client.items("experiment_runs/metric_history")) == 14
        assert len(client.items("experiment_runs/metric_history", name="loss", stepIds="1")) == 2
        assert client.items(history, name="none") == []
        assert client.get("artifacts").json["size"] == 4
        for bad in ("x", "1,", "-1", "1;2", "9" * 30):
            assert client.get(history, stepIds=bad).status == 400

    def test_the_artifacts_of_a_run_say_whose_they_are_in_v1alpha3_only(self, api):
        experiment = api.v1alpha3.made("experiments", name="x")["id"]
        run = api.v1alpha3.made("experiment_runs", experimentId=experiment)["id"]
        made = api.v1alpha3.made(f"experiment_runs/{run}/artifacts", artifactType="metric", value=1, step=7)
        assert (made["experimentId"], made["experimentRunId"], made["step"]) == (experiment, run, 7)
        _, old = api.get(f"artifacts/{made['id']}")
        assert old == {name: value for name, value in made.items() if not name.startswith("experiment")} | {"step": "7"}
        assert api.items("artifacts") == [old]


def test_v1alpha3_says_that_there_is_a_successor_and_v1_does_not(api):
    for path in ("registered_models", "registered_models/999", "nothing", "registered_models?pageSize=x"):
        old, new = (api.of(version).http.get(path).headers for version in ("v1alpha3", "v1"))
        assert old["deprecation"] == "true"
        assert old["link"] == '</api/model_registry/v1/>; rel="successor-version"'
        assert not {"deprecation", "link"} & set(new)


def test_both_versions_show_the_same_registry(api):
    made = api.v1alpha3.made("registered_models", name="x", customProperties=PROPERTIES)
    assert api.get(f"registered_models/{made['id']}") == (200, made)
    metric = api.made("artifacts", artifactType="metric", value=1, step="5")
    assert api.v1alpha3.get(f"artifacts/{metric['id']}").json["step"] == 5
