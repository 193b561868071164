"""``forecourt registry history``: the audit trail, each entry with what it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_document, print_table
from forecourt.cli.registry.completing import complete_version
from forecourt.cli.registry.names import MODELS, OURS, VERSIONS

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]
Names = Mapping[str, str]

_LONGEST = 40  # characters of a value
_PAGE = 1000
_NOT_SHOWN = frozenset({"id", "artifactType", "registeredModelId", "servingEnvironmentId", "name", "lastKnownState"})


@app.command()
def history(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL[/VERSION]",
            help="Only of this; of a model, with all its versions.",
            autocompletion=complete_version,
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="At most so many; 0 for all.")] = 50,
    actor: Annotated[str, typer.Option(metavar="NAME", help="Only what this one did.")] = "",
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show who changed what and when, the newest first. -o wide shows the program too, and whole values."""
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.names import target as find
    from forecourt.cli.registry.properties import moment

    output = Output.JSON if json else output
    client = connect()
    params: dict[str, Any] = {"actor": actor}
    if target:
        named = find(client, target)
        params["resourceId" if named.version else "registeredModelId"] = named.id
    found = _entries(client, params, limit)
    if output in {Output.JSON, Output.YAML}:
        print_document(found, output)
        return
    if output is Output.NAME:
        for entry in found["items"]:
            console.print(entry["id"])
        return
    if not found["items"]:
        console.note("No changes found." if actor or target else "No changes yet.")
        return
    known, wide = names(client, found["items"]), output is Output.WIDE
    rows = []
    for entry in found["items"]:
        row = [moment(entry["timeSinceEpoch"]), entry["actor"], entry["action"], _resource(entry, known)]
        changes = "; ".join(changed(entry, known, longest=0 if wide else _LONGEST))
        rows.append([*row, *([entry["agent"]] if wide else []), changes])
    print_table(["When", "Who", "What", "Resource", *(["Agent"] if wide else []), "Changes"], rows)
    if found["nextPageToken"]:
        console.note(f"There are more than these {limit}: see them with --limit 0.")


def _entries(client: Client, params: dict[str, Any], limit: int) -> Document:
    items: list[Document] = []
    token = ""
    while True:
        size = min(_PAGE, limit - len(items)) if limit else _PAGE
        page = client.get(f"{OURS}/changes", pageSize=size, nextPageToken=token, **params)
        items += page["items"]
        token = page["nextPageToken"]
        if not token or (limit and len(items) >= limit):
            return {"items": items, "nextPageToken": token, "pageSize": limit, "size": len(items)}


def names(client: Client, entries: list[Document]) -> dict[str, str]:
    """Return what the models and versions are called that entries are about, or name, by their ids."""
    from forecourt.cli.registry.names import by_id

    versions, models = {}, {}
    for entry in entries:
        documents = [each for each in (entry["before"], entry["after"]) if each]
        if entry["kind"] == "RegisteredModel":
            models[entry["resourceId"]] = entry["name"]
        if entry["kind"] == "ModelVersion":
            versions[entry["resourceId"]] = (entry["name"], *(each.get("registeredModelId") for each in documents))
        for each in documents:
            if said := each.get("modelVersionId"):
                versions.setdefault(said, (f"version {said}",))
    there = by_id(client, VERSIONS, versions)
    said_models = {one: next((each for each in said[1:] if each), "") for one, said in versions.items()}
    said_models |= {one: found["registeredModelId"] for one, found in there.items()}
    models |= {one: found["name"] for one, found in by_id(client, MODELS, filter(None, said_models.values())).items()}
    called = {}
    for one, said in versions.items():
        name = there[one]["name"] if one in there else said[0]
        owner = models.get(said_models[one])
        called[one] = f"{owner}/{name}" if owner else name
    return models | called


def changed(entry: Document, known: Names, *, longest: int = _LONGEST) -> Iterator[str]:
    """Yield what an entry changed: ``field: before -> after``; values longer than `longest` are cut, 0 cuts none."""
    before, after = _flat(entry["before"], known), _flat(entry["after"], known)

    def cut(value: object) -> str:
        text = " ".join(str(value).split()) or '""'
        return text if not longest or len(text) <= longest else text[: longest - 1] + "…"

    if entry["action"] in {"link", "unlink"}:
        arrow = after or before
        yield f"{arrow.get('relation')} {cut(arrow.get('uri'))}"
        return
    if entry["action"] in {"alias", "unalias"}:
        said = after or before
        versions = [one.get("modelVersionId") for one in (before, after)]
        yield f"{said.get('alias')}: " + " -> ".join(cut(one).rpartition("/")[2] if one else "none" for one in versions)
        return
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old == new or (name in _NOT_SHOWN and not (before and after)):
            continue
        if not (before and after):
            value = after.get(name, old)
            yield name if value == "" else f"{name}={cut(value)}"
        else:
            yield f"{name}: {'none' if old is None else cut(old)} -> {'none' if new is None else cut(new)}"


def _flat(document: Document | None, known: Names) -> dict[str, object]:
    """Return a document's fields, its custom properties among them, ids of versions as their names."""
    from forecourt.registry.metadata import from_metadata

    found: dict[str, object] = {}
    for name, value in (document or {}).items():
        if name == "customProperties":
            found |= {key: from_metadata(each) for key, each in value.items()}
        elif isinstance(value, list):
            found[name] = ",".join(map(str, value))
        else:
            found[name] = known.get(str(value), value) if name in _IDS else value
    return found


_IDS = ("modelVersionId", "registeredModelId")


def _resource(entry: Document, known: Names) -> str:
    kind = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in entry["kind"]).strip()
    name = known.get(entry["resourceId"], entry["name"])
    return f"{kind.removeprefix('registered ').removeprefix('model ') or kind} {name}".strip()
