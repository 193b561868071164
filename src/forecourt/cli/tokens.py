"""``forecourt tokens``: who may ask a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.completion import complete_token
from forecourt.cli.options import DeploymentName, Namespace, Yes
from forecourt.cli.output import JsonOption, console, print_json, print_table

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer(
    no_args_is_help=True,
    help="Tokens that open a deployment: made under a name, shown once, revoked.",
    epilog="A request sends its token as Authorization: Bearer TOKEN.",
)

Document = dict[str, Any]

DEFAULT_TOKEN = "default-name"  # noqa: S105 - as Open Data Hub's form has it

TokenName = Annotated[
    str, typer.Argument(metavar="TOKEN", help="Name of the token: who uses it.", autocompletion=complete_token)
]


@app.command(name="list")
def list_tokens(name: DeploymentName, namespace: Namespace = "default", json: JsonOption = False) -> None:
    """List a deployment's tokens by name. Nothing shows what they are."""
    from forecourt.cli.access import is_protected
    from forecourt.cli.connection import connect
    from forecourt.cli.output import age
    from forecourt.cli.resources import INFERENCE_SERVICE

    client = connect()
    item = client.read(INFERENCE_SERVICE, namespace, name)
    items = client.get(INFERENCE_SERVICE.path(namespace, f"{name}/tokens"))["items"]
    if json:
        print_json({"items": items, "required": is_protected(item)})
        return
    if items:
        print_table(["Name", "Created", "Age"], [[one["name"], one["created"], age(one["created"])] for one in items])
    else:
        console.note(f"{name} has no tokens. Make one: forecourt tokens create {name} NAME{_scope(namespace)}")
    if not is_protected(item):
        console.note(f"{name} asks for none: forecourt tokens create {name} NAME --require{_scope(namespace)}")


@app.command()
def create(
    name: DeploymentName,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Name of the token: who uses it.")] = DEFAULT_TOKEN,
    require: Annotated[
        bool, typer.Option("--require", help="Have the deployment ask for a token from now on.")
    ] = False,
    namespace: Namespace = "default",
    json: JsonOption = False,
) -> None:
    """Make a token and print it. It is shown this once."""
    from forecourt.cli.access import AUTH, is_protected
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE

    client = connect()
    item = client.read(INFERENCE_SERVICE, namespace, name)
    made = issue(client, namespace, name, token)
    if require and not is_protected(item):
        item = client.patch(INFERENCE_SERVICE, namespace, name, {"metadata": {"annotations": {AUTH: "true"}}})
    if json:
        print_json(made | {"required": is_protected(item)})
        return
    console.print(made["token"])
    console.note(f"The token {made['name']} of {name} is shown this once. Send it as Authorization: Bearer TOKEN.")
    if not is_protected(item):
        console.note(f"{name} asks for no token yet; have it ask: forecourt tokens create {name} NAME --require")


@app.command()
def revoke(
    name: DeploymentName, token: TokenName, namespace: Namespace = "default", yes: Yes = False, json: JsonOption = False
) -> None:
    """Have a token open nothing from now on."""
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import INFERENCE_SERVICE

    client = connect()
    question = f"Revoke the token {token} of {name}? Whoever uses it is refused from then on."
    if not yes and console.can_ask and not console.confirm(question):
        console.note("Nothing was revoked.")
        raise typer.Exit(1)
    done = client.send("DELETE", INFERENCE_SERVICE.path(namespace, f"{name}/tokens/{_quoted(token)}"))
    if json:
        print_json(done)
    else:
        console.print(f"token {token} of {name} revoked")


def issue(client: Client, namespace: str, name: str, token: str) -> Document:
    """Make a token; the answer has what nobody can read again. Raises `AlreadyExists` for a name that is taken."""
    from forecourt.cli.resources import INFERENCE_SERVICE

    made: Document = client.post(INFERENCE_SERVICE.path(namespace, f"{name}/tokens"), {"name": token})
    return made


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


def _scope(namespace: str) -> str:
    return "" if namespace == "default" else f" -n {namespace}"
