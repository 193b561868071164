"""Words of models, found as people type them: in any order, cut short, with a typo; the best first.

Each field of a model has words; a word of a query is sought in all of them. What it is found as (the word itself, its
beginning, one that is misspelt) and where (the name before the provider before the description) makes the level of a
match. Models that have every word of the query are shown by the sum of their levels, those of one sum in the order of
their numbers. Words are not counted: a name that says ``granite`` twice is no better than one that says it once.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pyroaring import BitMap

from forecourt.catalog.index.columns import Rows
from forecourt.catalog.index.substrings import Substrings

FIELDS = ("name", "facts", "description")
"""Where words are, the most telling first: facts are provider, tasks, libraries and tags."""
_LEVELS = {("name", 0): 12, ("name", 1): 9, ("facts", 0): 7, ("facts", 1): 5, ("name", 2): 4, ("facts", 2): 3}
_LEVELS |= {("description", 0): 2, ("description", 1): 1}
"""How much a word tells that is found in a field whole (0), by its beginning (1) or misspelt (2)."""

_GREATEST = max(_LEVELS.values())
_SOLID = _LEVELS["facts", 1]  # who is found so is what was meant
_MOST_WORDS = 12  # of a query; the rest is not looked at
_MOST_PARTS = 6  # of a word, where it is sought in parts
_MOST_ALIKE = 40  # words of the vocabulary that a misspelt one may be
_WORD = re.compile(r"[^\W_]+(?:[.][0-9]+)*", re.UNICODE)
_DIGITS = re.compile(r"[0-9]+")
_PARTS = re.compile(r"[0-9]+|[^\W\d_]+")


def words_of(text: str) -> set[str]:
    """Return the words of a text in small letters; of ``llama3.1`` also ``llama`` and ``3.1``, as people write both."""
    found = set(_WORD.findall(text.casefold()))
    return found.union(*map(_within, found))


@lru_cache(100_000)
def _within(word: str) -> tuple[str, ...]:
    """Return the words that stand within a word."""
    parts = _PARTS.findall(word)
    within = word.split(".") if "." in word else []
    return (*within, *(parts if 1 < len(parts) < 4 and not word[0].isdigit() else ()))


class Words:
    """The vocabulary of all models; filled, then frozen."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, Any]] = {field: {} for field in FIELDS}  # arrays, bitmaps once frozen
        self._sorted: dict[str, list[str]] = {field: [] for field in FIELDS}
        self._searchable: dict[str, Substrings] = {}

    def add(self, model: int, texts: Mapping[str, str]) -> None:
        """Add what a model says in its fields; models are added in the order of their numbers."""
        for field, text in texts.items():
            vocabulary = self._fields[field]
            for word in words_of(text):
                known = vocabulary.get(word)
                if known is None:
                    known = vocabulary[word] = array("I")
                known.append(model)

    def freeze(self) -> None:
        """Make it ready to be asked."""
        for field, vocabulary in self._fields.items():
            for word, models in vocabulary.items():
                vocabulary[word] = BitMap(models)
            self._sorted[field] = sorted(vocabulary)

    def containing(self, text: str) -> Rows | None:
        """Return the models that may have a text in one of their fields, and surely all that do; None for any.

        A text that is contained has its words within those of the model, whatever is between them.
        """
        found: Rows | None = None
        for part in re.findall(r"[^\W_]+", text.casefold()):
            having: Rows = BitMap()
            for field, vocabulary in self._fields.items():
                having = having.union(*(vocabulary[word] for word in self._around(field, part)))
            found = having if found is None else found & having
        return found

    def _around(self, field: str, part: str) -> Iterator[str]:
        """Yield the words in which a part of a text may stand: ``1b`` of ``1.1b`` begins in ``1.1``, and goes on."""
        yield from self._substrings(field).containing(part)
        if (digits := _DIGITS.match(part)) and digits[0] != part:
            for word in self._substrings(field).containing(digits[0]):
                if "." in word and word.endswith(digits[0]):
                    yield word

    def _substrings(self, field: str) -> Substrings:
        if field not in self._searchable:
            self._searchable[field] = Substrings(self._sorted[field])
        return self._searchable[field]

    def ranked(self, query: str, among: Rows | None) -> Ranking:
        """Return the models that have every word of a query, where `among` is given only those of it."""
        words = list(dict.fromkeys(_WORD.findall(query.casefold())))[:_MOST_WORDS]
        return Ranking([self._levels(word) for word in words], among)

    def _levels(self, word: str) -> list[tuple[int, Rows]]:
        """Return the models that a word finds by how much it tells, each model at its best level only."""
        found: dict[int, Rows] = {}
        for field in FIELDS:
            for how, models in enumerate((self._whole(field, word), self._begun(field, word))):
                if models:
                    found[_LEVELS[field, how]] = models
        if not any(level >= _SOLID for level in found):
            for field in ("name", "facts"):
                if models := self._alike(field, word):
                    found[_LEVELS[field, 2]] = models
            if 1 < len(parts := _PARTS.findall(word)) <= _MOST_PARTS:  # llama3 where they write llama-3
                unions = [BitMap().union(*(models for _, models in self._levels(part))) for part in parts]
                found[_SOLID] = BitMap.intersection(*unions)
        seen: Rows = BitMap()
        levels = []
        for level in sorted(found, reverse=True):
            models = found[level] - seen
            if models:
                levels.append((level, models))
                seen |= models
        return levels

    def _whole(self, field: str, word: str) -> Rows:
        found: Rows = self._fields[field].get(word) or BitMap()
        return found

    def _begun(self, field: str, word: str) -> Rows:
        """Return the models with a word that begins so; it takes two letters to tell anything."""
        vocabulary, known = self._fields[field], self._sorted[field]
        start = bisect_left(known, word)
        end = bisect_left(known, word + "\U0010ffff")
        if start == end or (len(word) < 2 and not word.isdigit()):
            return BitMap()
        return BitMap().union(*(vocabulary[each] for each in known[start:end]))

    def _alike(self, field: str, word: str) -> Rows:
        """Return the models with a word that is misspelt so: by one letter, by two in a long one, the first right."""
        if len(word) < 4 or any(letter.isdigit() for letter in word):
            return BitMap()
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        known = self._sorted[field]
        start, end = bisect_left(known, word[0]), bisect_left(known, word[0] + "\U0010ffff")
        most = 1 if len(word) < 8 else 2
        near = process.extract(word, known[start:end], scorer=OSA.distance, score_cutoff=most, limit=_MOST_ALIKE)
        best = min((distance for _, distance, _ in near), default=0)
        return BitMap().union(*(self._fields[field][each] for each, distance, _ in near if distance == best))


class Ranking:
    """Models in the order in which a query finds them.

    The sums of their levels are kept as sets, one for each binary digit, so that all models are added up at once.
    """

    def __init__(self, words: list[list[tuple[int, Rows]]], among: Rows | None) -> None:
        unions = [BitMap().union(*(models for _, models in levels)) for levels in words]
        self.models: Rows = BitMap.intersection(*unions) if unions else BitMap()
        """All that it finds."""
        if among is not None:
            self.models = self.models & among
        self._words = words

    def __iter__(self) -> Iterator[int]:
        """Yield models, the best first, those of one sum in the order of their numbers."""
        return _downwards(self.models, self._sums())

    def _sums(self) -> list[Rows]:
        """Return for each binary digit, the least first, the models in whose sum it is one."""
        sums: list[Rows] = [BitMap() for _ in range((_GREATEST * len(self._words)).bit_length())]
        for levels in self._words:
            ours = [(level, models & self.models) for level, models in levels]
            carried: Rows = BitMap()
            for digit, known in enumerate(sums):
                added = BitMap().union(*(models for level, models in ours if level >> digit & 1))
                sums[digit] = known ^ added ^ carried
                carried = (known & added) | (carried & (known ^ added))
        return sums


def _downwards(models: Rows, sums: Sequence[Rows]) -> Iterator[int]:
    """Yield models by their sums, the greatest first; goes as deep as there are digits."""
    if not models or not sums:
        yield from models
        return
    *less, greatest = sums
    yield from _downwards(models & greatest, less)
    yield from _downwards(models - greatest, less)
