"""``forecourt describe``: all that is known of a deployment, for a person to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from forecourt.cli.columns import runtime
from forecourt.cli.options import DeploymentName, Namespace
from forecourt.cli.output import age, console

app = typer.Typer()

Document = dict[str, Any]


@app.command()
def describe(
    name: DeploymentName,
    namespace: Namespace = "default",
    tail: Annotated[int, typer.Option(metavar="LINES", min=0, help="How many of the log's last lines to show.")] = 10,
) -> None:
    """Show a deployment: what it should be, its conditions, its last failure, its log's end."""
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.errors import ForecourtError

    client = connect()
    item = client.read(INFERENCE_SERVICE, namespace, name)
    for line in _summary(item):
        console.print(line)
    if not tail:
        return
    try:
        lines = list(client.lines(INFERENCE_SERVICE.path(namespace, f"{name}/log"), tailLines=tail))
    except ForecourtError as error:
        lines = [f"<{error}>"]
    console.print("Log:")
    for line in lines or ["<none>"]:
        console.print(f"  {line}")


def _summary(item: Document) -> Iterator[str]:
    metadata, status = item["metadata"], item.get("status") or {}
    predictor = (item.get("spec") or {}).get("predictor") or {}
    model = predictor.get("model") or {}
    yield from _pairs(
        {
            "Name": metadata["name"],
            "Namespace": metadata.get("namespace"),
            "Labels": _map(metadata.get("labels")),
            "Annotations": _map(metadata.get("annotations")),
            "Created": f"{metadata.get('creationTimestamp')} ({age(metadata.get('creationTimestamp') or '')} ago)",
            "Endpoint": status.get("url"),
            "Model": model.get("storageUri"),
            "Format": (model.get("modelFormat") or {}).get("name"),
            "Runtime": runtime(item),
            "Arguments": " ".join(model.get("args") or []),
            "Environment": ", ".join(f"{one.get('name')}={one.get('value', '…')}" for one in model.get("env") or []),
            "Resources": _resources(model.get("resources") or {}),
            "Replicas": _replicas(predictor, status),
            "Model state": _state(status.get("modelStatus") or {}),
        }
    )
    if failure := (status.get("modelStatus") or {}).get("lastFailureInfo"):
        yield "Last failure:"
        facts = {"Reason": "reason", "Exit code": "exitCode", "Time": "time", "Location": "location"}
        for title, field in facts.items():
            if failure.get(field) not in (None, ""):
                yield f"  {title}:  {failure[field]}"
        for line in str(failure.get("message") or "").splitlines():
            yield f"  | {line}"
    yield "Conditions:"
    for one in status.get("conditions") or []:
        since = age(one.get("lastTransitionTime") or "")
        why = ": ".join(text for text in (one.get("reason"), one.get("message")) if text)
        yield f"  {one.get('type', ''):<18}{one.get('status', ''):<9}{since:<8}{why}".rstrip()


def _pairs(pairs: dict[str, object]) -> Iterator[str]:
    width = max(map(len, pairs)) + 3
    for title, value in pairs.items():
        yield f"{title + ':':<{width}}{value if value not in (None, '') else '<none>'}"


def _map(values: Document | None) -> str:
    return ", ".join(f"{key}={value}" for key, value in (values or {}).items())


def _resources(resources: Document) -> str:
    return "; ".join(f"{title} {_map(values)}" for title, values in resources.items())


def _replicas(predictor: Document, status: Document) -> str:
    copies = (status.get("modelStatus") or {}).get("copies") or {}
    wanted = f"{predictor.get('minReplicas', 1)} wanted"
    if not copies:
        return wanted
    return f"{wanted}, {copies.get('totalCopies', 0)} there, {copies.get('failedCopies', 0)} failed"


def _state(model: Document) -> str:
    states = model.get("states") or {}
    if not states:
        return str(model.get("transitionStatus") or "")
    active, target = states.get("activeModelState") or "none", states.get("targetModelState")
    return f"{active} (target {target}, {model.get('transitionStatus')})"
