"""What the registry has of a name: before something is registered under it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from forecourt.registry import store
from forecourt.registry.model import MODEL_VERSION, REGISTERED_MODEL
from forecourt.registry.store import Found
from forecourt.registry.tables import Resource

_MOST = 10_000  # names of versions that are looked at for the next free one


@dataclass(frozen=True, slots=True)
class Standing:
    """The model and the version of given names, where they are there; `following` is a version's name that is free."""

    model: Found | None
    version: Found | None
    following: str


def as_document(found: Standing) -> dict[str, Any]:
    """Return it as the API tells it: ``registeredModel`` and ``modelVersion`` are null where there is none."""
    return {
        "registeredModel": _brief(found.model),
        "modelVersion": _brief(found.version),
        "nextVersion": found.following,
    }


def _brief(one: Found | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"id": str(one.id), "name": one.name, "state": one.document.get("state")}


def standing(connection: Any, model_name: str, version_name: str) -> Standing:
    """Return what there is of a model's and a version's name; archived ones take their names as well."""
    model = store.find(connection, (REGISTERED_MODEL,), name=model_name) if model_name else None
    if model is None:
        return Standing(None, None, next_version(()))
    query = select(Resource.name).where(Resource.kind == MODEL_VERSION.schema, Resource.parent_id == model.id)
    names = connection.scalars(query.order_by(Resource.id.desc()).limit(_MOST)).all()
    version = store.find(connection, (MODEL_VERSION,), name=version_name, parent_id=model.id) if version_name else None
    return Standing(model, version, next_version(names))


def next_version(names: Iterable[str]) -> str:
    """Return the next free name among ``v1``, ``v2`` and so on, where versions are called so already."""
    numbers = [int(found[1]) for name in names if (found := re.fullmatch(r"v([0-9]{1,9})", name))]
    return f"v{max(numbers, default=0) + 1}"
