"""Sources of type oci-modelcars, against our own registry and Debian's."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from catalog.remote.hub import Hub
from catalog.remote.parts import custom, entries, loading, problems, source, values
from conftest import needs
from docker_registries import docker_registry, htpasswd
from registries import registry_process
from tiny_models import CARD, Machine, write_gguf, write_transformers

from forecourt import modelcar
from forecourt.catalog.model import Entry, Loading, Problem, SourceDefinition
from forecourt.catalog.remote import LOADERS, candidates, images, modelcars, registries
from forecourt.catalog.remote.addresses import ForbiddenAddress, Guard
from forecourt.errors import Denied, InvalidInput, Unavailable
from forecourt.oci import (
    EMPTY_JSON,
    LAYER_TAR,
    Anonymous,
    Clients,
    Descriptor,
    Digest,
    Index,
    Manifest,
    Patience,
    Platform,
    Reference,
)
from forecourt.oci.manifest import CONFIG, EMPTY


class Shelf:
    """A registry, and a machine that packs models and pushes them to it."""

    def __init__(self, host: str, root: Path) -> None:
        self.host = host
        self.root = root
        self.machine = Machine(root / "machine")
        self.clients = Clients(Anonymous())
        self._models = 0

    def gguf(self, name: str, annotations: dict[str, str] | None = None, **said: str) -> modelcar.ModelCar:
        """Pack and push a tiny GGUF model as ``repository:tag``."""
        self._models += 1
        path = write_gguf(self.root / f"model-{self._models}" / "tiny.gguf", seed=self._models, **said)
        return self._push(path, name, annotations)

    def transformers(self, name: str, annotations: dict[str, str] | None = None) -> modelcar.ModelCar:
        self._models += 1
        directory = self.root / f"model-{self._models}"
        directory.mkdir()
        return self._push(write_transformers(directory), name, annotations)

    def _push(self, path: Path, name: str, annotations: dict[str, str] | None) -> modelcar.ModelCar:
        reference = Reference.parse(f"{self.host}/{name}")
        here = self.machine.here
        car = modelcar.pack(path, reference, annotations=annotations, **here)  # type: ignore[arg-type]
        modelcar.push(reference, client_for=self.clients, **here)  # type: ignore[arg-type]
        return car

    def image(
        self,
        name: str,
        config: dict[str, Any] | None = None,
        *,
        layer_annotations: dict[str, str] | None = None,
        config_type: str = CONFIG,
        **options: Any,
    ) -> Manifest:
        """Push an image that another tool might have made, with one layer."""
        repository, _, tag = name.partition(":")
        client = self.clients(self.host)
        blobs = [json.dumps(config).encode() if config is not None else EMPTY_JSON, name.encode()]
        for data in blobs:
            self.machine.store.add(data)
            client.push_blob(repository, self.machine.store.open(Digest.of(data)))
        layer = Descriptor(LAYER_TAR, Digest.of(blobs[1]), len(blobs[1]), layer_annotations or {})
        document = Manifest.build(Descriptor.of(config_type, blobs[0]), [layer], **options)
        client.put_manifest(repository, tag, document)
        return document


@contextmanager
def shelf_at(host: str, root: Path) -> Iterator[Shelf]:
    shelf = Shelf(host, root)
    try:
        yield shelf
    finally:
        shelf.clients.close()


@pytest.fixture(params=["ours", pytest.param("debian's", marks=needs("docker-registry"))])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    """An empty registry of each kind."""
    if request.param == "ours":
        with registry_process(tmp_path / "registry") as (host, _), shelf_at(host, tmp_path) as shelf:
            yield shelf
    else:
        with docker_registry(tmp_path / "registry") as registry, shelf_at(registry.host, tmp_path) as shelf:
            yield shelf


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Shelf]:
    """Our own registry, empty."""
    with registry_process(tmp_path / "registry") as (host, _), shelf_at(host, tmp_path) as shelf:
        yield shelf


def of(shelf: Shelf, *included: str, **options: Any) -> SourceDefinition:
    return source("oci-modelcars", *included, registry=shelf.host, **options)


def load(wanted: SourceDefinition, how: Loading | None = None) -> list[Entry | Problem]:
    return list(modelcars.load(wanted, how or loading()))


def test_a_catalog_can_be_nothing_but_a_registry(shelf: Shelf) -> None:
    tiny = shelf.transformers("demo/tiny:1.0")
    old = shelf.gguf("demo/llama:1.9", description="The older one.")
    new = shelf.gguf("demo/llama:1.10", description="The newer one.")
    found = entries(load(of(shelf)))
    assert sorted(found) == ["demo/llama", "demo/tiny"]

    entry = found["demo/tiny"]
    assert entry.readme == CARD
    assert {key: value for key, value in entry.document.items() if key != "customProperties"} == {
        "provider": "demo",
        "license": "apache-2.0",
        "language": ["en"],
    }
    said = custom(entry)
    assert len(said.pop("tags_fingerprint")) == 32
    assert said == {
        "model_type": "generative",
        "title": "A tiny model",
        "format": "safetensors",
        "architecture": "LlamaForCausalLM",
        "quantization": "F16",
        "tensor_type": "FP16",
        "base_model": "HuggingFaceTB/SmolLM2-135M",
        "labels": '["chat", "tiny"]',
        "size": "83",
        "parameters_b": 83e-9,
        "context_length": 4096.0,
        "size_bytes": float(tiny.info.size),
    }
    (artifact,) = entry.artifacts
    assert artifact["artifactType"] == "model-artifact"
    assert artifact["uri"] == f"oci://{shelf.host}/demo/tiny:1.0"
    assert values(artifact["customProperties"]) == {
        "digest": tiny.digest,
        "tag": "1.0",
        "platform": "linux/amd64",
        "image_bytes": float(tiny.size),
        "format": "safetensors",
        "quantization": "F16",
        "tensor_type": "FP16",
        "size_bytes": float(tiny.info.size),
    }

    llama = found["demo/llama"]
    assert llama.document["description"] == "The newer one."
    assert [(each["uri"], values(each["customProperties"])["digest"]) for each in llama.artifacts] == [
        (f"oci://{shelf.host}/demo/llama:1.10", new.digest),
        (f"oci://{shelf.host}/demo/llama:1.9", old.digest),
    ]


def test_annotations_say_what_the_files_do_not(shelf: Shelf) -> None:
    notes = {
        "org.opencontainers.image.vendor": "Cars & Sons",
        "org.opencontainers.image.description": "It drives.",
        "org.opencontainers.image.created": "2024-05-01T10:00:00Z",
    }
    shelf.gguf("demo/tiny:1.0", notes)
    shelf.gguf(
        "demo/tiny:0.9", {"org.opencontainers.image.created": "2024-06-01T10:00:00Z"}, description="Built later."
    )
    (entry,) = entries(load(of(shelf))).values()
    assert entry.document["description"] == "Built later."
    assert entry.document["createTimeSinceEpoch"] == "1714557600000"
    assert entry.document["lastUpdateTimeSinceEpoch"] == "1717236000000"
    assert entry.artifacts[0]["createTimeSinceEpoch"] == "1714557600000"
    shelf.gguf("demo/tiny:latest", notes)
    (entry,) = entries(load(of(shelf))).values()
    assert (entry.document["description"], entry.document["provider"]) == ("It drives.", "Cars & Sons")


def test_images_that_carry_no_model_are_left_out_without_a_word(shelf: Shelf) -> None:
    shelf.gguf("demo/tiny:1.0")
    shelf.image("demo/web:1.0", {"architecture": "amd64", "os": "linux", "config": {"Labels": {"a": "b"}}})
    shelf.image("demo/chart:1.0", {"name": "chart"}, config_type="application/vnd.cncf.helm.config.v1+json")
    shelf.image("demo/pack:1.0", None, artifact_type="application/vnd.cncf.model.manifest.v1+json", config_type=EMPTY)
    shelf.image("demo/tiny:tools", {"architecture": "amd64", "os": "linux"})
    found = entries(load(of(shelf)))
    assert list(found) == ["demo/tiny"]
    assert len(found["demo/tiny"].artifacts) == 1


def test_of_a_repository_that_was_named_it_is_said_that_it_has_no_model(shelf: Shelf) -> None:
    shelf.image("demo/web:1.0", {"architecture": "amd64", "os": "linux"})
    found = load(of(shelf, repositories=["demo/web", "demo/none", "demo/t*"]))
    assert list(problems(found)) == ["demo/web", "demo/none"]
    assert problems(found)["demo/web"] == "None of its images is a ModelCar."


def test_modelcars_of_other_tools_are_known_by_their_layers_or_how_they_were_built(shelf: Shelf) -> None:
    built = {"architecture": "amd64", "os": "linux", "config": {"Labels": {"org.opencontainers.image.title": "Cars"}}}
    step = "/bin/sh -c #(nop) COPY dir:4f5e in /models/"
    shelf.image("demo/podman:1", {**built, "history": [{"created_by": "FROM ubi9"}, {"created_by": step}]})
    shelf.image("demo/buildkit:1", {**built, "history": [{"created_by": "COPY /tmp/m /models # buildkit"}]})
    shelf.image("demo/olot:1", built, layer_annotations={"olot.layer.content.inlayerpath": "/models/model.gguf"})
    shelf.image("demo/other:1", {**built, "history": [{"created_by": "COPY models.txt /srv/models-list"}, "x", {}]})
    found = entries(load(of(shelf)))
    assert sorted(found) == ["demo/buildkit", "demo/olot", "demo/podman"]
    assert custom(found["demo/podman"])["title"] == "Cars"


def test_what_is_attached_to_an_image_is_no_tag_of_it(own: Shelf) -> None:
    car = own.gguf("demo/tiny:1.0")
    client = own.clients(own.host)
    own.image("demo/tiny:signature", {}, subject=car.manifest.descriptor, artifact_type="application/vnd.example")
    client.put_manifest("demo/tiny", f"sha256-{car.digest.hex}", Index.build([]))
    client.put_manifest("demo/tiny", f"sha256-{car.digest.hex}.sig", car.manifest)
    (entry,) = entries(load(of(own))).values()
    assert len(entry.artifacts) == 1


def test_an_index_gives_its_digest_and_what_its_image_for_linux_says(shelf: Shelf) -> None:
    car = shelf.gguf("demo/tiny:amd64", description="It is small.")
    client = shelf.clients(shelf.host)
    kind, size = car.manifest.media_type, len(car.manifest.raw)
    index = Index.build([Descriptor(kind, car.digest, size, platform=Platform("linux", "amd64"))])
    client.put_manifest("demo/tiny", "1.0", index)
    (entry,) = entries(load(of(shelf))).values()
    digests = {
        values(each["customProperties"])["tag"]: values(each["customProperties"])["digest"] for each in entry.artifacts
    }
    assert digests == {"1.0": index.digest, "amd64": car.digest}
    assert entry.document["description"] == "It is small."


def test_patterns_and_names_choose_repositories(shelf: Shelf) -> None:
    for name in ("demo/cars", "demo/cars-draft", "demo/trucks", "other/bikes"):
        shelf.gguf(f"{name}:1.0")
    assert sorted(entries(load(of(shelf, repositories=["demo/*"])))) == ["demo/cars", "demo/cars-draft", "demo/trucks"]
    wanted = source("oci-modelcars", "*/cars*", excluded=["*-DRAFT"], registry=shelf.host, repositories="demo/*")
    assert list(entries(load(wanted))) == ["demo/cars"]
    assert list(entries(load(of(shelf, repositories=["other/bikes", "other/*"])))) == ["other/bikes"]
    assert dict(candidates(wanted, loading())) == {"demo/cars": True, "demo/cars-draft": False, "demo/trucks": False}


def test_more_repositories_and_tags_than_a_page_are_all_read(own: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    car = own.gguf("demo/model:1.0")
    client = own.clients(own.host)
    for number in range(20):
        client.put_manifest("demo/model", f"1.{number}", car.manifest)
    for number in range(8):
        own.gguf(f"demo/model-{number}:1.0")
    monkeypatch.setattr(registries, "_FIRST_PAGE", "/v2/_catalog?n=3")
    found = entries(load(of(own)))
    assert len(found) == 9
    assert len(found["demo/model"].artifacts) == 20
    assert found["demo/model"].artifacts[0]["uri"].endswith(":1.19")


def test_of_very_many_tags_the_highest_versions_are_taken(own: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelcars, "_MOST_TAGS", 3)
    car = own.gguf("demo/model:1.0")
    for number in range(5):
        own.clients(own.host).put_manifest("demo/model", f"1.{number}", car.manifest)
    found = load(of(own))
    (entry,) = [each for each in found if isinstance(each, Entry)]
    assert [each["uri"].rpartition(":")[2] for each in entry.artifacts] == ["1.4", "1.3", "1.2"]
    assert "Of its 5 tags" in problems(found)["demo/model"]
    again = load(of(own), loading(known={entry.name: entry}.get))
    assert again[0] is entry
    assert "Of its 5 tags" in problems(again)["demo/model"]


def test_what_has_not_changed_is_kept(shelf: Shelf) -> None:
    shelf.gguf("demo/cars:1.0")
    shelf.gguf("demo/trucks:1.0")
    first = entries(load(of(shelf)))
    again = entries(load(of(shelf), loading(known=first.get)))
    assert all(again[name] is first[name] for name in first)
    shelf.gguf("demo/cars:1.0", description="Moved.")
    shelf.clients(shelf.host).put_manifest(
        "demo/trucks", "2.0", shelf.clients(shelf.host).manifest("demo/trucks", "1.0")
    )
    assert images.fingerprint("a", {}) != images.fingerprint("b", {})
    changed = entries(load(of(shelf), loading(known=first.get)))
    assert changed["demo/cars"].document["description"] == "Moved."
    assert len(changed["demo/trucks"].artifacts) == 2


def test_an_image_that_cannot_be_read_is_left_out_and_the_others_come(own: Shelf, tmp_path: Path) -> None:
    own.gguf("demo/cars:1.0")
    broken = own.gguf("demo/cars:2.0")
    own.gguf("demo/trucks:1.0")
    config = next((tmp_path / "registry" / "store").rglob(f"*{broken.manifest.config.digest.hex}*"))
    config.chmod(0o644)
    config.write_bytes(b"x" * config.stat().st_size)
    found = load(of(own))
    assert sorted(each.name for each in found if isinstance(each, Entry)) == ["demo/cars", "demo/trucks"]
    assert list(problems(found)) == ["demo/cars:2.0"]
    (entry,) = [each for each in found if isinstance(each, Entry) and each.name == "demo/cars"]
    assert "tags_fingerprint" not in custom(entry)  # so that it is looked at again


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"registry": ""},
        {"registry": "quay"},
        {"registry": "https://quay.io"},
        {"registry": "quay.io/org"},
        {"registry": "quay.io", "insecure": "perhaps"},
        {"registry": "quay.io", "repositories": [1]},
        {"registry": "quay.io", "repositories": "Org/Upper"},
    ],
)
def test_a_wrong_property_is_named(properties: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        load(source("oci-modelcars", **properties))


@needs("docker-registry")
def test_a_registry_that_wants_to_know_who_asks(tmp_path: Path) -> None:
    docker = tmp_path / "docker-login"
    docker.mkdir()
    with docker_registry(tmp_path / "registry", auth=htpasswd(tmp_path / "registry")) as registry:
        wanted = source("oci-modelcars", registry=registry.host)
        with pytest.raises(Denied, match="is denied") as raised:
            load(wanted, loading(environment={"DOCKER_CONFIG": str(docker), "HOME": str(tmp_path)}))
        assert "docker login" in raised.value.hint


def test_a_registry_without_a_list_wants_its_repositories_named(hub: Hub) -> None:
    hub.trouble("/v2/_catalog", status=404)
    with pytest.raises(InvalidInput, match="does not list its repositories") as raised:
        load(source("oci-modelcars", registry=f"127.0.0.1:{hub.port}"))
    assert "Name the repositories" in raised.value.hint


@pytest.mark.parametrize("body", [b"", b"[]", b'{"repositories": 7}', b"[" * 100_000])
def test_a_list_that_is_none_is_said(hub: Hub, body: bytes) -> None:
    hub.trouble("/v2/_catalog", status=200, body=body)
    with pytest.raises(Unavailable, match="list of repositories that is none"):
        load(source("oci-modelcars", registry=f"127.0.0.1:{hub.port}"))


def test_a_list_that_does_not_end_is_left(hub: Hub) -> None:
    link = {"Link": '</v2/_catalog?again>; rel="next"'}
    hub.trouble("/v2/_catalog", status=200, headers=link, body=b'{"repositories": ["a/b"]}', times=99)
    with pytest.raises(Unavailable, match="does not end"):
        load(source("oci-modelcars", registry=f"127.0.0.1:{hub.port}"))
    assert len(hub.asked) == 2


def test_a_registry_that_stalls_is_given_up_in_time(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Patience(connect=2, answer=0.5, attempts=2, pause=0.01)
    monkeypatch.setattr(
        registries.GuardedRegistry.__init__,
        "__kwdefaults__",
        {"insecure": False, "credentials": None, "patience": quick},
    )
    hub.trouble("/v2/_catalog", stalls=True, times=99)
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"has not answered for 0\.5 seconds"):
        load(source("oci-modelcars", registry=f"127.0.0.1:{hub.port}"))
    assert 1 <= time.monotonic() - began < 4


def test_a_registry_that_lets_an_answer_drip_is_given_up_in_time(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registries, "_WHOLE", 1.0)
    hub.trouble("/v2/_catalog", status=200, drips=0.1, body=b'{"repositories": ["demo/cars"]}', times=99)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="did not answer within 1 seconds"):
        load(source("oci-modelcars", registry=f"127.0.0.1:{hub.port}"))
    assert 1 <= time.monotonic() - began < 4


def test_a_load_ends_soon_after_nobody_wants_it(hub: Hub) -> None:
    hub.trouble("/v2/_catalog", stalls=True, times=99)
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    began = time.monotonic()
    assert load(source("oci-modelcars", registry=f"127.0.0.1:{hub.port}"), loading(stopped=stop.is_set)) == []
    assert time.monotonic() - began < 2
    timer.join()


def test_progress_is_told_and_a_caller_that_goes_away_leaves_nothing_behind(own: Shelf) -> None:
    for number in range(6):
        own.gguf(f"demo/model-{number}:1.0")
    told: list[tuple[int, int | None]] = []
    models = LOADERS["oci-modelcars"](of(own), loading(progress=lambda done, of: told.append((done, of))))
    next(models)
    next(models)
    models.close()  # type: ignore[attr-defined]
    assert told == [(1, 6)]
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("catalog")] == []


def test_this_machines_registry_is_reached_only_where_it_is_allowed(own: Shelf) -> None:
    own.gguf("demo/tiny:1.0")
    with pytest.raises(ForbiddenAddress, match="on this machine"):
        load(of(own), loading(private_addresses=False))
    trusting = loading(private_addresses=False, trusted=frozenset({own.host}))
    assert list(entries(load(of(own), trusting))) == ["demo/tiny"]


def test_a_registry_leads_nowhere_that_it_may_not(own: Shelf, hub: Hub) -> None:
    """Neither by a redirect nor by naming a token server."""
    trusting = loading(private_addresses=False, trusted=frozenset({f"127.0.0.1:{hub.port}"}))
    redirect = {"Location": f"http://{own.host}/v2/_catalog"}
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{own.host}/token",service="x"'}
    for trouble in ({"status": 307, "headers": redirect}, {"status": 401, "headers": challenge}):
        hub.trouble("/v2/_catalog", **trouble)
        with pytest.raises(ForbiddenAddress):
            load(source("oci-modelcars", registry=f"127.0.0.1:{hub.port}"), trusting)


def test_the_address_that_was_connected_to_is_looked_at_too(own: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that meant a public address when it was asked for, and this machine when it was connected to."""
    monkeypatch.setattr(Guard, "addresses", lambda *_: ["8.8.8.8"])
    with pytest.raises(ForbiddenAddress):
        load(of(own), loading(private_addresses=False))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["1.0", "1.10", "1.9"], ["1.10", "1.9", "1.0"]),
        (["1.0-rc1", "1.0", "0.9"], ["1.0", "1.0-rc1", "0.9"]),
        (["v2", "latest", "V10"], ["latest", "V10", "v2"]),
        (["main", "1.0", "fp8"], ["1.0", "main", "fp8"]),
        (["1.0", "1.0.1"], ["1.0.1", "1.0"]),
    ],
)
def test_tags_are_sorted_as_versions(tags: list[str], expected: list[str]) -> None:
    assert images.model_tags(tags) == expected
