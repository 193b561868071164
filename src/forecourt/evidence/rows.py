"""Rows of published numbers: one JSON object a line, of text, checked as they are read.

Numbers are texts, as they were printed: a JSON number loses the zeros at its end, and with them how exact it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from forecourt.errors import InvalidInput

_PRINTED = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")
_LARGEST = 10**12 - 1
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What a text of JSON may have and no text that is kept: the null character, and halves of a character."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its number, from 1, and its fields."""

    number: int
    fields: dict[str, Any]

    def refused(self, problem: str, hint: str) -> InvalidInput:
        """Return the error that tells where the problem is."""
        return InvalidInput(f"Row {self.number}: {problem}", hint=hint)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a field that is text; one without a default must be there and not be blank."""
        value = self.fields.get(name, default)
        if isinstance(value, str) and (value.strip() or default is not None) and not _NO_TEXT.search(value):
            return value
        raise self.refused(f"{name} is {_shown(value)}.", f'Write "{name}" as text.')

    def link(self, name: str) -> str:
        """Return a field that is a web address."""
        if not (value := self.text(name)).startswith(("https://", "http://")):
            raise self.refused(f"{name} is {value!r}, which is no link.", f'Write "{name}" as https://….')
        return value

    def count(self, name: str) -> int:
        """Return a field that is an integer above zero, of at most 12 digits."""
        value = self.fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST:
            return value
        raise self.refused(f"{name} is {_shown(value)}.", f'Write "{name}" as an integer from 1 to {_LARGEST}.')

    def printed(self, name: str) -> Decimal | None:
        """Return a number with the digits that were printed; None for null, where nothing was printed."""
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, str) and _PRINTED.fullmatch(value):
            return Decimal(value)
        raise self.refused(
            f"{name} is {_shown(value)}.",
            f'Write "{name}" as text with the digits that were printed, such as "65.00", or null for none.',
        )

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field that is a list of texts."""
        value = self.fields.get(name)
        if isinstance(value, list) and all(isinstance(each, str) and not _NO_TEXT.search(each) for each in value):
            return tuple(value)
        raise self.refused(f"{name} is {_shown(value)}.", f'Write "{name}" as a list of texts.')


def read_rows(lines: Iterable[str], known: frozenset[str]) -> Iterator[Row]:
    """Yield a row for each line that is not blank.

    Raises `InvalidInput` for a line that is no JSON object, and for fields that are not `known`: one that is spelled
    wrong would count as one that is not there.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = Row(number, {})
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise row.refused(f"it is no JSON: {error}.", "Write one JSON object a line.") from None
        if not isinstance(fields, dict):
            raise row.refused(f"it is {_shown(fields)}.", "Write one JSON object a line.")
        if unknown := sorted(fields.keys() - known):
            raise row.refused(f"it has a field {unknown[0]!r}.", f"The fields are {', '.join(sorted(known))}.")
        yield Row(number, fields)


class AboutModel(Protocol):
    """What was read of a row or a table: it is about a model."""

    @property
    def model(self) -> str:
        """The model's name."""
        ...


def check_one_model(found: Iterable[AboutModel]) -> None:
    """Raise `InvalidInput` where what was read is about several models; names that differ in case are the same."""
    by_case: dict[str, str] = {}
    for each in found:
        by_case.setdefault(each.model.casefold(), each.model)
    names = list(by_case.values())
    if len(names) > 1:
        raise InvalidInput(
            f"There are rows about {len(names)} models: {', '.join(names[:2])}{', …' if len(names) > 2 else ''}.",
            hint="Keep the rows about one of them.",
        )


def lines_of(data: bytes) -> list[str]:
    r"""Return the lines of a file of rows: they end with ``\n``, as JSON may have other ends of lines in its texts.

    https://github.com/ndjson/ndjson-spec. Raises `InvalidInput` for what is no UTF-8.
    """
    try:
        return data.decode().split("\n")
    except UnicodeDecodeError as error:
        row = Row(data.count(b"\n", 0, error.start) + 1, {})
        raise row.refused("it is no UTF-8.", "Save the file as UTF-8.") from None


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    text = _NO_TEXT.sub("\ufffd", json.dumps(value, ensure_ascii=False))
    return text if len(text) <= 40 else f"{text[:40]}…"
