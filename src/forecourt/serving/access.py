"""Who may ask a deployment: everybody on this machine, everybody who reaches it, or who has one of its tokens.

As Open Data Hub says it on the object: the annotation ``security.opendatahub.io/enable-auth`` asks for a token, the
label ``networking.kserve.io/visibility: exposed`` lets requests from other machines in. What a proxy on this machine
passes on (``X-Forwarded-For``) comes from where the proxy says.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from dataclasses import dataclass

from starlette.types import Scope

from forecourt.errors import Denied, ForecourtError, NotFound, Unavailable
from forecourt.objects import KubernetesObject, ObjectStore, keep_following
from forecourt.projects import Secret
from forecourt.serving.endpoints import Endpoint
from forecourt.serving.model import InferenceService
from forecourt.serving.tokens import Tokens, deployment_of, hash_of

AUTH = "security.opendatahub.io/enable-auth"
VISIBILITY, EXPOSED = "networking.kserve.io/visibility", "exposed"

log = logging.getLogger(__name__)


class TokenRequired(Denied):
    """The request has no token, or one that opens nothing."""

    code = "invalid_api_key"


class NotExposed(Denied):
    """The request comes from another machine, for which the deployment is not."""

    status = 403
    reason = "Forbidden"
    code = "not_exposed"


class NotKnownYet(Unavailable):
    """The server has just started, and does not know yet who may ask."""

    code = "model_not_ready"


@dataclass(frozen=True, slots=True)
class Access:
    """What a deployment asks of requests; `tokens` are hashes."""

    protected: bool
    exposed: bool
    tokens: frozenset[str] = frozenset()


def is_protected(service: InferenceService) -> bool:
    """Say whether a deployment asks for a token."""
    return service.metadata.annotation(AUTH).lower() == "true"


def is_exposed(service: InferenceService) -> bool:
    """Say whether requests from other machines reach a deployment."""
    return (service.metadata.labels or {}).get(VISIBILITY) == EXPOSED


class AccessControl:
    """Knows what each deployment asks of requests, and checks them; kept up to date while `run` runs."""

    def __init__(self, objects: ObjectStore, tokens: Tokens) -> None:
        self._objects = objects
        self._tokens = tokens
        self._known: dict[tuple[str, str], Access] = {}
        self._learning = asyncio.Lock()

    def check(self, scope: Scope, endpoint: Endpoint) -> bool:
        """Let a request pass, or raise `TokenRequired`, `NotExposed`, `NotKnownYet`.

        Returns whether it came in by its token, which is then nothing for the runtime to see.
        """
        access = self._known.get((endpoint.namespace, endpoint.name))
        if access is None:
            raise NotKnownYet(f"{endpoint.name} is being set up.", hint="Try again in a moment.")
        if not access.exposed and not _from_here(scope):
            raise NotExposed(
                f"{endpoint.name} answers on its own machine only.",
                hint="Expose it: forecourt deploy --expose, or the label networking.kserve.io/visibility: exposed.",
            )
        if not access.protected:
            return False
        token = _bearer(scope)
        if not token or hash_of(token) not in access.tokens:
            raise TokenRequired(
                f"{endpoint.name} asks for a token, and "
                + ("this one opens nothing." if token else "the request has none."),
                hint="Send Authorization: Bearer TOKEN; make one with forecourt tokens create.",
            )
        return True

    async def run(self) -> None:
        """Learn what there is, then every change, until cancelled."""
        await keep_following(self._follow, "Who may ask deployments could not be learned")

    async def _follow(self) -> None:
        services, version = await asyncio.to_thread(self._objects.list_at, InferenceService)
        for namespace, name in {*self._known, *((one.namespace, one.name) for one in services)}:
            await self.learn(namespace, name)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(InferenceService, version))
            group.create_task(self._watch(Secret, version))

    async def _watch(self, kind: type[KubernetesObject], since: int) -> None:
        async for _, changed in self._objects.watch(kind, since=since):
            name = deployment_of(changed) if isinstance(changed, Secret) else changed.name
            if name:
                await self.learn(changed.namespace, name)

    async def learn(self, namespace: str, name: str) -> None:
        """Learn anew what one deployment asks; whoever changed it may wait for this."""
        async with self._learning:  # else what was read before a token was revoked could be noted after it
            access = await asyncio.to_thread(self._access, namespace, name)
            if access is None:
                self._known.pop((namespace, name), None)
            else:
                self._known[namespace, name] = access

    def _access(self, namespace: str, name: str) -> Access | None:
        try:
            service = self._objects.get(InferenceService, namespace, name)
        except NotFound:
            return None
        protected = is_protected(service)
        try:
            tokens = self._tokens.hashes(namespace, name) if protected else frozenset[str]()
        except ForecourtError as error:  # whose key is gone: nobody gets in, rather than everybody
            log.warning("The tokens of %s/%s cannot be read: %s", namespace, name, error)
            tokens = frozenset()
        return Access(protected, is_exposed(service), tokens)


def _from_here(scope: Scope) -> bool:
    client = scope.get("client")
    if client is None:  # a Unix socket
        return True
    forwarded = [value for key, value in scope["headers"] if key == b"x-forwarded-for"]
    hosts = [client[0], *(part.strip() for value in forwarded for part in value.decode("latin-1").split(","))]
    return all(map(_is_loopback, hosts))


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _bearer(scope: Scope) -> str:
    for key, value in scope["headers"]:
        if key == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
    return ""
