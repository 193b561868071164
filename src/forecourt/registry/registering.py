"""Registering a model in one step: its name, a version of it and where the files are, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import Connection

from forecourt.errors import ForecourtError, InvalidInput
from forecourt.registry import changing, store
from forecourt.registry.aliases import set_alias, stage_property
from forecourt.registry.changes import Actor
from forecourt.registry.documents import INT32_MAX, Document, read_fields
from forecourt.registry.links import add_link
from forecourt.registry.model import MODEL_ARTIFACT, MODEL_VERSION, REGISTERED_MODEL, V1
from forecourt.registry.store import Found


class NewLink(BaseModel):
    """An arrow of lineage; `model_version_id` says which of our versions it leads to."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    relation: str
    uri: str
    model_version_id: int | None = Field(default=None, ge=1, le=INT32_MAX)
    detail: str = ""


class Registration(BaseModel):
    """What is registered: fields of the model, its version and its artifact, as the registry's API has them."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    registered_model: Document
    model_version: Document
    model_artifact: Document
    aliases: list[str] = Field(default_factory=list)
    stage: str = ""
    links: list[NewLink] = Field(default_factory=list)


def register(connection: Connection, actor: Actor, wanted: Registration) -> dict[str, Found]:
    """Add a version, with its artifact, aliases and lineage; its model too where there is none of that name.

    A model that is there stays as it is. Raises `AlreadyExists` for a version that is there, and `InvalidInput`; the
    message says of which part of what is wanted it is, as ``modelVersion: …``.
    """
    with _of("registeredModel"):
        model_fields = read_fields(REGISTERED_MODEL, wanted.registered_model, V1, "create")
    with _of("modelVersion"):
        version_fields = read_fields(MODEL_VERSION, {"registeredModelId": "1"} | wanted.model_version, V1, "create")
    with _of("modelArtifact"):
        if wanted.model_artifact.get("artifactType") not in (None, MODEL_ARTIFACT.artifact_type):
            raise InvalidInput(f"What is registered is a {MODEL_ARTIFACT.artifact_type}, and no other artifact.")
        artifact_fields = read_fields(MODEL_ARTIFACT, wanted.model_artifact, V1, "create")
    if wanted.stage:
        with _of("stage"):
            properties = version_fields.get("customProperties", {})
            version_fields["customProperties"] = properties | stage_property(wanted.stage)
    with _of("registeredModel"):
        model = store.find(connection, (REGISTERED_MODEL,), name=model_fields["name"])
        if model is None:
            model = changing.create(connection, actor, REGISTERED_MODEL, model_fields)
    with _of("modelVersion"):
        version = changing.create(connection, actor, MODEL_VERSION, version_fields, parent_id=model.id)
    with _of("modelArtifact"):
        artifact, _ = changing.put_artifact(
            connection, actor, MODEL_VERSION, version.id, MODEL_ARTIFACT, artifact_fields, None
        )
    for alias in wanted.aliases:
        with _of("aliases"):
            set_alias(connection, actor, model.id, alias, version.id)
    for position, link in enumerate(wanted.links):
        with _of(f"links[{position}]"):
            add_link(
                connection,
                actor,
                version.id,
                link.relation,
                link.uri,
                target_id=link.model_version_id,
                detail=link.detail,
            )
    return {"registeredModel": model, "modelVersion": version, "modelArtifact": artifact}


@contextmanager
def _of(part: str) -> Iterator[None]:
    """Say in an error which part of what is wanted it is of."""
    try:
        yield
    except ForecourtError as error:
        error.message = f"{part}: {error.message}"
        raise
