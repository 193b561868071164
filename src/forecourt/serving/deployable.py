"""A model as it can be deployed: where its files are, what it is called, what is known of it beforehand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forecourt.serving.registration import registry_labels

_BY_ENDING = {
    "gguf": "gguf",
    "safetensors": "vLLM",
    "onnx": "onnx",
    "bst": "xgboost",
    "ubj": "xgboost",
    "joblib": "sklearn",
}
"""What a file's ending says, as runtimes call it."""


@dataclass(frozen=True, slots=True)
class Deployable:
    """Where a model's files are, and what a deployment of them is called, labelled and started with."""

    uri: str
    title: str = ""
    """What people call it; empty where only its URI is known."""
    model_format: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    args: Sequence[str] = ()
    """What the runtime needs for this model."""


def registered(found: Mapping[str, Any]) -> Deployable:
    """Return a version of the registry, as ``/api/forecourt/v1/registry/resolve`` tells it.

    What is deployed is that version, also when an alias moves on later.
    """
    model, version = found["registeredModel"], found["modelVersion"]
    return Deployable(
        found["uri"],
        f"{model['name']} - {version['name']}",
        found["modelArtifact"].get("modelFormatName"),
        registry_labels(model["id"], version["id"]),
    )


def guessed(uri: str) -> str:
    """Return the format that a file's ending says, or the name of a repository (``…-GGUF``); else nothing."""
    path = re.split(r"[?#]", uri, maxsplit=1)[0].rstrip("/").lower()
    word = path.rpartition("/")[2]
    if known := _BY_ENDING.get(word.rpartition(".")[2] if "." in word else ""):
        return known
    if path.startswith("hf://"):
        repository = "/".join(path.removeprefix("hf://").split("/")[:2]).partition(":")[0]
        return "gguf" if re.search(r"[-_.]gguf$", repository) else ""
    return ""


def named(uri: str) -> str:
    """Return the last word of what a URI names, without tag, digest and query, with - for what a name cannot have."""
    path = re.split(r"[@?#]", uri.partition("://")[2] or uri, maxsplit=1)[0].rstrip("/")
    return re.sub(r"[^a-z0-9]+", "-", path.rpartition("/")[2].partition(":")[0].lower()).strip("-")
