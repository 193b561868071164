"""Names of models, versions and relations for the shell's completion."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from forecourt.cli.completion import ask
from forecourt.cli.registry.filters import beginning

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
    query = urlencode({"filterQuery": beginning("name", incomplete), "pageSize": _MOST})
    return [str(item["name"]) for item in ask(f"{_REGISTRY}/registered_models?{query}")["items"]]


def _versions(model: str, incomplete: str) -> list[str]:
    found = ask(f"{_REGISTRY}/registered_model?{urlencode({'name': model})}")
    path = f"registered_models/{found['id']}"
    versions = ask(f"{_REGISTRY}/{path}/versions?{urlencode({'pageSize': _MOST})}")["items"]
    aliases = ask(f"/api/forecourt/v1/registry/{path}/aliases")["items"]
    names = [*(str(one["name"]) for one in versions), *(str(one["alias"]) for one in aliases)]
    return [name for name in names if name.startswith(incomplete)]
