"""``forecourt start``, ``stop`` and ``restart``: changes to a deployment that is there."""

from __future__ import annotations

from typing import Any

import typer

from forecourt.cli.options import WAIT_SECONDS, DeploymentName, Namespace, Timeout, Wait
from forecourt.cli.output import console, print_json

app = typer.Typer()

_STOP = "serving.kserve.io/stop"
_RESTARTED = "forecourt.dev/restartedAt"  # KServe hands it on to the pods, so it restarts them on a cluster too


@app.command()
def start(
    name: DeploymentName, namespace: Namespace = "default", wait: Wait = True, timeout: Timeout = WAIT_SECONDS
) -> None:
    """Start a stopped deployment."""
    change = {"metadata": {"annotations": {_STOP: None}}}
    changed(name, namespace, change, "started", timeout=timeout if wait else None)


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
    changed(name, namespace, change, "restarted", timeout=timeout if wait else None, since=now)


def changed(
    name: str,
    namespace: str,
    change: dict[str, Any],
    verb: str,
    *,
    timeout: float | None,
    since: str = "",
    json: bool = False,
) -> None:
    """Change a deployment, wait until it is ready (not where `timeout` is None), and print that it is, or the object.

    What its status says of the time before `since` does not count. Raises as `until_ready`.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.cli.waiting import until_ready

    client = connect()
    item = client.patch(INFERENCE_SERVICE, namespace, name, change)
    if timeout is not None:
        item = until_ready(client, namespace, name, timeout, since=since)
    if json:
        print_json(item)
    else:
        console.print(f"{INFERENCE_SERVICE.qualified(name)} {verb}")
