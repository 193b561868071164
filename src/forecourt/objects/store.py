"""Kubernetes objects in the database, with the promises that Kubernetes' API makes of them.

Each has a `uid` for as long as it lives; its `resourceVersion` grows with every change of any object, its `generation`
with every change of its spec, and a writer who gives the version it has read is refused where that has changed since. A
deployment that is deleted stays, with its `deletionTimestamp`, until whoever runs it has cleaned up and purges it.
Threads may share a store. The database is one process's own: watchers hear what was written through this store.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from forecourt.db import Counter, Database, Object
from forecourt.errors import AlreadyExists, Conflict
from forecourt.objects.events import Event, Events, EventType
from forecourt.objects.model import KubernetesObject, now
from forecourt.objects.read import COUNTER, OfLate, Read, kind_of, missing

T = TypeVar("T", bound=KubernetesObject)

_FEW = 100  # objects of a list that are read one by one; more are read with all
_SERVERS = ("uid", "resource_version", "generation", "creation_timestamp", "deletion_timestamp")
"""Metadata that only the store writes."""


Noted = Callable[[KubernetesObject, "KubernetesObject | None"], KubernetesObject]
"""Takes an object that is to be kept and the one in whose place (or None); returns it with what is noted on it."""


def _as_given(wanted: KubernetesObject, _before: KubernetesObject | None) -> KubernetesObject:
    return wanted


class ObjectStore:
    """The objects of a database, whose schema must be at its newest.

    Those that were read `of_late` may be had on the event loop, since that takes no time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writing = threading.Lock()  # so that events are told in the order of their resource versions
        self._events: Events | None = None
        self._listening: dict[str, list[Callable[[Event], None]]] = {}
        self._noted: Noted = _as_given
        self._read = Read()
        self.of_late = OfLate(database, self._read)

    def note(self, noted: Noted) -> None:
        """Have what is created or changed from now on be what ``noted(wanted, before)`` makes of it."""
        self._noted = noted

    def listen(self, kind: type[T], told: Callable[[EventType, T], None]) -> None:
        """Have `told` be called with every change of a kind from now on, before whoever makes it goes on."""
        self._listening.setdefault(kind_of(kind), []).append(
            lambda event: told(event.type, kind.from_dict(event.document))
        )

    # Ask

    def get(self, kind: type[T], namespace: str, name: str) -> T:
        """Return an object; raises `NotFound`."""
        if (of_late := self.of_late.get(kind, namespace, name)) is not None:
            return of_late
        with self._database.snapshot() as session:
            row = _find(session, kind, namespace, name)
            return self._read.keep(row.resource_version, kind.from_dict(row.document))

    def namespaces(self) -> list[str]:
        """Return the namespaces in which there is something, by name."""
        with self._database.snapshot() as session:
            return [*session.scalars(select(Object.namespace).distinct().order_by(Object.namespace))]

    def list(self, kind: type[T], namespace: str | None = None) -> list[T]:
        """Return the objects of a kind, by namespace and name; of one namespace or of all."""
        return [*self.list_at(kind, namespace)[0]]

    def list_at(self, kind: type[T], namespace: str | None = None) -> tuple[Sequence[T], int]:
        """Return the same, with the resource version to watch from so that no change is missed."""
        if (of_late := self.of_late.list(kind, namespace)) is not None:
            return of_late
        chosen = [Object.kind == kind_of(kind), *([Object.namespace == namespace] if namespace is not None else [])]
        query = select(Object.resource_version).where(*chosen).order_by(Object.namespace, Object.name)
        with self._database.snapshot() as session:
            version = session.get_one(Counter, COUNTER).value
            versions = [*session.scalars(query)]
            found = {each: self._read.get(kind, each) for each in versions}
            if missing := [each for each, known in found.items() if known is None]:
                few = [Object.resource_version.in_(missing)] if len(missing) <= _FEW else []
                rows = session.execute(select(Object.resource_version, Object.document).where(*chosen, *few))
                for each, document in rows:
                    found[each] = self._read.keep(each, kind.from_dict(document))
        return [cast("T", found[each]) for each in versions], version

    async def watch(
        self, kind: type[T], namespace: str | None = None, *, since: int | None = None
    ) -> AsyncIterator[tuple[EventType, T]]:
        """Yield changes after the resource version `since`, then those to come; without `since` only the latter.

        Raises `Expired` where changes after `since` are no longer known, or the reader is too slow.
        """
        with self._published().subscribe(since) as subscription:
            while True:
                event = await subscription.next()
                if event.kind == kind_of(kind):
                    changed = kind.from_dict(event.document)
                    if namespace in (None, changed.namespace):
                        yield event.type, changed

    # Do

    def create(self, given: T) -> T:
        """Keep a new object and return it as it is now; raises `AlreadyExists`. Its status begins empty."""
        kind = type(given)
        given = cast("T", self._noted(given, None))
        metadata = given.metadata.model_copy(
            update={
                "uid": str(uuid.uuid4()),
                "generation": 1,
                "creation_timestamp": now(),
                "deletion_timestamp": None,
                "deletion_grace_period_seconds": None,
            }
        )
        document = given.model_copy(update={"metadata": metadata}).to_dict()
        document.pop("status", None)
        with self._write() as transaction:
            there = transaction.session.get(Object, (kind_of(kind), given.namespace, given.name))
            if there is not None:
                being_deleted = there.document["metadata"].get("deletionTimestamp")
                raise AlreadyExists(
                    f"{kind_of(kind)} {given.name} {'is being deleted' if being_deleted else 'is there already'}.",
                    hint="Wait a moment and try again." if being_deleted else "Apply it, or choose another name.",
                )
            row = Object(kind=kind_of(kind), namespace=given.namespace, name=given.name, uid=metadata.uid)
            transaction.put(row, document, "ADDED")
            transaction.session.add(row)
        return kind.from_dict(row.document)

    def update(self, kind: type[T], namespace: str, name: str, change: Callable[[T], T]) -> T:
        """Replace an object by what `change` makes of it, which cannot change meanwhile; return it as it is now.

        Status and the metadata that only the store writes stay as they are. Where the result is of another resource
        version or uid than the object it is refused: `Conflict`. Raises `NotFound`, and what `change` raises.
        """
        with self._write() as transaction:
            row = _find(transaction.session, kind, namespace, name)
            before = kind.from_dict(row.document)
            after = cast("T", self._noted(change(before), before))
            _refuse_stale(before, after)
            kept = {field: getattr(before.metadata, field) for field in _SERVERS}
            document = after.with_metadata(**kept).to_dict()
            if "status" in row.document:
                document["status"] = row.document["status"]
            else:
                document.pop("status", None)
            if document.get("spec") != row.document.get("spec"):
                document["metadata"]["generation"] = (before.metadata.generation or 0) + 1
            if document != row.document:
                transaction.put(row, document, "MODIFIED")
        return kind.from_dict(row.document)

    def replace(self, given: T) -> T:
        """Replace the object of that name by `given`; raises `NotFound`, and `Conflict` as `update` does."""
        return self.update(type(given), given.namespace, given.name, lambda _: given)

    def write_status(self, kind: type[T], namespace: str, name: str, status: dict[str, Any]) -> T:
        """Replace the status alone; nothing is written where it says the same already.

        Raises `NotFound`, and `InvalidObject` for a status that the kind cannot have.
        """
        with self._write() as transaction:
            row = _find(transaction.session, kind, namespace, name)
            if row.document.get("status") != status:
                after = {**row.document, "status": status}
                kind.from_dict(after)
                transaction.put(row, after, "MODIFIED")
        return kind.from_dict(row.document)

    def mark_deleted(
        self, kind: type[T], namespace: str, name: str, *, uid: str | None = None, resource_version: str | None = None
    ) -> T:
        """Ask for its end: it stays, with a `deletionTimestamp`, until it is purged. Asking again changes nothing.

        Raises `NotFound`, and `Conflict` where it has another uid or resource version than given.
        """
        with self._write() as transaction:
            row = _find(transaction.session, kind, namespace, name)
            before = kind.from_dict(row.document)
            _refuse_stale(before, before.with_metadata(uid=uid, resource_version=resource_version))
            if not before.metadata.deletion_timestamp:
                generation = (before.metadata.generation or 0) + 1
                marks = {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0, "generation": generation}
                metadata = {**row.document["metadata"], **marks}
                transaction.put(row, {**row.document, "metadata": metadata}, "MODIFIED")
        return kind.from_dict(row.document)

    def purge(self, kind: type[T], namespace: str, name: str, uid: str) -> bool:
        """Remove what is marked as deleted; say whether it is gone.

        It is not where finalizers still hold it, where it was never marked, or where another object took its name.
        """
        with self._write() as transaction:
            row = transaction.session.get(Object, (kind_of(kind), namespace, name))
            if row is None or row.uid != uid:
                return True
            metadata = row.document["metadata"]
            if metadata.get("finalizers") or not metadata.get("deletionTimestamp"):
                return False
            transaction.put(row, row.document, "DELETED")
            transaction.session.flush()
            transaction.session.delete(row)
        return True

    def remove_owned(self, namespace: str, uid: str) -> None:
        """Remove what an object owns that has gone, as Kubernetes' garbage collector does."""
        with self._write() as transaction:
            for row in transaction.session.scalars(select(Object).where(Object.namespace == namespace)):
                owners = row.document["metadata"].get("ownerReferences") or ()
                if any(owner.get("uid") == uid for owner in owners):
                    transaction.put(row, row.document, "DELETED")
                    transaction.session.flush()
                    transaction.session.delete(row)

    @contextmanager
    def _write(self) -> Iterator[_Transaction]:
        events = self._published()
        with self._writing:
            with self._database.session() as session:
                # Held to the end, so that writers of other processes wait too (SQLite has them wait already).
                counter = session.get_one(Counter, COUNTER, with_for_update=True)
                transaction = _Transaction(session, counter)
                yield transaction
            for event in transaction.events:
                for told in self._listening.get(event.kind, ()):
                    told(event)
                events.publish(event)

    def _published(self) -> Events:
        if self._events is not None:  # an event loop asks, too, which must not wait for a writer
            return self._events
        with self._writing:
            if self._events is None:
                with self._database.snapshot() as session:
                    self._events = Events(session.get_one(Counter, COUNTER).value)
            return self._events


class _Transaction:
    """A session, and what is to be told once it is committed."""

    def __init__(self, session: Session, counter: Counter) -> None:
        self.session = session
        self._counter = counter
        self.events: list[Event] = []

    def put(self, row: Object, document: dict[str, Any], event: EventType) -> None:
        """Give `row` the next resource version and `document`."""
        self._counter.value += 1
        row.resource_version = version = self._counter.value
        row.document = {**document, "metadata": {**document["metadata"], "resourceVersion": str(version)}}
        self.events.append(Event(event, row.kind, version, row.document))


def _find(session: Session, kind: type[KubernetesObject], namespace: str, name: str) -> Object:
    row = session.get(Object, (kind_of(kind), namespace, name))
    if row is None:
        raise missing(kind, namespace, name)
    return row


def _refuse_stale(before: KubernetesObject, after: KubernetesObject) -> None:
    versions = before.metadata.resource_version, after.metadata.resource_version
    if versions[1] and versions[0] != versions[1]:
        raise Conflict(
            f"{before.kind} {before.name} has changed: it is at resource version {versions[0]}, not {versions[1]}.",
            hint="Get it again, make your change to that, and try again.",
        )
    if after.metadata.uid and after.metadata.uid != before.metadata.uid:
        raise Conflict(
            f"{before.kind} {before.name} is another object now: its uid is {before.metadata.uid}.",
            hint="The one that was meant has been deleted. Leave out metadata.uid to change this one.",
        )
