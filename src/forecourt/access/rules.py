"""What a request wants: which verb, on what, in which project; and so what whoever sends it must be.

Kubernetes' objects are told from their paths, as a cluster's API server does it; Forecourt's own routes are listed
here, each with what it wants. What is not listed wants an administrator, and fails a test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qs

from forecourt.access.bindings import Level
from forecourt.projects import APPS_NAMESPACE

FORECOURT = "/api/forecourt/v1/"
KUBEFLOW = ("/api/model_registry/", "/api/model_catalog/")

SETTINGS = frozenset({"servingruntimes", "hardwareprofiles", "configmaps", "odhdashboardconfigs"})
"""Kinds that say how the whole server works, or what runs on it: wherever they are, administrators change them."""


class Need(Enum):
    """What somebody must be, where no project is concerned."""

    NOBODY = "nobody"
    """No sign-in is asked for."""
    SIGNED_IN = "somebody who has signed in"
    USER = "a user who is no viewer"
    ADMINISTRATOR = "an administrator of this server"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants: of somebody as such, or of their role in a project.

    `verb` and `resource` are Kubernetes' words, for people and for `SelfSubjectAccessReview`.
    """

    need: Need | Level
    verb: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        place = f" in the project {self.namespace}" if self.namespace and self.resource != "namespaces" else ""
        one = f" {self.namespace}" if self.namespace and self.resource == "namespaces" else ""
        resource = {"namespaces": "the project" if one else "projects"}.get(self.resource, self.resource)
        return f"{_SAID.get(self.verb, self.verb)} {resource}{one}{place}"


_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_READ = frozenset({"get", "list", "watch"})
_SAID = {"get": "see", "list": "see", "patch": "change", "update": "change"}


def wanted(method: str, path: str, query: bytes = b"") -> Wanted | None:
    """Return what a request wants; None for a path that nothing is known of."""
    verb = _VERBS.get(method, method.lower())
    for prefix in KUBEFLOW:
        if path.startswith(prefix):
            return _kubeflow(verb, prefix)
    if path.startswith(FORECOURT):
        return _own(method, verb, path.removeprefix(FORECOURT), query)
    if path in _ABOUT:
        return Wanted(_ABOUT[path], verb, "about the server")
    parts = path.split("/")[1:]
    if parts[0] == "api" and parts[1:2] in (["v1"], []):
        return _kubernetes(verb, parts[2:], "")
    if parts[0] == "apis":
        return _kubernetes(verb, parts[3:], parts[1] if len(parts) > 1 else "")
    return None


_ABOUT = {
    "/healthz": Need.NOBODY,
    "/readyz": Need.NOBODY,
    "/readyz/health": Need.NOBODY,
    "/readyz/isDirty": Need.NOBODY,
    "/version": Need.SIGNED_IN,
    "/metrics": Need.SIGNED_IN,
    "/openapi.json": Need.SIGNED_IN,
    "/docs": Need.SIGNED_IN,
    "/docs/oauth2-redirect": Need.SIGNED_IN,
    "/redoc": Need.SIGNED_IN,
}


def _kubeflow(verb: str, prefix: str) -> Wanted:
    if prefix == "/api/model_catalog/":  # a preview has the server load what its configuration says
        return Wanted(Need.SIGNED_IN if verb in _READ else Need.ADMINISTRATOR, verb, "catalog sources")
    return Wanted(Need.SIGNED_IN if verb in _READ else Need.USER, verb, "registered models")


def of_kind(verb: str, group: str, resource: str, namespace: str, *, subresource: str = "") -> Wanted:
    """Return what a verb on a kind wants, in a project or (where that is empty) across all."""
    reads = verb in _READ
    need: Need | Level
    if group == "authorization.k8s.io":
        need = Need.SIGNED_IN
    elif resource == "namespaces" and not namespace:
        need = Need.SIGNED_IN if reads else Need.USER
    elif resource == "namespaces" and namespace != APPS_NAMESPACE:
        need = Level.VIEW if reads else Level.ADMIN
    elif not namespace:  # a list has what one may see
        need = Need.SIGNED_IN if reads else Need.ADMINISTRATOR
    elif namespace == APPS_NAMESPACE:
        need = Need.SIGNED_IN if reads and resource in SETTINGS else Need.ADMINISTRATOR
    elif resource in SETTINGS:
        need = Level.VIEW if reads else Need.ADMINISTRATOR
    elif resource == "rolebindings":
        need = Level.VIEW if reads else Level.ADMIN
    else:
        need = Level.VIEW if reads else Level.EDIT
    return Wanted(need, verb, f"{resource}/{subresource}" if subresource else resource, namespace)


def _kubernetes(verb: str, parts: list[str], group: str) -> Wanted:
    """Tell what a path means, behind the group's version: https://kubernetes.io/docs/reference/using-api/api-concepts/."""
    if not parts:
        return Wanted(Need.SIGNED_IN if verb in _READ else Need.ADMINISTRATOR, verb, "kinds")
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        parts = parts[2:] if len(parts) > 2 and parts[2] != "status" else ["namespaces", *parts[1:]]
    resource, name, subresource = parts[0], "".join(parts[1:2]), "/".join(parts[2:])
    if verb == "get" and not name:
        verb = "list"
    return of_kind(verb, group, resource, namespace, subresource=subresource)


_Rules = Mapping[str, Need | Level]
_READERS: _Rules = {"GET": Need.SIGNED_IN}
_ADMINISTRATORS: _Rules = dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), Need.ADMINISTRATOR)
_USERS: _Rules = {"GET": Need.SIGNED_IN, **dict.fromkeys(("POST", "PUT", "PATCH", "DELETE"), Need.USER)}
_OWN_AFFAIRS: _Rules = dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), Need.SIGNED_IN)

_OWN: tuple[tuple[str, str, _Rules], ...] = (
    ("server", "the server", _READERS),
    ("server/shutdown", "the server", _ADMINISTRATORS),
    ("sessions", "sessions", {**_OWN_AFFAIRS, "POST": Need.NOBODY}),
    ("sessions/*", "sessions", _OWN_AFFAIRS),
    ("tokens", "tokens", _OWN_AFFAIRS),
    ("tokens/*", "tokens", _OWN_AFFAIRS),
    ("users/me", "users", _OWN_AFFAIRS),
    ("users/me/password", "users", _OWN_AFFAIRS),
    ("users", "users", _ADMINISTRATORS),
    ("users/*", "users", _ADMINISTRATORS),
    ("users/*/password", "users", _ADMINISTRATORS),
    ("users/*/sessions", "users", _ADMINISTRATORS),
    ("users/*/tokens", "users", _ADMINISTRATORS),
    ("users/*/tokens/*", "users", _ADMINISTRATORS),
    ("namespaces/{namespace}/contents", "namespaces", {"GET": Level.VIEW}),
    ("namespaces/{namespace}/fit", "inferenceservices/fit", {"POST": Level.EDIT}),
    ("namespaces/{namespace}/inferenceservices/*/revisions", "inferenceservices/revisions", {"GET": Level.VIEW}),
    ("namespaces/{namespace}/connections/test", "secrets/test", {"POST": Level.EDIT}),
    ("namespaces/{namespace}/connections/*/test", "secrets/test", {"POST": Level.EDIT}),
    ("namespaces/{namespace}/deployments", "inferenceservices", {"POST": Level.EDIT}),
    ("namespaces/{namespace}/deployments/*", "inferenceservices", {"PUT": Level.EDIT}),
    ("namespaces/{namespace}/model-format", "inferenceservices", {"GET": Level.EDIT}),
    ("serving-runtimes", "servingruntimes", {"GET": Level.VIEW}),
    ("serving-runtimes/order", "servingruntimes", {"PUT": Need.ADMINISTRATOR}),
    ("serving-runtimes/validate", "servingruntimes", {"POST": Need.SIGNED_IN}),
    ("serving-runtimes/*", "servingruntimes", {**_ADMINISTRATORS, "GET": Level.VIEW}),
    ("storage", "storage", _ADMINISTRATORS),
    ("storage/disk", "storage", _ADMINISTRATORS),
    ("storage/free", "storage", _ADMINISTRATORS),
    ("environments", "environments", _ADMINISTRATORS),
    ("environments/*", "environments", _ADMINISTRATORS),
    ("registry/register", "registered models", _USERS),
    ("registry/proposal", "registered models", {"GET": Need.USER}),
    ("registry/resolve", "registered models", _READERS),
    ("registry/lineage", "registered models", _READERS),
    ("registry/changes", "registered models", _READERS),
    ("registry/registered_models", "registered models", _READERS),
    ("registry/registered_models/*/versions", "registered models", _READERS),
    ("registry/*/*", "registered models", {**_USERS, "DELETE": Need.ADMINISTRATOR}),
    ("registry/*/*/aliases", "registered models", _USERS),
    ("registry/*/*/aliases/*", "registered models", _USERS),
    ("registry/*/*/stage", "registered models", _USERS),
    ("registry/*/*/lineage", "registered models", _USERS),
    ("registry/*/*/lineage/graph", "registered models", _READERS),
    ("registry/*/*/lineage/*", "registered models", _USERS),
    ("registry/*/*/dependents", "registered models", _READERS),
    ("catalog/search", "catalog models", _READERS),
    ("catalog/filters", "catalog models", _READERS),
    ("catalog/models", "catalog models", _READERS),
    ("catalog/compare", "catalog models", _READERS),
    ("catalog/contradictions", "catalog models", _READERS),
    ("catalog/labels", "catalog models", _READERS),
    ("catalog/benchmark", "catalog models", _READERS),
    ("catalog/performance", "catalog models", _READERS),
    ("catalog/card", "catalog models", _READERS),
    ("catalog/logo", "catalog models", _READERS),
    ("catalog/sources", "catalog sources", {**_ADMINISTRATORS, "GET": Need.SIGNED_IN}),
    ("catalog/sources/**", "catalog sources", {**_ADMINISTRATORS, "GET": Need.SIGNED_IN}),
)
"""Forecourt's own routes, the first that fits counts: ``*`` is one segment, ``**`` any number of them."""


def _pattern(text: str) -> re.Pattern[str]:
    words = {"**": ".+", "*": "[^/]+", "{namespace}": "(?P<namespace>[^/]+)"}
    return re.compile("/".join(words.get(word) or re.escape(word) for word in text.split("/")))


_COMPILED = tuple((_pattern(text), resource, rules) for text, resource, rules in _OWN)


def _own(method: str, verb: str, path: str, query: bytes) -> Wanted | None:
    method = "GET" if method == "HEAD" else method
    for pattern, resource, rules in _COMPILED:
        if found := pattern.fullmatch(path):
            need = rules.get(method)
            if need is None:
                return Wanted(Need.SIGNED_IN, verb, resource)  # which is answered with 405
            namespace = found.groupdict().get("namespace", "")
            if isinstance(need, Level) and not namespace:
                # Those of no project in particular are there for everybody.
                namespace = parse_qs(query.decode("latin-1")).get("namespace", [""])[0]
                if namespace in ("", "default", APPS_NAMESPACE):
                    need, namespace = Need.SIGNED_IN, ""
            return Wanted(need, verb, resource, namespace)
    return None
