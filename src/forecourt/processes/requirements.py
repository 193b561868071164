"""What an environment is made of: requirements as pip writes them, and what makes two sets of them the same."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from forecourt.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_COMMENT = re.compile(r"(^|\s)#.*$")
_ADDRESS_OR_MARKER = re.compile(r"\s*[@;]")


@dataclass(frozen=True, slots=True)
class Requirements:
    """Packages, sorted, and the options of ``pip install`` that hold for them, in their order.

    `overrides` are requirements that hold whatever the packages say of them (uv's ``--override``): another version
    than they allow, or none at all (``torchvision ; sys_platform == 'never'``).
    """

    packages: tuple[str, ...]
    options: tuple[str, ...]
    overrides: tuple[str, ...] = ()

    @classmethod
    def parse(cls, lines: Sequence[str], overrides: Sequence[str] = ()) -> Self:
        """Read requirements, one a line; a line that starts with ``--`` holds options (``--no-deps``).

        Raises `InvalidInput` for a line that is neither, and for one of `overrides` that is no requirement.
        """
        packages: set[str] = set()
        options: list[str] = []
        for whole in lines:
            line = _COMMENT.sub("", whole).strip()
            if line.startswith("--"):
                options += _words(line)
            elif line:
                packages.add(_normalized(line))
        over = {_normalized(line) for whole in overrides if (line := _COMMENT.sub("", whole).strip())}
        return cls(tuple(sorted(packages)), tuple(options), tuple(sorted(over)))

    @property
    def key(self) -> str:
        """Name the environment they make with this Python on this platform: the same for the same."""
        essence = [
            *(self.packages, self.options, *filter(None, [self.overrides])),
            *(sys.implementation.name, sys.version_info[:3], sysconfig.get_platform()),
        ]
        return hashlib.sha256(json.dumps(essence).encode()).hexdigest()[:20]


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InvalidInput(f"The options {line!r} cannot be read: {error}.", hint="Close the quotes.") from None


def _normalized(line: str) -> str:
    """Write a requirement in the one way that all its spellings have in common, as far as that is plain."""
    if line.startswith("/"):  # a wheel, or a directory with a project
        return line
    name = _NAME.match(line)
    if not name:
        raise InvalidInput(
            f"{line!r} is no requirement.",
            hint="Write a package's name, such as 'six' or 'six==1.17.0', or a '--' option.",
        )
    rest = line[name.end() :]
    if marker := _ADDRESS_OR_MARKER.search(rest):
        version, more = rest[: marker.start()], " ".join(rest[marker.start() :].split())
    else:
        version, more = rest, ""
    canonical = re.sub(r"[-_.]+", "-", name[0]).lower()
    return canonical + re.sub(r"\s+", "", version) + (f" {more}" if more else "")
