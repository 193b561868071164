"""How many replicas a deployment has, by how many requests are in hand at a time: Knative's autoscaler on one machine.

https://knative.dev/docs/serving/autoscaling/: as many replicas as hold the average concurrency of the last `window`
at the target; a burst (twice as much as those that are ready can take, over a tenth of the window) counts at once, and
nothing goes down until the window after it is over. Without a request for a whole window the last one goes too, where
the minimum is 0, and the next request wakes it.
"""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass

from forecourt.errors import InvalidObject
from forecourt.serving.endpoints import Load
from forecourt.serving.model import InferenceService

_WINDOW = "autoscaling.knative.dev/window"
_TARGET = "autoscaling.knative.dev/target"
_UTILIZATION = "autoscaling.knative.dev/target-utilization-percentage"
_CLASS = "serving.kserve.io/autoscalerClass"

_DEFAULT_WINDOW = 60.0
_DEFAULT_TARGET = 100.0
_DEFAULT_UTILIZATION = 70.0
_PANIC_SHARE = 0.1  # of the window
_PANIC_THRESHOLD = 2.0  # times what the ready ones can take
TICK_SECONDS = 1.0

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


@dataclass(frozen=True, slots=True)
class Scale:
    """Between how many replicas, and how many requests at a time one is to have; `window` is in seconds."""

    least: int
    most: int
    target: float = _DEFAULT_TARGET * _DEFAULT_UTILIZATION / 100
    window: float = _DEFAULT_WINDOW

    @classmethod
    def of(cls, service: InferenceService) -> Scale:
        """Read it from a deployment as KServe and Knative write it; raises `InvalidObject`."""
        predictor, annotations = service.spec.predictor, service.metadata.annotations or {}
        least = service.replicas
        most = max(predictor.max_replicas or 0, least, 1)
        if annotations.get(_CLASS) in ("none", "external"):
            most = max(least, 1)
        said = predictor.to_dict()
        metric = said.get("scaleMetric") or "concurrency"
        if most > least and metric != "concurrency":
            raise InvalidObject(
                f"spec.predictor.scaleMetric: Unsupported value: {metric!r}: here replicas follow concurrency",
                hint="Leave it out, or set minReplicas and maxReplicas to the same number.",
            )
        target = (
            _number(_TARGET, annotations, None)
            or float(said.get("scaleTarget") or 0)
            or float(predictor.container_concurrency or 0)
            or _DEFAULT_TARGET
        )
        utilization = _number(_UTILIZATION, annotations, _DEFAULT_UTILIZATION) or _DEFAULT_UTILIZATION
        return cls(least, most, target * utilization / 100, _window(annotations.get(_WINDOW, "")))

    @property
    def varies(self) -> bool:
        """Whether there is anything to decide."""
        return self.most > self.least


class Scaler:
    """Decides how many replicas there are to be; times are those of `time.monotonic`, in seconds."""

    def __init__(self, scale: Scale, desired: int) -> None:
        self.scale = scale
        self.desired = desired
        self._seen: deque[tuple[float, float]] = deque()  # when, and the request-seconds until then
        self._calm_from = 0.0

    def look(self, load: Load, now: float, *, ready: int, ready_since: float) -> int:
        """Return how many there are to be; `ready_since` is when the newest of the `ready` ones became so."""
        scale = self.scale
        self._seen.append((now, load.area(now)))
        while len(self._seen) > 1 and self._seen[1][0] <= now - scale.window:
            self._seen.popleft()
        steady = math.ceil(self._average(now, scale.window) / scale.target - 1e-9)
        burst = math.ceil(self._average(now, scale.window * _PANIC_SHARE) / scale.target - 1e-9)
        if burst >= _PANIC_THRESHOLD * max(ready, 1):
            self._calm_from = now + scale.window
        wanted = max(self.desired, steady, burst) if now < self._calm_from else steady
        idle = not load.now and now - max(load.last, ready_since) >= scale.window
        if not idle:
            wanted = max(wanted, 1)
        self.desired = min(max(wanted, scale.least), scale.most)
        return self.desired

    def _average(self, now: float, seconds: float) -> float:
        """Return how many requests were in hand at a time, over the last seconds."""
        first = next((one for one in reversed(self._seen) if one[0] <= now - seconds), self._seen[0])
        last = self._seen[-1]
        return (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else 0.0


def _number(name: str, annotations: dict[str, str], default: float | None) -> float | None:
    text = annotations.get(name)
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = 0
    if number <= 0:
        raise InvalidObject(f"metadata.annotations[{name}]: Invalid value: {text!r}: must be a number above 0")
    return number


def _window(text: str) -> float:
    if not text:
        return _DEFAULT_WINDOW
    match = _DURATION.fullmatch(text)
    hours, minutes, seconds = (float(part or 0) for part in match.groups()) if match else (0.0, 0.0, 0.0)
    if not (total := hours * 3600 + minutes * 60 + seconds):
        raise InvalidObject(f"metadata.annotations[{_WINDOW}]: Invalid value: {text!r}: must be a time such as 60s")
    return total
