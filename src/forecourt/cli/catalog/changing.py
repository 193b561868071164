"""``forecourt catalog sources enable``, ``disable``, ``refresh``, ``remove`` and ``export``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forecourt.cli.catalog.names import SourceArgument, SourcesArgument, source_path
from forecourt.cli.options import WAIT_SECONDS, Timeout, Wait
from forecourt.cli.output import JsonOption, console, print_json

app = typer.Typer()

Document = dict[str, Any]


@app.command()
def enable(sources: SourcesArgument, json: JsonOption = False) -> None:
    """Show the models of sources that were hidden.

    What was never loaded is loaded.
    """
    _put(sources, enabled=True, json=json)


@app.command()
def disable(sources: SourcesArgument, json: JsonOption = False) -> None:
    """Hide the models of sources. They are kept, and are there again at once with enable."""
    _put(sources, enabled=False, json=json)


def _put(sources: list[str], *, enabled: bool, json: bool) -> None:
    from forecourt.cli.connection import connect

    client = connect()
    made = []
    for source in sources:
        made.append(client.send("PATCH", source_path(source), {"enabled": enabled}))
        if not json:
            console.print(f"source {source} {'enabled' if enabled else 'disabled'}")
    if json:
        print_json(made[0] if len(made) == 1 else {"items": made})


@app.command()
def refresh(
    source: SourceArgument, wait: Wait = True, timeout: Timeout = WAIT_SECONDS, json: JsonOption = False
) -> None:
    """Load a source anew, and wait for it. Ctrl-C leaves it being loaded in the server.

    What it gave before stays in sight until it is loaded, and where it cannot be.
    """
    from forecourt.cli.catalog.adding import loaded, told
    from forecourt.cli.connection import connect
    from forecourt.errors import Conflict

    client = connect()
    before = client.get(source_path(source))
    if not before["enabled"]:
        raise Conflict(f"{source} is disabled, and is not loaded.", hint=f"forecourt catalog sources enable {source}")
    after: Document = client.post(f"{source_path(source)}/refresh", None)
    if wait:
        after = told(client, source, before["triedTimeSinceEpoch"], timeout)
    if json:
        print_json(after)
    elif wait:
        had = before["models"]
        console.print(loaded(after) + (f" (it had {had})" if had != after["models"] else ""))
    else:
        console.print(f"{source} is being loaded; see: forecourt catalog sources show {source}")


@app.command()
def remove(
    source: SourceArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Remove a source that was added, and its models from the catalog.

    What was registered or deployed from it stays. On a terminal it asks; in a script it needs --yes.
    """
    from forecourt.cli.connection import connect
    from forecourt.errors import InvalidInput

    client = connect()
    found: Document = client.get(source_path(source))
    if found["origin"] is None and not yes:  # one that a file defines is refused by the server, which says why
        lost = f"{found['models']} models" if found["models"] != 1 else "1 model"
        what = f"the source {source} ({found['name']}) and its {lost} from the catalog"
        if not console.can_ask:
            raise InvalidInput(f"This removes {what}.", hint="Say --yes if that is meant.")
        if not console.confirm(f"Remove {what}?"):
            console.note("Nothing was removed.")
            raise typer.Exit(1)
    client.send("DELETE", source_path(source))
    if json:
        print_json(found)
    else:
        console.print(f"source {source} removed")


@app.command()
def export(source: SourceArgument) -> None:
    """Print a source as a sources.yaml has it.

    So it can go to another catalog; paths in it are those of this machine.
    """
    from pathlib import Path

    from forecourt.catalog.files import dump_source
    from forecourt.catalog.model import SourceDefinition
    from forecourt.cli.connection import connect

    found: Document = connect().get(source_path(source))
    properties = dict(found["properties"])
    if found["origin"]:
        for key in ("yamlCatalogPath", "benchmarksPath"):
            if key in properties:
                properties[key] = str(Path(found["origin"]).parent / properties[key])
    definition = SourceDefinition(
        id=found["id"],
        name=found["name"],
        type=found["type"],
        enabled=found["enabled"],
        labels=tuple(found["labels"]),
        properties=properties,
        included_models=tuple(found.get("includedModels", ())),
        excluded_models=tuple(found.get("excludedModels", ())),
        asset_type=found["assetType"],
    )
    console.print(dump_source(definition), end="")
