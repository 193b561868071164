"""``forecourt apply``: make the server's objects what files say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.options import FieldValidation, Filename, Namespace, Validate
from forecourt.cli.output import Output, OutputOption, console, print_document

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.cli.documents import Object
    from forecourt.errors import ForecourtError

app = typer.Typer()

Document = dict[str, Any]

_TRIES = 5

_OWNED_BY_SERVER = ("creationTimestamp", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "uid")


@app.command()
def apply(
    filename: Filename,
    namespace: Namespace = "default",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    validate: Validate = FieldValidation.STRICT,
    output: OutputOption = Output.TABLE,
) -> None:
    """Create the objects in files, or make those that are there what the files say.

    A file is the whole of its object: what it does not say is removed. What the server owns in it is ignored
    (status, uid, resourceVersion), so that what `get -o yaml` printed can be applied; hidden values that it does not
    show stay. Projects come first, then connection types, connections, profiles, runtimes and deployments, in whatever
    order the files have them. One that is refused does not hold up the others.
    """
    from forecourt.cli.access import warn_if_open
    from forecourt.cli.commands import tell
    from forecourt.cli.connection import connect
    from forecourt.cli.documents import read_each
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.errors import ForecourtError

    objects, wrong = read_each(filename, namespace)
    client = connect()
    failed: ForecourtError | None = wrong[0] if wrong else None
    for refused in wrong:
        tell(refused)
    made = []
    for one in objects:
        try:
            document, verb = _put(client, one, dry_run=dry_run, validate=validate.level)
        except ForecourtError as error:
            tell(_about(one, error))
            failed = failed or error
            continue
        made.append(document)
        if one.kind is INFERENCE_SERVICE:
            warn_if_open(document)
        if output in {Output.TABLE, Output.WIDE}:
            console.print(f"{one.kind.qualified(one.name)} {verb}{' (dry run)' if dry_run else ''}")
        elif output is Output.NAME:
            console.print(one.kind.qualified(one.name))
    if output in {Output.JSON, Output.YAML} and made:
        print_document(made[0] if len(made) == 1 else {"apiVersion": "v1", "kind": "List", "items": made}, output)
    if failed:
        raise typer.Exit(failed.exit_code)


def _about(one: Object, error: ForecourtError) -> ForecourtError:
    """Return an error that says which object it is about."""
    from forecourt.errors import ForecourtError

    return ForecourtError(f"{one.kind.full_name} {one.name} ({one.where}): {error.message}", hint=error.hint)


def _put(client: Client, one: Object, *, dry_run: bool, validate: str) -> tuple[Document, str]:
    """Create or replace an object; return it, and in a word what was done.

    The server writes the status of what comes up all the time: a conflict is no reason to give up at once.
    """
    from forecourt.errors import Conflict

    for _ in range(_TRIES - 1):
        try:
            return _put_once(client, one, dry_run=dry_run, validate=validate)
        except Conflict:
            continue
    return _put_once(client, one, dry_run=dry_run, validate=validate)


def _put_once(client: Client, one: Object, *, dry_run: bool, validate: str) -> tuple[Document, str]:
    from forecourt.errors import NotFound

    document = without_servers_fields(one.document)
    try:
        current = client.read(one.kind, one.namespace, one.name)
    except NotFound:
        current = {"metadata": {}}
    before = current["metadata"].get("resourceVersion")
    if before is None:  # not there, or a runtime that ships, whose place one of the same name takes
        return client.create(one.kind, one.namespace, document, dry_run=dry_run, validate=validate), "created"
    document["metadata"]["resourceVersion"] = before
    after = client.replace(one.kind, one.namespace, one.name, document, dry_run=dry_run, validate=validate)
    # As with Kubernetes, a write that changes nothing is none: the version stays.
    same = after["metadata"]["resourceVersion"] == before
    if dry_run:
        same = without_servers_fields(after) == without_servers_fields(current)
    return after, "unchanged" if same else "configured"


def without_servers_fields(document: Document) -> Document:
    """Return an object without what the server alone writes."""
    metadata = {key: value for key, value in document["metadata"].items() if key not in _OWNED_BY_SERVER}
    return {key: value for key, value in document.items() if key != "status"} | {"metadata": metadata}
