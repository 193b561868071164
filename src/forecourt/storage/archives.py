"""Archives, unpacked into the content store: zip, tar and gzipped tar, which anybody may have made.

Refused are names that are absolute or lead out by ``..``, links to what is not in the archive, devices, pipes, and
archives that unpack to far more than they are. Files go into the store one by one, hashed as they pass; nothing is
written under a name that the archive says.
"""

from __future__ import annotations

import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from forecourt.errors import InvalidModel, StorageFull, UnsafeContent
from forecourt.modelcar import DIRECTORY
from forecourt.oci import ContentStore
from forecourt.oci.layer import build
from forecourt.storage.model import StoredFile, check_names

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
"""What is an archive, by its name: the bytes do not tell, since weights (``.pt``, ``.keras``) may be zip files."""

MOST_FILES = 100_000
RATIO = 100
ALWAYS = 1024 * 1024 * 1024
"""So many bytes may come out of any archive; out of a larger one `RATIO` times its own."""

_CHUNK = 1024 * 1024
_JUNK = frozenset({".DS_Store", "Thumbs.db"})
_REFUSED = "Nothing was kept of it. Do not use this archive, or make it anew."

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in an archive: its name, its bytes, and what it is a link to, where it is one."""

    name: str
    size: int
    executable: bool = False
    link: str = ""
    entry: object = None


def is_archive(name: str) -> bool:
    """Say whether a file is unpacked, by its name."""
    return name.lower().endswith(SUFFIXES)


def unpack(path: Path, name: str, store: ContentStore, advance: Advance) -> list[StoredFile]:
    """Bring the files of the archive at `path`, called `name`, into the store; `advance` is told the bytes.

    Raises `UnsafeContent`, `InvalidModel` where it is damaged, and `StorageFull`.
    """
    limit = max(ALWAYS, RATIO * path.stat().st_size)
    found: dict[str, StoredFile] = {}
    links: dict[str, str] = {}
    total = 0
    with _damaged(name):
        opened = _open_zip(path) if name.lower().endswith(".zip") else _open_tar(path)
        for member, read in opened:
            total += member.size
            if _is_junk(member.name) and total <= limit:
                continue
            if len(found) + len(links) >= MOST_FILES:
                raise UnsafeContent(f"{name} has more than {MOST_FILES} files.", hint=_REFUSED)
            if member.link:
                links[member.name] = member.link
                continue
            check_names([member.name])
            if total > limit:
                raise UnsafeContent(
                    f"{name} unpacks to more than {limit:,} bytes, far more than it has itself.", hint=_REFUSED
                )
            free = shutil.disk_usage(path).free
            if member.size > free:
                raise StorageFull(
                    f"{member.name} needs {member.size:,} bytes, and {free:,} are free on the disk of {store.root}.",
                    hint="Free some space, or set FORECOURT_HOME to a larger disk.",
                )
            if read:
                found[member.name] = _keep(member, read(), store, advance)
    for link, target in links.items():
        found[link] = _linked(name, link, target, found, links)
    check_names(list(found))
    if not found:
        raise InvalidModel(f"{name} has no files.", hint="Make the archive of the model's directory.")
    return sorted(found.values(), key=lambda file: file.name)


def _keep(member: _Member, data: IO[bytes], store: ContentStore, advance: Advance) -> StoredFile:
    head = build(f"{DIRECTORY}/{member.name}", member.size, executable=member.executable)
    with data, store.writer() as writer:
        writer.write(head.raw)
        left = member.size
        while left and (chunk := data.read(min(_CHUNK, left))):
            writer.write(chunk)
            left -= len(chunk)
            advance(len(chunk))
        if left or data.read(1):
            raise InvalidModel(f"{member.name} has another size than the archive says.")
        writer.write(bytes(head.tail))
        layer = writer.commit()
    return StoredFile(member.name, layer)


def _linked(archive: str, link: str, target: str, found: dict[str, StoredFile], links: dict[str, str]) -> StoredFile:
    """Return the file that a link of the archive leads to, under the link's name."""
    check_names([link])
    at = target
    for _ in range(len(links) + 1):
        if file := found.get(at):
            return replace(file, name=link)
        if at not in links:
            break
        at = links[at]
    raise UnsafeContent(f"{archive} has a link {link!r} to {target!r}, which is no file in it.", hint=_REFUSED)


def _open_tar(path: Path) -> Iterator[tuple[_Member, Callable[[], IO[bytes]] | None]]:
    with tarfile.open(path, "r|*") as archive:
        for entry in archive:
            name = _plain(entry.name)
            if entry.isdir():
                continue
            if entry.issym():
                yield (
                    _Member(name, 0, link=_target(name, entry.linkname)),
                    None,
                )
            elif entry.islnk():
                yield _Member(name, 0, link=_plain(entry.linkname)), None
            elif not entry.isreg() or entry.issparse():
                raise UnsafeContent(f"The archive has a device, a pipe or a sparse file at {name!r}.", hint=_REFUSED)
            else:

                def read(entry: tarfile.TarInfo = entry) -> IO[bytes]:
                    opened = archive.extractfile(entry)
                    assert opened
                    return opened

                yield _Member(name, entry.size, bool(entry.mode & 0o100)), read


def _open_zip(path: Path) -> Iterator[tuple[_Member, Callable[[], IO[bytes]] | None]]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name, mode = _plain(entry.filename), entry.external_attr >> 16
            if entry.is_dir():
                continue
            if entry.flag_bits & 1:
                raise InvalidModel(f"{name} in the archive is encrypted.", hint="Make the archive without a password.")
            if stat.S_ISLNK(mode):
                if entry.file_size > 4096:
                    raise UnsafeContent(f"The archive has a link at {name!r} that is none.", hint=_REFUSED)
                target = archive.read(entry).decode("utf-8", "replace")
                yield _Member(name, 0, link=_target(name, target)), None
            elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise UnsafeContent(f"The archive has a device or a pipe at {name!r}.", hint=_REFUSED)
            else:

                def read(entry: zipfile.ZipInfo = entry) -> IO[bytes]:
                    return archive.open(entry)

                yield _Member(name, entry.file_size, bool(mode & 0o100)), read


def _plain(name: str) -> str:
    """Return a name without the ``./`` that tar writes; what leads out of its directory stays, to be refused."""
    while name.startswith("./"):
        name = name[2:]
    return name


def _target(name: str, link: str) -> str:
    """Return what a link means, from where it lies."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), link))


def _is_junk(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name in _JUNK or path.name.startswith("._") or "__MACOSX" in path.parts


@contextmanager
def _damaged(name: str) -> Iterator[None]:
    """Say that an archive is none, or a damaged one."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OverflowError) as error:
        raise InvalidModel(
            f"{name} is no sound archive: {error}.", hint="Make it anew, or download it again."
        ) from None
    except OSError as error:
        if error.errno is None:  # gzip.BadGzipFile, and what tarfile makes of a short read
            raise InvalidModel(f"{name} is no sound archive: {error}.", hint="Make it anew.") from None
        raise
