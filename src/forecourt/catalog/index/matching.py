"""A filterQuery over models and their artifacts, answered with the set of models that match.

What is said of ``artifacts.…`` holds of one and the same artifact: a model matches where there is an artifact with
which everything the filter says is true. A part of a filter is therefore kept as two sets, the models for which it
holds whatever the artifact, and the artifacts with which it holds.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import reduce
from typing import TypeAlias, TypeVar

from pyroaring import BitMap

from forecourt.catalog.index.columns import Rows
from forecourt.catalog.index.space import Space
from forecourt.query import And, Comparison, Expression, Operator, Or, Property

ARTIFACTS = "artifacts."
"""What the name of an artifact's property begins with in a filter on models."""

_OF_SOURCE = ("name", "externalId")
T = TypeVar("T")
_Holds: TypeAlias = tuple[Rows, Rows]


class Owners:
    """Which model each artifact belongs to; those of a model stand together."""

    def __init__(self, first: array[int], owner: array[int]) -> None:
        """`first` has for each model its first artifact, and at the end how many artifacts there are."""
        self._first = first
        self.owner = owner

    def artifacts(self, model: int) -> range:
        """Return the artifacts of a model."""
        return range(self._first[model], self._first[model + 1])

    def models(self, artifacts: Rows) -> Rows:
        """Return the models that have any of these artifacts."""
        return BitMap(array("I", map(self.owner.__getitem__, artifacts.to_array())))

    def within(self, artifacts: Rows, models: Rows) -> Rows:
        """Return those of the artifacts whose models are among these."""
        if not artifacts or not models:
            return BitMap()
        if len(models) < len(artifacts):
            theirs: Rows = BitMap()
            for model in models:
                theirs.add_range(self._first[model], self._first[model + 1])
            return artifacts & theirs
        owner = self.owner
        return BitMap(array("I", (each for each in artifacts.to_array() if owner[each] in models)))


def matching_models(expression: Expression, models: Space, artifacts: Space, owners: Owners) -> Rows:
    """Return the models that a filter matches; raises `InvalidFilter` where a value does not fit its property."""
    if isinstance(expression, Comparison) and expression.property.name.startswith(ARTIFACTS):
        alone = _of_artifact(expression)
        found = artifacts.column(alone.property.name).owners_matching(alone, owners.owner)
        if found is not None:
            return found
    always, with_artifact = _matched(expression, models, artifacts, owners)
    return always.union(owners.models(with_artifact)) if with_artifact else always


def witnesses(expression: Expression, models: Space, artifacts: Space, owners: Owners) -> Rows:
    """Return the artifacts with which a filter on models holds; raises `InvalidFilter`."""
    always, with_artifact = _matched(expression, models, artifacts, owners)
    return owners.within(artifacts.everything, always).union(with_artifact)


def _matched(expression: Expression, models: Space, artifacts: Space, owners: Owners) -> _Holds:
    def holds(comparison: Comparison) -> _Holds:
        if not comparison.property.name.startswith(ARTIFACTS):
            return _of_models(comparison, models), BitMap()
        of_artifact = _of_artifact(comparison)
        return BitMap(), artifacts.column(of_artifact.property.name).matching(of_artifact)

    def both(one: _Holds, other: _Holds) -> _Holds:
        mixed = owners.within(one[1], other[0]) | owners.within(other[1], one[0])
        return one[0] & other[0], mixed | (one[1] & other[1])

    def either(one: _Holds, other: _Holds) -> _Holds:
        return one[0] | other[0], one[1] | other[1]

    return _fold(expression, holds, both, either)


def matching_artifacts(expression: Expression, artifacts: Space) -> Rows:
    """Return the artifacts that a filter on artifacts matches; ``artifacts.`` may stand before a name.

    Raises `InvalidFilter`.
    """

    def holds(comparison: Comparison) -> Rows:
        of_artifact = _of_artifact(comparison)
        return artifacts.column(of_artifact.property.name).matching(of_artifact)

    found: Rows = _fold(expression, holds, BitMap.intersection, BitMap.union)
    return found


def _of_models(comparison: Comparison, models: Space) -> Rows:
    """Return the models of which it compares so; a name or external id may stand behind its source: ``source:name``."""
    column = models.column(comparison.property.name)
    found = column.matching(comparison)
    if comparison.property.name not in _OF_SOURCE or comparison.operator not in ("=", "!=", "IN", "LIKE", "ILIKE"):
        return found
    values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
    operator: Operator = "=" if comparison.operator in ("!=", "IN") else comparison.operator
    sources = models.column("source_id").texts
    behind: Rows = BitMap()
    for value in values:
        for source in sources:
            if isinstance(value, str) and value.startswith(f"{source}:"):
                rest = Comparison(comparison.property, operator, value.removeprefix(f"{source}:"), comparison.column)
                behind |= column.matching(rest) & sources.rows(source)
    return found - behind if comparison.operator == "!=" else found | behind


def _of_artifact(comparison: Comparison) -> Comparison:
    """Return a comparison as an artifact sees it: without the word that says whose property it is."""
    property_ = comparison.property
    inner = Property(property_.name.removeprefix(ARTIFACTS), property_.type, property_.column)
    return Comparison(inner, comparison.operator, comparison.value, comparison.column)


def _fold(
    node: Expression, leaf: Callable[[Comparison], T], both: Callable[[T, T], T], either: Callable[[T, T], T]
) -> T:
    """Return what an expression comes to; recurses as deep as the text had parentheses, which `parse` bounds."""
    match node:
        case Comparison():
            return leaf(node)
        case And(terms):
            return reduce(both, (_fold(term, leaf, both, either) for term in terms))
        case Or(terms):
            return reduce(either, (_fold(term, leaf, both, either) for term in terms))
