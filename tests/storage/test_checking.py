"""One call says whether a connection works, in a sentence that holds no secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from catalog.remote.hub import Hub
from docker_registries import PASSWORD, USER, DockerRegistry, docker_registry, htpasswd
from object_stores import ObjectStore
from storage.servers import FileServer

from forecourt.errors import Denied, ForecourtError, InvalidInput, NotFound, Unavailable
from forecourt.oci import Anonymous, Clients
from forecourt.storage import Credentials, check


def tried(secret: dict[str, str], **options: Any) -> str:
    with Clients(Anonymous()) as clients:
        return check(Credentials.from_secret(secret), clients, **options)


class TestBuckets:
    def test_one_that_works(self, object_store: ObjectStore) -> None:
        object_store.put("checked/config.json", b"{}")
        host = object_store.url.removeprefix("http://")
        assert tried(object_store.secret) == f"The bucket models at {host} can be listed."
        assert tried(object_store.secret, uri="s3://models/checked") == f"The bucket models at {host} can be listed."
        assert "can be listed" in tried(object_store.secret, uri="s3://models/checked/config.json")

    def test_nothing_below_the_path(self, object_store: ObjectStore) -> None:
        with pytest.raises(NotFound, match="answers, and has nothing below none"):
            tried(object_store.secret, uri="s3://models/none")

    @pytest.mark.parametrize(
        ("wrong", "error", "said"),
        [
            ({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, Denied, "does not accept the secret key"),
            ({"AWS_ACCESS_KEY_ID": "AKIAWRONGSECRET"}, Denied, "does not know the access key"),
            ({"AWS_S3_BUCKET": "not-there"}, NotFound, "has no bucket not-there"),
            ({"AWS_S3_BUCKET": ""}, InvalidInput, "says no bucket"),
            ({"AWS_S3_ENDPOINT": "http://127.0.0.1:1"}, Unavailable, "cannot be reached"),
            ({"AWS_CA_BUNDLE": "-----BEGIN CERTIFICATE-----\nno\n"}, InvalidInput, "no PEM"),
        ],
    )
    def test_one_that_does_not(
        self, object_store: ObjectStore, wrong: dict[str, str], error: type[ForecourtError], said: str
    ) -> None:
        with pytest.raises(error, match=said) as raised:
            tried(object_store.secret | wrong)
        told = f"{raised.value!r} {raised.value} {raised.value.hint}".lower()
        assert "wrong-secret" not in told and "akiawrongsecret" not in told


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    directory = tmp_path_factory.mktemp("registry")
    with docker_registry(directory, auth=htpasswd(directory)) as running:
        yield running


class TestRegistries:
    @staticmethod
    def secret(registry: DockerRegistry, password: str) -> dict[str, str]:
        login = base64.b64encode(f"{USER}:{password}".encode()).decode()
        return {"OCI_HOST": registry.host, ".dockerconfigjson": json.dumps({"auths": {registry.host: {"auth": login}}})}

    def test_one_that_takes_the_login(self, registry: DockerRegistry) -> None:
        said = tried(self.secret(registry, PASSWORD))
        assert said == f"The registry {registry.host} answers, and takes the login of {USER}."

    def test_one_that_does_not(self, registry: DockerRegistry) -> None:
        with pytest.raises(Denied) as raised:
            tried(self.secret(registry, "wrong-secret"))
        assert "wrong-secret" not in f"{raised.value!r} {raised.value.hint}"
        with pytest.raises(Denied):
            tried({"OCI_HOST": registry.host})

    def test_one_that_is_not_there(self, free_port: int) -> None:
        with pytest.raises(Unavailable):
            tried({"OCI_HOST": f"127.0.0.1:{free_port}"})

    def test_an_image(self, registry: DockerRegistry) -> None:
        with pytest.raises(NotFound):
            tried(self.secret(registry, PASSWORD), uri=f"oci://{registry.host}/no/thing:1")


class TestTheWeb:
    def test_a_file(self, files: FileServer) -> None:
        url = files.put("/tiny.gguf", b"x" * 12_345)
        assert tried({"URI": url + "?signature=secret"}) == f"{url} is there: tiny.gguf, 12,345 bytes."
        assert [method for method, _ in files.methods] == ["HEAD"]

    def test_one_that_is_not_there(self, files: FileServer) -> None:
        with pytest.raises(NotFound):
            tried({"URI": f"{files.url}/none"})

    def test_headers_without_a_uri(self) -> None:
        with pytest.raises(InvalidInput, match="no URI to try them on"):
            tried({"https-host": "h", "headers": "A: b"})


class TestHubs:
    def test_a_token(self, hub: Hub) -> None:
        hub.tokens.add("hf_right")
        said = tried({"HF_TOKEN": "hf_right", "HF_ENDPOINT": hub.url})
        assert said == f"127.0.0.1:{hub.port} accepts the token of maria."
        with pytest.raises(Denied, match="does not accept the token") as raised:
            tried({"HF_TOKEN": "hf_wrong", "HF_ENDPOINT": hub.url})
        assert "hf_wrong" not in f"{raised.value!r} {raised.value.hint}"

    def test_a_model(self, hub: Hub) -> None:
        hub.add("acme/tiny", files={"config.json": b"{}"})
        assert "acme/tiny can be read at" in tried({"HF_ENDPOINT": hub.url}, uri="hf://acme/tiny")
        hub.add("acme/gated", files={"config.json": b"{}"}, gated="auto")
        with pytest.raises(Denied, match="gated"):
            tried({"HF_ENDPOINT": hub.url}, uri="hf://acme/gated")


def test_a_connection_that_says_nothing() -> None:
    with pytest.raises(InvalidInput, match="says nothing that could be tried"):
        tried({})
    with pytest.raises(InvalidInput, match="needs no connection"):
        tried({"URI": "pvc://a/b"})


def test_only_the_connection_counts(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, object_store.secret[key])
    with pytest.raises(Denied, match="to those who have no key"):
        tried({key: value for key, value in object_store.secret.items() if "KEY" not in key})
