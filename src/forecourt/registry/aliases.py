"""Aliases: names of the user's own for the versions of a model, each for one version at a time, as ``champion``."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from forecourt.errors import InvalidInput, NotFound
from forecourt.registry import store
from forecourt.registry.changes import Actor, record
from forecourt.registry.documents import to_text
from forecourt.registry.model import MODEL_VERSION, REGISTERED_MODEL
from forecourt.registry.tables import Alias, Resource

STAGE = "stage"
"""The custom property of a version that says its stage, where every client can see and filter it."""
STAGES = ("development", "staging", "production")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
_TAKEN = "latest"  # what a model without a version means


def stage_property(stage: str) -> dict[str, Any]:
    """Return the custom property that says a version's stage; raises `InvalidInput` for what is none."""
    if stage not in STAGES:
        raise InvalidInput(f"{stage!r} is no stage.", hint=f"Stages are {', '.join(STAGES)}.")
    return {STAGE: {"string_value": stage, "metadataType": "MetadataStringValue"}}


def aliases_of(connection: Any, model_id: int) -> dict[str, int]:
    """Return a model's aliases and the ids of the versions that they are for."""
    query = select(Alias.alias, Alias.version_id).where(Alias.model_id == model_id).order_by(Alias.alias)
    return {alias: version_id for alias, version_id in connection.execute(query).all()}  # noqa: C416


def set_alias(connection: Connection, actor: Actor, model_id: int, alias: str, version_id: int) -> int | None:
    """Give a version an alias, taking it from the one that has it, whose id is returned.

    Raises `InvalidInput` for what can be no alias or another model's version, and `NotFound`.
    """
    if not _NAME.fullmatch(alias) or alias.lower() == _TAKEN:
        raise InvalidInput(
            f"{alias!r} can be no alias.",
            hint=f"It begins with a letter, has letters, digits and _ . - after it, at most 63, and is not {_TAKEN}.",
        )
    model = store.get(connection, (REGISTERED_MODEL,), model_id, lock=True)
    version = store.get(connection, (MODEL_VERSION,), version_id)
    if version.parent_id != model_id:
        raise InvalidInput(f"Version {version.name} is none of {model.name}.")
    taken = connection.scalar(
        select(Resource.id).where(
            Resource.kind == MODEL_VERSION.schema, Resource.name == alias, Resource.parent_id == model_id
        )
    )
    if taken is not None:
        raise InvalidInput(f"{model.name} has a version called {alias}.", hint="Choose another alias.")
    before = aliases_of(connection, model_id).get(alias)
    key = {"model_id": model_id, "alias": alias}
    if before is None:
        connection.execute(insert(Alias), {**key, "version_id": version_id})
    elif before != version_id:
        connection.execute(update(Alias).filter_by(**key).values(version_id=version_id))
    if before != version_id:
        _record(connection, actor, "alias", model_id, model.name, alias, before, version_id)
    return before


def remove_alias(connection: Connection, actor: Actor, model_id: int, alias: str) -> None:
    """Take an alias away; raises `NotFound`."""
    model = store.get(connection, (REGISTERED_MODEL,), model_id, lock=True)
    before = aliases_of(connection, model_id).get(alias)
    if before is None:
        raise NotFound(f"{model.name} has no alias {alias}.")
    connection.execute(delete(Alias).filter_by(model_id=model_id, alias=alias))
    _record(connection, actor, "unalias", model_id, model.name, alias, before, None)


def _record(
    connection: Connection,
    actor: Actor,
    action: str,
    model_id: int,
    name: str,
    alias: str,
    before: int | None,
    after: int | None,
) -> None:
    def said(version_id: int | None) -> str | None:
        return to_text({"alias": alias, "modelVersionId": str(version_id)}) if version_id is not None else None

    record(connection, actor, action, REGISTERED_MODEL.schema, model_id, name, said(before), said(after))
