"""``forecourt up``, ``down`` and ``status``: the server of this FORECOURT_HOME."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forecourt.cli.output import JsonOption, console

app = typer.Typer()

_ENDS_WITHIN = 120.0  # seconds; replicas may finish their requests first
_COLLECTED = (10_000, 20, 10)
"""When Python looks for what only refers to itself: a look through all takes 30 ms, in which nobody is answered, and
with Python's own numbers there are two a second under load, which find next to nothing."""
_SIGNALS = {"SIGTERM": 15.0, "SIGKILL": 5.0}  # seconds


@app.command(rich_help_panel="The server")
def up(
    port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Port of the API and gateway; 0: a free one.")
    ] = None,
    registry_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Port of the OCI registry; 0: a free one.")
    ] = None,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when it is ready; it goes on.")] = False,
) -> None:
    """Run the server: API and gateway on port 8080, the registry on 5000."""
    from forecourt.cli.invocation import settings

    mine = settings(port=port, registry_port=registry_port, host=host)
    if not detach:
        import gc

        gc.disable()  # what is imported stays: looking through it for what can go takes a fifth of the time
        from forecourt.app import serve

        gc.freeze()
        gc.set_threshold(*_COLLECTED)
        gc.enable()
        serve(mine)
        gc.freeze()  # all is closed: Python, as it ends, need not look through what was imported (0.6 s)
        return

    from forecourt.cli.connection import find, start

    if found := find(mine):
        _, record = found
        console.print(f"A server runs already (pid {record.pid}): {record.url}, registry {record.registry}")
        return
    _, record = start(mine)
    console.print(f"API and gateway  {record.url}")
    console.print(f"Registry         {record.registry}")
    console.note("Stop it with `forecourt down`; see its log with `forecourt logs --server`.")


@app.command()
def down(
    keep_deployments: Annotated[
        bool, typer.Option("--keep-deployments", help="Leave the models running; the next server finds them.")
    ] = False,
) -> None:
    """Stop the server and the models it runs; its next start runs them again."""
    import signal

    from forecourt.cli.client import SHUTDOWN
    from forecourt.cli.connection import Record, find, gone
    from forecourt.cli.connection import signal as send
    from forecourt.cli.invocation import settings
    from forecourt.errors import ForecourtError, Unavailable

    mine = settings()
    record = Record.read(mine.server_record)
    if record is None or not record.alive():
        console.print(f"No server runs for {mine.home}.")
        return
    try:
        if found := find(mine):
            console.note(f"Stopping the server (pid {record.pid}) ...")
            found[0].post(SHUTDOWN, {"deployments": "keep" if keep_deployments else "stop"})
            if gone(record, _ENDS_WITHIN):
                kept = ", its deployments go on" if keep_deployments else " and its deployments"
                console.print(f"Stopped the server (pid {record.pid}){kept}.")
                return
    except ForecourtError as error:
        console.warn(str(error))
    for name, within in _SIGNALS.items():
        console.warn(f"The server does not end; sending it {name}.")
        send(record, signal.Signals[name])
        if gone(record, within):
            console.print(f"Stopped the server (pid {record.pid}) by {name}; its deployments go on.")
            return
    raise Unavailable(f"The server (pid {record.pid}) does not end.", hint="Look at the process with `ps`.")


@app.command()
def status(json: JsonOption = False) -> None:
    """Show the server, its addresses, and what it serves. Exit code 4 where none runs."""
    from forecourt.cli.connection import find
    from forecourt.cli.invocation import settings
    from forecourt.cli.output import age, print_json, size
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.errors import ServerNotRunning

    mine = settings()
    found = find(mine)
    if found is None:
        if json:
            print_json({"running": False, "home": str(mine.home)})
        raise ServerNotRunning(f"No server runs for {mine.home}.", hint="Start one: forecourt up -d")
    client, record = found
    server = client.about()
    deployments = client.list(INFERENCE_SERVICE, None)
    if json:
        print_json({"running": True, **server, "deployments": [_summary(item) for item in deployments["items"]]})
        return

    from datetime import UTC, datetime

    started = datetime.fromtimestamp(record.started, UTC).isoformat()
    console.print(f"Server     {record.url} (pid {record.pid}, version {server.get('version')}, up {age(started)})")
    console.print(f"Registry   {record.registry}")
    console.print(f"Home       {mine.home}")
    if isinstance(memory := server.get("memoryBytes"), int):
        console.print(f"Memory     {size(memory)}")
    console.print()

    from forecourt.cli.columns import print_objects

    print_objects(INFERENCE_SERVICE, deployments["items"], namespaces=True)


def _summary(item: dict[str, Any]) -> dict[str, Any]:
    from forecourt.cli.columns import condition, phase

    return {
        "namespace": item["metadata"]["namespace"],
        "name": item["metadata"]["name"],
        "ready": condition(item, "Ready").get("status") == "True",
        "status": phase(item),
        "url": (item.get("status") or {}).get("url"),
    }
