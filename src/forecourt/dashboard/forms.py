"""Forms: what was typed, what is wrong with it, and that nothing is made twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from forecourt.errors import ForecourtError, InvalidInput
from forecourt.serving import resource_name

MOST_BYTES = 2 * 1024 * 1024
"""Of a whole form, files with it."""
_MOST_FIELDS = 2000


class Form(Mapping[str, str]):
    """What was typed: each field's text without white space around it, the empty text for a field that is not there."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self.pairs = list(pairs)
        self.typed: dict[str, Any] = dict(pairs)

    @classmethod
    async def of(cls, request: Request) -> Form:
        """Read a request's form, or its query where it has none; raises `InvalidInput` for too large a one."""
        if request.method != "POST":
            return cls([(key, value) for key, value in request.query_params.multi_items() if key != "format"])
        if int(request.headers.get("content-length") or 0) > MOST_BYTES:
            raise too_large()
        given = await _read(request)
        pairs = []
        for key, value in given.multi_items():
            text = (await value.read()).decode("utf-8", "replace") if isinstance(value, UploadFile) else value
            pairs.append((key, text.replace("\r\n", "\n").strip()))
        return cls(pairs)

    def __getitem__(self, name: str) -> str:
        return str(self.typed.get(name, ""))

    def __iter__(self) -> Iterator[str]:
        return iter(self.typed)

    def __len__(self) -> int:
        return len(self.typed)

    def all(self, name: str) -> list[str]:
        """Return the values of a field that may be there several times."""
        return [value for key, value in self.pairs if key == name]

    def name(self, field: str, display: str) -> str:
        """Return the resource name that was typed, or the one that what people call it makes."""
        return self[field] or (resource_name(self[display]) if self[display] else "")


async def _read(request: Request) -> FormData:
    received = 0
    receive = request._receive  # Starlette has no limit on a whole form

    async def counted() -> Any:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MOST_BYTES:
            raise too_large()
        return message

    request._receive = counted
    return await request.form(max_files=10, max_fields=_MOST_FIELDS, max_part_size=MOST_BYTES)


def too_large() -> InvalidInput:
    """Return the error for more than a form may hold."""
    error = InvalidInput(
        f"That is more than the {MOST_BYTES // 1024**2} MiB that a form takes.",
        hint="Files as large as that go through the command line: forecourt apply -f, forecourt import.",
    )
    error.status = 413
    return error


def problems(error: ForecourtError, fields: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str] | None]:
    """Return what an error says of fields, and what it says of the form as a whole.

    `fields` names the form's field for each path of the object that it makes, the longest that fits counts:
    ``{"metadata.name": "name", "spec.predictor.model": "runtime"}``. Messages are those of Kubernetes: ``path: what``.
    """
    path, found, text = error.message.partition(": ")
    if found and re.fullmatch(r"[\w.\-/\[\]]+", path):
        for known in sorted(fields, key=len, reverse=True):
            if path == known or path.startswith((known + ".", known + "[")):
                return {fields[known]: text + (f" {error.hint}" if error.hint else "")}, None
    return {}, {"message": error.message, "hint": error.hint}


def sent_key(form: Form, apart: Collection[str] = ()) -> str:
    """Return what is the same where the same form is sent again (`Once`); nothing where it has no ``key``.

    `apart` are fields that say nothing of what is to be made.
    """
    if not form["key"]:
        return ""
    said = json.dumps([pair for pair in form.pairs if pair[0] not in apart])
    return f"{form['key']}-{hashlib.sha256(said.encode()).hexdigest()}"


class Once:
    """Remembers what came of the forms that were sent of late, so that one sent twice makes nothing twice."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._done: OrderedDict[str, str] = OrderedDict()
        self._busy: dict[str, asyncio.Lock] = {}

    def where(self, key: str) -> str:
        """Return where the form with this key led to, or nothing."""
        return self._done.get(key, "") if key else ""

    @asynccontextmanager
    async def alone(self, key: str) -> AsyncIterator[None]:
        """Have forms with one key wait for each other, so that the second sees where the first has led."""
        if not key:
            yield
            return
        lock = self._busy.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._busy.pop(key, None)

    def did(self, key: str, where: str) -> None:
        """Remember where a form led to."""
        if key:
            self._done[key] = where
            while len(self._done) > self._most:
                self._done.popitem(last=False)
