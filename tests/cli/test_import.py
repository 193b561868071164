"""One command takes a model from where it is to a registered ModelCar, and the second time moves nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest
from catalog.remote.hub import Hub, running
from object_stores import ObjectStore
from storage.servers import FileServer, serving_files
from tiny_models import write_gguf, write_transformers

from forecourt.errors import InvalidInput
from forecourt.importing import ImageName

NUMBERS = count(1)


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"imported-{next(NUMBERS)}"


@pytest.fixture
def bucket(object_store: ObjectStore, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model in a bucket, and who we are to it: its URI."""
    write_transformers(tmp_path / name)
    for path in filter(Path.is_file, (tmp_path / name).iterdir()):
        object_store.put(f"models/{name}/{path.name}", path.read_bytes())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.secret["AWS_ACCESS_KEY_ID"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.secret["AWS_SECRET_ACCESS_KEY"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", object_store.url)
    return f"s3://models/models/{name}"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def files() -> Iterator[FileServer]:
    with serving_files() as server:
        yield server


def imported(run, *words: str) -> dict:
    done = run("import", *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_model_in_a_bucket_becomes_a_version_that_can_be_deployed(run, ask, serving, bucket, name):
    made = imported(run, bucket, "--register")
    assert made["movedBytes"] > 0 and made["pushed"]
    assert made["image"]["reference"].endswith(f"/models/{name}:v1")
    assert made["image"]["model"]["format"] == "safetensors"
    assert made["next"] == f"forecourt deploy model-registry://{name}/v1"
    lineage = json.loads(ask("lineage", f"{name}/v1", "--json"))
    assert [(one["uri"], one["detail"]) for one in lineage["sources"]] == [(bucket, f"revision {made['revision']}")]
    assert lineage["artifacts"][0]["uri"] == f"oci://{made['image']['reference']}@{made['image']['digest']}"
    pulled = run("modelcar", "inspect", made["image"]["reference"], "--json")
    assert json.loads(pulled.stdout)["annotations"]["org.opencontainers.image.source"] == bucket


def test_a_connection_of_a_project_opens_the_way(run, ask, serving, bucket, name, object_store, monkeypatch):
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(variable)
    annotations = {"opendatahub.io/connection-type-ref": "s3"}
    secret = {"metadata": {"name": name, "annotations": annotations}, "stringData": object_store.secret}
    url = json.loads((serving.parent / "home" / "server.json").read_text())["url"]
    assert httpx.post(f"{url}/api/v1/namespaces/default/secrets", json=secret).status_code == 201
    assert imported(run, bucket, "--connection", name)["image"]
    absent = run("import", bucket, "--connection", "absent")
    assert (absent.exit_code, "There is no connection absent" in absent.output) == (3, True)


def test_the_second_time_nothing_moves_and_nothing_is_registered(run, ask, serving, bucket, name):
    first = imported(run, bucket, "--register")
    again = imported(run, bucket, "--register")
    assert again["movedBytes"] == 0
    assert again["image"]["digest"] == first["image"]["digest"]
    assert again["registered"]["modelVersion"] == "v1"
    assert ask("versions", name, "-o", "name") == f"{name}/v1\n"


def test_a_model_that_changed_is_another_version(run, ask, serving, bucket, name, object_store):
    imported(run, bucket, "--register")
    object_store.put(f"models/{name}/config.json", b'{"model_type": "llama", "new": true}')
    again = imported(run, bucket, "--register")
    assert again["registered"]["modelVersion"] == "v2" and again["movedBytes"] < 100
    assert ask("versions", name, "-o", "name").split() == [f"{name}/v2", f"{name}/v1"]


def test_what_it_says_to_a_person(run, serving, bucket, name):
    done = run("import", bucket, "--register", "--version", "1.0")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"Imported {bucket}\n")
    assert f"Registered:   {name}/1.0\n" in done.stdout
    assert f"Serve it: forecourt deploy model-registry://{name}/1.0\n" in done.stderr
    again = run("import", bucket, "--register", "--version", "1.0")
    assert "Moved:        nothing, it was here\n" in again.stdout
    assert "(it was already)\n" in again.stdout


def test_a_version_that_is_another_image_is_refused(run, serving, bucket, name, object_store):
    imported(run, bucket, "--register", "--version", "1.0")
    object_store.put(f"models/{name}/config.json", b'{"model_type": "llama", "new": true}')
    done = run("import", bucket, "--register", "--version", "1.0")
    assert done.exit_code == 1
    assert "Choose another version: --version NAME" in done.stderr


def test_a_model_of_a_hub_says_its_commit(run, ask, serving, hub, name, tmp_path):
    write_gguf(tmp_path / "m.gguf")
    body = (tmp_path / "m.gguf").read_bytes()
    many = {f"{name}-{kind}.gguf": body + kind.encode() for kind in ("Q4_K_M", "Q8_0")}
    hub.add(f"Acme/{name}", files={**many, "README.md": b"# Tiny\n"}, large=frozenset(many))
    made = imported(run, f"hf://Acme/{name}", "--register")
    sha = hub.repositories[f"Acme/{name}"].sha
    assert (made["source"], made["revision"]) == (f"hf://Acme/{name}@{sha}", sha)
    assert made["leftOut"] == [f"{name}-Q8_0.gguf"]
    assert made["image"]["reference"].endswith(f"/acme/{name}:v1")
    lineage = json.loads(ask("lineage", f"{name}/v1", "--json"))
    assert f"hf://Acme/{name}@{sha}" in [one["uri"] for one in lineage["sources"]]
    other = imported(run, f"hf://Acme/{name}", "--allow", "*Q8_0*")
    assert other["image"]["digest"] != made["image"]["digest"]


def test_without_a_server_it_is_packed_and_stays_here(run, files, tmp_path):
    url = files.put("/tiny.gguf", write_gguf(tmp_path / "m.gguf").read_bytes())
    made = imported(run, url)
    assert made["image"]["reference"] == "localhost:5000/models/tiny:latest"
    assert made["next"] == "forecourt modelcar push localhost:5000/models/tiny:latest"
    assert not made["pushed"] and made["registered"] is None


def test_files_of_this_machine_are_copied_and_not_touched(run, tmp_path, monkeypatch):
    path = write_gguf(tmp_path / "mine.gguf")
    monkeypatch.chdir(tmp_path)
    made = imported(run, "mine.gguf", "--tag", "localhost:5000/a/b:c")
    assert made["image"]["reference"] == "localhost:5000/a/b:c"
    assert path.stat().st_mode & 0o200 and path.stat().st_nlink == 1


def test_bad_input(run, tmp_path, files, monkeypatch):
    cases = {
        ("s3://",): (2, "names no bucket"),
        ("oci://localhost:5000/a/b:1",): (2, "is an image already"),
        ("gs://bucket/x",): (2, "cannot be fetched"),
        (str(tmp_path / "none"),): (3, "does not exist"),
        (f"{files.url}/none.gguf",): (3, "has no"),
        (files.put("/what.xyz", b"?"),): (2, "no weights of a known format"),
        (files.put("/cut.gguf", b"GGUF"),): (2, "cut.gguf"),
        (files.put("/evil.pkl", b"\x80\x04\x95abc"),): (2, "--allow-pickle 'evil.pkl'"),
        (files.put("/ok.gguf", b"x"), "--tag", "no tag"): (2, "does not say its registry"),
    }
    for words, (code, said) in cases.items():
        done = run("import", *words)
        assert (done.exit_code, said in done.stderr) == (code, True), done.output
        assert "Traceback" not in done.output


def test_a_wrong_key_is_told_and_not_shown(run, bucket, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-and-secret")
    done = run("import", bucket)
    assert done.exit_code == 1 and "does not accept the secret key" in done.stderr
    assert "wrong-and-secret" not in done.output


@pytest.mark.parametrize(
    ("uri", "reference"),
    [
        ("hf://Meta-Llama/Llama-3.1-8B@abc/sub", "r:1/meta-llama/llama-3.1-8b:latest"),
        ("s3://bucket/a/My Model_v2/?allow=x", "r:1/models/my-model-v2:latest"),
        ("https://h/x/model.tar.gz?sig=1", "r:1/models/model:latest"),
        ("https://h/x/model-1.0.gguf", "r:1/models/model-1.0:latest"),
        ("file:///a/b%20c/", "r:1/models/b-c:latest"),
        ("pvc://claim/..x..", "r:1/models/x:latest"),
    ],
)
def test_an_image_is_named_by_the_uri(uri: str, reference: str) -> None:
    named = ImageName.of(uri, "", "", "", "r:1")
    assert f"{named.repository}:{named.tag}" == reference


def test_a_uri_that_says_no_name() -> None:
    with pytest.raises(InvalidInput, match="does not say how"):
        ImageName.of("s3://", "", "", "", "r:1")
