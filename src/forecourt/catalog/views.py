"""Models as Forecourt's own API shows them: many by what matters, one with all that is known, several side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from forecourt.catalog import store, toolcalling
from forecourt.catalog.catalog import Catalog
from forecourt.catalog.checking import accuracy_of
from forecourt.catalog.index import Snapshot
from forecourt.catalog.model import ACCURACY, MODEL_ARTIFACT, PERFORMANCE, Document
from forecourt.catalog.summaries import flat, summary
from forecourt.errors import InvalidInput, NotFound

_MOST_COMPARED = 4


def resolve(catalog: Catalog, snapshot: Snapshot, model: str, source: str = "") -> int:
    """Return the number of the model that a person names, in any case, by the end of its name if that is enough.

    ``source/name`` may say where; else the sources are looked through in their order. Raises `NotFound`, and
    `InvalidInput` where several models are meant as well.
    """
    name = model.removeprefix("catalog://")
    order = {source: 0} if source else {state.id: place for place, state in enumerate(catalog.sources)}
    for each in order:
        for written in (name, name.removeprefix(f"{each}/")):
            if (number := snapshot.numbers.get((each, written))) is not None:
                return number
    wanted = name.casefold()
    ends: dict[str, int] = {}
    for number, known in enumerate(snapshot.names):
        folded, where = known.casefold(), snapshot.sources[number]
        if where in order and (
            folded == wanted or folded.endswith(f"/{wanted}") or f"{where.casefold()}/{folded}" == wanted
        ):
            ends[folded] = min(number, ends.get(folded, number), key=lambda one: order[snapshot.sources[one]])
    if len(ends) == 1 or wanted in ends:
        return ends.get(wanted, next(iter(ends.values())))
    if ends:
        raise InvalidInput(f"{model} may be {' or '.join(sorted(snapshot.names[one] for one in ends.values()))}.")
    near = [snapshot.names[number] for _, number in zip(range(3), snapshot.words.ranked(name, None), strict=False)]
    hint = f"Perhaps {' or '.join(near)}." if near else f"Search for it: forecourt catalog search {name}"
    raise NotFound(f"The catalog has no model {model}.", hint=hint)


async def listed(
    catalog: Catalog, snapshot: Snapshot, numbers: Sequence[int], more: Sequence[Document] = ()
) -> list[str]:
    """Return what matters of models in a list, as JSON texts; `more` is what else to say of each."""
    rows = [snapshot.rows[number] for number in numbers]
    if not rows:
        return []
    found = await catalog.database.ask(lambda connection: store.read_summaries(connection, rows))
    if not more:
        return [found[row] for row in rows if row in found]
    texts = [json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in more]
    return [f"{found[row][:-1]},{text[1:]}" for row, text in zip(rows, texts, strict=True) if row in found]


async def described(catalog: Catalog, snapshot: Snapshot, number: int) -> Document:
    """Return a model with all that is known of it: its evidence, its performance, its variants."""
    row = snapshot.rows[number]
    found = await catalog.database.ask(lambda connection: store.read_models(connection, [row]))
    if row not in found:
        raise NotFound(f"The catalog has no model {snapshot.names[number]} any more.")
    artifacts = [
        json.loads(text)
        for _, _, text in await catalog.database.ask(lambda connection: store.read_artifacts_of(connection, [row]))
    ]
    _, identity, source, created, updated, text, readme, evidence = found[row]
    document = json.loads(text)
    return {
        "id": str(identity),
        "source": source,
        "createTimeSinceEpoch": str(created),
        "lastUpdateTimeSinceEpoch": str(updated),
        **summary(document["name"], document, artifacts),
        "licenseLink": document.get("licenseLink", ""),
        "libraryName": document.get("libraryName", ""),
        "validatedTasks": document.get("validatedTasks") or [],
        "servingConfig": document.get("servingConfig") or {},
        "servingArguments": toolcalling.arguments(document.get("servingConfig") or {}),
        "properties": flat(document.get("customProperties")),
        "readme": readme,
        "evidence": accuracy_of(json.loads(evidence)),
        "accuracies": [flat(one.get("customProperties")) for one in artifacts if one.get("metricsType") == ACCURACY],
        "performance": [
            flat(one.get("customProperties")) for one in artifacts if one.get("metricsType") == PERFORMANCE
        ],
        "artifacts": [one for one in artifacts if one.get("artifactType") == MODEL_ARTIFACT],
        "variants": [snapshot.names[other] for other in variants(snapshot, number) if other != number],
    }


def variants(snapshot: Snapshot, number: int) -> list[int]:
    """Return the models made from the same base, in the order of their names, itself among them."""
    column = snapshot.models.column("variant_group_id").texts
    mine = [group for group in column if number in column.rows(group)] if len(column) else []
    return list(column.union(mine)) if mine else [number]


def _as_baseline(name: str, values: Sequence[Document | None]) -> Document | None:
    """Return what a model scored where another was compared with it."""
    short = name.casefold().rpartition("/")[2]
    for value in values:
        if value and str(value.get("baselineModel") or "").casefold().rpartition("/")[2] == short:
            return {"score": value["baseline"], "source": value["source"]}
    return None


async def compared(catalog: Catalog, snapshot: Snapshot, numbers: Sequence[int]) -> Document:
    """Return two to four models side by side: what differs, scores of the same tasks, latency on the same hardware."""
    if not 2 <= len(set(numbers)) <= _MOST_COMPARED:
        raise InvalidInput(f"Two to {_MOST_COMPARED} models are compared, not {len(set(numbers))}.")
    models = [await described(catalog, snapshot, number) for number in dict.fromkeys(numbers)]
    scores: dict[tuple[str, str, str], Document] = {}
    for position, model in enumerate(models):
        for score in model["evidence"]["scores"]:
            key = (score["suite"], score["task"], str(score["metric"]))
            row = scores.setdefault(
                key,
                {name: score[name] for name in ("suite", "task", "label", "metric", "direction", "isAverage")}
                | {"values": [None] * len(models)},
            )
            row["values"][position] = {
                name: score.get(name)
                for name in ("score", "baseline", "baselineModel", "recovery", "claim", "verdict", "source")
            }
    for row in scores.values():
        for position, model in enumerate(models):
            row["values"][position] = row["values"][position] or _as_baseline(model["name"], row["values"])
    points: dict[tuple[Any, ...], Document] = {}
    for position, model in enumerate(models):
        for point in model["performance"]:
            same = {
                name: point.get(name)
                for name in ("hardware_type", "hardware_count", "use_case", "mean_input_tokens", "mean_output_tokens")
            }
            row = points.setdefault(tuple(same.values()), same | {"values": [None] * len(models)})
            row["values"][position] = (row["values"][position] or {}) | {
                name: value for name, value in point.items() if name not in same
            }
    return {
        "models": [{name: value for name, value in model.items() if name != "readme"} for model in models],
        "scores": list(scores.values()),
        "performance": list(points.values()),
    }
