"""What published tables say against themselves: findings, each with the sentence that a person reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from forecourt.evidence.model import Basis, Comparison
from forecourt.evidence.published import PublishedTable
from forecourt.evidence.recovery import Judgement, Verdict, judge_all


@dataclass(frozen=True, slots=True)
class Finding:
    """A printed recovery that its own scores contradict."""

    model: str
    source: str
    comparison: Comparison
    judgement: Judgement
    sentence: str


@dataclass(frozen=True, slots=True)
class BrokenTable:
    """A table that cannot be read."""

    model: str
    source: str
    rows: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order of the tables, and how many rows came to which verdict."""

    findings: tuple[Finding, ...]
    broken: tuple[BrokenTable, ...]
    verdicts: Mapping[Verdict, int]

    @property
    def rows(self) -> int:
        """How many rows were looked at, those of broken tables included."""
        return sum(self.verdicts.values()) + sum(table.rows for table in self.broken)

    @property
    def recomputed(self) -> int:
        """How many rows print a recovery that could be computed again."""
        return self.verdicts[Verdict.AGREES] + self.verdicts[Verdict.CONTRADICTS]


def report(tables: Iterable[PublishedTable]) -> Report:
    """Return what the tables say against themselves."""
    findings: list[Finding] = []
    broken: list[BrokenTable] = []
    verdicts = Counter(dict.fromkeys(Verdict, 0))
    for table in tables:
        if table.broken:
            sentence = f"The card's table cannot be read. {table.broken}"
            broken.append(BrokenTable(table.model, table.source, table.rows, sentence))
        for comparison, judgement in zip(table.comparisons, judge_all(table.comparisons), strict=True):
            verdicts[judgement.verdict] += 1
            if judgement.verdict is Verdict.CONTRADICTS:
                said = sentence_of(comparison, judgement)
                findings.append(Finding(table.model, table.source, comparison, judgement, said))
    return Report(tuple(findings), tuple(broken), verdicts)


def sentence_of(comparison: Comparison, judgement: Judgement) -> str:
    """Return the sentence that says what comes of a comparison; empty where there is nothing to say."""
    claim, computed = comparison.claim, judgement.computed
    match judgement.verdict:
        case Verdict.UNCHECKABLE:
            return f"The card's recovery cannot be checked. {judgement.reason}" if claim else judgement.reason
        case Verdict.CONTRADICTS if claim and computed is not None:
            sentence = f"The card says {claim.value} %, its own scores give {_like(computed, claim.value)} %"
            return f"{sentence}: digits were cut off, not rounded." if judgement.cut_off else f"{sentence}."
        case Verdict.AGREES if claim and claim.basis is Basis.COMPLEMENT:
            return f"The card says {claim.value} %, and means the recovery of what is missing from the scores to 100 %."
    return judgement.reason


def _like(value: Decimal, printed: Decimal) -> str:
    """Return a value with as many decimals as a printed one."""
    return f"{value:.{_decimals(printed)}f}"


def _decimals(printed: Decimal) -> int:
    exponent = printed.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
