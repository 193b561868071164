"""``docs/evidence.md`` says what the evidence that ships says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from evidence.made import SHIPPED, compared

from forecourt.errors import InvalidInput
from forecourt.evidence import Metric, Verdict, judge, read_accuracy, read_performance, report

PAGE = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")


def test_the_contradictions_in_the_table_are_those_that_are_found() -> None:
    with (SHIPPED / "accuracy.ndjson").open(encoding="utf-8") as lines:
        findings = report(read_accuracy(lines)).findings
    rows = []
    for finding in findings:
        row = finding.comparison
        assert row.baseline and row.score and row.claim
        name = f"[{finding.model.removeprefix('RedHatAI/')}]({finding.source})"
        numbers = f"{row.baseline.value} | {row.score.value} | {row.claim.value} % | {finding.judgement.computed:.2f} %"
        rows.append(f"| {name} | {row.task.label} | {numbers} | {'cut off' if finding.judgement.cut_off else ''} |")
    assert [line for line in PAGE.splitlines() if line.startswith("| [")] == rows


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(example, "docs/evidence.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 17
    assert printed[-1] == "99.5 % over 6 tasks"


def test_every_verdict_is_explained() -> None:
    assert [f"`{verdict}`" for verdict in Verdict if f"| `{verdict}` |" not in PAGE] == []


def test_the_figures_of_the_explanation_are_right() -> None:
    found = judge(compared("71.97", "71.44", "99.2"))
    assert found.possible is not None
    assert f"from {float(found.possible.low):.4f} % to {float(found.possible.high):.4f} %" in PAGE
    assert f"is {found.computed:.2f} %" in PAGE
    assert found.verdict is Verdict.AGREES


@pytest.mark.parametrize(("read", "table"), [(read_accuracy, "evaluations"), (read_performance, "performance")])
def test_every_field_of_a_line_is_listed_and_no_other(read: Callable[[list[str]], object], table: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(['{"?": 1}'])
    _, _, known = refused.value.hint.removesuffix(".").partition("The fields are ")
    _, _, page = PAGE.partition(f"A line of {table}:\n\n")
    rows = [line for line in page.partition("\n\n")[0].splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in rows))) == known.split(", ")
    if table == "performance":
        assert [metric for metric in Metric if f"`{metric}`" not in page] == []
