"""The rows of users and of what they are known by. Each change to them comes with a migration."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Identity, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from forecourt.db import Row


class UserRow(Row):
    """A user. `password` is what `passwords` makes of one, `groups` are JSON; times are milliseconds since 1970."""

    __tablename__ = "access_users"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    display_name: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(32))
    groups: Mapped[str] = mapped_column(Text)
    password: Mapped[str] = mapped_column(Text)
    disabled: Mapped[bool] = mapped_column(Boolean)
    created: Mapped[int] = mapped_column(BigInteger)


class SessionRow(Row):
    """A browser in which somebody has signed in; `hash` is the SHA-256 of what its cookie says."""

    __tablename__ = "access_sessions"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user: Mapped[str] = mapped_column(String(64), ForeignKey("access_users.name", ondelete="CASCADE"), index=True)
    created: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger)
    seen: Mapped[int] = mapped_column(BigInteger)
    agent: Mapped[str] = mapped_column(String(255))
    address: Mapped[str] = mapped_column(String(64))


class TokenRow(Row):
    """A token by which a program is known as its user; `hash` is its SHA-256. One that never expires has no time."""

    __tablename__ = "access_tokens"
    __table_args__ = (UniqueConstraint("hash"), UniqueConstraint("user", "name"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    user: Mapped[str] = mapped_column(String(64), ForeignKey("access_users.name", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(63))
    hash: Mapped[str] = mapped_column(String(64))
    created: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int | None] = mapped_column(BigInteger)
    used: Mapped[int | None] = mapped_column(BigInteger)
