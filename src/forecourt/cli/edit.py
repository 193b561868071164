"""``forecourt edit``: an object in an editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forecourt.cli.completion import complete_deployment
from forecourt.cli.options import FieldValidation, Namespace, Validate
from forecourt.cli.output import console, to_yaml

if TYPE_CHECKING:
    from forecourt.cli.client import Client, Document
    from forecourt.cli.resources import Resource

app = typer.Typer()

_NOTE = """\
# Change what you like, save and leave the editor. Lines that begin with # are ignored;
# an empty file changes nothing.
"""


@app.command()
def edit(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The deployment, or TYPE/NAME for another object.", autocompletion=complete_deployment
        ),
    ],
    namespace: Namespace = "default",
    validate: Validate = FieldValidation.STRICT,
) -> None:
    """Change a deployment in $VISUAL or $EDITOR."""
    from forecourt.cli.apply import without_servers_fields
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import named
    from forecourt.errors import InvalidInput

    kind, plain = named(name)
    client = connect()
    current = client.read(kind, namespace, plain)
    before = to_yaml(without_servers_fields(current))
    text = before
    problem = hint = ""
    while True:
        header = _NOTE + "".join(f"# error: {line}\n" for line in problem.splitlines()) + "#\n"
        edited = in_editor(header + text)
        kept = "\n".join(line for line in edited.splitlines() if not line.startswith("#")) + "\n"
        if kept in {before, "\n"} or (problem and kept == text):
            if problem:
                raise InvalidInput(f"{plain} was not changed: {problem}", hint=hint)
            console.print("Nothing was changed.")
            return
        text = kept
        try:
            _replace(client, kind, namespace, current, _one(text), validate.level)
        except InvalidInput as error:
            problem, hint = error.message, error.hint
        else:
            console.print(f"{kind.qualified(plain)} edited")
            return


def _one(text: str) -> Document:
    from forecourt.errors import InvalidObject
    from forecourt.objects import load_documents

    documents = load_documents(text)
    if len(documents) != 1 or not isinstance(documents[0], dict) or not isinstance(documents[0].get("metadata"), dict):
        raise InvalidObject("This is not one Kubernetes object, with its metadata.")
    document: Document = documents[0]
    return document


def _replace(client: Client, kind: Resource, namespace: str, opened: Document, edited: Document, validate: str) -> None:
    """Replace the object that was opened; raises `Conflict` where somebody else has changed it since.

    That the server has written its status meanwhile is no such change.
    """
    from forecourt.cli.apply import without_servers_fields
    from forecourt.errors import Conflict

    name, current = opened["metadata"]["name"], opened
    while True:
        if version := current["metadata"].get("resourceVersion"):  # what ships with Forecourt has none
            edited["metadata"]["resourceVersion"] = version
        try:
            client.replace(kind, namespace, name, edited, validate=validate)
        except Conflict:
            current = client.read(kind, namespace, name)
            if without_servers_fields(current) != without_servers_fields(opened):
                raise
        else:
            return


def in_editor(text: str) -> str:
    """Let a person edit text. Raises `InvalidInput` where no editor can be run, or it fails."""
    import os
    import shlex
    import subprocess
    import tempfile
    from pathlib import Path

    from forecourt.errors import InvalidInput

    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="forecourt-") as directory:
        file = Path(directory) / "object.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*command, str(file)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise InvalidInput(
                f"The editor {command[0]!r} could not be run, or failed; nothing was changed.",
                hint="Set EDITOR to the editor you like, or use `forecourt get -o yaml` and `forecourt apply -f`.",
            ) from error
        return file.read_text(encoding="utf-8")
