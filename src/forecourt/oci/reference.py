"""References: ``registry/repository[:tag][@digest]``, the names of images.

The grammar is the distribution project's: https://github.com/distribution/reference/blob/v0.6.0/reference.go.
Unlike Docker we add nothing to a name: no ``docker.io``, no ``library/``. A registry is always said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from forecourt.errors import InvalidReference
from forecourt.oci.digest import Digest

_HOST = re.compile(
    r"(?:\[[0-9a-fA-F:]+\]|(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
    r"(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*)(?::[0-9]+)?"
)
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_HINT = "A reference looks like localhost:5000/demo/my-model:1.0 or quay.io/org/model@sha256:…"


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of an image: where it is, and which one.

    At least one of `tag` and `digest` is set; where both are, the digest decides, as in Docker and KServe.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference; an ``oci://`` before it is allowed, and a missing tag is ``latest``.

        Raises `InvalidReference` where the text is none.
        """
        name = text.removeprefix("oci://")
        name, _, digest_text = name.partition("@")
        registry, slash, rest = name.partition("/")
        if not slash or not _looks_like_registry(registry):
            raise InvalidReference(f"{text!r} does not say its registry.", hint=_HINT)
        repository, _, tag = rest.partition(":")
        if not _HOST.fullmatch(registry):
            raise InvalidReference(f"{text!r}: {registry!r} is not a registry's host.", hint=_HINT)
        if not is_repository(repository):
            raise InvalidReference(
                f"{text!r}: {repository!r} is not a repository.",
                hint="Use lower-case letters, digits and . _ - between them, in parts separated by /.",
            )
        if (rest.endswith(":") and not tag) or (tag and not is_tag(tag)):
            raise InvalidReference(
                f"{text!r}: {tag!r} is not a tag.", hint="A tag has letters, digits and . _ - and up to 128 of them."
            )
        digest = Digest(digest_text) if "@" in text else None
        return cls(registry, repository, tag or (None if digest else "latest"), digest)

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest where there is one, else the tag."""
        return self.digest or self.tag or "latest"

    @property
    def name(self) -> str:
        """``registry/repository``, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    def at(self, digest: Digest) -> Reference:
        """Return this name, pinned to a digest."""
        return replace(self, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")


def is_repository(text: str) -> bool:
    """Say whether `text` can name a repository (at most 255 characters, as distribution has it)."""
    return len(text) <= 255 and _REPOSITORY.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Say whether `text` can be ``registry/repository``, or a repository alone."""
    registry, _, repository = text.partition("/")
    with_registry = _looks_like_registry(registry) and _HOST.fullmatch(registry) is not None
    return is_repository(text) or (with_registry and is_repository(repository))


def is_tag(text: str) -> bool:
    """Say whether `text` can be a tag."""
    return _TAG.fullmatch(text) is not None


def _looks_like_registry(text: str) -> bool:
    return bool(set(".:[") & set(text)) or text == "localhost"
