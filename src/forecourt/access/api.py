"""Users, sessions and tokens over HTTP, under ``/api/forecourt/v1``.

Who may ask what is said in `rules`; here only that one's own affairs are one's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.responses import JSONResponse

from forecourt.access.access import Access
from forecourt.access.credentials import SESSION_SECONDS, Session, Token
from forecourt.access.identity import Asking, Role, asking
from forecourt.access.passwords import proposed_password
from forecourt.access.rules import of_kind
from forecourt.access.users import User
from forecourt.errors import Conflict, Denied, Forbidden, InvalidInput, InvalidObject, TooMany
from forecourt.objects import document_of, status

BASE = "/api/forecourt/v1"
DAYS = 90
"""How long a token lasts where nothing is said."""

Document = dict[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class _NewUser(_Body):
    """A user to create; without a password one is made, and shown in the answer."""

    name: str
    display_name: str = ""
    password: str | None = Field(default=None, repr=False)
    role: Role = Role.USER
    groups: list[str] = Field(default_factory=list)


class _Change(_Body):
    """What of a user is to be another."""

    display_name: str | None = None
    role: Role | None = None
    groups: list[str] | None = None
    disabled: bool | None = None


class _Password(_Body):
    """A password to set; without one, one is made, and shown in the answer. Of one's own, `current` is asked for."""

    password: str | None = Field(default=None, repr=False)
    current: str = Field(default="", repr=False)


class _SignIn(_Body):
    """What signing in takes."""

    name: str
    password: str = Field(repr=False)


class _NewToken(_Body):
    """A token to make; `days` is how long it lasts, null for good."""

    name: str
    days: int | None = DAYS


def access_router(access: Access, cookie: str) -> APIRouter:
    """Return the routes; `cookie` is the name of the session's cookie."""
    router = APIRouter(prefix=BASE)
    _add_own(router, access)
    _add_users(router, access)
    _add_sessions(router, access, cookie)
    _add_tokens(router, access)
    return router


def _add_users(router: APIRouter, access: Access) -> None:
    users = access.users

    @router.get("/users")
    def listed() -> Document:
        """Return all users; `open` says that there is none, and so nobody is asked who they are."""
        counts = access.credentials.counts()
        return {"items": [_user(one, access, counts) for one in users.list()], "open": access.open}

    @router.post("/users", status_code=201)
    def create(given: _NewUser) -> Document:
        """Create a user; the first one must be an administrator, and from then on everybody signs in."""
        password = given.password if given.password is not None else proposed_password()
        user = User(given.name.strip(), given.display_name.strip(), given.role, tuple(given.groups))
        made = users.create(user, password)
        return _user(made, access) | ({} if given.password is not None else {"password": password})

    @router.get("/users/me")
    def me() -> Document:
        """Return who asks: `open` where nobody is asked, `local` for the command line on the server's machine."""
        said = asking()
        if said is None:
            return {"open": True, "local": False, "name": "", "displayName": "", "role": Role.ADMINISTRATOR.value}
        assert said.identity is not None
        known = users.active(said.identity.name) if not said.local else None
        shown = _user(known, access) if known else {"name": said.identity.name, "displayName": said.identity.name}
        return {"open": False, "local": said.local, "role": said.identity.role.value} | shown

    @router.get("/users/{name}")
    def one(name: str) -> Document:
        """Return a user, with what goes with them if they are deleted: sessions, tokens, roles in projects."""
        return _user(users.get(name), access, access.credentials.counts())

    @router.patch("/users/{name}")
    def change(name: str, given: _Change) -> Document:
        """Change a user; nobody disables themselves or takes the administrator's role from themselves."""
        before, changes = users.get(name), given.model_dump(exclude_none=True)
        if _is_me(name) and (changes.get("disabled") or changes.get("role", before.role) is not before.role):
            raise Conflict("That would lock you out.", hint="Have another administrator do it.")
        if "groups" in changes:
            changes["groups"] = tuple(changes["groups"])
        return _user(access.change_user(name, **changes), access)

    @router.post("/users/{name}/password")
    def reset(name: str, given: _Password) -> Document:
        """Give a user another password, and sign them out everywhere."""
        password = given.password if given.password is not None else proposed_password()
        access.set_password(name, password, but=_session() if _is_me(name) else "")
        return _user(users.get(name), access) | ({} if given.password is not None else {"password": password})

    @router.delete("/users/{name}")
    def delete(name: str) -> Document:
        """Delete a user, with their sessions, tokens and roles in projects; nobody deletes themselves."""
        if _is_me(name):
            raise Conflict("You cannot delete yourself.", hint="Have another administrator do it.")
        lost = one(name)
        access.delete_user(name)
        return {"deleted": lost}

    @router.delete("/users/{name}/sessions")
    def sign_out(name: str) -> Document:
        """Sign a user out everywhere."""
        return {"ended": access.credentials.end_all(users.get(name).name)}

    @router.get("/users/{name}/tokens")
    def tokens(name: str) -> Document:
        """Return a user's tokens; nothing shows what they are."""
        return {"items": [_token(one) for one in access.credentials.tokens(users.get(name).name)]}

    @router.post("/users/{name}/tokens", status_code=201)
    def issue(name: str, given: _NewToken) -> Document:
        """Make a token by which a program is known as a user; the answer shows it, and nothing does later."""
        made, text = access.credentials.issue(users.get(name).name, given.name, given.days)
        return _token(made) | {"token": text}

    @router.delete("/users/{name}/tokens/{token}")
    def revoke(name: str, token: str) -> Document:
        """Have a token of a user open nothing from now on."""
        access.credentials.revoke(users.get(name).name, token)
        return {"status": "revoked", "name": token}


def _add_own(router: APIRouter, access: Access) -> None:
    @router.post("/users/me/password")
    def own_password(given: _Password) -> Document:
        """Change one's own password; one's other sessions end."""
        said, name = _me()
        if not given.password:
            raise InvalidObject("password: Required value")
        access.throttle.attempt(name, said.address)
        if access.users.verified(name, given.current) is None:
            raise InvalidObject("current: Invalid value: is not your password")
        access.throttle.succeeded(name, said.address)
        access.set_password(name, given.password, but=said.session)
        return _user(access.users.get(name), access)


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
        answer = JSONResponse(_user(user, access), 201)
        answer.set_cookie(
            cookie, text, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=_is_secure(request), path="/"
        )
        return answer

    @router.get("/sessions")
    def listed() -> Document:
        """Return where one has signed in."""
        said, name = _me()
        return {"items": [_session_document(one, said.session) for one in access.credentials.sessions(name)]}

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
        return {"items": [_token(one) for one in access.credentials.tokens(_me()[1])]}

    @router.post("/tokens", status_code=201)
    def issue(given: _NewToken) -> Document:
        """Make a token by which a program is known as oneself; the answer shows it, and nothing does later."""
        made, text = access.credentials.issue(_me()[1], given.name, given.days)
        return _token(made) | {"token": text}

    @router.delete("/tokens/{token}")
    def revoke(token: str) -> Document:
        """Have one of one's own tokens open nothing from now on, by its name or id."""
        access.credentials.revoke(_me()[1], token)
        return {"status": "revoked", "name": token}


def reviews_router(access: Access) -> APIRouter:
    """Return the route by which one asks what one may: Kubernetes' `SelfSubjectAccessReview`."""
    router = APIRouter()

    @router.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", status_code=201)
    async def may(request: Request) -> Document:
        """Say whether who asks may do something, as ``kubectl auth can-i`` asks it."""
        return _review(access, await document_of(request))

    return router


def _review(access: Access, document: Document) -> Document:
    spec = document.get("spec")
    attributes = spec.get("resourceAttributes") if isinstance(spec, dict) else None
    if not isinstance(attributes, dict):
        raise InvalidObject("spec.resourceAttributes: Required value")
    words = [str(attributes.get(key) or "") for key in ("verb", "group", "resource", "namespace", "subresource")]
    verb, group, resource, namespace, subresource = words
    if not verb or not resource:
        raise InvalidObject(f"spec.resourceAttributes.{'resource' if verb else 'verb'}: Required value")
    if resource == "namespaces":
        namespace = namespace or str(attributes.get("name") or "")
    what = of_kind(verb, group, resource, namespace, subresource=subresource)
    said = asking()
    allowed, reason = True, ""
    if said is not None:
        try:
            access.check(said.identity, what)
        except (Denied, Forbidden) as error:
            allowed, reason = False, error.message
    return document | {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "metadata": {},
        "status": {"allowed": allowed} | ({"reason": reason} if reason else {}),
    }


def _me() -> tuple[Asking, str]:
    """Return who asks, and the user's name; raises `Conflict` where that is no user with affairs of their own."""
    said = asking()
    if said is None or said.local or said.identity is None:
        raise Conflict(
            "Only users have sessions and tokens of their own.",
            hint="Make a token for one: forecourt users tokens create USER NAME." if said else "There is no user yet.",
        )
    return said, said.identity.name


def _is_me(name: str) -> bool:
    said = asking()
    return said is not None and not said.local and said.identity is not None and said.identity.name == name


def _session() -> str:
    said = asking()
    return said.session if said else ""


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "") == "https"


def _signed_out(cookie: str, document: Document, *, out: bool) -> JSONResponse:
    answer = JSONResponse(document)
    if out:
        answer.delete_cookie(cookie, path="/", httponly=True, samesite="lax")
    return answer


def _user(one: User, access: Access, counts: Mapping[str, tuple[int, int, int | None]] | None = None) -> Document:
    document: Document = {
        "name": one.name,
        "displayName": one.display_name or one.name,
        "role": one.role.value,
        "groups": list(one.groups),
        "disabled": one.disabled,
        "created": _time(one.created),
    }
    if counts is not None:
        tokens, sessions, used = counts.get(one.name, (0, 0, None))
        projects = [
            {"project": name, "role": level.name.lower()} for name, level in access.bindings.of_user(one.name).items()
        ]
        document |= {"tokens": tokens, "sessions": sessions, "lastUsed": _time(used), "projects": projects}
    return document


def _token(one: Token) -> Document:
    return {
        "id": str(one.id),
        "name": one.name,
        "created": _time(one.created),
        "expires": _time(one.expires),
        "lastUsed": _time(one.used),
    }


def _session_document(one: Session, current: str) -> Document:
    return {
        "id": one.id,
        "current": bool(current) and current.startswith(one.id),
        "agent": one.agent,
        "address": one.address,
        "created": _time(one.created),
        "lastUsed": _time(one.seen),
        "expires": _time(one.expires),
    }


def _time(moment: int | None) -> str | None:
    return None if not moment else datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
