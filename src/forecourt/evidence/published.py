"""Published accuracy: rows of a model card's table -> comparisons, a table for each model.

A row is a JSON object with these fields:

==============  =====================================================================================================
model           the model whose card it is, as Hugging Face names it
suite           the category that the card puts the task in; empty for none
task            the task's label, as printed
baseline        the score of the model that it was made from, as printed: text, or null where nothing is
score           the model's own score, likewise
recovery        the recovery that the card prints, in percent, likewise
recovery_of     ``complement`` where the card says that its recovery is that of 100 - score; else left out
columns         what stands above the scores in the table; rows that share it are one table
tool            what the scores were measured with, where the card says so, and `tool_version`
source          the link to the card
==============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from forecourt.errors import InvalidInput
from forecourt.evidence.columns import fault
from forecourt.evidence.labels import read as read_label
from forecourt.evidence.model import Basis, Claim, Comparison, Provenance, Score, Task, Tier
from forecourt.evidence.rows import Row, read_rows

_Key: TypeAlias = tuple[str, str, tuple[str, ...]]  # of a table: the model, its card, the columns

_FIELDS = frozenset(
    {
        "model",
        "suite",
        "task",
        "baseline",
        "score",
        "recovery",
        "recovery_of",
        "columns",
        "tool",
        "tool_version",
        "source",
    }
)


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """The rows of one table of a model's card.

    Where `broken` says why the table cannot be read, there are no comparisons: its numbers are not what they seem.
    `rows` is how many it has.
    """

    model: str
    source: str
    columns: tuple[str, ...]
    rows: int
    comparisons: tuple[Comparison, ...]
    broken: str = ""


def read_accuracy(lines: Iterable[str]) -> tuple[PublishedTable, ...]:
    """Return the tables in the order of their first rows. Raises `InvalidInput`, with the row and what to do."""
    tables: dict[_Key, list[Comparison]] = {}
    numbers: dict[tuple[_Key, str, str], int] = {}
    for row in read_rows(lines, _FIELDS):
        table = (row.text("model"), row.link("source"), row.texts("columns"))
        first = numbers.setdefault((table, row.text("suite", ""), row.text("task")), row.number)
        if first != row.number:
            raise row.refused(f"it repeats row {first}.", "Keep the one that the card has.")
        tables.setdefault(table, []).append(_comparison(row))
    return tuple(_table(table, tuple(comparisons)) for table, comparisons in tables.items())


def _table(key: _Key, comparisons: tuple[Comparison, ...]) -> PublishedTable:
    why = fault(comparisons)
    return PublishedTable(*key, rows=len(comparisons), comparisons=() if why else comparisons, broken=why)


def _comparison(row: Row) -> Comparison:
    try:
        task = read_label(row.text("task"), row.text("suite", ""))
    except InvalidInput as error:
        raise row.refused(error.message, error.hint) from None
    provenance = Provenance(Tier.MEASURED, row.link("source"), row.text("tool", ""), row.text("tool_version", ""))
    columns = row.texts("columns")
    return Comparison(
        task,
        _score(row, "baseline", columns[0] if len(columns) > 1 else "", task, provenance),
        _score(row, "score", row.text("model"), task, provenance),
        _claim(row),
    )


def _score(row: Row, name: str, model: str, task: Task, provenance: Provenance) -> Score | None:
    value = row.printed(name)
    return None if value is None else Score(model, task, value, provenance)


def _claim(row: Row) -> Claim | None:
    value = row.printed("recovery")
    basis = row.text("recovery_of", Basis.SCORES)
    if basis not in list(Basis):
        raise row.refused(f"recovery_of is {basis!r}.", f"Write {' or '.join(Basis)}, or leave it out.")
    return None if value is None else Claim(value, Basis(basis))
