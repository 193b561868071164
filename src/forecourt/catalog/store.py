"""What sources gave, in the database: written aside while a source is loaded, shown in one moment, read by row.

Rows that a load which was cut off has left are not lost: the next one takes over those that are as the source has them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from forecourt.catalog.model import Document, Entry, Problem
from forecourt.catalog.summaries import summary
from forecourt.catalog.tables import ARTIFACTS, MODELS, SOURCES
from forecourt.db import Database, PreparedQuery
from forecourt.errors import InvalidInput

_BATCH = 200  # models in one transaction: nobody who writes waits for long
_LONGEST_NAME = 512
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True).encode


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A row of a source that is there already."""

    id: int
    identity: int
    fingerprint: str
    live: bool
    created: int


class Staging:
    """The models of a source as they are loaded, unseen until `publish`."""

    def __init__(self, database: Database, source_id: str) -> None:
        """Begin a load; what an earlier one has left is used where it is still right, and goes otherwise."""
        self._database = database
        self._source = source_id
        self._batch: list[dict[str, Any]] = []
        self._taken: set[str] = set()
        self._kept: list[int] = []
        self._new: list[int] = []
        query = select(MODELS.c.name, *(MODELS.c[each.name] for each in fields(Kept)))
        with database.transaction() as connection:
            rows = connection.execute(query.where(MODELS.c.source_id == source_id).order_by(MODELS.c.live, MODELS.c.id))
            self._known: dict[str, list[Kept]] = {}
            for name, *row in rows:
                self._known.setdefault(name, []).append(Kept(*row))

    def known(self, name: str) -> Entry | None:
        """Return what the source last gave by a name, from a load that was cut off too."""
        rows = self._known.get(name)
        if not rows:
            return None
        newest = max(rows, key=lambda row: row.id)
        with self._database.point() as connection:
            return read_entry(connection, newest.id)

    def add(self, entry: Entry) -> None:
        """Take a model, unless its name was taken already; raises `InvalidInput` for one that cannot be kept."""
        if entry.name in self._taken:
            return
        written = _written(entry)
        self._taken.add(entry.name)
        self._batch.append(written)
        if len(self._batch) >= _BATCH:
            self.flush()

    def publish(self, problems: Sequence[Problem], stamp: str = "") -> int:
        """Show what was added, and nothing else of the source, from one moment to the next; returns how many it is."""
        self.flush()
        kept = set(self._kept)
        gone = [row.id for rows in self._known.values() for row in rows if row.live and row.id not in kept]
        stale = [row.id for rows in self._known.values() for row in rows if not row.live and row.id not in kept]
        written = json.dumps([[_plain(problem.name), _plain(problem.message)] for problem in problems])
        with self._database.transaction() as connection:
            _set_live(connection, self._new, True)
            _set_live(connection, gone, False)
            _remember(
                connection,
                self._source,
                status="partially-available" if problems else "available",
                error="",
                problems=written,
                stamp=stamp,
                loaded=now(),
            )
        self._sweep(stale)
        return len(kept)

    def fail(self, error: str) -> None:
        """Say why the source could not be loaded; what it gave before stays in sight, and what was added for later."""
        self.flush()
        with self._database.transaction() as connection:
            _remember(connection, self._source, status="error", error=_plain(error))

    def flush(self) -> None:
        """Write what was added, so that it is there for the next load whatever becomes of this one."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        with self._database.transaction() as connection:
            self._kept += [self._write(connection, values) for values in batch]

    def _write(self, connection: Connection, values: dict[str, Any]) -> int:
        rows = self._known.get(values["name"], [])
        for row in rows:
            if row.fingerprint == values["fingerprint"]:
                if not row.live:
                    self._new.append(row.id)
                return row.id
        moment, artifacts = now(), values.pop("artifacts")
        values |= {
            "source_id": self._source,
            "live": False,
            "identity": max((row.identity for row in rows), default=0),
            "created": values["created"] or min((row.created for row in rows), default=moment),
            "updated": values["updated"] or moment,
        }
        identity: int = connection.execute(_INSERT_MODEL, values).scalar_one()
        if not rows:
            connection.execute(_SET_IDENTITY, {"of": identity, "identity": identity})
        if artifacts:
            connection.execute(
                _INSERT_ARTIFACT,
                [
                    {"model_id": identity, "position": position, "document": artifact}
                    for position, artifact in enumerate(artifacts)
                ],
            )
        self._new.append(identity)
        return identity

    def _sweep(self, rows: list[int]) -> None:
        """Delete rows that went out of sight before this load, so that nobody reads them any more."""
        for start in range(0, len(rows), _BATCH):
            with self._database.transaction() as connection:
                connection.execute(delete(MODELS).where(MODELS.c.id.in_(rows[start : start + _BATCH])))


def _written(entry: Entry) -> dict[str, Any]:
    """Return a model as its row has it; raises `InvalidInput` for what no database or no JSON holds."""
    try:
        document = _ENCODE({"name": entry.name} | entry.document)
        artifacts = [_ENCODE(artifact) for artifact in entry.artifacts]
        evidence = _ENCODE(list(entry.evidence))
        shown = _ENCODE(summary(entry.name, entry.document, entry.artifacts))
        text = "\0".join((document, shown, entry.readme, evidence, *artifacts)).encode()
    except ValueError:
        raise InvalidInput("There is something in it that is no text or no number.") from None
    if len(entry.name) > _LONGEST_NAME or "\0" in entry.name + entry.readme:
        raise InvalidInput(f"Its name is longer than {_LONGEST_NAME} characters, or there is a null character in it.")
    return {
        "name": entry.name,
        "fingerprint": hashlib.sha256(text).hexdigest(),
        "created": _time(entry.document.get("createTimeSinceEpoch")),
        "updated": _time(entry.document.get("lastUpdateTimeSinceEpoch")),
        "document": document,
        "summary": shown,
        "readme": entry.readme,
        "evidence": evidence,
        "artifacts": artifacts,
    }


_INSERT_MODEL = insert(MODELS).returning(MODELS.c.id)
_INSERT_ARTIFACT = insert(ARTIFACTS)
_SET_IDENTITY = update(MODELS).where(MODELS.c.id == bindparam("of"))
_SET_LIVE = update(MODELS).where(MODELS.c.id == bindparam("of"))


def _set_live(connection: Connection, rows: Iterable[int], live: bool) -> None:
    if values := [{"of": row, "live": live} for row in rows]:
        connection.execute(_SET_LIVE, values)


def _remember(connection: Connection, source_id: str, **values: Any) -> None:
    if not connection.execute(update(SOURCES).where(SOURCES.c.id == source_id).values(**values)).rowcount:
        connection.execute(
            insert(SOURCES).values({"status": "", "error": "", "problems": "[]", "stamp": "", "id": source_id} | values)
        )


def remember(database: Database, source_id: str, **values: Any) -> None:
    """Note something of a source: ``definition``, ``enabled``, ``status``, ``error``."""
    with database.transaction() as connection:
        _remember(connection, source_id, **values)


def forget(database: Database, source_id: str) -> None:
    """Delete a source with all that it gave."""
    with database.transaction() as connection:
        connection.execute(delete(MODELS).where(MODELS.c.source_id == source_id))
        connection.execute(delete(SOURCES).where(SOURCES.c.id == source_id))


def states(database: Database) -> dict[str, dict[str, Any]]:
    """Return what is noted of each source, by id."""
    with database.snapshot() as session:
        return {row.id: dict(row._mapping) for row in session.execute(select(SOURCES).order_by(SOURCES.c.id))}


# Reading

_DOCUMENTS = "SELECT id, identity, source_id, created, updated, document FROM catalog_models WHERE id IN ({})"
_MODELS = _DOCUMENTS.replace("document", "document, readme, evidence")
_ARTIFACTS_OF = (
    "SELECT model_id, id, document FROM catalog_artifacts WHERE model_id IN ({}) ORDER BY model_id, position"
)
_ARTIFACTS = "SELECT model_id, id, document FROM catalog_artifacts WHERE id IN ({})"
_LISTED = {
    "sqlite": "SELECT value FROM json_each(:rows)",
    "postgresql": "SELECT CAST(json_array_elements_text(CAST(:rows AS json)) AS integer)",
}


def _listed(query: str) -> dict[str, PreparedQuery]:
    return {name: PreparedQuery(text(query.format(rows))) for name, rows in _LISTED.items()}


_DOCUMENTS_BY_ROW, _MODELS_BY_ROW = map(_listed, (_DOCUMENTS, _MODELS))
_ARTIFACTS_BY_MODEL, _ARTIFACTS_BY_ROW = map(_listed, (_ARTIFACTS_OF, _ARTIFACTS))
_SUMMARIES_BY_ROW = _listed(
    "SELECT id, identity, source_id, created, updated, summary FROM catalog_models WHERE id IN ({})"
)


def read_models(connection: Any, rows: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    """Return models by row: id, identity, source, created, updated, document, readme, evidence, as they are kept."""
    found = _MODELS_BY_ROW[connection.dialect.name].rows(connection, {"rows": json.dumps(list(rows))})
    return {row[0]: row for row in found}


def read_documents(connection: Any, rows: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    """Return models by row: id, identity, source, created, updated, document."""
    found = _DOCUMENTS_BY_ROW[connection.dialect.name].rows(connection, {"rows": json.dumps(list(rows))})
    return {row[0]: row for row in found}


def read_summaries(connection: Any, rows: Sequence[int]) -> dict[int, str]:
    """Return what a list says of models, by row, as JSON."""
    found = _SUMMARIES_BY_ROW[connection.dialect.name].rows(connection, {"rows": json.dumps(list(rows))})
    return {
        row: f'{{"id":"{identity}","source":{json.dumps(source)},"createTimeSinceEpoch":"{created}",'
        f'"lastUpdateTimeSinceEpoch":"{updated}",{text[1:]}'
        for row, identity, source, created, updated, text in found
    }


def read_artifacts_of(connection: Any, models: Sequence[int]) -> list[tuple[int, int, str]]:
    """Return the artifacts of models, in their order: the model's row, their own, their document."""
    found = _ARTIFACTS_BY_MODEL[connection.dialect.name].rows(connection, {"rows": json.dumps(list(models))})
    return [(row[0], row[1], row[2]) for row in found]


def read_artifacts(connection: Any, rows: Sequence[int]) -> dict[int, str]:
    """Return the documents of artifacts by row."""
    found = _ARTIFACTS_BY_ROW[connection.dialect.name].rows(connection, {"rows": json.dumps(list(rows))})
    return {row[1]: row[2] for row in found}


def read_entry(connection: Any, row: int) -> Entry | None:
    """Return a model as its source gave it; None where it is gone."""
    found = read_models(connection, [row]).get(row)
    if found is None:
        return None
    document: Document = json.loads(found[5])
    artifacts = tuple(json.loads(artifact) for _, _, artifact in read_artifacts_of(connection, [row]))
    return Entry(document.pop("name"), document, found[6], artifacts, tuple(json.loads(found[7])))


def live_rows(connection: Connection, sources: Iterable[str]) -> list[tuple[int, str, str]]:
    """Return the models in sight of these sources: row, source, name."""
    query = select(MODELS.c.id, MODELS.c.source_id, MODELS.c.name).where(MODELS.c.live)
    wanted = set(sources)
    return [(row, source, name) for row, source, name in connection.execute(query) if source in wanted]


def has_more(connection: Connection, sources: Iterable[str], count: int) -> bool:
    """Say whether more than so many models of these sources are in sight."""
    query = select(MODELS.c.id).where(MODELS.c.live, MODELS.c.source_id.in_(sorted(sources))).limit(count + 1)
    return len(connection.execute(query).all()) > count


def _plain(text: str) -> str:
    """Return a text as any database holds it: without half characters and null characters."""
    return text.encode(errors="replace").decode().replace("\0", "")


def _time(value: object) -> int | None:
    return int(value) if isinstance(value, str | int) and str(value).isdecimal() else None
