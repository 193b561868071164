"""What comes in the body of a request: one object or a merge patch, refused where it could not go out again."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from forecourt.errors import InvalidInput, InvalidObject, TooLarge
from forecourt.objects.located import Located, load_located

MAX_BODY = 4 * 1024 * 1024
"""The largest object that is read, in bytes."""

_DEEPEST = 100  # maps and lists within one another; KServe's own schema has about thirty


async def document_of(request: Request) -> dict[str, Any]:
    """Return the one object of a JSON or YAML body; an empty body is an empty object.

    Raises `InvalidInput`, and `TooLarge` for more than `MAX_BODY`.
    """
    document: dict[str, Any] = (await located_document_of(request)).document
    return document


async def located_document_of(request: Request) -> Located:
    """Return the same with the lines of its values, which one in JSON does not have. Raises as `document_of`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge(f"The object has more than {MAX_BODY} bytes.")
    if not body.strip():
        return Located({})
    try:
        documents = [Located(json.loads(body))]
    except (ValueError, RecursionError):
        documents = load_located(bytes(body))
    if len(documents) != 1 or not isinstance(documents[0].document, dict):
        raise InvalidInput("The body must hold one object, as JSON or YAML.")
    _refuse_unwritable(documents[0].document)
    return documents[0]


def merged(document: Any, change: Any) -> Any:
    """Apply a merge patch (RFC 7386): null removes, a map is merged, anything else replaces."""
    if not isinstance(change, dict):
        return change
    after = dict(document) if isinstance(document, dict) else {}
    for key, value in change.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = merged(after.get(key), value)
    return after


def _refuse_unwritable(document: Any) -> None:
    """Refuse what JSON cannot hold (NaN, half of a character, YAML's binaries) and what is nested without end."""
    layer, depth = [document], 0
    while layer:
        layer = [
            child
            for value in layer
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        depth += 1
        if depth > _DEEPEST:
            raise InvalidObject(f"The object is nested more than {_DEEPEST} deep.")
    try:
        json.dumps(document, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, TypeError) as error:
        raise InvalidObject(f"The object cannot be written as JSON: {error}") from None
