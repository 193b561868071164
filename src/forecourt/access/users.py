"""Users: who they are, what is kept of them, and that never nobody is left who may let others in."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from forecourt.access import passwords
from forecourt.access.identity import Identity, Role
from forecourt.access.tables import UserRow
from forecourt.db import Database
from forecourt.errors import AlreadyExists, Conflict, InvalidObject, NotFound
from forecourt.objects import quoted

_NAME = re.compile(r"[a-z0-9]([a-z0-9._@+-]{0,62}[a-z0-9])?")
_GROUP = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._@:+-]{0,62}[A-Za-z0-9])?")
_RESERVED = frozenset({"me", "anonymous", "forecourt"})
_LONGEST_DISPLAY_NAME = 255
_MOST_GROUPS = 100


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class User:
    """A user, without their password; `created` is in milliseconds since 1970."""

    name: str
    display_name: str
    role: Role
    groups: tuple[str, ...] = ()
    disabled: bool = False
    created: int = 0

    @property
    def identity(self) -> Identity:
        """Who they are when they ask for something."""
        return Identity(self.name, self.display_name, self.role, frozenset(self.groups))


class Users:
    """The users of a database, known without asking it. Threads may share it; no other process changes them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.RLock()
        with database.snapshot() as session:
            self._known = {row.name: _user(row) for row in session.scalars(select(UserRow))}

    @property
    def any(self) -> bool:
        """Whether there is one: before that, nobody is asked who they are."""
        return bool(self._known)

    def list(self) -> list[User]:
        """Return all, by name."""
        return [self._known[name] for name in sorted(self._known)]

    def get(self, name: str) -> User:
        """Return a user; raises `NotFound`."""
        try:
            return self._known[name]
        except KeyError:
            raise NotFound(f"There is no user {name[:80]}.", hint="See which there are: forecourt users list") from None

    def active(self, name: str) -> User | None:
        """Return a user who may sign in; None where there is none of that name."""
        user = self._known.get(name)
        return user if user and not user.disabled else None

    def create(self, user: User, password: str) -> User:
        """Add a user; raises `AlreadyExists`, `InvalidObject`, and `Conflict` where the first is no administrator."""
        validate(user)
        passwords.validate_password(password, user.name)
        hashed = passwords.kept(password)
        with self._lock:
            if user.name in self._known:
                raise AlreadyExists(f"There is a user {user.name} already.", hint="Choose another name.")
            if not self._known and (user.role is not Role.ADMINISTRATOR or user.disabled):
                raise Conflict(
                    "The first user must be an administrator: from then on everybody has to sign in.",
                    hint="Create an administrator first, and then the others.",
                )
            made = replace(user, created=now())
            with self._database.session() as session:
                session.add(UserRow(**_columns(made), password=hashed))
            self._known[made.name] = made
        return made

    def change(self, name: str, **changes: Any) -> User:
        """Change some of what a user is; raises `NotFound`, `InvalidObject`, `Conflict` for the last administrator."""
        with self._lock:
            before = self.get(name)
            after = replace(before, **changes)
            validate(after)
            if before.role is Role.ADMINISTRATOR and (after.role is not Role.ADMINISTRATOR or after.disabled):
                self._refuse_last(before)
            with self._database.session() as session:
                row = session.get_one(UserRow, name)
                for column, value in _columns(after).items():
                    setattr(row, column, value)
            self._known[name] = after
        return after

    def delete(self, name: str) -> User:
        """Remove a user with their sessions and tokens; raises `NotFound`, and `Conflict` for the last administrator.

        The very last user may go: then nobody has to sign in any more.
        """
        with self._lock:
            user = self.get(name)
            if len(self._known) > 1:
                self._refuse_last(user)
            with self._database.session() as session:
                session.delete(session.get_one(UserRow, name))
            del self._known[name]
        return user

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password; raises `NotFound`, `InvalidObject`."""
        self.get(name)
        passwords.validate_password(password, name)
        hashed = passwords.kept(password)
        with self._lock, self._database.session() as session:
            session.get_one(UserRow, name).password = hashed

    def verified(self, name: str, password: str) -> User | None:
        """Return the user of a name and a password; None where they do not fit, which takes as long to find out."""
        with self._database.snapshot() as session:
            row = session.get(UserRow, name) if _NAME.fullmatch(name) else None
            before = row.password if row is not None else ""
        fits = passwords.matches(password, before)
        return self.active(name) if fits else None

    def _refuse_last(self, user: User) -> None:
        """Refuse to lose the only one who may let others in."""
        others = [one for one in self._known.values() if one.role is Role.ADMINISTRATOR and not one.disabled]
        if [one.name for one in others] == [user.name]:
            raise Conflict(f"{user.name} is the last administrator.", hint="Make somebody else an administrator first.")


def validate(user: User) -> None:
    """Check a user; raises `InvalidObject` that names the field."""
    if not user.name:
        raise InvalidObject("name: Required value")
    if not _NAME.fullmatch(user.name) or user.name in _RESERVED:
        rule = "must be lower-case letters, digits and . _ @ + -, at most 64, a letter or digit at each end"
        raise InvalidObject(
            f"name: Invalid value: {quoted(user.name)}: {'is taken' if user.name in _RESERVED else rule}"
        )
    if len(user.display_name) > _LONGEST_DISPLAY_NAME or not user.display_name.isprintable():
        raise InvalidObject(
            f"displayName: Invalid value: must be at most {_LONGEST_DISPLAY_NAME} characters that can be printed"
        )
    if len(user.groups) > _MOST_GROUPS:
        raise InvalidObject(f"groups: Invalid value: must be at most {_MOST_GROUPS}")
    for group in user.groups:
        if not _GROUP.fullmatch(group) or group.startswith("system:"):
            raise InvalidObject(
                f"groups: Invalid value: {quoted(group)}: must be letters, digits and . _ @ : + -, at most 64"
            )


def groups_of(text: str) -> Sequence[str]:
    """Return the groups in a text, by commas or white space, each once."""
    return tuple(dict.fromkeys(re.split(r"[,\s]+", text.strip()) if text.strip() else ()))


def _columns(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "display_name": user.display_name,
        "role": user.role.value,
        "groups": json.dumps(user.groups),
        "disabled": user.disabled,
        "created": user.created,
    }


def _user(row: UserRow) -> User:
    groups = tuple(json.loads(row.groups))
    return User(row.name, row.display_name, Role(row.role), groups, row.disabled, row.created)
