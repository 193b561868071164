"""Which runtimes are offered, in what order, which match a model and its hardware: as data, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from serving.objects import runtime, service
from starlette.testclient import TestClient

from forecourt.db import Database
from forecourt.objects import ObjectStore, install_error_handlers
from forecourt.projects import APPS_NAMESPACE, NVIDIA, Projects, Vault
from forecourt.serving import RuntimeSettings, runtimes_router
from forecourt.serving.availability import Machine, why_not
from forecourt.serving.matching import match_runtimes
from forecourt.serving.model import ModelFormat, ServingRuntime
from forecourt.serving.offering import NAME, OdhDashboardConfig, Offering, change_offering
from forecourt.serving.runtimes import shipped_runtimes, usable_runtimes
from forecourt.serving.selection import RuntimeNotSelected, select_runtime

LAPTOP = Machine("linux/x86_64")
WITH_GPU = Machine("linux/x86_64", frozenset({NVIDIA}))
ROUTE = "/api/forecourt/v1/serving-runtimes"
AUTO = {"name": "gguf", "autoSelect": True}


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ObjectStore]:
    database = Database(f"sqlite:///{tmp_path / 'forecourt.db'}")
    database.upgrade()
    yield ObjectStore(database)
    database.close()


@pytest.fixture
def http(objects: ObjectStore, tmp_path: Path) -> Iterator[TestClient]:
    projects = Projects(objects, Vault(tmp_path / "key"))
    projects.prepare()
    application = FastAPI()
    install_error_handlers(application)
    settings = RuntimeSettings(objects, projects, lambda one: why_not(one, LAPTOP))
    application.include_router(runtimes_router(settings, lambda: None))
    with TestClient(application) as client:
        yield client


def named(http: TestClient, **params: Any) -> list[str]:
    return [one["name"] for one in http.get(ROUTE, params=params).json()["items"]]


def test_a_runtime_says_all_that_a_form_shows(http):
    llamacpp = http.get(f"{ROUTE}/llamacpp").json()
    assert llamacpp["displayName"] == "llama.cpp ServingRuntime for KServe"
    assert (llamacpp["shipped"], llamacpp["enabled"], llamacpp["runsHere"]) == (True, True, True)
    assert "--alias={{.Name}}" in llamacpp["predefinedArgs"]
    assert {"name": "PORT", "value": "8080"} in llamacpp["predefinedEnv"]
    assert llamacpp["local"]["requirements"][0].startswith("xllamacpp==")
    assert (llamacpp["apiProtocol"], llamacpp["modelTypes"]) == ("REST", ["generative"])
    cuda = http.get(f"{ROUTE}/vllm-cuda-runtime").json()
    assert cuda["accelerators"] == [NVIDIA]
    assert "needs an NVIDIA GPU" in cuda["whyNot"]


def test_one_that_is_not_there_is_an_error_that_says_which_are(http):
    for answer in (http.get(f"{ROUTE}/nothing"), http.patch(f"{ROUTE}/nothing", json={"enabled": True})):
        assert answer.status_code == 404
        assert "llamacpp" in str(answer.json()["details"])


def test_what_is_disabled_is_kept_as_open_data_hub_keeps_it(http, objects):
    assert http.patch(f"{ROUTE}/llamacpp", json={"enabled": False}).json()["enabled"] is False
    kept = objects.get(OdhDashboardConfig, APPS_NAMESPACE, NAME).to_dict()
    assert kept["spec"] == {"templateDisablement": ["llamacpp"]}
    with pytest.raises(RuntimeNotSelected) as refused:
        select_runtime(service(runtime="llamacpp"), usable_runtimes(objects, "default"))
    assert refused.value.failure_reason == "RuntimeDisabled"
    with pytest.raises(RuntimeNotSelected):
        select_runtime(service(), usable_runtimes(objects, "default"))
    assert not next(one for one in shipped_runtimes() if one.name == "llamacpp").spec.disabled
    assert http.patch(f"{ROUTE}/llamacpp", json={"enabled": True}).json()["enabled"] is True
    assert select_runtime(service(), usable_runtimes(objects, "default")).name == "llamacpp"


def test_enabling_one_that_its_own_yaml_disables_changes_that(http, objects):
    objects.create(runtime("mine", AUTO, namespace="default", disabled=True))
    assert http.get(f"{ROUTE}/mine").json()["enabled"] is False
    assert http.patch(f"{ROUTE}/mine", json={"enabled": True}).json()["enabled"] is True
    assert objects.get(ServingRuntime, "default", "mine").spec.disabled is None


def test_what_else_the_dashboards_configuration_says_is_kept(objects):
    spec = {"dashboardConfig": {"disableHome": True}, "templateOrder": ["a", "b"]}
    document = {"metadata": {"name": NAME, "namespace": APPS_NAMESPACE}, "spec": spec}
    kinds = {"apiVersion": "opendatahub.io/v1alpha", "kind": "OdhDashboardConfig"}
    objects.create(OdhDashboardConfig.from_dict(document | kinds))
    assert change_offering(objects, lambda it: it.with_order(["b"])) == Offering(("b", "a"))
    kept = objects.get(OdhDashboardConfig, APPS_NAMESPACE, NAME).to_dict()["spec"]
    assert kept == {"dashboardConfig": {"disableHome": True}, "templateOrder": ["b", "a"]}


def test_an_order_holds_for_lists(http):
    before = named(http)
    after = http.put(f"{ROUTE}/order", json={"names": ["vllm-cuda-runtime", "llamacpp"]}).json()["items"]
    rest = [name for name in before if name not in ("vllm-cuda-runtime", "llamacpp")]
    assert [one["name"] for one in after] == ["vllm-cuda-runtime", "llamacpp", *rest] == named(http)
    http.put(f"{ROUTE}/order", json={"names": ["mlserver-runtime"], "before": "llamacpp"})
    assert named(http)[:3] == ["vllm-cuda-runtime", "mlserver-runtime", "llamacpp"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"names": ["nothing"]}, 404),
        ({"names": ["llamacpp"], "before": "nothing"}, 404),
        ({"names": ["llamacpp"], "before": "llamacpp"}, 400),
        ({"names": ["llamacpp", "kserve-ovms"], "before": "mlserver-runtime"}, 400),
        ({"names": ["llamacpp", "llamacpp"]}, 400),
        ({"names": []}, 400),
        ({}, 400),
    ],
)
def test_an_order_that_cannot_be_changes_nothing(http, objects, given, code):
    assert http.put(f"{ROUTE}/order", json=given).status_code == code
    assert Offering.of(objects) == Offering()


def test_one_that_ships_cannot_be_removed(http):
    refused = http.delete(f"{ROUTE}/llamacpp")
    assert refused.status_code == 400
    assert "runtimes disable llamacpp" in str(refused.json()["details"])


def test_one_that_serves_a_deployment_is_removed_by_force_only(http, objects):
    objects.create(runtime("mine", AUTO, namespace="default"))
    objects.create(service("chat", runtime="mine"))
    refused = http.delete(f"{ROUTE}/mine")
    assert refused.status_code == 409
    assert "in use by default/chat" in refused.json()["message"]
    http.put(f"{ROUTE}/order", json={"names": ["mine"]})
    assert http.delete(f"{ROUTE}/mine", params={"force": True}).status_code == 200
    assert "mine" not in named(http)
    assert "mine" not in Offering.of(objects).order


def test_one_in_place_of_one_that_ships_gives_way_to_it(http, objects):
    objects.create(runtime("llamacpp", AUTO, namespace="default"))
    mine = http.get(f"{ROUTE}/llamacpp").json()
    assert (mine["shipped"], mine["replacesShipped"], mine["displayName"]) == (False, True, "llamacpp")
    assert http.get(f"{ROUTE}/llamacpp", params={"namespace": "other"}).json()["shipped"]
    http.delete(f"{ROUTE}/llamacpp")
    assert http.get(f"{ROUTE}/llamacpp").json()["shipped"]


def test_one_of_the_whole_cluster_takes_the_place_of_one_that_ships_everywhere(http, objects):
    objects.create(runtime("llamacpp", AUTO))
    assert named(http).count("llamacpp") == 1
    assert http.get(f"{ROUTE}/llamacpp", params={"namespace": "other"}).json()["kind"] == "ClusterServingRuntime"


def test_a_text_is_checked_without_being_kept(http):
    wrong = http.post(f"{ROUTE}/validate", content="kind: ServingRuntime\napiVersion: v1\n")
    assert wrong.json()["runtimes"] == []
    [finding] = wrong.json()["findings"]
    assert (finding["line"], finding["column"], finding["field"], finding["severity"]) == (2, 13, "apiVersion", "error")
    assert http.post(f"{ROUTE}/validate", content=b"a: [").status_code == 422
    right = http.post(f"{ROUTE}/validate", content=runtime("mine", AUTO, namespace="default").to_yaml())
    assert [one["metadata"]["name"] for one in right.json()["runtimes"]] == ["mine"]
    assert "mine" not in named(http)


# Which match


@pytest.mark.parametrize(
    ("params", "names", "automatic"),
    [
        ({"format": "gguf"}, {"llamacpp", "openvino-genai-runtime"}, "llamacpp"),
        ({"format": "vLLM", "accelerator": NVIDIA}, {"vllm-cuda-runtime"}, "vllm-cuda-runtime"),
        ({"format": "vLLM", "accelerator": "amd.com/gpu"}, {"vllm-rocm-runtime"}, "vllm-rocm-runtime"),
        ({"format": "onnx", "accelerator": NVIDIA}, {"kserve-ovms", "mlserver-cuda-runtime"}, "kserve-ovms"),
        ({"format": "clay-tablet"}, set(), None),
    ],
)
def test_what_matches_is_by_format_and_accelerator(http, params, names, automatic):
    answer = http.get(ROUTE, params=params).json()
    assert {one["name"] for one in answer["items"] if one["matches"]} == names
    assert answer["automatic"] == automatic
    assert [one["name"] for one in answer["items"] if one["automatic"]] == ([automatic] if automatic else [])


def test_of_several_that_match_the_only_one_that_runs_here_is_chosen(http):
    answer = http.get(ROUTE, params={"format": "vLLM"}).json()
    assert sum(one["matches"] for one in answer["items"]) > 1
    assert answer["automatic"] == "vllm-cpu-x86-runtime"
    # With a GPU in the machine and none in the profile, what needs one is passed over all the same.
    match = match_runtimes(shipped_runtimes(), ModelFormat(name="vLLM"), "", lambda one: why_not(one, WITH_GPU))
    assert match.automatic is not None
    assert match.automatic.name == "vllm-cpu-x86-runtime"


def test_a_hardware_profile_says_which_accelerator(http):
    answer = http.get(ROUTE, params={"format": "gguf", "hardwareProfile": "small"}).json()
    assert (answer["accelerator"], answer["automatic"]) == ("", "llamacpp")
    assert http.get(ROUTE, params={"format": "gguf", "hardwareProfile": "nothing"}).status_code == 404
    both = {"format": "gguf", "hardwareProfile": "small", "accelerator": NVIDIA}
    assert http.get(ROUTE, params=both).status_code == 400
    assert http.get(ROUTE, params={"accelerator": NVIDIA}).status_code == 400


def test_a_disabled_runtime_is_listed_and_does_not_match(http):
    http.patch(f"{ROUTE}/llamacpp", json={"enabled": False})
    answer = http.get(ROUTE, params={"format": "gguf"}).json()
    listed = {one["name"]: (one["enabled"], one["matches"]) for one in answer["items"]}
    assert listed == {"llamacpp": (False, False), "openvino-genai-runtime": (True, True)}
    assert answer["automatic"] == "openvino-genai-runtime"


def test_where_several_would_do_a_person_chooses():
    several = [runtime("a", AUTO), runtime("b", AUTO)]
    assert match_runtimes(several, ModelFormat(name="gguf")).automatic is None


def test_a_version_has_to_be_served_where_one_is_asked_for():
    one = runtime("a", {"name": "onnx", "version": "1"})
    assert match_runtimes([one], ModelFormat(name="onnx", version="1")).automatic is one
    assert match_runtimes([one], ModelFormat(name="onnx")).automatic is one
    assert match_runtimes([one], ModelFormat(name="onnx", version="2")).automatic is None


def test_which_deployments_a_runtime_serves_is_said_of_it(http, objects):
    objects.create(runtime("mine", AUTO, namespace="default"))
    assert http.get(f"{ROUTE}/mine").json()["usedBy"] == []
    objects.create(service("chat", runtime="mine"))
    assert http.get(f"{ROUTE}/mine").json()["usedBy"] == ["default/chat"]
