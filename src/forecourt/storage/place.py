"""Where models go on this machine, what they come through, and what is known of one that is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from forecourt.oci import ClientFactory, ContentStore, Patience, Repositories
from forecourt.storage.credentials import Credentials
from forecourt.storage.selection import Patterns
from forecourt.storage.web import PATIENCE


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model that is on this machine, in the directory `path`.

    `digest` is its image's; empty for files that have none. `source` is the URI of this version of it, where it came
    from elsewhere (``hf://owner/model@commit``), and `revision` what its place calls the version: a commit, an ETag, or
    the hash of several. `moved` are the bytes that had to come, `left_out` the files that are there and are not wanted.
    """

    path: Path
    digest: str = ""
    source: str = field(default="", compare=False)
    revision: str = field(default="", compare=False)
    moved: int = field(default=0, compare=False)
    left_out: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where models go, and what they come through: `models` has a directory for each.

    `volumes` has a directory for each persistent volume claim.
    """

    models: Path
    store: ContentStore
    images: Repositories
    client_for: ClientFactory
    volumes: Path | None = None
    credentials: Credentials = field(default_factory=Credentials)
    patterns: Patterns = field(default_factory=Patterns)
    patience: Patience = PATIENCE
