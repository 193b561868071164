"""``forecourt registry search``: models, versions and artifacts by words, or by a filterQuery."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_as, print_table
from forecourt.cli.registry.listing import FilterOption, LimitOption

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]


class Kind(StrEnum):
    """What is searched."""

    MODELS = "models"
    VERSIONS = "versions"
    ARTIFACTS = "artifacts"


_COLLECTIONS = {Kind.MODELS: "registered_models", Kind.VERSIONS: "model_versions", Kind.ARTIFACTS: "artifacts"}
_TEXTS = {
    Kind.MODELS: ("name", "description"),
    Kind.VERSIONS: ("name", "description"),
    Kind.ARTIFACTS: ("name", "description", "uri"),
}


@app.command()
def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT", help="Words that are all in the name or the description; an artifact's URI too."
        ),
    ] = None,
    filter_query: FilterOption = "",
    kind: Annotated[Kind | None, typer.Option(help="Search only these.", show_default=False)] = None,
    limit: LimitOption = 50,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Find models, versions and artifacts, archived ones too."""
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.filters import containing
    from forecourt.cli.registry.names import listing
    from forecourt.errors import InvalidInput

    if not words and not filter_query:
        raise InvalidInput("Say what to search: words, or --filter.", hint="forecourt registry search granite")
    output = Output.JSON if json else output
    client = connect()
    found: Document = {"items": [], "size": 0}
    more = False
    for one in [kind] if kind else list(Kind):
        if more := bool(limit and len(found["items"]) >= limit):
            break
        filters = [containing(_TEXTS[one], words or [])]
        left = limit - len(found["items"]) if limit else 0
        page = listing(client, _COLLECTIONS[one], filters=filters, said=filter_query, newest=False, limit=left)
        found["items"] += [{"kind": one.value.removesuffix("s")} | item for item in page["items"]]
        if more := bool(page["nextPageToken"]):
            break
    found["size"] = len(found["items"])
    if not print_as(output, found, (str(row[1]) for row in _rows(client, found["items"]))):
        _show(client, found["items"], wide=output is Output.WIDE)
    if more:
        console.note(f"There may be more than these {limit}: see them with --limit 0.")


def _show(client: Client, items: list[Document], *, wide: bool) -> None:
    if not items:
        console.note("Nothing found.")
        return
    columns = ("Kind", "Name", "State", "Description", *(("Id",) if wide else ()))
    print_table(columns, [row[: len(columns)] for row in _rows(client, items)])


def _rows(client: Client, items: list[Document]) -> Iterator[list[object]]:
    from forecourt.cli.registry.names import MODELS, by_id

    owners = by_id(client, MODELS, [item["registeredModelId"] for item in items if item["kind"] == "version"])
    for item in items:
        name = item.get("name")
        if of := owners.get(item.get("registeredModelId", "")):
            name = f"{of['name']}/{name}"
        about = " ".join(str(item.get("description") or item.get("uri") or item.get("value") or "").split())
        if len(about) > 80:
            about = about[:79] + "…"
        yield [item["kind"], name, item.get("state"), about, item["id"]]
