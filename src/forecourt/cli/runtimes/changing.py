"""``forecourt runtimes add``, ``duplicate``, ``edit`` and ``remove``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forecourt.cli.output import JsonOption, console, print_json
from forecourt.cli.runtimes.where import (
    CLUSTER_SERVING_RUNTIME,
    RUNTIMES,
    AllProjects,
    Document,
    Project,
    RuntimeName,
    create,
    place,
    refuse_taken,
)

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.serving.model import ServingRuntime
    from forecourt.serving.runtime_text import Finding, Reading

app = typer.Typer()

_NOTE = """\
# Change what you like, save and leave the editor; an empty file changes nothing.
# These lines, which begin with #, are left out.
"""


@app.command()
def add(
    filename: Annotated[str, typer.Option("--filename", "-f", metavar="FILE", help="A YAML file, or - for stdin.")],
    namespace: Project = "default",
    all_projects: AllProjects = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse fields that KServe does not know.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file; needs no server.")] = False,
    json: JsonOption = False,
) -> None:
    """Add runtimes of your own: ServingRuntimes, or OpenShift Templates that have one in them.

    The file is checked first, against KServe's schema and for what Forecourt needs; what is wrong is said with its
    line, and nothing is added unless all of it is right.
    """
    from forecourt.errors import InvalidInput, InvalidObject
    from forecourt.serving.runtime_text import read_runtimes

    where, text = _text(filename)
    try:
        reading = read_runtimes(text, unknown_fields=not strict)
    except InvalidObject as error:
        raise InvalidInput(f"{where}: {error.message}", hint=error.hint) from None
    runtimes = _checked(reading, where)
    documents = [_scoped(runtime.to_dict(), all_projects=all_projects) for runtime in runtimes]
    if not dry_run:
        from forecourt.cli.connection import connect

        client = connect()
        for document in documents:
            refuse_taken(client, document["metadata"]["name"], namespace)
        for document in documents:
            create(client, dict(document), namespace, dry_run=True)
        documents = [create(client, document, namespace) for document in documents]
    if json:
        print_json({"items": documents})
        return
    for document in documents:
        name = document["metadata"]["name"]
        console.print(f"{name} {'can be added (dry run)' if dry_run else 'added'}")
        if not dry_run:
            console.note(f"See whether it runs here: forecourt runtimes show {name}{_scope(namespace)}")


@app.command()
def duplicate(
    name: RuntimeName,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Name of the copy.")],
    display_name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What people call it; by default 'Copy of ...'.")
    ] = None,
    namespace: Project = "default",
    all_projects: AllProjects = False,
    json: JsonOption = False,
) -> None:
    """Make a copy of a runtime, to be changed."""
    from forecourt.cli.connection import connect

    client = connect()
    document = read(client, name, namespace)
    refuse_taken(client, new, namespace)
    annotations = document["metadata"].setdefault("annotations", {})
    called = annotations.get("openshift.io/display-name") or name
    annotations["openshift.io/display-name"] = display_name or f"Copy of {called}"
    document["metadata"] = {key: value for key, value in document["metadata"].items() if key != "namespace"}
    document["metadata"]["name"] = new
    made = create(client, _scoped(document, all_projects=all_projects), namespace)
    if json:
        print_json(made)
        return
    console.print(f"{new} added")
    console.note(f"Change it: forecourt runtimes edit {new}{_scope(namespace)}")


@app.command()
def edit(name: RuntimeName, namespace: Project = "default") -> None:
    """Change a runtime in $VISUAL or $EDITOR; of one that ships, make your own in its place."""
    from forecourt.cli.connection import connect
    from forecourt.cli.edit import in_editor
    from forecourt.cli.output import to_yaml
    from forecourt.errors import ForecourtError, InvalidInput, InvalidObject
    from forecourt.serving.runtime_text import read_runtimes

    client = connect()
    about = client.get(f"{RUNTIMES}/{name}", namespace=namespace)
    kind, scope = place(about, namespace)
    opened = client.read(kind, scope, name)
    before = to_yaml(read(client, name, namespace))
    note = _NOTE + (_note_of_shipped(name, namespace) if about["shipped"] else "")
    text, problems = before, list[str]()
    while True:
        header = note + "".join(f"# error: {line}\n" for line in problems) + "#\n"
        kept = _without_header(in_editor(header + text))
        if not kept.strip() or kept == before or (problems and kept == text):
            if problems:
                raise InvalidInput(f"{name} was not changed:\n" + "\n".join(problems))
            console.print("Nothing was changed.")
            return
        text, problems = kept, []
        try:
            reading = read_runtimes(text, unknown_fields=True)
        except InvalidObject as error:
            problems = [_moved_text(error.message, note.count("\n") + 2)]
            continue
        if reading.errors:
            # The next header is as long as the note, a line for each error, and one more.
            problems = [_moved(finding, note.count("\n") + len(reading.errors) + 1) for finding in reading.errors]
            continue
        try:
            _keep(client, reading, name, about, opened, scope)
        except InvalidInput as error:
            problems = error.message.splitlines()
        except ForecourtError as error:
            raise type(error)(f"{name} was not changed: {error.message}", hint=error.hint) from error
        else:
            break
    for finding in reading.warnings:
        console.warn(str(finding.problem))
    console.print(f"{name} edited")
    if about["shipped"]:
        console.note(
            f"It is yours now, in place of the one that ships, which comes back with: {_back(name, namespace)}"
        )


@app.command()
def remove(
    name: RuntimeName,
    namespace: Project = "default",
    force: Annotated[bool, typer.Option("--force", help="Even while deployments are served by it.")] = False,
) -> None:
    """Remove a runtime of your own; where it took the place of one that ships, that one is back."""
    from forecourt.cli.connection import connect

    client = connect()
    about = client.get(f"{RUNTIMES}/{name}", namespace=namespace)
    client.send("DELETE", f"{RUNTIMES}/{name}", namespace=namespace, force=force)
    console.print(f"{name} removed")
    if about["replacesShipped"]:
        console.note("The one that ships is back in its place.")


def read(client: Client, name: str, namespace: str) -> Document:
    """Return a runtime's object without what the server alone writes; raises `NotFound`."""
    from forecourt.cli.apply import without_servers_fields

    kind, scope = place(client.get(f"{RUNTIMES}/{name}", namespace=namespace), namespace)
    return without_servers_fields(client.read(kind, scope, name))


def _text(filename: str) -> tuple[str, bytes]:
    import sys
    from pathlib import Path

    from forecourt.errors import NotFound

    if filename == "-":
        return "standard input", sys.stdin.buffer.read()
    path = Path(filename)
    if not path.is_file():
        raise NotFound(f"{path} does not exist, or is no file.")
    return str(path), path.read_bytes()


def _checked(reading: Reading, where: str) -> tuple[ServingRuntime, ...]:
    """Return the runtimes of a file; tell the warnings, and raise `InvalidInput` with every error."""
    from forecourt.errors import InvalidInput

    if errors := reading.errors:
        many = f"{len(errors)} things are wrong" if len(errors) > 1 else "this is wrong"
        lines = "".join(f"\n  {finding}" for finding in errors)
        raise InvalidInput(f"{where}: {many}:{lines}", hint="Nothing was added. Correct it and try again.")
    for finding in reading.warnings:
        console.warn(f"{where}: {finding}")
    return reading.runtimes


def _scoped(document: Document, *, all_projects: bool) -> Document:
    """Return a runtime of all projects where that is asked for."""
    if not all_projects:
        return document
    metadata = {key: value for key, value in document["metadata"].items() if key != "namespace"}
    return document | {"kind": CLUSTER_SERVING_RUNTIME.kind, "metadata": metadata}


def _keep(client: Client, reading: Reading, name: str, about: Document, opened: Document, scope: str) -> None:
    from forecourt.errors import InvalidInput

    if len(reading.runtimes) != 1 or reading.runtimes[0].name != name or reading.runtimes[0].kind != opened["kind"]:
        raise InvalidInput(f"This must stay the one {opened['kind']} {name}; make another with: forecourt runtimes add")
    document = reading.runtimes[0].to_dict()
    if about["shipped"]:
        create(client, document, scope)
        return
    document["metadata"]["resourceVersion"] = opened["metadata"]["resourceVersion"]
    if scope:
        document["metadata"]["namespace"] = scope
    kind, scope = place(opened, scope)
    client.send("PUT", kind.path(scope, name), document, fieldValidation="Ignore")


def _note_of_shipped(name: str, namespace: str) -> str:
    return (
        f"# {name} ships with Forecourt and stays as it is: what you save is your own of that name, in its place.\n"
        f"# The one that ships comes back with: {_back(name, namespace)}\n"
    )


def _back(name: str, namespace: str) -> str:
    return f"forecourt runtimes remove {name}{_scope(namespace)}"


def _scope(namespace: str) -> str:
    return "" if namespace == "default" else f" -n {namespace}"


def _without_header(edited: str) -> str:
    lines = edited.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return "".join(lines)


def _moved(finding: Finding, lines: int) -> str:
    """Say what is wrong with its line in a file that begins with so many lines more."""
    from forecourt.objects import Position

    text = f"{Position(finding.position.line + lines, finding.position.column)}: {finding.problem}"
    return " ".join(text.split())


def _moved_text(message: str, lines: int) -> str:
    """Say the same of a message that names a line."""
    import re

    return re.sub(r"\bline (\d+)", lambda match: f"line {int(match[1]) + lines}", message)
