"""A deployment is completed by its connection and its profile, as webhooks do it on a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from objects.served import Api
from serving.kserve_schemas import conforms
from serving.objects import service

from forecourt.errors import InvalidObject
from forecourt.serving.model import InferenceService
from forecourt.serving.source import Source

ISVCS = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
SECRETS = "/api/v1/namespaces/default/secrets"
PROFILES = "/apis/infrastructure.opendatahub.io/v1/namespaces/opendatahub/hardwareprofiles"
CONNECTION, PROFILE = "opendatahub.io/connections", "opendatahub.io/hardware-profile-name"


@pytest.fixture
def http(tmp_path: Path) -> Iterator[httpx.Client]:
    with closing(Api(tmp_path)) as api, httpx.Client(base_url=api.url, trust_env=False, timeout=10) as client:
        for name, kind, values in (
            ("bucket", "s3", {"AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s", "AWS_S3_ENDPOINT": "http://s"}),
            ("uri", "uri-v1", {"URI": "hf://HuggingFaceTB/SmolLM2-135M"}),
            ("quay", "oci-v1", {"OCI_HOST": "quay.io", ".dockerconfigjson": '{"auths": {}}'}),
        ):
            annotations = {"opendatahub.io/connection-type-ref": kind}
            secret = {"metadata": {"name": name, "annotations": annotations}, "stringData": values}
            assert client.post(SECRETS, json=secret).status_code == 201
        yield client


def deployment(annotations: dict[str, str], **model: Any) -> dict[str, Any]:
    document = service(**model).to_dict()
    document["metadata"]["annotations"] = annotations
    return document


def made(http: httpx.Client, annotations: dict[str, str], **model: Any) -> dict[str, Any]:
    answer = http.post(ISVCS, json=deployment(annotations, **model))
    assert answer.status_code == 201, answer.text
    conforms(answer.json())
    predictor: dict[str, Any] = answer.json()["spec"]["predictor"]
    return predictor


def test_an_s3_connection_becomes_a_storage_key(http):
    annotations = {CONNECTION: "bucket", "opendatahub.io/connection-path": "llama/v1"}
    predictor = made(http, annotations, storageUri=None)
    assert predictor["model"]["storage"] == {"key": "bucket", "path": "llama/v1"}
    assert predictor["serviceAccountName"] == "bucket-sa"


def test_a_uri_connection_becomes_the_uri(http):
    assert made(http, {CONNECTION: "uri"}, storageUri=None)["model"]["storageUri"] == "hf://HuggingFaceTB/SmolLM2-135M"


def test_a_registrys_connection_becomes_a_pull_secret(http):
    predictor = made(http, {CONNECTION: "quay"}, storageUri="oci://quay.io/org/model:1")
    assert predictor["imagePullSecrets"] == [{"name": "quay"}]


def test_another_connection_takes_the_place_of_the_first(http):
    made(http, {CONNECTION: "bucket", "opendatahub.io/connection-path": "a"}, storageUri=None)
    document = http.get(f"{ISVCS}/chat").json()
    document["metadata"]["annotations"] = {CONNECTION: "uri"}
    predictor = http.put(f"{ISVCS}/chat", json=document).json()["spec"]["predictor"]
    assert "storage" not in predictor["model"]
    assert "serviceAccountName" not in predictor
    assert predictor["model"]["storageUri"].startswith("hf://")


@pytest.mark.parametrize(
    ("annotations", "uri", "message"),
    [
        ({CONNECTION: "nothing"}, None, "There is no connection nothing"),
        ({CONNECTION: "quay"}, "oci://docker.io/org/model:1", "not in the registry quay.io"),
        ({PROFILE: "nothing"}, "oci://quay.io/org/model:1", "There is no hardware profile nothing"),
    ],
)
def test_what_is_named_must_be_there_and_fit(http, annotations, uri, message):
    answer = http.post(ISVCS, json=deployment(annotations, storageUri=uri))
    assert answer.status_code == 422
    assert message in answer.json()["message"]


def profile(http: httpx.Client, **spec: Any) -> None:
    counts = {"minCount": 1, "defaultCount": 2, "maxCount": 4}
    identifiers = [{"displayName": "CPU", "identifier": "cpu"} | counts]
    notes = {"forecourt.dev/cpu-affinity": "0-1", "opendatahub.io/display-name": "Mine"}
    document = {
        "metadata": {"name": "mine", "annotations": notes},
        "spec": {"identifiers": identifiers} | spec,
    }
    assert http.post(PROFILES, json=document).status_code == 201


def test_a_profile_gives_its_defaults_and_its_place(http):
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    profile(http, scheduling={"type": "Node", "node": {"nodeSelector": {"gpu": "l4"}, "tolerations": tolerations}})
    predictor = made(http, {PROFILE: "mine"})
    assert predictor["model"]["resources"] == {"requests": {"cpu": 2}, "limits": {"cpu": 2}}
    assert (predictor["nodeSelector"], predictor["tolerations"]) == ({"gpu": "l4"}, tolerations)
    kept = http.get(f"{ISVCS}/chat").json()["metadata"]["annotations"]
    assert kept["forecourt.dev/cpu-affinity"] == "0-1"


def test_what_a_deployment_asks_for_itself_holds_within_the_profile(http):
    profile(http)
    asked = {"requests": {"cpu": "3"}}
    assert made(http, {PROFILE: "mine"}, resources=asked)["model"]["resources"]["limits"] == {"cpu": "3"}
    answer = http.post(ISVCS, json=deployment({PROFILE: "mine"}, resources={"limits": {"cpu": "5"}}))
    assert "5 is more than 4, the most of Mine" in answer.json()["message"]


def test_a_source_is_a_uri_or_a_path_in_a_bucket():
    whole = Source.of(service(storageUri="s3://b/p", storage={"key": "k"}))
    assert (whole.located({}), whole.secret) == ("s3://b/p", "k")
    part = Source.of(service(storageUri=None, storage={"key": "k", "path": "/llama"}))
    assert part.located({"AWS_S3_BUCKET": "models"}) == "s3://models/llama"
    with pytest.raises(InvalidObject, match="names no bucket"):
        part.located({})


def test_patterns_and_a_token_come_from_the_storage_initializers_variables():
    env = [
        {"name": "STORAGE_ALLOW_PATTERNS", "value": '["*.gguf"]'},
        {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "HF_TOKEN"}}},
    ]
    source = Source.of(service(env=env))
    assert (source.allow, source.secret) == (("*.gguf",), "hub")


def test_a_deployment_without_a_model_says_so():
    with pytest.raises(InvalidObject, match="storageUri: Required value"):
        Source.of(InferenceService.from_dict(service(storageUri=None).to_dict()))
