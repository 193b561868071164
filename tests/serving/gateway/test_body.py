"""Finding the model in a body, and changing nothing else."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.serving.gateway.body import find_model
from forecourt.serving.gateway.errors import InvalidBody

JSON = b"application/json"
FORM = b'multipart/form-data; boundary="xX"'

values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("model"), inner),
    max_leaves=20,
)


@settings(max_examples=40)
@given(before=st.dictionaries(st.text(), values), model=st.text(), after=st.dictionaries(st.text(), values))
def test_the_model_is_found_and_replaced_wherever_it_stands(
    before: dict[str, object], model: str, after: dict[str, object]
) -> None:
    before.pop("model", None)
    after.pop("model", None)
    document = before | {"model": model} | {key: value for key, value in after.items() if key not in before}
    for body in (json.dumps(document).encode(), json.dumps(document, indent=2, ensure_ascii=False).encode()):
        field = find_model(body, JSON)
        assert field.value == model
        replaced = field.replaced(body, 'other "name"')
        assert json.loads(replaced) == document | {"model": 'other "name"'}
        assert replaced[: field.start] == body[: field.start]
        assert replaced.endswith(body[field.end :])


@given(values.filter(lambda value: not (isinstance(value, dict) and "model" in value)))
def test_no_model_is_found_where_there_is_none(document: object) -> None:
    with pytest.raises(InvalidBody):
        find_model(json.dumps(document).encode(), JSON)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "' + rb"\"" * 500_000,
        b"[" * 500_000,
        b'{"a": "' + b"\\" * 500_000,
        b'{"model"' + b" " * 500_000,
        b'{"model": "' + rb"\"" * 500_000,
        rb'{"model": "\x"}',
        b'\xff{"model"',
    ],
    ids=["quotes", "brackets", "backslashes", "spaces", "endless", "escape", "bytes"],
)
def test_a_body_made_to_be_slow_is_refused_quickly(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(InvalidBody):
        find_model(body, JSON)
    assert time.process_time() - started < 1


def part(name: str, content: bytes, quote: str = '"') -> bytes:
    head = f"--xX\r\nContent-Disposition: form-data; name={quote}{name}{quote}\r\n\r\n".encode()
    return head + content + b"\r\n"


@pytest.mark.parametrize("quote", ['"', ""])
def test_the_model_of_a_form_is_found_and_replaced(quote: str) -> None:
    others = part("file", b'RIFF name="model"\r\n\r\nnot me'), part("models", b"nor me")
    body = others[0] + part("model", b"team-a/whisper", quote) + others[1] + b"--xX--\r\n"
    field = find_model(body, FORM)
    assert field.value == "team-a/whisper"
    assert field.replaced(body, "whisper") == others[0] + part("model", b"whisper", quote) + others[1] + b"--xX--\r\n"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (part("file", b"x") + b"--xX--\r\n", FORM),
        (part("model", b"m"), FORM),
        (b"--xX\r\nContent-Disposition: form-data; name=model", FORM),
        (b"", FORM),
        (part("model", b"m"), b"multipart/form-data"),
    ],
    ids=["no model", "cut off", "cut off in a head", "empty", "no boundary"],
)
def test_a_form_without_a_model_is_refused(body: bytes, content_type: bytes) -> None:
    with pytest.raises(InvalidBody):
        find_model(body, content_type)
