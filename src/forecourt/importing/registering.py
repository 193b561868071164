"""What is registered of a model: a document for ``POST /api/forecourt/v1/registry/register``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forecourt.importing.origin import Origin
from forecourt.registry.metadata import to_metadata

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


def links_of(origin: Origin) -> list[Document]:
    """Return the arrows of lineage that are known: where the files are from, and what they were made from."""
    arrows = (("source", origin.source), (origin.relation, origin.base))
    return [{"relation": relation, "uri": uri} for relation, uri in arrows if uri]


def said_over(known: Document, said: Mapping[str, Any]) -> Document:
    """Return what is registered where somebody has said some of it: that counts before what the files say.

    Where the files are stays as it is known, since it is their image that is registered. `said` has the same shape.
    """
    wanted = dict(known)
    for part in ("registeredModel", "modelVersion", "modelArtifact"):
        mine, theirs = known[part], said.get(part) or {}
        wanted[part] = mine | {key: value for key, value in theirs.items() if value not in ("", None, [], {})}
        properties = [each.get("customProperties") or {} for each in (mine, theirs)]
        if any(properties):
            wanted[part]["customProperties"] = properties[0] | properties[1]
        wanted[part] |= {"name": mine["name"]} if "name" in mine else {}
    artifact = known["modelArtifact"]
    wanted["modelArtifact"] |= {key: artifact[key] for key in ("uri", "customProperties") if key in artifact}
    links = [*known.get("links", ()), *(said.get("links") or ())]
    wanted["links"] = [*{(one["relation"], one["uri"]): one for one in reversed(links)}.values()][::-1]
    return wanted | {"aliases": said.get("aliases") or [], "stage": said.get("stage") or ""}


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
