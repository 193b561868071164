"""Users, sessions and tokens over HTTP, under ``/api/forecourt/v1``; here one's own.

Who may ask what is said in `rules`; here only that one's own affairs are one's own.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse

from forecourt.access.access import Access
from forecourt.access.credentials import SESSION_SECONDS
from forecourt.access.documents import (
    Body,
    Document,
    NewToken,
    Password,
    session_document,
    token_document,
    user_document,
)
from forecourt.access.identity import Asking, asking
from forecourt.access.users_api import add_users
from forecourt.errors import Conflict, InvalidInput, InvalidObject, TooMany
from forecourt.objects import status

BASE = "/api/forecourt/v1"


class _SignIn(Body):
    """What signing in takes."""

    name: str
    password: str = Field(repr=False)


def access_router(access: Access, cookie: str) -> APIRouter:
    """Return the routes; `cookie` is the name of the session's cookie."""
    router = APIRouter(prefix=BASE)
    _add_own(router, access)
    add_users(router, access)
    _add_sessions(router, access, cookie)
    _add_tokens(router, access)
    return router


def _add_own(router: APIRouter, access: Access) -> None:
    @router.post("/users/me/password")
    def own_password(given: Password) -> Document:
        """Change one's own password; one's other sessions end."""
        said, name = _me()
        if not given.password:
            raise InvalidObject("password: Required value")
        access.throttle.attempt(name, said.address)
        if access.users.verified(name, given.current) is None:
            raise InvalidObject("current: Invalid value: is not your password")
        access.throttle.succeeded(name, said.address)
        access.set_password(name, given.password, but=said.session)
        return user_document(access.users.get(name), access)


def _add_sessions(router: APIRouter, access: Access, cookie: str) -> None:
    @router.post("/sessions", status_code=201)
    async def sign_in(request: Request, given: _SignIn) -> JSONResponse:
        """Sign in: the answer sets a cookie that opens everything to who sends it, for a week at most."""
        if access.open:
            raise Conflict("Nobody has to sign in here.", hint="There is no user yet: see Settings, Users and tokens.")
        try:
            user, text = await asyncio.to_thread(access.sign_in, given.name, given.password)
        except TooMany as error:
            return JSONResponse(status(error), error.status, {"retry-after": str(error.seconds)})
        answer = JSONResponse(user_document(user, access), 201)
        answer.set_cookie(
            cookie, text, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=_is_secure(request), path="/"
        )
        return answer

    @router.get("/sessions")
    def listed() -> Document:
        """Return where one has signed in."""
        said, name = _me()
        return {"items": [session_document(one, said.session) for one in access.credentials.sessions(name)]}

    @router.delete("/sessions")
    def end_all(others: bool = False) -> JSONResponse:
        """Sign out everywhere; with ``others`` everywhere else."""
        said, name = _me()
        count = access.credentials.end_all(name, but=said.session if others else "")
        return _signed_out(cookie, {"ended": count}, out=not others)

    @router.delete("/sessions/{session}")
    def end(session: str) -> JSONResponse:
        """End one of one's sessions, by its id; ``current`` is the one that asks."""
        said, name = _me()
        current = session == "current" or (said.session and session == said.session[: len(session)])
        if session == "current" and not said.session:
            raise InvalidInput("This request belongs to no session.", hint="A token is revoked, not signed out.")
        access.credentials.end(name, said.session if session == "current" else session)
        return _signed_out(cookie, {"ended": 1}, out=bool(current))


def _add_tokens(router: APIRouter, access: Access) -> None:
    @router.get("/tokens")
    def listed() -> Document:
        """Return one's own tokens; nothing shows what they are."""
        return {"items": [token_document(one) for one in access.credentials.tokens(_me()[1])]}

    @router.post("/tokens", status_code=201)
    def issue(given: NewToken) -> Document:
        """Make a token by which a program is known as oneself; the answer shows it, and nothing does later."""
        made, text = access.credentials.issue(_me()[1], given.name, given.days)
        return token_document(made) | {"token": text}

    @router.delete("/tokens/{token}")
    def revoke(token: str) -> Document:
        """Have one of one's own tokens open nothing from now on, by its name or id."""
        access.credentials.revoke(_me()[1], token)
        return {"status": "revoked", "name": token}


def _me() -> tuple[Asking, str]:
    """Return who asks, and the user's name; raises `Conflict` where that is no user with affairs of their own."""
    said = asking()
    if said is None or said.local or said.identity is None:
        raise Conflict(
            "Only users have sessions and tokens of their own.",
            hint="Make a token for one: forecourt users tokens create USER NAME." if said else "There is no user yet.",
        )
    return said, said.identity.name


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "") == "https"


def _signed_out(cookie: str, document: Document, *, out: bool) -> JSONResponse:
    answer = JSONResponse(document)
    if out:
        answer.delete_cookie(cookie, path="/", httponly=True, samesite="lax")
    return answer
