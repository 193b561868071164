"""Arguments that are more than text: ``KEY=VALUE``."""

from __future__ import annotations


def variable(text: str) -> tuple[str, str]:
    """Return the name and the value of a variable that a person says; raises `InvalidInput`."""
    from forecourt.errors import InvalidInput

    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InvalidInput(f"--env {text!r} is no KEY=VALUE.", hint="Write --env HF_HUB_OFFLINE=1.")
    return key, value
