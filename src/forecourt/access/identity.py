"""Who asks: known once at the door, and from then on wherever it matters, in calls within the process too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user may do beside what their roles in projects give them."""

    ADMINISTRATOR = "administrator"
    """Everything."""
    USER = "user"
    """Create projects, register models, and in projects what their role there says."""
    VIEWER = "viewer"
    """See the catalog, the registry, and the projects that they have a role in."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, as far as it matters for what they may do."""

    name: str
    display_name: str
    role: Role
    groups: frozenset[str] = frozenset()

    @property
    def is_administrator(self) -> bool:
        """Whether they may do everything."""
        return self.role is Role.ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class Asking:
    """Who sent a request: `identity` is None where nobody has signed in.

    `address` and `agent` are what the connection and the program say, `session` is the id of the browser's session,
    `token` that of a program's token.
    `local` is set where the command line of this machine asks, whose user says their name themselves.
    """

    identity: Identity | None
    address: str = ""
    agent: str = ""
    session: str = ""
    token: str = ""
    local: bool = False


_asking: ContextVar[Asking | None] = ContextVar("forecourt_asking", default=None)


def asking() -> Asking | None:
    """Return who asks; None where nobody is asked who they are, and where the server does something by itself."""
    return _asking.get()


def who() -> Identity | None:
    """Return the user who asks, if it is known."""
    said = _asking.get()
    return said.identity if said else None


@contextmanager
def asked_by(asking: Asking | None) -> Iterator[None]:
    """Have everything within be asked by somebody."""
    token = _asking.set(asking)
    try:
        yield
    finally:
        _asking.reset(token)
