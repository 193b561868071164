"""The benchmarks, metrics and suites that are known, with what they are called: data, which `labels` reads by.

A spelling is looked up by its letters, digits and plus signs in lower case, so that ``GSM-8K``, ``GSM8k`` and ``gsm8k``
are one. What each benchmark, metric and task group is called in LM Evaluation Harness
(https://github.com/EleutherAI/lm-evaluation-harness) is a spelling of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from forecourt.evidence.model import Direction, Unit


@dataclass(frozen=True, slots=True)
class KnownMetric:
    """A metric: its name, which of two values is better, what it is counted in."""

    name: str
    direction: Direction = Direction.HIGHER
    unit: Unit = Unit.PERCENT


def squash(text: str) -> str:
    """Return what a spelling is looked up by."""
    return re.sub(r"[^a-z0-9+@]", "", text.lower())


def _spellings(known: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {squash(spelling): name for name, spellings in known.items() for spelling in (name, *spellings)}


_BENCHMARKS = {
    "aime_2024": ("AIME 2024", "AIME24"),
    "aime_2025": ("AIME 2025", "AIME25"),
    "arc_challenge": ("ARC-Challenge",),
    "arena_hard": ("Arena Hard",),
    "bbh": ("BBH", "Big Bench Hard"),
    "chartqa": ("ChartQA",),
    "fleurs": ("Fleurs",),
    "gpqa": ("GPQA",),
    "gpqa_diamond": ("GPQA Diamond",),
    "gpqa_main": ("GPQA main",),
    "gsm8k": ("GSM8K",),
    "gsm8k_platinum": ("GSM8K-Platinum",),
    "hellaswag": ("HellaSwag",),
    "humaneval": ("HumanEval",),
    "humaneval_plus": ("HumanEval+",),
    "ifeval": ("IFEval",),
    "librispeech": ("LibriSpeech",),
    "livecodebench": ("LiveCodeBench",),
    "math_500": ("MATH-500",),
    "math_hard": ("MATH-Hard", "MATH Level 5", "Math-lvl-5"),
    "mbpp": ("MBPP",),
    "mbpp_plus": ("MBPP+",),
    "mgsm": ("MGSM",),
    "mmlu": ("MMLU",),
    "mmlu_pro": ("MMLU-Pro",),
    "mmmu": ("MMMU", "MMMU val"),
    "musr": ("MuSR",),
    "swe_bench": ("SWE-Bench",),
    "swe_bench_lite": ("SWE-Bench Lite",),
    "truthfulqa": ("TruthfulQA",),
    "wikitext": ("WikiText",),
    "winogrande": ("WinoGrande",),
}
BENCHMARKS = _spellings(_BENCHMARKS)
NAMES = {key: spellings[0] for key, spellings in _BENCHMARKS.items()}

RULER = _spellings(
    {
        **{f"niah_{kind}_{number}": () for kind in ("single", "multikey") for number in (1, 2, 3)},
        **dict.fromkeys(("niah_multivalue", "niah_multiquery", "cwe", "fwe", "qa_hotpot", "qa_squad"), ()),
        "vt": ("qa_vt",),
    }
)
"""The tasks of RULER, which LM Evaluation Harness calls so, some with ``ruler_`` before them."""

_LOWER_METRICS = (
    ("wer", Unit.ERROR_RATE, ("word error rate",)),
    ("cer", Unit.ERROR_RATE, ("character error rate",)),
    ("bits-per-byte", Unit.BITS_PER_BYTE, ()),
    ("byte-perplexity", Unit.PERPLEXITY, ()),
    ("perplexity", Unit.PERPLEXITY, ("ppl",)),
    ("word-perplexity", Unit.PERPLEXITY, ()),
)
_HIGHER_METRICS = {
    "acc": ("accuracy",),
    "acc-norm": (),
    "bleu": (),
    "chrf": (),
    "custom-extract": (),
    "exact-match": ("em",),
    "f1": (),
    "flexible-extract": (),
    "inst-and-prompt-level-acc": ("avg of inst and prompt acc",),
    "inst-level-strict-acc": ("inst-level strict",),
    "mc1": (),
    "mc2": (),
    "prompt-level-strict-acc": ("prompt-level strict",),
    "relaxed-accuracy": (),
    "strict-match": (),
}
METRICS: dict[str, KnownMetric] = {
    spelling: KnownMetric(name) for spelling, name in _spellings(_HIGHER_METRICS).items()
} | {
    squash(spelling): KnownMetric(name, Direction.LOWER, unit)
    for name, unit, spellings in _LOWER_METRICS
    for spelling in (name, *spellings)
}

LOWER_BENCHMARKS = {"wikitext": "word-perplexity"}
"""What is measured where a label names such a benchmark and no metric; all others are shares of what was right."""

SUITES = _spellings(
    {
        "OpenLLM V1": ("OpenLLM", "Open LLM Leaderboard V1"),
        "OpenLLM V2": ("Leaderboard", "Open LLM Leaderboard V2"),
    }
)
"""Suites that go by several names. ``openllm`` and ``leaderboard`` are the task groups of the two leaderboards."""

LANGUAGES = {
    "dutch": "nl",
    "english": "en",
    "french": "fr",
    "german": "de",
    "hindi": "hi",
    "italian": "it",
    "portuguese": "pt",
    "spanish": "es",
    "thai": "th",
}
"""Languages by their name, with their ISO 639-1 codes."""

LANGUAGE_NAMES = {code: name.capitalize() for name, code in LANGUAGES.items()}
