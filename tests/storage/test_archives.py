"""Archives of the web are unpacked, and those that mean harm are refused whole."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from storage.servers import Fetcher, FileServer, contents

from forecourt.errors import ForecourtError, InvalidModel, StorageFull, UnsafeContent
from forecourt.storage import archives

MODEL = {"config.json": b"{}", "sub/weights.onnx": b"w" * 100_000, "empty": b""}


def tar(entries: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:  # type: ignore[call-overload]
        for info, data in entries:
            info.size = len(data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(data))
    return written.getvalue()


def entry(name: str, data: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def zipped(entries: dict[str, bytes], **modes: int) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = modes.get(name.replace("/", "_"), 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return written.getvalue()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("m.tar", lambda: tar([entry(name, data) for name, data in MODEL.items()])),
        ("m.tar.gz", lambda: tar([entry(f"./{name}", data) for name, data in MODEL.items()], "w:gz")),
        ("m.tgz", lambda: tar([entry(name, data) for name, data in MODEL.items()], "w:gz")),
        ("m.ZIP", lambda: zipped(MODEL)),
    ],
)
def test_an_archive_is_unpacked(files: FileServer, fetcher: Fetcher, name: str, make: Callable[[], bytes]) -> None:
    url = files.put(f"/{name}", make())
    found = fetcher(url)
    assert contents(found.path) == MODEL
    before = sum(files.sent.values())
    assert fetcher(url) == found and sum(files.sent.values()) == before
    assert fetcher.left() == []
    assert not list((fetcher.store.root / "staging").glob("*"))


def test_the_same_files_are_one_model_however_they_come(files: FileServer, fetcher: Fetcher) -> None:
    one = fetcher(files.put("/m.zip", zipped(MODEL)))
    two = fetcher(files.put("/m.tar", tar([entry(name, data) for name, data in MODEL.items()])))
    assert one.path == two.path


def test_what_runs_stays_so_and_junk_is_left_out(files: FileServer, fetcher: Fetcher) -> None:
    data = tar([entry("run.sh", b"#!/bin/sh", mode=0o755), entry("._run.sh"), entry("__MACOSX/x"), entry(".DS_Store")])
    found = fetcher(files.put("/m.tar", data))
    assert contents(found.path) == {"run.sh": b"#!/bin/sh"}
    assert (found.path / "run.sh").stat().st_mode & 0o777 == 0o555


def test_links_within_the_archive(files: FileServer, fetcher: Fetcher) -> None:
    """A Hugging Face cache that was packed as it is."""
    data = tar(
        [
            entry("blobs/abc", b"weights"),
            entry("snapshots/1/model.bin", type=tarfile.SYMTYPE, linkname="../../blobs/abc"),
            entry("hard", type=tarfile.LNKTYPE, linkname="blobs/abc"),
            entry("twice", type=tarfile.SYMTYPE, linkname="hard"),
        ]
    )
    found = contents(fetcher(files.put("/m.tar", data)).path)
    assert found == dict.fromkeys(("blobs/abc", "snapshots/1/model.bin", "hard", "twice"), b"weights")


@pytest.mark.parametrize(
    "harm",
    [
        [entry("../escape")],
        [entry("/etc/passwd")],
        [entry("a/../../escape")],
        [entry("link", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
        [entry("link", type=tarfile.SYMTYPE, linkname="../../etc/passwd")],
        [entry("link", type=tarfile.SYMTYPE, linkname="link")],
        [entry("hard", type=tarfile.LNKTYPE, linkname="/etc/passwd")],
        [entry("dir", type=tarfile.SYMTYPE, linkname="/tmp"), entry("dir/escape")],
        [entry("device", type=tarfile.CHRTYPE)],
        [entry("pipe", type=tarfile.FIFOTYPE)],
        [entry("a"), entry("a/b")],
        [entry("bad\nname")],
        [entry("back\\slash")],
    ],
    ids=lambda harm: harm[-1][0].name.encode("unicode_escape").decode() + harm[0][0].linkname,
)
def test_a_tar_that_means_harm(
    files: FileServer, fetcher: Fetcher, tmp_path: Path, harm: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(UnsafeContent):
        fetcher(files.put("/m.tar.gz", tar([entry("config.json"), *harm], "w:gz")))
    assert not list(fetcher.models.glob("files-*")) and fetcher.left() == []
    assert set(tmp_path.iterdir()) - before <= {fetcher.root}


@pytest.mark.parametrize(
    "data",
    [
        zipped({"../escape": b"x"}),
        zipped({"/etc/passwd": b"x"}),
        zipped({"link": b"/etc/passwd"}, link=0o120777),
        zipped({"link": b"../../x"}, link=0o120777),
        zipped({"pipe": b""}, pipe=0o010644),
    ],
    ids=["up", "absolute", "link", "link up", "pipe"],
)
def test_a_zip_that_means_harm(files: FileServer, fetcher: Fetcher, data: bytes) -> None:
    with pytest.raises(UnsafeContent):
        fetcher(files.put("/m.zip", data))
    assert not list(fetcher.models.glob("files-*")) and fetcher.left() == []


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb(files: FileServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(archives, "ALWAYS", 100_000)
    zeros = bytes(20_000_000)
    data = zipped({"zeros": zeros}) if kind == "zip" else tar([entry("zeros", zeros)], "w:gz")
    with pytest.raises(UnsafeContent, match="unpacks to more than"):
        fetcher(files.put(f"/m.{kind}", data))


def test_a_bomb_of_files(files: FileServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_FILES", 10)
    with pytest.raises(UnsafeContent, match="more than 10 files"):
        fetcher(files.put("/m.tar", tar([entry(str(number)) for number in range(11)])))


def test_more_than_the_disk_has(files: FileServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    from shutil import disk_usage

    small = type("Usage", (), {"free": 1000})
    url = files.put("/m.zip", zipped(MODEL))
    with monkeypatch.context() as patch:
        patch.setattr(archives.shutil, "disk_usage", lambda path: small if "partial" in str(path) else disk_usage(path))
        with pytest.raises(StorageFull, match="100,000 bytes, and 1,000 are free"):
            fetcher(url)
    before = sum(files.sent.values())
    assert contents(fetcher(url).path) == MODEL
    assert sum(files.sent.values()) == before, "the archive was kept for when there is space"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m.zip", b"PK\x03\x04 and no more"),
        ("m.tar", b"no tar at all" * 100),
        ("m.tar.gz", b"\x1f\x8b\x08 damaged"),
        ("m.tgz", tar([entry("a", b"x" * 50_000)], "w:gz")[:-30]),
        ("m.tar", tar([entry("a", b"x" * 50_000)])[:20_000]),
        ("m.tar", tar([])),
        ("m.zip", zipped({})),
    ],
    ids=["zip", "tar", "gzip", "short gzip", "short tar", "empty tar", "empty zip"],
)
def test_what_is_no_sound_archive(files: FileServer, fetcher: Fetcher, name: str, data: bytes) -> None:
    with pytest.raises(InvalidModel):
        fetcher(files.put(f"/{name}", data))
    assert fetcher.left() == []


def test_an_encrypted_zip(files: FileServer, fetcher: Fetcher) -> None:
    data = bytearray(zipped({"a": b"secret"}))
    for at in (6, data.index(b"PK\x01\x02") + 8):
        data[at] |= 1
    with pytest.raises(ForecourtError, match="encrypted"):
        fetcher(files.put("/m.zip", bytes(data)))
