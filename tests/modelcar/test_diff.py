"""What changed between two images, down to the tensors, and what would move."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from docker_registries import DockerRegistry
from tiny_models import Machine, write_gguf, write_safetensors

from forecourt import modelcar
from forecourt.modelcar import Difference, ModelCar, Tensors, difference, find, gguf, pack, safetensors
from forecourt.oci import Clients, Reference

OLD, NEW = (Reference.parse(f"localhost:5000/demo/tiny:{tag}") for tag in ("1", "2"))


def compared(machine: Machine, *references: Reference) -> Difference:
    one, two = (find(reference, client_for=_never, **machine.here) for reference in references)
    return difference(one, two, machine.store)


def packed(machine: Machine, directory: Path, reference: Reference) -> ModelCar:
    return pack(directory, reference, copy=True, **machine.here)


def test_the_same_model_differs_in_nothing(machine: Machine, model: Path) -> None:
    packed(machine, model, OLD)
    packed(machine, model, NEW)
    found = compared(machine, OLD, NEW)
    assert (found.added, found.removed, found.changed, found.moves) == ((), (), (), 0)
    assert found.total > 0


def test_files_that_came_went_and_changed(machine: Machine, model: Path) -> None:
    packed(machine, model, OLD)
    (model / "run.sh").unlink()
    (model / "NOTICE").write_text("x")
    (model / "config.json").write_text('{"model_type": "llama2"}')
    new = packed(machine, model, NEW)
    found = compared(machine, OLD, NEW)
    assert (found.added, found.removed, found.changed) == (("NOTICE",), ("run.sh",), ("config.json",))
    moving = [layer for layer in new.manifest.layers if layer.title in {"NOTICE", "config.json"}]
    assert found.moves == sum(layer.size for layer in moving) + new.manifest.config.size
    assert found.tensors == {}


@pytest.mark.parametrize("name", ["model.safetensors", "model.gguf"])
def test_tensors_that_changed_are_named(machine: Machine, tmp_path: Path, name: str) -> None:
    directory = tmp_path / "m"
    path = directory / name
    if name.endswith(".gguf"):
        write_gguf(path)
        tensor = "blk.1.weight"
        read = gguf.read
    else:
        write_safetensors(path)
        tensor = "model.layers.0.weight"
        read = safetensors.read
    packed(machine, directory, OLD)
    (place,) = (each.offset for each in read(path).tensors if each.name == tensor)
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)
    packed(machine, directory, NEW)
    found = compared(machine, OLD, NEW)
    assert found.changed == (name,)
    assert found.tensors == {name: Tensors(changed=(tensor,))}


def test_tensors_that_moved_but_did_not_change_are_not_named(machine: Machine, tmp_path: Path) -> None:
    array = numpy.ones(4, numpy.float32)
    path = tmp_path / "m" / "model.safetensors"
    write_safetensors(path, {"b": array, "c": array, "d": array})
    packed(machine, path.parent, OLD)
    write_safetensors(path, {"a": array, "b": array, "c": array * 2, "d": array.reshape(2, 2)})
    packed(machine, path.parent, NEW)
    assert compared(machine, OLD, NEW).tensors == {path.name: Tensors(added=("a",), changed=("c", "d"))}
    assert compared(machine, NEW, OLD).tensors == {path.name: Tensors(removed=("a",), changed=("c", "d"))}


def test_metadata_that_changed_is_named(machine: Machine, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m" / "model.gguf")
    packed(machine, path.parent, OLD)
    write_gguf(path, description="better")
    packed(machine, path.parent, NEW)
    assert compared(machine, OLD, NEW).tensors == {path.name: Tensors(metadata=("general.description",))}


def test_a_mode_that_changed_is_no_changed_content(machine: Machine, model: Path) -> None:
    packed(machine, model, OLD)
    (model / "run.sh").chmod(0o644)
    packed(machine, model, NEW)
    found = compared(machine, OLD, NEW)
    assert found.changed == () and found.moves > 0


def test_of_images_elsewhere_the_tensors_are_not_known(
    machine: Machine, other: Machine, model: Path, plain_registry: DockerRegistry, client_for: Clients
) -> None:
    references = [Reference.parse(f"{plain_registry.host}/differing/tiny:{tag}") for tag in "12"]
    for seed, reference in enumerate(references):
        (model / "model.safetensors").unlink()
        write_safetensors(model / "model.safetensors", seed=seed)
        packed(machine, model, reference)
        modelcar.push(reference, client_for=client_for, **machine.here)
    one, two = (find(reference, client_for=client_for, **other.here) for reference in references)
    found = difference(one, two, other.store)
    assert found.changed == ("model.safetensors",) and found.tensors == {"model.safetensors": None}
    assert found.moves == compared(machine, *references).moves


def _never(registry: str):
    raise AssertionError(f"{registry} was asked")
