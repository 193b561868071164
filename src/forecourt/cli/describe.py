"""``forecourt describe``: all that is known of a deployment, or of another object, for a person to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.columns import bounds, model, runtime
from forecourt.cli.completion import complete_deployment
from forecourt.cli.options import Namespace
from forecourt.cli.output import age, console

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.cli.resources import Resource

app = typer.Typer()

Document = dict[str, Any]


@app.command()
def describe(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The deployment, or TYPE/NAME for another object.", autocompletion=complete_deployment
        ),
    ],
    namespace: Namespace = "default",
    tail: Annotated[int, typer.Option(metavar="LINES", min=0, help="How many of the log's last lines to show.")] = 10,
) -> None:
    """Show a deployment: what it should be, who may ask it, its revisions, conditions, last failure, its log's end."""
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE, named
    from forecourt.cli.revisions import revisions
    from forecourt.errors import ForecourtError

    kind, plain = named(name)
    client = connect()
    if kind is not INFERENCE_SERVICE:
        for line in _other(client, kind, namespace, plain):
            console.print(line)
        return
    item = client.read(INFERENCE_SERVICE, namespace, plain)
    tokens = client.get(INFERENCE_SERVICE.path(namespace, f"{plain}/tokens"))["items"]
    for line in _summary(item, [one["name"] for one in tokens], revisions(client, namespace, plain)):
        console.print(line)
    if not tail:
        return
    try:
        lines = list(client.lines(INFERENCE_SERVICE.path(namespace, f"{plain}/log"), tailLines=tail))
    except ForecourtError as error:
        lines = [f"<{error}>"]
    console.print("Log:")
    for line in lines or ["<none>"]:
        console.print(f"  {line}")


def _other(client: Client, kind: Resource, namespace: str, name: str) -> Iterator[str]:
    """Yield what is told of an object that is no deployment, as the commands about its kind tell it."""
    from forecourt.cli.resources import HARDWARE_PROFILE, NAMESPACE, SECRET

    if kind is NAMESPACE:
        from forecourt.cli.projects.contents import contents
        from forecourt.cli.projects.listing import described as of_project

        yield from of_project(client.read(kind, "", name), dict(contents(client, name)))
    elif kind is SECRET:
        from forecourt.cli.connections.listing import described as of_connection
        from forecourt.cli.connections.options import read, users
        from forecourt.cli.connections.types import type_of

        found = read(client, namespace, name)
        yield from of_connection(found, type_of(client, found), users(client, namespace).get(name, []))
    elif kind is HARDWARE_PROFILE:
        from forecourt.cli.hardware.listing import described as of_profile
        from forecourt.cli.hardware.profiles import find

        yield from of_profile(find(client, name, namespace))
    else:
        yield from _plain(client.read(kind, namespace, name))


def _plain(item: Document) -> Iterator[str]:
    from forecourt.cli.output import to_yaml

    metadata = item["metadata"]
    created = metadata.get("creationTimestamp")
    yield from _pairs(
        {
            "Name": metadata["name"],
            "Namespace": metadata.get("namespace"),
            "Kind": item["kind"],
            "Labels": _map(metadata.get("labels")),
            "Created": f"{created} ({age(created)} ago)" if created else "it ships with Forecourt",
        }
    )
    rest = {key: value for key, value in item.items() if key not in ("apiVersion", "kind", "metadata")}
    annotations = metadata.get("annotations")
    yield from to_yaml(({"annotations": annotations} if annotations else {}) | rest).splitlines()


def _summary(item: Document, tokens: list[str], known: list[Document]) -> Iterator[str]:
    metadata, status = item["metadata"], item.get("status") or {}
    predictor = (item.get("spec") or {}).get("predictor") or {}
    said = predictor.get("model") or {}
    yield from _pairs(
        {
            "Name": metadata["name"],
            "Namespace": metadata.get("namespace"),
            "Labels": _map(metadata.get("labels")),
            "Annotations": _map(metadata.get("annotations")),
            "Created": f"{metadata.get('creationTimestamp')} ({age(metadata.get('creationTimestamp') or '')} ago)",
            "Endpoint": status.get("url"),
            "Access": _access(item, tokens),
            "Model": model(item),
            "Format": (said.get("modelFormat") or {}).get("name"),
            "Runtime": runtime(item),
            "Arguments": " ".join(said.get("args") or []),
            "Environment": ", ".join(f"{one.get('name')}={one.get('value', '…')}" for one in said.get("env") or []),
            "Resources": _resources(said.get("resources") or {}),
            "Replicas": _replicas(item, status),
            "Scaling": _scaling(item, predictor),
            "Model state": _state(status.get("modelStatus") or {}),
        }
    )
    if known:
        yield "Revisions:"
        yield from (_revision(one) for one in reversed(known))
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


def _access(item: Document, tokens: list[str]) -> str:
    from forecourt.cli.access import is_exposed, is_protected

    where = "exposed to other machines" if is_exposed(item) else "this machine only"
    if is_protected(item):
        return f"{where}; asks for a token ({', '.join(tokens) or 'it has none, so nobody gets in'})"
    return f"{where}; asks for no token"


def _replicas(item: Document, status: Document) -> str:
    copies = (status.get("modelStatus") or {}).get("copies") or {}
    least, most = bounds(item)
    wanted = f"{least} wanted" if least == most else f"{least} to {most} wanted"
    if not copies:
        return wanted
    return f"{wanted}, {copies.get('totalCopies', 0)} there, {copies.get('failedCopies', 0)} failed"


def _scaling(item: Document, predictor: Document) -> str:
    from forecourt.serving.replicas import WINDOW

    least, most = bounds(item)
    if least == most:
        return "fixed"
    window = (item["metadata"].get("annotations") or {}).get(WINDOW) or "60s"
    target = predictor.get("scaleTarget") or predictor.get("containerConcurrency") or 100
    sleeps = "; sleeps when idle that long" if not least else ""
    return f"{least} to {most} replicas, {target} requests at a time each, over {window}{sleeps}"


def _revision(one: Document) -> str:
    share = "" if one["percent"] is None else f"{one['percent']} %"
    since = age(one["creationTimestamp"])
    told = f"{one['revision']:<5}{one['state'] or '-':<23}{share:<7}{since:<8}{one['model']}  {one['changeCause']}"
    return f"  {told}".rstrip()


def _state(model_status: Document) -> str:
    states = model_status.get("states") or {}
    if not states:
        return str(model_status.get("transitionStatus") or "")
    active, target = states.get("activeModelState") or "none", states.get("targetModelState")
    return f"{active} (target {target}, {model_status.get('transitionStatus')})"
