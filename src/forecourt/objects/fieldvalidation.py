"""What is done about a document that is wrong, or has fields that nobody knows: Kubernetes' ``fieldValidation``.

https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation: ``Ignore`` passes over fields that are
not known or are there twice, ``Warn`` (the default) says so in ``Warning`` headers, ``Strict`` refuses the request.
Kubernetes drops such fields; Forecourt keeps them, since a newer KServe may know them.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from forecourt.errors import InvalidInput, InvalidObject
from forecourt.objects.located import Located
from forecourt.objects.structural import Problem, written

_MOST_WARNINGS = 20
LEVELS = ("Ignore", "Warn", "Strict")


def validated(kind: str, given: Located, problems: Sequence[Problem], level: str) -> list[str]:
    """Return the warnings about a document; raises `InvalidObject` for what is wrong.

    With ``Strict``, `InvalidInput` for fields that are not known or there twice. Lines are told where they are known.
    """
    level = level or "Warn"
    if level not in LEVELS:
        raise InvalidInput(
            f'fieldValidation: Unsupported value: "{level}"', hint=f"Supported values: {', '.join(LEVELS)}."
        )
    wrong = [_with_line(given, one) for one in problems if not one.warning and not one.unknown]
    if wrong:
        raise InvalidObject("; ".join(wrong))
    strict = [_with_line(given, one) for one in problems if one.unknown]
    strict += [f'duplicate field "{written(place)}" ({position})' for place, position in given.repeated]
    if strict and level == "Strict":
        raise InvalidInput(
            f"{kind}: strict decoding error: {', '.join(strict)}",
            hint="Correct them, or have them pass with a warning: fieldValidation=Warn, --validate=warn.",
        )
    advice = [_with_line(given, one) for one in problems if one.warning]
    return [*strict, *advice] if level == "Warn" else []


def warn(response: Response, warnings: Sequence[str]) -> None:
    """Have an answer tell of warnings, as many as people read."""
    for warning in warnings[:_MOST_WARNINGS]:
        response.headers.append("warning", header(warning))


def header(warning: str) -> str:
    """Return a warning as the value of a ``Warning`` header (RFC 7234, 5.5), as Kubernetes writes it."""
    plain = "".join(c if c.isascii() and c.isprintable() else "?" for c in " ".join(warning.split()))
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'


def _with_line(given: Located, problem: Problem) -> str:
    if not given.has_lines:
        return str(problem)
    where = given.key if problem.about_key else given.value
    return f"{problem} ({where(problem.place)})"
