"""What is known of a model that is elsewhere: its files, and what its place can be asked; values, and one protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from forecourt.errors import ForecourtError, UnsafeContent
from forecourt.oci import Digest
from forecourt.oci.client.connection import Response


class Changed(Exception):
    """A file is no longer the one that was listed; whoever began starts again."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a model that is elsewhere.

    `name` is its POSIX path in the model; `size` its bytes, None where they are not known beforehand. `identity` is
    another one when the bytes are (an ETag, a digest), and empty where that cannot be told. `conditions` are request
    headers under which its place gives no other bytes than those listed; `ranges` says whether it gives parts. `last`
    is what every answer's ETag or Last-Modified has to be, where the place is not known to heed conditions.
    """

    name: str
    size: int | None
    identity: str
    place: str = ""
    """What its source calls it: a key, a path, a URL."""
    sha256: str = ""
    git_sha1: str = ""
    """Of a blob, as git names it: of a header and the bytes."""
    md5: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict, hash=False)
    validator: tuple[str, str] = ("", "")
    """A response header and what it has to say: the ETag, the Last-Modified."""
    ranges: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source has at one moment. `revision` is its name for that, where it has one; `left_out` are files that
    are there and are not wanted.
    """  # noqa: D205

    files: tuple[RemoteFile, ...]
    revision: str = ""
    left_out: tuple[str, ...] = ()
    archive: bool = False
    """Whether the one file is an archive that is to be unpacked."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a model that is in the content store, and which layer it is of.

    `sha256` is its own bytes', where that had to be known.
    """

    name: str
    layer: Digest
    sha256: str = ""


class Source(Protocol):
    """A place that has a model: one URI's, with the credentials for it."""

    @property
    def key(self) -> str:
        """What it is remembered by on this machine; holds no secret."""
        ...

    @property
    def title(self) -> str:
        """What a person calls it."""
        ...

    def list(self) -> Listing:
        """Return the files that are wanted, sorted by name; raises `NotFound`, `Denied`, `Unavailable`."""
        ...

    def get(self, file: RemoteFile, headers: Mapping[str, str]) -> Response:
        """Ask for a file's bytes, whatever the answer's status; raises `Lost` and `Unavailable`."""
        ...

    def refused(self, response: Response, file: RemoteFile) -> ForecourtError:
        """Return what an answer that is an error means to a person."""
        ...


def check_names(names: list[str]) -> None:
    """Raise `UnsafeContent` where a file's name would lead out of its directory, or two cannot be beside each other."""
    files = set(names)
    for name in names:
        path = PurePosixPath(name)
        whole = not path.is_absolute() and ".." not in path.parts and str(path) == name and name != "."
        if not whole or "\\" in name or not name.isprintable():
            raise UnsafeContent(
                f"The source has a file {name!r}, which could be written anywhere or nowhere.",
                hint="Rename it there, or leave it out with a pattern.",
            )
        if clash := next((str(parent) for parent in path.parents if str(parent) in files), ""):
            raise UnsafeContent(
                f"The source has {clash!r} as a file and as a directory.", hint="Leave one of them out with a pattern."
            )
    if len(files) != len(names):
        raise UnsafeContent("The source has two files of one name.")
