"""Names for the shell's completion, asked of the running server: quickly, and silent where anything is wrong.

Nothing that is slow to import is imported here, not even the settings: a person waits with a finger on the Tab key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from forecourt.cli.resources import (
    CONFIG_MAP,
    HARDWARE_PROFILE,
    INFERENCE_SERVICE,
    NAMESPACE,
    RESOURCES,
    SECRET,
    SERVING_RUNTIME,
    Resource,
)

_WITHIN = 0.5  # seconds


def complete_deployment(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the deployments' names that begin so, in the namespace that the command line says so far."""
    return _names(INFERENCE_SERVICE, ctx.params.get("namespace"), incomplete)


def complete_runtime(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the serving runtimes' names that begin so."""
    return _names(SERVING_RUNTIME, ctx.params.get("namespace"), incomplete)


def complete_project(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the projects' names that begin so."""
    return _names(NAMESPACE, None, incomplete)


def complete_connection(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the connections' names that begin so."""
    items = _items(SECRET.path(ctx.params.get("namespace") or "default"))
    return _beginning((one for one in items if "opendatahub.io/connection-type-ref" in _annotations(one)), incomplete)


def complete_connection_type(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the names of the connection types that begin so."""
    return _beginning(_items(CONFIG_MAP.path(None)), incomplete)


def complete_profile(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the hardware profiles' names that begin so: a project's own, and those for all."""
    places = dict.fromkeys((str(ctx.params.get("namespace") or "opendatahub"), "opendatahub"))
    return sorted({name for one in places for name in _names(HARDWARE_PROFILE, one, incomplete)})


def complete_token(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the names of a deployment's tokens that begin so."""
    namespace, name = ctx.params.get("namespace") or "default", ctx.params.get("name")
    tokens = _items(INFERENCE_SERVICE.path(namespace, f"{name}/tokens")) if name else []
    return [one["name"] for one in tokens if one["name"].startswith(incomplete)]


def complete_type(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the types that `get` knows."""
    return [word for kind in RESOURCES for word in kind.words if word.startswith(incomplete)]


def complete_object(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the names of the objects of the type that the command line says."""
    kinds = {word: kind for kind in RESOURCES for word in kind.words}
    kind = kinds.get(str(ctx.params.get("kind")))
    return _names(kind, ctx.params.get("namespace"), incomplete) if kind else []


def complete_image(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the references, with their tags, of the images on this machine."""
    try:
        images = _home() / "images"
        from forecourt.oci import ContentStore, Repositories

        known = Repositories(images, ContentStore(_home() / "store"))
        prefix = "oci://" if incomplete.startswith("oci://") else ""
        found = [f"{prefix}{name}:{tag}" for name in known for tag in known.tags(name)]
        return [reference for reference in found if reference.startswith(incomplete)]
    except Exception:
        return []


def _names(kind: Resource, namespace: str | None, incomplete: str) -> list[str]:
    return _beginning(_items(kind.path((namespace or "default") if kind.namespaced else None)), incomplete)


def _beginning(items: Iterable[Any], incomplete: str) -> list[str]:
    return [name for item in items if (name := str(item["metadata"]["name"])).startswith(incomplete)]


def _items(path: str) -> list[Any]:
    try:
        return list(ask(path)["items"])
    except Exception:
        return []


def _annotations(item: Any) -> dict[str, str]:
    return item["metadata"].get("annotations") or {}


def ask(path: str) -> Any:
    """GET a path of this home's server; raises whatever goes wrong."""
    from http.client import HTTPConnection

    record = json.loads((_home() / "server.json").read_bytes())
    url = urlsplit(record["url"])
    connection = HTTPConnection(url.hostname or "", url.port, timeout=_WITHIN)
    try:
        connection.request("GET", path, headers=_opens())
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _opens() -> dict[str, str]:
    said = os.environ.get("FORECOURT_TOKEN", "")
    try:
        key = said if said.startswith("fct_") else (_home() / "local.key").read_text()
    except OSError:
        return {}
    return {"Authorization": f"Bearer {key}"}


def _home() -> Path:
    if home := os.environ.get("FORECOURT_HOME"):
        return Path(home).expanduser()
    from forecourt.cli.invocation import settings

    return settings().home
