"""Amounts as Kubernetes writes them: ``2``, ``500m``, ``4Gi``.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
_SMALL = {"n": -9, "u": -6, "m": -3}
_LARGE = "kMGTPE"
_BINARY = "KMGTPE"


def quantity(text: str | int | float) -> Decimal:
    """Return the number that a quantity is: cores, bytes, pieces. Raises `ValueError` for what is none."""
    match = _QUANTITY.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"{text!r} is no quantity such as 2, 500m or 4Gi")
    number, unit = Decimal(match[1]), match[2] or ""
    if unit in _SMALL:
        return number.scaleb(_SMALL[unit])
    if unit.endswith("i"):
        return number * Decimal(1024 ** (_BINARY.index(unit[0]) + 1))
    if unit in tuple(_LARGE):
        return number.scaleb(3 * (_LARGE.index(unit) + 1))
    return number.scaleb(int(unit[1:])) if unit else number
