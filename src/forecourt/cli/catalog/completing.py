"""Names of the catalog's models and sources, and values to filter by, for the shell's completion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from forecourt.cli.completion import ask
from forecourt.cli.registry.filters import containing

_API = "/api/forecourt/v1/catalog"
_MOST = 100  # names that are offered


def complete_model(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the models whose names begin so, with or without who made them."""
    try:
        asked = urlencode({"filterQuery": containing(("name",), [incomplete]), "pageSize": _MOST})
        names = [str(item["name"]) for item in ask(f"{_API}/search?{asked}")["items"]]
    except Exception:
        return []
    offered = [*names, *(name.rpartition("/")[2] for name in names)]
    return [name for name in dict.fromkeys(offered) if name.startswith(incomplete)]


def complete_source(ctx: Any, args: list[str], incomplete: str) -> list[str]:
    """Return the ids of the catalog's sources that begin so."""
    try:
        ids = [str(item["id"]) for item in ask(f"{_API}/sources")["items"]]
    except Exception:
        return []
    return [identity for identity in ids if identity.startswith(incomplete)]


def values_of(name: str) -> Callable[[Any, list[str], str], list[str]]:
    """Return what completes the values of a filter: those that models have."""

    def complete(ctx: Any, args: list[str], incomplete: str) -> list[str]:
        try:
            facets = ask(f"{_API}/search?{urlencode({'facets': 'true', 'pageSize': 1})}")["facets"]
        except Exception:
            return []
        values = [str(one["value"]) for facet in facets if facet["name"] == name for one in facet["values"]]
        return [value for value in values if value.startswith(incomplete)]

    return complete
