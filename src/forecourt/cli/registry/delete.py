"""``forecourt registry delete``: models and versions for good, what depends on them listed first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.output import JsonOption, console, print_json
from forecourt.cli.registry.names import OURS, TargetsArgument

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.cli.registry.names import Target

app = typer.Typer()

Document = dict[str, Any]

_WORDS = {
    "RegisteredModel": "model",
    "ModelVersion": "version",
    "ModelArtifact": "model artifact",
    "DocArtifact": "document",
    "DataSet": "dataset",
    "Metric": "metric",
    "Parameter": "parameter",
    "InferenceService": "deployment's record",
    "ServeModel": "deployment's history",
}
_PARTS = frozenset({"ModelArtifact", "DocArtifact", "DataSet", "Metric", "Parameter"})
_SHOWN = 20


@app.command()
def delete(
    targets: TargetsArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Delete what depends on it too; a version's own artifacts always go.")
    ] = False,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="What is not there is no error.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Delete models or versions for good. The files stay where they are; to only put away, use archive.

    On a terminal it lists what depends on them and asks; in a script it needs --yes, and --cascade where something
    depends on them. What a deployment serves is not deleted. The audit trail keeps what was.
    """
    from forecourt.cli.commands import tell
    from forecourt.cli.connection import connect
    from forecourt.errors import Conflict, ForecourtError, InvalidInput, NotFound

    client = connect()
    failed: ForecourtError | None = None
    found: dict[str, tuple[Target, list[Document]]] = {}
    for word in targets:
        try:
            named = _find(client, word)
        except NotFound as error:
            if not ignore_not_found:
                tell(error)
                failed = failed or error
            continue
        found[named.id] = (named, client.get(f"{OURS}/{named.path}/dependents")["items"])
    asks = console.can_ask and not yes
    if found and not asks and not yes:
        raise InvalidInput(
            f"Deleting {', '.join(one.shown for one, _ in found.values())} is for good.",
            hint="Say --yes if that is meant.",
        )
    for named, others in found.values():
        if not json or asks:
            _tell(named, others)
    if found and asks and not console.confirm(_question(list(found.values()))):
        console.note("Nothing was deleted.")
        raise typer.Exit(1)
    gone: dict[str, Document] = {}
    for named, others in found.values():
        if named.id in gone:
            continue
        try:
            if not (cascade or asks) and (kept := _beyond(named, others)):
                raise Conflict(
                    f"{len(kept)} others depend on the {named.kind} {named.shown}.",
                    hint="Say --cascade to delete them too.",
                )
            path = f"{OURS}/{named.path}"
            deleted = client.send("DELETE", path, cascade=bool(others))["deleted"]
        except ForecourtError as error:
            tell(error)
            failed = failed or error
            continue
        gone |= {one["id"]: one for one in deleted}
        if not json:
            more = f", with {len(deleted) - 1} that depended on it" if len(deleted) > 1 else ""
            console.print(f'{named.kind} "{named.shown}" deleted{more}')
    if json:
        print_json({"deleted": list(gone.values())})
    if failed:
        raise typer.Exit(failed.exit_code)


def _find(client: Client, word: str) -> Target:
    from forecourt.cli.registry.names import target

    return target(client, word)


def _beyond(named: Target, others: list[Document]) -> list[Document]:
    """Return what depends on a resource and is no part of it: a version's artifacts are parts."""
    return [one for one in others if not (named.version and one["kind"] in _PARTS)]


def _tell(named: Target, others: list[Document]) -> None:
    if others:
        console.note(f"These go with the {named.kind} {named.shown}:")
    for one in list(reversed(others))[:_SHOWN]:
        console.note(f"  {_WORDS.get(one['kind'], one['kind'])} {one['name'] or one['id']}")
    if len(others) > _SHOWN:
        console.note(f"  and {len(others) - _SHOWN} more")


def _question(found: list[tuple[Target, list[Document]]]) -> str:
    listed = ", ".join(f"{named.kind} {named.shown}" for named, _ in found)
    count = len({one["id"] for _, others in found for one in others} - {named.id for named, _ in found})
    return f"Delete {listed}{f' and {count} that go with it' if count else ''} for good?"
