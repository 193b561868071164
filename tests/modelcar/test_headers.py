"""The headers of an image's files are read where they are, and nothing is pulled."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy
import pytest
from modelcar.test_pull import image, tar
from registries import registry_process
from tiny_models import Machine, write_gguf, write_safetensors

from forecourt import modelcar
from forecourt.errors import InvalidManifest, NotFound, UnsafeContent
from forecourt.modelcar import gguf, lay_out_headers, pack, safetensors
from forecourt.oci import Clients, Reference


def laid_out(where: Path) -> Path:
    where.mkdir()
    return where


def test_an_image_of_this_machine_gives_headers_of_the_right_size(
    machine: Machine, tmp_path: Path, client_for: Clients, model: Path, reference: Reference
) -> None:
    big = {"weight": numpy.zeros((2000, 2000), dtype=numpy.float32)}
    write_safetensors(model / "model.safetensors", big)
    pack(model, reference, **machine.here)
    out = laid_out(tmp_path / "out")
    found = modelcar.find(reference, client_for=client_for, **machine.here)
    lay_out_headers(found, out, machine.store, client_for)
    stand_in, original = out / "model.safetensors", model / "model.safetensors"
    assert stand_in.stat().st_size == original.stat().st_size > 16_000_000
    assert stand_in.stat().st_blocks * 512 < 100_000
    assert safetensors.read(stand_in) == safetensors.read(original)
    assert (out / "config.json").read_bytes() == (model / "config.json").read_bytes()


def test_of_a_registrys_image_only_the_headers_are_asked_for(
    machine: Machine, other: Machine, tmp_path: Path, client_for: Clients
) -> None:
    path = write_gguf(tmp_path / "model.gguf")
    with registry_process(tmp_path / "registry") as (address, _):
        reference = Reference.parse(f"{address}/demo/tiny:1")
        pack(path, reference, **machine.here)
        modelcar.push(reference, client_for=client_for, **machine.here)
        found = modelcar.find(reference, client_for=client_for, **other.here)
        assert not found.local
        out = laid_out(tmp_path / "out")
        lay_out_headers(found, out, other.store, client_for)
    assert gguf.read(out / "model.gguf") == gguf.read(path)
    assert not list(other.store)


def test_layers_of_several_files_are_read_gzipped_or_not(machine: Machine, tmp_path: Path, client_for: Clients) -> None:
    files = (("models/config.json", b"{}"), ("models/a/big.bin", bytes(5_000_000)), ("etc/passwd", b"x"))
    for number, layer in enumerate((tar(*files), gzip.compress(tar(*files)))):
        out = laid_out(tmp_path / f"out{number}")
        lay_out_headers(image(machine, layer), out, machine.store, client_for)
        sizes = {path.relative_to(out).as_posix(): path.stat().st_size for path in out.rglob("*") if path.is_file()}
        assert sizes == {"config.json": 2, "a/big.bin": 5_000_000}


def test_what_must_not_be_written_is_not(machine: Machine, tmp_path: Path, client_for: Clients) -> None:
    for name in ("../evil", "/evil", "models/../../evil"):
        with pytest.raises(UnsafeContent):
            lay_out_headers(image(machine, tar((name, b"x"))), tmp_path / "model", machine.store, client_for)
    out = laid_out(tmp_path / "out")
    lay_out_headers(image(machine, tar(("models/link", "-> /etc"), ("models/x", b"y"))), out, machine.store, client_for)
    assert [path.name for path in out.iterdir()] == ["x"]


def test_what_is_no_tar_is_said(machine: Machine, tmp_path: Path, client_for: Clients) -> None:
    with pytest.raises(InvalidManifest):
        lay_out_headers(image(machine, b"no tar" * 1000), laid_out(tmp_path / "o"), machine.store, client_for)


def test_an_image_that_is_nowhere_is_not_found(machine: Machine, tmp_path: Path, client_for: Clients) -> None:
    with registry_process(tmp_path / "registry") as (address, _), pytest.raises(NotFound):
        modelcar.find(Reference.parse(f"{address}/no/such:1"), client_for=client_for, **machine.here)
