"""Files from a source into the content store: in parallel, resumed after a cut, checked, and none of them half.

A large file comes in segments over several connections where some are free; each connection that breaks or falls silent
is made again and goes on where it was. Every request says which version of the file is meant, and every answer is held
against it, so bytes of two versions never come together.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from forecourt.errors import ContentMismatch, Unavailable, from_os_error
from forecourt.modelcar import DIRECTORY
from forecourt.oci import ContentStore, contents
from forecourt.oci.client.connection import Response
from forecourt.oci.client.request import Lost
from forecourt.storage.hashing import Hashing
from forecourt.storage.lines import Lines
from forecourt.storage.model import Changed, RemoteFile, Source, StoredFile
from forecourt.storage.partial import Partial, Span
from forecourt.storage.web import AGAIN, Web

CONNECTIONS = 4
SEGMENT = 64 * 1024 * 1024
"""The bytes of one request for a part of a file."""

_BUFFER = 1024 * 1024
_STEP = 8 * 1024 * 1024  # between two words about what is there, or so long, in seconds
_TOLD_SECONDS = 1.0
_ENOUGH = 4 * 1024 * 1024  # after so many bytes a connection that breaks is a new misfortune, not the same one

Advance = Callable[[int], None]
"""Told how many more bytes are there; negative where some have to come again."""


class _NoParts(Exception):
    """The server gives no parts of files, whatever it said."""


@dataclass(slots=True)
class Downloads:
    """Fetches the files of one source, all in one call of `fetch` or of `fetch_aside`."""

    source: Source
    store: ContentStore
    web: Web
    advance: Advance
    came: Callable[[RemoteFile, StoredFile], None]
    """Told of each file that is in the store."""
    _encrypted: set[str] = field(default_factory=set)
    """Files whose ETag is no hash of their bytes, as their store says with them."""
    _lines: Lines = field(default_factory=lambda: Lines(CONNECTIONS))

    def fetch(self, files: Sequence[RemoteFile]) -> list[StoredFile]:
        """Bring the files into the store; raises what the first of them that fails raises, and `Changed`."""
        return self._lines.each(self._bring, files)

    def fetch_aside(self, file: RemoteFile) -> Partial:
        """Bring one file that is not to be kept as it is, an archive; the caller has to discard it."""
        return self._lines.each(lambda one: self._whole(one)[0], [file])[0]

    # Inside

    def _bring(self, file: RemoteFile) -> StoredFile:
        partial, found = self._whole(file)
        try:
            self.store.take_file(partial.finish(), f"{DIRECTORY}/{file.name}", found.layer)
            if found.sha256:
                contents.remember(self.store, found.sha256, found.layer)
        finally:
            partial.discard()
        self.came(file, found)
        return found

    def _whole(self, file: RemoteFile) -> tuple[Partial, StoredFile]:
        """Download a file, and again from its beginning where what an earlier process left of it was wrong."""
        if file.size is None:
            file = replace(file, ranges=False)
        try:
            identity = file.identity if file.ranges else ""
            partial = Partial(self.store, partial_key(self.source, file), identity, file.size)
        except OSError as error:
            raise from_os_error(error, self.store.root) or error from error
        again = partial.resumed
        try:
            self.advance(partial.present)
            while True:
                try:
                    return partial, self._download(file, partial)
                except ContentMismatch:
                    if not again:
                        raise
                    again = False
                except _NoParts:
                    file = replace(file, ranges=False)
                self._restart(partial)
        except (ContentMismatch, Changed):
            self.advance(-partial.present)
            partial.discard()
            raise
        except BaseException:
            partial.close()
            raise

    def _restart(self, partial: Partial) -> None:
        self.advance(-partial.present)
        partial.restart()

    def _download(self, file: RemoteFile, partial: Partial) -> StoredFile:
        if file.ranges:
            with Hashing(file, partial) as hashing:
                self._lines.share(lambda span: self._segment(file, partial, *span), _segments(partial))
            return hashing.result(by_md5=file.name not in self._encrypted)
        attempt = 1
        while True:
            self._restart(partial)
            try:
                with Hashing(file, partial) as hashing:
                    self._stream(file, partial)
                return hashing.result(by_md5=file.name not in self._encrypted)
            except Lost as error:
                if attempt >= self.web.patience.attempts:
                    raise Unavailable(
                        error.message, hint="Try again; its server gives no parts of files, so it begins anew."
                    ) from error
                self.web.rest(attempt)
                attempt += 1

    def _segment(self, file: RemoteFile, partial: Partial, start: int, end: int) -> None:
        """Fetch a part of a file, going on after each cut."""
        position, attempt, broke_at = start, 0, start
        buffer = bytearray(min(_BUFFER, end - start))
        while position < end:
            before, refused, told = position, None, time.monotonic()
            try:
                headers = {"Range": f"bytes={position}-{end - 1}", **file.conditions}
                with self.source.get(file, headers) as response:
                    if response.status in AGAIN:
                        refused = response
                        raise Lost(self.source.refused(response, file).message)
                    self._check_part(response, file, position, end)
                    try:
                        for chunk in response.chunks(buffer):
                            partial.write(position, chunk)
                            position += len(chunk)
                            self.advance(len(chunk))
                            if position - before >= _STEP or time.monotonic() - told >= _TOLD_SECONDS:
                                partial.wrote(before, position)
                                before, told = position, time.monotonic()
                    finally:
                        if position > before:
                            partial.wrote(before, position)
                if position < end:
                    raise Lost(f"{self.source.title} ended {file.name} early.")
            except Lost as error:
                attempt = 1 if position - broke_at >= _ENOUGH else attempt + 1
                broke_at = position
                if attempt >= self.web.patience.attempts:
                    raise Unavailable(error.message, hint="Try again: what came until now is kept.") from error
                self.web.rest(attempt, refused)

    def _stream(self, file: RemoteFile, partial: Partial) -> None:
        """Fetch a whole file in one answer; raises `Lost` where that breaks off."""
        with self.source.get(file, dict(file.conditions)) as response:
            if response.status in AGAIN:
                raise Lost(self.source.refused(response, file).message)
            if response.status == 412:
                raise Changed
            if response.status != 200:
                raise self.source.refused(response, file)
            self._check_version(response, file)
            length, position = response.length, 0
            if None not in (length, file.size) and length != file.size:
                raise Changed
            for chunk in response.chunks(bytearray(_BUFFER)):
                partial.write(position, chunk)
                partial.wrote(position, position + len(chunk))
                position += len(chunk)
                self.advance(len(chunk))
        wanted = file.size if file.size is not None else length
        if wanted is not None and position != wanted:
            raise Lost(f"{self.source.title} ended {file.name} early.")
        partial.ends_at(position)

    def _check_part(self, response: Response, file: RemoteFile, start: int, end: int) -> None:
        """See that an answer has the bytes that were asked for, of the version that is meant."""
        match response.status:
            case 412 | 416:  # another version; it has become shorter
                raise Changed
            case 200 if (start, end) != (0, file.size):
                raise _NoParts
            case 200:
                pass
            case 206:
                said = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.header("Content-Range").strip())
                if said and said[3] not in ("*", str(file.size)):
                    raise Changed
                if not said or (int(said[1]), int(said[2])) != (start, end - 1):
                    raise Unavailable(f"{self.source.title} sent another part of {file.name} than was asked for.")
            case _:
                raise self.source.refused(response, file)
        self._check_version(response, file)
        if response.length is not None and response.length != end - start:
            raise Changed

    def _check_version(self, response: Response, file: RemoteFile) -> None:
        header, wanted = file.validator
        if header and (found := response.header(header)) and found != wanted:
            raise Changed
        kind = response.header("X-Amz-Server-Side-Encryption")
        if kind.startswith("aws:") or response.header("X-Amz-Server-Side-Encryption-Customer-Algorithm"):
            self._encrypted.add(file.name)


def partial_key(source: Source, file: RemoteFile) -> str:
    """Return what a file that is on its way is called."""
    return hashlib.sha256(f"{source.key}\0{file.place or file.name}".encode("utf-8", "surrogateescape")).hexdigest()


def _segments(partial: Partial) -> list[Span]:
    return [(at, min(at + SEGMENT, end)) for start, end in partial.missing() for at in range(start, end, SEGMENT)]
