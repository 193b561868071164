"""``docs/evidence.md`` says what the evidence that ships says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from evidence.made import SHIPPED, compared

from forecourt.evidence import Verdict, judge, read_accuracy, report

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
