"""``forecourt rollback``: a deployment becomes what it was before."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forecourt.cli.options import WAIT_SECONDS, ChangeCause, DeploymentName, Namespace, Timeout, Wait, Yes
from forecourt.cli.output import JsonOption, console, print_json

app = typer.Typer()

Document = dict[str, Any]


@app.command()
def rollback(
    name: DeploymentName,
    to: Annotated[
        int | None,
        typer.Option("--to", metavar="REVISION", min=1, help="A revision of forecourt rollout history."),
    ] = None,
    change_cause: ChangeCause = None,
    namespace: Namespace = "default",
    yes: Yes = False,
    wait: Wait = True,
    timeout: Timeout = WAIT_SECONDS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    json: JsonOption = False,
) -> None:
    """Make a deployment what it was before, and wait until it answers.

    From a canary it goes back to the stable revision, or else to the one before. How many replicas it has stays as it
    is. It shows what changes, and on a terminal asks.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.cli.waiting import until_ready

    client = connect()
    path = INFERENCE_SERVICE.path(namespace, f"{name}/rollback")
    before = client.read(INFERENCE_SERVICE, namespace, name)
    planned = client.send("POST", path, {"revision": to}, dryRun="All")
    revision = planned["revision"]
    changes = _changes(before, planned["inferenceService"])
    if dry_run and json:
        print_json({"revision": revision, "changes": changes})
        return
    console.note(f"{name} goes back to revision {revision}:")
    for line in changes:
        console.note(f"  {line}")
    if dry_run:
        console.print(f"{INFERENCE_SERVICE.qualified(name)} rolled back to revision {revision} (dry run)")
        return
    if not yes and console.can_ask and not console.confirm("Go back?", default=True):
        console.note("Nothing was changed.")
        raise typer.Exit(1)
    done = client.send("POST", path, {"revision": revision, "changeCause": change_cause or ""})
    item = done["inferenceService"]
    if wait:
        item = until_ready(client, namespace, name, timeout)
    if json:
        print_json({"revision": revision, "changes": changes, "inferenceService": item})
    else:
        console.print(f"{INFERENCE_SERVICE.qualified(name)} rolled back to revision {revision}")


def _changes(before: Document, after: Document) -> list[str]:
    lines = _differences(before["spec"]["predictor"], after["spec"]["predictor"])
    notes = [dict(one["metadata"].get("annotations") or {}) for one in (before, after)]
    for each in notes:
        each.pop("kubernetes.io/change-cause", None)
    return lines + _differences(notes[0], notes[1])


def _differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Return what is other in one document than in another, a line each: ``args: a → b``."""
    if isinstance(before, dict) and isinstance(after, dict):
        lines = []
        for key in dict.fromkeys((*before, *after)):
            lines += _differences(before.get(key), after.get(key), f"{path}.{key}" if path else key)
        return lines
    if before == after:
        return []
    return [f"{path}: {_text(before)} → {_text(after)}"]


def _text(value: Any) -> str:
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    if isinstance(value, dict | list):
        import json

        return json.dumps(value, ensure_ascii=False)
    return str(value)
