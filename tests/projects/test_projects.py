"""Projects are namespaces: nothing is made outside one, and what is in one goes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from objects.served import Api
from serving.objects import service

from forecourt.projects import ConfigMap, Endings, Namespace, Secret, project
from forecourt.serving.history import History
from forecourt.serving.model import InferenceService
from forecourt.serving.tokens import Tokens

NAMESPACES = "/api/v1/namespaces"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with closing(Api(tmp_path, service("earlier", "elsewhere"))) as api:
        yield api


def isvcs(namespace: str) -> str:
    return f"/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices"


def test_there_is_one_for_what_was_there_and_one_to_begin_with(http):
    assert [one["metadata"]["name"] for one in http.get(NAMESPACES).json()["items"]] == ["default", "elsewhere"]


def test_it_has_the_dashboards_label(http):
    made = http.post(NAMESPACES, json=project("vllm-demo", "vLLM demo", "For the lab").to_dict()).json()
    assert made["metadata"]["labels"] == {"opendatahub.io/dashboard": "true"}
    assert made["metadata"]["annotations"]["openshift.io/display-name"] == "vLLM demo"


def test_nothing_is_made_where_there_is_no_project(http):
    answer = http.post(isvcs("nowhere"), json=service(namespace="nowhere").to_dict())
    assert answer.status_code == 404
    assert answer.json()["message"] == "There is no project nowhere."
    assert "forecourt projects create nowhere" in answer.text


@pytest.mark.parametrize("name", ["Upper", "a.b", "kube-system", "openshift", "a" * 64, "-a"])
def test_a_name_that_a_namespace_cannot_have_is_refused(http, name):
    assert http.post(NAMESPACES, json={"metadata": {"name": name}}).status_code == 422


def test_what_is_in_a_project_is_told_by_what_it_is(api, http):
    api.objects.create(project("lab"))
    made = api.objects.create(service(namespace="lab"))
    History(api.objects).record(made)  # which is part of its deployment
    Tokens(api.objects, api.projects.connections).issue("lab", "chat", "ci")
    secrets = f"{NAMESPACES}/lab/secrets"
    notes = {"opendatahub.io/connection-type-ref": "uri-v1"}
    http.post(secrets, json={"metadata": {"name": "store", "annotations": notes}, "stringData": {"URI": "a://b"}})
    http.post(secrets, json={"metadata": {"name": "plain"}})
    words = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words", "namespace": "lab"}}
    api.objects.create(ConfigMap.from_dict(words))
    bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/lab/rolebindings"
    role = {"roleRef": {"kind": "ClusterRole", "name": "edit"}, "subjects": [{"kind": "User", "name": "ann"}]}
    assert http.post(bindings, json={"metadata": {"name": "b"}, **role}).status_code == 201
    told = http.get("/api/forecourt/v1/namespaces/lab/contents").json()["items"]
    assert [(one["what"], one["count"], one["names"]) for one in told] == [
        ("deployment", 1, ["chat"]),
        ("connection", 1, ["store"]),
        ("token", 1, ["chat/ci"]),
        ("secret", 1, ["plain"]),
        ("role binding", 1, ["ann (edit)"]),
        ("config map", 1, ["words"]),
    ]


def test_an_empty_project_has_nothing_and_one_that_is_not_there_is_not_found(http):
    assert http.get("/api/forecourt/v1/namespaces/default/contents").json() == {"items": []}
    assert http.get("/api/forecourt/v1/namespaces/absent/contents").status_code == 404


def test_the_project_that_is_used_where_none_is_named_stays(http):
    refused = http.delete(f"{NAMESPACES}/default")
    assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
    assert refused.json()["message"] == "The project default cannot be deleted: it is used where none is named."
    assert "deletionTimestamp" not in http.get(f"{NAMESPACES}/default").json()["metadata"]


async def test_what_is_in_a_project_goes_with_it(api):
    api.objects.create(project("lab"))
    api.objects.create(service(namespace="lab"))
    token = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "token", "namespace": "lab"}}
    api.objects.create(Secret.from_dict(token))
    told = []
    endings = Endings(api.objects, api.resources, lambda: told.append(True))
    running = asyncio.create_task(endings.run())
    async with httpx.AsyncClient(base_url=api.url, trust_env=False, timeout=10) as http:
        assert (await http.delete(f"{NAMESPACES}/lab")).status_code == 200
        endings.look()
        async with asyncio.timeout(10):
            while api.objects.list(Secret, "lab") or not told:  # in no order
                await asyncio.sleep(0.02)
        (marked,) = api.objects.list(InferenceService, "lab")  # whoever runs it ends it
        assert marked.metadata.deletion_timestamp
        assert told == [True]  # and is told of it
        refused = await http.post(isvcs("lab"), json=service("late", "lab").to_dict())
        assert (refused.status_code, refused.json()["message"]) == (409, "The project lab is being deleted.")
        api.objects.purge(InferenceService, "lab", "chat", marked.metadata.uid or "")
        async with asyncio.timeout(10):
            while any(one.name == "lab" for one in api.objects.list(Namespace)):
                await asyncio.sleep(0.05)
    running.cancel()
    assert {one.name for one in api.objects.list(Namespace)} == {"default", "elsewhere"}
    assert len(api.objects.list(InferenceService)) == 1
