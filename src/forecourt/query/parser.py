"""Text -> syntax tree: the door, which refuses at once what is too long or cannot be text."""

from __future__ import annotations

import re
from functools import lru_cache

from forecourt.query.invalid import InvalidFilter
from forecourt.query.syntax import Expression

MAX_LENGTH = 16 * 1024
"""Characters in a filterQuery: several times what a URL usually may have, and read within milliseconds."""

_NOT_TEXT = re.compile("[\0\ud800-\udfff]")  # no database stores a null byte, no encoding half a surrogate pair


_KEPT, _KEPT_LENGTH = 1024, 1024  # trees that are kept, of texts of so many characters at most


def parse(text: str) -> Expression:
    """Return the syntax tree of a filterQuery. Raises `InvalidFilter`, for a blank text as well."""
    return _parse_once(text) if len(text) <= _KEPT_LENGTH else _parse(text)


def _parse(text: str) -> Expression:
    if len(text) > MAX_LENGTH:
        raise InvalidFilter(
            f"it is longer than {MAX_LENGTH:,} characters",
            column=MAX_LENGTH + 1,
            hint="Filter in several requests.",
        )
    if found := _NOT_TEXT.search(text):
        what = "a null byte" if found[0] == "\0" else "half a surrogate pair"
        raise InvalidFilter(f"found {what}, which no value can hold", column=found.start() + 1)
    if not text or text.isspace():
        raise InvalidFilter("it is empty", column=1, hint="Write a comparison, such as name = 'granite'.")

    from forecourt.query.lalr import read  # loads lark, which a server that is never asked to filter does without

    return read(text)


_parse_once = lru_cache(_KEPT)(_parse)
