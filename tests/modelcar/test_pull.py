"""An image becomes files again: ours, and those of others, whatever is in their layers."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import resource
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from conftest import needs
from docker_registries import DockerRegistry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_models import Machine

from forecourt import modelcar
from forecourt.errors import Conflict, ForecourtError, InvalidManifest, NotFound, StorageFull, UnsafeContent
from forecourt.modelcar import Image, lay_out, pack
from forecourt.oci import LAYER_TAR, Clients, Descriptor, Manifest, Reference

CONFIG = "application/vnd.oci.image.config.v1+json"
GZIP = f"{LAYER_TAR}+gzip"
DOCKER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"

Entry = tuple[str, bytes | str]  # a name and content; or, for a link, "-> target"; or "" for a directory


def tar(*entries: Entry, kind: bytes | None = None, style: int = tarfile.GNU_FORMAT) -> bytes:
    """Make a layer."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=style) as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
                continue
            info.type = kind or (tarfile.SYMTYPE if content else tarfile.DIRTYPE)
            info.linkname = content.removeprefix("-> ")
            archive.addfile(info)
    return buffer.getvalue()


def image(machine: Machine, *layers: bytes, media_type: str = "", artifact: str = "") -> Image:
    """Make an image of such layers, as another tool might."""
    descriptors = []
    for layer in layers:
        machine.store.add(layer)
        descriptors.append(Descriptor.of(media_type or (GZIP if layer[:2] == b"\x1f\x8b" else LAYER_TAR), layer))
    raw = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    machine.store.add(raw)
    manifest = Manifest.build(Descriptor.of(CONFIG, raw), descriptors, artifact_type=artifact)
    reference = Reference.parse("localhost:5000/other/tool:1")
    machine.images.put(reference.name, manifest, "1")
    return Image(reference, manifest, json.loads(raw), local=True)


def unpacked(machine: Machine, *layers: bytes, **options: str) -> dict[str, bytes]:
    """Lay such an image out, and return the files."""
    directory = machine.root / "out"
    lay_out(image(machine, *layers, **options), directory, machine.store)
    return contents(directory)


def contents(directory: Path) -> dict[str, bytes]:
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


class TestOurs:
    def test_what_was_packed_comes_back(
        self, machine: Machine, model: Path, tmp_path: Path, reference: Reference
    ) -> None:
        car = pack(model, reference, **machine.here)
        found = Image(reference, car.manifest, {}, local=True)
        out = tmp_path / "deep" / "out"
        lay_out(found, out, machine.store)
        assert contents(out) == {layer.title: (model / layer.title).read_bytes() for layer in car.manifest.layers}
        assert os.access(out / "run.sh", os.X_OK)
        for name in contents(out):
            assert (out / name).stat().st_ino == (model / name).stat().st_ino, "one copy on one machine"

    def test_an_empty_directory_is_used_and_another_is_left_as_it_is(
        self, machine: Machine, model: Path, tmp_path: Path, reference: Reference
    ) -> None:
        found = Image(reference, pack(model, reference, **machine.here).manifest, {}, local=True)
        out = tmp_path / "out"
        out.mkdir()
        lay_out(found, out, machine.store)
        with pytest.raises(Conflict, match="not empty"):
            lay_out(found, out, machine.store)
        with pytest.raises(Conflict, match="no directory"):
            lay_out(found, model / "config.json", machine.store)
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]

    def test_a_relative_destination_works(
        self, machine: Machine, model: Path, tmp_path: Path, reference: Reference, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = Image(reference, pack(model, reference, **machine.here).manifest, {}, local=True)
        (tmp_path / "cwd").mkdir()
        monkeypatch.chdir(tmp_path / "cwd")
        lay_out(found, Path(), machine.store)
        assert (tmp_path / "cwd" / "config.json").exists()

    def test_many_at_once_make_it_once(
        self, machine: Machine, model: Path, tmp_path: Path, reference: Reference
    ) -> None:
        found = Image(reference, pack(model, reference, **machine.here).manifest, {}, local=True)
        out, results = tmp_path / "out", []

        def work() -> None:
            try:
                lay_out(found, out, machine.store)
                results.append("made")
            except Conflict:
                results.append("there")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == ["made"] + ["there"] * 7
        assert len(contents(out)) == len(found.manifest.layers)


class TestOfOthers:
    @pytest.mark.parametrize("prefix", ["models/", "./models/", "models//", ".//models/./"])
    @pytest.mark.parametrize("pressed", [False, True])
    def test_many_files_in_one_layer(self, machine: Machine, prefix: str, pressed: bool) -> None:
        layer = tar(("models/", ""), (f"{prefix}a", b"1" * 2000), (f"{prefix}b/c", b"2"), ("etc/passwd", b"x"))
        assert unpacked(machine, gzip.compress(layer, mtime=0) if pressed else layer) == {"a": b"1" * 2000, "b/c": b"2"}

    @pytest.mark.parametrize("style", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    def test_every_kind_of_tar(self, machine: Machine, style: int) -> None:
        name = "long/" * 15 + "größe" if style != tarfile.USTAR_FORMAT else "short"
        assert unpacked(machine, tar((f"models/{name}", b"1"), ("models/b", b"2"), style=style)) == {
            name: b"1",
            "b": b"2",
        }

    def test_dockers_media_types(self, machine: Machine) -> None:
        layer = gzip.compress(tar(("models/a", b"1"), ("models/b", b"2")))
        assert unpacked(machine, layer, media_type=DOCKER_GZIP) == {"a": b"1", "b": b"2"}

    def test_the_last_layer_has_the_last_word(self, machine: Machine) -> None:
        first = tar(("models/a", b"old"), ("models/b", b"kept"), ("models/c/d", b"gone"))
        second = tar(("models/a", b"new"), ("models/c", b"now a file"))
        third = tar(("models/b/", ""), ("models/b/x", b"now in a directory"))
        assert unpacked(machine, first, second, third) == {
            "a": b"new",
            "c": b"now a file",
            "b/x": b"now in a directory",
        }

    @pytest.mark.parametrize(
        ("whiteout", "left"),
        [
            ("models/.wh.a", {"b/c", "b/d", "new"}),
            ("models/.wh.b", {"a", "new"}),
            ("models/b/.wh.c", {"a", "b/d", "new"}),
            ("models/b/.wh..wh..opq", {"a", "new"}),
            ("models/.wh..wh..opq", {"new"}),
            (".wh.models", {"new"}),
            (".wh..wh..opq", {"new"}),
            (".wh.etc", {"a", "b/c", "b/d", "new"}),
        ],
    )
    def test_whiteouts_take_away_what_is_below(self, machine: Machine, whiteout: str, left: set[str]) -> None:
        first = tar(("models/a", b"1"), ("models/b/c", b"2"), ("models/b/d", b"3"))
        second = tar(("models/new", b"4"), (whiteout, b""))
        assert unpacked(machine, first, second).keys() == left

    def test_a_whiteout_in_a_layer_of_its_own(self, machine: Machine) -> None:
        assert unpacked(machine, tar(("models/a", b"1"), ("models/b", b"2")), tar(("models/.wh.a", b""))) == {"b": b"2"}

    def test_the_same_layer_twice_is_no_conflict(self, machine: Machine) -> None:
        layer = tar(("models/a", b"1"), ("models/b", b"2"))
        assert unpacked(machine, layer, layer) == {"a": b"1", "b": b"2"}

    def test_a_base_with_links_and_devices_elsewhere_is_no_matter(self, machine: Machine) -> None:
        base = tar(("bin/busybox", b"elf"), ("bin/sh", "-> busybox"), ("sbin", "-> /bin"), ("etc/absolute", "-> /x"))
        assert unpacked(machine, base, tar(("models/a", b"1"))) == {"a": b"1"}

    @needs("skopeo", "umoci")
    def test_an_image_made_by_umoci(
        self, machine: Machine, model: Path, tmp_path: Path, plain_registry: DockerRegistry, client_for: Clients
    ) -> None:
        layout, bundle = tmp_path / "layout", tmp_path / "bundle"
        for words in (
            ("init", "--layout", str(layout)),
            ("new", "--image", f"{layout}:m"),
            ("config", "--image", f"{layout}:m", "--architecture", "amd64", "--os", "linux"),
            ("unpack", "--rootless", "--image", f"{layout}:m", str(bundle)),
        ):
            subprocess.run(["umoci", *words], check=True, capture_output=True)
        shutil.rmtree(model / ".git")
        shutil.copytree(model, bundle / "rootfs" / "models")
        subprocess.run(["umoci", "repack", "--image", f"{layout}:m", str(bundle)], check=True, capture_output=True)
        reference = Reference.parse(f"{plain_registry.host}/umoci/model:1")
        skopeo = ["skopeo", "copy", "--dest-tls-verify=false", f"oci:{layout}:m", f"docker://{reference}"]
        subprocess.run(skopeo, check=True, capture_output=True)
        out = tmp_path / "out"
        car = modelcar.pull(reference, out, client_for=client_for, **machine.here)
        assert contents(out) == contents(model)
        assert os.access(out / "run.sh", os.X_OK)
        assert car.digest == machine.images.resolve(reference.name, "1")


REFUSED: dict[str, Callable[[], Iterable[bytes]]] = {
    "up": lambda: [tar(("models/../../evil", b"1"), ("models/b", b"2"))],
    "up alone": lambda: [tar(("models/../evil", b"1"))],
    "up elsewhere": lambda: [tar(("etc/../../evil", b"1"), ("models/b", b"2"))],
    "up, gzipped": lambda: [gzip.compress(tar(("models/a", b"1"), ("models/../../evil", b"1")))],
    "up, a directory": lambda: [tar(("../evil/", ""), ("models/b", b"2"))],
    "absolute": lambda: [tar(("/models/evil", b"1"), ("models/b", b"2"))],
    "absolute alone": lambda: [tar(("/etc/cron.d/evil", b"1"))],
    "backslash": lambda: [tar(("models\\..\\evil", b"1"), ("models/b", b"2"))],
    "symlink": lambda: [tar(("models/a", "-> /etc/passwd"), ("models/b", b"2"))],
    "symlink inside": lambda: [tar(("models/a", "-> b"), ("models/b", b"2"))],
    "symlinked directory": lambda: [tar(("models/d", "-> /tmp")), tar(("models/d/evil", b"2"))],
    "models is a link": lambda: [tar(("models", "-> /tmp")), tar(("models/evil", b"2"))],
    "hard link": lambda: [tar(("models/a", "-> /etc/passwd"), ("models/b", b"2"), kind=tarfile.LNKTYPE)],
    "device": lambda: [tar(("models/a", "dev"), ("models/b", b"2"), kind=tarfile.CHRTYPE)],
    "block device": lambda: [tar(("models/a", "dev"), ("models/b", b"2"), kind=tarfile.BLKTYPE)],
    "pipe": lambda: [tar(("models/a", "pipe"), ("models/b", b"2"), kind=tarfile.FIFOTYPE)],
    "twice": lambda: [tar(("models/a", b"1"), ("models/a", b"2"))],
    "twice by two names": lambda: [tar(("models/a", b"1"), ("./models//a", b"2"))],
    "file and directory": lambda: [tar(("models/a", b"1"), ("models/a/b", b"2"))],
    "directory and file": lambda: [tar(("models/a/", ""), ("models/a", b"2"), ("models/c", b"2"))],
    "evil in the last layer": lambda: [tar(("models/a", b"1")), tar(("models/b", b"1"), ("models/../../evil", b"2"))],
}


class TestRefused:
    @pytest.mark.parametrize("what", REFUSED)
    def test_before_anything_is_written(self, machine: Machine, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
        found = image(machine, *REFUSED[what]())
        made: list[object] = []
        mkdir = Path.mkdir
        monkeypatch.setattr(Path, "mkdir", lambda path, *a, **k: made.append(path) or mkdir(path, *a, **k))
        with pytest.raises(UnsafeContent) as raised:
            lay_out(found, machine.root / "deep" / "out", machine.store)
        assert raised.value.hint.startswith("Nothing was written.")
        assert not (machine.root / "deep").exists() and not (machine.root / "evil").exists()
        assert not [path for path in made if "out" in str(path)]

    @pytest.mark.parametrize(
        ("media_type", "says"),
        [
            ("application/vnd.cncf.model.weight.v1.raw", "a ModelPack artifact"),
            ("application/vnd.cncf.model.weight.v1.tar", "a ModelPack artifact"),
            ("application/vnd.docker.ai.gguf.v3", "a Docker Model Runner artifact"),
            ("application/vnd.kitops.modelkit.model.v1.tar", "a KitOps ModelKit"),
            ("application/vnd.ollama.image.model", "an Ollama model"),
            (f"{LAYER_TAR}+zstd", "zstd"),
        ],
    )
    def test_other_tools_artifacts_with_what_to_do(self, machine: Machine, media_type: str, says: str) -> None:
        with pytest.raises(InvalidManifest, match=says) as raised:
            unpacked(machine, b"bytes", media_type=media_type)
        assert raised.value.hint

    def test_an_image_without_a_model(self, machine: Machine) -> None:
        with pytest.raises(InvalidManifest, match="no files below models/"):
            unpacked(machine, tar(("bin/sh", b"1"), ("models.txt", b"2")))

    @pytest.mark.parametrize(
        "layer",
        [
            b"no tar at all" * 100,
            b"\x1f\x8b no gzip",
            gzip.compress(b"no tar inside" * 100, mtime=0),
            gzip.compress(tar(("models/a", b"1" * 5000), ("models/b", b"2")), mtime=0)[:-40],
            tar(("models/a", b"1" * 5000), ("models/b", b"2"))[:4000],
        ],
    )
    def test_damaged_layers(self, machine: Machine, layer: bytes) -> None:
        with pytest.raises(InvalidManifest):
            unpacked(machine, layer)
        assert not (machine.root / "out").exists()

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
    @given(data=st.data())
    def test_damage_raises_nothing_else_and_nothing_leaves_the_directory(
        self, machine: Machine, data: st.DataObject
    ) -> None:
        raw = bytearray(tar(("models/a", b"1" * 700), ("models/b/c", b"22"), ("models/l" * 20, b"3")))
        for _ in range(data.draw(st.integers(1, 5))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        layer = bytes(raw)
        if data.draw(st.booleans()):
            raw = bytearray(gzip.compress(layer, mtime=0))
            raw[data.draw(st.integers(2, len(raw) - 1))] = data.draw(st.integers(0, 255))
            layer = bytes(raw)
        before = {path for path in machine.root.parent.rglob("*") if machine.store.root not in path.parents}
        with contextlib.suppress(ForecourtError):
            unpacked(machine, layer)
        shutil.rmtree(machine.root / "out", ignore_errors=True)
        after = {path for path in machine.root.parent.rglob("*") if machine.store.root not in path.parents}
        assert {path for path in after - before if machine.images.root not in path.parents} <= {
            machine.root,
            machine.store.root,
            machine.images.root,
        }


class TestFullDisk:
    """The largest file that may be written stands in for the disk: both errors are told alike."""

    @pytest.fixture
    def full(self) -> Iterator[Callable[[], None]]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def test_nothing_is_left_where_it_was_to_be_unpacked(self, machine: Machine, full: Callable[[], None]) -> None:
        found = image(machine, gzip.compress(tar(("models/a", b"1"), ("models/b", b"2" * 100_000))))
        full()
        with pytest.raises(StorageFull):
            lay_out(found, machine.root / "full" / "out", machine.store)
        assert list((machine.root / "full").iterdir()) == []

    def test_nothing_is_recorded_of_what_was_to_be_packed(
        self, machine: Machine, model: Path, reference: Reference, full: Callable[[], None]
    ) -> None:
        (model / "tokenizer" / "large.txt").write_bytes(b"x" * 100_000)
        full()
        with pytest.raises(StorageFull):
            pack(model, reference, copy=True, **machine.here)
        assert list(machine.images) == [] and not list((machine.store.root / "staging").iterdir())


class TestFromARegistry:
    @pytest.fixture
    def pushed(self, machine: Machine, model: Path, plain_registry: DockerRegistry, client_for: Clients) -> Reference:
        reference = Reference.parse(f"{plain_registry.host}/pulled/model:1.0")
        pack(model, reference, **machine.here)
        modelcar.push(reference, client_for=client_for, **machine.here)
        return reference

    def test_pulled_into_the_store_and_a_directory(
        self, machine: Machine, other: Machine, model: Path, tmp_path: Path, pushed: Reference, client_for: Clients
    ) -> None:
        car = modelcar.pull(pushed, tmp_path / "out", client_for=client_for, **other.here)
        assert car.digest == machine.images.resolve(pushed.name, "1.0") == other.images.resolve(pushed.name, "1.0")
        shutil.rmtree(model / ".git")
        (model / ".DS_Store").unlink()
        assert contents(tmp_path / "out") == contents(model)
        assert (tmp_path / "out" / "config.json").stat().st_nlink == 2

    def test_inspect_and_its_files_need_no_layers(
        self, machine: Machine, other: Machine, model: Path, pushed: Reference, client_for: Clients
    ) -> None:
        car = modelcar.inspect(pushed, client_for=client_for, **other.here)
        assert car == modelcar.inspect(pushed, client_for=client_for, **machine.here)
        listed = modelcar.announced(car.manifest)
        assert listed == [
            file if file.path != "run.sh" else modelcar.ModelFile(file.path, file.size, file.layer)
            for file in modelcar.files(car.manifest, machine.store)
        ]
        assert list(other.store) == [] and list(other.images) == []

    def test_a_destination_in_use_is_found_before_anything_is_pulled(
        self, other: Machine, model: Path, pushed: Reference, client_for: Clients
    ) -> None:
        with pytest.raises(Conflict):
            modelcar.pull(pushed, model, client_for=client_for, **other.here)
        assert list(other.store) == []

    def test_an_artifact_is_refused_before_its_layers_are_pulled(
        self, machine: Machine, other: Machine, plain_registry: DockerRegistry, client_for: Clients
    ) -> None:
        made = image(machine, b"weights" * 1000, media_type="application/vnd.docker.ai.gguf.v3")
        reference = Reference.parse(f"{plain_registry.host}/other/artifact:1")
        machine.images.put(reference.name, made.manifest, "1")
        modelcar.push(reference, client_for=client_for, **machine.here)
        with pytest.raises(InvalidManifest, match="Docker Model Runner"):
            modelcar.pull(reference, client_for=client_for, **other.here)
        assert list(other.store) == []

    def test_an_evil_image_leaves_no_directory(
        self, machine: Machine, other: Machine, tmp_path: Path, plain_registry: DockerRegistry, client_for: Clients
    ) -> None:
        made = image(machine, tar(("models/a", b"1"), ("models/../../evil", b"2")))
        reference = Reference.parse(f"{plain_registry.host}/other/evil:1")
        machine.images.put(reference.name, made.manifest, "1")
        modelcar.push(reference, client_for=client_for, **machine.here)
        with pytest.raises(UnsafeContent):
            modelcar.pull(reference, tmp_path / "out", client_for=client_for, **other.here)
        assert not (tmp_path / "out").exists()

    def test_what_is_nowhere(self, other: Machine, tmp_path: Path, pushed: Reference, client_for: Clients) -> None:
        missing = Reference.parse(f"{pushed.name}:2.0")
        with pytest.raises(NotFound):
            modelcar.pull(missing, tmp_path / "out", client_for=client_for, **other.here)
        assert not (tmp_path / "out").exists()

    def test_copied_to_another_name_with_its_digest(
        self, machine: Machine, other: Machine, pushed: Reference, client_for: Clients
    ) -> None:
        target = Reference.parse(f"{pushed.registry}/copied/model:2")
        digest = modelcar.copy(pushed, target, client_for)
        assert modelcar.inspect(target, client_for=client_for, **other.here).digest == digest
        assert digest == machine.images.resolve(pushed.name, "1.0")
