"""Query parameters of the catalog's API, read as upstream's server reads them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

from starlette.datastructures import QueryParams

from forecourt.catalog.index import Rows, Snapshot
from forecourt.catalog.recommendations import Properties
from forecourt.errors import InvalidInput

PAGE_SIZE = 10
"""How many there are in a page that nobody said the size of."""
_MOST = 1000
PROPERTIES = ("latencyProperty", "rpsProperty", "hardwareCountProperty", "hardwareTypeProperty")
"""The parameters that name what recommendations look at."""
_SUFFIX = re.compile(r"(.+)\.(string|double|int|bool)_value")
_ORDER_NAME = re.compile(r"`?[^`\x00-\x1f]{1,255}`?")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The query parameters of a request."""

    given: QueryParams

    def text(self, name: str) -> str:
        """Return a parameter, empty where it is not there; raises `InvalidInput` for a null byte."""
        value: str = self.given.get(name, "")
        if "\0" in value:
            raise InvalidInput(f"null bytes are not allowed in {name}")
        return value

    def texts(self, name: str) -> list[str]:
        """Return all values of a parameter, given several times or with commas; raises `InvalidInput`."""
        values = [*self.given.getlist(name), *self.given.getlist(f"{name}[]")]
        if any("\0" in value for value in values):
            raise InvalidInput(f"null bytes are not allowed in {name}")
        return [each.strip() for value in values for each in value.split(",") if each.strip()]

    def flag(self, name: str) -> bool:
        """Return whether a parameter is true; raises `InvalidInput` for what is neither."""
        value = self.text(name).lower()
        if value not in ("", "true", "false", "1", "0"):
            raise InvalidInput(f"invalid {name} {value[:40]!r}: it is true or false")
        return value in ("true", "1")

    def number(self, name: str, *, least: int = 0, most: int = 2**31 - 1) -> int | None:
        """Return a parameter that is an integer, None where it is not there; raises `InvalidInput`."""
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch(r"-?[0-9]{1,10}", value) or not least <= int(value) <= most:
            raise InvalidInput(f"invalid {name} {value[:40]!r}: it is a number from {least} to {most}")
        return int(value)

    @property
    def page_size(self) -> int:
        """How many a page has, a thousand at most; raises `InvalidInput`."""
        return min(self.number("pageSize", least=1) or PAGE_SIZE, _MOST)

    @property
    def descending(self) -> bool:
        """Whether the order is turned round; raises `InvalidInput`."""
        value = self.text("sortOrder").upper()
        if value not in ("", "ASC", "DESC"):
            raise InvalidInput(f"invalid sortOrder {value[:40]!r}: it is ASC or DESC")
        return value == "DESC"

    @property
    def properties(self) -> Properties:
        """Which properties recommendations look at."""
        said = map(self.text, PROPERTIES)
        return Properties(*(name or usual for name, usual in zip(said, astuple(Properties()), strict=True)))


def property_of(order: str) -> tuple[str, str]:
    """Return the property that an ``orderBy`` such as ``mmlu.double_value`` names, and the type of its values.

    Raises `InvalidInput`.
    """
    found = _SUFFIX.fullmatch(order)
    if found is None or not _ORDER_NAME.fullmatch(found[1]):
        raise InvalidInput(
            f"invalid orderBy {order[:80]!r}: it is a field, or a property with the type of its value, as "
            "mmlu.double_value, with string_value, double_value, int_value or bool_value"
        )
    return found[1].replace("`", ""), found[2]


def token(position: int, identity: int) -> str:
    """Return the token of the page behind a row: where it stood, and which it was."""
    return base64.urlsafe_b64encode(f"{position}:{identity}".encode()).decode()


def position_after(text: str, position_of: Callable[[int], int | None]) -> int:
    """Return where the page begins that a token asks for; raises `InvalidInput`.

    Where the row of the token has moved meanwhile, the page begins behind where it is now.
    """
    if not text:
        return 0
    try:
        position, _, identity = base64.urlsafe_b64decode(text.encode("ascii")).decode("ascii").partition(":")
        if len(position) < 11 and len(identity) < 20 and position.isdecimal() and identity.isdecimal():
            now = position_of(int(identity))
            return int(position) if now is None else now + 1
    except (binascii.Error, ValueError):
        pass
    raise InvalidInput("invalid nextPageToken: it is none that this server gave; begin again without it")


def offset_after(text: str) -> int:
    """Return where a page begins whose token is a plain number; raises `InvalidInput`."""
    if text and (not text.isascii() or not text.isdecimal() or len(text) > 9):
        raise InvalidInput("invalid nextPageToken: it is none that this server gave; begin again without it")
    return int(text or 0)


def paged(items: Sequence[str], page_size: int, next_token: str) -> str:
    """Return the JSON of a page, of which the items are JSON already."""
    return f'{{"items":[{",".join(items)}],"nextPageToken":"{next_token}","pageSize":{page_size},"size":{len(items)}}}'


def of_sources(snapshot: Snapshot, sources: Sequence[str]) -> Rows:
    """Return the models of some sources."""
    return snapshot.models.column("source_id").texts.union(sources)
