"""Who we are to a registry: what ``docker login`` and ``podman login`` have kept, themselves or in a helper program.

Read, in this order, and never written: ``$REGISTRY_AUTH_FILE``, ``$DOCKER_CONFIG/config.json`` (or
``~/.docker/config.json``), ``$XDG_RUNTIME_DIR/containers/auth.json``, ``$XDG_CONFIG_HOME/containers/auth.json`` (or
``~/.config/containers/auth.json``). In each: the registry's own helper, then the helper for all, then the entries.

https://docs.docker.com/reference/cli/docker/login/, containers-auth.json(5),
https://github.com/docker/docker-credential-helpers
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

_log = logging.getLogger(__name__)

_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")
_HELPER_SECONDS = 60
_TOKEN_USER = "<token>"  # noqa: S105 - the name by which a helper says that its secret is an identity token


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and password, or an identity token (OAuth2 refresh token) that stands for them.

    `registry_token` is a Bearer token for the registry itself, to be used as it is. Nothing secret shows in a repr.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


class Credentials(Protocol):
    """Knows who we are to a registry."""

    def find(self, registry: str, repository: str = "") -> Credential | None:
        """Return the credential for a repository of `registry` (``host[:port]``), or None to ask anonymously."""


class Anonymous:
    """Nobody, to every registry."""

    def find(self, registry: str, repository: str = "") -> Credential | None:
        """Return None."""


@dataclass(frozen=True, slots=True)
class Login:
    """The same credential for every repository of one registry."""

    registry: str
    credential: Credential

    def find(self, registry: str, repository: str = "") -> Credential | None:
        """Return the credential where it is for `registry`."""
        return self.credential if registry == self.registry else None


@dataclass(frozen=True, slots=True)
class Logins:
    """Credentials by registry (``host[:port]``) or a namespace in it; `others` are asked for what is not among them."""

    known: Mapping[str, Credential]
    others: Credentials = field(default_factory=Anonymous)

    def find(self, registry: str, repository: str = "") -> Credential | None:
        """Return the most particular credential."""
        parts = repository.split("/") if repository else []
        for name in _HUB if registry in _HUB else (registry,):
            for count in range(len(parts), -1, -1):
                if found := self.known.get("/".join((name, *parts[:count]))):
                    return found
        return self.others.find(registry, repository)


class LoginFiles:
    """Docker's and podman's files; each registry is looked up once, since a helper may ask a person."""

    def __init__(self, paths: tuple[Path, ...] | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self.paths = paths if paths is not None else tuple(_usual_paths(environ))
        self._found: dict[tuple[str, str], Credential | None] = {}
        self._lock = threading.Lock()

    def find(self, registry: str, repository: str = "") -> Credential | None:
        """Return the most particular credential: podman keeps them for namespaces too."""
        with self._lock:
            key = (registry, repository)
            if key not in self._found:
                self._found[key] = self._look_up(registry, repository)
            return self._found[key]

    def _look_up(self, registry: str, repository: str) -> Credential | None:
        for path in self.paths:
            document = _read(path)
            names = _HUB if registry in _HUB else (registry,)
            if found := _from_helpers(document, names) or _from_entries(document, names, repository):
                return found
        return None


def _usual_paths(environ: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environ.get("HOME") or Path.home())
    if chosen := environ.get("REGISTRY_AUTH_FILE"):
        yield Path(chosen)
    yield Path(environ.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers" / "auth.json"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be read and is left aside: %s", path, error)
        return {}
    return document if isinstance(document, dict) else {}


def _from_helpers(document: Mapping[str, Any], names: tuple[str, ...]) -> Credential | None:
    helpers = document.get("credHelpers")
    helpers = helpers if isinstance(helpers, dict) else {}
    for name in names:
        # Docker keeps Docker Hub's login under the address that its first registry had.
        server = "https://index.docker.io/v1/" if name in _HUB else name
        helper = helpers.get(name) or helpers.get(server) or document.get("credsStore")
        if isinstance(helper, str) and helper and (found := _ask(helper, server)):
            return found
    return None


def _ask(helper: str, server: str) -> Credential | None:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", helper):
        _log.warning("%r is not the name of a credential helper", helper)
        return None
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run([program, "get"], input=server.encode(), capture_output=True, timeout=_HELPER_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.warning("%s cannot be asked for the login to %s: %s", program, server, error)
        return None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        if "not found" not in said:  # "credentials not found in native keychain": it simply has none
            _log.warning("%s failed for %s: %s", program, server, said)
        return None
    try:
        document = json.loads(done.stdout)
        username, secret = document.get("Username", ""), document["Secret"]
    except (ValueError, KeyError, AttributeError):
        _log.warning("%s gave no credential for %s", program, server)
        return None
    if not secret:
        return None
    return Credential(identity_token=secret) if username == _TOKEN_USER else Credential(username, secret)


def _from_entries(document: Mapping[str, Any], names: tuple[str, ...], repository: str) -> Credential | None:
    entries = document.get("auths")
    if not isinstance(entries, dict):
        return None
    known = {_normal(key): entry for key, entry in entries.items() if isinstance(entry, dict)}
    for name in names:
        parts = repository.split("/") if repository else []
        for count in range(len(parts), -1, -1):
            if (entry := known.get("/".join((name, *parts[:count])))) and (found := _entry(entry)):
                return found
    return None


def entries(document: Mapping[str, Any]) -> dict[str, Credential]:
    """Return the logins that a document in Docker's form holds itself, by registry or namespace in it."""
    found = document.get("auths")
    pairs = ((_normal(key), _entry(entry)) for key, entry in (found or {}).items() if isinstance(entry, dict))
    return {key: credential for key, credential in pairs if credential}


def _entry(entry: Mapping[str, Any]) -> Credential | None:
    def text(key: str) -> str:
        value = entry.get(key)
        return value if isinstance(value, str) else ""

    username, password = text("username"), text("password")
    if encoded := text("auth"):
        try:
            username, _, password = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        password = password.rstrip("\0")
    found = Credential(username, password, text("identitytoken"), text("registrytoken"))
    return found if found.password or found.identity_token or found.registry_token else None


def _normal(key: str) -> str:
    """Bring ``https://host/v1/`` and ``host`` to one form."""
    bare = re.sub(r"^https?://", "", key).rstrip("/")
    return re.sub(r"/v[12]$", "", bare)
