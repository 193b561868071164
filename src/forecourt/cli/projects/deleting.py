"""``forecourt projects delete``: a project with all that is in it, listed first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from forecourt.cli.options import WAIT_SECONDS, Timeout, Wait, Yes
from forecourt.cli.output import JsonOption, console, print_json
from forecourt.cli.projects.listing import ProjectName

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.cli.projects.contents import Contents

app = typer.Typer()

_SHOWN = 10
_LOOK_SECONDS = 0.3


@app.command()
def delete(
    name: ProjectName,
    yes: Yes = False,
    wait: Wait = True,
    timeout: Timeout = WAIT_SECONDS,
    json: JsonOption = False,
) -> None:
    """Delete a project and all that is in it. Images, models and what is registered stay.

    It lists what goes with it. On a terminal it asks for the project's name; in a script one that is not empty needs
    --yes.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.projects.contents import contents
    from forecourt.cli.resources import NAMESPACE
    from forecourt.errors import InvalidInput

    client = connect()
    client.read(NAMESPACE, "", name)
    inside = contents(client, name)
    told = _told(name, inside)
    if not yes and not console.can_ask and not inside.empty:
        raise InvalidInput(f"The project {name} is not empty.\n" + "\n".join(told), hint="Say --yes if that is meant.")
    for line in told:
        console.note(line)
    if not yes and console.can_ask and not _meant(name, inside):
        console.note("Nothing was deleted.")
        raise typer.Exit(1)
    client.delete(NAMESPACE, "", name)
    if wait:
        _until_gone(client, name, timeout)
    if json:
        print_json({"project": name, "gone": wait, "deleted": inside.to_dict()})
    else:
        console.print(f"project {name} {'deleted' if wait else 'is being deleted'}")


def _told(name: str, inside: Contents) -> list[str]:
    from forecourt.cli.projects.contents import counted

    if inside.empty:
        return []
    lines = [f"These go with the project {name}:"]
    for title, names in inside:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        lines.append(f"  {counted(len(names), title)}: {', '.join(names[:_SHOWN])}{more}")
    return lines


def _meant(name: str, inside: Contents) -> bool:
    if inside.empty:
        return console.confirm(f"Delete the project {name}, which is empty?")
    answer: str = typer.prompt("Type the project's name to delete it", default="", show_default=False, err=True)
    return answer.strip() == name


def _until_gone(client: Client, name: str, timeout: float) -> None:
    """Wait until a project is gone, and say for what; raises `Unavailable`."""
    from forecourt.cli.progress import steps
    from forecourt.cli.projects.contents import contents
    from forecourt.errors import NotFound, Unavailable

    deadline = time.monotonic() + timeout
    with steps() as shown:
        while True:
            try:
                left = [f"{title} {one}" for title, names in contents(client, name) for one in names]
            except NotFound:
                shown.end()
                return
            waits = f"{', '.join(left[:_SHOWN])} to end" if left else "the project to go"
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"The project {name} is not gone after {timeout:.0f} s; it waits for {waits}.",
                    hint=f"It goes on in the background; see: forecourt projects show {name}",
                )
            shown.show("Deleting", f"Waiting for {waits}")
            time.sleep(_LOOK_SECONDS)
