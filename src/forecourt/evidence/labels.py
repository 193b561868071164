"""The label of a task as a table prints it -> a `Task`.

``OpenLLM V1 / ARC-Challenge (Acc-Norm, 25-shot)``: the suite, the benchmark, and in parentheses or behind the name what
was measured and how many examples were in the prompt. What is read, in this order:

1. Cells that a table printed behind the label, which begin with a digit or are empty, are passed over.
2. ``N-shot`` is the number of shots, ``CoT`` (chain of thought) makes another task of a benchmark.
3. A metric is known by its name (`benchmarks`). One that is not known is refused: nobody could say whether more of it
   is better, and a recovery turned round is worse than none. Without a metric the score is a share of what was right.
4. What is left is the benchmark. Known ones have one key however they are spelled; another has its own words as key.

Some tables print the benchmark where others print the suite (``Fleurs WER / Dutch``); then the label is a part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from forecourt.errors import InvalidInput
from forecourt.evidence.benchmarks import (
    BENCHMARKS,
    LANGUAGE_NAMES,
    LANGUAGES,
    LOWER_BENCHMARKS,
    METRICS,
    NAMES,
    RULER,
    SUITES,
    KnownMetric,
    squash,
)
from forecourt.evidence.model import Task

_SHOTS = re.compile(r"\b(\d+)[ -]shots?\b", re.IGNORECASE)
_AVERAGE = re.compile(r"\baverage( score)?$", re.IGNORECASE)
_LENGTH = re.compile(r"\bseqlen = (\d+)\b")
_GROUP = re.compile(r"\(([^()]*)\)")
_PASS = re.compile(r"\bpass@(\d+)\b", re.IGNORECASE)
_TRANSLATED = re.compile(r"^\w+ ?(→|->) ?\w+$")  # a setting of a benchmark, not a metric
_WITHOUT_RULER = re.compile("^(ruler)+")
_LONGEST = 200  # characters of a label
_SHARE = KnownMetric("")


@dataclass(slots=True)
class _Words:
    """A label while it is read: what is left of it, and what was found."""

    text: str
    shots: int | None = None
    metric: KnownMetric | None = None
    chain_of_thought: bool = False
    length: str = ""
    unknown: list[str] = field(default_factory=list)


def read(label: str, suite: str = "") -> Task:
    """Return the task that a label names; its suite may stand before it with `` / ``, or be given.

    Raises `InvalidInput` where no benchmark is named or the metric is not known.
    """
    if len(label) + len(suite) > _LONGEST:
        raise InvalidInput(f"A task's label has at most {_LONGEST} characters.", hint="Write GSM8K (5-shot).")
    if not suite:
        suite, label = _split(label)
    of_suite, words = _read(suite), _read(label)
    if unknown := words.unknown or (of_suite.unknown if squash(of_suite.text) in BENCHMARKS else []):
        raise InvalidInput(
            f"{label!r} names a metric that is not known: {unknown[0]}.",
            hint="Add it to forecourt/evidence/benchmarks.py, and say there whether more of it is better.",
        )
    average = _AVERAGE.search(words.text)
    if average:
        key, name, suite = "average", "Average", suite or words.text[: average.start()].strip()
    else:
        key, name = _benchmark(words, of_suite)
    if not key:
        raise InvalidInput(f"{label!r} names no benchmark.", hint="Write it as GSM8K (strict-match, 5-shot).")
    metric = words.metric or of_suite.metric or METRICS.get(squash(LOWER_BENCHMARKS.get(key, "")), _SHARE)
    return Task(
        key,
        name,
        _suite(suite),
        metric.name,
        words.shots,
        metric.direction,
        metric.unit,
        is_average=average is not None,
        label=label,
    )


def _split(text: str) -> tuple[str, str]:
    cells = [cell.strip() for cell in re.split(r" /(?: |$)(?![^()]*\))", text)]
    suite, *others = cells
    labels = [cell for cell in others if cell and not cell[0].isdigit()]
    return (suite, labels[0]) if labels else ("", suite)


def _suite(text: str) -> str:
    text = " ".join(text.split())
    return SUITES.get(squash(text), text)


def _read(text: str) -> _Words:
    """Take out of a text what is known of it."""
    words = _Words(" ".join(text.replace("*", " ").replace("|v|", "lvl").split()))
    for group in _GROUP.findall(words.text):
        for part in group.split(","):
            _take_setting(words, part.strip())
    words.text = " ".join(_GROUP.sub(" ", words.text).split())
    if found := _LENGTH.search(words.text):
        words.length = found[1]
        words.text = _LENGTH.sub(" ", words.text)
    if found := _SHOTS.search(words.text):
        behind = words.text[found.end() :].strip()
        words.shots, words.text = int(found[1]), words.text[: found.start()].strip()
        if behind:
            _take_setting(words, behind)
    _take_words(words)
    return words


def _take_setting(words: _Words, part: str) -> None:
    if found := _SHOTS.fullmatch(part):
        words.shots = int(found[1])
    elif part.lower() == "cot":
        words.chain_of_thought = True
    elif known := _metric(part):
        words.metric = known
    elif part and not _TRANSLATED.match(part):
        words.unknown.append(part)


def _take_words(words: _Words) -> None:
    """Take metrics and ``CoT`` from among the words of a name: ``truthfulqa_mc2``, ``GSM-8K-cot``."""
    left: list[str] = []
    for word in re.findall(r"[^\s_-]+[\s_-]*", words.text):
        bare = word.strip(" _-")
        if bare.lower() == "cot":
            words.chain_of_thought = True
        elif (known := _metric(bare)) and (left or bare == words.text):
            words.metric = known
        else:
            left.append(word)
    words.text = "".join(left).strip(" _-")


def _metric(text: str) -> KnownMetric | None:
    if found := _PASS.fullmatch(text):
        return KnownMetric(f"pass@{found[1]}")
    return METRICS.get(squash(text))


def _benchmark(words: _Words, of_suite: _Words) -> tuple[str, str]:
    """Return the key and the name of the benchmark that a label is left with."""
    key, name = _known(words.text)
    language, _, rest = words.text.partition(" ")
    length = words.length or of_suite.length
    if code := LANGUAGES.get(language.lower()):
        inner, inner_name = _known(rest or of_suite.text)
        key, name = f"{inner}_{code}", f"{inner_name} {language}"
    elif length and (task := RULER.get(_WITHOUT_RULER.sub("", squash(words.text)))):
        key, name = f"ruler_{length}_{task}", f"RULER {task}, {int(length):,} tokens"
    elif key not in NAMES and (outer := BENCHMARKS.get(squash(of_suite.text))):
        inner_name = LANGUAGE_NAMES.get(key, name)
        key = f"{outer}_{key}".strip("_")
        name = NAMES.get(key, f"{NAMES[outer]} {inner_name}")
    if words.chain_of_thought and key:
        key, name = f"{key}_cot", f"{name} CoT"
    return key, name


def _known(text: str) -> tuple[str, str]:
    key = BENCHMARKS.get(squash(text)) or re.sub(r"\W+", "_", text.lower().replace("+", " plus")).strip("_")
    return key, NAMES.get(key, text)
