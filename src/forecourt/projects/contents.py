"""What is in a project, by name: all that goes with it when it is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forecourt.objects import ObjectStore, Resource
from forecourt.projects.model import Namespace

_FIRST = ("deployment", "connection", "token", "serving runtime", "hardware profile", "secret", "role binding")
"""In which order they are told; others come after, by what they are."""


def contents(objects: ObjectStore, resources: Sequence[Resource], project: str) -> list[dict[str, Any]]:
    """Return what a project has of the kinds, by what people call it: ``what`` it is, its ``count``, the ``names``.

    What ships is in every project and in no one's: it is left out. Raises `NotFound` without such a project.
    """
    objects.get(Namespace, "", project)
    found: dict[str, list[str]] = {}
    for resource in resources:
        if not resource.namespaced or resource.called is None:
            continue
        for one in objects.list(resource.kind, project):
            what, name = resource.called(one)
            found.setdefault(what, []).append(name)
    order = [*(what for what in _FIRST if what in found), *sorted(set(found) - set(_FIRST))]
    return [{"what": what, "count": len(found[what]), "names": found[what]} for what in order]
