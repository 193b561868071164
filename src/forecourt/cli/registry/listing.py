"""``forecourt registry models`` and ``versions``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_as, print_table
from forecourt.cli.registry.names import ARCHIVED, LIVE, MODELS, VERSIONS, ModelArgument

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]

ArchivedOption = Annotated[bool, typer.Option("--archived", help="Those that are archived.")]
AllOption = Annotated[bool, typer.Option("--all", help="Those that are archived too.")]
FilterOption = Annotated[
    str,
    typer.Option("--filter", metavar="FILTERQUERY", help="Only those that match, as \"accuracy > 0.8 AND lang='en'\"."),
]
LimitOption = Annotated[int, typer.Option("--limit", metavar="NUMBER", min=0, help="At most so many; 0 for all.")]
HeadersOption = Annotated[bool, typer.Option("--no-headers", help="Leave out the table's headings.")]


@app.command()
def models(
    archived: ArchivedOption = False,
    everything: AllOption = False,
    owner: Annotated[str, typer.Option(metavar="NAME", help="Only those of this owner.")] = "",
    filter_query: FilterOption = "",
    limit: LimitOption = 100,
    no_headers: HeadersOption = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """List models, those that changed last first."""
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.filters import equals
    from forecourt.cli.registry.names import listing

    output = Output.JSON if json else output
    client = connect()
    filters = [_states(archived, everything), equals("owner", owner) if owner else ""]
    found = listing(client, MODELS, filters=filters, said=filter_query, order="LAST_UPDATE_TIME", limit=limit)

    def table(items: list[Document]) -> None:
        _show_models(client, items, states=everything, wide=output is Output.WIDE, headers=not no_headers)

    nothing = "No models yet. Register one: forecourt registry register oci://…"
    if archived or owner or filter_query:
        nothing = "No models found."
    _show(found, output, "", table, nothing)


@app.command()
def versions(
    model: ModelArgument,
    archived: ArchivedOption = False,
    everything: AllOption = False,
    filter_query: FilterOption = "",
    limit: LimitOption = 100,
    no_headers: HeadersOption = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """List the versions of a model, the newest first. -o wide asks each for its format and where its files are."""
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.names import listing, target
    from forecourt.errors import InvalidInput

    output = Output.JSON if json else output
    client = connect()
    named = target(client, model)
    if named.version:
        raise InvalidInput(f"{named.shown} is a version.", hint=f"See: forecourt registry describe {named.shown}")
    states = [_states(archived, everything)]
    found = listing(client, f"{named.path}/versions", filters=states, said=filter_query, limit=limit)

    def table(items: list[Document]) -> None:
        show_versions(client, named.id, items, wide=output is Output.WIDE, headers=not no_headers)

    nothing = (
        f"No versions of {named.shown} yet. Register one: forecourt registry register oci://… --name {named.shown}"
    )
    if archived or filter_query:
        nothing = "No versions found."
    _show(found, output, f"{named.shown}/", table, nothing)


def _show(found: Document, output: Output, prefix: str, table: Callable[[list[Document]], None], nothing: str) -> None:
    """Print a list in the form asked for: as it came, names behind a prefix, a table, or that there is nothing."""
    items = found["items"]
    if not print_as(output, found, (f"{prefix}{item['name']}" for item in items)):
        if items:
            table(items)
        else:
            console.note(nothing)
    tell_more(found)


def tell_more(found: Document) -> None:
    """Say that a list goes on where it was cut."""
    if found["nextPageToken"]:
        console.note(f"There are more than these {found['size']}: see them with --limit 0.")


def show_versions(client: Client, model_id: str, items: list[Document], *, wide: bool, headers: bool = True) -> None:
    """Print versions of a model as a table."""
    from forecourt.cli.registry.names import aliases
    from forecourt.cli.registry.properties import ago, stage_of

    names: dict[str, list[str]] = {}
    for alias, of in aliases(client, model_id).items():
        names.setdefault(of, []).append(alias)
    columns = ["Name", "Aliases", "Stage", "State", "Author", "Modified", *(_WIDE_VERSION if wide else ())]
    rows = []
    for item in items:
        row = [item["name"], ",".join(names.get(item["id"], [])), stage_of(item), item.get("state"), item.get("author")]
        row.append(ago(item["lastUpdateTimeSinceEpoch"]))
        if wide:
            artifact = _newest_artifact(client, item["id"])
            row += [item["id"], artifact.get("modelFormatName"), artifact.get("uri"), item.get("description")]
        rows.append(row)
    print_table(columns, rows, headers=headers)


_WIDE_VERSION = ("Id", "Format", "URI", "Description")


def _states(archived: bool, everything: bool) -> str:
    return "" if everything else ARCHIVED if archived else LIVE


def _newest_artifact(client: Client, version_id: str) -> Document:
    from forecourt.cli.registry.names import listing

    items = listing(client, f"{VERSIONS}/{version_id}/artifacts", limit=20)["items"]
    return next((item for item in items if item["artifactType"] == "model-artifact"), {})


def _show_models(client: Client, items: list[Document], *, states: bool, wide: bool, headers: bool) -> None:
    from forecourt.cli.registry.properties import ago, short

    newest = _newest_versions(client, [item["id"] for item in items])
    columns = ["Name", "Latest", *(["State"] if states else []), "Owner", "Labels", "Modified"]
    columns += ["Id", "License", "Description"] if wide else []
    rows = []
    for item in items:
        row = [item["name"], newest.get(item["id"]), *([item.get("state")] if states else []), item.get("owner")]
        row += [short(item), ago(item["lastUpdateTimeSinceEpoch"])]
        row += [item["id"], item.get("license"), item.get("description")] if wide else []
        rows.append(row)
    print_table(columns, rows, headers=headers)


def _newest_versions(client: Client, model_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of models' newest versions that are live, by the models' ids."""
    from forecourt.cli.registry.filters import one_of
    from forecourt.cli.registry.names import listing

    ids, found = list(model_ids), {}
    for start in range(0, len(ids), 500):
        these = one_of("registeredModelId", ids[start : start + 500])
        for version in reversed(listing(client, VERSIONS, filters=[LIVE, these])["items"]):
            found[version["registeredModelId"]] = version["name"]
    return found
