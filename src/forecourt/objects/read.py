"""Objects that were read or written of late, so that who lists them again and again need not do so anew."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TypeVar, cast

from pydantic_core import to_json
from sqlalchemy import ColumnElement, and_, bindparam, select

from forecourt.db import Counter, Database, Object, PreparedQuery
from forecourt.errors import NotFound
from forecourt.objects.model import KubernetesObject

T = TypeVar("T", bound=KubernetesObject)

COUNTER = "resourceVersion"
"""The counter whose value is the resource version of the last change."""
_MOST = 1000
_ONE = PreparedQuery(
    select(Object.resource_version).where(
        Object.kind == bindparam("kind"), Object.namespace == bindparam("namespace"), Object.name == bindparam("name")
    )
)


def _versions(*also: ColumnElement[bool]) -> PreparedQuery:
    """Return the query for the versions of a kind's objects, each beside the counter, all as of one moment."""
    those = and_(Object.kind == bindparam("kind"), *also)
    both = select(Counter.value, Object.resource_version).select_from(Counter).join(Object, those, isouter=True)
    return PreparedQuery(both.where(Counter.name == bindparam("counter")).order_by(Object.namespace, Object.name))


_ALL, _SOME = _versions(), _versions(Object.namespace == bindparam("namespace"))


def kind_of(kind: type[KubernetesObject]) -> str:
    """Return a kind's name in the database."""
    return str(kind.model_fields["kind"].default)


def missing(kind: type[KubernetesObject], namespace: str, name: str) -> NotFound:
    """Return the error that says that there is no such object."""
    return NotFound(f"{kind_of(kind)} {name} is not there in the namespace {namespace}.")


class Read:
    """At most so many objects, by their kind and resource version. Threads may share it.

    Every change of any object has a resource version of its own, so what was read at one is good for as long as it is
    asked for; objects never change, so whoever asks may have the same one.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._objects: dict[tuple[type[KubernetesObject], int], KubernetesObject] = {}

    def get(self, kind: type[T], version: int) -> T | None:
        """Return the object of a kind that has a resource version, if it was read of late."""
        with self._lock:
            found = self._objects.pop((kind, version), None)
            if found is not None:
                self._objects[kind, version] = found  # the last to go
        return found  # type: ignore[return-value]

    def keep(self, version: int, read: T) -> T:
        """Keep an object that was read, and return it."""
        with self._lock:
            self._objects[type(read), version] = read
            if len(self._objects) > self._most:
                del self._objects[next(iter(self._objects))]
        return read


class OfLate:
    """Asks a database only for the versions of objects, and has the objects themselves from `read`.

    Where the database is a file on this machine that takes no time, and may be done on the event loop.
    """

    def __init__(self, database: Database, read: Read) -> None:
        self._database = database
        self._read = read

    def get(self, kind: type[T], namespace: str, name: str) -> T | None:
        """Return an object; None where it was not read of late, or the database is elsewhere. Raises `NotFound`."""
        if not self._database.is_sqlite:
            return None
        with self._database.point() as connection:
            rows = _ONE.rows(connection, {"kind": kind_of(kind), "namespace": namespace, "name": name})
        if not rows:
            raise missing(kind, namespace, name)
        return self._read.get(kind, rows[0][0])

    def list(self, kind: type[T], namespace: str | None = None) -> tuple[Sequence[T], int] | None:
        """Return the objects of a namespace, or of all, and the resource version to watch from; else None."""
        if not self._database.is_sqlite:
            return None
        query = _ALL if namespace is None else _SOME
        with self._database.point() as connection:
            rows = query.rows(connection, {"counter": COUNTER, "kind": kind_of(kind), "namespace": namespace})
        found = [self._read.get(kind, version) for _, version in rows if version is not None]
        return None if any(one is None for one in found) else ([cast("T", one) for one in found], rows[0][0])


class Written:
    """The JSON of at most so many objects. One thread uses it."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[int, tuple[KubernetesObject, bytes]] = {}

    def json(self, one: KubernetesObject) -> bytes:
        """Return the document of an object as JSON; objects never change."""
        known = self._known.pop(id(one), None)
        if known is None:
            known = one, to_json(one.to_dict())
        self._known[id(one)] = known  # the last to go; as long as it is kept, no other object has its id
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return known[1]
