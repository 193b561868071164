"""Objects that were read or written of late, so that who lists them again and again need not do so anew."""

from __future__ import annotations

import threading
from typing import TypeVar

from pydantic_core import to_json

from forecourt.objects.model import KubernetesObject

T = TypeVar("T", bound=KubernetesObject)

_MOST = 1000


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
