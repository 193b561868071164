"""Who may do what in a project: Kubernetes' `RoleBinding` (rbac.authorization.k8s.io/v1).

https://kubernetes.io/docs/reference/access-authn-authz/rbac/. What a binding gives is one of Kubernetes' own cluster
roles for people: ``view`` reads, ``edit`` changes what is in the project, ``admin`` says who may, and deletes it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Literal

from forecourt.access.identity import Identity, Role
from forecourt.errors import InvalidObject, NotFound
from forecourt.objects import KubernetesObject, ObjectStore, Part, Resource, refuse, validate_metadata

GROUP = "rbac.authorization.k8s.io"
EVERYBODY = "system:authenticated"
"""Kubernetes' name for the group that everybody is in who has signed in."""

_LONGEST_NAME = 253


class Level(IntEnum):
    """How far somebody's rights in a project go."""

    NONE = 0
    VIEW = 1
    EDIT = 2
    ADMIN = 3


LEVELS = {"view": Level.VIEW, "edit": Level.EDIT, "admin": Level.ADMIN}


class Subject(Part):
    """A user, or everybody in a group."""

    kind: Literal["User", "Group"]
    name: str
    api_group: str | None = None


class RoleRef(Part):
    """The role that the subjects have."""

    kind: Literal["ClusterRole"]
    name: str
    api_group: str | None = None


class RoleBinding(KubernetesObject):
    """Gives users and groups a role in the project that it is in."""

    api_version: Literal["rbac.authorization.k8s.io/v1"] = "rbac.authorization.k8s.io/v1"
    kind: Literal["RoleBinding"] = "RoleBinding"
    subjects: list[Subject] | None = None
    role_ref: RoleRef

    @property
    def level(self) -> Level:
        """What it gives."""
        return LEVELS.get(self.role_ref.name, Level.NONE)


def validate_binding(wanted: RoleBinding, before: RoleBinding | None = None) -> None:
    """Check a binding that is to be kept; raises `InvalidObject` that names the field."""
    validate_metadata(wanted)
    if wanted.role_ref.name not in LEVELS:
        supported = ", ".join(f'"{name}"' for name in LEVELS)
        raise InvalidObject(
            f'roleRef.name: Unsupported value: "{wanted.role_ref.name[:63]}": supported values: {supported}'
        )
    if (group := wanted.role_ref.api_group) not in (None, GROUP):
        refuse("roleRef.apiGroup", group, f"must be {GROUP}")
    for index, subject in enumerate(wanted.subjects or ()):
        if not subject.name.strip():
            raise InvalidObject(f"subjects[{index}].name: Required value")
        if len(subject.name) > _LONGEST_NAME:
            refuse(f"subjects[{index}].name", subject.name, f"must be at most {_LONGEST_NAME} characters")
        if subject.api_group not in (None, GROUP):
            refuse(f"subjects[{index}].apiGroup", subject.api_group, f"must be {GROUP}")
    if before is not None and before.role_ref.name != wanted.role_ref.name:
        refuse("roleRef", wanted.role_ref.name, "cannot be changed; make another binding, and delete this one")


def called(one: RoleBinding) -> tuple[str, str]:
    """Return what people call a binding: who has which role by it."""
    return "role binding", f"{' and '.join(each.name for each in one.subjects or ())} ({one.role_ref.name})"


ROLE_BINDINGS = Resource(RoleBinding, GROUP, "v1", "rolebindings", validate=validate_binding, called=called)


def binding(namespace: str, name: str, role: str, kind: str, subject: str) -> RoleBinding:
    """Return a binding as Open Data Hub's dashboard makes it; `kind` is ``User`` or ``Group``."""
    return RoleBinding.from_dict(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": namespace, "labels": {"opendatahub.io/dashboard": "true"}},
            "subjects": [{"kind": kind, "apiGroup": GROUP, "name": subject}],
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        }
    )


class Bindings:
    """What the bindings of an object store give, known without asking the database. Threads may share it."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._lock = threading.Lock()
        self._given: dict[str, dict[str, RoleBinding]] = {}
        objects.listen(RoleBinding, self._changed)
        for one in objects.list(RoleBinding):
            self._changed("ADDED", one)

    def level(self, identity: Identity, namespace: str) -> Level:
        """Return how far somebody's rights in a project go."""
        if identity.is_administrator:
            return Level.ADMIN
        found = max((one.level for one in self._of(namespace) if _is_of(one, identity)), default=Level.NONE)
        return min(found, Level.VIEW) if identity.role is Role.VIEWER else found

    def of_user(self, name: str) -> Mapping[str, Level]:
        """Return the projects in which a user is named, and what each gives; groups left out."""
        found: dict[str, Level] = {}
        for namespace in sorted(self._given):
            levels = [one.level for one in self._of(namespace) if _names(one, name)]
            if levels:
                found[namespace] = max(levels)
        return found

    def forget_user(self, name: str) -> None:
        """Take a user out of all bindings, so that nobody of the same name comes to have their rights."""
        for namespace in list(self._given):
            for one in self._of(namespace):
                if _names(one, name):
                    self._without(one, name)

    def _without(self, one: RoleBinding, name: str) -> None:
        left = [subject for subject in one.subjects or () if (subject.kind, subject.name) != ("User", name)]
        try:
            if left:
                kept = one.model_copy(update={"subjects": left}).with_metadata(resource_version=None)
                self._objects.update(RoleBinding, one.namespace, one.name, lambda _: kept)
            else:
                marked = self._objects.mark_deleted(RoleBinding, one.namespace, one.name)
                self._objects.purge(RoleBinding, one.namespace, one.name, marked.metadata.uid or "")
        except NotFound:
            pass  # it went meanwhile, and what it gave with it

    def _of(self, namespace: str) -> list[RoleBinding]:
        with self._lock:
            return [*self._given.get(namespace, {}).values()]

    def _changed(self, event: str, one: Any) -> None:
        with self._lock:
            there = self._given.setdefault(one.namespace, {})
            if event == "DELETED":
                there.pop(one.name, None)
            else:
                there[one.name] = one
            if not there:
                self._given.pop(one.namespace, None)


def _names(one: RoleBinding, user: str) -> bool:
    return any((subject.kind, subject.name) == ("User", user) for subject in one.subjects or ())


def _is_of(one: RoleBinding, identity: Identity) -> bool:
    return any(
        subject.name == identity.name
        if subject.kind == "User"
        else subject.name == EVERYBODY or subject.name in identity.groups
        for subject in one.subjects or ()
    )
