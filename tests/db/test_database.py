"""The database keeps what it is told, on SQLite and on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from forecourt.db import Counter, Database, Row
from forecourt.db.database import HEAD
from forecourt.errors import Conflict, InvalidInput, StorageFull
from forecourt.registry import tables as _tables  # noqa: F401 - whose rows are among those that are compared
from forecourt.serving.measuring import tables as _measuring  # noqa: F401


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/home/forecourt.db")
    database.upgrade()
    yield database
    database.close()


def test_the_migrations_make_the_tables_that_the_code_declares(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Row.metadata) == []


def test_the_newest_migration_is_the_one_that_a_start_looks_for() -> None:
    config = Config()
    config.set_main_option("script_location", "forecourt.db:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_start_on_a_current_database_does_not_load_alembic(database: Database) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    code = f"import sys, forecourt.db as db; db.Database({url!r}).upgrade(); sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    database.upgrade()
    assert database.revision == HEAD


def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="not made by this version") as failure:
        database.upgrade()
    assert "newer" in failure.value.hint
    assert database.revision == "9999"


def test_sqlite_is_set_up_for_many_readers_beside_a_writer(database: Database) -> None:
    with database.snapshot() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 30000}


def test_only_its_owner_can_read_the_file(database: Database) -> None:
    assert Path(str(database.engine.url.database)).stat().st_mode & 0o777 == 0o600


def test_a_session_that_raises_changes_nothing(database: Database) -> None:
    def fail() -> None:
        with database.session() as session:
            session.add(Counter(name="x", value=1))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.snapshot() as session:
        assert session.get(Counter, "x") is None


def test_a_snapshot_waits_for_no_writer_and_sees_one_moment(database: Database) -> None:
    with database.snapshot() as reader, database.session() as writer:
        assert reader.execute(text("SELECT count(*) FROM counters")).scalar() == 1
        writer.add(Counter(name="x", value=1))
        writer.commit()
        assert reader.execute(text("SELECT count(*) FROM counters")).scalar() == 1
    with database.snapshot() as reader:
        assert reader.execute(text("SELECT count(*) FROM counters")).scalar() == 2


def test_writers_take_turns(database: Database) -> None:
    def count() -> None:
        for _ in range(25):
            with database.session() as session:
                counter = session.get_one(Counter, "resourceVersion")
                counter.value += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.snapshot() as session:
        assert session.get_one(Counter, "resourceVersion").value == 101


@pytest.mark.parametrize(
    ("url", "problem"),
    [("nonsense", "no database's URL"), ("mysql://localhost/x", "SQLite or PostgreSQL"), ("x+y://z", "SQLite or Post")],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        Database(url)


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match="cannot be opened"):
        Database(f"sqlite:///{tmp_path}/file/forecourt.db").upgrade()


def test_a_file_that_is_no_database_is_said_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "forecourt.db"
    path.write_bytes(b"a person's letters" * 100)
    with pytest.raises(InvalidInput, match="no SQLite database"):
        Database(f"sqlite:///{path}").upgrade()
    assert path.read_bytes() == b"a person's letters" * 100


def test_a_full_disk_is_said_and_nothing_is_half_written(database: Database) -> None:
    def fill() -> None:
        with database.session() as session:
            session.execute(text("PRAGMA max_page_count = 10"))
            session.execute(text("INSERT INTO counters VALUES (:name, 1)"), {"name": "x" * 200_000})

    with pytest.raises(StorageFull):
        fill()
    with database.snapshot() as session:
        assert session.execute(text("SELECT count(*) FROM counters")).scalar() == 1
