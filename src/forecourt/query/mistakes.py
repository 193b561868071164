"""What to say about a text that cannot be read: what was expected where, and how the likely mistake is put right."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from forecourt.query.invalid import InvalidFilter

_OPERATORS = frozenset({"COMPARATOR", "LIKE", "IN"})
_NUMBERS = frozenset({"INT", "FLOAT"})
_KEYWORDS = frozenset({"AND", "OR", "LIKE", "ILIKE", "IN", "TRUE", "FALSE"})
_QUOTES = "'\"`"
_WORD = re.compile(r"[^\s=<>!(),'\"`“”‘’]+")
_COMPARED = re.compile(r"\s*[=<>!]")
_NO_NOT = "There is no NOT: compare with != instead, joined by AND for each value of a list."
_NO_NULL = "There is no NULL: a comparison, != included, matches only where the property is there."
_SHOWN = 24  # characters of the text that a message repeats


@dataclass(frozen=True, slots=True)
class Stuck:
    """Where reading stopped: offsets from 0, what stands there (nothing at the end), what could have gone on."""

    text: str
    at: int
    found: str
    expected: frozenset[str]
    previous_start: int
    previous_end: int
    open_column: int | None

    @property
    def previous(self) -> str:
        """What was read last; empty at the beginning."""
        return self.text[self.previous_start : self.previous_end]

    @property
    def adjacent(self) -> bool:
        """Whether it follows what was read without a space."""
        return 0 < self.at == self.previous_end

    @property
    def wants_operator(self) -> bool:
        """Whether a property was read last."""
        return bool(self.expected & _OPERATORS)

    @property
    def wants_property(self) -> bool:
        """Whether a comparison could begin here."""
        return "NAME" in self.expected

    @property
    def wants_number(self) -> bool:
        """Whether a value other than text could stand here."""
        return bool(self.expected & _NUMBERS)

    @property
    def wants_text(self) -> bool:
        """Whether text in quotes could stand here."""
        return "STRING" in self.expected

    @property
    def wants_joint(self) -> bool:
        """Whether a comparison is complete."""
        return bool(self.expected & {"_AND", "_OR", "$END"}) or self.expected == {"RPAR"}

    def word(self, start: int) -> str:
        """Return what stands at `start`, up to a space or what a word cannot have in it."""
        found = _WORD.match(self.text, start)
        return found[0] if found else ""


def explain(stuck: Stuck) -> InvalidFilter:
    """Return the error for a text that could not be read further."""
    for mistake in _MISTAKES:
        if known := mistake(stuck):
            return known
    return _at(stuck, _hint(stuck))


def _at(stuck: Stuck, hint: str) -> InvalidFilter:
    after = f" after {_shown(stuck.previous)}" if stuck.previous else ""
    problem = f"expected {_wanted(stuck)}{after}, found {_shown(stuck.found) if stuck.found else 'end of text'}"
    return InvalidFilter(problem, column=stuck.at + 1, hint=hint)


def _wanted(stuck: Stuck) -> str:
    if stuck.wants_operator:
        return "an operator"
    if stuck.wants_property:
        return 'a property or "("'
    if stuck.wants_text:
        values = "a value" if stuck.wants_number else "text in quotes"
        return f'{values} or ")"' if "RPAR" in stuck.expected else values
    if stuck.wants_joint:
        return "AND, OR or the end" if stuck.open_column is None else 'AND, OR or ")"'
    return '"," or ")"' if "COMMA" in stuck.expected else '"("'


def _shown(text: str) -> str:
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[:_SHOWN]}…"'


def _unclosed(stuck: Stuck) -> InvalidFilter | None:
    if stuck.found not in tuple(_QUOTES):
        return None
    what = "property" if stuck.found == "`" else "text"
    return InvalidFilter(
        f"the {what} that begins here has no end", column=stuck.at + 1, hint=f"End the {what} with {stuck.found}."
    )


def _negated(stuck: Stuck) -> InvalidFilter | None:
    if stuck.found.upper() == "NOT" or (stuck.found == "!" and stuck.wants_property):
        at = stuck.at
    elif stuck.previous.upper() == "NOT" and stuck.wants_operator:
        at = stuck.previous_start
    else:
        return None
    return InvalidFilter(
        f"{stuck.found if at == stuck.at else stuck.previous} is not in the language", column=at + 1, hint=_NO_NOT
    )


def _null(stuck: Stuck) -> InvalidFilter | None:
    word = stuck.found.upper()
    if (word == "IS" and stuck.wants_operator) or (word == "NULL" and stuck.wants_text):
        return InvalidFilter(f"{word} is not in the language", column=stuck.at + 1, hint=_NO_NULL)
    return None


def _doubled_equals(stuck: Stuck) -> InvalidFilter | None:
    if stuck.previous == "=" and stuck.found == "=" and stuck.adjacent:
        return InvalidFilter('"==" is not an operator', column=stuck.at, hint="Write a single =.")
    return None


def _special_property(stuck: Stuck) -> InvalidFilter | None:
    if stuck.wants_operator and stuck.adjacent and not stuck.previous.endswith("`"):
        word = stuck.word(stuck.previous_start)
    elif stuck.wants_property:
        word = stuck.word(stuck.at)
        if word.upper() in _KEYWORDS and not _COMPARED.match(stuck.text, stuck.at + len(word)):
            return None
    else:
        return None
    if word == stuck.previous or not re.search(r"\w", word):
        return None
    return _at(stuck, f"Write the property in backticks: `{word}`.")


def _unquoted(stuck: Stuck) -> InvalidFilter | None:
    if stuck.wants_text:
        word = stuck.word(stuck.at + (stuck.found in tuple("“”‘’")))
        if stuck.found == "(" or not re.search(r"\w", word):
            return None
    elif stuck.adjacent and re.match(r"[\w.-]", stuck.previous) and ("COMMA" in stuck.expected or stuck.wants_joint):
        word = stuck.word(stuck.previous_start)
        if word == stuck.previous:
            return None
    else:
        return None
    return _at(stuck, f"Write text in quotes: '{word}'.")


_MISTAKES: tuple[Callable[[Stuck], InvalidFilter | None], ...] = (
    _unclosed,
    _negated,
    _null,
    _doubled_equals,
    _special_property,
    _unquoted,
)


def _hint(stuck: Stuck) -> str:
    if stuck.wants_operator:
        return "The operators are =, !=, <, >, <=, >=, LIKE, ILIKE and IN."
    if stuck.wants_property and stuck.found[:1] in ("'", '"'):
        return "Write a property without quotes, or in backticks."
    if stuck.wants_text:
        if stuck.found == "(":
            return "Only IN takes a list."
        if not stuck.wants_number:
            return "LIKE and ILIKE take a pattern, such as 'granite%'."
    if stuck.expected == {"LPAR"}:
        return "IN takes a list, such as ('chat', 'code')."
    if stuck.wants_joint and stuck.adjacent and stuck.previous[-1:] in tuple(_QUOTES) and stuck.found:
        return "Write a quote inside text with a backslash before it: \\'."
    if not stuck.found and stuck.open_column is not None:
        return f'Close the "(" at column {stuck.open_column} with ")".'
    if stuck.found == ")":
        return 'No "(" is open here.' if stuck.open_column is None else ""
    return "Join comparisons with AND or OR." if stuck.wants_joint else ""
