"""What is registered of a model: a document for ``POST /api/forecourt/v1/registry/register``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from forecourt.importing.metadata import to_metadata
from forecourt.importing.origin import Origin

Document = dict[str, Any]


def registration(
    origin: Origin,
    name: str,
    version: str,
    *,
    author: str,
    owner: str,
    description: str = "",
    version_description: str = "",
    model_format: str = "",
    format_version: str = "",
    properties: Document | None = None,
) -> Document:
    """Return what ``POST …/register`` takes: what is said, and else what the files say of themselves."""
    return {
        "registeredModel": _said(
            name=name,
            description=description or origin.description,
            owner=owner,
            license=origin.license,
            language=list(origin.languages),
        ),
        "modelVersion": _said(
            name=version,
            description=version_description or origin.description,
            author=author,
            customProperties=_properties(origin) | (properties or {}),
        ),
        "modelArtifact": _artifact(origin, name, model_format or origin.format, format_version),
    }


def next_version(names: Iterable[str]) -> str:
    """Return the next free name among ``v1``, ``v2`` and so on, where versions are called so already."""
    numbers = [int(found[1]) for name in names if (found := re.fullmatch(r"v([0-9]{1,9})", name))]
    return f"v{max(numbers, default=0) + 1}"


def _said(**fields: object) -> Document:
    return {name: value for name, value in fields.items() if value}


def _properties(origin: Origin) -> Document:
    return {key: to_metadata(value) for key, value in origin.properties.items()}


def _artifact(origin: Origin, name: str, model_format: str, format_version: str) -> Document:
    return _said(
        name=name,
        artifactType="model-artifact",
        uri=origin.uri,
        state="LIVE",
        modelFormatName=model_format,
        modelFormatVersion=format_version,
        customProperties={"digest": to_metadata(origin.digest)} if origin.digest else {},
    )
