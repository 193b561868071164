"""What the gateway says when it cannot pass a request on, and the shapes it says it in.

::

    NotFound
    ├── ModelNotFound       404  no deployment of that name
    └── UnknownRoute        404  no such path below /v1
    InvalidInput
    ├── InvalidBody         400  the body names no model, or is not JSON
    ├── UnsupportedEncoding 415  a compressed body, in which no model can be read
    └── BodyTooLarge        413  more than the gateway holds in memory
    Unavailable
    ├── ModelStopped        503  deployed, and nobody wants it to run: trying again does not help
    ├── ModelNotReady       503  on its way for longer than requests are held
    ├── UpstreamFailed      502  the runtime broke off, or answered with what is no HTTP
    └── UpgradeUnsupported  501  a WebSocket

Below ``/v1`` and ``/serving/{namespace}/{name}/v1`` an error has OpenAI's shape, ``{"error": {"message", "type",
"param", "code"}}`` (https://platform.openai.com/docs/guides/error-codes), elsewhere the one of KServe's inference
protocols, ``{"error": "message"}`` (https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol).
"""

from __future__ import annotations

import json

from starlette.types import Send

from forecourt.errors import ForecourtError, InvalidInput, NotFound, Unavailable

RETRY_AFTER_SECONDS = 5
_NO_TOKEN = 401


class ModelNotFound(NotFound):
    """No deployment of that name."""

    code = "model_not_found"
    param = "model"


class UnknownRoute(NotFound):
    """No such path below ``/v1``."""

    code = "unknown_url"


class InvalidBody(InvalidInput):
    """The body names no model, or is not JSON."""

    code = "invalid_body"
    param = "model"


class UnsupportedEncoding(InvalidInput):
    """A compressed body, in which no model can be read."""

    status = 415
    code = "unsupported_content_encoding"


class BodyTooLarge(InvalidInput):
    """A body larger than the gateway holds in memory."""

    status = 413
    code = "request_too_large"


class ModelStopped(Unavailable):
    """Deployed, but stopped or failed: trying again does not help until somebody acts."""

    code = "model_stopped"
    param = "model"


class ModelNotReady(Unavailable):
    """No replica became ready for as long as a request is held."""

    code = "model_not_ready"
    param = "model"


class UpstreamFailed(Unavailable):
    """The runtime broke off, or answered with something that is no HTTP response."""

    status = 502
    code = "upstream_failed"


class UpgradeUnsupported(Unavailable):
    """A protocol upgrade (WebSocket), which the gateway does not pass on."""

    status = 501
    code = "upgrade_unsupported"


def document(error: ForecourtError, *, openai: bool) -> bytes:
    """Return the error as JSON in OpenAI's shape, or in KServe's; the hint is part of the message."""
    text = f"{error.message} {error.hint}" if error.hint else error.message
    if not openai:
        return json.dumps({"error": text}).encode()
    return json.dumps(
        {
            "error": {
                "message": text,
                "type": "invalid_request_error" if error.status < 500 else "server_error",
                "param": getattr(error, "param", None),
                "code": getattr(error, "code", None),
            }
        }
    ).encode()


async def refuse(send: Send, error: ForecourtError, *, openai: bool) -> None:
    """Answer a request with `error`.

    ``x-should-retry: false`` keeps OpenAI's clients from trying a stopped model again and again.
    """
    body = document(error, openai=openai)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if isinstance(error, ModelNotReady):
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
    elif error.status == _NO_TOKEN:
        headers.append((b"www-authenticate", b"Bearer"))
    elif isinstance(error, ModelStopped):
        headers.append((b"x-should-retry", b"false"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
