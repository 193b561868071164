"""A connection's Secret says who we are, in KServe's and Open Data Hub's words, and never shows it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from forecourt.errors import InvalidInput
from forecourt.oci import Credential
from forecourt.storage import Credentials, S3Credentials

SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIASHOWNTONOBODY",
    "AWS_SECRET_ACCESS_KEY": "s3-secret",
    "AWS_SESSION_TOKEN": "session-secret",
    "HF_TOKEN": "hf_secret",
    "https-host": "files.example.com",
    "headers": '{"Authorization": "Bearer header-secret"}',
    ".dockerconfigjson": json.dumps(
        {"auths": {"quay.io": {"auth": base64.b64encode(b"maria:registry-secret").decode()}}}
    ),
}


def test_the_dashboards_s3_connection() -> None:
    found = Credentials.from_secret(
        {
            "AWS_ACCESS_KEY_ID": " key\n",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_S3_ENDPOINT": "https://minio.example.com:9000/",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_S3_BUCKET": "models",
        }
    )
    assert found.s3 == S3Credentials(
        "key", "secret", endpoint="https://minio.example.com:9000", region="eu-central-1", bucket="models"
    )


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"s3-endpoint": "minio:9000", "s3-usehttps": "0"}, {"endpoint": "http://minio:9000"}),
        ({"s3-endpoint": "minio:9000", "s3-usehttps": "1"}, {"endpoint": "https://minio:9000"}),
        ({"s3-region": "us-east-2", "s3-verifyssl": "0"}, {"region": "us-east-2", "verify": False}),
        ({"s3-useanoncredential": "true"}, {"anonymous": True}),
        ({"s3-usevirtualbucket": "true"}, {"virtual_host": True}),
        ({"s3-usevirtualbucket": "false"}, {"virtual_host": False}),
    ],
)
def test_kserves_annotations(annotations: dict[str, str], expected: dict[str, Any]) -> None:
    notes = {f"serving.kserve.io/{key}": value for key, value in annotations.items()}
    assert Credentials.from_secret({}, notes).s3 == S3Credentials(**expected)


def test_kserves_storage_config() -> None:
    said = {
        "type": "s3", "access_key_id": "key", "secret_access_key": "secret", "endpoint_url": "http://minio:9000",
        "bucket": "models", "region": "us-east-1", "verify_ssl": "0", "anonymous": "False",
    }  # fmt: skip
    assert Credentials.from_storage_config(json.dumps(said)).s3 == S3Credentials(
        "key", "secret", endpoint="http://minio:9000", region="us-east-1", bucket="models", verify=False
    )


def test_the_other_connections() -> None:
    found = Credentials.from_secret(SECRETS | {"OCI_HOST": "quay.io", "URI": "https://files.example.com/m.gguf"})
    assert found.headers == {"files.example.com": {"Authorization": "Bearer header-secret"}}
    assert found.registries == {"quay.io": Credential("maria", "registry-secret")}
    assert (found.registry, found.uri, found.hub_token) == ("quay.io", "https://files.example.com/m.gguf", "hf_secret")


def test_headers_may_be_lines() -> None:
    found = Credentials.from_secret({"https-host": "https://h.example.com/x", "headers": "A: 1\nB-c: two words"})
    assert found.headers == {"h.example.com": {"A": "1", "B-c": "two words"}}


def test_no_repr_shows_what_is_secret() -> None:
    found = Credentials.from_secret(SECRETS)
    shown = f"{found!r} {found} {found.s3!r} {found.over(Credentials())!r}"
    for secret in ("SHOWNTONOBODY", "s3-secret", "session-secret", "hf_secret", "header-secret", "registry-secret"):
        assert secret not in shown


@pytest.mark.parametrize(
    "data",
    [
        {"AWS_S3_ENDPOINT": "ftp://key:pw-secret@x"},
        {"AWS_S3_ENDPOINT": "https://user:pw-secret@minio:9000"},
        {"AWS_S3_ENDPOINT": "http://[pw-secret"},
        {"AWS_S3_ENDPOINT": "http://x:pw-secret"},
        {"https-host": "x", "headers": '{"a": "pw-secret'},
        {"https-host": "x", "headers": "a b: pw-secret"},
        {"https-host": "x", "headers": '{"A": "pw-secret\\r\\nB: c"}'},
        {".dockerconfigjson": '{"auths": "pw-secret"}'},
        {".dockerconfigjson": "pw-secret"},
        {".dockerconfigjson": "[]"},
    ],
)
def test_what_is_wrong_is_told_without_what_is_secret(data: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as raised:
        Credentials.from_secret(data)
    assert "pw-secret" not in f"{raised.value!r} {raised.value} {raised.value.hint}"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"type": "gs"}', '"pw-secret"'])
def test_what_is_no_storage_config(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Credentials.from_storage_config(text)
    assert "pw-secret" not in str(raised.value)


def test_the_environment_says_what_the_connection_does_not() -> None:
    environment = {
        "AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "env-secret", "AWS_SESSION_TOKEN": "env-session",
        "AWS_ENDPOINT_URL": "http://env:9000", "AWS_REGION": "env-1", "HF_TOKEN": "hf_env",
    }  # fmt: skip
    environ = Credentials.from_environment(environment)
    assert environ.s3 == S3Credentials("env", "env-secret", "env-session", "http://env:9000", "env-1")
    mine = Credentials.from_secret({"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "mine"})
    both = mine.over(environ)
    assert both.s3 == S3Credentials("me", "mine", "", "http://env:9000", "env-1"), "a key is never put together of two"
    assert both.hub_token == "hf_env"
    anonymous = Credentials.from_secret({}, {"serving.kserve.io/s3-useanoncredential": "true"})
    assert anonymous.over(environ).s3.access_key_id == ""


def test_a_token_is_only_for_its_hub() -> None:
    other = Credentials.from_secret({"HF_ENDPOINT": "https://hub.example.com/"})
    environ = Credentials.from_environment({"HF_TOKEN": "hf_env"})
    assert other.over(environ).hub_token == ""
    same = Credentials.from_environment({"HF_TOKEN": "hf_env", "HF_ENDPOINT": "https://hub.example.com"})
    assert other.over(same).hub_token == "hf_env"
