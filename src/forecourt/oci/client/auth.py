"""How a request comes to be allowed: anonymous, Basic or Bearer, as a conversation without I/O.

`Auth.flow` is a generator: it yields requests and is sent their responses; the response to the last request that it
yielded is the answer. Whoever drives it does the network, so the protocol is one and can be tested alone.

https://distribution.github.io/distribution/spec/auth/token/ (GET) and …/spec/auth/oauth/ (POST, identity tokens).
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from forecourt.errors import Denied, RegistryError
from forecourt.oci.client.challenge import Challenge, choose, join_scopes
from forecourt.oci.client.credentials import Credential, Credentials
from forecourt.oci.client.request import Answer, Request, is_loopback

_CLIENT = "forecourt"
_DEFAULT_SECONDS = 60.0  # "If omitted, this defaults to 60 seconds."
_MARGIN = 0.9  # of a token's life; then it is renewed before a registry can refuse it
_LONGEST_ANSWER = 1024 * 1024

Flow = Generator[Request, Answer, None]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    scopes: frozenset[str]
    expires: float


class Auth:
    """What one registry has asked for so far, and the tokens it will take. Several threads may use it."""

    def __init__(
        self,
        registry: str,
        credentials: Credentials,
        *,
        plain: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._credentials = credentials
        self._plain = plain
        self._clock = clock
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._tokens: list[tuple[Credential | None, _Token]] = []

    def credential(self, repository: str) -> Credential | None:
        """Return who we are to `repository`."""
        return self._credentials.find(self._registry, repository)

    def flow(self, request: Request) -> Flow:
        """Send `request` as the registry wants it; once refused, find out how and send it again.

        A request that cannot be replayed is not, but the next one will be as the registry wants it.

        Raises `Denied` where a token server refuses, `RegistryError` where it makes no sense.
        """
        first = request
        if self._challenge:
            first = (yield from self._signed(request, self._challenge)) or request
        answer = yield first
        if answer.status != 401:
            return
        challenge = choose(answer.header("WWW-Authenticate"))
        if challenge is None:
            return
        self._challenge = challenge
        self._forget(first)
        if not request.replay:
            return
        second = yield from self._signed(request, challenge)
        if second and second != first:
            yield second

    def _signed(self, request: Request, challenge: Challenge) -> Generator[Request, Answer, Request | None]:
        credential = self.credential(request.repository)
        if credential and credential.registry_token:
            return request.having(Authorization=f"Bearer {credential.registry_token}")
        if challenge.scheme == "bearer":
            token = yield from self._token(request, challenge, credential)
            return request.having(Authorization=f"Bearer {token}")
        if credential and credential.password:
            return request.having(Authorization=_basic(credential))
        return None

    def _token(
        self, request: Request, challenge: Challenge, credential: Credential | None
    ) -> Generator[Request, Answer, str]:
        wanted = request.scopes or challenge.scopes
        with self._lock:
            for owner, token in self._tokens:
                if owner == credential and wanted <= token.scopes and self._clock() < token.expires:
                    return token.text
        asked = self._clock()
        answer = yield self._question(challenge, credential, wanted)
        if answer.status in (401, 403):
            raise self.denied(request.repository, "its token server refuses the login")
        if answer.status != 200:
            raise RegistryError(f"The token server of {self._registry} answered {answer.status}.")
        text, seconds = _read_token(answer.read(_LONGEST_ANSWER), self._registry)
        token = _Token(text, wanted, asked + seconds * _MARGIN)
        with self._lock:
            self._tokens = [kept for kept in self._tokens if asked < kept[1].expires]
            self._tokens.append((credential, token))
        return text

    def _question(self, challenge: Challenge, credential: Credential | None, wanted: frozenset[str]) -> Request:
        realm, service = challenge.parameters["realm"], challenge.parameters.get("service", "")
        parts = urlsplit(realm)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RegistryError(f"{self._registry} sends us to a token server that is none: {realm!r}.")
        if parts.scheme == "http" and credential and not (self._plain or is_loopback(parts.netloc)):
            raise Denied(
                f"{self._registry} wants the login sent to {realm}, where everyone on the way could read it.",
                hint="Ask the registry's operator to serve its tokens over HTTPS.",
            )
        query = [("service", service)] if service else []
        if credential and credential.identity_token:
            form = [
                ("grant_type", "refresh_token"),
                *query,
                ("client_id", _CLIENT),
                ("scope", " ".join(join_scopes(wanted))),
                ("refresh_token", credential.identity_token),
            ]
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
            return Request("POST", realm, headers, urlencode(form).encode())
        query += [("scope", scope) for scope in join_scopes(wanted)]
        headers = {"Accept": "application/json"}
        if credential:
            query.append(("account", credential.username))
            headers["Authorization"] = _basic(credential)
        return Request("GET", urlunsplit(parts._replace(query=urlencode(parse_qsl(parts.query) + query))), headers)

    def _forget(self, refused: Request) -> None:
        """Drop the token that was refused before its time."""
        text = refused.headers.get("Authorization", "").removeprefix("Bearer ")
        with self._lock:
            self._tokens = [kept for kept in self._tokens if kept[1].text != text]

    def denied(self, repository: str, why: str) -> Denied:
        """Return the error for being refused, with what can be done about it."""
        what = f"{self._registry}/{repository}" if repository else self._registry
        credential = self.credential(repository)
        login = f"`docker login {self._registry}` or `podman login {self._registry}`"
        if credential is None:
            hint = f"Log in with {login}, or check that the name is right."
        elif credential.username:
            hint = f"{credential.username!r} may lack the right to it, or its password is old: log in with {login}."
        else:
            hint = f"The token that is kept for it may be old: log in again with {login}."
        return Denied(f"Access to {what} is denied: {why}.", hint=hint)


def _basic(credential: Credential) -> str:
    return "Basic " + base64.b64encode(f"{credential.username}:{credential.password}".encode()).decode()


def _read_token(body: bytes, registry: str) -> tuple[str, float]:
    """Return the token and for how many seconds it is good."""
    try:
        document = json.loads(body)
        text = document.get("token") or document.get("access_token")
        seconds = document.get("expires_in")
    except (ValueError, AttributeError):
        text, seconds = None, None
    if not isinstance(text, str) or not text:
        raise RegistryError(f"The token server of {registry} sent no token.")
    return text, float(seconds) if isinstance(seconds, int | float) else _DEFAULT_SECONDS
