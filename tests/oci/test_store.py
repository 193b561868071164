from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from forecourt.errors import ContentMismatch, InvalidInput, NotFound
from forecourt.oci import ContentStore, Digest, FileRange
from forecourt.oci.layer import build

CONTENT = os.urandom(50_000)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT)
    return path


def test_a_blob_is_kept_and_given_back(store: ContentStore) -> None:
    digest = store.add(b"content")
    assert digest == Digest.of(b"content") == store.add(b"content")
    assert store.has(digest)
    assert store.read(digest) == b"content"
    assert list(store) == [digest]
    assert ContentStore(store.root).read(digest) == b"content"


def test_what_is_not_here_is_not_found(store: ContentStore) -> None:
    digest = Digest.of(b"absent")
    assert not store.has(digest)
    assert list(store) == []
    assert store.delete(digest) == 0
    with pytest.raises(NotFound):
        store.open(digest)


def test_a_file_becomes_a_layer_without_being_copied(store: ContentStore, model: Path) -> None:
    blob = store.add_file(model, "models/model.gguf")
    layer = store.read(blob.digest)
    assert blob.size == len(layer)
    with tarfile.open(fileobj=BytesIO(layer)) as archive:
        assert archive.getnames() == ["models/model.gguf"]
        reading = archive.extractfile("models/model.gguf")
        assert reading and reading.read() == CONTENT
    assert list(blob.segments())[1] == FileRange(blob.path, 0, len(CONTENT))
    shared = blob.path.samefile(model)  # where the file system cannot reflink
    assert not shared or model.stat().st_mode & 0o222 == 0


def test_the_same_file_gives_the_same_layer_anywhere(store: ContentStore, tmp_path: Path, model: Path) -> None:
    other = ContentStore(tmp_path / "another")
    copy = tmp_path / "copy"
    copy.write_bytes(CONTENT)
    os.utime(copy, (1, 1))
    assert store.add_file(model, "models/x").digest == other.add_file(copy, "models/x").digest
    assert store.add_file(model, "models/x").digest != store.add_file(model, "models/y").digest
    assert store.add_file(model, "models/x").digest != store.add_file(model, "models/x", executable=True).digest


def test_a_file_that_has_not_changed_is_not_read_again(store: ContentStore, model: Path) -> None:
    digest = store.add_file(model, "models/x", copy=True).digest
    seen = model.stat()
    with model.open("r+b") as file:  # an edit that hides: same size, same time
        file.write(b"changed")
    os.utime(model, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    done: list[int] = []
    assert store.add_file(model, "models/x", copy=True, progress=done.append).digest == digest
    assert sum(done) == len(CONTENT)
    os.utime(model)
    assert store.add_file(model, "models/x", copy=True).digest != digest


def test_a_remembered_file_whose_layer_is_gone_is_read_again(store: ContentStore, model: Path) -> None:
    blob = store.add_file(model, "models/x", copy=True)
    store.delete(blob.digest)
    assert store.add_file(model, "models/x", copy=True).digest == blob.digest
    assert store.has(blob.digest)


def test_a_copied_file_stays_the_persons_own(store: ContentStore, model: Path) -> None:
    blob = store.add_file(model, "models/x", copy=True)
    assert not blob.path.samefile(model)
    assert model.stat().st_mode & 0o200
    model.write_bytes(b"edited")
    assert Digest.of(store.read(blob.digest)) == blob.digest


def test_a_file_that_changes_while_it_is_read_is_refused(store: ContentStore, model: Path) -> None:
    def edit(_: int) -> None:
        with model.open("ab") as file:
            file.write(b"more")

    with pytest.raises(InvalidInput, match="changed while it was read"):
        store.add_file(model, "models/x", copy=True, progress=edit)
    assert list(store) == []


def test_a_file_that_is_not_there_is_not_found(store: ContentStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        store.add_file(tmp_path / "absent", "models/x")
    assert not list(store.root.glob("staging/*"))


def test_the_same_file_in_two_layers_is_one_file(store: ContentStore, tmp_path: Path, model: Path) -> None:
    first = store.add_file(model, "models/a", copy=True)
    second = store.add_file(model, "models/b", copy=True)
    head = build("models/c", len(CONTENT))
    with store.writer() as writer:
        writer.write(head.raw + CONTENT + bytes(head.tail))
        third = store.open(writer.commit())
    assert first.path.samefile(second.path) and first.path.samefile(third.path)
    assert len({store.read(blob.digest) for blob in (first, second, third)}) == 3
    assert store.delete(first.digest) == 0  # the others share its bytes
    assert store.delete(second.digest) == 0
    assert store.read(third.digest).startswith(head.raw)
    assert store.delete(third.digest) == len(CONTENT)


def test_files_of_one_size_and_other_bytes_stay_apart(store: ContentStore, model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    first, second = (store.add_file(path, "models/x", copy=True) for path in (model, other))
    assert not first.path.samefile(second.path)
    assert Digest.of(store.read(second.digest)) == second.digest


def edit(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.mark.parametrize("content", [b"short", CONTENT[::-1]], ids=["another size", "the same size"])
def test_an_edited_file_is_refused_and_forgotten(store: ContentStore, model: Path, content: bytes) -> None:
    blob = store.add_file(model, "models/x")
    edit(blob.path, content)
    with pytest.raises(ContentMismatch, match="was changed after it was stored"):
        store.open(blob.digest)
    assert not store.has(blob.digest)


def test_an_edited_small_blob_is_refused_and_forgotten(store: ContentStore) -> None:
    digest = store.add(b"config")
    edit(store.open(digest).path, b"forged")
    with pytest.raises(ContentMismatch):
        store.read(digest)
    assert not store.has(digest)


def test_a_file_that_was_only_touched_is_taken_back(store: ContentStore, model: Path) -> None:
    blob = store.add_file(model, "models/x")
    os.utime(blob.path)
    assert Digest.of(store.read(blob.digest)) == blob.digest
    assert store.has(blob.digest)


def test_content_that_comes_again_mends_what_was_edited(store: ContentStore, model: Path) -> None:
    blob = store.add_file(model, "models/x", copy=True)
    layer = store.read(blob.digest)
    edit(blob.path, CONTENT[::-1])
    with store.writer(blob.digest) as writer:
        writer.write(layer)
        writer.commit()
    assert store.read(blob.digest) == layer


def test_a_layer_whose_file_is_gone_is_not_found(store: ContentStore, model: Path) -> None:
    blob = store.add_file(model, "models/x")
    blob.path.unlink()
    with pytest.raises(NotFound, match="is gone from the content store"):
        store.open(blob.digest)
    assert not store.has(blob.digest)


def test_a_file_is_placed_by_a_link(store: ContentStore, model: Path, tmp_path: Path) -> None:
    blob = store.add_file(model, "models/x", executable=True)
    destination = tmp_path / "served" / "deep" / "model.gguf"
    for _ in range(2):  # what is there is replaced
        store.place(blob.digest, destination)
        assert destination.samefile(blob.path)
        assert destination.stat().st_mode & 0o777 == 0o555
        assert [path.name for path in destination.parent.iterdir()] == ["model.gguf"]
    with pytest.raises(InvalidInput, match="more than one file"):
        store.place(store.add(b"no tar"), tmp_path / "x")


def test_what_dead_processes_left_is_swept(store: ContentStore) -> None:
    program = """
import os, sys
from pathlib import Path
from forecourt.oci import ContentStore
writer = ContentStore(Path(sys.argv[1])).writer()
writer.write(os.urandom(100_000))
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program, str(store.root)], check=False)
    with store.writer() as mine:
        mine.write(os.urandom(100_000))
        assert len(list(store.root.glob("staging/*"))) == 2
        assert store.sweep() == 100_000
        mine.commit()
    assert len(list(store)) == 1


def test_threads_and_processes_that_bring_the_same_content_agree(store: ContentStore, model: Path) -> None:
    program = """
import sys
from pathlib import Path
from forecourt.oci import ContentStore
store = ContentStore(Path(sys.argv[1]))
for number in range(5):
    blob = store.add_file(Path(sys.argv[2]), f"models/{number}", copy=True)
    with store.writer(blob.digest) as writer:
        writer.write(store.read(blob.digest))
        writer.commit()
    store.add(b"config")
"""
    arguments = [sys.executable, "-c", program, str(store.root), str(model)]
    running = [subprocess.Popen(arguments) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        mine = list(pool.map(lambda number: store.add_file(model, f"models/{number % 5}", copy=True), range(20)))
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len({blob.digest for blob in mine}) == 5
    assert len(list(store)) == 6
    for digest in store:
        assert Digest.of(store.read(digest)) == digest
    assert not list(store.root.glob("staging/*"))


FULL = """
import os, resource, sys
from pathlib import Path
from forecourt.errors import StorageFull
from forecourt.oci import ContentStore, Digest
from forecourt.oci.layer import build
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
store, case = ContentStore(Path(sys.argv[1])), sys.argv[2]
head = build("m", 300_000)
data = {
    "raw": os.urandom(300_000),
    "layer": head.raw + os.urandom(300_000) + bytes(head.tail),
    "joined": build("m", 150_000).raw + os.urandom(150_000) + b"x" * 100_000,
}.get(case)
try:
    if data is None:
        model = Path(sys.argv[3])
        os.truncate(model, 100_000)
        store.add_file(model, "models/x", copy=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        store.add_file(model, "models/y", copy=True)
    with store.writer(None, len(data)) as writer:
        for start in range(0, len(data), 4096):
            writer.write(data[start : start + 4096])
        writer.commit()
except StorageFull as full:
    assert full.hint
    print("full")
"""


@pytest.mark.parametrize("case", ["raw", "layer", "joined", "file"])
def test_a_full_disk_is_said_and_leaves_nothing_half_done(store: ContentStore, model: Path, case: str) -> None:
    """A limit on a file's size stands in for the disk: the system refuses the write in the same way."""
    arguments = [sys.executable, "-c", FULL, str(store.root), case, str(model)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout == "full\n"
    assert len(list(store)) == (case == "file")
    assert not list(store.root.glob("staging/*"))
