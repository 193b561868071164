"""The kinds that an API serves: where each is in it, by which rules, and what is said of them to clients that ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from forecourt.objects.model import KubernetesObject
from forecourt.objects.structural import Problem
from forecourt.objects.validation import validate_metadata

VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]

Validate = Callable[[Any, Any], None]
"""Takes an object that is to be kept, and the one in whose place (or None); raises `InvalidObject`."""


Check = Callable[[Any], Sequence[Problem]]
"""Takes a document, and returns everything that is wrong with it."""


def unchecked(_: Any) -> Sequence[Problem]:
    """Find nothing wrong with a document."""
    return ()


def freely(_: Any) -> None:
    """Let an object be deleted."""


def as_it_is(given: Any, _before: Any = None) -> Any:
    """Keep what was given."""
    return given


def by_kind(one: Any) -> tuple[str, str]:
    """Call an object by its kind, in words, and by its name."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", one.kind).lower(), one.name


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, its names in paths and on the command line, and the rules for it.

    `shipped` are the objects that are there without anybody having made them: read-only, in their namespace (or in
    every one, where they have none), unless one of the same name was made. One that is `lasting` stays after it was
    deleted, marked, until whoever runs it purges it. `check` looks at the document as it came, `validate` at the object
    that was made of it. `kept` makes of what a client gives (and of what was there before)
    what is kept, `shown` of that what clients see. `deletable` raises where an object cannot be deleted now.
    `called` returns what people call such a thing ("deployment"), and what they call this one; None for a kind whose
    objects are parts of others.
    """

    kind: type[KubernetesObject]
    group: str
    version: str
    plural: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    validate: Validate = validate_metadata
    check: Check = unchecked
    shipped: Callable[[], Sequence[KubernetesObject]] = tuple
    lasting: bool = False
    kept: Callable[[Any, Any], Any] = as_it_is
    shown: Callable[[Any], Any] = as_it_is
    deletable: Callable[[Any], None] = freely
    called: Callable[[Any], tuple[str, str]] | None = by_kind

    @property
    def name(self) -> str:
        """The kind's name."""
        return self.kind.__name__

    @property
    def singular(self) -> str:
        """Its name in the singular, as kubectl takes it."""
        return self.name.lower()

    @property
    def api_version(self) -> str:
        """Group and version; the version alone for Kubernetes' core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """Where the group's version is in the API."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    def with_shipped(self, made: Sequence[Any], namespace: str | None = None) -> list[Any]:
        """Return the objects that were made and those that ship, except where one of their name was made."""
        shipped = self.shipped()
        names = {(one.namespace, one.name) for one in made} if shipped else set()
        return [
            *made,
            *(
                one
                for one in shipped
                if namespace is None or one.namespace in ("", namespace)
                if (one.namespace or namespace or "", one.name) not in names
            ),
        ]


def discovery(resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
    """Return the documents that say what there is, by path, as kubectl and client libraries ask for them.

    https://kubernetes.io/docs/reference/using-api/api-concepts/#discovery-api
    """
    versions: dict[str, dict[str, list[Resource]]] = {}
    for resource in resources:
        versions.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
    core = versions.pop("", {"v1": []})
    groups = [_group(name, tuple(of_group)) for name, of_group in versions.items()]
    return {
        "/api": {"kind": "APIVersions", "versions": list(core)},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
        **{f"/api/{version}": _resource_list(version, known) for version, known in core.items()},
        **{f"/apis/{group['name']}": {"kind": "APIGroup", "apiVersion": "v1", **group} for group in groups},
        **{
            f"/apis/{name}/{version}": _resource_list(f"{name}/{version}", known)
            for name, of_group in versions.items()
            for version, known in of_group.items()
        },
    }


def _group(name: str, versions: Sequence[str]) -> dict[str, Any]:
    those = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": those, "preferredVersion": those[0]}


def _resource_list(group_version: str, resources: Iterable[Resource]) -> dict[str, Any]:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": [
            {
                "name": resource.plural,
                "singularName": resource.singular,
                "namespaced": resource.namespaced,
                "kind": resource.name,
                "verbs": VERBS,
                "shortNames": list(resource.short_names),
            }
            for resource in resources
        ],
    }
