"""Evidence for the tests, from the numbers as they would be printed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import forecourt
from forecourt.evidence import Basis, Claim, Comparison, Provenance, Score, Task, Tier, read_label

CARD = Provenance(Tier.MEASURED, "https://huggingface.co/acme/model")
SHIPPED = Path(forecourt.__file__).parent / "catalog" / "shipped"


def score(task: Task, value: str | None, model: str = "acme/model") -> Score | None:
    return None if value is None else Score(model, task, Decimal(value), CARD)


def compared(
    baseline: str | None,
    scored: str | None,
    recovery: str | None = None,
    *,
    label: str = "OpenLLM V1 / GSM8K (Strict-Match, 5-shot)",
    basis: Basis = Basis.SCORES,
) -> Comparison:
    """A comparison of two printed scores, with the recovery that was printed beside them."""
    task = read_label(label)
    claim = None if recovery is None else Claim(Decimal(recovery), basis)
    return Comparison(task, score(task, baseline, "acme/original"), score(task, scored), claim)


def row(**fields: Any) -> str:
    """A row of published accuracy; a field that is ``...`` is left out."""
    whole = {
        "model": "acme/model",
        "suite": "OpenLLM V1",
        "task": "GSM8K (Strict-Match, 5-shot)",
        "baseline": "80.36",
        "score": "80.06",
        "recovery": "99.6",
        "columns": ["original", "model"],
        "source": "https://huggingface.co/acme/model",
    } | fields
    return json.dumps({name: value for name, value in whole.items() if value is not ...})
