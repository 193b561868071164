"""The door: finds out who asks, once for each request, and refuses what they may not, also within the process.

Two ASGI applications around others: `entering` around everything that is served, `authorizing` around the API, which
pages ask as well. While there is no user, neither does anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from forecourt.access.access import Access
from forecourt.access.identity import Asking, asked_by, asking
from forecourt.access.lasting import Lasting, note_wanted
from forecourt.access.rules import KUBEFLOW, Need, Wanted, of_kind, wanted
from forecourt.errors import Denied, ForecourtError
from forecourt.objects import status

Application = Any
Serves = Callable[[str], bool]

SIGN_IN = "/sign-in"
_FREE_PAGES = ("/static/", SIGN_IN)
_UNKNOWN = Wanted(Need.ADMINISTRATOR, "ask for", "this")
_NOT_FOR_RUNTIMES = (b"bearer fct_", b"bearer fcl_")


def cookie_name(home: Path) -> str:
    """Return what the session's cookie is called: browsers send one server's to those on other ports as well."""
    return f"forecourt-{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"


def entering(
    application: Application,
    access: Access,
    lasting: Lasting,
    *,
    cookie: str,
    gateway: Serves,
    pages: Serves,
    cross_origin: str,
) -> Application:
    """Have everything that `application` does for a request be asked by whoever sent it.

    `cookie` is the name of the session's. What the `gateway` serves has rules of its own; no key to this server reaches
    a runtime. Who opens one of the `pages` without having signed in is sent to do so. A request whose scope has
    `cross_origin` comes from another origin's page, to which the browser's cookie does not belong. Through `lasting`
    an answer that goes on ends with what its asker was let in by.
    """
    name = cookie.encode()

    async def entered(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        if gateway(scope["path"]):
            await application(scope if access.open else _without_keys(scope, name), receive, send)
            return
        if access.open:
            await lasting.answer(application, scope, receive, send, None)
            return
        said = _asking(scope, access, name, cross_origin)
        path = scope["path"]
        if said.identity is None and pages(path) and not path.startswith(_FREE_PAGES):
            await _to_sign_in(scope, send)
            return
        with asked_by(said):
            await lasting.answer(application, scope, receive, send, said)

    return entered


def authorizing(application: Application, access: Access, gateway: Serves) -> Application:
    """Refuse what whoever asks may not, by what their request wants."""

    async def authorized(scope: Any, receive: Any, send: Any) -> None:
        said = asking()
        if said is not None and scope["type"] == "http" and not _is_preflight(scope):
            path = scope["path"]
            if gateway(path):
                what = _inference(path)
            elif said.identity is not None and said.identity.is_administrator:
                what = None
            else:
                what = wanted(scope["method"], path, scope["query_string"]) or _UNKNOWN
            try:
                if what is not None:
                    access.check(said.identity, what)
                    note_wanted(what)
            except ForecourtError as error:
                await _refuse(scope, send, error)
                return
        await application(scope, receive, send)

    return authorized


def _asking(scope: Any, access: Access, cookie: bytes, cross_origin: str) -> Asking:
    authorization = name = agent = ""
    session = ""
    for key, value in scope["headers"]:
        if key == b"authorization":
            authorization = value.decode("latin-1")
        elif key == b"cookie" and cookie in value and not scope.get(cross_origin):
            session = _cookie(value, cookie) or session
        elif key == b"x-forwarded-user":
            name = value.decode("utf-8", "replace")
        elif key == b"user-agent":
            agent = value.decode("utf-8", "replace")
    client = scope.get("client")
    address = client[0] if client else ""
    if authorization:
        if local := access.by_local_key(authorization, name):
            return Asking(local, address, agent, local=True)
        identity, token = access.by_token(authorization)
        return Asking(identity, address, agent, token=token)
    if session:
        identity, id_ = access.by_session(session)
        return Asking(identity, address, agent, session=id_)
    return Asking(None, address, agent)


def _cookie(header: bytes, name: bytes) -> str:
    for part in header.split(b";"):
        key, _, value = part.strip().partition(b"=")
        if key == name:
            return value.decode("latin-1").strip('"')
    return ""


def _inference(path: str) -> Wanted | None:
    """Return what a page wants that asks a deployment for somebody: to see it, beside what the gateway asks."""
    parts = path.split("/")
    return of_kind("get", "serving.kserve.io", "inferenceservices", parts[2]) if parts[1] == "serving" else None


def _without_keys(scope: Any, cookie: bytes) -> Any:
    """Return the request without what opens this server: what a runtime gets is its makers' to read."""
    headers = scope["headers"]
    if not any(
        (key == b"cookie" and cookie in value)
        or (key == b"authorization" and value.lower().startswith(_NOT_FOR_RUNTIMES))
        for key, value in headers
    ):
        return scope
    kept = []
    for key, value in headers:
        if key == b"authorization" and value.lower().startswith(_NOT_FOR_RUNTIMES):
            continue
        if key == b"cookie":
            parts = [part.strip() for part in value.split(b";")]
            value = b"; ".join(part for part in parts if part.partition(b"=")[0] != cookie)
            if not value:
                continue
        kept.append((key, value))
    return {**scope, "headers": kept}


def _is_preflight(scope: Any) -> bool:
    """Say whether a browser asks only whether it may ask (CORS); it sends no credentials with that."""
    return scope["method"] == "OPTIONS" and any(key == b"access-control-request-method" for key, _ in scope["headers"])


async def _to_sign_in(scope: Any, send: Any) -> None:
    """Send a browser to sign in, from where it comes back to what it wanted; tell a program."""
    headers = dict(scope["headers"])
    wants = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    if b"hx-request" in headers:
        there = urlsplit(headers.get(b"hx-current-url", b"").decode("latin-1"))
        where = _sign_in(there.path + (f"?{there.query}" if there.query else ""))
        await _answer(send, 401, b"", [(b"hx-redirect", where.encode())])
    elif b"text/html" in headers.get(b"accept", b""):
        where = _sign_in(wants if scope["method"] in ("GET", "HEAD") else "")
        await _answer(send, 303, b"", [(b"location", where.encode()), (b"cache-control", b"no-store")])
    else:
        await _refuse(scope, send, Denied("Nobody has signed in.", hint=f"Sign in at {SIGN_IN}."))


def _sign_in(wants: str) -> str:
    return f"{SIGN_IN}?next={quote(wants, safe='')}" if wants and wants != "/" else SIGN_IN


def local_path(text: str) -> str:
    """Return a path of this server, with its query, to go on to; the start for anything that leads elsewhere."""
    parts = urlsplit(text)
    here = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    clean = all(character > " " and character not in "\\\x7f" for character in text)
    return text if here and clean and not parts.path.startswith(SIGN_IN) else "/"


async def _refuse(scope: Any, send: Any, error: ForecourtError) -> None:
    if scope["path"].startswith(KUBEFLOW):
        document: Any = {"code": error.reason, "message": f"{error.message} {error.hint}".strip()}
    else:
        document = status(error)
    headers = [(b"content-type", b"application/json")]
    if error.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="forecourt"'))
    await _answer(send, error.status, json.dumps(document).encode(), headers)


async def _answer(send: Any, code: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
