"""What is registered of a model of the catalog: a document for ``POST /api/forecourt/v1/registry/register``.

With where its files are, what the catalog knows of it, where it comes from, what it was made from, and its evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forecourt.catalog.locating import first_of, pinned
from forecourt.catalog.served import format_of, text_of
from forecourt.errors import InvalidReference
from forecourt.oci import Reference
from forecourt.registry.metadata import to_metadata

Document = dict[str, Any]

_SCHEME = "catalog"
_FIELDS = ("description", "provider", "license", "licenseLink", "libraryName", "language", "tasks", "readme")
"""What the registry's API has of a model as the catalog's does."""
_FACTS = ("quantization", "tensor_type", "parameters_b", "size", "average_recovery", "validated_on", "base_model")
_RELATIONS = {
    "adapter": "adapter-of",
    "finetune": "finetuned-from",
    "merge": "merged-from",
    "quantized": "quantized-from",
}
"""Hugging Face's relations to a base model, in the registry's words."""
_LONGEST = 512  # characters of a link's URI


def registration(found: Document, *, name: str, version: str, author: str) -> Document:
    """Return what ``POST …/register`` takes for a model as ``/api/forecourt/v1/catalog/models`` tells it.

    What is empty is found out: the model is called by the end of its name, and the version by its image's tag; where
    there is none, its name is missing. Raises `NotFound` where the catalog does not say where the files are.
    """
    name = name or found["name"].rpartition("/")[2] or found["name"]
    artifact = first_of(found["artifacts"], found["name"])
    facts = {key: value for key in _FACTS if (value := found["properties"].get(key)) not in (None, "")}
    digest = text_of(artifact, "digest")
    return {
        "registeredModel": _said(name=name, owner=author, **{field: found[field] for field in _FIELDS}),
        "modelVersion": _said(name=version or _tag(pinned(artifact)), author=author, description=found["description"])
        | {"customProperties": {key: to_metadata(value) for key, value in facts.items()}},
        "modelArtifact": _said(
            name=name,
            artifactType="model-artifact",
            uri=pinned(artifact),
            state="LIVE",
            modelFormatName=format_of(found, artifact),
            customProperties={"digest": to_metadata(digest)} if digest else {},
        ),
        "links": _links(found),
    }


def _links(found: Document) -> list[Document]:
    base = str(found["properties"].get("base_model") or "")
    relation = _RELATIONS.get(str(found["properties"].get("base_model_relation") or ""))
    quantized = found["quantization"] not in (None, "", "none")
    arrows = [("source", f"{_SCHEME}://{found['source']}/{found['name']}")]
    if base:
        made = relation or ("quantized-from" if quantized else "derived-from")
        arrows.append((made, base if "://" in base else f"hf://{base}"))
    links = [{"relation": one, "uri": uri} for one, uri in arrows] + list(_evidence(found["evidence"]))
    return [link for link in links if len(link["uri"]) <= _LONGEST]


def _evidence(evidence: Document) -> Iterator[Document]:
    """Yield a link to each place where scores are published, with what comes of them where it is one."""
    scores, average = evidence["scores"], evidence["average"]
    sources = list(dict.fromkeys(score["source"] for score in scores if score.get("source")))
    detail = f"average recovery {average['recovery']:.1f} % over {average['tasks']} tasks" if average else ""
    if count := sum(1 for score in scores if score["verdict"] == "contradicts"):
        detail += f"{', ' if detail else ''}{count} of the card's claims contradict its own scores"
    for source in sources:
        yield {"relation": "evidence", "uri": source} | ({"detail": detail} if detail and len(sources) == 1 else {})


def _said(**fields: object) -> Document:
    return {name: value for name, value in fields.items() if value}


def _tag(uri: str) -> str:
    """Return an image's tag, where it says a version."""
    scheme, _, rest = uri.partition("://")
    if scheme.partition("+")[0] != "oci":
        return ""
    try:
        tag = Reference.parse(rest).tag
    except InvalidReference:
        return ""
    return tag if tag and tag != "latest" else ""
