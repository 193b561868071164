from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.oci.layer import MAX_HEAD, HeadReader, build


def read(data: bytes) -> HeadReader:
    reader = HeadReader()
    reader.feed(data)
    return reader


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 100_000])
def test_a_built_layer_is_the_tar_that_others_read(size: int) -> None:
    content = b"x" * size
    head = build("models/model.gguf", size, executable=True)
    layer = head.raw + content + bytes(head.tail)
    assert len(layer) % 512 == 0
    with tarfile.open(fileobj=io.BytesIO(layer), errorlevel=2) as archive:
        (member,) = archive.getmembers()
        assert (member.name, member.size, member.mode, member.mtime) == ("models/model.gguf", size, 0o755, 0)
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        reading = archive.extractfile(member)
        assert reading and reading.read() == content
    assert read(layer).head == head


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("models/" + "long/" * 60 + "model.gguf", 7),
        ("models/модель-型-🚗.gguf", 7),
        ("models/huge.gguf", 9 * 1024**3),  # more than a ustar header can say
        ("models/vast.gguf", 2**62),
    ],
)
def test_long_names_and_sizes_survive(name: str, size: int) -> None:
    head = build(name, size)
    assert (head.name, head.size) == (name, size)
    assert read(head.raw).head == head


def test_the_same_arguments_give_the_same_head() -> None:
    assert build("models/a", 5) == build("models/a", 5)
    assert build("models/a", 5).mode == 0o444
    assert build("models/a", 5, executable=True).mode == 0o555


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000), st.lists(st.tuples(st.integers(0, 1535), st.integers(0, 255)), max_size=6))
def test_damaged_heads_are_read_or_left_alone(data: bytes, damage: list[tuple[int, int]]) -> None:
    info = tarfile.TarInfo("models/" + "x" * 120)
    info.size = 10
    info.pax_headers = {"comment": "y"}
    raw = bytearray(info.tobuf(tarfile.PAX_FORMAT) + data)
    for place, byte in damage:
        raw[place] = byte
    head = read(raw).head
    assert head is None or (raw.startswith(head.raw) and head.size >= 0)


@pytest.mark.parametrize(
    "pax",
    [
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "10", "GNU.sparse.name": "x"},
        {"GNU.sparse.size": "10", "GNU.sparse.map": "0,1,x"},
        {"size": "-5"},
        {"size": "many"},
    ],
)
def test_a_sparse_or_senseless_entry_is_no_layer_of_one_file(pax: dict[str, str]) -> None:
    info = tarfile.TarInfo("x")
    info.pax_headers = pax
    head = read(info.tobuf(tarfile.PAX_FORMAT) + bytes(2048)).head
    assert head is None or head.size == 0


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, b"S", b"Z"])
def test_what_is_no_regular_file_is_left_alone(kind: bytes) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.linkname = kind, "/etc/passwd"
    assert read(info.tobuf()).head is None


def test_an_endless_head_is_given_up() -> None:
    directory = tarfile.TarInfo("x")
    directory.type = tarfile.DIRTYPE
    reader = HeadReader()
    assert reader.feed(directory.tobuf() * 1000)
    assert reader.head is None
    assert len(reader.buffer) <= MAX_HEAD + 512
