"""``forecourt delete``: objects by name, from files, or all of a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forecourt.cli.completion import complete_deployment
from forecourt.cli.options import WAIT_SECONDS, Namespace, Timeout, Wait
from forecourt.cli.output import console

if TYPE_CHECKING:
    from forecourt.cli.resources import Resource

app = typer.Typer()


@app.command()
def delete(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="Deployments, or TYPE/NAME for others.", autocompletion=complete_deployment
        ),
    ] = None,
    filename: Annotated[
        list[str] | None,
        typer.Option("--filename", "-f", metavar="FILE", help="What a file, a directory of files or stdin (-) names."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All deployments of the namespace.")] = False,
    namespace: Namespace = "default",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = True,
    timeout: Timeout = WAIT_SECONDS,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="What is not there is no error.")
    ] = False,
) -> None:
    """Delete deployments: their processes end and their objects go. Images and models stay.

    On a terminal it asks before it deletes; in a script only --all needs --yes.
    """
    from forecourt.cli.commands import tell
    from forecourt.cli.connection import connect
    from forecourt.cli.documents import read
    from forecourt.cli.resources import INFERENCE_SERVICE, NAMESPACE, named
    from forecourt.cli.waiting import until_gone
    from forecourt.errors import ForecourtError, InvalidInput, NotFound

    if sum((bool(names), bool(filename), everything)) != 1:
        raise InvalidInput("Say what to delete: names, -f FILE or --all.")
    targets: list[tuple[Resource, str, str]] = [(kind, namespace, name) for kind, name in map(named, names or [])]
    # Deployments before what they are made with.
    targets += [(one.kind, one.namespace, one.name) for one in reversed(read(filename or [], namespace))]
    if (projects := [name for kind, _, name in targets if kind is NAMESPACE]) and not yes and not console.can_ask:
        raise InvalidInput(
            f"Everything in {', '.join(projects)} goes with the project.",
            hint="Say --yes if that is meant, or use forecourt projects delete, which lists what there is.",
        )
    client = connect()
    if everything:
        items = client.list(INFERENCE_SERVICE, namespace)["items"]
        targets = [(INFERENCE_SERVICE, namespace, item["metadata"]["name"]) for item in items]
        if not targets:
            console.note("No resources found.")
            return
        if not yes and not console.can_ask:
            raise InvalidInput("--all deletes every deployment of the namespace.", hint="Say --yes if that is meant.")
    if not yes and console.can_ask:
        listed = ", ".join(name for _, _, name in targets)
        if not console.confirm(f"Delete {listed}?"):
            console.note("Nothing was deleted.")
            raise typer.Exit(1)

    failed: ForecourtError | None = None
    deleted = []
    for kind, where, name in targets:
        try:
            client.delete(kind, where, name)
            deleted.append((kind, where, name))
        except NotFound as error:
            if not ignore_not_found:
                tell(error)
                failed = failed or error
        except ForecourtError as error:
            tell(error)
            failed = failed or error
    for kind, where, name in deleted:
        if wait:
            until_gone(client, kind, where, name, timeout)
        console.print(f'{kind.full_name} "{name}" deleted')
    if failed:
        raise typer.Exit(failed.exit_code)
