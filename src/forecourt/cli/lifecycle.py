"""``forecourt start``, ``stop`` and ``restart``: changes to a deployment that is there."""

from __future__ import annotations

from typing import Any

import typer

from forecourt.cli.options import WAIT_SECONDS, DeploymentName, Namespace, Timeout, Wait
from forecourt.cli.output import console

app = typer.Typer()

_STOP = "serving.kserve.io/stop"
_RESTARTED = "forecourt.dev/restartedAt"  # KServe hands it on to the pods, so it restarts them on a cluster too


@app.command()
def start(
    name: DeploymentName, namespace: Namespace = "default", wait: Wait = True, timeout: Timeout = WAIT_SECONDS
) -> None:
    """Start a stopped deployment."""
    _change(name, namespace, {"metadata": {"annotations": {_STOP: None}}}, "started", timeout if wait else None)


@app.command()
def stop(
    name: DeploymentName, namespace: Namespace = "default", wait: Wait = True, timeout: Timeout = WAIT_SECONDS
) -> None:
    """Stop a deployment: its object stays, its processes end."""
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.cli.waiting import until_stopped

    client = connect()
    client.patch(INFERENCE_SERVICE, namespace, name, {"metadata": {"annotations": {_STOP: "true"}}})
    if wait:
        until_stopped(client, namespace, name, timeout)
    console.print(f"{INFERENCE_SERVICE.qualified(name)} stopped")


@app.command()
def restart(
    name: DeploymentName, namespace: Namespace = "default", wait: Wait = True, timeout: Timeout = WAIT_SECONDS
) -> None:
    """Run a deployment's replicas anew."""
    from datetime import UTC, datetime

    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    change = {"metadata": {"annotations": {_RESTARTED: now}}}
    _change(name, namespace, change, "restarted", timeout if wait else None, since=now)


def _change(
    name: str, namespace: str, change: dict[str, Any], verb: str, timeout: float | None, *, since: str = ""
) -> None:
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.cli.waiting import until_ready

    client = connect()
    client.patch(INFERENCE_SERVICE, namespace, name, change)
    if timeout is not None:
        until_ready(client, namespace, name, timeout, since=since)
    console.print(f"{INFERENCE_SERVICE.qualified(name)} {verb}")
