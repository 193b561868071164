"""What it means to a person that a server gave no answer, or one that is an error."""

from __future__ import annotations

import contextlib
import email.utils
import json
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from forecourt.errors import Denied, ForecourtError, InvalidInput, NotFound, Unavailable

NETWORK = "Check the network, and that the server is up."

_RESET = re.compile(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})")


class Broken(Unavailable):
    """An exchange that failed and may well succeed now."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is an error."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def error(self, denied: str) -> ForecourtError:
        """Return what it means to a person."""
        host, said = host_of(self.url), self._said()
        because = f": {said}" if said else ""
        match self.status:
            case 401 | 403:
                return Denied(f"{host} refuses access{because}.", hint=denied)
            case 400 | 405 | 406 | 422:
                return InvalidInput(f"{host} does not take the question for {short(urlsplit(self.url).path)}{because}.")
            case 404 | 410:
                return NotFound(f"{host} has no {short(urlsplit(self.url).path)}{because}.")
            case 429:
                return Unavailable(f"{host} has had too many requests{because}.", hint="Load the source again later.")
            case status:
                return Unavailable(f"{host} answered with status {status}{because}.", hint="Try again later.")

    def _said(self) -> str:
        said: object = self.headers.get("X-Error-Message")
        if not said:
            with contextlib.suppress(ValueError, RecursionError):
                document = json.loads(self.body)
                if isinstance(document, dict):
                    said = document.get("error") or document.get("message")
        return short(said).rstrip(".") if isinstance(said, str) else ""


def wanted_pause(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks us to wait (``Retry-After``, or what ``RateLimit`` says is left)."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit() and len(said) < 10:
        return float(said)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    reset = _RESET.search(headers.get("RateLimit", ""))
    return float(reset[1]) if reset else None


def host_of(url: str) -> str:
    """Return the host of a URL, with its port where it says one."""
    return urlsplit(url).netloc.rpartition("@")[2] or url


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port: where a token belongs."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def unreachable(host: str, error: httpx.ConnectError) -> Unavailable:
    """Say why there is no connection; `Broken` where there may be one the next time."""
    cause: BaseException | None = error
    while cause and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    match cause:
        case ssl.SSLCertVerificationError():
            return Unavailable(
                f"The certificate of {host} is not trusted: {cause.verify_message}.",
                hint="Add its authority to this system's, or name its file in SSL_CERT_FILE.",
            )
        case ssl.SSLError():
            return Unavailable(
                f"No secure connection to {host} could be made: {cause.reason or cause}.",
                hint="If it is meant to speak plain HTTP, write its URL with http://.",
            )
        case _:
            return Broken(f"{host} cannot be reached: {error}.", NETWORK)


def short(text: str) -> str:
    """Return what a server said as one line of a message."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:400]).split())
    return line if len(line) <= 200 else f"{line[:199]}…"
