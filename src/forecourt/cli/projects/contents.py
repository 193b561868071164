"""What is in a project, as the server tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]

_ALWAYS = ("deployments", "connections", "tokens", "runtimes", "profiles", "secrets")
_PEOPLE = "role binding"


@dataclass(frozen=True, slots=True)
class Contents:
    """The names of what a project has, by what it is called; a token's is ``DEPLOYMENT/TOKEN``."""

    items: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __iter__(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield what there is, by what it is called."""
        return iter(self.items)

    @property
    def empty(self) -> bool:
        """Whether there is nothing but who has a role in it."""
        return all(what == _PEOPLE for what, _ in self.items)

    def to_dict(self) -> Document:
        """Return it as JSON has it."""
        return {key: [] for key in _ALWAYS} | {_key(what): list(names) for what, names in self.items}


def _key(what: str) -> str:
    """Return the field of what is called so: ``tokens``, ``runtimes``, ``roleBindings``."""
    short = what.removeprefix("serving ").removeprefix("hardware ")
    return re.sub(r" (\w)", lambda found: found[1].upper(), short) + "s"


def counted(count: int, word: str) -> str:
    """Return how many there are of something: ``1 deployment``, ``2 deployments``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def contents(client: Client, namespace: str) -> Contents:
    """Ask the server what is in a project; raises `NotFound` where there is none of that name."""
    items = client.get(f"/api/forecourt/v1/namespaces/{namespace}/contents")["items"]
    return Contents(tuple((one["what"], tuple(one["names"])) for one in items))
