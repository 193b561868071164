"""``forecourt runtimes enable``, ``disable`` and ``order``: what is offered, in what order."""

from __future__ import annotations

from typing import Annotated

import typer

from forecourt.cli.completion import complete_runtime
from forecourt.cli.output import JsonOption, console, print_json
from forecourt.cli.runtimes.where import RUNTIMES, Project, RuntimeName

app = typer.Typer()


@app.command()
def enable(name: RuntimeName, namespace: Project = "default") -> None:
    """Offer a runtime again."""
    _set(name, namespace, enabled=True)


@app.command()
def disable(name: RuntimeName, namespace: Project = "default") -> None:
    """Have a runtime no longer be offered, one that ships too; deployments that it serves go on."""
    _set(name, namespace, enabled=False)


@app.command()
def order(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Runtimes, the first first.", autocompletion=complete_runtime),
    ],
    before: Annotated[
        str, typer.Option(metavar="OTHER", help="Put one runtime before this one.", autocompletion=complete_runtime)
    ] = "",
    namespace: Project = "default",
    json: JsonOption = False,
) -> None:
    """Put runtimes in order, for lists, and for the choice among those that are equal otherwise.

    Those that are named come first; all others follow as they were.
    """
    from forecourt.cli.connection import connect

    given = {"names": names, "before": before}
    answer = connect().send("PUT", f"{RUNTIMES}/order", given, namespace=namespace)
    if json:
        print_json(answer)
        return
    for one in answer["items"]:
        console.print(one["name"])


def _set(name: str, namespace: str, *, enabled: bool) -> None:
    from forecourt.cli.connection import connect

    connect().send("PATCH", f"{RUNTIMES}/{name}", {"enabled": enabled}, namespace=namespace)
    console.print(f"{name} {'enabled' if enabled else 'disabled'}")
    if not enabled:
        console.note(f"Deployments that it serves go on. Offer it again: forecourt runtimes enable {name}")
