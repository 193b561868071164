"""Projects: namespaces with the dashboard's label. What is in one goes with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Sequence

from forecourt.errors import AlreadyExists, Conflict, Forbidden, NotFound
from forecourt.objects import ObjectStore, Resource, refuse, validate_label_name, validate_metadata
from forecourt.projects.model import DASHBOARD, DISPLAY_NAME, Namespace

DEFAULT_PROJECT = "default"
_RESERVED = re.compile(r"(kube|openshift|openshift-.*|kube-.*)")
_LOOK_SECONDS = 1.0  # between two looks at a project whose deployments are coming to their ends

log = logging.getLogger(__name__)


def validate_namespace(wanted: Namespace, _before: object = None) -> None:
    """Check a project that is to be kept; raises `InvalidObject` that names the field."""
    validate_metadata(wanted)
    validate_label_name("metadata.name", wanted.name)
    if _RESERVED.fullmatch(wanted.name):
        refuse("metadata.name", wanted.name, "must not be a name that clusters keep for themselves")


def let_go(namespace: Namespace) -> None:
    """Raise `Forbidden` for the project that is used where none is said: it stays, as a cluster's does."""
    if namespace.name == DEFAULT_PROJECT:
        raise Forbidden(
            f"The project {DEFAULT_PROJECT} cannot be deleted: it is used where none is named.",
            hint="Delete what is in it instead.",
        )


def project(name: str, display_name: str = "", description: str = "") -> Namespace:
    """Return a project as Open Data Hub's dashboard makes it."""
    annotations = {DISPLAY_NAME: display_name or name} | (
        {"openshift.io/description": description} if description else {}
    )
    document = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {DASHBOARD: "true"}, "annotations": annotations},
    }
    return Namespace.from_dict(document)


def ensure_projects(objects: ObjectStore) -> None:
    """Have a project for everything that there is, and the one that is used where none is said."""
    there = {one.name for one in objects.list(Namespace)}
    for name in sorted({DEFAULT_PROJECT, *objects.namespaces()} - there - {""}):
        with contextlib.suppress(AlreadyExists):  # another server was first
            objects.create(project(name))


def admit(objects: ObjectStore, name: str) -> None:
    """Raise `NotFound` for a project that is not there, `Conflict` for one that is going."""
    try:
        found = objects.get(Namespace, "", name)
    except NotFound:
        raise NotFound(
            f"There is no project {name}.",
            hint=f"Create it: forecourt projects create {name}. See which there are: forecourt projects list",
        ) from None
    if found.metadata.deletion_timestamp:
        raise Conflict(f"The project {name} is being deleted.", hint="Wait until it is gone, or use another.")


class Endings:
    """Empties the projects that are being deleted, and then removes them, while `run` runs.

    `marked` is called, in whichever thread, when something was marked that others have to end.
    """

    def __init__(
        self, objects: ObjectStore, resources: Sequence[Resource], marked: Callable[[], None] = lambda: None
    ) -> None:
        self._objects = objects
        self._marked = marked
        self._resources = [one for one in resources if one.namespaced]
        self._asked = asyncio.Event()

    def look(self) -> None:
        """Look soon; for the event loop's own thread."""
        self._asked.set()

    async def run(self) -> None:
        """Look whenever asked, and for as long as one is on its way out."""
        going = True
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS if going else None):
                    await self._asked.wait()
            self._asked.clear()
            try:
                going = await asyncio.to_thread(self._step)
            except Exception:
                log.exception("A project could not be emptied; it will be tried again.")
                going = True

    def _step(self) -> bool:
        """Delete what is in projects that are going, and those that are empty; say whether some are left."""
        left = False
        for one in self._objects.list(Namespace):
            if not one.metadata.deletion_timestamp:
                continue
            empty = True
            for resource in self._resources:
                for inside in self._objects.list(resource.kind, one.name):
                    news = resource.lasting and not inside.metadata.deletion_timestamp
                    marked = self._objects.mark_deleted(resource.kind, one.name, inside.name)
                    gone = not resource.lasting and self._objects.purge(
                        resource.kind, one.name, inside.name, marked.metadata.uid or ""
                    )
                    empty = empty and gone
                    if news:
                        self._marked()
            if not (empty and self._objects.purge(Namespace, "", one.name, one.metadata.uid or "")):
                left = True
        return left
