"""``forecourt scale``: how many replicas a deployment has, or between how many it follows its load."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from forecourt.cli.options import WAIT_SECONDS, DeploymentName, Namespace, Timeout, Wait
from forecourt.cli.output import JsonOption, console, print_json
from forecourt.errors import InvalidInput

app = typer.Typer()

Document = dict[str, Any]

WINDOW = "autoscaling.knative.dev/window"

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

_DURATION = re.compile(r"(?=\d)(\d+h)?(\d+m)?(\d+(\.\d+)?s)?")


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
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.cli.waiting import until_ready

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
    item = client.patch(INFERENCE_SERVICE, namespace, name, change)
    if wait:
        item = until_ready(client, namespace, name, timeout)
    if json:
        print_json(item)
    else:
        console.print(f"{INFERENCE_SERVICE.qualified(name)} scaled")


def bounded(replicas: int | None, least: int | None, most: int | None) -> dict[str, int]:
    """Return what of the bounds was said, as an object has it. Raises `InvalidInput` where it cannot be."""
    if replicas is not None and (least is not None or most is not None):
        raise InvalidInput(
            "A number of replicas and bounds do not go together.", hint="Say --replicas, or a least and a most number."
        )
    if replicas is not None:
        return {"minReplicas": replicas, "maxReplicas": replicas}
    if least is not None and most is not None and least > most:
        raise InvalidInput(
            f"There cannot be at least {least} and at most {most} replicas.", hint="The least comes first."
        )
    return {key: value for key, value in (("minReplicas", least), ("maxReplicas", most)) if value is not None}


def scaled(target: int | None) -> Document:
    """Return how many requests at a time are right for a replica, as an object has it."""
    return {} if target is None else {"scaleTarget": target, "scaleMetric": "concurrency"}


def checked_window(text: str) -> str:
    """Return a time as Knative writes it; raises `InvalidInput`."""
    if not _DURATION.fullmatch(text) or not re.search("[1-9]", text):
        raise InvalidInput(f"{text!r} is no time.", hint="Write it as 60s, 5m or 1h30m.")
    return text
