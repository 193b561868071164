"""What a registry's refusal means to a person.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
"""

from __future__ import annotations

import json

from forecourt.errors import ForecourtError, NotFound, RegistryError, Unavailable
from forecourt.oci.client.connection import Response
from forecourt.oci.client.transport import Transport


def failure(transport: Transport, response: Response, doing: str, repository: str = "") -> ForecourtError:
    """Return the error for a response that is not what was asked for; `doing` continues "… failed while"."""
    registry = transport.registry
    try:
        raw = response.read(256 * 1024)
    except Unavailable:
        raw = b""
    said = _said(raw)
    match response.status:
        case 401 | 403:
            return transport.auth.denied(repository, said or "it wants to know who asks")
        case 404:
            return NotFound(f"{registry} has no repository {repository}." if repository else f"{registry}: not found.")
        case 400 if b"HTTPS server" in raw:
            return Unavailable(
                f"{registry} speaks HTTPS, and was spoken to over plain HTTP.",
                hint="Take it out of FORECOURT_INSECURE_REGISTRIES.",
            )
        case 405 | 501:
            return RegistryError(f"{registry} does not allow {doing}.", hint="Its operator may have turned this off.")
        case 413:
            return RegistryError(f"{registry} refused {doing}: it is too large.", hint="Raise the limit of its proxy.")
        case 429:
            return RegistryError(f"{registry} has had too many requests from us.", hint="Try again in a while.")
        case status:
            return RegistryError(f"{registry} answered {doing} with an error: {said or f'status {status}'}.")


def _said(raw: bytes) -> str:
    """Return the message of the first error in a registry's answer, or nothing."""
    try:
        first = json.loads(raw)["errors"][0]
        message, code = first.get("message") or "", first.get("code") or ""
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return str(message or code).strip().rstrip(".")
