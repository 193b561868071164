"""Search as people like it: words in any order, filters, how many there would be with each other choice, any order."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from typing import Any

from forecourt.catalog.filters import FILTERS, Chosen, Filter
from forecourt.catalog.index import ARTIFACTS, Rows, Snapshot
from forecourt.errors import InvalidInput

RELEVANCE = "relevance"
SORTS: dict[str, tuple[str, bool]] = {
    "name": ("name", False),
    "updated": ("lastUpdateTimeSinceEpoch", True),
    "created": ("createTimeSinceEpoch", True),
    "recovery": ("average_recovery", True),
    "accuracy": ("artifacts.overall_average", True),
    "parameters": ("parameters_b", False),
    "latency": ("artifacts.e2e_mean", False),
    "throughput": ("artifacts.requests_per_second", True),
}
"""What models are sorted by under a name: the property, and whether the greatest comes first. Any property may be named
itself: ``artifacts.mmlu``, with a minus before it for the greatest first."""

_MOST_VALUES = 100  # of a facet, those that most models have


@dataclass(frozen=True)
class Query:
    """What is sought."""

    text: str = ""
    chosen: Chosen = field(default_factory=Chosen)
    filter_query: str = ""
    sources: tuple[str, ...] | None = None
    """The sources that are looked through; None for all."""
    sort: str = ""
    """By what, as `SORTS` says or a property; without it by relevance where there are words, else by name."""
    limit: int = 20
    after: str = ""
    """The token of the page before."""


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter with its values, and how many models have each among those found if only this one were open.

    One that takes a number has the least and the greatest that there is instead.
    """

    filter: Filter
    values: list[tuple[str, int]]
    range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Numbers of models in order, how many there are in all, and the token of the next page where there is one."""

    models: list[int]
    total: int
    next: str


def search(snapshot: Snapshot, query: Query) -> Found:
    """Return a page; raises `InvalidInput` for an order or a token that is none, and `InvalidFilter`."""
    own, of_artifact = query.chosen.terms()
    among = _all_of([*_sets(snapshot, [*own, of_artifact, query.filter_query]), *_from(snapshot, query)])
    words = snapshot.words.ranked(query.text, among) if query.text.strip() else None
    if words is not None:
        among = words.models
    total = len(snapshot) if among is None else len(among)
    if words is not None and query.sort in ("", RELEVANCE):
        start = _offset(query.after)
        page = list(islice(iter(words), start, start + query.limit))
        return Found(page, total, _token(start + len(page)) if start + len(page) < total else "")
    order = snapshot.order(*sorting(query.sort))
    page = order.page(among, _offset(query.after), query.limit + 1)
    more = len(page) > query.limit
    page = page[: query.limit]
    return Found(page, total, _token(order.position(page[-1]) + 1) if more and page else "")


def facets(snapshot: Snapshot, query: Query) -> list[Facet]:
    """Return each filter's values with counts: how many would be found with only this one, its own choice aside.

    A value of an artifact is counted where the other filters on artifacts hold of the same one.
    """
    words = [snapshot.words.ranked(query.text, None).models] if query.text.strip() else []
    words += _from(snapshot, query)
    said = query.chosen.values

    def found_by(own: Sequence[str], of_artifact: str = "") -> Rows | None:
        return _all_of([*_sets(snapshot, [*own, of_artifact, query.filter_query]), *words])

    own, of_artifact = query.chosen.terms()
    everything, by_models = found_by(own, of_artifact), found_by(own)
    found = []
    for filter_ in FILTERS:
        if filter_.kind not in ("choice", "flag"):
            found.append(Facet(filter_, [], _range(snapshot, filter_, query.chosen.latency)))
            continue
        among, these = (by_models, of_artifact) if filter_.of_artifact else (everything, "")
        if filter_.name in said and not filter_.every:
            others, these = query.chosen.terms(without=filter_.name)
            among, these = (found_by(others), these) if filter_.of_artifact else (found_by(others, these), "")
        counted: list[tuple[str, int]] = []
        for models, values in _values(snapshot, filter_, these):
            count = len(models) if among is None else models.intersection_cardinality(among)
            if count:
                counted += [(value, count) for value in values]
        found.append(Facet(filter_, sorted(counted, key=lambda one: (-one[1], one[0].casefold()))))
    return found


def warm(snapshot: Snapshot) -> None:
    """Make what the first search would wait for."""
    everything = Query()
    for sort in SORTS:
        snapshot.order(*sorting(sort))
    facets(snapshot, everything)
    search(snapshot, everything)


def sorting(said: str) -> tuple[str, bool]:
    """Return the property that a sort is by, and whether the greatest comes first; raises `InvalidInput`."""
    if said in ("", RELEVANCE):
        return SORTS["name"]
    name = said.removeprefix("-")
    if name in SORTS:
        by, descending = SORTS[name]
        return by, descending != said.startswith("-")
    if len(name) > 255 or not name.isprintable():
        raise InvalidInput("That is nothing to sort by.", hint=f"One of {', '.join(SORTS)}, or a property.")
    for suffix in (".double_value", ".int_value", ".string_value"):
        name = name.removesuffix(suffix)
    return name, said.startswith("-")


def _sets(snapshot: Snapshot, terms: Sequence[str]) -> list[Rows]:
    return [snapshot.matching(term) for term in terms if term.strip()]


def _from(snapshot: Snapshot, query: Query) -> list[Rows]:
    return [] if query.sources is None else [snapshot.models.column("source_id").texts.union(query.sources)]


def _range(snapshot: Snapshot, filter_: Filter, latency: str) -> tuple[float, float] | None:
    name = filter_.path.replace("{latency}", latency).removesuffix(".double_value")
    space = snapshot.artifacts if name.startswith(ARTIFACTS) else snapshot.models
    return space.column(name.removeprefix(ARTIFACTS)).numbers.range


def _all_of(sets: Sequence[Rows]) -> Rows | None:
    """Return what is in all of the sets; None for no sets, which is everything."""
    return reduce(lambda one, other: one & other, sets) if sets else None


def _values(snapshot: Snapshot, filter_: Filter, of_artifact: str) -> list[tuple[Rows, list[str]]]:
    """Return a filter's values with the models that have each, those of most models.

    Where it is of artifacts, only those count of which `of_artifact` holds. Values that the same models have stand
    together: a model that speaks a hundred languages speaks most of them with all others of its kind.
    """

    def make() -> list[tuple[Rows, list[str]]]:
        if filter_.kind == "flag":
            return [(snapshot.matching(filter_.term(True)), ["true"])]
        name = filter_.path.removeprefix("artifacts.").removesuffix(".string_value")
        column = (snapshot.artifacts if filter_.of_artifact else snapshot.models).column(name)
        having: list[tuple[str, Rows]] = [(value, column.texts.rows(value)) for value in column.texts if value]
        if filter_.of_artifact:
            these = snapshot.matching_artifacts(of_artifact) if of_artifact else snapshot.artifacts.everything
            having = [(value, snapshot.owners.models(rows & these)) for value, rows in having]
        groups = [(word, column.texts.union(values)) for word, values in filter_.groups.items()]
        together: dict[bytes, tuple[Rows, list[str]]] = {}
        for value, rows in [*groups, *sorted(having, key=lambda one: -len(one[1]))[:_MOST_VALUES]]:
            together.setdefault(rows.serialize(), (rows, []))[1].append(value)
        return list(together.values())

    made: list[tuple[Rows, list[str]]] = snapshot.once((filter_.name, of_artifact), make)
    return made


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        position = base64.urlsafe_b64decode(token.encode("ascii", "strict")).decode("ascii")
        if position.isdecimal() and len(position) < 10:
            return int(position)
    except (binascii.Error, ValueError):
        pass
    raise InvalidInput("That token is none that this server gave.", hint="Begin again without it.")


def sentence(query: Query) -> str:
    """Return what is sought, for a person."""
    said = query.chosen.sentence
    if query.text.strip():
        said += f"{',' if query.chosen.values else ''} about “{query.text.strip()}”"
    return said + (f", where {query.filter_query.strip()}" if query.filter_query.strip() else "")


def shown(facet: Facet) -> dict[str, Any]:
    """Return a facet as the API has it."""
    filter_ = facet.filter
    return {
        "name": filter_.name,
        "title": filter_.title,
        "kind": filter_.kind,
        "unit": filter_.unit.strip(),
        "help": filter_.help,
        "every": filter_.every,
        "performance": filter_.performance,
        "range": facet.range and {"min": facet.range[0], "max": facet.range[1]},
        "values": [{"value": value, "count": count} for value, count in facet.values],
    }
