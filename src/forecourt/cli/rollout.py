"""``forecourt rollout``: how a new revision comes up, what was before, and the end of a canary."""

from __future__ import annotations

from typing import Any

import typer

from forecourt.cli import lifecycle
from forecourt.cli.options import WAIT_SECONDS, DeploymentName, Namespace, Timeout, Wait, options_of, with_options
from forecourt.cli.output import JsonOption, console, print_json, print_table

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
    known = revisions(client, namespace, name)
    ready = condition(item, "Ready").get("status") == "True"
    if json:
        short = [{key: value for key, value in one.items() if key != "data"} for one in known]
        print_json({"name": name, "ready": ready, "status": phase(item), "revisions": short})
    else:
        console.print(told(item, known))
    if not ready:
        raise Unavailable(
            f"{name} is not ready: {condition(item, 'PredictorReady').get('message') or phase(item)}.",
            hint=f"Wait for it: forecourt rollout status {name}{_scope(namespace)}",
        )


def told(item: Document, known: list[Document]) -> str:
    """Return in a line how far the rollout of a deployment is."""
    from forecourt.cli.columns import phase, replicas

    name = item["metadata"]["name"]
    sharing = [one for one in known if one["percent"] is not None]
    shares = [f"revision {one['revision']} has {one['percent']} % of the requests" for one in sharing]
    if len(shares) > 1:
        return f"{name} is a canary: {', '.join(reversed(shares))}"
    which = f" at revision {known[-1]['revision']}" if known else ""
    return f"{name} is {phase(item)}{which}, {replicas(item)} replicas"


@app.command()
def history(name: DeploymentName, namespace: Namespace = "default", json: JsonOption = False) -> None:
    """Show a deployment's revisions, the newest first: what ran, since when, why, with which share of the requests."""
    from forecourt.cli.connection import connect
    from forecourt.cli.revisions import revisions

    known = revisions(connect(), namespace, name)
    if json:
        print_json({"name": name, "items": known})
        return
    if not known:
        console.note(f"{name} has no revisions yet; it has just been made.")
        return
    _print_history(known)
    if len(known) > 1:
        console.note(f"Go back to one: forecourt rollback {name} --to {known[-2]['revision']}{_scope(namespace)}")


def _print_history(known: list[Document]) -> None:
    """Print revisions as a table, the newest first."""
    from forecourt.cli.output import age

    rows = [
        [
            one["revision"],
            age(one["creationTimestamp"]),
            one["model"],
            one["runtime"] or "by format",
            one["state"],
            "" if one["percent"] is None else f"{one['percent']} %",
            one["changeCause"],
        ]
        for one in reversed(known)
    ]
    print_table(["Revision", "Age", "Model", "Runtime", "State", "Share", "Cause"], rows)


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
