"""What people filter models by, declared once: the term of a filterQuery, the sentence that says it, the form's field.

A filter is chosen by its `name` with a value, in a command's option, a page's form or a query parameter. All three show
the same title and values, and all make the same filterQuery, which any client of Kubeflow's API may send as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from forecourt.errors import InvalidInput

PERMISSIVE = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "cc0-1.0", "cc-by-4.0", "zlib")
"""Licences that allow commercial use, change and redistribution without conditions on what is made of it (SPDX ids)."""

METRICS = {"ttft": "Time to first token", "e2e": "Whole answer", "itl": "Between two tokens"}
"""What latencies are of."""
PERCENTILES = {"mean": "Mean", "p90": "P90", "p95": "P95", "p99": "P99"}
LATENCIES = tuple(f"{metric}_{percentile}" for metric in ("e2e", "ttft", "itl") for percentile in PERCENTILES)
"""Latencies of a performance artifact, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One thing to filter by.

    A ``choice`` is of values (several are alternatives), ``least`` and ``most`` take a number, a ``flag`` is on or off.
    """

    name: str
    title: str
    path: str
    """The property, as a filterQuery names it."""
    kind: Literal["choice", "least", "most", "flag"]
    sentence: str
    """What it says of models, with ``{}`` for the value."""
    unit: str = ""
    help: str = ""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Words that stand for several values."""
    every: bool = False
    """Whether every value must be there, where others are content with any of them."""
    performance: bool = False
    """Whether it is about what was measured under load."""
    alone: bool = False
    """Whether the artifact that it is about is none that others are about."""

    @property
    def of_artifact(self) -> bool:
        """Whether it is about an artifact; those that are chosen together are about the same one."""
        return self.path.startswith("artifacts.") and not self.alone

    def term(self, value: Any) -> str:
        """Return the term of a filterQuery; raises `InvalidInput` for a value that is none."""
        match self.kind:
            case "choice" if self.every:
                return " AND ".join(f"{self.path} = {_quoted(each)}" for each in self.values(value))
            case "choice":
                return f"{self.path} IN ({', '.join(map(_quoted, self.values(value)))})"
            case "flag":
                return f"{self.path} LIKE '%'"
            case _:
                return f"{self.path} {'>=' if self.kind == 'least' else '<='} {_number(self, value)!r}"

    def values(self, value: Any) -> list[str]:
        """Return the values that are chosen, those of a group one by one."""
        given = [value] if isinstance(value, str) else list(value)
        return [each for one in given for each in self.groups.get(one.casefold(), (one,))]

    def says(self, value: Any) -> str:
        """Return what a choice says of models."""
        if self.kind == "choice":
            given = [value] if isinstance(value, str) else list(value)
            return self.sentence.format((" and " if self.every else " or ").join(given))
        return self.sentence.format(f"{_number(self, value)}{self.unit}" if self.kind != "flag" else "")


FILTERS: tuple[Filter, ...] = (
    Filter("task", "Task", "tasks", "choice", "made for {}"),
    Filter(
        "validated-for",
        "Validated arguments",
        "validated_tasks",
        "choice",
        "with arguments that were validated for {}",
        help="What its publisher validated a runtime's arguments for.",
        every=True,
    ),
    Filter(
        "max-vram",
        "Minimum vRAM, at most",
        "min_vram_gb.double_value",
        "most",
        "that need no more than {} of vRAM",
        unit=" GB",
    ),
    Filter(
        "max-size",
        "Container size, at most",
        "modelcar_image_size.double_value",
        "most",
        "in an image of at most {}",
        unit=" GB",
    ),
    Filter("provider", "Provider", "provider", "choice", "by {}"),
    Filter(
        "license",
        "License",
        "license",
        "choice",
        "under a licence that is {}",
        help="permissive stands for all licences that ask for little more than their text.",
        groups={"permissive": PERMISSIVE},
    ),
    Filter("language", "Language", "language", "choice", "that speak {}"),
    Filter("tensor-type", "Tensor type", "tensor_type.string_value", "choice", "with tensors of {}"),
    Filter("quantization", "Quantization", "quantization.string_value", "choice", "quantised as {}"),
    Filter("source", "Source", "source_id", "choice", "from {}"),
    Filter("validated", "Validated", "validated.string_value", "flag", "that their publisher validated"),
    Filter("tool-calling", "Tool calling", "toolCallParser", "flag", "with validated tool calling"),
    Filter(
        "measured",
        "Measured",
        "artifacts.hardware_type.string_value",
        "flag",
        "that were measured under load",
        help="Of which it is known how fast they are, on some hardware.",
        alone=True,
    ),
    Filter(
        "min-recovery",
        "Average recovery, at least",
        "average_recovery.double_value",
        "least",
        "with at least {} average recovery",
        unit=" %",
        help="Of what the model scored before it was quantised, computed from the two scores of each task.",
    ),
    Filter(
        "min-accuracy",
        "Average accuracy, at least",
        "artifacts.overall_average.double_value",
        "least",
        "with an average score of at least {}",
        alone=True,
    ),
    Filter(
        "max-parameters",
        "Parameters, at most",
        "parameters_b.double_value",
        "most",
        "of at most {} parameters",
        unit="B",
    ),
    Filter(
        "workload",
        "Workload type",
        "artifacts.use_case.string_value",
        "choice",
        "under the workload {}",
        performance=True,
    ),
    Filter(
        "max-latency",
        "Latency, at most",
        "artifacts.{latency}.double_value",
        "most",
        "that answer within {}",
        unit=" ms",
        help="Of a whole answer, or what latency-metric says, in milliseconds.",
        performance=True,
    ),
    Filter(
        "min-rps",
        "Requests/s, at least",
        "artifacts.requests_per_second.double_value",
        "least",
        "that take at least {}",
        unit=" requests/s",
        performance=True,
    ),
    Filter(
        "max-rps",
        "Max RPS",
        "artifacts.requests_per_second.double_value",
        "most",
        "measured at no more than {}",
        unit=" requests/s",
        performance=True,
    ),
    Filter(
        "hardware-configuration",
        "Hardware configuration",
        "artifacts.hardware_configuration.string_value",
        "choice",
        "measured on {}",
        performance=True,
    ),
    Filter(
        "hardware", "Hardware", "artifacts.hardware_type.string_value", "choice", "measured on {}", performance=True
    ),
    Filter(
        "max-cold-start",
        "Cold start load time, at most",
        "artifacts.cold_start_time_to_load_seconds",
        "most",
        "that load within {}",
        unit=" s",
        performance=True,
        alone=True,
    ),
)
BY_NAME = {one.name: one for one in FILTERS}


@dataclass(frozen=True)
class Chosen:
    """Filters with their values; `latency` is the metric that ``max-latency`` is about."""

    values: Mapping[str, Any] = field(default_factory=dict)
    latency: str = LATENCIES[0]

    def __post_init__(self) -> None:
        """Refuse what is no filter, or a value that does not fit."""
        if self.latency not in LATENCIES:
            raise InvalidInput(
                f"{self.latency} is no latency that is measured.", hint=f"One of {', '.join(LATENCIES)}."
            )
        for name in self.values:
            if name not in BY_NAME:
                raise InvalidInput(f"There is no filter {name}.", hint=f"One of {', '.join(BY_NAME)}.")
        self.terms()

    def terms(self, *, without: str = "") -> tuple[list[str], str]:
        """Return the filterQueries that all hold: one for each filter on models, and one for all that are on artifacts.

        Those are about one and the same artifact; the last is empty where there are none.
        """
        own: list[str] = []
        of_artifact: list[str] = []
        for filter_, value in self._chosen():
            if filter_.name != without:
                (of_artifact if filter_.of_artifact else own).append(self._term(filter_, value))
        return own, " AND ".join(of_artifact)

    @property
    def filter_query(self) -> str:
        """All of it as one filterQuery; empty where nothing is chosen."""
        own, of_artifact = self.terms()
        return " AND ".join([*own, *filter(None, [of_artifact])])

    @property
    def sentence(self) -> str:
        """What it says, for a person."""
        said = ", ".join(filter_.says(value) for filter_, value in self._chosen())
        return f"models {said}" if said else "all models"

    def _term(self, filter_: Filter, value: Any) -> str:
        return filter_.term(value).replace("{latency}", self.latency)

    def _chosen(self) -> Iterable[tuple[Filter, Any]]:
        for name, value in self.values.items():
            given = [each for each in value if each] if isinstance(value, list | tuple) else value
            if given not in (None, "", []) and given is not False:
                yield BY_NAME[name], given


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _number(filter_: Filter, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"{filter_.title}: {value!r} is no number.") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise InvalidInput(f"{filter_.title}: {value!r} is no number that one can compare with.")
    return int(number) if number == int(number) and abs(number) < 2**63 else number
