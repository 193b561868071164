"""Lineage that no field of Kubeflow's says: where a version comes from, what it was made from, what proves it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from forecourt.errors import AlreadyExists, InvalidInput, NotFound
from forecourt.registry import store
from forecourt.registry.changes import Actor, now, record
from forecourt.registry.documents import to_text
from forecourt.registry.model import MODEL_VERSION
from forecourt.registry.tables import Link

SOURCE = "source"
"""Where the files came from: ``catalog://source/model``, ``hf://owner/model@revision``, ``s3://…``, ``https://…``."""
TRAINED_BY = "trained-by"
"""The training run that made it, as a URI."""
EVIDENCE = "evidence"
"""What was measured of it: a report, a referrer of its image."""
PARENTS = ("quantized-from", "finetuned-from", "adapter-of", "merged-from", "derived-from")
"""What it was made from: Hugging Face's relations to a base model, and one for any other."""
RELATIONS = (SOURCE, TRAINED_BY, EVIDENCE, *PARENTS)

_LONGEST_URI = 512


def add_link(
    connection: Connection,
    actor: Actor,
    version_id: int,
    relation: str,
    uri: str,
    *,
    target_id: int | None = None,
    detail: str = "",
) -> int:
    """Add an arrow from a version, and return its id; `target_id` is the version it leads to, where it is one of ours.

    Raises `InvalidInput`, `NotFound`, and `AlreadyExists` where it is there already.
    """
    if relation not in RELATIONS:
        raise InvalidInput(f"{relation!r} is no relation.", hint=f"Known are {', '.join(RELATIONS)}.")
    if not uri or len(uri) > _LONGEST_URI or "\0" in uri:
        raise InvalidInput(f"The URI of a link has 1 to {_LONGEST_URI} characters.")
    version = store.get(connection, (MODEL_VERSION,), version_id, lock=True)
    if target_id is not None:
        store.get(connection, (MODEL_VERSION,), target_id)
        if relation in PARENTS and version_id in {target_id, *ancestors(connection, target_id)}:
            raise InvalidInput(f"{uri} is made from {version.name} already: lineage has no circles.")
    row = {"version_id": version_id, "relation": relation, "uri": uri}
    if connection.scalar(select(Link.id).filter_by(**row)) is not None:
        raise AlreadyExists(f"Version {version.name} has the link {relation} {uri} already.")
    link_id = connection.execute(
        insert(Link).returning(Link.id), {**row, "target_id": target_id, "detail": detail, "created": now()}
    ).scalar_one()
    text = to_text({"relation": relation, "uri": uri})
    record(connection, actor, "link", MODEL_VERSION.schema, version_id, version.name, after=text)
    return int(link_id)


def remove_link(connection: Connection, actor: Actor, version_id: int, link_id: int) -> None:
    """Take an arrow away; raises `NotFound`."""
    query = select(Link.version_id, Link.relation, Link.uri).where(Link.id == link_id)
    link = connection.execute(query).first()
    if link is None or link.version_id != version_id:
        raise NotFound(f"Version {version_id} has no link {link_id}.")
    version = store.get(connection, (MODEL_VERSION,), version_id, lock=True)
    connection.execute(delete(Link).where(Link.id == link_id))
    text = to_text({"relation": link.relation, "uri": link.uri})
    record(connection, actor, "unlink", MODEL_VERSION.schema, version_id, version.name, before=text)


def ancestors(connection: Any, version_id: int) -> set[int]:
    """Return the ids of the versions that a version is made from, theirs too."""
    seen: set[int] = set()
    waiting = {version_id}
    while waiting:
        query = select(Link.target_id).where(
            Link.version_id.in_(waiting), Link.relation.in_(PARENTS), Link.target_id.is_not(None)
        )
        waiting = set(connection.scalars(query)) - seen
        seen |= waiting
    return seen
