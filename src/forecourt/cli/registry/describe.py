"""``forecourt registry describe``: all that is known of a model or a version, for a person to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.output import JsonOption, Output, OutputOption, console, pairs, print_document
from forecourt.cli.registry.names import MODELS, OURS, TargetArgument

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.cli.registry.names import Target

app = typer.Typer()

Document = dict[str, Any]

_VERSIONS = 10  # that are shown of a model


@app.command()
def describe(
    target: TargetArgument,
    changes: Annotated[int, typer.Option(metavar="NUMBER", min=0, max=1000, help="How many changes to show.")] = 5,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show a model or a version: properties, aliases, files, what serves it, its latest changes."""
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.names import target as find

    output = Output.JSON if json else output
    client = connect()
    named = find(client, target)
    found = _version(client, named) if named.version else _model(client, named)
    found["changes"] = client.get(f"{OURS}/changes", resourceId=named.id, pageSize=changes)["items"] if changes else []
    if output in {Output.JSON, Output.YAML}:
        print_document(found, output)
        return
    if output is Output.NAME:
        console.print(named.shown)
        return
    for line in _version_lines(named, found) if named.version else _model_lines(named, found):
        console.print(line)
    if not named.version:
        _show_versions(client, named, found)
    if changes:
        console.print("Changes:")
        for line in _change_lines(client, found["changes"]) or ["<none>"]:
            console.print(f"  {line}")


def _model(client: Client, named: Target) -> Document:
    from forecourt.cli.registry.names import listing

    found = listing(client, f"{named.path}/versions", limit=_VERSIONS)
    return {
        "registeredModel": named.model,
        "aliases": client.get(f"{OURS}/{MODELS}/{named.id}/aliases")["items"],
        "modelVersions": found["items"],
        "moreVersions": bool(found["nextPageToken"]),
        "inferenceServices": services(client, named),
    }


def _version(client: Client, named: Target) -> Document:
    from forecourt.cli.registry.names import listing

    return {
        "registeredModel": named.model,
        "modelVersion": named.version,
        "artifacts": listing(client, f"{named.path}/artifacts", newest=False, limit=100)["items"],
        "lineage": client.get(f"{OURS}/{named.path}/lineage"),
    }


def services(client: Client, named: Target, *filters: str) -> list[Document]:
    """Return the inference services that name a model or a version."""
    from forecourt.cli.registry.filters import one_of
    from forecourt.cli.registry.names import listing

    field = "modelVersionId" if named.version else "registeredModelId"
    found = listing(client, "inference_services", filters=[one_of(field, [named.id]), *filters], newest=False)
    items: list[Document] = found["items"]
    return items


def _model_lines(named: Target, found: Document) -> Iterator[str]:
    model = named.model
    languages, tasks = (", ".join(model.get(name) or []) for name in ("language", "tasks"))
    yield from pairs(
        {
            "Name": model["name"],
            "Id": model["id"],
            "State": model.get("state"),
            "Description": model.get("description"),
            "Owner": model.get("owner"),
            "Provider": model.get("provider"),
            "License": " ".join(word for word in (model.get("license"), model.get("licenseLink")) if word),
            "Maturity": model.get("maturity"),
            "Library": model.get("libraryName"),
            "Tasks": tasks,
            "Languages": languages,
            "Readme": f"{len(model['readme'].splitlines())} lines (see --json)" if model.get("readme") else "",
            **_common(model),
            "Aliases": ", ".join(f"{one['alias']} -> {one['modelVersion']}" for one in found["aliases"]),
        },
        always=("Description", "Owner", "License", "Labels", "Properties", "Aliases"),
    )
    yield from _section(
        "Deployments",
        (
            f"{one.get('name')}  {one.get('desiredState')}  {one.get('runtime') or ''}".rstrip()
            for one in found["inferenceServices"]
        ),
    )


def _version_lines(named: Target, found: Document) -> Iterator[str]:
    from forecourt.cli.registry.tree import deployment

    version, lineage = named.version or {}, found["lineage"]
    yield from pairs(
        {
            "Name": named.shown,
            "URI": named.uri,
            "Id": version["id"],
            "State": version.get("state"),
            "Stage": lineage["stage"],
            "Aliases": ", ".join(lineage["aliases"]),
            "Description": version.get("description"),
            "Author": version.get("author"),
            **_common(version),
        },
        always=("Stage", "Aliases", "Description", "Author", "Labels", "Properties"),
    )
    yield "Artifacts:"
    for artifact in found["artifacts"]:
        yield from _artifact(artifact)
    if not found["artifacts"]:
        yield "  <none>"
    arrows = [*lineage["sources"], *lineage["trainedBy"], *lineage["parents"], *lineage["evidence"]]
    yield from _section("Lineage", (f"{one['relation']:<16}{one['uri']}" for one in arrows))
    yield from _section("Deployments", map(deployment, lineage["deployments"]))


def _common(document: Document) -> dict[str, object]:
    from forecourt.cli.registry.properties import ago, moment, split

    labels, others = split(document)
    said: dict[str, object] = {
        "Labels": ", ".join(labels),
        "Properties": ", ".join(f"{key}={value}" for key, value in others.items()),
    }
    if document.get("externalId"):
        said["External id"] = document["externalId"]
    for title, field in (("Created", "createTimeSinceEpoch"), ("Modified", "lastUpdateTimeSinceEpoch")):
        said[title] = f"{moment(document[field])} ({ago(document[field])} ago)"
    return said


def _artifact(artifact: Document) -> Iterator[str]:
    from forecourt.cli.registry.properties import split

    kind = artifact["artifactType"].removesuffix("-artifact")
    yield f"  {artifact.get('name') or '<unnamed>'} ({kind}, {artifact.get('state')})"
    model_format = " ".join(artifact.get(name) or "" for name in ("modelFormatName", "modelFormatVersion")).strip()
    labels, others = split(artifact)
    facts = {"URI": artifact.get("uri"), "Format": model_format, "Value": artifact.get("value")}
    facts |= {"Storage key": artifact.get("storageKey"), "Storage path": artifact.get("storagePath")}
    facts |= {"Properties": ", ".join([*labels, *(f"{key}={value}" for key, value in others.items())])}
    for title, value in facts.items():
        if value not in (None, ""):
            yield f"    {title + ':':<14}{value}"


def _show_versions(client: Client, named: Target, found: Document) -> None:
    from forecourt.cli.registry.listing import show_versions

    console.print("Versions:")
    if found["modelVersions"]:
        show_versions(client, named.id, found["modelVersions"], wide=False)
    else:
        console.print("  <none>")
    if found["moreVersions"]:
        console.note(f"There are more versions: forecourt registry versions {named.shown} --all")


def _change_lines(client: Client, changes: list[Document]) -> list[str]:
    from forecourt.cli.registry.history import changed, names
    from forecourt.cli.registry.properties import ago

    known = names(client, changes)
    return [
        f"{ago(one['timeSinceEpoch']):<8}{one['actor']:<16}{one['action']:<10}{'; '.join(changed(one, known))}".rstrip()
        for one in changes
    ]


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{title}:"
    shown = [f"  {line}" for line in lines]
    yield from shown or ["  <none>"]
