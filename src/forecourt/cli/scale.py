"""``forecourt scale``: how many replicas a deployment has, or between how many it follows its load."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forecourt.cli.options import WAIT_SECONDS, DeploymentName, Namespace, Timeout, Wait
from forecourt.cli.output import JsonOption
from forecourt.errors import InvalidInput

app = typer.Typer()

Document = dict[str, Any]

MinReplicas = Annotated[
    int | None, typer.Option(metavar="NUMBER", min=0, help="Never fewer replicas; 0 lets the last one sleep.")
]
MaxReplicas = Annotated[int | None, typer.Option(metavar="NUMBER", min=1, help="Never more replicas.")]
Target = Annotated[
    int | None, typer.Option(metavar="NUMBER", min=1, help="Requests at a time that are right for one replica.")
]
Window = Annotated[
    str | None, typer.Option(metavar="TIME", help="How long the load is averaged over, and idleness takes: 60s.")
]


@app.command()
def scale(
    name: DeploymentName,
    replicas: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="How many replicas it should have, always.")
    ] = None,
    least: Annotated[
        int | None,
        typer.Option("--min", metavar="NUMBER", min=0, help="Never fewer replicas; 0 lets the last one sleep."),
    ] = None,
    most: Annotated[int | None, typer.Option("--max", metavar="NUMBER", min=1, help="Never more replicas.")] = None,
    target: Target = None,
    window: Window = None,
    namespace: Namespace = "default",
    wait: Wait = True,
    timeout: Timeout = WAIT_SECONDS,
    json: JsonOption = False,
) -> None:
    """Set how many replicas a deployment has, or have it follow its load between two numbers.

    With --min 0 it sleeps when nothing was asked for a window; the next request wakes it and waits.
    """
    from forecourt.cli.columns import bounds
    from forecourt.cli.connection import connect
    from forecourt.cli.lifecycle import changed
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.serving.replicas import WINDOW, bounded, checked_window, scaled

    if replicas is None and least is None and most is None and target is None and window is None:
        raise InvalidInput("Say how many.", hint="forecourt scale NAME --replicas 2, or --min 0 --max 3.")
    said = bounded(replicas, least, most)
    client = connect()
    item = client.read(INFERENCE_SERVICE, namespace, name)
    if said:
        there = bounds(item)
        low = said.get("minReplicas", there[0])
        high = said.get("maxReplicas", max(there[1], low))
        if low > high:
            raise InvalidInput(
                f"{name} cannot have at least {low} and at most {high} replicas.", hint="Say --min and --max together."
            )
        said = {"minReplicas": low, "maxReplicas": high}
    change: Document = {"spec": {"predictor": said | scaled(target)}}
    if window is not None:
        change["metadata"] = {"annotations": {WINDOW: checked_window(window)}}
    changed(name, namespace, change, "scaled", timeout=timeout if wait else None, json=json)
