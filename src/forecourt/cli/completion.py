"""Names for the shell's completion, asked of the running server: quickly, and silent where anything is wrong.

Nothing that is slow to import is imported here, not even the settings: a person waits with a finger on the Tab key.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from forecourt.cli.resources import INFERENCE_SERVICE, RESOURCES, SERVING_RUNTIME, Resource

_WITHIN = 0.5  # seconds
_MOST = 100  # names that are offered
_REGISTRY = "/api/model_registry/v1"
RELATIONS = (
    "source",
    "trained-by",
    "evidence",
    "quantized-from",
    "finetuned-from",
    "adapter-of",
    "merged-from",
    "derived-from",
)
"""How a version is related to what it comes from, in the words of `forecourt.registry.links`."""


def complete_deployment(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the deployments' names that begin so, in the namespace that the command line says so far."""
    return _names(INFERENCE_SERVICE, ctx.params.get("namespace"), incomplete)


def complete_runtime(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the serving runtimes' names that begin so."""
    return _names(SERVING_RUNTIME, ctx.params.get("namespace"), incomplete)


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


def complete_model(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the names of the registry's models that begin so."""
    try:
        return _models(incomplete)
    except Exception:
        return []


def complete_version(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the models that begin so, and behind a slash the versions and aliases of the model before it."""
    try:
        model, slash, word = incomplete.rpartition("/")
        return _models(incomplete) + ([f"{model}/{name}" for name in _versions(model, word)] if slash else [])
    except Exception:
        return []


def complete_relation(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the relations of lineage that begin so."""
    return [word for word in RELATIONS if word.startswith(incomplete)]


def _models(incomplete: str) -> list[str]:
    from forecourt.cli.registry_filters import beginning

    query = urlencode({"filterQuery": beginning("name", incomplete), "pageSize": _MOST})
    return [str(item["name"]) for item in _ask(f"{_REGISTRY}/registered_models?{query}")["items"]]


def _versions(model: str, incomplete: str) -> list[str]:
    found = _ask(f"{_REGISTRY}/registered_model?{urlencode({'name': model})}")
    path = f"registered_models/{found['id']}"
    versions = _ask(f"{_REGISTRY}/{path}/versions?{urlencode({'pageSize': _MOST})}")["items"]
    aliases = _ask(f"/api/forecourt/v1/registry/{path}/aliases")["items"]
    names = [*(str(one["name"]) for one in versions), *(str(one["alias"]) for one in aliases)]
    return [name for name in names if name.startswith(incomplete)]


def _names(kind: Resource, namespace: str | None, incomplete: str) -> list[str]:
    try:
        items = _ask(kind.path(namespace or "default"))["items"]
        return [name for item in items if (name := str(item["metadata"]["name"])).startswith(incomplete)]
    except Exception:
        return []


def _ask(path: str) -> Any:
    from http.client import HTTPConnection

    record = json.loads((_home() / "server.json").read_bytes())
    url = urlsplit(record["url"])
    connection = HTTPConnection(url.hostname or "", url.port, timeout=_WITHIN)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _home() -> Path:
    if home := os.environ.get("FORECOURT_HOME"):
        return Path(home).expanduser()
    from forecourt.cli.invocation import settings

    return settings().home
