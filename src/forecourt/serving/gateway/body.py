"""The model that a request's body names, found and changed in the bytes as they came.

A body may be megabytes of images or of tokens, so it is not decoded and encoded again to read one word. A JSON body is
scanned for the strings and brackets that say where its top level is; a form (audio is sent as ``multipart/form-data``,
RFC 7578) is scanned from boundary to boundary. The runtime judges the rest of the body.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from forecourt.serving.gateway.errors import InvalidBody

# A string (its end is missing where the body is cut off), or a bracket. Possessive: no body takes quadratic time.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[{}\[\]]', re.DOTALL)
_STRING = re.compile(rb'[ \t\r\n]*+:[ \t\r\n]*+("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)
_BOUNDARY = re.compile(rb'boundary=(?:"([^"]+)"|([^\s;,"]+))', re.IGNORECASE)
_FIELD = re.compile(rb'^content-disposition:[^\r\n]*;\s*name="?model"?\s*(?:;|$|\r)', re.IGNORECASE | re.MULTILINE)
_PART_HEADERS = 16 * 1024
_QUOTE, _OPEN, _CLOSE = ord('"'), b"{[", b"}]"


@dataclass(frozen=True, slots=True)
class ModelField:
    """The model's name in a body, and where it stands there: ``body[start:end]``, in JSON with its quotes."""

    value: str
    start: int
    end: int
    json: bool

    def replaced(self, body: bytes, name: str) -> bytes:
        """Return the body with `name` in its place; every other byte stays."""
        text = json.dumps(name) if self.json else name
        return b"".join((body[: self.start], text.encode(), body[self.end :]))


def find_model(body: bytes, content_type: bytes) -> ModelField:
    """Return the model that the body names. Raises `InvalidBody` where it names none."""
    if content_type.strip().lower().startswith(b"multipart/form-data"):
        found = _in_form(body, content_type)
    else:
        found = _in_json(body)
        if found is None:
            _explain(body)
    if found is None:
        raise InvalidBody("The request names no model.", hint='Send it as the field "model".')
    return found


def _in_json(body: bytes) -> ModelField | None:
    depth = 0
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first == _QUOTE:
            if not token[1]:
                return None
            if depth == 1 and token[0] == b'"model"' and (value := _STRING.match(body, token.end())):
                try:
                    return ModelField(json.loads(value[1]), value.start(1), value.end(1), json=True)
                except ValueError:
                    return None
        elif first in _OPEN:
            depth += 1
        else:
            depth -= 1
            if depth <= 0:
                return None
    return None


def _explain(body: bytes) -> None:
    """Raise `InvalidBody` saying what is wrong with a JSON body in which no model was found."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidBody(f"The request's body is no JSON: {error}.") from None
    if not isinstance(document, dict):
        raise InvalidBody("The request's body is no JSON object.")
    if not isinstance(document.get("model", ""), str):
        raise InvalidBody('"model" is no string.', hint="GET /v1/models lists the names.")


def _in_form(body: bytes, content_type: bytes) -> ModelField | None:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise InvalidBody("The form's Content-Type has no boundary.")
    delimiter = b"--" + (boundary[1] or boundary[2])
    at = body.find(delimiter)
    while at != -1:
        head = at + len(delimiter)
        start = body.find(b"\r\n\r\n", head, head + _PART_HEADERS)
        if start == -1:
            return None
        end = body.find(b"\r\n" + delimiter, start + 2)
        if _FIELD.search(body[head + 2 : start]):
            if end == -1:
                return None
            return ModelField(body[start + 4 : end].decode(errors="replace").strip(), start + 4, end, json=False)
        at = end + 2 if end != -1 else -1
    return None
