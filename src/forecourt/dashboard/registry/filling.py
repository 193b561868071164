"""Filling the form: from what is known of a model, from a connection, by a row more or less. What was typed stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forecourt.dashboard.forms import Form
from forecourt.dashboard.registry import places
from forecourt.dashboard.registry.proposing import ROWS, Known, fields_of, rows

Pairs = Sequence[tuple[str, str]]

_PLACE = frozenset({"location", "uri", "bucket", "path", "endpoint", "region"})
_ROW_FIELDS = frozenset(name for pair in ROWS.values() for name in pair)


def over(form: Form, pairs: Pairs) -> Form:
    """Return a form in which these fields are as given, and all others as they were."""
    names = {name for name, _ in pairs}
    return Form([*((name, text) for name, text in form.pairs if name not in names), *pairs])


def filled(form: Form, uri: str, known: Known, before: Known, defaults: Mapping[str, str]) -> Form:
    """Return the form filled with what is `known` of the model at a URI.

    A field is taken over where nothing was typed into it: where it is empty, has its default, or has what was filled in
    of the model `before`. Where the model is always is.
    """
    fresh = fields_of(known) or [*places.fields_of(uri).items()]
    was = dict(fields_of(before))
    pairs = [
        (name, text)
        for name, text in fresh
        if name not in _ROW_FIELDS and (name in _PLACE or form[name] in ("", was.get(name, ""), defaults.get(name, "")))
    ]
    changed = over(form, [*pairs, ("from", uri), ("filled", known.uri if known.proposal else "")])
    for kind, names in ROWS.items():
        of_known, of_before = rows(Form(fresh), kind), rows(Form(fields_of(before)), kind)
        own = [row for row in rows(form, kind) if row not in of_before and row not in of_known]
        changed = _with_rows(changed, names, [*of_known, *own])
    return changed


def with_row(form: Form, kind: str) -> Form:
    """Return the form with an empty row more."""
    return _with_rows(form, ROWS[kind], [*rows(form, kind), ("", "")]) if kind in ROWS else form


def without_row(form: Form, kind: str, number: str) -> Form:
    """Return the form without a row."""
    if kind not in ROWS or not number.isdecimal():
        return form
    kept = [row for position, row in enumerate(rows(form, kind)) if position != int(number)]
    return _with_rows(form, ROWS[kind], kept)


def _with_rows(form: Form, names: tuple[str, str], there: Pairs) -> Form:
    others = [(name, text) for name, text in form.pairs if name not in names]
    return Form([*others, *(pair for row in there for pair in zip(names, row, strict=True))])
