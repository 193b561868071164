"""Something that takes space, and a group of such."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

Remove = Callable[[], Awaitable[None]]
"""Removes something; called in the event loop. Raises `Conflict` where it is needed after all."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that takes space. Sizes are bytes on the disk.

    `own` is what removing it frees: less than its size where others share its files. `used_by` are those who need it
    now: then it stays. `lost` says in a sentence what is lost with it, `again` how it comes back. `needless` says that
    nothing here needs it any more, so that it goes with all such; `stays` says why it cannot go
    at all.
    """

    id: str
    name: str
    size: int
    own: int
    used_by: tuple[str, ...] = ()
    last_used: str | None = None
    lost: str = ""
    again: str = ""
    needless: bool = False
    stays: str = ""
    remove: Remove | None = field(default=None, repr=False, compare=False)

    @property
    def removable(self) -> bool:
        """Whether it can go."""
        return self.remove is not None and not self.used_by and not self.stays

    def to_dict(self) -> dict[str, Any]:
        """Return it as the API does."""
        return {
            "id": self.id,
            "name": self.name,
            "sizeBytes": self.size,
            "ownBytes": self.own,
            "usedBy": list(self.used_by),
            "lastUsed": self.last_used,
            "removable": self.removable,
            "needless": self.needless and self.removable,
            "stays": self.stays,
            "lost": self.lost,
            "again": self.again,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Items of a kind. `size` is what they take together, each shared byte once; `about` says what they are."""

    id: str
    title: str
    about: str
    size: int
    items: tuple[Item, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as the API does."""
        items = sorted(self.items, key=lambda one: -one.size)
        return {
            "id": self.id,
            "title": self.title,
            "about": self.about,
            "sizeBytes": self.size,
            "items": [one.to_dict() for one in items],
        }
