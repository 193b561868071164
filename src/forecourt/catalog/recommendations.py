"""Which hardware to run a model on: the measured configurations that none is both cheaper and faster than.

Kubeflow's algorithm, step by step, since its clients compare what they get
(https://github.com/kubeflow/model-registry, ``performance_artifact_service.go``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_GAIN, _GAIN_WHEN_FAST, _FAST_MS = 0.05, 0.1, 100.0
_MOST_REPLICAS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Properties:
    """Which properties of a performance artifact are looked at."""

    latency: str = "ttft_p90"
    rps: str = "requests_per_second"
    hardware_count: str = "hardware_count"
    hardware_type: str = "hardware_type"


@dataclass(frozen=True, slots=True)
class Configuration:
    """A measured configuration: latency in milliseconds, requests/s; None for what was not measured."""

    number: int
    hardware_type: str
    hardware_count: float | None
    latency: float | None
    rps: float | None

    def replicas(self, target_rps: float) -> int:
        """Return how many copies take so many requests/s, of which one takes one where it was not measured."""
        return max(1, math.ceil(min(target_rps / self._rps, _MOST_REPLICAS)))

    def total_rps(self, target_rps: float) -> float:
        """Return how many requests/s these copies take."""
        return self.replicas(target_rps) * self._rps

    @property
    def _rps(self) -> float:
        return self.rps if self.rps is not None and self.rps > 0 else 1.0


def recommended(configurations: Sequence[Configuration], target_rps: float = 0) -> list[Configuration]:
    """Return those worth considering for so many requests/s (one where it is 0), in the order in which they came.

    Of each type of hardware: from the fastest on those that cost strictly less (hardware count times replicas; a count
    that is not known costs as one), and of these, from the cheapest on, those that are faster than the last by more
    than 5 %, or by more than 10 % once the last answers within 100 ms.
    """
    target = target_rps if target_rps > 0 else 1.0
    kept: set[int] = set()
    groups: dict[str, list[Configuration]] = {}
    for one in configurations:
        groups.setdefault(one.hardware_type, []).append(one)
    for group in groups.values():
        kept.update(one.number for one in _worth_it(_cheaper_and_cheaper(group, target)))
    return [one for one in configurations if one.number in kept]


def _cheaper_and_cheaper(group: Sequence[Configuration], target: float) -> list[Configuration]:
    """Return from the fastest on those that cost less than all before; the cheapest first."""
    front: list[Configuration] = []
    least = math.inf
    for one in sorted(group, key=lambda each: (_known(each.latency), _known(each.hardware_count))):
        cost = _known(one.hardware_count, 1.0) * one.replicas(target)
        if not front or cost < least:
            front.append(one)
            least = cost
    return front[::-1]


def _worth_it(front: Sequence[Configuration]) -> list[Configuration]:
    kept: list[Configuration] = []
    for one in front:
        if not kept:
            kept.append(one)
            continue
        last, latency = _known(kept[-1].latency), _known(one.latency)
        gain = 1.0 if math.isinf(last) and not math.isinf(latency) else (last - latency) / last
        if gain > (_GAIN_WHEN_FAST if last <= _FAST_MS else _GAIN):
            kept.append(one)
    return kept


def _known(value: float | None, otherwise: float = math.inf) -> float:
    return value if value is not None and value > 0 else otherwise
