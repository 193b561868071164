"""Texts that contain a text, found without looking at each: all of them stand in one, which is searched in C."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator

_END = "\x1f"
_WILDCARDS = ("%", "_")
_PARTS = re.compile(r"\\.|[%_]|[^\\%_]+|\\$", re.DOTALL)


class Substrings:
    """Texts in one, without upper and lower case."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = list(texts)
        folded = [caseless(text) for text in self._texts]
        starts, at = array("q"), 0
        for text in folded:
            starts.append(at)
            at += len(text) + 1
        self._starts = starts
        self._joined = _END.join(folded)

    def containing(self, part: str) -> Iterator[str]:
        """Yield the texts that contain a text, in any case, each once."""
        part = caseless(part)
        if not part or _END in part:
            yield from self._texts
            return
        at = self._joined.find(part)
        while at >= 0:
            number = bisect_right(self._starts, at) - 1
            yield self._texts[number]
            following = self._starts[number + 1] if number + 1 < len(self._starts) else len(self._joined)
            at = self._joined.find(part, following)

    def like(self, pattern: str, *, any_case: bool) -> Iterator[str]:
        """Return the texts that match SQL's LIKE pattern: % is any text, _ a character, a backslash escapes.

        What stands between two % is sought where it comes first and never again: the time grows with the text times
        the pattern, whatever they are.
        """
        parts = [_unescaped(part) for part in _PARTS.findall(pattern)]
        longest = max((literal for part, literal in parts if part not in _WILDCARDS), key=len, default="")
        fold = caseless if any_case else str
        pieces = [""]
        for part, literal in parts:
            if part == "%":
                pieces.append("")
            else:
                pieces[-1] += "." if part == "_" else re.escape(fold(literal))
        first, *between = pieces
        last = f".*{between.pop()}" if between else ""
        expression = re.compile("".join((first, *(f"(?>.*?{piece})" for piece in between if piece), last)), re.DOTALL)
        return (each for each in self.containing(longest) if expression.fullmatch(fold(each)))


def caseless(text: str) -> str:
    """Return a text without upper and lower case, each character for itself: a part of it stays a part of it."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(each.casefold() if len(each.casefold()) == 1 else each for each in text)


def _unescaped(part: str) -> tuple[str, str]:
    """Return a part of a pattern, and the text that it stands for where it is no wildcard."""
    return part, part[1:] if len(part) == 2 and part[0] == "\\" else part
