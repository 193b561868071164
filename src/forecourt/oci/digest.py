"""Digests: ``algorithm:hex``, as the OCI image specification has them.

https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
"""

from __future__ import annotations

import hashlib
import re
from typing import Protocol

from forecourt.errors import InvalidDigest

_LENGTHS = {"sha256": 64, "sha512": 128}
_SHAPE = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")


class Hasher(Protocol):
    """What `hashlib` gives: bytes in, a digest out."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take the next bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far, in hex."""
        ...


class Digest(str):
    """A digest that is known to be well formed; it is a string, so it serves wherever the text does.

    Raises `InvalidDigest` where the text is malformed or of an algorithm other than sha256 and sha512.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Digest:
        """Check the text, unless it is a digest already."""
        if isinstance(text, Digest):
            return text
        if not _SHAPE.fullmatch(text):
            raise InvalidDigest(f"{text!r} is not a digest.", hint="A digest looks like sha256: and 64 hex digits.")
        algorithm, _, encoded = text.partition(":")
        length = _LENGTHS.get(algorithm)
        if length is None:
            raise InvalidDigest(f"{text!r}: the algorithm {algorithm!r} is not supported; sha256 and sha512 are.")
        if not re.fullmatch(f"[a-f0-9]{{{length}}}", encoded):
            raise InvalidDigest(f"{text!r}: {algorithm} needs {length} lower-case hex digits.")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Digest:
        """Return the digest of `data`."""
        return cls(f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")

    @classmethod
    def finish(cls, hasher: Hasher, algorithm: str = "sha256") -> Digest:
        """Return the digest of everything that `hasher` was given."""
        return cls(f"{algorithm}:{hasher.hexdigest()}")

    @property
    def algorithm(self) -> str:
        """``sha256`` or ``sha512``."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """The part after the colon."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """Twelve hex digits: enough for a person."""
        return self.hex[:12]

    def hasher(self) -> Hasher:
        """Return an empty hasher of this digest's algorithm."""
        return new_hasher(self.algorithm)


def new_hasher(algorithm: str) -> Hasher:
    """Return an empty hasher; raises `InvalidDigest` where `algorithm` is neither ``sha256`` nor ``sha512``."""
    if algorithm not in _LENGTHS:
        raise InvalidDigest(f"The algorithm {algorithm!r} is not supported; sha256 and sha512 are.")
    return hashlib.new(algorithm)
