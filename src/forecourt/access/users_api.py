"""Users over HTTP, for administrators; and who it is that asks."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from forecourt.access.access import Access
from forecourt.access.documents import Body, Document, NewToken, Password, token_document, user_document
from forecourt.access.identity import Role, asking
from forecourt.access.passwords import proposed_password
from forecourt.access.users import User
from forecourt.errors import Conflict


class _NewUser(Body):
    """A user to create; without a password one is made, and shown in the answer."""

    name: str
    display_name: str = ""
    password: str | None = Field(default=None, repr=False)
    role: Role = Role.USER
    groups: list[str] = Field(default_factory=list)


class _Change(Body):
    """What of a user is to be another."""

    display_name: str | None = None
    role: Role | None = None
    groups: list[str] | None = None
    disabled: bool | None = None


def add_users(router: APIRouter, access: Access) -> None:
    """Add the routes; nobody locks themselves out by them."""
    users = access.users

    @router.get("/users")
    def listed() -> Document:
        """Return all users; `open` says that there is none, and so nobody is asked who they are."""
        counts = access.credentials.counts()
        return {"items": [user_document(one, access, counts) for one in users.list()], "open": access.open}

    @router.post("/users", status_code=201)
    def create(given: _NewUser) -> Document:
        """Create a user; the first one must be an administrator, and from then on everybody signs in."""
        password = given.password if given.password is not None else proposed_password()
        user = User(given.name.strip(), given.display_name.strip(), given.role, tuple(given.groups))
        made = users.create(user, password)
        return user_document(made, access) | ({} if given.password is not None else {"password": password})

    @router.get("/users/me")
    def me() -> Document:
        """Return who asks: `open` where nobody is asked, `local` for the command line on the server's machine."""
        said = asking()
        if said is None:
            return {"open": True, "local": False, "name": "", "displayName": "", "role": Role.ADMINISTRATOR.value}
        assert said.identity is not None
        known = users.active(said.identity.name) if not said.local else None
        shown = (
            user_document(known, access) if known else {"name": said.identity.name, "displayName": said.identity.name}
        )
        return {"open": False, "local": said.local, "role": said.identity.role.value} | shown

    @router.get("/users/{name}")
    def one(name: str) -> Document:
        """Return a user, with what goes with them if they are deleted: sessions, tokens, roles in projects."""
        return user_document(users.get(name), access, access.credentials.counts())

    @router.patch("/users/{name}")
    def change(name: str, given: _Change) -> Document:
        """Change a user; nobody disables themselves or takes the administrator's role from themselves."""
        before, changes = users.get(name), given.model_dump(exclude_none=True)
        if _is_me(name) and (changes.get("disabled") or changes.get("role", before.role) is not before.role):
            raise Conflict("That would lock you out.", hint="Have another administrator do it.")
        if "groups" in changes:
            changes["groups"] = tuple(changes["groups"])
        return user_document(access.change_user(name, **changes), access)

    @router.post("/users/{name}/password")
    def reset(name: str, given: Password) -> Document:
        """Give a user another password, and sign them out everywhere."""
        password = given.password if given.password is not None else proposed_password()
        access.set_password(name, password, but=_session() if _is_me(name) else "")
        return user_document(users.get(name), access) | ({} if given.password is not None else {"password": password})

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
        return {"items": [token_document(one) for one in access.credentials.tokens(users.get(name).name)]}

    @router.post("/users/{name}/tokens", status_code=201)
    def issue(name: str, given: NewToken) -> Document:
        """Make a token by which a program is known as a user; the answer shows it, and nothing does later."""
        made, text = access.credentials.issue(users.get(name).name, given.name, given.days)
        return token_document(made) | {"token": text}

    @router.delete("/users/{name}/tokens/{token}")
    def revoke(name: str, token: str) -> Document:
        """Have a token of a user open nothing from now on."""
        access.credentials.revoke(users.get(name).name, token)
        return {"status": "revoked", "name": token}


def _is_me(name: str) -> bool:
    said = asking()
    return said is not None and not said.local and said.identity is not None and said.identity.name == name


def _session() -> str:
    said = asking()
    return said.session if said else ""
