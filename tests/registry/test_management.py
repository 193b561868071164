"""What upstream's API lacks: deletion, aliases, stages, lineage, the audit trail, and registering in one step."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from registry.served import Answer, Api

DIGEST = "sha256:" + "5" * 64
HUGE = 2**40


def said(answer: Answer, status: int, *words: str) -> Any:
    """Check an answer, and that an error speaks of what it should."""
    assert answer.status == status, answer
    for word in words:
        assert word in str(answer.json), answer
    return answer.json


@pytest.fixture
def model(api: Api) -> str:
    return str(api.made("registered_models", name="granite")["id"])


@pytest.fixture
def versions(api: Api, model: str) -> list[str]:
    """Three versions of the model; each has an artifact."""
    ids = [api.made("model_versions", name=name, registeredModelId=model)["id"] for name in ("1", "2", "3")]
    for number, version in enumerate(ids, 1):
        api.made(
            f"model_versions/{version}/artifacts",
            artifactType="model-artifact",
            name="files",
            uri=f"oci://a/b:{number}",
        )
    return ids


@pytest.fixture
def environment(api: Api) -> str:
    return str(api.made("serving_environments", name="default")["id"])


def deploy(api: Api, model: str, environment: str, version: str | None = None, state: str = "DEPLOYED") -> str:
    fields = {"registeredModelId": model, "servingEnvironmentId": environment, "desiredState": state}
    if version:
        fields["modelVersionId"] = version
    return str(api.made("inference_services", **fields)["id"])


class TestDeletion:
    def test_of_what_nothing_depends_on(self, api, model):
        gone = said(api.management.delete(f"registered_models/{model}"), 200)
        assert gone == {"deleted": [{"id": model, "kind": "RegisteredModel", "name": "granite"}]}
        assert api.get(f"registered_models/{model}").status == 404
        said(api.management.delete(f"registered_models/{model}"), 404)
        api.made("registered_models", name="granite")

    def test_of_what_others_depend_on_says_so_and_takes_them_along_when_asked(self, api, model, versions):
        path = f"registered_models/{model}"
        listed = said(api.management.get(f"{path}/dependents"), 200)["items"]
        assert [(one["kind"], one["name"]) for one in listed].count(("ModelVersion", "1")) == 1
        assert len(listed) == 6
        said(api.management.delete(path), 409, "6 others depend", "cascade=true")
        assert len(api.items("model_versions")) == 3
        gone = said(api.management.delete(path, cascade="true"), 200)["deleted"]
        assert gone == [*listed, {"id": model, "kind": "RegisteredModel", "name": "granite"}]
        for path in ("registered_models", "model_versions", "artifacts"):
            assert api.items(path) == []
        for table in ("resources", "properties", "attributions"):
            assert api.rows(f"SELECT count(*) FROM registry_{table}") == [(0,)]

    def test_of_what_is_deployed_is_refused(self, api, model, versions, environment):
        service = deploy(api, model, environment, versions[0])
        for path in (f"registered_models/{model}", f"model_versions/{versions[0]}"):
            said(api.management.delete(path), 409, "is deployed")
            said(api.management.delete(path, cascade="true"), 409, "is deployed")
        assert len(api.items("model_versions")) == 3
        said(api.management.delete(f"model_versions/{versions[1]}", cascade="true"), 200)
        api.patch(f"inference_services/{service}", {"desiredState": "UNDEPLOYED"})
        said(api.management.delete(f"registered_models/{model}", cascade="true"), 200)
        assert api.items("inference_services") == []

    def test_of_the_version_that_a_deployment_serves_as_the_newest_is_refused(self, api, model, versions, environment):
        service = deploy(api, model, environment)
        assert api.get(f"inference_services/{service}/version").json["id"] == versions[2]
        said(api.management.delete(f"model_versions/{versions[2]}", cascade="true"), 409, "is deployed")

    def test_of_a_version_leaves_artifacts_that_another_has_too(self, api, versions):
        (shared,) = api.items(f"model_versions/{versions[0]}/artifacts")
        assert api.post(f"model_versions/{versions[1]}/artifacts", shared).status == 200
        said(api.management.delete(f"model_versions/{versions[0]}", cascade="true"), 200)
        assert api.get(f"artifacts/{shared['id']}").status == 200
        assert shared["id"] in [one["id"] for one in api.items(f"model_versions/{versions[1]}/artifacts")]

    @pytest.mark.parametrize("identity", [999, 0, -1, HUGE, "9" * 30])
    def test_of_what_is_not_there(self, api, identity):
        for path in ("registered_models", "artifacts", "experiment_runs"):
            answer = api.management.delete(f"{path}/{identity}")
            assert answer.status in (404, 422, 400), answer
            assert api.management.get(f"{path}/{identity}/dependents").status in (404, 422, 400)
        assert api.management.delete("nothing/1").status == 404


class TestAliases:
    def test_are_set_moved_and_removed(self, api, model, versions):
        path = f"registered_models/{model}/aliases"
        first = said(api.management.put(f"{path}/champion", {"modelVersionId": versions[0]}), 200)
        assert first == {"alias": "champion", "modelVersionId": versions[0], "before": None}
        moved = said(api.management.put(f"{path}/champion", {"modelVersionId": versions[1]}), 200)
        assert moved["before"] == versions[0]
        said(api.management.put(f"{path}/old", {"modelVersionId": versions[0]}), 200)
        assert said(api.management.get(path), 200)["items"] == [
            {"alias": "champion", "modelVersionId": versions[1], "modelVersion": "2"},
            {"alias": "old", "modelVersionId": versions[0], "modelVersion": "1"},
        ]
        said(api.management.delete(f"{path}/old"), 200)
        said(api.management.delete(f"{path}/old"), 404)
        said(api.management.delete(f"model_versions/{versions[1]}", cascade="true"), 200)
        assert said(api.management.get(path), 200)["items"] == []

    @pytest.mark.parametrize("alias", ["latest", "LATEST", "1", "-a", "a b", "a" * 64, "ä", "a%00"])
    def test_have_a_name_that_is_one(self, api, model, versions, alias):
        answer = api.management.put(f"registered_models/{model}/aliases/{alias}", {"modelVersionId": versions[0]})
        said(answer, 400)

    def test_are_no_versions_of_the_same_name_nor_of_another_model(self, api, model, versions):
        api.made("model_versions", name="beta", registeredModelId=model)
        path = f"registered_models/{model}/aliases"
        said(api.management.put(f"{path}/beta", {"modelVersionId": versions[0]}), 400, "beta")
        other = api.made("registered_models", name="other")["id"]
        said(api.management.put(f"registered_models/{other}/aliases/a", {"modelVersionId": versions[0]}), 400)
        said(api.management.put(f"{path}/a", {"modelVersionId": 999}), 404)
        said(api.management.put("registered_models/999/aliases/a", {"modelVersionId": versions[0]}), 404)
        for bad in (HUGE, "x", None, -1):
            assert api.management.put(f"{path}/a", {"modelVersionId": bad}).status in (400, 422)
        for path in (f"registered_models/{HUGE}/aliases", f"registered_models/{'9' * 30}/aliases"):
            assert api.management.get(path).status in (400, 404, 422)


def test_a_stage_is_a_custom_property_that_everyone_can_filter(api, model, versions):
    api.patch(
        f"model_versions/{versions[0]}",
        {"customProperties": {"k": {"bool_value": True, "metadataType": "MetadataBoolValue"}}},
    )
    shown = said(api.management.put(f"model_versions/{versions[0]}/stage", {"stage": "production"}), 200)
    assert shown["customProperties"]["stage"]["string_value"] == "production"
    assert "k" in shown["customProperties"]
    assert api.names("model_versions", "stage = 'production'") == ["1"]
    said(api.management.put(f"model_versions/{versions[0]}/stage", {"stage": "canary"}), 400, "development")
    said(api.management.put(f"model_versions/{versions[0]}/stage", {"stage": ""}), 200)
    assert api.names("model_versions", "stage = 'production'") == []
    said(api.management.put("model_versions/999/stage", {"stage": ""}), 404)


class TestLineage:
    def test_goes_both_ways(self, api, model, versions, environment):
        child, parent = versions[0], versions[1]
        path = f"model_versions/{child}/lineage"
        said(
            api.management.post(
                path,
                {
                    "relation": "quantized-from",
                    "uri": "model-registry://granite/2",
                    "modelVersionId": int(parent),
                    "detail": "w4a16",
                },
            ),
            201,
        )
        said(api.management.post(path, {"relation": "source", "uri": "hf://ibm/granite"}), 201)
        evidence = said(api.management.post(path, {"relation": "evidence", "uri": f"oci://a/b@{DIGEST}"}), 201)
        service = deploy(api, model, environment, child)
        api.made(f"inference_services/{service}/serves", modelVersionId=child, lastKnownState="RUNNING")
        down = said(api.management.get(path), 200)
        assert (down["registeredModel"], down["modelVersion"]) == ("granite", "1")
        (arrow,) = down["parents"]
        assert (arrow["modelVersionId"], arrow["relation"], arrow["detail"]) == (parent, "quantized-from", "w4a16")
        assert [one["uri"] for one in down["sources"]] == ["hf://ibm/granite"]
        assert [one["uri"] for one in down["evidence"]] == [f"oci://a/b@{DIGEST}"]
        assert [one["uri"] for one in down["artifacts"]] == ["oci://a/b:1"]
        (deployment,) = down["deployments"]
        assert (deployment["inferenceServiceId"], deployment["lastKnownState"]) == (service, "RUNNING")
        up = said(api.management.get(f"model_versions/{parent}/lineage"), 200)
        assert [one["modelVersionId"] for one in up["children"]] == [child]
        for uri in ("oci://a/b:1", "hf://ibm/granite", f"oci://a/b@{DIGEST}"):
            found = said(api.management.get("lineage", uri=uri), 200)["items"]
            assert [one["modelVersionId"] for one in found] == [child], uri
        assert said(api.management.get("lineage", uri="oci://none"), 200)["items"] == []
        said(api.management.delete(f"{path}/{evidence['id']}"), 200)
        said(api.management.delete(f"{path}/{evidence['id']}"), 404)
        assert said(api.management.get(path), 200)["evidence"] == []

    def test_says_which_run_made_an_artifact(self, api, versions):
        experiment = api.v1alpha3.made("experiments", name="x")["id"]
        run = api.v1alpha3.made("experiment_runs", name="r", experimentId=experiment)["id"]
        (artifact,) = api.items(f"model_versions/{versions[0]}/artifacts")
        assert api.v1alpha3.post(f"experiment_runs/{run}/artifacts", artifact).status == 200
        (made,) = said(api.management.get(f"model_versions/{versions[0]}/lineage"), 200)["trainedBy"]
        assert (made["experimentRunId"], made["name"]) == (run, "r")

    def test_has_no_circles(self, api, versions):
        def derive(child: str, parent: str) -> Answer:
            body = {"relation": "derived-from", "uri": f"x:{child}:{parent}", "modelVersionId": int(parent)}
            return api.management.post(f"model_versions/{child}/lineage", body)

        said(derive(versions[0], versions[1]), 201)
        said(derive(versions[1], versions[2]), 201)
        said(derive(versions[2], versions[0]), 400, "no circles")
        said(derive(versions[0], versions[0]), 400, "no circles")
        said(derive(versions[0], versions[1]), 409)

    @pytest.mark.parametrize(
        "change",
        [
            {"relation": "cousin-of"},
            {"uri": ""},
            {"uri": "x" * 1100},
            {"uri": "a\0"},
            {"detail": "a\0"},
            {"modelVersionId": 999},
            {"modelVersionId": HUGE},
            {"modelVersionId": -1},
            {"unknown": 1},
            {"uri": None},
            {"detail": "\ud800"},
            {"uri": "\ud800"},
            {"relation": 5},
        ],
    )
    def test_refuses_what_is_no_link(self, api, versions, change):
        body = {"relation": "source", "uri": "hf://a"} | change
        answer = api.management.send(
            "POST",
            f"model_versions/{versions[0]}/lineage",
            content=json.dumps(body),
            headers={"content-type": "application/json"},
        )
        assert answer.status in (400, 404, 422), answer
        said(api.management.get(f"model_versions/{versions[0]}/lineage"), 200)

    def test_takes_the_longest_uri_in_any_alphabet(self, api, versions):
        chance = random.Random(5)
        uri = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(512))
        said(api.management.post(f"model_versions/{versions[0]}/lineage", {"relation": "source", "uri": uri}), 201)
        assert len(said(api.management.get("lineage", uri=uri), 200)["items"]) == 1


class TestChanges:
    def test_say_who_did_what_and_how_it_was(self, api, model):
        api.http.patch(
            f"registered_models/{model}",
            json={"description": "new"},
            headers={"kubeflow-userid": "ada", "user-agent": "loom/1"},
        )
        newest, made = said(api.management.get("changes", resourceId=model), 200)["items"]
        assert (made["action"], made["actor"], made["before"]) == ("create", "anonymous", None)
        assert made["after"]["name"] == "granite"
        assert (newest["action"], newest["actor"], newest["agent"]) == ("update", "ada", "loom/1")
        assert "description" not in newest["before"]
        assert newest["after"]["description"] == "new"
        assert int(newest["timeSinceEpoch"]) >= int(made["timeSinceEpoch"])
        assert said(api.management.get("changes", actor="ada"), 200)["items"] == [newest]
        assert said(api.management.get("changes", kind="ModelVersion"), 200)["items"] == []

    def test_outlive_what_they_are_about(self, api, model, versions):
        api.management.put(f"registered_models/{model}/aliases/a", {"modelVersionId": versions[0]})
        api.management.put(f"model_versions/{versions[0]}/stage", {"stage": "staging"})
        api.management.delete(f"registered_models/{model}", cascade="true")
        items = said(api.management.get("changes"), 200)["items"]
        actions = [item["action"] for item in items]
        assert {action: actions.count(action) for action in set(actions)} == {
            "create": 7,
            "alias": 1,
            "stage": 1,
            "delete": 7,
        }
        assert items[0]["name"] == "granite"

    def test_come_in_pages(self, api):
        for number in range(7):
            api.made("registered_models", name=str(number))
        names, token = [], ""
        for _ in range(9):
            page = said(api.management.get("changes", pageSize=3, nextPageToken=token), 200)
            names += [item["name"] for item in page["items"]]
            token = page["nextPageToken"]
            if not token:
                break
        assert names == ["6", "5", "4", "3", "2", "1", "0"]

    def test_of_what_is_refused_there_are_none(self, api, model):
        api.post("registered_models", {"name": "granite"})
        api.patch(f"registered_models/{model}", {"state": "X"})
        api.management.delete("registered_models/999")
        assert len(said(api.management.get("changes"), 200)["items"]) == 1

    @pytest.mark.parametrize(
        "query",
        [
            {"pageSize": 0},
            {"pageSize": 1001},
            {"nextPageToken": "x"},
            {"nextPageToken": "9" * 30},
            {"resourceId": "x"},
            {"resourceId": HUGE},
            {"resourceId": "9" * 30},
            {"kind": "a\0"},
            {"actor": "a\0"},
        ],
    )
    def test_of_nonsense_are_refused_or_none(self, api, model, query):
        status, answer = api.management.get("changes", **query)
        assert status in (400, 422) or (status, answer["items"]) == (200, []), answer


def registration(**changes: Any) -> dict[str, Any]:
    return {
        "registeredModel": {"name": "granite", "owner": "me"},
        "modelVersion": {"name": "1.0", "author": "me"},
        "modelArtifact": {"name": "files", "uri": f"oci://a/b@{DIGEST}"},
        "aliases": ["champion"],
        "stage": "staging",
        "links": [{"relation": "source", "uri": "hf://ibm/granite"}],
    } | changes


class TestRegister:
    def test_makes_all_of_it_and_the_model_where_it_is_not_there(self, api):
        made = said(api.management.post("register", registration()), 201)
        model, version, artifact = (made[name] for name in ("registeredModel", "modelVersion", "modelArtifact"))
        assert api.get(f"registered_models/{model['id']}") == (200, model)
        assert api.get(f"model_versions/{version['id']}") == (200, version)
        assert api.items(f"model_versions/{version['id']}/artifacts") == [artifact]
        assert version["registeredModelId"] == model["id"]
        lineage = said(api.management.get(f"model_versions/{version['id']}/lineage"), 200)
        assert (lineage["stage"], lineage["aliases"]) == ("staging", ["champion"])
        second = said(api.management.post("register", registration(modelVersion={"name": "2.0"})), 201)
        assert second["registeredModel"] == model
        again = api.management.post("register", registration())
        said(again, 409, "model version with name 1.0 already exists")

    @pytest.mark.parametrize(
        "change",
        [
            {"registeredModel": {}},
            {"registeredModel": {"name": "x" * 256}},
            {"registeredModel": {"name": "a\0"}},
            {"registeredModel": {"name": "\ud800"}},
            {"registeredModel": {"name": "a", "ext_id": 1}},
            {"modelVersion": {}},
            {"modelVersion": {"name": "x" * 255}},
            {"modelVersion": {"name": "1", "state": "X"}},
            {"modelVersion": {"name": "a", "description": "\0"}},
            {"modelArtifact": {"uri": 5}},
            {"modelArtifact": {"artifactType": "doc-artifact", "uri": "u"}},
            {"modelArtifact": {"uri": "\0"}},
            {"aliases": ["latest"]},
            {"aliases": ["a", "-"]},
            {"aliases": ["1.0"]},
            {"stage": "canary"},
            {"links": [{"relation": "cousin", "uri": "u"}]},
            {"links": [{"relation": "source", "uri": "u"}, {"relation": "source", "uri": "u"}]},
            {"links": [{"relation": "derived-from", "uri": "u", "modelVersionId": 999}]},
            {"links": [{"relation": "derived-from", "uri": "u", "modelVersionId": HUGE}]},
            {"unknown": 1},
        ],
        ids=str,
    )
    def test_fails_whole(self, api, change):
        answer = api.management.send(
            "POST", "register", content=json.dumps(registration(**change)), headers={"content-type": "application/json"}
        )
        assert answer.status in (400, 404, 409, 422), answer
        for table in ("resources", "properties", "attributions", "aliases", "links", "changes"):
            assert api.rows(f"SELECT count(*) FROM registry_{table}") == [(0,)], table


class TestResolve:
    def resolved(self, api: Api, uri: str) -> str:
        found = said(api.management.get("resolve", uri=f"model-registry://{uri}"), 200)
        assert found["uri"] == found["modelArtifact"]["uri"]
        return str(found["modelVersion"]["name"])

    def test_by_name_alias_stage_or_the_newest(self, api, model, versions):
        assert self.resolved(api, "granite/1") == "1"
        assert self.resolved(api, "granite") == "3"
        assert self.resolved(api, "granite/") == "3"
        api.management.put(f"registered_models/{model}/aliases/champion", {"modelVersionId": versions[1]})
        assert self.resolved(api, "granite/champion") == "2"
        for version in versions[:2]:
            api.management.put(f"model_versions/{version}/stage", {"stage": "production"})
        assert self.resolved(api, "granite/production") == "2"
        api.patch(f"model_versions/{versions[2]}", {"state": "ARCHIVED"})
        assert self.resolved(api, "granite") == "2"
        assert self.resolved(api, "granite/3") == "3"
        api.patch(f"model_versions/{versions[1]}", {"state": "ARCHIVED"})
        assert self.resolved(api, "granite/production") == "1"
        assert self.resolved(api, "granite/champion") == "2"

    def test_a_name_with_a_slash_is_percent_encoded(self, api):
        body = registration(registeredModel={"name": "ibm/granite:8b"}, modelVersion={"name": "a/b"})
        said(api.management.post("register", body), 201)
        assert self.resolved(api, "ibm%2Fgranite%3A8b/a%2Fb") == "a/b"

    @pytest.mark.parametrize(
        ("uri", "status", "word"),
        [
            ("model-registry://none", 404, "no model none"),
            ("model-registry://granite/9", 404, "9"),
            ("model-registry://granite/production", 404, "production"),
            ("model-registry://registry.example.com:8080/granite/1", 400, "another registry"),
            ("model-registry://registry.example.com:8080/granite", 400, "another registry"),
            ("model-registry://other/granite/1", 400, "another registry"),
            ("model-registry://a/b/c/d", 400, "names no model"),
            ("model-registry://", 400, "names no model"),
            ("oci://granite/1", 400, "names no model"),
            ("granite", 400, "names no model"),
            ("model-registry://granite%00", None, ""),
            ("model-registry://granite/%ff", None, ""),
            ("model-registry://granite/" + "x" * 5000, 404, ""),
        ],
    )
    def test_refuses_what_it_does_not_know(self, api, versions, uri, status, word):
        answer = api.management.get("resolve", uri=uri)
        assert answer.status == status if status else answer.status in (400, 404)
        assert word in answer.json["message"]

    def test_needs_an_artifact_that_says_where_the_files_are(self, api, model):
        api.made("model_versions", name="1", registeredModelId=model)
        said(api.management.get("resolve", uri="model-registry://granite/1"), 404, "no model artifact")
