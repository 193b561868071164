"""Arguments that are more than text: ``KEY=VALUE``, ``KEY-``."""

from __future__ import annotations


def variable(text: str) -> tuple[str, str | None]:
    """Return the name and the value of a variable that a person says; raises `InvalidInput`.

    As in ``kubectl set env``, ``KEY-`` is a variable to take away; its value is None.
    """
    from forecourt.errors import InvalidInput

    if text.endswith("-") and "=" not in text and len(text) > 1:
        return text[:-1], None
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InvalidInput(f"--env {text!r} is no KEY=VALUE.", hint="Write --env HF_HUB_OFFLINE=1.")
    return key, value
