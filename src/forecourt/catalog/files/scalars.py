"""What a YAML text without quotes means, and which texts need quotes so that they stay texts.

It is YAML 1.1 (https://yaml.org/type/), as PyYAML and Kubernetes read it, but that times are texts, and so are ``=``,
``1:30`` and an integer of more than 64 bits, and that ``1e5`` is a number, as it is to Go. ``yes``, ``no``, ``on`` and
``off`` are texts until someone asks for true or false (`truth`): a list of languages has ``no`` for Norwegian.
"""

from __future__ import annotations

import re
from typing import Any

_WORDS = {
    written: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for written in (word, word.capitalize(), word.upper())
} | {"~": None, "": None}
_TRUTHS = {"yes": True, "on": True, "no": False, "off": False}
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0b(?P<two>[01_]+)|0o?(?P<eight>[0-7_]+)|0x(?P<sixteen>[0-9a-fA-F_]+)|(?P<ten>0|[1-9][0-9_]*))"
)
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_UNREAL = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_BASES = {"two": 2, "eight": 8, "ten": 10, "sixteen": 16}
_NOT_TEXT = {"null", "true", "false", "y", "n", *_TRUTHS}
_INT64 = range(-(2**63), 2**63)


def plain_value(written: str) -> Any:
    """Return what a text without quotes and tag means."""
    if written in _WORDS:
        return _WORDS[written]
    if not written or written[0] not in "+-.0123456789":
        return written
    if match := _INTEGER.fullmatch(written):
        base = match.lastgroup or "ten"
        digits = match[base].replace("_", "")
        if 0 < len(digits) <= 64 and (number := int(match["sign"] + digits, _BASES[base])) in _INT64:
            return number
        return written
    if _FLOAT.fullmatch(written):
        return float(written.replace("_", ""))
    if match := _UNREAL.fullmatch(written):
        return float(f"{match[1]}inf") if match[1] is not None else float("nan")
    return written


def truth(value: Any) -> bool | None:
    """Return a value of which true or false is asked as one of the two, or None where it is neither."""
    if isinstance(value, str):
        return _TRUTHS.get(value.lower())
    return value if isinstance(value, bool) else None


def needs_quotes(text: str) -> bool:
    """Say whether some reader of YAML, of version 1.1 or 1.2, might take this text for something else."""
    return not text or text[0] in "+-.0123456789~=<" or text.lower() in _NOT_TEXT
