"""What a deployment of a model of the catalog is made of: where its files are, its format, its runtime's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecourt.catalog.locating import first_of, pinned

Document = Mapping[str, Any]

_VLLM = "vLLM"
_GGUF = "gguf"


@dataclass(frozen=True, slots=True)
class Served:
    """A model of the catalog, as whoever deploys it needs it. `model_format` is None where nothing says it."""

    uri: str
    title: str
    model_format: str | None
    args: tuple[str, ...]
    """What its tool calling asks of the runtime; none for a format whose runtimes want none of it."""


def served(model: Document) -> Served:
    """Return it for a model as ``/api/forecourt/v1/catalog/models`` tells it; raises `NotFound` without a place."""
    artifact = first_of(model["artifacts"], model["name"])
    known = format_of(model, artifact)
    args = () if known == _GGUF else tuple(model["servingArguments"])  # they are vLLM's
    return Served(pinned(artifact), model["name"].rpartition("/")[2], known, args)


def format_of(model: Document, artifact: Document) -> str | None:
    """Return a model's format as a runtime names it: what its image says, or vLLM's where it is known to run there."""
    if said := text_of(artifact, "format") or str(model["properties"].get("format") or ""):
        return said
    validated = any(str(each).casefold().startswith("vllm") for each in model["validatedOn"])
    return _VLLM if validated or "vllm" in model["properties"] or model["servingArguments"] else None


def text_of(artifact: Document, name: str) -> str:
    """Return a custom property of an artifact that is text; empty where there is none."""
    value = (artifact.get("customProperties") or {}).get(name) or {}
    return str(value.get("string_value") or "")
