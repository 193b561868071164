"""Text put into a filterQuery, so that it means itself whatever is in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def text(value: str) -> str:
    """Return a text as a filterQuery has it, in quotes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def equals(field: str, value: str) -> str:
    """Return the comparison that a field is this text."""
    return f"{field} = {text(value)}"


def beginning(field: str, value: str) -> str:
    """Return the comparison that a field begins so."""
    return f"{field} LIKE {text(_literal(value) + '%')}"


def containing(fields: Sequence[str], words: Iterable[str]) -> str:
    """Return the filter that each word is in one of the fields, in upper or lower case."""
    return together(" OR ".join(f"{field} ILIKE {text(f'%{_literal(word)}%')}" for field in fields) for word in words)


def one_of(field: str, ids: Iterable[str]) -> str:
    """Return the comparison that a field, which is an id, is one of these."""
    return f"{field} IN ({','.join(dict.fromkeys(ids))})"


def together(filters: Iterable[str]) -> str:
    """Return the filter that all of these hold; empty where none is given."""
    return " AND ".join(f"({each}\n)" for each in filters if each.strip())


def _literal(value: str) -> str:
    """Return the pattern of LIKE that only matches this text."""
    return "".join(f"\\{character}" if character in "%_\\" else character for character in value)
