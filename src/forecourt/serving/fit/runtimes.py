"""Which runtime it is, and so which arithmetic: told by the words that start it, here and on a cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from forecourt.serving.fit import llamacpp, openvino, others, vllm
from forecourt.serving.fit.estimate import Estimate, Launch
from forecourt.serving.fit.structure import Structure

_FAMILIES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("llamacpp", re.compile(r"llama[-_.]?cpp|llama-server")),
    ("vllm", re.compile(r"\bvllm")),
    ("openvino", re.compile(r"openvino|\bovms\b")),
    ("caikit", re.compile(r"caikit")),
    ("mlserver", re.compile(r"mlserver")),
)
_ESTIMATES: Mapping[str, Callable[[Structure, Launch], Estimate]] = {
    "llamacpp": llamacpp.estimate,
    "vllm": vllm.estimate,
    "openvino": openvino.estimate,
    "caikit": others.caikit,
    "mlserver": others.mlserver,
}


def family_of(words: Iterable[str]) -> str:
    """Return which of the runtimes that are known some words start (command, arguments, image); nothing for others."""
    text = " ".join(words).lower()
    return next((name for name, pattern in _FAMILIES if pattern.search(text)), "")


def estimate(model: Structure, family: str, launch: Launch) -> Estimate:
    """Return what a replica needs; of a runtime that is not known, the least that any does."""
    return _ESTIMATES.get(family, others.unknown_runtime)(model, launch)
