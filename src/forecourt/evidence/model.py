"""What evidence is made of: tasks, scores and where they come from, two scores compared, points of performance.

Numbers are `Decimal`, with the digits that were printed: ``Decimal("65.00")`` says that it was rounded to hundredths,
and what is concluded from it (`forecourt.evidence.recovery`) rests on that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from forecourt.errors import InvalidInput


class Direction(StrEnum):
    """Which of two values of a metric is the better one."""

    HIGHER = "higher"
    LOWER = "lower"


class Unit(StrEnum):
    """What a score is counted in."""

    PERCENT = "percent"
    RATIO = "ratio"
    BITS_PER_BYTE = "bits per byte"
    PERPLEXITY = "perplexity"
    ERROR_RATE = "error rate in percent"

    @property
    def whole(self) -> int | None:
        """The value that means all of it, where there is one."""
        return _WHOLES.get(self)


_WHOLES = {Unit.PERCENT: 100, Unit.ERROR_RATE: 100, Unit.RATIO: 1}


class Tier(StrEnum):
    """How a number came to be: runs of the real thing, of a simulator, or a calculation."""

    MEASURED = "measured"
    SIMULATED = "simulated"
    ESTIMATED = "estimated"


class Basis(StrEnum):
    """What the author of a claim divided: the scores, or what is missing from them to the whole.

    A card may say that its recovery of a word error rate is that of the words that are right, 100 - WER.
    """

    SCORES = "scores"
    COMPLEMENT = "complement"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a number comes from. `source` is a link; what is not known is empty or None."""

    tier: Tier
    source: str
    tool: str = ""
    tool_version: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What is scored: a benchmark with its metric and the number of examples in the prompt.

    `key` is the same for the same benchmark however it is spelled (``arc_challenge``). `shots` is None and `metric`
    is empty where nobody says. An average of tasks is marked as such; its key is ``average``. `label` is the text that
    was published.
    """

    key: str
    name: str
    suite: str = ""
    metric: str = ""
    shots: int | None = None
    direction: Direction = Direction.HIGHER
    unit: Unit = Unit.PERCENT
    is_average: bool = False
    label: str = field(default="", compare=False)

    def measures_as(self, other: Task) -> bool:
        """Return whether scores of the two can be compared: what the suite or the label is called does not matter."""
        return (self.key, self.metric, self.shots, self.direction, self.unit, self.is_average) == (
            other.key,
            other.metric,
            other.shots,
            other.direction,
            other.unit,
            other.is_average,
        )


@dataclass(frozen=True, slots=True)
class Score:
    """What a model reached in a task, in the task's unit. `model` is its name where the score was published."""

    model: str
    task: Task
    value: Decimal
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Claim:
    """A recovery as its author printed it, in percent."""

    value: Decimal
    basis: Basis = Basis.SCORES


@dataclass(frozen=True, slots=True)
class Comparison:
    """A score beside that of the model that it was made from, and what the author says about the two.

    A score is None where a table has none. Raises `InvalidInput` where a score is one of another task.
    """

    task: Task
    baseline: Score | None
    score: Score | None
    claim: Claim | None = None

    def __post_init__(self) -> None:
        for score in (self.baseline, self.score):
            if score is not None and not score.task.measures_as(self.task):
                raise InvalidInput(
                    f"A score of {score.task.name} says nothing about {self.task.name}.",
                    hint="Compare scores of one task, with the same metric and number of shots.",
                )

    @property
    def recovery(self) -> Decimal | None:
        """What is left of the baseline's quality, in percent; None where `no_recovery` says why.

        The score divided by the baseline, and the other way round where lower is better, so that less than 100 always
        means that quality was lost. The definition is that of the published tables
        (https://huggingface.co/RedHatAI), but for error rates, which they turn round in two ways.
        """
        if self.no_recovery or self.baseline is None or self.score is None:
            return None
        above, below = self.score.value, self.baseline.value
        if self.task.direction is Direction.LOWER:
            above, below = below, above
        return above * 100 / below

    @property
    def no_recovery(self) -> str:
        """Why there is no recovery; empty where there is one.

        Nothing can be left of a baseline of zero, nor can a negative score be a share of anything. A score of zero is a
        recovery of 0 % where higher is better. Where lower is better, zero on either side makes a quotient that says
        nothing: an error rate that rises from 0.0 to 0.1 % has not lost all quality.
        """
        match self.baseline, self.score:
            case None, None:
                return "No scores are there."
            case None, _:
                return "The baseline has no score."
            case _, None:
                return "The model has no score."
            case Score(value=baseline), Score(value=score):
                if baseline < 0 or score < 0:
                    return "A score is negative."
                if not baseline:
                    return "The baseline's score is zero."
                if not score and self.task.direction is Direction.LOWER:
                    return "The score is zero."
        return ""


class Metric(StrEnum):
    """What is measured of a model that serves, each with its unit; GuideLLM's names where it has them."""

    REQUEST_LATENCY = "request_latency"
    """From a request to its last token, with one request at a time, in seconds."""
    MAX_REQUESTS_PER_SECOND = "max_requests_per_second"
    """The most requests that were completed in a second, however long each of them took."""

    @property
    def unit(self) -> str:
        """The unit, as it is written behind a number."""
        return _UNITS[self]

    @property
    def direction(self) -> Direction:
        """Which of two values is the better one."""
        return Direction.LOWER if self is Metric.REQUEST_LATENCY else Direction.HIGHER


_UNITS = {Metric.REQUEST_LATENCY: "s", Metric.MAX_REQUESTS_PER_SECOND: "requests/s"}


@dataclass(frozen=True, slots=True)
class Performance:
    """One point: how fast a model is on some hardware with requests of one size.

    `model` is its name where the point was published. Tokens are those of the prompt and of the answer; `use_case` is
    what the publisher calls requests of that size.
    """

    model: str
    hardware_type: str
    hardware_count: int
    input_tokens: int
    output_tokens: int
    metric: Metric
    value: Decimal
    provenance: Provenance
    framework: str = ""
    framework_version: str = ""
    use_case: str = ""

    @property
    def unit(self) -> str:
        """The unit of the value."""
        return self.metric.unit
