"""Waiting for a deployment: what it waits for now, as a step; how it ended, as a return or an error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from forecourt.cli.client import Client
from forecourt.cli.columns import condition
from forecourt.cli.progress import steps
from forecourt.cli.resources import INFERENCE_SERVICE, Resource
from forecourt.errors import Conflict, NotFound, ProgramFailed, Unavailable

Document = dict[str, Any]

_QUIET = 5.0  # seconds without an event after which the stream is opened anew


def until_ready(client: Client, namespace: str, name: str, timeout: float, *, since: str = "") -> Document:
    """Show what a deployment does until it is ready, and return it.

    What the status says of the time before `since` (RFC 3339, UTC, whole seconds) does not count.
    Raises `ProgramFailed` with the runtime's last lines where it fails, `Unavailable` after `timeout` seconds,
    `Conflict` where it is deleted or stopped meanwhile.
    """
    with steps() as shown:
        for item in _changes(client, namespace, name, timeout):
            if _is_stopped(item):
                raise Conflict(f"{name} is stopped.", hint=f"Start it: forecourt start {name}")
            if not _is_seen(item):
                continue
            ready = condition(item, "Ready")
            if ready.get("status") == "True" and str(ready.get("lastTransitionTime") or since) >= since:
                shown.end()
                return item
            _raise_failure(item, since)
            waits = _waits_for(item)
            shown.show(str(waits.get("reason") or "Pending"), str(waits.get("message") or "Waiting for the server"))
    raise AssertionError("changes end by an error")


def until_stopped(client: Client, namespace: str, name: str, timeout: float) -> None:
    """Wait until none of a deployment's replicas runs. Raises `Unavailable` after `timeout` seconds."""
    with steps() as shown:
        for item in _changes(client, namespace, name, timeout):
            if condition(item, "Stopped").get("status") == "True":
                return
            shown.show("Stopping", f"Stopping {name}")


def until_gone(client: Client, kind: Resource, namespace: str, name: str, timeout: float) -> None:
    """Wait until an object that is being deleted is no longer there. Raises `Unavailable`."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            item = client.read(kind, namespace, name)
        except NotFound:
            return
        if not item["metadata"].get("deletionTimestamp"):
            return  # another has taken its name: one that was made since, or the runtime that ships
        if time.monotonic() > deadline:
            raise Unavailable(f"{name} is not gone after {timeout:.0f} s.", hint=f"See: forecourt describe {name}")
        time.sleep(0.1)


def _changes(client: Client, namespace: str, name: str, timeout: float) -> Iterator[Document]:
    """Yield the deployment as it is and after every change, until the time is over."""
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        for event in client.watch(INFERENCE_SERVICE, namespace, name=name, quiet=min(left, _QUIET)):
            if event["type"] == "DELETED":
                raise Conflict(f"{name} was deleted meanwhile.")
            if event["type"] in {"ADDED", "MODIFIED"}:
                yield event["object"]
            if time.monotonic() > deadline:
                break
    last = client.read(INFERENCE_SERVICE, namespace, name)
    message = str(_waits_for(last).get("message") or "").rstrip(".")
    raise Unavailable(
        f"{name} is not ready after {timeout:.0f} s{f': {message}' if message else ''}.",
        hint=f"It goes on in the background; see `forecourt describe {name}`, or wait longer with --timeout.",
    )


def _is_seen(item: Document) -> bool:
    """Say whether the status is about the object as it is now, and not about what it was before."""
    seen = (item.get("status") or {}).get("observedGeneration")
    return seen is None or int(seen) >= int(item["metadata"].get("generation") or 0)


def _is_stopped(item: Document) -> bool:
    return (item["metadata"].get("annotations") or {}).get("serving.kserve.io/stop") == "true"


def _waits_for(item: Document) -> Document:
    predictor = condition(item, "PredictorReady")
    return predictor if predictor.get("status") != "True" and predictor else condition(item, "Ready")


def _raise_failure(item: Document, since: str) -> None:
    """Raise what `modelStatus` says went wrong, if it does, and not before `since`."""
    model = (item.get("status") or {}).get("modelStatus") or {}
    failure = model.get("lastFailureInfo") or {}
    blocked = model.get("transitionStatus") in {"BlockedByFailedLoad", "InvalidSpec"}
    if not blocked or not failure or str(failure.get("time") or since) < since:
        return
    message, *lines = str(failure.get("message") or failure.get("reason") or "It failed.").splitlines()
    name = item["metadata"]["name"]
    namespace = item["metadata"].get("namespace") or "default"
    scope = "" if namespace == "default" else f" -n {namespace}"
    reason = f" ({failure['reason']})" if failure.get("reason") else ""
    raise ProgramFailed(
        f"{name} failed{reason}: {message}",
        exit_code_of_program=failure.get("exitCode"),
        last_lines=tuple(lines),
        hint=f"See `forecourt logs {name}{scope}` and `forecourt describe {name}{scope}`; "
        f"`forecourt delete {name}{scope}` removes it.",
    )
