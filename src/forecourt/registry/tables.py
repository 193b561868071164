"""The registry's rows. Each change to them comes with a migration in `forecourt.db.migrations`.

A resource is one row that carries its whole document; beside it stand rows for the index that filters use, one for
each value, so that a read needs one row and a filter on any property, a custom one too, has an index to go by::

    registry_resources    id, kind, parent, name, externalId, times, and the document as JSON text
    registry_properties   every value of every document, typed, by (kind, name, value, resource)
    registry_attributions which artifacts a version or a run has
    registry_aliases      a name of the user's for a version: champion
    registry_links        lineage that no field says: where a version comes from, what proves it
    registry_changes      who did what, when, and how it was before and after
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from forecourt.db import Row

HEAD = 200
"""How many characters of a text are in the index; the rest stands beside it and is compared only where it matters."""


def _where(name: str, condition: str, *columns: str, unique: bool = False) -> Index:
    """Return an index of the rows for which a condition holds, on PostgreSQL too, as the migration has it.

    To say it of PostgreSQL here would load its dialect at each start, which takes longer than all else of the registry.
    """
    return Index(name, *columns, unique=unique, sqlite_where=text(condition))


_BY = ("kind", "name", "custom")
_name = String(255).with_variant(String(255, collation="C"), "postgresql")  # in the order in which we compare
_binary = String(HEAD).with_variant(String(HEAD, collation="C"), "postgresql")


class Resource(Row):
    """A registered model, a version, an artifact, …: whatever the API gives an id."""

    __tablename__ = "registry_resources"
    __table_args__ = (
        UniqueConstraint("kind", "name", "parent_id"),
        _where("uq_registry_resources_top_level", "parent_id IS NULL", "kind", "name", unique=True),
        _where("uq_registry_resources_external", "external_id IS NOT NULL", "family", "external_id", unique=True),
        _where("ix_registry_resources_by_parent", "parent_id IS NOT NULL", "parent_id", "kind", "id"),
        Index("ix_registry_resources_by_id", "kind", "id"),
        Index("ix_registry_resources_by_created", "kind", "created", "id"),
        Index("ix_registry_resources_by_updated", "kind", "updated", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    family: Mapped[str] = mapped_column(String(16))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("registry_resources.id"))
    name: Mapped[str] = mapped_column(_name)
    external_id: Mapped[str | None] = mapped_column(Text)
    created: Mapped[int] = mapped_column(BigInteger)
    updated: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[str] = mapped_column(Text)


class Property(Row):
    """One value of a document. Its `type` is int, double, bool or string, or long for a text that has a `tail`.

    Of a text `head` is the beginning, which the index has. The index also has what a row must be asked besides, so that
    counting matches reads nothing else.
    """

    __tablename__ = "registry_properties"
    __table_args__ = (
        _where("ix_registry_properties_text", "head IS NOT NULL", *_BY, "head", "resource_id", "type"),
        _where("ix_registry_properties_number", "number IS NOT NULL", *_BY, "number", "resource_id", "type"),
        {"sqlite_with_rowid": False},
    )

    resource_id: Mapped[int] = mapped_column(ForeignKey("registry_resources.id", ondelete="CASCADE"), primary_key=True)
    custom: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    type: Mapped[str] = mapped_column(String(8))
    head: Mapped[str | None] = mapped_column(_binary)
    tail: Mapped[str | None] = mapped_column(Text)
    number: Mapped[float | None] = mapped_column(Double)


class Attribution(Row):
    """That an artifact belongs to a version or a run; it may belong to several."""

    __tablename__ = "registry_attributions"

    context_id: Mapped[int] = mapped_column(ForeignKey("registry_resources.id", ondelete="CASCADE"), primary_key=True)
    artifact_id: Mapped[int] = mapped_column(
        ForeignKey("registry_resources.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Alias(Row):
    """A name for one version of a model, which moves when it is given to another."""

    __tablename__ = "registry_aliases"

    model_id: Mapped[int] = mapped_column(ForeignKey("registry_resources.id", ondelete="CASCADE"), primary_key=True)
    alias: Mapped[str] = mapped_column(String(63), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("registry_resources.id", ondelete="CASCADE"), index=True)


class Link(Row):
    """An arrow of lineage from a version: to another version where `target_id` says which, and to a URI besides."""

    __tablename__ = "registry_links"
    __table_args__ = (UniqueConstraint("version_id", "relation", "uri"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("registry_resources.id", ondelete="CASCADE"))
    relation: Mapped[str] = mapped_column(String(32))
    target_id: Mapped[int | None] = mapped_column(ForeignKey("registry_resources.id", ondelete="SET NULL"), index=True)
    uri: Mapped[str] = mapped_column(String(512), index=True)
    detail: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[int] = mapped_column(BigInteger)


class Change(Row):
    """One entry of the audit trail. It outlives what it is about, whose name it therefore says itself."""

    __tablename__ = "registry_changes"
    __table_args__ = (
        Index("ix_registry_changes_of", "resource_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    time: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(255))
    agent: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(32))
    resource_id: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(255))
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)


RESOURCES = Resource.metadata.tables["registry_resources"]
PROPERTIES = Resource.metadata.tables["registry_properties"]
ATTRIBUTIONS = Resource.metadata.tables["registry_attributions"]
CHANGES = Resource.metadata.tables["registry_changes"]
"""The tables that are written row by row, without the object mapper in between."""
