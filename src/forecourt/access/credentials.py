"""What somebody is known by after they have signed in: a browser's session, a program's token; both kept as hashes.

A session ends a week after it began, or a day after it was last used. A token is shown once, has a name, may expire,
and can be revoked.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from forecourt.access.tables import SessionRow, TokenRow
from forecourt.access.users import now
from forecourt.db import Database
from forecourt.errors import AlreadyExists, InvalidObject, NotFound

TOKEN_PREFIX = "fct_"  # noqa: S105 - so that one that leaked is known for what it is
SESSION_SECONDS = 7 * 24 * 3600
IDLE_SECONDS = 24 * 3600

_DAY = 24 * 3600 * 1000  # milliseconds
_LONGEST_DAYS = 3650
_MOST_TOKENS = 100  # of one user
_WRITTEN_MS = 5 * 60 * 1000  # between two notes of when one was last used
_SHOWN = 16  # characters of a session's hash that name it


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session; `id` names it, and opens nothing. Times are milliseconds since 1970."""

    id: str
    user: str
    created: int
    expires: int
    seen: int
    agent: str
    address: str


@dataclass(frozen=True, slots=True)
class Token:
    """A program's token. Times are milliseconds since 1970; None where it never expires, or was never used."""

    id: int
    user: str
    name: str
    created: int
    expires: int | None
    used: int | None


@dataclass(slots=True)
class _Known:
    """What is known of a session or a token without asking the database."""

    id: str
    user: str
    expires: int | None
    used: int
    written: int


class Credentials:
    """The sessions and tokens of a database. Threads may share it; no other process changes them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._sessions: dict[str, _Known] = {}
        self._tokens: dict[str, _Known] = {}
        with database.session() as session:
            session.execute(delete(SessionRow).where(SessionRow.expires < now()))
            for row in session.scalars(select(SessionRow)):
                self._sessions[row.hash] = _Known(row.hash, row.user, row.expires, row.seen, row.seen)
            for one in session.scalars(select(TokenRow)):
                self._tokens[one.hash] = _Known(str(one.id), one.user, one.expires, one.used or 0, one.used or 0)

    # Ask

    def session_of(self, text: str) -> tuple[str, str] | None:
        """Return the id and the user of a session that lasts; None for any other text."""
        known = self._sessions.get(hash_of(text))
        moment = now()
        if known is None or not _lasts(known, moment, idle=IDLE_SECONDS):
            return None
        known.used = moment
        return known.id, known.user

    def token_of(self, text: str) -> tuple[str, str] | None:
        """Return the id and the user of a token that lasts; None for any other text."""
        hashed = hash_of(text)
        known = self._tokens.get(hashed)
        moment = now()
        if known is None or not _lasts(known, moment):
            return None
        known.used = moment
        return hashed, known.user

    def lasts(self, id: str) -> bool:  # noqa: A002
        """Say whether the session or token of an id lasts, which is no use of it."""
        moment = now()
        if token := self._tokens.get(id):
            return _lasts(token, moment)
        session = self._sessions.get(id)
        return session is not None and _lasts(session, moment, idle=IDLE_SECONDS)

    def sessions(self, user: str) -> list[Session]:
        """Return a user's sessions that last, the one last used first."""
        self.write()
        with self._database.snapshot() as session:
            rows = session.scalars(
                select(SessionRow).where(SessionRow.user == user).order_by(SessionRow.seen.desc(), SessionRow.hash)
            )
            found = [
                Session(row.hash[:_SHOWN], row.user, row.created, row.expires, row.seen, row.agent, row.address)
                for row in rows
            ]
        return [one for one in found if now() <= min(one.expires, one.seen + IDLE_SECONDS * 1000)]

    def tokens(self, user: str) -> list[Token]:
        """Return a user's tokens by name, those that have expired too."""
        self.write()
        with self._database.snapshot() as session:
            rows = session.scalars(select(TokenRow).where(TokenRow.user == user).order_by(TokenRow.name))
            return [Token(row.id, row.user, row.name, row.created, row.expires, row.used) for row in rows]

    def counts(self) -> Mapping[str, tuple[int, int, int | None]]:
        """Return how many tokens and sessions each user has, and when either was last used."""
        self.write()
        found: dict[str, tuple[int, int, int | None]] = {}
        with self._database.snapshot() as session:
            for user, count, used in session.execute(
                select(TokenRow.user, func.count(), func.max(TokenRow.used)).group_by(TokenRow.user)
            ):
                found[user] = (count, 0, used)
            for user, count, seen in session.execute(
                select(SessionRow.user, func.count(), func.max(SessionRow.seen)).group_by(SessionRow.user)
            ):
                tokens, _, used = found.get(user, (0, 0, None))
                found[user] = (tokens, count, max(seen, used or 0))
        return found

    # Do

    def begin(self, user: str, *, agent: str, address: str) -> str:
        """Begin a session and return what its cookie is to say, which nobody can read again."""
        text, moment = secrets.token_urlsafe(32), now()
        expires = moment + SESSION_SECONDS * 1000
        row = SessionRow(
            hash=hash_of(text),
            user=user,
            created=moment,
            expires=expires,
            seen=moment,
            agent=agent[:255],
            address=address[:64],
        )
        with self._lock, self._database.session() as session:
            session.add(row)
            self._sessions[row.hash] = _Known(row.hash, user, expires, moment, moment)
        return text

    def end(self, user: str, id: str) -> None:  # noqa: A002
        """End one of a user's sessions, by its id; raises `NotFound`."""
        found = [key for key, one in self._sessions.items() if one.user == user and key[:_SHOWN] == id[:_SHOWN]]
        if not found or not id:
            raise NotFound(f"There is no session {id[:_SHOWN]}.", hint="It may have ended already.")
        self._end(found)

    def end_all(self, user: str, *, but: str = "") -> int:
        """End a user's sessions, but for the one of a certain id; return how many."""
        found = [key for key, one in self._sessions.items() if one.user == user and (not but or key != but)]
        self._end(found)
        return len(found)

    def issue(self, user: str, name: str, days: int | None) -> tuple[Token, str]:
        """Make a token that lasts so many days (for good, where it is None); return it with its text.

        Raises `InvalidObject`, and `AlreadyExists` for a name that the user has a token of already.
        """
        name = name.strip()
        if not name:
            raise InvalidObject("name: Required value: say what uses the token: ci, notebook")
        if len(name) > 63 or not name.isprintable():
            raise InvalidObject("name: Invalid value: must be at most 63 characters that can be printed")
        if days is not None and not 1 <= days <= _LONGEST_DAYS:
            raise InvalidObject(f"days: Invalid value: {days}: must be between 1 and {_LONGEST_DAYS}")
        text, moment = TOKEN_PREFIX + secrets.token_urlsafe(32), now()
        with self._lock:
            with self._database.session() as session:
                names = session.scalars(select(TokenRow.name).where(TokenRow.user == user)).all()
                if name in names:
                    raise AlreadyExists(
                        f"There is a token {name} already.", hint="Revoke it first, or choose another name."
                    )
                if len(names) >= _MOST_TOKENS:
                    raise InvalidObject(f"name: Forbidden: there are {_MOST_TOKENS} tokens already; revoke some")
                expires = moment + days * _DAY if days is not None else None
                row = TokenRow(user=user, name=name, hash=hash_of(text), created=moment, expires=expires)
                session.add(row)
                session.flush()
                made = Token(row.id, user, name, moment, expires, None)
            self._tokens[hash_of(text)] = _Known(str(made.id), user, expires, 0, 0)
        return made, text

    def revoke(self, user: str, name: str) -> None:
        """Have a token open nothing any more, by its name or id; raises `NotFound`."""
        with self._lock:
            with self._database.session() as session:
                rows = session.scalars(select(TokenRow).where(TokenRow.user == user)).all()
                row = next((one for one in rows if name in (one.name, str(one.id))), None)
                if row is None:
                    raise NotFound(f"There is no token {name[:63]}.", hint="It may have been revoked already.")
                session.delete(row)
            self._tokens.pop(row.hash, None)

    def forget(self, user: str) -> None:
        """Forget the sessions and tokens of a user who has gone, as the database has."""
        with self._lock:
            for kept in (self._sessions, self._tokens):
                for key in [key for key, one in kept.items() if one.user == user]:
                    del kept[key]

    def write(self, *, all: bool = True) -> None:  # noqa: A002
        """Note in the database when sessions and tokens were last used; not `all`: those noted a while ago."""
        with self._lock:
            late = 0 if all else _WRITTEN_MS
            sessions = {key: one for key, one in self._sessions.items() if one.used > one.written + late}
            tokens = {key: one for key, one in self._tokens.items() if one.used > one.written + late}
            if not sessions and not tokens:
                return
            with self._database.session() as session:
                for row in session.scalars(select(SessionRow).where(SessionRow.hash.in_([*sessions]))):
                    row.seen = sessions[row.hash].written = sessions[row.hash].used
                for one in session.scalars(select(TokenRow).where(TokenRow.hash.in_([*tokens]))):
                    one.used = tokens[one.hash].written = tokens[one.hash].used

    def _end(self, hashes: Sequence[str]) -> None:
        with self._lock:
            with self._database.session() as session:
                session.execute(delete(SessionRow).where(SessionRow.hash.in_(hashes)))
            for key in hashes:
                self._sessions.pop(key, None)


def _lasts(known: _Known, moment: int, *, idle: float = math.inf) -> bool:
    """Say whether a session or token has not expired, nor has been left alone for so many seconds."""
    return (known.expires is None or moment <= known.expires) and moment <= known.used + idle * 1000


def hash_of(text: str) -> str:
    """Return what is kept of a secret of 256 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()
