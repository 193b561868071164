from __future__ import annotations

import io
import os
import random
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.errors import ContentMismatch, InvalidDigest
from forecourt.oci import Blob, ContentStore, Digest
from forecourt.oci.layer import build

FILE = random.Random(1).randbytes(100_000)


def archive(names: Sequence[str], tar_format: int = tarfile.GNU_FORMAT, size: int = len(FILE)) -> bytes:
    """A tar; a name that ends with ``/`` is a directory."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tar_format) as writing:
        for name in names:
            info = tarfile.TarInfo(name.rstrip("/"))
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
                writing.addfile(info)
            else:
                info.size, info.mtime = size, 1.5 if tar_format == tarfile.PAX_FORMAT else 1
                writing.addfile(info, io.BytesIO(FILE[:size]))
    return data.getvalue()


def bring(store: ContentStore, data: bytes, step: int = 1 << 20) -> Blob:
    digest = Digest.of(data)
    with store.writer(digest) as writer:
        for start in range(0, len(data), step):
            writer.write(data[start : start + step])
        assert writer.commit() == digest
    assert store.read(digest) == data
    assert list(store.root.glob("staging/*")) == []
    return store.open(digest)


ONE_FILE = {
    "gnu": archive(["models/model.gguf"]),
    "ustar": archive(["models/model.gguf"], tarfile.USTAR_FORMAT),
    "pax": archive(["models/model.gguf"], tarfile.PAX_FORMAT),
    "directories before the file": archive(["models/", "models/deep/", "models/deep/model.gguf"]),
    "a long name": archive(["models/" + "x" * 300]),
    "an empty file": archive(["models/empty"], size=0),
    "a file of whole blocks": archive(["models/blocks"], size=1024),
    "no closing blocks": archive(["models/model.gguf"])[: 512 + len(FILE)],
    "ours": build("m", len(FILE)).raw + FILE + bytes(build("m", len(FILE)).tail),
}


@pytest.mark.parametrize("step", [17, 511, 512, 65536, 1 << 20])
@pytest.mark.parametrize("case", ONE_FILE)
def test_a_layer_of_one_file_is_kept_as_that_file_and_given_back(store: ContentStore, case: str, step: int) -> None:
    data = ONE_FILE[case]
    blob = bring(store, data, step)
    with tarfile.open(fileobj=io.BytesIO(data)) as reading:
        member = next(info for info in reading if info.isreg())
    assert blob.head
    assert blob.name == member.name
    assert blob.path.read_bytes() == FILE[: member.size]
    assert blob.path.stat().st_mode & 0o777 == 0o444


OTHER = {
    "empty": b"",
    "text": b"{}",
    "random": FILE,
    "zeros": bytes(5000),
    "two files": archive(["models/a", "models/b"]),
    "a directory after the file": archive(["models/a", "models/"]),
    "two archives": archive(["models/a"]) * 2,
    "a tail that is not zeros": archive(["models/a"])[:-1] + b"x",
    "a very long tail": archive(["models/a"]) + bytes(100_000),
    "a file shorter than its header says": build("m", 10**9).raw + FILE,
    "a header and no file": build("m", 10**9).raw,
    "half a header": build("m", 5).raw[:300],
    "only directories": archive(["a/", "b/"]),
    "only a long name": archive(["x" * 300])[:1024],
    "gzip": b"\x1f\x8b" + FILE,
}


@pytest.mark.parametrize("step", [511, 1 << 20])
@pytest.mark.parametrize("case", OTHER)
def test_anything_else_is_kept_as_it_came(store: ContentStore, case: str, step: int) -> None:
    blob = bring(store, OTHER[case], step)
    assert blob.head == b""
    assert blob.path.read_bytes() == OTHER[case]
    assert not (store.root / "files").exists()


@pytest.mark.parametrize("split", [0, 100, 512, 600, 50_000, len(FILE) + 512, len(FILE) + 700])
@pytest.mark.parametrize("case", ["gnu", "random", "two files", "half a header"])
def test_the_algorithm_may_be_said_late(store: ContentStore, case: str, split: int) -> None:
    data = {**ONE_FILE, **OTHER}[case]
    digest = Digest.of(data, "sha512")
    with store.writer() as writer:
        writer.write(data[:split])
        writer.require(digest)
        writer.write(data[split:])
        assert writer.commit() == digest
    assert store.read(digest) == data


ENTRY = st.tuples(
    st.sampled_from(["file", "directory", "link"]), st.integers(1, 200), st.sampled_from([0, 1, 511, 512, 513, 3000])
)


@settings(max_examples=80, deadline=None)
@given(
    entries=st.lists(ENTRY, max_size=3),
    tar_format=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    cut=st.integers(0, 12_000),
    after=st.sampled_from([b"", bytes(700), b"x", bytes(600) + b"x"]),
    steps=st.lists(st.integers(1, 4000), min_size=1, max_size=5),
)
def test_whatever_comes_in_whatever_pieces_is_given_back(
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[tuple[str, int, int]],
    tar_format: int,
    cut: int,
    after: bytes,
    steps: list[int],
) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format) as writing:
        for kind, length, size in entries:
            info = tarfile.TarInfo("n" * length)
            if kind == "file":
                info.size = size
            else:
                info.type = tarfile.DIRTYPE if kind == "directory" else tarfile.SYMTYPE
            writing.addfile(info, io.BytesIO(FILE[: info.size]))
    data = out.getvalue()[: cut or None] + after
    store = ContentStore(tmp_path_factory.mktemp("store"))
    with store.writer() as writer:
        start = turn = 0
        while start < len(data):
            step = steps[turn % len(steps)]
            writer.write(memoryview(data)[start : start + step])
            start, turn = start + step, turn + 1
        digest = writer.commit()
    blob = store.open(digest)
    assert digest == Digest.of(data)
    assert store.read(digest) == data
    assert b"".join(blob.chunks(100, 1000)) == data[100:1100]
    assert list(store.root.glob("staging/*")) == []


@pytest.mark.parametrize("case", ["gnu", "random", "two files"])
def test_wrong_content_leaves_nothing(store: ContentStore, case: str) -> None:
    data = {**ONE_FILE, **OTHER}[case]
    for expected, size in ((Digest.of(b"other"), None), (None, len(data) + 1)):
        with store.writer(expected, size) as writer:
            writer.write(data)
            with pytest.raises(ContentMismatch, match="promised"):
                writer.commit()
    with store.writer(None, len(data) - 1) as writer, pytest.raises(ContentMismatch, match="More bytes came"):
        writer.write(data)
    assert list(store) == []
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("case", ["gnu", "random", "two files"])
def test_an_abandoned_write_leaves_nothing(store: ContentStore, case: str) -> None:
    with store.writer() as writer:
        writer.write({**ONE_FILE, **OTHER}[case])
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_an_unknown_algorithm_is_refused(store: ContentStore) -> None:
    with pytest.raises(InvalidDigest), store.writer() as writer:
        writer.hash_with("crc32")


def test_a_known_size_is_reserved_beforehand(store: ContentStore, tmp_path: Path) -> None:
    if not hasattr(os, "posix_fallocate"):
        pytest.skip("this system cannot reserve space")
    head = build("m", 1_000_000)
    with store.writer(None, len(head.raw) + head.size + head.tail) as writer:
        writer.write(head.raw + b"x")
        (staged,) = store.root.glob("staging/*")
        assert staged.stat().st_size == 1_000_000
