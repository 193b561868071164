"""The catalog's rows. Each change to them comes with a migration in `forecourt.db.migrations`.

What a source gave is kept, so that it is there at once after a start and where the source cannot be reached. A model
that changes gets a new row, and the old one goes out of sight in the same moment in which all that is new of its source
comes into it::

    catalog_sources    what the server knows of a source: its definition where no file has it, its state, its error
    catalog_models     models with their documents as JSON text, those that are live and those that are being loaded
    catalog_artifacts  their artifacts, in the order in which the source gave them
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Identity, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from forecourt.db import Row


class Source(Row):
    """What is known of a source besides what a file says of it."""

    __tablename__ = "catalog_sources"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    definition: Mapped[str | None] = mapped_column(Text)
    """As JSON, where it was added through the API."""
    enabled: Mapped[bool | None] = mapped_column(Boolean)
    """What a person said, which goes before what its definition says."""
    status: Mapped[str] = mapped_column(String(32), default="")
    error: Mapped[str] = mapped_column(Text, default="")
    problems: Mapped[str] = mapped_column(Text, default="[]")
    """Models that were left out and why, as JSON."""
    stamp: Mapped[str] = mapped_column(String(64), default="")
    """What its files were like when it was last loaded."""
    loaded: Mapped[int | None] = mapped_column(BigInteger)
    """When it was last loaded without an error, in milliseconds since 1970."""


class Model(Row):
    """A model of a source. `identity` is what the API calls its id, which stays when its document changes."""

    __tablename__ = "catalog_models"
    __table_args__ = (
        Index("ix_catalog_models_by_name", "source_id", "name"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    identity: Mapped[int] = mapped_column(Integer)
    source_id: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(512))
    fingerprint: Mapped[str] = mapped_column(String(64))
    live: Mapped[bool] = mapped_column(Boolean)
    created: Mapped[int] = mapped_column(BigInteger)
    updated: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    readme: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str] = mapped_column(Text)


class Artifact(Row):
    """An artifact of a model."""

    __tablename__ = "catalog_artifacts"
    __table_args__ = (
        Index("ix_catalog_artifacts_of", "model_id", "position"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("catalog_models.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    document: Mapped[str] = mapped_column(Text)


SOURCES = Source.metadata.tables["catalog_sources"]
MODELS = Model.metadata.tables["catalog_models"]
ARTIFACTS = Artifact.metadata.tables["catalog_artifacts"]
