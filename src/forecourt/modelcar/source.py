"""Finds the files of a model that is to be packed, and refuses what must not be in an image."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from forecourt.errors import InvalidInput, InvalidModel, NotFound, UnsafeContent, from_os_error
from forecourt.modelcar.model import SourceFile

_IGNORED = frozenset(
    {
        ".git", ".gitattributes", ".gitignore", ".gitmodules", ".hg", ".svn", ".cache", ".huggingface", "__pycache__",
        ".ipynb_checkpoints", ".DS_Store", "Thumbs.db", ".venv",
    }
)  # fmt: skip
"""What tools leave beside a model and is no part of it."""

_WHITEOUT = ".wh."
_HF_HINT = "This is a snapshot in a Hugging Face cache, which links to its blobs: pack it with --follow-links."
_LINK_HINT = "Replace it with the file itself, or pack with --follow-links if what it leads to belongs to the model."


def find(source: Path, *, follow_links: bool = False) -> list[SourceFile]:
    """Return the files of the directory `source`, or of the one file that it is, sorted by name.

    A link is packed as what it leads to; one that leaves the directory is `UnsafeContent`, unless `follow_links`.
    So are sockets, devices and pipes, and names that mean something in an image. Raises `NotFound` where nothing is
    there, and `InvalidModel` where the directory holds no file.
    """
    try:
        seen = source.stat()
        if stat.S_ISREG(seen.st_mode):
            return [_file(source.resolve(), source.name, seen)]
        if not stat.S_ISDIR(seen.st_mode):
            raise UnsafeContent(f"{source} is {_kind(seen)}, and no file or directory.")
        root = source.resolve()
        files = sorted(_walk(root, root, "", (root,), follow_links), key=lambda file: file.name)
    except FileNotFoundError as error:
        raise NotFound(f"{error.filename or source} does not exist.") from None
    except OSError as error:
        raise from_os_error(error, error.filename or source) or error from error
    if not files:
        raise InvalidModel(f"{source} holds no files.", hint="Give the directory that the model's files are in.")
    return files


def _walk(root: Path, directory: Path, prefix: str, above: tuple[Path, ...], follow: bool) -> Iterator[SourceFile]:
    with os.scandir(directory) as scanned:
        entries = list(scanned)
    for entry in entries:
        if entry.name in _IGNORED or entry.name.endswith(".pyc"):
            continue
        name = prefix + entry.name
        _check_name(name, entry.name)
        path = _target(Path(entry.path), name, root, follow) if entry.is_symlink() else Path(entry.path)
        seen = path.stat()
        if stat.S_ISDIR(seen.st_mode):
            if path in above:
                raise UnsafeContent(f"The link {name} leads to a directory that it is in.", hint="Remove it.")
            yield from _walk(root, path, f"{name}/", (*above, path), follow)
        elif stat.S_ISREG(seen.st_mode):
            yield _file(path, name, seen)
        else:
            raise UnsafeContent(
                f"{name} is {_kind(seen)}; only files can be packed.", hint="Remove it, then try again."
            )


def _target(link: Path, name: str, root: Path, follow: bool) -> Path:
    """Return what a link leads to."""
    try:
        target = link.resolve(strict=True)
    except (FileNotFoundError, RuntimeError):
        raise InvalidInput(f"{name} is a link to {link.readlink()}, which does not exist.", hint="Remove it.") from None
    if not follow and not target.is_relative_to(root):
        in_cache = target.parent.name == "blobs" and "snapshots" in root.parts
        raise UnsafeContent(
            f"{name} is a link that leaves the directory: it leads to {target}.",
            hint=_HF_HINT if in_cache else _LINK_HINT,
        )
    return target


def _check_name(name: str, last: str) -> None:
    """Refuse a name that cannot be in an image, or that means something else there."""
    if last.startswith(_WHITEOUT):
        raise UnsafeContent(f"{name!r} would mean in an image that another file is deleted.", hint="Rename it.")
    if not all(letter.isprintable() for letter in last) or "\\" in last:
        raise InvalidInput(f"The name {name!r} cannot be in an image.", hint="Use printable characters and no \\.")


def _file(path: Path, name: str, seen: os.stat_result) -> SourceFile:
    _check_name(name, name.rpartition("/")[2])
    return SourceFile(path, name, seen.st_size, bool(seen.st_mode & 0o100))


def _kind(seen: os.stat_result) -> str:
    kinds = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(seen.st_mode), "something else")
