"""Everything about who may do what, in one place: users, what they are known by, and what they may do."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forecourt import durable
from forecourt.access.bindings import Bindings, Level, binding
from forecourt.access.credentials import Credentials
from forecourt.access.identity import Asking, Identity, Role, asking, who
from forecourt.access.rules import SETTINGS, Need, Wanted
from forecourt.access.throttle import Throttle
from forecourt.access.users import User, Users
from forecourt.db import Database
from forecourt.errors import AlreadyExists, Denied, Forbidden
from forecourt.objects import Asker, KubernetesObject, ObjectStore, Resource
from forecourt.projects import APPS_NAMESPACE, Namespace

REQUESTER = "openshift.io/requester"
LOCAL_PREFIX = "fcl_"
_WRITE_SECONDS = 60.0
_BEARER = "bearer"

log = logging.getLogger(__name__)


class Access:
    """Users and rights over a database and its objects, both at their newest. Threads may share it.

    `local` is the file that opens everything to who can read it: the command line of the server's own user.
    """

    def __init__(self, database: Database, objects: ObjectStore, local: Path) -> None:
        self.users = Users(database)
        self.credentials = Credentials(database)
        self.bindings = Bindings(objects)
        self.throttle = Throttle()
        self._objects = objects
        objects.note(_noted)
        self._local = LOCAL_PREFIX + secrets.token_urlsafe(32)
        durable.write(local, self._local)

    @property
    def open(self) -> bool:
        """Whether nobody is asked who they are: before there is a user."""
        return not self.users.any

    # Who asks

    def by_token(self, authorization: str) -> tuple[Identity | None, str]:
        """Return whose token an ``Authorization`` header has, and the token's id."""
        found = self.credentials.token_of(_bearer(authorization))
        return (self._identity(found[1]), found[0]) if found else (None, "")

    def by_local_key(self, authorization: str, said_name: str) -> Identity | None:
        """Return who asks where that is this machine's command line; `said_name` is how it calls its user."""
        if hmac.compare_digest(_bearer(authorization).encode(), self._local.encode()):
            return Identity(said_name[:255], said_name[:255], Role.ADMINISTRATOR)
        return None

    def by_session(self, text: str) -> tuple[Identity | None, str]:
        """Return whose a session is, and its id."""
        found = self.credentials.session_of(text)
        return (self._identity(found[1]), found[0]) if found else (None, "")

    def knows(self, said: Asking | None) -> bool:
        """Say whether somebody who was let in would be now, and as the same; None was let in while nobody was asked."""
        if said is None or said.identity is None:
            return said is not None or self.open
        same = self._identity(said.identity.name) == said.identity
        return said.local or (same and self.credentials.lasts(said.token or said.session))

    def _identity(self, name: str | None) -> Identity | None:
        user = self.users.active(name) if name else None
        return user.identity if user else None

    def sign_in(self, name: str, password: str) -> tuple[User, str]:
        """Begin a session for who knows a password; return the user and what the session's cookie says. Blocks.

        Raises `TooMany` after some failures, and the same `Denied` whichever of the two is wrong.
        """
        said = asking() or Asking(None)
        name = name.strip().lower()[:64]
        self.throttle.attempt(name, said.address)
        user = self.users.verified(name, password)
        if user is None:
            log.warning("A sign-in as %r from %s failed.", name, said.address or "this machine")
            raise Denied(
                "The user name or the password is wrong.",
                hint="An administrator can set a new password: Settings, Users and tokens.",
            )
        self.throttle.succeeded(name, said.address)
        return user, self.credentials.begin(user.name, agent=said.agent, address=said.address)

    # What they may do

    def may(self, identity: Identity, wanted: Wanted) -> bool:
        """Say whether a user may do something: the one place where that is decided."""
        need = wanted.need
        if identity.is_administrator or need in (Need.NOBODY, Need.SIGNED_IN):
            return True
        if isinstance(need, Level):
            return self.bindings.level(identity, wanted.namespace) >= need
        return need is Need.USER and identity.role is Role.USER

    def check(self, identity: Identity | None, wanted: Wanted) -> None:
        """Raise `Denied` where nobody has signed in who must, and `Forbidden` where a user may not."""
        if wanted.need is Need.NOBODY:
            return
        if identity is None:
            raise Denied(
                "Nobody has signed in.",
                hint="Sign in at /sign-in, or send Authorization: Bearer TOKEN with a token of yours.",
            )
        if not self.may(identity, wanted):
            raise Forbidden(f"{identity.name} may not {wanted}.", hint=_hint(wanted))

    def asker(self) -> Asker:
        """Return what depends on who asks, for the API of objects."""
        return Asker(self._sees, _noted, self._made)

    def sees(self, namespace: str) -> bool:
        """Say whether who asks may see what is in a project."""
        identity, said = who(), asking()
        return said is None or (identity is not None and self.bindings.level(identity, namespace) >= Level.VIEW)

    def _sees(self, resource: Resource) -> Callable[[KubernetesObject], bool]:
        said = asking()
        if said is None or (said.identity is not None and said.identity.is_administrator):
            return _everything
        if said.identity is None:
            return lambda _: False
        identity = said.identity

        def seen(one: KubernetesObject) -> bool:
            if resource.kind is Namespace:
                return self.bindings.level(identity, one.name) >= Level.VIEW
            if not resource.namespaced or not one.namespace:
                return True
            if one.namespace == APPS_NAMESPACE:
                return resource.plural in SETTINGS
            return self.bindings.level(identity, one.namespace) >= Level.VIEW

        return seen

    def _made(self, one: KubernetesObject) -> None:
        """Have who creates a project be its administrator."""
        identity = who()
        if isinstance(one, Namespace) and identity is not None and not identity.is_administrator:
            try:
                self._objects.create(binding(one.name, "admin", "admin", "User", identity.name))
            except AlreadyExists:  # left by a project of that name; it may say anything
                self._objects.replace(binding(one.name, "admin", "admin", "User", identity.name))

    # Users, with all that goes with them

    def change_user(self, name: str, **changes: Any) -> User:
        """Change a user as `Users.change` does; who is disabled is signed out."""
        user = self.users.change(name, **changes)
        if user.disabled:
            self.credentials.end_all(name)
        return user

    def set_password(self, name: str, password: str, *, but: str = "") -> None:
        """Give a user another password and sign them out everywhere, but for the session of a certain id."""
        self.users.set_password(name, password)
        self.credentials.end_all(name, but=but)

    def delete_user(self, name: str) -> User:
        """Remove a user with their sessions, tokens and roles in projects."""
        user = self.users.delete(name)
        self.credentials.forget(name)
        self.bindings.forget_user(name)
        return user

    async def run(self) -> None:
        """Note now and then when sessions and tokens were used, until cancelled."""
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            try:
                await asyncio.to_thread(self.credentials.write, all=False)
            except Exception:
                log.exception("When sessions and tokens were last used could not be noted; it will be tried again.")

    def close(self) -> None:
        """Note when sessions and tokens were last used."""
        self.credentials.write()


def _bearer(authorization: str) -> str:
    scheme, _, text = authorization.partition(" ")
    return text.strip() if scheme.lower() == _BEARER else ""


def _everything(_: object) -> bool:
    return True


def _noted(wanted: KubernetesObject, before: KubernetesObject | None) -> KubernetesObject:
    """Note who asked for an object on it, which nobody changes later."""
    identity = who()
    if asking() is None:
        return wanted
    of_settings = before is None and isinstance(wanted, Namespace) and wanted.name == APPS_NAMESPACE
    if of_settings and (identity is None or not identity.is_administrator):
        raise Forbidden(f"{APPS_NAMESPACE} is where settings are kept.", hint="Choose another name.")
    annotations = dict(wanted.metadata.annotations or {})
    if before is not None:
        annotations[REQUESTER] = before.metadata.annotation(REQUESTER)
    elif identity is not None:
        annotations[REQUESTER] = identity.name
    if not annotations.get(REQUESTER):
        annotations.pop(REQUESTER, None)
    if annotations == (wanted.metadata.annotations or {}):
        return wanted
    return wanted.with_metadata(annotations=annotations or None)


def _hint(wanted: Wanted) -> str:
    if isinstance(wanted.need, Level):
        role = wanted.need.name.lower()
        return f"That takes the role {role} in the project: who administers it can give you that under Permissions."
    return f"That takes {wanted.need.value}."
