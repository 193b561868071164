"""The tables. Each change to them comes with a migration in `migrations/versions`; a test holds the two together."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Row(DeclarativeBase):
    """What every table's row is."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Object(Row):
    """A Kubernetes object, whole, as the API gives it; the columns beside it are those that are searched."""

    __tablename__ = "objects"

    kind: Mapped[str] = mapped_column(String(63), primary_key=True)
    namespace: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str] = mapped_column(String(253), primary_key=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    resource_version: Mapped[int] = mapped_column(BigInteger, index=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)


class Counter(Row):
    """A number that only grows. Whoever takes the next one holds the row until the transaction ends."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
