"""Users, sessions and tokens as the API says them, and what it takes to make and change them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from forecourt.access.access import Access
from forecourt.access.credentials import Session, Token
from forecourt.access.users import User

DAYS = 90
"""How long a token lasts where nothing is said."""

Document = dict[str, Any]


class Body(BaseModel):
    """What a request says, in camelCase, and nothing else."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Password(Body):
    """A password to set; without one, one is made, and shown in the answer. Of one's own, `current` is asked for."""

    password: str | None = Field(default=None, repr=False)
    current: str = Field(default="", repr=False)


class NewToken(Body):
    """A token to make; `days` is how long it lasts, null for good."""

    name: str
    days: int | None = DAYS


def user_document(
    one: User, access: Access, counts: Mapping[str, tuple[int, int, int | None]] | None = None
) -> Document:
    """Return a user; with the `counts` of `Credentials`, what goes with them too."""
    document: Document = {
        "name": one.name,
        "displayName": one.display_name or one.name,
        "role": one.role.value,
        "groups": list(one.groups),
        "disabled": one.disabled,
        "created": _time(one.created),
    }
    if counts is not None:
        tokens, sessions, used = counts.get(one.name, (0, 0, None))
        projects = [
            {"project": name, "role": level.name.lower()} for name, level in access.bindings.of_user(one.name).items()
        ]
        document |= {"tokens": tokens, "sessions": sessions, "lastUsed": _time(used), "projects": projects}
    return document


def token_document(one: Token) -> Document:
    """Return a token, which does not show what it is."""
    return {
        "id": str(one.id),
        "name": one.name,
        "created": _time(one.created),
        "expires": _time(one.expires),
        "lastUsed": _time(one.used),
    }


def session_document(one: Session, current: str) -> Document:
    """Return a session, and whether it is the `current` one, by its id."""
    return {
        "id": one.id,
        "current": bool(current) and current.startswith(one.id),
        "agent": one.agent,
        "address": one.address,
        "created": _time(one.created),
        "lastUsed": _time(one.seen),
        "expires": _time(one.expires),
    }


def _time(moment: int | None) -> str | None:
    return None if not moment else datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
