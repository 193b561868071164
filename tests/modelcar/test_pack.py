"""A model becomes an image: the same everywhere, a layer a file, and nothing where something is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from conftest import needs
from docker_registries import DockerRegistry
from tiny_models import Machine, write_gguf

from forecourt import modelcar
from forecourt.errors import ForecourtError, InvalidInput, InvalidManifest, InvalidModel, NotFound, UnsafeContent
from forecourt.modelcar import ModelCar, pack
from forecourt.oci import LAYER_TAR, Clients, Manifest, Platform, Reference

PREFIX = "dev.forecourt.model."


def config_of(machine: Machine, car: ModelCar) -> dict:
    return json.loads(machine.store.read(car.manifest.config.digest))


class TestImage:
    def test_a_layer_a_file_sorted_uncompressed_below_models(
        self, machine: Machine, model: Path, reference: Reference
    ) -> None:
        car = pack(model, reference, **machine.here)
        expected = ["README.md", "config.json", "model.safetensors", "run.sh", "tokenizer/tokenizer.json"]
        assert [layer.title for layer in car.manifest.layers] == expected
        for layer, name in zip(car.manifest.layers, expected, strict=True):
            assert layer.media_type == LAYER_TAR
            assert layer.annotations["org.cncf.model.filepath"] == name
            assert layer.annotations[f"{PREFIX}size"] == str((model / name).stat().st_size)
            with tarfile.open(fileobj=BytesIO(machine.store.read(layer.digest))) as archive:
                (member,) = archive.getmembers()
                assert member.name == f"models/{name}"
                assert member.mode == (0o755 if name == "run.sh" else 0o644)
                assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
                content = archive.extractfile(member)
                assert content and content.read() == (model / name).read_bytes()

    def test_the_config_makes_a_runnable_image_of_it(self, machine: Machine, model: Path, reference: Reference) -> None:
        car = pack(model, reference, **machine.here)
        config = config_of(machine, car)
        assert (config["os"], config["architecture"]) == ("linux", "amd64")
        assert config["rootfs"] == {"type": "layers", "diff_ids": [layer.digest for layer in car.manifest.layers]}
        assert len(config["history"]) == len(car.manifest.layers)
        assert "created" not in config and all("created" not in entry for entry in config["history"])
        assert config["config"]["Labels"] == dict(car.manifest.annotations)

    def test_what_the_files_say_is_in_the_annotations(
        self, machine: Machine, model: Path, reference: Reference
    ) -> None:
        car = pack(model, reference, **machine.here)
        assert car.manifest.annotations == {
            "org.opencontainers.image.title": "A tiny model",
            "org.opencontainers.image.licenses": "Apache-2.0",
            f"{PREFIX}format": "safetensors",
            f"{PREFIX}architecture": "LlamaForCausalLM",
            f"{PREFIX}parameters": "83",
            f"{PREFIX}quantization": "F16",
            f"{PREFIX}context-length": "4096",
            f"{PREFIX}size": str(sum(path.stat().st_size for path in self.packed(model))),
            f"{PREFIX}base-model": "HuggingFaceTB/SmolLM2-135M",
            f"{PREFIX}languages": "en",
            f"{PREFIX}tags": "chat,tiny",
        }
        assert car.info.parameters == 83 and car.info.languages == ("en",)
        assert modelcar.inspect(reference, client_for=_never, **machine.here) == car

    def packed(self, model: Path) -> list[Path]:
        return [path for path in model.rglob("*") if path.is_file() and not path.name.startswith((".", "HEAD"))]

    def test_what_is_given_comes_first_and_an_empty_one_removes(
        self, machine: Machine, model: Path, reference: Reference
    ) -> None:
        given = {
            "org.opencontainers.image.source": "https://example.org",
            "org.opencontainers.image.title": "Mine",
            f"{PREFIX}tags": "",
            "com.example.own": "x",
        }
        car = pack(model, reference, annotations=given, **machine.here)
        assert (car.info.title, car.info.source, car.info.tags) == ("Mine", "https://example.org", ())
        assert car.manifest.annotations["com.example.own"] == "x"

    def test_a_number_that_is_none_is_refused(self, machine: Machine, model: Path, reference: Reference) -> None:
        with pytest.raises(InvalidInput, match="which is a number"):
            pack(model, reference, annotations={f"{PREFIX}parameters": "7B"}, **machine.here)

    def test_a_platform_can_be_chosen(self, machine: Machine, model: Path, reference: Reference) -> None:
        car = pack(model, reference, platform=Platform("linux", "arm64", "v8"), **machine.here)
        assert car.platform == Platform("linux", "arm64", "v8")
        assert config_of(machine, car)["variant"] == "v8"

    def test_odd_texts_do_not_break_the_manifest(self, machine: Machine, tmp_path: Path, reference: Reference) -> None:
        path = write_gguf(tmp_path / "m.gguf", description="long " * 100_000)
        (tmp_path / "dir").mkdir()
        path.rename(tmp_path / "dir" / "m.gguf")
        (tmp_path / "dir" / "config.json").write_text('{"architectures": ["\\ud800"], "_name_or_path": "a/\\udfff"}')
        car = pack(tmp_path / "dir", reference, **machine.here)
        assert len(car.info.description) == 2000
        assert len(car.manifest.raw) < 10_000

    def test_a_file_over_eight_gibibytes_has_a_header_of_its_own_kind(
        self, machine: Machine, tmp_path: Path, reference: Reference
    ) -> None:
        from forecourt.oci.layer import build

        head = build("models/big.gguf", 9 * 2**30)
        assert tarfile.TarInfo.frombuf(head.raw, "utf-8", "strict").size == 9 * 2**30
        assert len(head.raw) == 512


class TestSameEverywhere:
    def test_touch_copies_and_owners_change_nothing(
        self, machine: Machine, other: Machine, model: Path, tmp_path: Path, reference: Reference
    ) -> None:
        first = pack(model, reference, **machine.here)
        for path in model.rglob("*"):
            if path.is_file():
                os.utime(path, (1, 1))
        assert pack(model, reference, **machine.here).digest == first.digest
        copied = shutil.copytree(model, tmp_path / "elsewhere" / "called differently")
        (copied / "config.json").chmod(0o600)
        elsewhere = Reference.parse("quay.io/somebody/else:2")
        assert pack(copied, elsewhere, copy=True, **other.here).digest == first.digest

    def test_a_changed_file_changes_its_layer_alone(self, machine: Machine, model: Path, reference: Reference) -> None:
        before = pack(model, reference, copy=True, **machine.here)
        (model / "config.json").write_text('{"model_type": "llama"}')
        after = pack(model, reference, copy=True, **machine.here)
        changed = {layer.title for layer in after.manifest.layers} - {"config.json"}
        old = {layer.title: layer.digest for layer in before.manifest.layers}
        new = {layer.title: layer.digest for layer in after.manifest.layers}
        assert old["config.json"] != new["config.json"]
        assert all(old[title] == new[title] for title in changed)

    def test_the_digest_is_the_same_in_every_version_of_forecourt(
        self, machine: Machine, tmp_path: Path, reference: Reference
    ) -> None:
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "model.onnx").write_bytes(b"onnx")
        (tmp_path / "m" / "run").write_bytes(b"#!/bin/sh\n")
        (tmp_path / "m" / "run").chmod(0o700)
        car = pack(tmp_path / "m", reference, **machine.here)
        assert [layer.digest.short for layer in car.manifest.layers] == ["d1a589bae2ed", "bc1ef27372a1"]
        assert car.digest.short == "233f4fc963e3"


class TestOneCopy:
    def test_files_are_linked_and_read_only(self, machine: Machine, model: Path, reference: Reference) -> None:
        pack(model, reference, **machine.here)
        seen = (model / "model.safetensors").stat()
        assert seen.st_nlink == 2 and seen.st_mode & 0o777 == 0o444

    def test_with_copy_they_are_left_alone(self, machine: Machine, model: Path, reference: Reference) -> None:
        before = (model / "model.safetensors").stat()
        pack(model, reference, copy=True, **machine.here)
        after = (model / "model.safetensors").stat()
        assert (after.st_nlink, after.st_mode) == (1, before.st_mode)

    def test_progress_is_told_file_by_file(self, machine: Machine, model: Path, reference: Reference) -> None:
        notes = Notes()
        pack(model, reference, progress=notes, **machine.here)
        again = Notes()
        pack(model, reference, progress=again, **machine.here)
        assert notes.done_with == again.done_with == list(notes.totals)
        assert notes.counts == notes.totals == again.counts
        assert notes.totals["model.safetensors"] == (model / "model.safetensors").stat().st_size


class TestNothingHalfDone:
    @pytest.mark.parametrize("wrong", ["pickle", "truncated", "link", "pipe", "empty", "missing"])
    def test_nothing_is_recorded_or_kept_of_what_is_refused(
        self, machine: Machine, model: Path, reference: Reference, wrong: str
    ) -> None:
        errors: dict[str, type[ForecourtError]] = {
            "pickle": UnsafeContent,
            "truncated": InvalidModel,
            "link": UnsafeContent,
            "pipe": UnsafeContent,
            "empty": InvalidModel,
            "missing": NotFound,
        }
        match wrong:
            case "pickle":
                (model / "pytorch_model.bin").write_bytes(b"\x80\x02}q\0.")
            case "truncated":
                raw = (model / "model.safetensors").read_bytes()
                (model / "model.safetensors").write_bytes(raw[:-1])
            case "link":
                (model / "passwd").symlink_to("/etc/passwd")
            case "pipe":
                os.mkfifo(model / "pipe")
            case "empty":
                shutil.rmtree(model)
                model.mkdir()
            case "missing":
                shutil.rmtree(model)
        with pytest.raises(errors[wrong]):
            pack(model, reference, **machine.here)
        assert list(machine.images) == [] and list(machine.store) == []

    def test_a_digest_cannot_be_chosen(self, machine: Machine, model: Path, reference: Reference) -> None:
        car = pack(model, reference, **machine.here)
        with pytest.raises(InvalidInput, match="digest"):
            pack(model, reference.at(car.digest), **machine.here)

    def test_a_tag_stays_where_it_was_when_the_next_pack_fails(
        self, machine: Machine, model: Path, reference: Reference
    ) -> None:
        car = pack(model, reference, **machine.here)
        (model / "extra.gguf").write_bytes(b"GGUF")
        with pytest.raises(InvalidModel):
            pack(model, reference, **machine.here)
        assert machine.images.resolve(reference.name, "1.0") == car.digest


@needs("skopeo", "umoci")
class TestOthersReadIt:
    def test_skopeo_and_umoci_unpack_the_same_files(
        self, machine: Machine, model: Path, tmp_path: Path, plain_registry: DockerRegistry, client_for: Clients
    ) -> None:
        write_gguf(model / "deep" / "er" / ("long" * 40 + ".gguf"))
        reference = Reference.parse(f"{plain_registry.host}/demo/tiny:1.0")
        car = pack(model, reference, **machine.here)
        assert modelcar.push(reference, client_for=client_for, **machine.here) == car.digest
        rootfs = unpack_with_umoci(f"docker://{reference}", tmp_path / "unpacked", car.digest)
        found = {path.relative_to(rootfs).as_posix() for path in rootfs.rglob("*") if path.is_file()}
        assert found == {f"models/{layer.title}" for layer in car.manifest.layers}
        for layer in car.manifest.layers:
            path = rootfs / "models" / layer.title
            assert path.read_bytes() == (model / layer.title).read_bytes()
            assert path.stat().st_mode & 0o777 == (0o755 if layer.title == "run.sh" else 0o644)

    def test_skopeo_inspects_it(
        self, machine: Machine, model: Path, plain_registry: DockerRegistry, client_for: Clients
    ) -> None:
        reference = Reference.parse(f"{plain_registry.host}/demo/inspected:1.0")
        car = pack(model, reference, **machine.here)
        modelcar.push(reference, client_for=client_for, **machine.here)
        said = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{reference}"))
        assert (said["Digest"], said["Architecture"], said["Os"]) == (car.digest, "amd64", "linux")
        assert said["Labels"][f"{PREFIX}format"] == "safetensors"


@pytest.fixture(scope="module")
def base(plain_registry: DockerRegistry, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """An image of busybox with gzip layers, made by umoci."""
    layout = tmp_path_factory.mktemp("base") / "layout"
    umoci("init", "--layout", str(layout))
    umoci("new", "--image", f"{layout}:busybox")
    bundle = layout.parent / "bundle"
    umoci("unpack", "--rootless", "--image", f"{layout}:busybox", str(bundle))
    binaries = bundle / "rootfs" / "bin"
    binaries.mkdir()
    shutil.copy(shutil.which("busybox") or "", binaries / "busybox")
    for name in ("sh", "ln", "sleep", "ls", "echo", "["):
        (binaries / name).symlink_to("busybox")
    umoci("repack", "--image", f"{layout}:busybox", str(bundle))
    settings = ["--config.user=1001", "--config.env=PATH=/bin", "--config.label=base=busybox"]
    umoci("config", "--image", f"{layout}:busybox", *settings, "--architecture", "amd64", "--os", "linux")
    reference = Reference.parse(f"{plain_registry.host}/library/busybox:1.36")
    skopeo("copy", "--dest-tls-verify=false", f"oci:{layout}:busybox", f"docker://{reference}")
    return reference


@needs("skopeo", "umoci", "busybox")
class TestBase:
    def under(self, machine: Machine, base: Reference, client_for: Clients, **options: object) -> modelcar.Base:
        wanted = {"platform": modelcar.DEFAULT_PLATFORM} | options
        return modelcar.pull_base(base, client_for=client_for, **wanted, **machine.here)

    def test_the_models_layers_come_after_the_bases_and_it_runs(
        self, machine: Machine, model: Path, base: Reference, client_for: Clients, tmp_path: Path
    ) -> None:
        reference = Reference.parse(f"{base.registry}/demo/on-base:1.0")
        car = pack(model, reference, base=self.under(machine, base, client_for), **machine.here)
        ground = machine.images.get(base.name, "1.36")
        assert isinstance(ground, Manifest)
        assert [layer.digest for layer in car.manifest.layers[:1]] == [layer.digest for layer in ground.layers]
        assert car.manifest.layers[0].media_type == f"{LAYER_TAR}+gzip"
        config = config_of(machine, car)
        assert config["config"]["User"] == "1001" and "PATH=/bin" in config["config"]["Env"]
        assert config["config"]["Labels"]["base"] == "busybox"
        assert len(config["rootfs"]["diff_ids"]) == len(car.manifest.layers)
        assert sum(not entry.get("empty_layer") for entry in config["history"]) == len(car.manifest.layers)
        assert "created" not in config

        modelcar.push(reference, client_for=client_for, **machine.here)
        rootfs = unpack_with_umoci(f"docker://{reference}", tmp_path / "unpacked", car.digest)
        assert (rootfs / "models" / "config.json").read_bytes() == (model / "config.json").read_bytes()
        # What KServe's modelcar container runs before anything else.
        script = 'echo Pre-fetching && [ -d models ] && [ "$(ls -A models)" ] && ln -sf models linked'
        shell = [str(rootfs / "bin" / "busybox"), "sh", "-c", script]
        assert subprocess.run(shell, check=True, capture_output=True, cwd=rootfs, env={"PATH": "bin"}).stdout

    def test_the_same_base_and_files_make_the_same_image(
        self, machine: Machine, other: Machine, model: Path, base: Reference, client_for: Clients, reference: Reference
    ) -> None:
        one, two = (
            pack(model, reference, base=self.under(m, base, client_for), copy=True, **m.here).digest
            for m in (machine, other)
        )
        assert one == two

    def test_a_docker_base_becomes_oci(
        self, machine: Machine, model: Path, base: Reference, client_for: Clients, tmp_path: Path
    ) -> None:
        docker = Reference.parse(f"{base.registry}/library/docker:1")
        skopeo(
            "copy",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            "--format=v2s2",
            f"docker://{base}",
            f"docker://{docker}",
        )
        reference = Reference.parse(f"{base.registry}/demo/on-docker:1.0")
        car = pack(model, reference, base=self.under(machine, docker, client_for), **machine.here)
        assert {layer.media_type for layer in car.manifest.layers} == {LAYER_TAR, f"{LAYER_TAR}+gzip"}
        assert set(config_of(machine, car)) == {"architecture", "os", "config", "rootfs", "history"}
        modelcar.push(reference, client_for=client_for, **machine.here)
        unpack_with_umoci(f"docker://{reference}", tmp_path / "unpacked", car.digest)

    def test_a_base_for_another_platform_is_refused(
        self, machine: Machine, base: Reference, client_for: Clients
    ) -> None:
        with pytest.raises(InvalidManifest, match="is for linux/amd64, not for linux/arm64"):
            self.under(machine, base, client_for, platform=Platform("linux", "arm64"))

    def test_a_base_that_is_nowhere(self, machine: Machine, base: Reference, client_for: Clients) -> None:
        with pytest.raises(NotFound):
            self.under(machine, Reference.parse(f"{base.registry}/library/none:1"), client_for)


class Notes:
    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.done_with: list[str] = []

    def begin(self, what: str, total: int) -> None:
        self.totals[what], self.counts[what] = total, 0

    def advance(self, what: str, count: int) -> None:
        self.counts[what] += count

    def done(self, what: str, note: str) -> None:
        self.done_with.append(what)


def _never(registry: str):
    raise AssertionError(f"{registry} was asked")


def skopeo(*words: str) -> str:
    return subprocess.run(["skopeo", *words], check=True, capture_output=True, text=True).stdout


def umoci(*words: str) -> None:
    subprocess.run(["umoci", *words], check=True, capture_output=True)


def unpack_with_umoci(source: str, directory: Path, digest: str) -> Path:
    """Pull an image with skopeo, its digest unchanged, unpack it with umoci, and return the root of its files."""
    directory.mkdir()
    skopeo("copy", "--preserve-digests", "--src-tls-verify=false", source, f"oci:{directory / 'layout'}:x")
    index = json.loads((directory / "layout" / "index.json").read_text())
    assert index["manifests"][0]["digest"] == digest
    umoci("unpack", "--rootless", "--image", f"{directory / 'layout'}:x", str(directory / "bundle"))
    return directory / "bundle" / "rootfs"
