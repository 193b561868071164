"""What is attached to a ModelCar -> evidence of its model: what it scored, and how fast it is.

An attachment has lines as `forecourt.evidence` reads them. One that is wrong gives a `Problem`, and takes nothing away.
Of two that say something of the same thing, the newer one counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from forecourt.catalog.metrics import performance_artifact, same_measurement
from forecourt.catalog.model import Document, Problem
from forecourt.errors import ContentMismatch, Denied, InvalidInput, NotFound, RegistryError
from forecourt.evidence import check_one_model, doubts, lines_of, read_accuracy, read_performance
from forecourt.modelcar import Attachment, Kind, Place, read_attachment

UNREADABLE = (InvalidInput, ContentMismatch, Denied, NotFound, RegistryError)
"""What is raised where one thing in a registry is wrong, and not where the registry does not answer."""


@dataclass(slots=True)
class Measured:
    """Rows of evaluations as they were attached, and artifacts of performance."""

    rows: list[Document] = field(default_factory=list)
    artifacts: list[Document] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Say whether there is anything."""
        return bool(self.rows or self.artifacts)

    def add(self, place: Place, attachments: Iterable[Attachment], name: str, problems: list[Problem]) -> None:
        """Add what is attached, the newest first; what is wrong is a problem of `name`.

        Raises `Unavailable` where `place` does not answer.
        """
        for attachment in attachments:
            try:
                _, data = read_attachment(place, attachment)
                lines = lines_of(data)
                if attachment.kind is Kind.EVALUATIONS:
                    _add_rows(lines, self.rows)
                else:
                    _add_points(lines, self.artifacts)
            except UNREADABLE as error:
                problems.append(_problem(name, attachment, error.message))


def _problem(name: str, attachment: Attachment, message: str) -> Problem:
    return Problem(name, f"Its {attachment.kind.word}, attached as {attachment.digest.short}: {message}")


def _add_rows(lines: list[str], rows: list[Document]) -> None:
    check_one_model(read_accuracy(lines))  # whole, or not at all
    known = set(map(_task, rows))
    rows += [row for line in lines if line.strip() and _task(row := json.loads(line)) not in known]


def _task(row: Document) -> tuple[object, ...]:
    return row["model"], row.get("suite", ""), row["task"], tuple(row["columns"])


def _add_points(lines: list[str], artifacts: list[Document]) -> None:
    points = read_performance(lines)
    check_one_model(points)
    doubted = [(doubt.sentence, set(doubt.points)) for doubt in doubts(points)]
    known = set(map(same_measurement, artifacts))
    made = (performance_artifact(one, [said for said, these in doubted if one in these]) for one in points)
    artifacts += [artifact for artifact in made if same_measurement(artifact) not in known]
