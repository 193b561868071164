"""A request's query parameters, read as upstream's server reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from forecourt.errors import InvalidInput
from forecourt.registry.documents import INT32_MAX, parse_id
from forecourt.registry.model import ARTIFACTS, BY_ARTIFACT_TYPE, Kind
from forecourt.registry.pages import KUBEFLOWS, Cursor, Listing
from forecourt.registry.search import Filter

_SORT_ORDERS = ("ASC", "DESC")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The query parameters of a request: the first of each name, those that are empty left out."""

    values: dict[str, str]

    @staticmethod
    def parse(query: bytes) -> Parameters:
        """Read a query string; raises `InvalidInput` for null bytes and for what is no UTF-8."""
        if not query:
            return _NONE
        try:
            pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
        except (UnicodeDecodeError, ValueError):
            raise InvalidInput("the query string is no valid UTF-8: bad request") from None
        values: dict[str, str] = {}
        for name, value in pairs:
            if "\0" in name or "\0" in value:
                raise InvalidInput("null bytes are not allowed in query parameters: bad request")
            if value:
                values.setdefault(name, value)
        return Parameters(values)

    def get(self, name: str) -> str | None:
        """Return a parameter; None where it is not there or empty."""
        return self.values.get(name)

    def identity(self, name: str, word: str) -> int | None:
        """Return a parameter that is an id; raises `InvalidInput`."""
        value = self.get(name)
        return parse_id(value, word) if value is not None else None

    def chosen(self, name: str, schema: str, among: Sequence[str]) -> str | None:
        """Return a parameter that is one of several words; raises `InvalidInput`."""
        value = self.get(name)
        if value is not None and value not in among:
            raise InvalidInput(f"invalid value '{value}' for {schema}: valid values are [{' '.join(among)}]")
        return value

    @property
    def page_size(self) -> int:
        """How many resources a page has; 0 for all. Raises `InvalidInput`."""
        text = self.get("pageSize")
        if text is None:
            return 0
        if not text.isascii() or not text.isdecimal() or len(text) > 10 or int(text) > INT32_MAX:
            raise InvalidInput(f"invalid pageSize {text!r}: it is a number from 0 to {INT32_MAX}: bad request")
        return int(text)

    @property
    def cursor(self) -> Cursor | None:
        """After which row the page begins; raises `InvalidInput`."""
        token = self.get("nextPageToken")
        return Cursor.parse(token) if token is not None else None

    def kinds(self, kinds: Sequence[Kind]) -> Sequence[Kind]:
        """Return those of the kinds that ``artifactType`` leaves; raises `InvalidInput`."""
        if kinds is not ARTIFACTS:
            return kinds
        chosen = self.chosen("artifactType", "ArtifactTypeQueryParam", tuple(BY_ARTIFACT_TYPE))
        return (BY_ARTIFACT_TYPE[chosen],) if chosen else kinds

    def filter(self, kinds: Sequence[Kind]) -> Filter | None:
        """Return the ``filterQuery`` for resources of some kinds; raises `InvalidFilter`."""
        text = self.get("filterQuery")
        return Filter(text, tuple(kinds)) if text and text.strip() else None

    def listing(self, kinds: Sequence[Kind], **scope: object) -> Listing:
        """Return which resources are asked for, in which order; raises `InvalidInput`."""
        kinds = self.kinds(kinds)
        order = self.chosen("orderBy", "OrderByField", KUBEFLOWS) or "ID"
        descending = self.chosen("sortOrder", "SortOrder", _SORT_ORDERS) == "DESC"
        return Listing(kinds, filter=self.filter(kinds), order=order, descending=descending, **scope)  # type: ignore[arg-type]


_NONE = Parameters({})
