"""Reads along behind a file that comes, in whatever order, so that its hashes are ready when its last byte is."""

from __future__ import annotations

import hashlib
import threading
from types import TracebackType
from typing import Self

from forecourt.errors import ContentMismatch
from forecourt.modelcar import DIRECTORY
from forecourt.oci import Digest
from forecourt.oci.digest import Hasher
from forecourt.oci.layer import build
from forecourt.storage.model import RemoteFile, StoredFile
from forecourt.storage.partial import Partial

_CHUNK = 1024 * 1024


class Hashing:
    """A thread that hashes a `Partial` from its beginning; use it in a ``with`` block around what writes."""

    def __init__(self, file: RemoteFile, partial: Partial) -> None:
        self._file = file
        self._partial = partial
        self._failed: BaseException | None = None
        self._hashers: dict[str, Hasher] = {}
        if file.sha256:
            self._hashers["sha256"] = hashlib.sha256()
        if file.size is not None:
            self._hashers["layer"] = hashlib.sha256(build(f"{DIRECTORY}/{file.name}", file.size).raw)
        if file.git_sha1:
            self._hashers["git"] = hashlib.sha1(b"blob %d\0" % (file.size or 0), usedforsecurity=False)
        if file.md5:
            self._hashers["md5"] = hashlib.md5(usedforsecurity=False)
        self._thread = threading.Thread(target=self._run, name="storage-hash", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind:
            self._partial.fail()
        self._thread.join()

    def result(self, *, by_md5: bool = True) -> StoredFile:
        """Return what the file's bytes hash to, once the block has ended; without `by_md5` that one is not looked at.

        Raises `ContentMismatch` where that is not what its source says.
        """
        if self._failed:
            raise self._failed
        file, size = self._file, self._partial.size
        assert size is not None
        for name, said in (("sha256", file.sha256), ("git", file.git_sha1), ("md5", file.md5 if by_md5 else "")):
            if said and (found := self._hashers[name].hexdigest()) != said:
                raise ContentMismatch(
                    f"{file.name} came with another content than its source says: {name} {found[:12]}…, "
                    f"and not {said[:12]}….",
                    hint="Try again. If it stays so, the file is damaged where it is kept.",
                )
        return StoredFile(file.name, self._layer(size), file.sha256)

    def _layer(self, size: int) -> Digest:
        head = build(f"{DIRECTORY}/{self._file.name}", size)
        hasher = self._hashers.get("layer")
        if hasher is None:  # the tar's header has the size, which was not known
            hasher = hashlib.sha256(head.raw)
            for at in range(0, size, _CHUNK):
                hasher.update(self._partial.read(at, min(_CHUNK, size - at)))
        hasher.update(bytes(head.tail))
        return Digest.finish(hasher)

    def _run(self) -> None:
        try:
            position = 0
            while (frontier := self._partial.wait_beyond(position)) >= 0:
                while position < frontier:
                    data = self._partial.read(position, min(_CHUNK, frontier - position))
                    if not data:
                        raise ContentMismatch(f"{self._file.name} became shorter while it was read.")
                    for hasher in self._hashers.values():
                        hasher.update(data)
                    position += len(data)
                if position == self._partial.size:
                    return
        except BaseException as error:  # told by `result`
            self._failed = error
