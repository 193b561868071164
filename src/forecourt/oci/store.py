"""The content store: every blob by its digest, every file once, safe for several processes.

Layout, below the store's directory::

    blobs/<algorithm>/<xx>/<hex>    a blob as it came: manifests, configs, layers of many files
    layers/<algorithm>/<xx>/<hex>   a layer of one file: its head, its tail and what its file looked like (JSON)
    files/<size>/<hex>              that file itself, read-only
    sources/<hex>                   which layer a file outside the store was packed as, by path, size, mtime and inode
    contents/<hex>                  which layer has the file whose own bytes have this sha256 (`oci.contents`)
    partial/<hex>                   what is being downloaded from elsewhere, and is gone on with (`storage.partial`)
    staging/<pid>-<random>          what is being written

A file comes to its place by a rename of something complete and synced, so it is never half there, and two processes
that bring the same content do each other no harm. One copy of every file: where a new layer's file has the size of one
that is there, they are compared, and the same bytes become one inode (this costs nothing where sizes differ or the
first bytes do, so no file is hashed a second time just to find its twin).

Files are hard-linked in and out (reflinked in where the file system can), so a model takes its own size once. They are
made read-only; where someone writes to one all the same, its time of modification gives it away, the file is hashed
again before it is used, and a wrong one is refused and forgotten.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from forecourt import durable
from forecourt.errors import ContentMismatch, InvalidInput, NotFound, from_os_error
from forecourt.oci.blob import CHUNK, Blob
from forecourt.oci.digest import Digest
from forecourt.oci.layer import Head, LayerRecord, build
from forecourt.oci.links import hardlink, reflink, same_bytes, unlink
from forecourt.oci.writer import BlobWriter

Advance = Callable[[int], None]
"""Told how many more bytes are done, each time some are."""


def _silent(_: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes of a blob's file. `own` are those that deleting it frees: none where its file has other names."""

    size: int
    own: int


class ContentStore:
    """Blobs and files by digest, below `root`, which is made when something is first written."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # Asking

    def has(self, digest: Digest) -> bool:
        """Say whether the blob is here."""
        return self._layer(digest).exists() or self._raw(digest).exists()

    def open(self, digest: Digest) -> Blob:
        """Return where the blob's bytes are.

        Raises `NotFound` where it is not here, and `ContentMismatch` where its file was changed behind the store's
        back (it is then forgotten, so that it can be fetched again).
        """
        try:
            record = LayerRecord.read(self._layer(digest))
        except FileNotFoundError:
            raw = self._raw(digest)
            try:
                return Blob(digest, raw, raw.stat().st_size)
            except FileNotFoundError:
                raise NotFound(f"The blob {digest} is not in the content store.") from None
        path = self._file(digest, record.size)
        blob = Blob(digest, path, record.size, record.head, record.tail, record.name)
        try:
            seen = path.stat()
        except FileNotFoundError:
            self.delete(digest)
            raise NotFound(f"The file of layer {digest} is gone from the content store.") from None
        if (seen.st_size, seen.st_mtime_ns) != (record.size, record.mtime_ns):
            self._recheck(blob, seen.st_size)
        return blob

    def read(self, digest: Digest) -> bytes:
        """Return a small blob's bytes: a manifest, a config. Raises what `open` does; the bytes are checked."""
        data = b"".join(self.open(digest).chunks())
        if Digest.of(data, digest.algorithm) != digest:
            self.delete(digest)
            raise ContentMismatch(f"The blob {digest} was changed after it was stored, and has been forgotten.")
        return data

    def added(self, digest: Digest) -> float:
        """Return when the blob came or was last touched, in seconds since the epoch; now, where it is not here."""
        for path in (self._layer(digest), self._raw(digest)):
            with contextlib.suppress(FileNotFoundError):
                return path.stat().st_mtime
        return time.time()

    def takes(self, digest: Digest) -> DiskUse:
        """Return what a blob takes on the disk; nothing where it is not here."""
        path = self._raw(digest)
        with contextlib.suppress(FileNotFoundError):
            path = self._file(digest, LayerRecord.read(self._layer(digest)).size)
        with contextlib.suppress(FileNotFoundError):
            seen = path.stat()
            return DiskUse(seen.st_size, seen.st_size if seen.st_nlink == 1 else 0)
        return DiskUse(0, 0)

    def touch(self, digest: Digest) -> bool:
        """Count the blob as added now, so that it is not pruned before it is used; say whether it is here."""
        for path in (self._layer(digest), self._raw(digest)):
            with contextlib.suppress(FileNotFoundError):
                os.utime(path)
                return True
        return False

    def __iter__(self) -> Iterator[Digest]:
        """Yield the digest of every blob that is here."""
        for kind in ("layers", "blobs"):
            for path in (self.root / kind).glob("*/*/*"):
                yield Digest(f"{path.parts[-3]}:{path.name}")

    # Bringing in

    def add(self, data: bytes, algorithm: str = "sha256") -> Digest:
        """Keep a small blob and return its digest."""
        digest = Digest.of(data, algorithm)
        if not self.touch(digest):
            with self.writer(digest, len(data)) as writer:
                writer.write(data)
                writer.commit()
        return digest

    def writer(self, expected: Digest | None = None, size: int | None = None) -> BlobWriter:
        """Take a blob as it arrives; `expected` and `size` (bytes) are checked where they are given."""
        return BlobWriter(self._stage(), self._keep, expected, size)

    def add_file(
        self, path: Path, name: str, *, executable: bool = False, copy: bool = False, progress: Advance = _silent
    ) -> Blob:
        """Make a layer of one file from `path`, called `name` in the layer, and return it.

        The file is read once, or not at all where it has not changed since it was last packed. It is reflinked into
        the store, or else hard-linked, which makes it read-only where it lies; with `copy`, or where it lies on
        another file system, it is copied. Raises `InvalidInput` where it changes meanwhile.
        """
        try:
            before = path.stat()
            head = build(name, before.st_size, executable=executable)
            source = self.root / "sources" / hashlib.sha256(f"{path.absolute()}\0".encode() + head.raw).hexdigest()
            if known := self._remembered(source, before) or self._linked(head, before):
                progress(before.st_size)
                return known
            blob = (None if copy else self._link_in(path, head, progress)) or self._copy_in(path, head, progress)
            after = path.stat()
        except OSError as error:
            raise from_os_error(error, path) or error from error
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            self.delete(blob.digest)
            raise InvalidInput(f"{path} changed while it was read.", hint="Pack it again when nothing writes to it.")
        with contextlib.suppress(OSError):  # a note for next time, which can be done without
            durable.write(
                source, json.dumps([before.st_size, before.st_mtime_ns, after.st_ino, blob.digest]), self._stage()
            )
        return blob

    def take_file(self, path: Path, name: str, digest: Digest, *, executable: bool = False) -> Blob:
        """Make a layer of one file from `path`, which is synced and on the store's file system, by moving it.

        `digest` is the layer's, which the caller has computed as the file's bytes passed (`forecourt.oci.layer`).
        """
        try:
            head = build(name, path.stat().st_size, executable=executable)
            self._keep(digest, path, head, head.tail)
        except OSError as error:
            raise from_os_error(error, path) or error from error
        return self.open(digest)

    def of_size(self, size: int) -> Iterator[Blob]:
        """Yield the layers whose one file has `size` bytes."""
        for path in sorted((self.root / "files" / str(size)).glob("*")):
            with contextlib.suppress(NotFound, ContentMismatch):
                yield self.open(_digest_of(path))

    # Handing out

    def place(self, digest: Digest, destination: Path) -> None:
        """Put the file of a layer of one file at `destination`, hard-linked, or copied to another file system.

        Raises `InvalidInput` where the layer is not of one file.
        """
        blob = self.open(digest)
        if not blob.head:
            raise InvalidInput(f"The layer {digest} holds more than one file.")
        destination.parent.mkdir(parents=True, exist_ok=True)
        aside = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}")
        try:
            try:
                os.link(blob.path, aside)
            except OSError:
                shutil.copy2(blob.path, aside)
                durable.sync(aside)
            aside.replace(destination)
        except OSError as error:
            raise from_os_error(error, destination) or error from error
        finally:
            aside.unlink(missing_ok=True)

    # Removing

    def delete(self, digest: Digest) -> int:
        """Forget a blob and return the bytes that this frees; 0 where it was not here or others share its file."""
        freed = 0
        with contextlib.suppress(FileNotFoundError):
            record = LayerRecord.read(self._layer(digest))
            self._layer(digest).unlink()
            freed += unlink(self._file(digest, record.size))
        return freed + unlink(self._raw(digest))

    def sweep(self) -> int:
        """Remove what processes that are gone left in staging; return the bytes freed."""
        freed = 0
        for path in (self.root / "staging").glob("*-*"):
            owner = path.name.partition("-")[0]
            if not owner.isdigit() or not psutil.pid_exists(int(owner)):
                freed += unlink(path)
        return freed

    # Inside

    def _raw(self, digest: Digest) -> Path:
        return self.root / "blobs" / digest.algorithm / digest.hex[:2] / digest.hex

    def _layer(self, digest: Digest) -> Path:
        return self.root / "layers" / digest.algorithm / digest.hex[:2] / digest.hex

    def _file(self, digest: Digest, size: int) -> Path:
        return self.root / "files" / str(size) / digest.hex

    def _stage(self) -> Path:
        return self.root / "staging" / f"{os.getpid()}-{secrets.token_hex(8)}"

    def _keep(self, digest: Digest, staged: Path, head: Head | None, tail: int) -> None:
        """Move a finished, synced file to its place; `BlobWriter` calls this once everything is known to be right."""
        with contextlib.suppress(NotFound, ContentMismatch):
            self.open(digest)
            self.touch(digest)
            staged.unlink()  # it is here already, and sound
            return
        if head is None:
            staged.chmod(0o444)
            durable.move(staged, self._raw(digest))
            return
        path = self._file(digest, head.size)
        if twin := self._twin(staged, path.parent, head.mode):
            second = self._stage()
            with contextlib.suppress(FileNotFoundError):  # another process has just deleted the twin
                second.hardlink_to(twin)
                second.replace(staged)
        staged.chmod(head.mode)
        durable.move(staged, path)
        record = LayerRecord(head.raw, head.name, head.size, tail, path.stat().st_mtime_ns)
        durable.write(self._layer(digest), record.to_json(), self._stage())

    def _twin(self, staged: Path, directory: Path, mode: int) -> Path | None:
        """Find a file in `directory` with this mode and the same bytes as `staged`, other than itself."""
        mine = staged.stat()
        for other in directory.glob("*"):
            with contextlib.suppress(FileNotFoundError):  # another process may be deleting it
                theirs = other.stat()
                if theirs.st_ino == mine.st_ino:
                    return None
                if stat.S_IMODE(theirs.st_mode) == mode and same_bytes(staged, other):
                    return other
        return None

    def _link_in(self, path: Path, head: Head, progress: Advance) -> Blob | None:
        """Hash `path` through a second name of it in the store; None where no such name can be made."""
        staged = self._stage()
        staged.parent.mkdir(parents=True, exist_ok=True)
        try:
            if not (reflink(path, staged) or hardlink(path, staged)):
                return None
            hasher = hashlib.sha256(head.raw)
            with staged.open("rb", buffering=0) as file:
                while chunk := file.read(CHUNK):
                    hasher.update(chunk)
                    progress(len(chunk))
                os.fsync(file.fileno())
            hasher.update(bytes(head.tail))
            digest = Digest.finish(hasher)
            if not self.has(digest):
                self._keep(digest, staged, head, head.tail)
        finally:
            staged.unlink(missing_ok=True)
        return self.open(digest)

    def _copy_in(self, path: Path, head: Head, progress: Advance) -> Blob:
        with path.open("rb", buffering=0) as file, self.writer() as writer:
            writer.write(head.raw)
            left = head.size
            while left and (chunk := file.read(min(CHUNK, left))):
                writer.write(chunk)
                progress(len(chunk))
                left -= len(chunk)
            writer.write(bytes(head.tail + left))
            return self.open(writer.commit())

    def _remembered(self, source: Path, seen: os.stat_result) -> Blob | None:
        try:
            size, mtime_ns, inode, digest = json.loads(source.read_text())
            if (size, mtime_ns, inode) == (seen.st_size, seen.st_mtime_ns, seen.st_ino):
                return self.open(Digest(digest))
        except (OSError, ValueError, NotFound, ContentMismatch):
            source.unlink(missing_ok=True)
        return None

    def _linked(self, head: Head, seen: os.stat_result) -> Blob | None:
        """Find the layer whose file this one is already, under the same name: it was placed from the store."""
        for path in (self.root / "files" / str(head.size)).glob("*"):
            with contextlib.suppress(FileNotFoundError, NotFound, ContentMismatch):
                if os.path.samestat(path.stat(), seen):
                    blob = self.open(_digest_of(path))
                    if blob.head == head.raw:
                        return blob
        return None

    def _recheck(self, blob: Blob, size_now: int) -> None:
        """Hash a file that was touched; take it back if its bytes are right, forget it if they are not."""
        hasher = blob.digest.hasher()
        if size_now == blob.file_size:
            for chunk in blob.chunks():
                hasher.update(chunk)
            if Digest.finish(hasher, blob.digest.algorithm) == blob.digest:
                mtime_ns = blob.path.stat().st_mtime_ns
                record = LayerRecord(blob.head, blob.name, blob.file_size, blob.tail, mtime_ns)
                durable.write(self._layer(blob.digest), record.to_json(), self._stage())
                return
        self.delete(blob.digest)
        raise ContentMismatch(
            f"{blob.name} (layer {blob.digest.short}) was changed after it was stored, and has been forgotten.",
            hint="Pack or pull it again; packed files are linked, not copied: replace them, do not edit them.",
        )


def _digest_of(path: Path) -> Digest:
    """Return the digest of the layer that a file of the store is of."""
    return Digest(f"{'sha256' if len(path.name) == 64 else 'sha512'}:{path.name}")
