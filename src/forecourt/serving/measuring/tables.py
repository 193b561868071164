"""The rows of what was measured. Each change to them comes with a migration in `forecourt.db.migrations`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from forecourt.db import Row


class Measurement(Row):
    """A sample of the deployment with this uid: `step` seconds from `start` on (seconds since 1970)."""

    __tablename__ = "measurements"
    __table_args__ = (Index("ix_measurements_by_time", "step", "start"),)

    uid: Mapped[str] = mapped_column(String(36), primary_key=True)
    step: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sample: Mapped[str] = mapped_column(Text)
    """As JSON, in the short form of `Sample.encode`."""


MEASUREMENTS = Measurement.metadata.tables["measurements"]
