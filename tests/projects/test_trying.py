"""A connection is tried as it is kept, and before it is."""

from __future__ import annotations

import base64

import pytest

SECRETS = "/api/v1/namespaces/default/secrets"
CONNECTIONS = "/api/forecourt/v1/namespaces/default/connections"
S3 = {
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "right",
    "AWS_S3_ENDPOINT": "http://localhost:8333",
    "AWS_S3_BUCKET": "models",
}


def secret(**values: str) -> dict:
    annotations = {"opendatahub.io/connection-type-ref": "s3"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "store", "annotations": annotations},
        "stringData": S3 | values,
    }


def test_one_that_is_kept_is_tried(http):
    http.post(SECRETS, json=secret())
    told = http.post(f"{CONNECTIONS}/store/test")
    assert (told.status_code, told.json()) == (200, {"status": "ok", "message": "The bucket models is there."})


def test_one_that_is_refused_says_why_and_what_to_do(http):
    http.post(SECRETS, json=secret(AWS_SECRET_ACCESS_KEY="wrong"))
    told = http.post(f"{CONNECTIONS}/store/test")
    assert (told.status_code, told.json()["message"]) == (401, "The store refuses the key.")
    assert told.json()["details"]["causes"][0]["message"] == "Check the secret key."
    assert "wrong" not in told.text


def test_one_that_is_not_there_is_told(http):
    assert http.post(f"{CONNECTIONS}/absent/test").status_code == 404


def test_one_is_tried_before_it_is_kept(http):
    assert http.post(f"{CONNECTIONS}/test", json=secret()).json()["message"] == "The bucket models is there."
    assert http.post(f"{CONNECTIONS}/test", json=secret(AWS_SECRET_ACCESS_KEY="wrong")).status_code == 401
    assert http.get(f"{SECRETS}/store").status_code == 404


def test_a_change_is_tried_with_what_was_not_shown(http):
    http.post(SECRETS, json=secret())
    shown = http.get(f"{SECRETS}/store").json()
    shown["data"]["AWS_S3_BUCKET"] = base64.b64encode(b"others").decode()
    assert http.post(f"{CONNECTIONS}/test", json=shown).json()["message"] == "The bucket others is there."
    assert http.post(f"{CONNECTIONS}/store/test").json()["message"] == "The bucket models is there."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "there is nothing to try"),
        (secret(AWS_SECRET_ACCESS_KEY=""), "data[AWS_SECRET_ACCESS_KEY]: Required value"),
        ({"metadata": {"annotations": {"opendatahub.io/connection-type-ref": "ftp"}}}, "no connection type ftp"),
    ],
)
def test_what_is_no_connection_is_refused(http, body, message):
    told = http.post(f"{CONNECTIONS}/test", json=body)
    assert told.status_code == 422
    assert message in told.json()["message"]
