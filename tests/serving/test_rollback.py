"""Going back to what a deployment was."""

from __future__ import annotations

import httpx
import pytest
from serving.objects import service

from forecourt.serving.history import History
from forecourt.serving.model import InferenceService

ISVCS = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
OWN = "/api/forecourt/v1/namespaces/default/inferenceservices"
MERGE = {"content-type": "application/merge-patch+json"}


@pytest.fixture
def deployed(api, http):
    """A deployment of three revisions, the second of which was rolled out; it is at the third."""
    history = History(api.objects)

    def record():
        history.record(api.objects.get(InferenceService, "default", "chat"))

    http.post(ISVCS, json=service(storageUri="oci://quay.io/m:1").to_dict())
    record()
    status = {"components": {"predictor": {"latestRolledoutRevision": "chat-00001"}}}
    api.objects.write_status(InferenceService, "default", "chat", status)
    for version in (2, 3):
        patch(http, {"model": {"storageUri": f"oci://quay.io/m:{version}"}, "maxReplicas": version})
        record()


def patch(http, predictor):
    change = {"spec": {"predictor": predictor}}
    assert http.patch(f"{ISVCS}/chat", json=change, headers=MERGE).status_code == 200


def back(http, **said) -> httpx.Response:
    return http.post(f"{ISVCS}/chat/rollback", json=said)


def test_its_revisions_are_told_with_what_they_are_now(api, http, deployed):
    status = {
        "components": {
            "predictor": {
                "latestRolledoutRevision": "chat-00002",
                "traffic": [
                    {"revisionName": "chat-00003", "percent": 10},
                    {"revisionName": "chat-00002", "percent": 90},
                ],
            }
        },
        "servingRuntimeName": "tiny",
    }
    api.objects.write_status(InferenceService, "default", "chat", status)
    first, second, third = http.get(f"{OWN}/chat/revisions").json()["items"]
    assert [one["name"] for one in (first, second, third)] == ["chat-00001", "chat-00002", "chat-00003"]
    assert [one["model"] for one in (first, second, third)] == [f"oci://quay.io/m:{n}" for n in (1, 2, 3)]
    assert [(one["state"], one["percent"]) for one in (first, second, third)] == [
        ("", None),
        ("stable", 90),
        ("canary", 10),
    ]
    assert [one["runtime"] for one in (first, second, third)] == ["", "", "tiny"]  # which was chosen once is not kept
    assert third["data"]["spec"]["predictor"]["model"]["storageUri"] == "oci://quay.io/m:3"
    assert http.get(f"{OWN}/absent/revisions").status_code == 404


def test_a_model_behind_a_connection_is_told_by_both(api, http):
    http.post(ISVCS, json=service(storageUri=None, storage={"key": "store", "path": "m/1"}).to_dict())
    History(api.objects).record(api.objects.get(InferenceService, "default", "chat"))
    [only] = http.get(f"{OWN}/chat/revisions").json()["items"]
    assert (only["model"], only["state"], only["current"]) == ("store:m/1", "current, rolling out", True)


def uri(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["inferenceService"]["spec"]["predictor"]["model"]["storageUri"]


def test_it_goes_back_to_the_one_before_and_keeps_its_replicas(api, http, deployed):
    woken = api.woken
    answer = back(http)
    assert uri(answer) == "oci://quay.io/m:2"
    assert answer.json()["revision"] == 2
    kept = http.get(f"{ISVCS}/chat").json()
    assert kept == answer.json()["inferenceService"]
    assert kept["spec"]["predictor"]["maxReplicas"] == 3
    assert kept["metadata"]["annotations"]["kubernetes.io/change-cause"] == "back to revision 2"
    assert api.woken == woken + 1


def test_it_goes_back_to_a_revision_that_is_said_and_says_why(http, deployed):
    answer = back(http, revision=1, changeCause="the second is slow")
    assert uri(answer) == "oci://quay.io/m:1"
    annotations = answer.json()["inferenceService"]["metadata"]["annotations"]
    assert annotations["kubernetes.io/change-cause"] == "the second is slow"


def test_from_a_canary_it_goes_back_to_what_is_rolled_out(http, deployed):
    patch(http, {"canaryTrafficPercent": 10})
    answer = back(http)
    assert uri(answer) == "oci://quay.io/m:1"
    assert "canaryTrafficPercent" not in answer.json()["inferenceService"]["spec"]["predictor"]


def test_a_dry_run_changes_nothing(api, http, deployed):
    woken = api.woken
    answer = http.post(f"{ISVCS}/chat/rollback?dryRun=All", json={})
    assert uri(answer) == "oci://quay.io/m:2"
    kept = http.get(f"{ISVCS}/chat").json()
    assert kept["spec"]["predictor"]["model"]["storageUri"] == "oci://quay.io/m:3"
    assert api.woken == woken


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ({"revision": 9}, 404, "chat has no revision 9."),
        ({"revision": 3}, 409, "chat is what it was at revision 3 already."),
        ({"revision": "two"}, 400, "revision"),
        ({"to": 1}, 400, "to"),
    ],
)
def test_a_revision_that_it_cannot_go_back_to_is_told(http, deployed, said, code, message):
    answer = back(http, **said)
    assert answer.status_code == code, answer.text
    assert message in answer.json()["message"]


def test_one_that_was_nothing_else_cannot_go_back(http):
    assert back(http).status_code == 404
    http.post(ISVCS, json=service().to_dict())
    answer = back(http)
    assert (answer.status_code, answer.json()["message"]) == (409, "chat has not been anything else yet.")


def test_it_does_not_go_back_to_a_connection_that_is_gone(api, http):
    annotations = {"opendatahub.io/connections": "store"}
    secret = {
        "metadata": {"name": "store", "annotations": {"opendatahub.io/connection-type-ref": "uri-v1"}},
        "stringData": {"URI": "oci://quay.io/m:1"},
    }
    http.post("/api/v1/namespaces/default/secrets", json=secret)
    http.post(ISVCS, json=service().with_metadata(annotations=annotations).to_dict())
    history = History(api.objects)
    history.record(api.objects.get(InferenceService, "default", "chat"))
    change = {"metadata": {"annotations": {"opendatahub.io/connections": None}}}
    http.patch(f"{ISVCS}/chat", json=change, headers=MERGE)
    history.record(api.objects.get(InferenceService, "default", "chat"))
    http.delete("/api/v1/namespaces/default/secrets/store")
    answer = back(http, revision=1)
    assert answer.status_code == 422
    assert "There is no connection store" in answer.json()["message"]
