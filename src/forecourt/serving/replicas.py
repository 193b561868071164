"""How many replicas a deployment has, as its object says it: a number, or bounds between which it follows its load."""

from __future__ import annotations

import re
from typing import Any

from forecourt.errors import InvalidInput

WINDOW = "autoscaling.knative.dev/window"
_DURATION = re.compile(r"(?=\d)(\d+h)?(\d+m)?(\d+(\.\d+)?s)?")


def bounded(replicas: int | None, least: int | None, most: int | None) -> dict[str, int]:
    """Return what of the bounds was said, as an object has it. Raises `InvalidInput` where it cannot be."""
    if replicas is not None and (least is not None or most is not None):
        raise InvalidInput(
            "A number of replicas and bounds do not go together.", hint="Say --replicas, or a least and a most number."
        )
    if replicas is not None:
        return {"minReplicas": replicas, "maxReplicas": replicas}
    if least is not None and most is not None and least > most:
        raise InvalidInput(
            f"There cannot be at least {least} and at most {most} replicas.", hint="The least comes first."
        )
    return {key: value for key, value in (("minReplicas", least), ("maxReplicas", most)) if value is not None}


def scaled(target: int | None) -> dict[str, Any]:
    """Return how many requests at a time are right for a replica, as an object has it."""
    return {} if target is None else {"scaleTarget": target, "scaleMetric": "concurrency"}


def checked_window(text: str) -> str:
    """Return a time as Knative writes it; raises `InvalidInput`."""
    if not _DURATION.fullmatch(text) or not re.search("[1-9]", text):
        raise InvalidInput(f"{text!r} is no time.", hint="Write it as 60s, 5m or 1h30m.")
    return text
