"""The images of this machine: listed, named, removed, and their space freed."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from tiny_models import Machine, write_gguf

from forecourt import modelcar
from forecourt.errors import NotFound
from forecourt.modelcar import ModelCar, pack
from forecourt.modelcar.keeping import alone, kept
from forecourt.oci import EMPTY_DESCRIPTOR, Descriptor, Digest, Index, Manifest, Reference


def packed(machine: Machine, tmp_path: Path, seed: int, name: str = "localhost:5000/demo/tiny:1") -> ModelCar:
    path = write_gguf(tmp_path / f"{seed}" / "tiny.gguf", seed=seed)
    return pack(path, Reference.parse(name), copy=True, **machine.here)


def pruned(machine: Machine) -> int:
    return modelcar.prune(machine.store, machine.images, machine.registry, older_than=-1)


def blobs(car: ModelCar) -> set[Digest]:
    return {car.digest, *(child.digest for child in car.manifest.children)}


def test_images_are_listed_by_name_and_tag(machine: Machine, tmp_path: Path) -> None:
    assert modelcar.list_images(machine.images, machine.store) == []
    names = ["localhost:5000/b/x:2", "localhost:5000/b/x:1", "quay.io/a/y:latest"]
    cars = {name: packed(machine, tmp_path, seed, name) for seed, name in enumerate(names)}
    listed = modelcar.list_images(machine.images, machine.store)
    assert [str(car.reference) for car in listed] == sorted(names)
    assert listed[0] == cars["localhost:5000/b/x:1"]


def test_a_broken_image_does_not_hide_the_others(machine: Machine, tmp_path: Path) -> None:
    packed(machine, tmp_path, 1)
    broken = packed(machine, tmp_path, 2, "localhost:5000/demo/broken:1")
    machine.store.delete(broken.manifest.config.digest)
    assert len(modelcar.list_images(machine.images, machine.store)) == 1


def test_another_name_is_the_same_image(machine: Machine, tmp_path: Path) -> None:
    car = packed(machine, tmp_path, 1)
    name = Reference.parse("quay.io/org/tiny:stable")
    assert modelcar.tag(car.reference, name, machine.images) == car.digest
    modelcar.remove(car.reference, machine.images)
    assert modelcar.inspect(name, client_for=_never, **machine.here).digest == car.digest
    with pytest.raises(NotFound):
        modelcar.tag(car.reference, name, machine.images)


def test_removing_forgets_the_tag_and_prune_frees_the_space(machine: Machine, tmp_path: Path) -> None:
    gone, stays = packed(machine, tmp_path, 1), packed(machine, tmp_path, 2, "localhost:5000/demo/other:1")
    modelcar.remove(gone.reference, machine.images)
    with pytest.raises(NotFound):
        modelcar.remove(gone.reference, machine.images)
    assert pruned(machine) >= gone.info.size
    assert set(machine.store) == blobs(stays)
    assert pruned(machine) == 0


def test_removing_by_digest_takes_every_tag(machine: Machine, tmp_path: Path) -> None:
    car = packed(machine, tmp_path, 1)
    modelcar.tag(car.reference, Reference.parse(f"{car.reference.name}:2"), machine.images)
    modelcar.remove(car.reference.at(car.digest), machine.images)
    assert list(machine.images) == []


def test_earlier_versions_of_a_tag_are_freed(machine: Machine, tmp_path: Path) -> None:
    packed(machine, tmp_path, 1)
    now = packed(machine, tmp_path, 2)
    pruned(machine)
    assert set(machine.store) == blobs(now)


def test_what_the_embedded_registry_has_stays(machine: Machine, tmp_path: Path) -> None:
    car = packed(machine, tmp_path, 1)
    machine.registry.put("demo/tiny", car.manifest)  # by its digest alone
    modelcar.remove(car.reference, machine.images)
    pruned(machine)
    assert set(machine.store) == blobs(car)
    machine.registry.delete("demo/tiny", car.digest)
    pruned(machine)
    assert set(machine.store) == set()


def test_a_blob_that_a_repository_holds_before_its_manifest_stays(machine: Machine) -> None:
    digest = machine.store.add(b"a layer")
    machine.registry.link("demo/tiny", digest)
    pruned(machine)
    assert machine.store.has(digest)


def test_what_refers_to_an_image_and_what_an_index_names_stay(machine: Machine, tmp_path: Path) -> None:
    car = packed(machine, tmp_path, 1)
    machine.store.add(b"{}")
    text = machine.store.add(b"evidence")
    evidence = Manifest.build(
        EMPTY_DESCRIPTOR,
        [Descriptor("text/plain", text, 8)],
        subject=car.manifest.descriptor,
        artifact_type="application/x-test",
    )
    machine.images.put(car.reference.name, evidence)
    other = packed(machine, tmp_path, 2, f"{car.reference.name}:2")
    machine.images.put(car.reference.name, Index.build([other.manifest.descriptor]), "2")
    kept_blobs = set(machine.store)
    pruned(machine)
    assert set(machine.store) == kept_blobs
    modelcar.remove(car.reference, machine.images)
    pruned(machine)
    assert not machine.store.has(text) and not machine.store.has(car.digest)
    assert blobs(other) <= set(machine.store)


def test_young_blobs_stay(machine: Machine) -> None:
    machine.store.add(b"just came")
    assert modelcar.prune(machine.store, machine.images, machine.registry) == 0
    assert len(list(machine.store)) == 1


def test_prune_waits_for_those_who_pack(machine: Machine) -> None:
    done: list[str] = []

    def prune() -> None:
        pruned(machine)
        done.append("pruned")

    with kept(machine.store), kept(machine.store):
        thread = threading.Thread(target=prune)
        thread.start()
        time.sleep(0.1)
        assert done == []
        machine.store.add(b"in the making")
    thread.join()
    assert done == ["pruned"]
    with alone(machine.store):
        pass


def _never(registry: str):
    raise AssertionError(f"{registry} was asked")
