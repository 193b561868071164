"""The API is Kubernetes': paths, versions, patches, watches, errors; Kubernetes' own clients work."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
import yaml
from objects.served import Api
from serving.kserve_schemas import conforms
from serving.objects import runtime, service

from forecourt.serving.model import InferenceService

ISVCS = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
RUNTIMES = "/apis/serving.kserve.io/v1alpha1/namespaces/default/servingruntimes"
MERGE = {"content-type": "application/merge-patch+json"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with closing(
        Api(tmp_path_factory.mktemp("api"), service("earlier", "elsewhere"), service("there", "other"))
    ) as api:
        yield api


@pytest.fixture
def api(shared: Api) -> Iterator[Api]:
    yield shared
    for kind in (InferenceService, type(runtime("a", namespace="b")), type(runtime("a"))):
        for one in shared.objects.list(kind):
            shared.objects.update(kind, one.namespace, one.name, lambda o: o.with_metadata(finalizers=None))
            shared.objects.mark_deleted(kind, one.namespace, one.name)
            shared.objects.purge(kind, one.namespace, one.name, one.metadata.uid or "")


def given(name: str = "chat", **model: Any) -> dict[str, Any]:
    return service(name, **model).to_dict()


def is_status(answer: httpx.Response, code: int, reason: str) -> dict[str, Any]:
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["kind"], document["apiVersion"]) == (code, "Status", "v1"), answer.text
    assert (document["status"], document["code"], document["reason"]) == ("Failure", code, reason)
    assert "Traceback" not in answer.text
    return document


def test_an_object_is_created_read_replaced_and_deleted(api, http):
    made = http.post(ISVCS, json=given())
    assert made.status_code == 201
    conforms(made.json())
    assert http.get(f"{ISVCS}/chat").json() == made.json()
    changed = made.json()
    changed["spec"]["predictor"]["minReplicas"] = 2
    after = http.put(f"{ISVCS}/chat", json=changed)
    assert after.status_code == 200
    assert after.json()["metadata"]["generation"] == 2
    gone = http.delete(f"{ISVCS}/chat")
    assert gone.json()["status"] == "Success"
    assert gone.json()["details"]["uid"] == made.json()["metadata"]["uid"]
    # What runs has to end before the object goes.
    assert http.get(f"{ISVCS}/chat").json()["metadata"]["deletionTimestamp"]


def test_every_change_wakes_the_reconciler_and_no_question_does(api, http):
    before = api.woken
    http.post(ISVCS, json=given())
    http.patch(f"{ISVCS}/chat", json={"metadata": {"labels": {"a": "b"}}}, headers=MERGE)
    http.delete(f"{ISVCS}/chat")
    assert api.woken == before + 3
    http.get(ISVCS)
    http.get(f"{ISVCS}/chat")
    http.post(ISVCS, json=given("other"), params={"dryRun": "All"})
    assert api.woken == before + 3


def test_a_body_may_be_yaml(http):
    made = http.post(ISVCS, content=service().to_yaml(), headers={"content-type": "application/yaml"})
    assert made.status_code == 201
    assert made.json()["spec"] == given()["spec"]


def test_fields_that_are_not_known_are_kept(http):
    document = given()
    document["spec"]["predictor"]["tolerations"] = [{"key": "gpu", "operator": "Exists"}]
    assert http.post(ISVCS, json=document).json()["spec"] == document["spec"]
    assert http.get(f"{ISVCS}/chat").json()["spec"] == document["spec"]


def test_the_path_says_the_namespace_and_kind_where_the_object_does_not(http):
    document = given()
    del document["metadata"]["namespace"], document["kind"], document["apiVersion"]
    made = http.post(ISVCS, json=document).json()
    assert (made["kind"], made["metadata"]["namespace"]) == ("InferenceService", "default")


def test_a_dry_run_checks_and_keeps_nothing(http):
    assert http.post(ISVCS, json=given(), params={"dryRun": "All"}).status_code == 201
    is_status(http.post(ISVCS, json=given("9"), params={"dryRun": "All"}), 422, "Invalid")
    is_status(http.get(f"{ISVCS}/chat"), 404, "NotFound")
    http.post(ISVCS, json=given())
    change = {"metadata": {"labels": {"a": "b"}}}
    patched = http.patch(f"{ISVCS}/chat", json=change, headers=MERGE, params={"dryRun": "All"})
    assert patched.json()["metadata"]["labels"] == {"a": "b"}
    http.delete(f"{ISVCS}/chat", params={"dryRun": "All"})
    http.request("DELETE", f"{ISVCS}/chat", json={"kind": "DeleteOptions", "dryRun": ["All"]})
    there = http.get(f"{ISVCS}/chat").json()["metadata"]
    assert "labels" not in there
    assert "deletionTimestamp" not in there


def test_lists_say_what_they_are_and_from_where_to_watch(http):
    http.post(ISVCS, json=given("b"))
    made = http.post(ISVCS, json=given("a")).json()
    http.post(ISVCS.replace("default", "other"), json=given("c") | {"metadata": {"name": "c"}})
    listed = http.get(ISVCS).json()
    assert (listed["kind"], listed["apiVersion"]) == ("InferenceServiceList", "serving.kserve.io/v1beta1")
    assert int(listed["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])
    assert [one["metadata"]["name"] for one in listed["items"]] == ["a", "b"]
    everywhere = http.get("/apis/serving.kserve.io/v1beta1/inferenceservices").json()
    everywhere["items"] = [one for one in everywhere["items"] if one["metadata"]["name"] not in ("earlier", "there")]
    assert [one["metadata"]["name"] for one in everywhere["items"]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", ["a", "b", "c"]),
        ("app=chat", ["a"]),
        ("app==chat", ["a"]),
        ("app!=chat", ["b", "c"]),
        ("app in (chat, code)", ["a", "b"]),
        ("app notin (chat)", ["b", "c"]),
        ("app", ["a", "b"]),
        ("!app", ["c"]),
        ("app in (chat,code),tier=1", ["b"]),
        ("example.org/x.y_z=1", []),
    ],
)
def test_labels_select(http, selector, names):
    for name, labels in (("a", {"app": "chat"}), ("b", {"app": "code", "tier": "1"}), ("c", {})):
        http.post(ISVCS, json=service(name).with_metadata(labels=labels).to_dict())
    listed = http.get(ISVCS, params={"labelSelector": selector}).json()
    assert [one["metadata"]["name"] for one in listed["items"]] == names


@pytest.mark.parametrize("selector", ["app=chat=x", "app in chat", "a b", "=x"])
def test_a_selector_that_cannot_be_read_is_refused(http, selector):
    is_status(http.get(ISVCS, params={"labelSelector": selector}), 400, "BadRequest")


def test_a_name_selects(http):
    for name in ("a", "b"):
        http.post(ISVCS, json=given(name))
    listed = http.get(ISVCS, params={"fieldSelector": "metadata.name=b"}).json()
    assert [one["metadata"]["name"] for one in listed["items"]] == ["b"]
    is_status(http.get(ISVCS, params={"fieldSelector": "spec.x=b"}), 400, "BadRequest")


def test_a_merge_patch_merges_and_null_removes(http):
    http.post(ISVCS, json=service(args=["--a"]).with_metadata(labels={"a": "1", "b": "2"}).to_dict())
    change = {"metadata": {"labels": {"a": None, "c": "3"}}, "spec": {"predictor": {"model": {"args": ["--b"]}}}}
    after = http.patch(f"{ISVCS}/chat", json=change, headers=MERGE).json()
    assert after["metadata"]["labels"] == {"b": "2", "c": "3"}
    assert after["spec"]["predictor"]["model"]["args"] == ["--b"]
    assert after["spec"]["predictor"]["model"]["storageUri"] == given()["spec"]["predictor"]["model"]["storageUri"]


def test_patches_at_once_lose_nothing(api, http):
    http.post(ISVCS, json=given())

    async def patch_all() -> list[int]:
        async with httpx.AsyncClient(base_url=api.url, trust_env=False) as client:
            patches = (
                client.patch(f"{ISVCS}/chat", json={"metadata": {"labels": {f"l{n}": "1"}}}, headers=MERGE)
                for n in range(20)
            )
            return [answer.status_code for answer in await asyncio.gather(*patches)]

    assert set(asyncio.run(patch_all())) == {200}
    assert len(http.get(f"{ISVCS}/chat").json()["metadata"]["labels"]) == 20


def test_a_stale_version_conflicts_and_says_what_to_do(http):
    made = http.post(ISVCS, json=given()).json()
    http.patch(f"{ISVCS}/chat", json={"metadata": {"labels": {"a": "b"}}}, headers=MERGE)
    status = is_status(http.put(f"{ISVCS}/chat", json=made), 409, "Conflict")
    assert status["details"]["causes"][0]["reason"] == "NextStep"
    change = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    is_status(http.patch(f"{ISVCS}/chat", json=change, headers=MERGE), 409, "Conflict")


def test_a_server_side_apply_creates_or_merges(http):
    headers = {"content-type": "application/apply-patch+yaml"}
    made = http.patch(f"{ISVCS}/chat", content=service().to_yaml(), headers=headers, params={"fieldManager": "x"})
    assert made.status_code == 201
    scaled = service().to_dict()
    scaled["spec"]["predictor"]["minReplicas"] = 3
    again = http.patch(f"{ISVCS}/chat", content=yaml.safe_dump(scaled), headers=headers)
    assert (again.status_code, again.json()["spec"]["predictor"]["minReplicas"]) == (200, 3)
    assert again.json()["metadata"]["uid"] == made.json()["metadata"]["uid"]


def test_preconditions_of_a_deletion_hold(http):
    http.post(ISVCS, json=given())
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "00"}}
    is_status(http.request("DELETE", f"{ISVCS}/chat", json=options), 409, "Conflict")
    assert "deletionTimestamp" not in http.get(f"{ISVCS}/chat").json()["metadata"]


def test_a_name_that_is_taken_is_refused(http):
    http.post(ISVCS, json=given())
    is_status(http.post(ISVCS, json=given()), 409, "AlreadyExists")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"metadata": {"name": "9lives"}}, "metadata.name"),
        ({"metadata": {}}, "metadata.name"),
        ({"spec": {"predictor": {}}}, "spec.predictor.model"),
        ({"spec": {"predictor": {"model": {"storageUri": "oci://a/b"}}}}, "spec.predictor.model.modelFormat"),
        ({"spec": {"predictor": {"minReplicas": "two"}}}, "spec.predictor.minReplicas"),
        ({"apiVersion": "v1"}, "apiVersion"),
        ({"kind": "Pod"}, "kind"),
        ({"metadata": "x"}, "metadata"),
    ],
)
def test_an_object_that_cannot_be_is_refused_with_its_field(http, change, field):
    status = is_status(http.post(ISVCS, json=given() | change), 422, "Invalid")
    assert status["message"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"text",
        b"{",
        b"a: [",
        b"a: 1\n---\nb: 2",
        b'{"spec": {"x": NaN}}',
        b"spec: {x: .nan}",
        b'{"spec": {"x": "\\ud800"}}',
        b"spec: {x: !!binary aGk=}",
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b'{"a":' * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_no_object_is_refused_and_nothing_is_kept(http, body):
    answer = http.post(ISVCS, content=body)
    assert answer.status_code in (400, 422), answer.text[:200]
    assert answer.json()["kind"] == "Status"
    assert http.get(ISVCS).json()["items"] == []


def test_a_body_that_is_too_large_is_refused_as_such_and_nothing_is_kept(http):
    is_status(http.post(ISVCS, content=b" " * (4 * 1024 * 1024 + 1)), 413, "RequestEntityTooLarge")
    assert http.get(ISVCS).json()["items"] == []


def test_an_object_for_another_place_than_the_path_is_refused(http):
    is_status(http.post(ISVCS, json=service(namespace="other").to_dict()), 400, "BadRequest")
    http.post(ISVCS, json=given())
    is_status(http.put(f"{ISVCS}/chat", json=given("other")), 400, "BadRequest")
    is_status(http.patch(f"{ISVCS}/chat", json={"metadata": {"name": "b"}}, headers=MERGE), 400, "BadRequest")


def test_a_patch_of_another_type_is_refused(http):
    http.post(ISVCS, json=given())
    answer = http.patch(f"{ISVCS}/chat", content=b"[]", headers={"content-type": "application/json-patch+json"})
    is_status(answer, 400, "BadRequest")


def test_the_deployment_mode_cannot_be_changed(http):
    mode = "serving.kserve.io/deploymentMode"
    http.post(ISVCS, json=service().with_metadata(annotations={mode: "RawDeployment"}).to_dict())
    for wanted, code in (("Standard", 200), ("Knative", 422)):
        change = {"metadata": {"annotations": {mode: wanted}}}
        assert http.patch(f"{ISVCS}/chat", json=change, headers=MERGE).status_code == code


@pytest.mark.parametrize(
    ("method", "path", "code", "reason"),
    [
        ("GET", f"{ISVCS}/missing", 404, "NotFound"),
        ("GET", f"{ISVCS}/missing/log", 404, "NotFound"),
        ("PUT", f"{ISVCS}/missing", 404, "NotFound"),
        ("DELETE", f"{ISVCS}/missing", 404, "NotFound"),
        ("GET", "/apis/serving.kserve.io/v1beta1/trainedmodels", 404, "NotFound"),
        ("GET", "/nowhere", 404, "NotFound"),
        ("GET", "/broken", 500, "InternalError"),
    ],
)
def test_an_error_is_a_status(http, method, path, code, reason):
    is_status(http.request(method, path, json=given("missing") if method == "PUT" else None), code, reason)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{ISVCS}/chat"),
        ("PUT", ISVCS),
        ("DELETE", ISVCS),
        ("PUT", f"{ISVCS}/chat/status"),
        ("POST", "/apis/serving.kserve.io/v1beta1/inferenceservices"),
        ("POST", "/apis"),
        ("DELETE", "/version"),
    ],
)
def test_what_cannot_be_done_at_a_path_is_said(http, method, path):
    is_status(http.request(method, path), 405, "BadRequest")


@pytest.mark.parametrize(
    "path",
    [
        f"{ISVCS}/",
        f"{ISVCS}/chat/",
        f"{ISVCS}/chat/status/more",
        f"{ISVCS}/chat/scale",
        "/apis/serving.kserve.io/v1beta1/namespaces//inferenceservices",
        "/apis/serving.kserve.io/v1beta1/inferenceservices/chat",
        "/apis/serving.kserve.io/v1alpha1/inferenceservices",
        "/apis/serving.kserve.io/v1beta1/namespaces/default",
        "/api/v1/namespaces/default/namespaces",
        "/apis/",
        "/api/v2/namespaces",
        "//",
    ],
)
def test_what_is_at_no_path_of_kubernetes_is_not_found(http, path):
    is_status(http.get(path), 404, "NotFound")


def test_the_namespace_itself_is_an_object_among_those_in_it(http):
    assert http.get("/api/v1/namespaces/default/status").json() == http.get("/api/v1/namespaces/default").json()
    assert http.get("/api/v1/namespaces/default/secrets").json()["kind"] == "SecretList"


def test_heads_are_asked_for_too(http):
    http.post(ISVCS, json=given())
    for path in (ISVCS, f"{ISVCS}/chat", "/version"):
        answer = http.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) == len(http.get(path).content)


def test_a_defect_says_no_more_than_that_and_is_logged(api, http, monkeypatch, caplog):
    with monkeypatch.context() as broken:
        broken.setattr(api.objects.of_late, "list", lambda *_: 1 / 0)
        is_status(http.get(ISVCS), 500, "InternalError")
    assert "ZeroDivisionError" in caplog.text


def test_who_goes_away_before_all_is_said_leaves_nothing(api, http):
    before = api.woken
    with socket.create_connection((httpx.URL(api.url).host, httpx.URL(api.url).port)) as connection:
        head = f"POST {ISVCS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500"
        connection.sendall(f"{head}\r\n\r\n".encode() + b'{"kind": ')
    assert http.get(ISVCS).json()["items"] == []
    assert api.woken == before


def test_the_runtimes_that_ship_are_there_and_stay_as_they_are(http):
    listed = http.get(RUNTIMES).json()["items"]
    (llama,) = (one for one in listed if "llama" in one["metadata"]["name"])
    path = f"{RUNTIMES}/{llama['metadata']['name']}"
    assert http.get(path).json() == llama
    is_status(http.delete(path), 400, "BadRequest")
    mine = runtime(llama["metadata"]["name"], namespace="default").to_dict()
    assert http.post(RUNTIMES, json=mine).status_code == 201
    assert len(http.get(RUNTIMES).json()["items"]) == len(listed)
    assert http.get(path).json()["spec"] == mine["spec"]
    http.delete(path)
    assert http.get(path).json() == llama


def test_a_runtime_that_finalizers_held_goes_with_the_last_of_them(http):
    http.post(RUNTIMES, json=runtime("mine", namespace="default").with_metadata(finalizers=["a/b"]).to_dict())
    http.delete(f"{RUNTIMES}/mine")
    assert http.get(f"{RUNTIMES}/mine").status_code == 200
    http.patch(f"{RUNTIMES}/mine", json={"metadata": {"finalizers": None}}, headers=MERGE)
    is_status(http.get(f"{RUNTIMES}/mine"), 404, "NotFound")


def test_a_runtime_that_serves_a_deployment_is_not_deleted_under_it(api, http):
    http.post(RUNTIMES, json=runtime("mine", {"name": "gguf"}, namespace="default").to_dict())
    api.objects.create(service("chat", runtime="mine"))
    for query in ("", "?dryRun=All"):
        refused = http.delete(f"{RUNTIMES}/mine{query}")
        assert refused.status_code == 409
        assert "in use by default/chat" in refused.json()["message"]
    assert http.get(f"{RUNTIMES}/mine").status_code == 200


def test_cluster_runtimes_have_no_namespace(http):
    path = "/apis/serving.kserve.io/v1alpha1/clusterservingruntimes"
    made = http.post(path, json=runtime("everyones").to_dict())
    assert made.status_code == 201
    assert "namespace" not in made.json()["metadata"]
    assert http.get(f"{path}/everyones").json() == made.json()
    is_status(http.post(path, json=runtime("x").with_metadata(namespace="a").to_dict()), 400, "BadRequest")


def test_a_log_is_streamed_as_text(api, http):
    http.post(ISVCS, json=given())
    answer = http.get(f"{ISVCS}/chat/log", params={"tailLines": 10, "replica": 1, "follow": "true"})
    assert answer.text == "default/chat\n"
    assert answer.headers["content-type"].startswith("text/plain")
    assert api.asked[-1] == {"replica": 1, "tail": 10, "follow": True}
    http.get(f"{ISVCS}/chat/log")
    assert api.asked[-1] == {"replica": None, "tail": None, "follow": False}
    is_status(http.get(f"{ISVCS}/chat/log", params={"tailLines": "many"}), 400, "BadRequest")


def watched(http: httpx.Client, count: int, changes: Any = None, **params: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    with http.stream("GET", ISVCS, params={"watch": "true", **params}) as answer:
        if changes:
            changes()
        for line in answer.iter_lines():
            event = json.loads(line)
            found.append((event["type"], event["object"].get("reason") or event["object"]["metadata"]["name"]))
            if len(found) == count:
                break
    return found


def test_a_watch_begins_with_what_is_there_and_goes_on(http):
    http.post(ISVCS, json=given("a"))

    def changes() -> None:
        http.post(ISVCS, json=given("b"))
        http.patch(f"{ISVCS}/a", json={"metadata": {"labels": {"x": "y"}}}, headers=MERGE)

    assert watched(http, 3, changes) == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a")]


def test_a_client_that_goes_away_no_longer_watches(api, http):
    http.post(ISVCS, json=given("a"))
    watched(http, 1)
    deadline = time.monotonic() + 10
    while api.objects._published()._subscriptions and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not api.objects._published()._subscriptions


def test_a_watch_from_a_list_shows_only_what_came_after(http):
    http.post(ISVCS, json=given("a"))
    since = http.get(ISVCS).json()["metadata"]["resourceVersion"]
    http.post(ISVCS, json=given("b"))
    assert watched(http, 1, resourceVersion=since) == [("ADDED", "b")]


def test_what_no_longer_matches_goes_away_for_who_watches_by_label(http):
    http.post(ISVCS, json=service("a").with_metadata(labels={"app": "x"}).to_dict())
    http.post(ISVCS, json=given("b"))

    def changes() -> None:
        http.patch(f"{ISVCS}/b", json={"metadata": {"labels": {"tier": "1"}}}, headers=MERGE)
        http.patch(f"{ISVCS}/a", json={"metadata": {"labels": {"app": "z"}}}, headers=MERGE)

    assert watched(http, 2, changes, labelSelector="app=x") == [("ADDED", "a"), ("DELETED", "a")]


def test_a_watch_ends_when_it_was_asked_to(http):
    http.post(ISVCS, json=given("a"))
    assert watched(http, 99, timeoutSeconds=1) == [("ADDED", "a")]


def test_a_watch_from_what_is_no_longer_known_ends_with_expired(http):
    assert watched(http, 99, resourceVersion="1") == [("ERROR", "Expired")]
    assert watched(http, 99, resourceVersion="soon") == [("ERROR", "BadRequest")]


def test_clients_can_find_out_what_there_is(http):
    assert http.get("/version").json()["major"] == "1"
    groups = [group["name"] for group in http.get("/apis").json()["groups"]]
    assert groups == [
        "infrastructure.opendatahub.io",
        "rbac.authorization.k8s.io",
        "serving.kserve.io",
        "opendatahub.io",
        "apps",
    ]
    core = {one["name"] for one in http.get("/api/v1").json()["resources"]}
    assert core == {"namespaces", "secrets", "configmaps"}
    (resource,) = http.get("/apis/serving.kserve.io/v1beta1").json()["resources"]
    assert (resource["name"], resource["shortNames"]) == ("inferenceservices", ["isvc"])
    assert http.get("/api").json()["versions"] == ["v1"]


def test_lightkube_works(api):
    import lightkube
    from lightkube.generic_resource import create_namespaced_resource
    from lightkube.types import PatchType

    kind = create_namespaced_resource("serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices")
    config = lightkube.KubeConfig.from_dict(
        {
            "clusters": [{"name": "here", "cluster": {"server": api.url}}],
            "users": [{"name": "me", "user": {"token": "none"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
            "current-context": "here",
        }
    )
    client = lightkube.Client(config=config, namespace="default", trust_env=False)
    with client:
        made = client.create(kind(given()))
        assert made.metadata.uid
        assert [one.metadata.name for one in client.list(kind)] == ["chat"]
        patched = client.patch(kind, "chat", {"spec": {"predictor": {"minReplicas": 2}}}, patch_type=PatchType.MERGE)
        assert patched.spec["predictor"]["minReplicas"] == 2
        applied = client.apply(kind(given()), field_manager="test")
        assert applied.metadata.uid == made.metadata.uid
        event, first = next(iter(client.watch(kind, server_timeout=5)))
        assert (event, first.metadata.name) == ("ADDED", "chat")
        client.delete(kind, "chat")
        assert client.get(kind, "chat").metadata.deletionTimestamp
        with pytest.raises(lightkube.ApiError) as failure:
            client.get(kind, "missing")
        assert failure.value.status.reason == "NotFound"
