"""The evidence of a model as tables: scores with the recoveries computed from them, and what was measured of its speed.

What there is to say of a single number stands below its table, under the number that is in brackets behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from forecourt.cli.catalog.cells import cut, number, percent, plain
from forecourt.cli.output import console, print_table

Document = dict[str, Any]

MEASURED: Mapping[str, str] = {
    "e2e_mean": "Latency (ms)",
    "e2e_p90": "Latency p90",
    "ttft_mean": "First token (ms)",
    "ttft_p90": "First token p90",
    "itl_mean": "Between tokens (ms)",
    "itl_p90": "Between tokens p90",
    "requests_per_second": "Requests/s",
    "tps_mean": "Tokens/s",
}
"""What is shown of a performance artifact, where it has it: times in milliseconds."""
_ALL = {
    f"{what}_{how}": f"{title} {how}"
    for what, title in {"e2e": "Latency", "ttft": "First token", "itl": "Between tokens", "tps": "Tokens/s"}.items()
    for how in ("p95", "p99")
}
_CONFIGURATION = ("hardware_type", "hardware_count", "use_case", "mean_input_tokens", "mean_output_tokens")


class Notes:
    """Sentences below a table, each once, with the numbers that lead to them."""

    def __init__(self) -> None:
        self._sentences: dict[str, int] = {}

    def mark(self, cell: str, sentence: str | None) -> str:
        """Return a cell with the number of a sentence that is said of it."""
        if not sentence:
            return cell
        number_ = self._sentences.setdefault(sentence, len(self._sentences) + 1)
        return f"{cell} [{number_}]".strip()

    def print(self) -> None:
        """Print the sentences, after their numbers."""
        for sentence, number_ in self._sentences.items():
            console.print(f"[{number_}] {plain(sentence)}")


def print_scores(evidence: Document) -> None:
    """Print what a model scored, the recoveries, what its author says they are, and their average."""
    scores = evidence["scores"]
    notes = Notes()
    if scores:
        columns = ("Task", "Baseline", "Score", "Recovery (%)", "Claimed (%)")
        suites = len({one["suite"] for one in scores}) > 1
        rows = [[*([one["suite"]] if suites else []), *_score(one, notes)] for one in scores]
        print_table((*(["Suite"] if suites else []), *columns), rows)
    notes.print()
    for line in _average(evidence["average"]):
        console.print(line)
    for table in evidence["broken"]:
        console.print(f"A table of {table['rows']} rows is not shown. {table['message']} {table['source']}")
    for source in sources_of(scores):
        console.print(f"Source: {source}")


def sources_of(scores: Iterable[Document]) -> Iterator[str]:
    """Yield where scores are published, each place once, with what they were measured with."""
    tools: dict[str, list[str]] = {}
    for one in scores:
        if source := one.get("source"):
            tools.setdefault(source, [])
            said = " ".join(word for word in (one.get("tier"), one.get("tool") and f"with {one['tool']}") if word)
            if said and said not in tools[source]:
                tools[source].append(said)
    for source, each in tools.items():
        yield f"{source} ({', '.join(each)})" if each else source


def _score(one: Document, notes: Notes) -> Iterator[str]:
    lower = ", lower is better" if one["direction"] == "lower" else ""
    yield cut(f"{one['label']}{lower}", 60)
    yield one["baseline"] or ""
    yield one["score"] or ""
    contradicts = one["verdict"] == "contradicts"
    yield notes.mark(recovery(one["recovery"]), None if contradicts else one.get("sentence"))
    yield notes.mark(one["claim"] or "", one.get("sentence") if contradicts else None)


def recovery(value: float | None) -> str:
    """Return a recovery in percent, with the two decimals that some claims have."""
    return "" if value is None else f"{value:.2f}"


def _average(average: Document) -> Iterator[str]:
    if not average:
        return
    tasks = average["tasks"]
    yield f"Average recovery: {average['recovery']:.1f} % over {tasks} task{'' if tasks == 1 else 's'}"
    for suite, value in average["recoveryOfAverages"].items():
        yield f"  of the printed averages of {suite or 'all tasks'}: {percent(value)} %"
    for one in average["leftOut"]:
        yield f"  without {one['task']}: {plain(one['why'])}"


def print_performance(points: Sequence[Document], *, wide: bool) -> None:
    """Print what was measured, a line for each hardware, workload and size."""
    measured = {name: title for name, title in {**MEASURED, **(_ALL if wide else {})}.items() if _any(points, name)}
    rows: dict[tuple[Any, ...], Document] = {}
    notes = Notes()
    for point in sorted(points, key=_in_order):
        key = tuple(point.get(name) for name in _CONFIGURATION)
        row = rows.setdefault(key, {name: point.get(name) for name in _CONFIGURATION})
        for name in measured:
            if (value := point.get(name)) is not None:
                row[name] = notes.mark(number(value), point.get("doubt"))
    print_table(
        ("Hardware", "Workload", "Tokens in", "Tokens out", *measured.values()),
        [
            (hardware_of(row), row["use_case"], *tokens_of(row), *(row.get(name) for name in measured))
            for row in rows.values()
        ],
    )
    notes.print()
    for source in sorted(set(map(_measurement, points))):
        console.print(f"Source: {source}")


def hardware_of(point: Document) -> str:
    """Return what a point was measured on: ``2 x A100``."""
    count = point.get("hardware_count")
    return f"{count:g} x {point.get('hardware_type') or '?'}" if count else str(point.get("hardware_type") or "")


def tokens_of(point: Document) -> tuple[str, str]:
    """Return how many tokens went in and came out, on average."""
    return number(point.get("mean_input_tokens")), number(point.get("mean_output_tokens"))


def _any(points: Iterable[Document], name: str) -> bool:
    return any(point.get(name) is not None for point in points)


def _in_order(row: Document) -> tuple[Any, ...]:
    return (
        str(row.get("hardware_type") or ""),
        row.get("hardware_count") or 0,
        row.get("mean_input_tokens") or 0,
        row.get("mean_output_tokens") or 0,
        str(row.get("use_case") or ""),
    )


def _measurement(point: Document) -> str:
    tool = f"with {point['tool']}" if point.get("tool") else ""
    framework = " ".join(str(point[name]) for name in ("framework_type", "framework_version") if point.get(name))
    said = " ".join(word for word in (point.get("tier"), tool, f"on {framework}" if framework else "") if word)
    source = str(point.get("source") or "the model's catalog")
    return f"{source} ({said})" if said else source
