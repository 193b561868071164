"""The engine, sessions, and the schema at its newest."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from forecourt.db.pipeline import Pipelines
from forecourt.errors import Conflict, ForecourtError, InvalidInput, StorageFull, Unavailable

T = TypeVar("T")

HEAD = "0005"
"""The newest migration. Said here so that a start need not load Alembic to learn that there is nothing to do."""

_BUSY_SECONDS = 30  # how long a writer waits for another one
_POSTGRESQL_CONNECTIONS = 24  # kept open; ten more are opened where that is not enough
_POSTGRESQL = ("postgres", "postgresql")


class Database:
    """A database and its sessions. Threads may share it; each takes a session of its own."""

    def __init__(self, url: str) -> None:
        """Prepare the engine; nothing is connected yet. Raises `InvalidInput` for a URL that cannot be used."""
        self.engine = _engine(url)
        self._reading = self.engine.execution_options(**_READ_ONLY.get(self.engine.dialect.name, {}))
        self._points = _Points(url)
        self._pipelines: Pipelines | None = None
        # SQLite has one writer at a time: the next one waits here, and is not left to try again now and then.
        self._writing = threading.RLock() if self.is_sqlite else nullcontext()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file on this machine, which answers a short question at once."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Read and write, all or nothing: committed when the block ends, rolled back when it raises."""
        with (
            self._writing,
            _told(self.engine.url),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Read and write as in a `session`, row by row, without the object mapper."""
        with self._writing, _told(self.engine.url), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Only read, everything as of one moment; waits for no writer."""
        with _told(self.engine.url), Session(self._reading) as session, session.begin():
            yield session

    @contextmanager
    def point(self) -> Iterator[Connection]:
        """Only read, each statement as of its own moment: the cheapest way to ask one thing."""
        with _told(self.engine.url):
            try:
                yield self._points.connection()
            except DBAPIError as error:
                if error.connection_invalidated:  # the server has gone, and may be back for the next question
                    self._points.forget()
                raise

    async def ask(self, work: Callable[[Any], T]) -> T:
        """Have `work` use prepared statements, from the event loop, which goes on where the database is elsewhere.

        Each statement is its own transaction. On PostgreSQL only such statements run on what it is given.
        """
        if self.is_sqlite:
            with self.point() as connection:
                return work(connection)
        if self._pipelines is None:
            self._pipelines = Pipelines(self.engine)
        with _told(self.engine.url):
            return await self._pipelines.run(work)

    def checkpoint(self) -> None:
        """Have SQLite move what its log holds into the database, as far as nobody needs to wait for that."""
        if self.is_sqlite:
            with self.point() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").all()

    @property
    def revision(self) -> str:
        """The migration that the schema is at; empty for a database that is new."""
        with _told(self.engine.url), self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return ""
            return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")

    def upgrade(self) -> None:
        """Bring the schema to its newest; raises `Conflict` where a newer Forecourt made it."""
        _create_file(self.engine.url)
        if self.revision == HEAD:
            return
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "forecourt.db:migrations")
        with _told(self.engine.url), self.engine.begin() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise Conflict(
                    f"The database was not made by this version of Forecourt: {error}",
                    hint="Run the version that made it or a newer one, or set FORECOURT_HOME to another directory.",
                ) from None

    def close(self) -> None:
        """Close the connections that are not in use."""
        if self._pipelines is not None:
            self._pipelines.close()
        self._points.close()
        self.engine.dispose()


class _Points:
    """A connection for each thread that asks, which stays open: opening one takes longer than a question."""

    def __init__(self, url: str) -> None:
        engine = _engine(url, poolclass=NullPool)
        self._engine = engine.execution_options(**_AUTOCOMMIT[engine.dialect.name])
        self._mine = threading.local()
        self._open: list[Connection] = []

    def connection(self) -> Connection:
        """Return this thread's."""
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = self._engine.connect()
            self._open.append(connection)
        return connection

    def forget(self) -> None:
        """Close this thread's; the next question opens another."""
        connection: Connection | None = self._mine.__dict__.pop("connection", None)
        if connection is not None:
            self._open.remove(connection)
            connection.close()

    def close(self) -> None:
        """Close those of all threads."""
        while self._open:
            self._open.pop().close()
        self._mine = threading.local()


def _engine(given: str, **options: Any) -> Engine:
    try:
        url = make_url(given)
        if url.drivername in _POSTGRESQL:
            url = url.set(drivername="postgresql+psycopg")
            if "poolclass" not in options:
                options["pool_size"] = _POSTGRESQL_CONNECTIONS
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise InvalidInput(
                f"Forecourt keeps its state in SQLite or PostgreSQL, not in {url.get_backend_name()}.",
                hint="Set FORECOURT_DATABASE_URL to sqlite:///… or postgresql://…, or leave it out.",
            )
        engine = create_engine(url, **options)
    except (ArgumentError, NoSuchModuleError):
        raise InvalidInput("FORECOURT_DATABASE_URL is no database's URL.") from None
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"PostgreSQL needs the package {error.name}.", hint="Install it: pip install 'forecourt[postgresql]'."
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


_AUTOCOMMIT: dict[str, dict[str, Any]] = {
    "sqlite": {"forecourt_autocommit": True},
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}
_READ_ONLY: dict[str, dict[str, Any]] = {
    "sqlite": {"forecourt_read_only": True},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}


def _configure_sqlite(connection: Any, _record: object) -> None:
    # Python's driver would begin transactions by itself, and too late; `_begin_sqlite` does.
    connection.isolation_level = None
    connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows the letters of ASCII only
    for pragma in (
        f"busy_timeout = {_BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "wal_autocheckpoint = 20000",  # pages; a `Writer` has it done aside long before
        "foreign_keys = ON",
        "case_sensitive_like = ON",  # as LIKE is everywhere else, and as an index is in order
    ):
        connection.execute(f"PRAGMA {pragma}")


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails where another one wrote in between, however long it waits.
    options = connection.get_execution_options()
    if options.get("forecourt_autocommit"):
        return
    read_only = options.get("forecourt_read_only")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _create_file(url: URL) -> None:
    """Create an SQLite file that only its owner can read: environment variables of deployments are in it."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise InvalidInput(f"The database {path} cannot be opened: {error.strerror}.") from None


@contextmanager
def _told(url: URL) -> Iterator[None]:
    """Tell what the database's errors mean; a defect of ours passes as it is."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        meaning = _meaning(str(error.orig), url)
        if meaning is None:
            raise
        raise meaning from error


def violated(error: IntegrityError) -> str:
    """Return which constraint a row violates: its name, or SQLite's words, which name its columns."""
    diagnosis = getattr(error.orig, "diag", None)
    return str(diagnosis.constraint_name or "") if diagnosis else str(error.orig)


def _meaning(message: str, url: URL) -> ForecourtError | None:
    where = url.render_as_string(hide_password=True)
    lowered = message.lower()
    if "disk is full" in lowered or "no space left" in lowered:
        return StorageFull(f"No space is left for the database {where}.", hint="Free some space and try again.")
    if "database is locked" in lowered:
        return Unavailable(f"Another program holds the database {where}.", hint="Try again when it is done.")
    if "not a database" in lowered or "malformed" in lowered:
        return InvalidInput(f"{url.database} is no SQLite database, or is damaged.", hint="Restore it from a backup.")
    if "unable to open" in lowered or "readonly" in lowered:
        return InvalidInput(f"The database {where} cannot be opened: {message}.", hint="Check its owner and mode.")
    if "connection" in lowered:
        return Unavailable(f"The database {where} does not answer: {message.strip()}", hint="Is it running?")
    return None
