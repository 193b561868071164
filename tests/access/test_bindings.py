"""Role bindings: which are taken, and what they give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forecourt.access import Bindings, Identity, Level, Role, RoleBinding, binding
from forecourt.access.bindings import validate_binding
from forecourt.db import Database
from forecourt.errors import InvalidObject
from forecourt.objects import ObjectStore

ANNA = Identity("anna", "Anna", Role.USER, frozenset({"fraud"}))


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ObjectStore]:
    database = Database(f"sqlite:///{tmp_path}/forecourt.db")
    database.upgrade()
    yield ObjectStore(database)
    database.close()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"roleRef": None}, "roleRef: Required value"),
        ({"roleRef": {"kind": "ClusterRole", "name": "root"}}, 'roleRef.name: Unsupported value: "root"'),
        ({"roleRef": {"kind": "Role", "name": "view"}}, 'roleRef.kind: Unsupported value: "Role"'),
        ({"subjects": [{"kind": "ServiceAccount", "name": "x"}]}, "subjects[0].kind: Unsupported value"),
        ({"subjects": [{"kind": "User", "name": " "}]}, "subjects[0].name: Required value"),
        ({"subjects": [{"kind": "User", "name": "x", "apiGroup": "other"}]}, "subjects[0].apiGroup: Invalid value"),
        ({"metadata": {"name": "Not A Name", "namespace": "vision"}}, "metadata.name: Invalid value"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_binding_that_means_nothing_is_refused(change: dict[str, object], says: str) -> None:
    document = binding("vision", "b", "edit", "User", "anna").to_dict() | change
    with pytest.raises(InvalidObject) as refused:
        validate_binding(RoleBinding.from_dict({key: value for key, value in document.items() if value is not None}))
    assert says in refused.value.message


def test_its_role_cannot_be_changed() -> None:
    with pytest.raises(InvalidObject, match="roleRef"):
        validate_binding(
            binding("vision", "b", "admin", "User", "anna"), binding("vision", "b", "view", "User", "anna")
        )


def test_rights_hold_as_soon_as_they_are_given_and_no_longer_than_they_are(objects: ObjectStore) -> None:
    bindings = Bindings(objects)
    assert bindings.level(ANNA, "vision") is Level.NONE
    objects.create(binding("vision", "one", "view", "Group", "fraud"))
    assert bindings.level(ANNA, "vision") is Level.VIEW
    objects.create(binding("vision", "two", "admin", "User", "anna"))
    assert bindings.level(ANNA, "vision") is Level.ADMIN
    assert bindings.level(ANNA, "other") is Level.NONE
    assert Bindings(objects).level(ANNA, "vision") is Level.ADMIN
    marked = objects.mark_deleted(RoleBinding, "vision", "two")
    objects.purge(RoleBinding, "vision", "two", marked.metadata.uid or "")
    assert bindings.level(ANNA, "vision") is Level.VIEW


def test_a_group_is_not_a_user_of_its_name(objects: ObjectStore) -> None:
    bindings = Bindings(objects)
    objects.create(binding("vision", "one", "edit", "Group", "anna"))
    objects.create(binding("vision", "two", "edit", "User", "fraud"))
    assert bindings.level(ANNA, "vision") is Level.NONE
    objects.create(binding("vision", "three", "view", "Group", "system:authenticated"))
    assert bindings.level(ANNA, "vision") is Level.VIEW


def test_a_viewer_sees_and_no_more_and_an_administrator_may_do_everything(objects: ObjectStore) -> None:
    bindings = Bindings(objects)
    objects.create(binding("vision", "one", "admin", "User", "vera"))
    assert bindings.level(Identity("vera", "", Role.VIEWER), "vision") is Level.VIEW
    assert bindings.level(Identity("root", "", Role.ADMINISTRATOR), "anywhere") is Level.ADMIN


def test_a_user_who_goes_leaves_no_rights_behind(objects: ObjectStore) -> None:
    bindings = Bindings(objects)
    both = binding("vision", "both", "edit", "User", "anna").to_dict()
    both["subjects"].append({"kind": "User", "name": "bert"})
    objects.create(RoleBinding.from_dict(both))
    objects.create(binding("fraud", "alone", "admin", "User", "anna"))
    assert bindings.of_user("anna") == {"fraud": Level.ADMIN, "vision": Level.EDIT}
    bindings.forget_user("anna")
    assert bindings.of_user("anna") == {}
    assert [one.name for one in objects.list(RoleBinding)] == ["both"]
    assert bindings.of_user("bert") == {"vision": Level.EDIT}
