"""``forecourt rollout``: how a new revision comes up, what was before, and the end of a canary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from forecourt.cli import lifecycle
from forecourt.cli.options import WAIT_SECONDS, DeploymentName, Namespace, Timeout, Wait, options_of, with_options
from forecourt.cli.output import JsonOption, console, print_json, print_table

if TYPE_CHECKING:
    from forecourt.cli.revisions import Revision

app = typer.Typer(
    no_args_is_help=True,
    help="Rollouts of a deployment: status, history, restart, and the end of a canary.",
    epilog="Begin one with forecourt deploy URI --name NAME --update, or --canary PERCENT; go back with forecourt"
    " rollback NAME.",
)

Document = dict[str, Any]


@app.command()
def status(
    name: DeploymentName,
    namespace: Namespace = "default",
    wait: Wait = True,
    timeout: Timeout = WAIT_SECONDS,
    json: JsonOption = False,
) -> None:
    """Wait until a deployment is as it should be, and show how it comes to be.

    It fails where that fails or takes too long, so that a script can wait for it.
    """
    from forecourt.cli.columns import condition, phase
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.cli.revisions import revisions
    from forecourt.cli.waiting import until_ready
    from forecourt.errors import Unavailable

    client = connect()
    item = client.read(INFERENCE_SERVICE, namespace, name)
    if wait:
        item = until_ready(client, namespace, name, timeout)
    known = revisions(client, item)
    ready = condition(item, "Ready").get("status") == "True"
    if json:
        print_json({"name": name, "ready": ready, "status": phase(item), "revisions": [one.to_dict() for one in known]})
    else:
        console.print(told(item, known))
    if not ready:
        raise Unavailable(
            f"{name} is not ready: {condition(item, 'PredictorReady').get('message') or phase(item)}.",
            hint=f"Wait for it: forecourt rollout status {name}{_scope(namespace)}",
        )


def told(item: Document, known: list[Revision]) -> str:
    """Return in a line how far the rollout of a deployment is."""
    from forecourt.cli.columns import phase, replicas

    name = item["metadata"]["name"]
    shares = [f"revision {one.number} has {one.share} % of the requests" for one in known if one.share is not None]
    if len(shares) > 1:
        return f"{name} is a canary: {', '.join(reversed(shares))}"
    which = f" at revision {known[-1].number}" if known else ""
    return f"{name} is {phase(item)}{which}, {replicas(item)} replicas"


@app.command()
def history(name: DeploymentName, namespace: Namespace = "default", json: JsonOption = False) -> None:
    """Show a deployment's revisions, the newest first: what ran, since when, why, with which share of the requests."""
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.cli.revisions import revisions

    client = connect()
    item = client.read(INFERENCE_SERVICE, namespace, name)
    known = revisions(client, item)
    if json:
        print_json({"name": name, "items": [{**one.to_dict(), "data": one.data} for one in known]})
        return
    if not known:
        console.note(f"{name} has no revisions yet; it has just been made.")
        return
    print_history(item, known)
    if len(known) > 1:
        console.note(f"Go back to one: forecourt rollback {name} --to {known[-2].number}{_scope(namespace)}")


def print_history(item: Document, known: list[Revision], indent: str = "") -> None:
    """Print revisions as a table, the newest first."""
    from forecourt.cli.columns import runtime
    from forecourt.cli.output import age

    rows = [
        [
            f"{indent}{one.number}",
            age(one.created),
            one.model,
            one.runtime or (runtime(item) if one.current else "by format"),
            one.state,
            "" if one.share is None else f"{one.share} %",
            one.cause,
        ]
        for one in reversed(known)
    ]
    print_table([f"{indent}Revision", "Age", "Model", "Runtime", "State", "Share", "Cause"], rows)


@app.command()
@with_options(options_of(status))
def promote(name: DeploymentName, **options: Any) -> None:
    """End a canary in favour of the new revision: it gets all requests, and the one before goes."""
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.errors import Conflict

    namespace = options["namespace"]
    item = connect().read(INFERENCE_SERVICE, namespace, name)
    percent = item["spec"]["predictor"].get("canaryTrafficPercent")
    if percent is None or percent >= 100:
        raise Conflict(
            f"{name} is no canary: its newest revision has all requests.",
            hint=f"Begin one: forecourt deploy URI --name {name} --canary 10{_scope(namespace)}",
        )
    change = {"spec": {"predictor": {"canaryTrafficPercent": None}}}
    timeout = options["timeout"] if options["wait"] else None
    lifecycle.changed(name, namespace, change, "promoted", timeout=timeout, json=options["json"])


def _scope(namespace: str) -> str:
    return "" if namespace == "default" else f" -n {namespace}"


app.command()(lifecycle.restart)
