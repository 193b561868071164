"""Errors as registries say them: a JSON list of codes, each with a message and details.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes; the codes that are not in its
table are docker-registry's (PAGINATION_NUMBER_INVALID, RANGE_INVALID, TAG_INVALID, UNKNOWN) or ours.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from forecourt.errors import (
    ContentMismatch,
    ForecourtError,
    InvalidDigest,
    InvalidManifest,
    InvalidReference,
    NotFound,
    StorageFull,
)

log = logging.getLogger(__name__)

_CODES: tuple[tuple[type[ForecourtError], str, int], ...] = (
    (InvalidDigest, "DIGEST_INVALID", 400),
    (InvalidReference, "NAME_INVALID", 400),
    (InvalidManifest, "MANIFEST_INVALID", 400),
    (ContentMismatch, "DIGEST_INVALID", 400),
    (NotFound, "NAME_UNKNOWN", 404),
    (StorageFull, "STORAGE_FULL", 507),
)


class Refusal(Exception):
    """A request answered with an error: an HTTP status, a code and a sentence."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        detail: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.error = {"code": code, "message": message} | ({"detail": dict(detail)} if detail else {})

    @classmethod
    def of(cls, error: ForecourtError) -> Refusal:
        """Say one of our own errors in a registry's words."""
        detail = {"hint": error.hint} if error.hint else None
        for kind, code, status in _CODES:
            if isinstance(error, kind):
                return cls(status, code, error.message, detail=detail)
        return cls(error.status, "UNKNOWN", error.message, detail=detail)

    def response(self) -> web.Response:
        """Return the HTTP answer."""
        return web.json_response({"errors": [self.error]}, status=self.status, headers=self.headers)


def error_response(error: ForecourtError | Refusal) -> web.Response:
    """Return the HTTP answer that a registry gives for `error`."""
    return (error if isinstance(error, Refusal) else Refusal.of(error)).response()


@contextmanager
def unknown(code: str) -> Iterator[None]:
    """Say what it is that is `NotFound` in here: ``BLOB_UNKNOWN``, ``MANIFEST_UNKNOWN``."""
    try:
        yield
    except NotFound as error:
        raise Refusal(404, code, error.message) from None


async def body_of(request: web.Request) -> AsyncIterator[bytes]:
    """Yield the request's body as it arrives.

    Raises `Refusal` where the client goes away, or sends something that is not HTTP, before the body's end.
    """
    try:
        async for chunk in request.content.iter_any():
            yield chunk
    except (ConnectionError, RequestPayloadError) as error:
        raise Refusal(400, "SIZE_INVALID", "The request's body ended early.") from error


@web.middleware
async def answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn whatever goes wrong into a registry's answer; a person never sees a traceback."""
    response: web.StreamResponse
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = refusal.response()
    except ForecourtError as error:
        response = error_response(error)
    except web.HTTPException as error:  # no such path, or no such method for it
        code = "UNSUPPORTED" if error.status == 405 else "NOT_FOUND"
        allowed = {name: value for name, value in error.headers.items() if name == "Allow"}
        message = f"{request.method} {request.path}: {error.reason}."
        response = Refusal(error.status, code, message, headers=allowed).response()
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        response = Refusal(500, "UNKNOWN", "The registry failed; its log says why.").response()
    log.debug("%s %s: %d", request.method, request.rel_url, response.status)
    return response
