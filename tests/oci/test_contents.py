"""Files of the store are found by their own sha256, and one that was placed from it is known again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from forecourt.oci import ContentStore, Digest, contents
from forecourt.oci.layer import build

DATA = b"weights" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


def layer_of(name: str, data: bytes = DATA) -> Digest:
    head = build(name, len(data))
    return Digest.of(head.raw + data + bytes(head.tail))


def taken(store: ContentStore, tmp_path: Path, name: str = "models/a") -> Digest:
    staged = store.root / "partial" / "x"
    staged.parent.mkdir(parents=True, exist_ok=True)
    staged.write_bytes(DATA)
    blob = store.take_file(staged, name, layer_of(name))
    assert not staged.exists()
    return blob.digest


def test_a_file_whose_digest_is_known_is_taken_as_it_is(store: ContentStore, tmp_path: Path) -> None:
    digest = taken(store, tmp_path)
    assert digest == layer_of("models/a")
    blob = store.open(digest)
    assert (blob.path.read_bytes(), blob.path.stat().st_mode & 0o777) == (DATA, 0o444)
    assert Digest.of(b"".join(blob.chunks())) == digest


def test_the_same_file_under_another_name_is_one_file(store: ContentStore, tmp_path: Path) -> None:
    one, other = taken(store, tmp_path), taken(store, tmp_path, "models/b")
    assert store.open(one).path.samefile(store.open(other).path)
    assert {blob.digest for blob in store.of_size(len(DATA))} == {one, other}


def test_a_file_is_found_by_its_own_hash(store: ContentStore, tmp_path: Path) -> None:
    assert contents.find(store, SHA256, len(DATA)) is None
    digest = taken(store, tmp_path)
    assert contents.find(store, "0" * 64, len(DATA)) is None
    found = contents.find(store, SHA256, len(DATA))
    assert found is not None and found.digest == digest
    assert (store.root / "contents" / SHA256).read_text() == digest, "it is not hashed again"


def test_what_is_forgotten_is_not_found(store: ContentStore, tmp_path: Path) -> None:
    digest = taken(store, tmp_path)
    contents.remember(store, SHA256, digest)
    store.delete(digest)
    assert contents.find(store, SHA256, len(DATA)) is None
    (store.root / "contents" / SHA256).write_text("no digest")
    assert contents.find(store, SHA256, len(DATA)) is None


def test_a_program_is_not_found_as_a_file(store: ContentStore, tmp_path: Path) -> None:
    path = tmp_path / "run.sh"
    path.write_bytes(DATA)
    store.add_file(path, "models/run.sh", executable=True)
    assert contents.find(store, SHA256, len(DATA)) is None


def test_a_file_that_was_placed_from_the_store_is_packed_without_reading_it(
    store: ContentStore, tmp_path: Path
) -> None:
    digest = taken(store, tmp_path)
    store.place(digest, tmp_path / "laid" / "a")
    read: list[int] = []
    assert store.add_file(tmp_path / "laid" / "a", "models/a", progress=read.append).digest == digest
    assert read == [len(DATA)], "told at once, not as it is read"
    assert not (store.root / "sources").exists()
    assert store.add_file(tmp_path / "laid" / "a", "models/other").digest == layer_of("models/other")
