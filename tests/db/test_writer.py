"""Changes that are committed together: each is all or nothing, and only its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, select, text

from forecourt.db import Counter, Database, Writer
from forecourt.errors import Conflict


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/forecourt.db")
    database.upgrade()
    yield database
    database.close()


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    writer = Writer(database)
    yield writer
    writer.close()


def add(name: str):
    def work(connection: Connection) -> str:
        connection.execute(insert(Counter), {"name": name, "value": 1})
        return name

    return work


def names(database: Database) -> set[str]:
    with database.snapshot() as session:
        return set(session.scalars(select(Counter.name))) - {"resourceVersion"}


def test_a_change_is_there_when_it_is_told_as_done(database: Database, writer: Writer) -> None:
    assert writer.submit(add("a")).result(10) == "a"
    assert names(database) == {"a"}


def test_changes_that_wait_share_a_commit(database: Database, writer: Writer) -> None:
    commits = []
    event.listen(database.engine, "commit", lambda _: commits.append(1))
    begun, held = threading.Event(), threading.Event()
    first = writer.submit(lambda _: begun.set() or held.wait(10))
    assert begun.wait(10)
    rest = [writer.submit(add(str(number))) for number in range(20)]
    held.set()
    assert [future.result(10) for future in (first, *rest)] == [True, *map(str, range(20))]
    assert len(commits) == 2
    assert names(database) == set(map(str, range(20)))


def test_of_changes_that_share_a_commit_only_the_one_that_fails_is_refused(database: Database, writer: Writer) -> None:
    def fail(connection: Connection) -> None:
        add("half done")(connection)
        raise Conflict("no")

    held = threading.Event()
    writer.submit(lambda _: held.wait(10))
    before, refused, after = writer.submit(add("before")), writer.submit(fail), writer.submit(add("after"))
    held.set()
    assert (before.result(10), after.result(10)) == ("before", "after")
    with pytest.raises(Conflict):
        refused.result(10)
    assert names(database) == {"before", "after"}


def test_a_name_that_is_taken_is_the_second_ones_to_hear(database: Database, writer: Writer) -> None:
    held = threading.Event()
    writer.submit(lambda _: held.wait(10))
    both = [writer.submit(add("same")) for _ in range(2)]
    held.set()
    assert both[0].result(10) == "same"
    assert both[1].exception(10) is not None
    assert names(database) == {"same"}


def test_what_was_submitted_before_the_end_is_made(database: Database) -> None:
    writer = Writer(database)
    futures = [writer.submit(add(str(number))) for number in range(100)]
    writer.close()
    assert all(future.done() for future in futures)
    assert len(names(database)) == 100


def test_a_change_that_nobody_waits_for_any_more_is_not_made(database: Database, writer: Writer) -> None:
    held = threading.Event()
    writer.submit(lambda _: held.wait(10))
    cancelled = writer.submit(add("cancelled"))
    assert cancelled.cancel()
    held.set()
    writer.submit(add("last")).result(10)
    assert names(database) == {"last"}


def test_a_database_that_fails_is_told_to_all(database: Database, writer: Writer) -> None:
    futures = [writer.submit(lambda connection: connection.execute(text("SELECT * FROM nothing"))) for _ in range(3)]
    assert all(future.exception(10) is not None for future in futures)
