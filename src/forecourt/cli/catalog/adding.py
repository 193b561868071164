"""``forecourt catalog sources add`` and ``preview``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.catalog.defining import SourceType, definition, with_source
from forecourt.cli.catalog.names import API
from forecourt.cli.options import WAIT_SECONDS, Timeout, Wait
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_as, print_json, print_table

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]

_PREVIEW = "preview"

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="What commands call it; by default what the file says.", show_default=False)
]
StatusOption = Annotated[
    bool | None, typer.Option("--included/--excluded", help="Only those that are shown, or that are not.")
]


@app.command()
@with_source
def add(
    source_id: IdArgument = "",
    wait: Wait = True,
    timeout: Timeout = WAIT_SECONDS,
    json: JsonOption = False,
    **said: Any,
) -> None:
    """Add a source, and wait until its models are there. Ctrl-C leaves it being loaded in the server.

    A file of models is read by the server, from a folder that FORECOURT_CATALOG_FOLDERS allows.
    """
    from forecourt.cli.connection import connect
    from forecourt.errors import InvalidInput

    entry = definition(source_id, **said)
    if not entry.get("id"):
        raise InvalidInput("The source has no ID.", hint="Say it first: forecourt catalog sources add ID …")
    client = connect()
    made: Document = client.post(f"{API}/sources", entry)
    _finish(client, made, wait=wait and made["enabled"], timeout=timeout, json=json)


@app.command()
@with_source
def preview(
    source_id: IdArgument = "",
    status: StatusOption = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
    **said: Any,
) -> None:
    """Show which models a source would give.

    And which it would not, without adding it.
    """
    from forecourt.cli.connection import connect

    output = Output.JSON if json else output
    entry = {"id": _PREVIEW} | definition(source_id, **said)
    found: Document = connect().post(f"{API}/sources/preview", entry)
    if status is not None:
        found["items"] = [one for one in found["items"] if one["included"] is status]
    if not print_as(output, found, (one["name"] for one in found["items"])):
        _show_preview(found)


def loaded(source: Document) -> str:
    """Return what to say of a source that was loaded."""
    count = source["models"]
    left = f", {len(source['problems'])} left out" if source["problems"] else ""
    return f"{source['id']} has {count} model{'' if count == 1 else 's'}{left}"


def told(client: Client, source_id: str, before: str | None, timeout: float) -> Document:
    """Wait until a source is loaded, and return it; raises `Unavailable` where loading it failed."""
    from forecourt.cli.catalog.loading import until_loaded
    from forecourt.errors import Unavailable

    source = until_loaded(client, source_id, before, timeout)
    if source["status"] == "error":
        raise Unavailable(f"{source_id} could not be loaded: {source.get('error', '')}", hint=_mend(source))
    return source


def _mend(source: Document) -> str:
    """Return what to do about a source that could not be loaded."""
    source_id = source["id"]
    refresh = f"forecourt catalog sources refresh {source_id}"
    again = f"then: {refresh}" + ("" if source["origin"] else f"; or: forecourt catalog sources remove {source_id}")
    if source["type"] == SourceType.YAML and "folders that are allowed" in source.get("error", ""):
        return f"Start the server with FORECOURT_CATALOG_FOLDERS naming its folder, {again}"
    return f"It stays as it was defined. Mend what is wrong, {again}"


def _finish(client: Client, made: Document, *, wait: bool, timeout: float, json: bool) -> None:
    if wait:
        made = told(client, made["id"], None, timeout)
    if json:
        print_json(made)
        return
    console.print(f"Added {loaded(made)}" if wait else f"Added {made['id']}")
    if wait:
        console.note(f"See them: forecourt catalog search --source {made['id']}")
    else:
        console.note(f"See how far it is: forecourt catalog sources show {made['id']}")


def _show_preview(found: Document) -> None:
    if found["items"]:
        print_table(("Name", "Included"), [(one["name"], "yes" if one["included"] else "no") for one in found["items"]])
    console.note(f"{found['included']} of {found['total']} models would be shown.")
