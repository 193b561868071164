"""What is known of a model's quality and speed: scores, recoveries, points of performance, and what to make of them.

A recovery is computed from two scores and the direction of the metric. One that a model's author prints is a claim
beside it, and `judge` says whether its own two scores bear it out. Rows of published tables become comparisons with
`read_accuracy` and points with `read_performance`; `report` and `doubts` say what they have against themselves.
"""

from forecourt.evidence.averages import AverageRecovery, mean_recovery, recovery_of_averages
from forecourt.evidence.findings import BrokenTable, Finding, Report, report, sentence_of
from forecourt.evidence.interval import Interval
from forecourt.evidence.labels import read as read_label
from forecourt.evidence.model import (
    Basis,
    Claim,
    Comparison,
    Direction,
    Metric,
    Performance,
    Provenance,
    Score,
    Task,
    Tier,
    Unit,
)
from forecourt.evidence.performance import read_performance
from forecourt.evidence.plausibility import Doubt, doubts
from forecourt.evidence.published import PublishedTable, read_accuracy
from forecourt.evidence.recovery import Judgement, Verdict, judge, judge_all
from forecourt.evidence.rows import check_one_model, lines_of

__all__ = [
    "AverageRecovery",
    "Basis",
    "BrokenTable",
    "Claim",
    "Comparison",
    "Direction",
    "Doubt",
    "Finding",
    "Interval",
    "Judgement",
    "Metric",
    "Performance",
    "Provenance",
    "PublishedTable",
    "Report",
    "Score",
    "Task",
    "Tier",
    "Unit",
    "Verdict",
    "check_one_model",
    "doubts",
    "judge",
    "judge_all",
    "lines_of",
    "mean_recovery",
    "read_accuracy",
    "read_label",
    "read_performance",
    "recovery_of_averages",
    "report",
    "sentence_of",
]
