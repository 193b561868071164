"""``forecourt logs``: what a deployment, or the server itself, prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from forecourt.cli.completion import complete_deployment
from forecourt.cli.options import Namespace
from forecourt.cli.output import console

app = typer.Typer()


@app.command()
def logs(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The deployment.", autocompletion=complete_deployment)
    ] = None,
    namespace: Namespace = "default",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is printed.")] = False,
    tail: Annotated[
        int | None, typer.Option(metavar="LINES", min=0, help="Only the last lines; all by default.")
    ] = None,
    replica: Annotated[int | None, typer.Option(metavar="NUMBER", min=0, help="Only this replica, from 0.")] = None,
    previous: Annotated[
        bool, typer.Option("--previous", "-p", help="What the run before the present printed.")
    ] = False,
    server: Annotated[bool, typer.Option("--server", help="The log of a server that runs detached.")] = False,
) -> None:
    """Print the log of a deployment, or of the server with --server."""
    from forecourt.errors import InvalidInput

    if server == bool(name):
        raise InvalidInput("Say which log: a deployment's name, or --server.")
    if server:
        from forecourt.cli.invocation import settings
        from forecourt.errors import NotFound

        log = settings().server_log
        if not log.exists():
            raise NotFound(f"There is no log at {log}.", hint="A server that was not detached prints where it runs.")
        for text in _file(log, tail, follow=follow):
            console.print(text, end="")
        return

    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE

    params: dict[str, int | bool] = {"follow": follow}
    params |= {key: value for key, value in (("tailLines", tail), ("replica", replica)) if value is not None}
    for text in connect().chunks(INFERENCE_SERVICE.path(namespace, f"{name}/log"), **params):
        console.print(text, end="")


def _file(path: Path, tail: int | None, *, follow: bool) -> Iterator[str]:
    """Yield a file's last lines, and then what is added to it."""
    import time
    from collections import deque

    with path.open(errors="replace") as file:
        yield from deque(file, maxlen=tail)
        while follow:
            if text := file.read():
                yield text
            else:
                time.sleep(0.2)
