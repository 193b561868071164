"""``forecourt catalog register``: a model of the catalog becomes a version in the registry, with all that is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from forecourt.cli.catalog.names import ModelArgument, short
from forecourt.cli.output import JsonOption, Output, OutputOption
from forecourt.cli.registry.completing import complete_model as complete_registered
from forecourt.cli.registry.properties import LabelOption, PropertyOption

app = typer.Typer()

Document = dict[str, Any]

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


@app.command()
def register(
    model: ModelArgument,
    name: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Name in the registry; by default the end of the model's.",
            show_default=False,
            autocompletion=complete_registered,
        ),
    ] = "",
    version: Annotated[
        str,
        typer.Option(metavar="VERSION", help="By default the image's tag, else v1, v2, …", show_default=False),
    ] = "",
    alias: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="An alias, as champion. Repeatable.", show_default=False)
    ] = None,
    stage: Annotated[
        str, typer.Option(metavar="STAGE", help="development, staging or production.", show_default=False)
    ] = "",
    pairs: PropertyOption = None,
    labels: LabelOption = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Register a model of the catalog in the model registry, as a version.

    With where its files are, what the catalog knows of it, where it comes from, what it was made from, and its
    evidence. Nothing is copied.
    """
    from forecourt.cli.catalog.asking import find
    from forecourt.cli.client import person
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.filters import equals
    from forecourt.cli.registry.names import MODELS, listing
    from forecourt.cli.registry.properties import properties
    from forecourt.cli.registry.register import free_version, send

    output = Output.JSON if json else output
    given = properties(pairs or [], labels or [])
    client = connect()
    found = find(client, model)
    name = name or short(found["name"])
    there = listing(client, MODELS, filters=[equals("name", name)], limit=1)["items"]
    wanted = registration(found, name, person())
    version = version or _tag(wanted["modelArtifact"]["uri"]) or free_version(client, there)
    wanted["modelVersion"] |= {"name": version}
    wanted["modelVersion"]["customProperties"] |= given
    send(client, wanted | {"aliases": alias or [], "stage": stage}, output, new=not there)


def registration(found: Document, name: str, author: str) -> Document:
    """Return what ``POST …/register`` takes for a model of the catalog, its version's name aside."""
    from forecourt.catalog.locating import first_of, pinned
    from forecourt.catalog.served import format_of, text_of
    from forecourt.importing.metadata import to_metadata

    artifact = first_of(found["artifacts"], found["name"])
    facts = {key: value for key in _FACTS if (value := found["properties"].get(key)) not in (None, "")}
    digest = text_of(artifact, "digest")
    return {
        "registeredModel": _said(name=name, owner=author, **{field: found[field] for field in _FIELDS}),
        "modelVersion": _said(author=author, description=found["description"])
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
    from forecourt.cli.catalog.names import uri_of

    base = str(found["properties"].get("base_model") or "")
    relation = _RELATIONS.get(str(found["properties"].get("base_model_relation") or ""))
    quantized = found["quantization"] not in (None, "", "none")
    arrows = [("source", uri_of(found))]
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
    from forecourt.errors import InvalidReference
    from forecourt.oci import Reference

    scheme, _, rest = uri.partition("://")
    if scheme.partition("+")[0] != "oci":
        return ""
    try:
        tag = Reference.parse(rest).tag
    except InvalidReference:
        return ""
    return tag if tag and tag != "latest" else ""
