"""``forecourt users tokens``: by which programs are known as a user. Those of deployments are ``forecourt tokens``."""

from __future__ import annotations

from typing import Annotated

import typer

from forecourt.cli.options import Yes
from forecourt.cli.output import JsonOption, console, print_json, print_table
from forecourt.cli.users.listing import UserName, user_path

app = typer.Typer(
    no_args_is_help=True,
    help="Tokens by which programs are known as a user of this server.",
    epilog="FORECOURT_TOKEN has the command line use one; programs send it as Authorization: Bearer TOKEN.",
)

TokenName = Annotated[str, typer.Argument(metavar="TOKEN", help="Name of the token: what uses it.")]


@app.command(name="list")
def list_tokens(name: UserName, json: JsonOption = False) -> None:
    """List a user's tokens. Nothing shows what they are."""
    from forecourt.cli.connection import connect
    from forecourt.cli.output import age

    found = connect().get(user_path(name, "tokens"))
    if json:
        print_json(found)
        return
    if not found["items"]:
        console.note(f"{name} has no tokens. Make one: forecourt users tokens create {name} TOKEN")
        return
    print_table(
        ["Name", "Created", "Expires", "Last used"],
        [
            [
                one["name"],
                one["created"],
                one["expires"] or "never",
                f"{age(one['lastUsed'])} ago" if one["lastUsed"] else "never",
            ]
            for one in found["items"]
        ],
    )


@app.command()
def create(
    name: UserName,
    token: TokenName,
    days: Annotated[int, typer.Option(min=0, metavar="DAYS", help="How long it lasts, in days; 0: for good.")] = 90,
    json: JsonOption = False,
) -> None:
    """Make a token and print it. It is shown this once."""
    from forecourt.cli.connection import connect

    made = connect().post(user_path(name, "tokens"), {"name": token, "days": days or None})
    if json:
        print_json(made)
        return
    console.print(made["token"])
    console.note(f"The token {token} of {name} is shown this once. Send it as Authorization: Bearer TOKEN.")


@app.command()
def revoke(name: UserName, token: TokenName, yes: Yes = False, json: JsonOption = False) -> None:
    """Have a token open nothing from now on."""
    from forecourt.cli.connection import connect

    client = connect()
    question = f"Revoke the token {token} of {name}? Whatever uses it is refused from then on."
    if not yes and console.can_ask and not console.confirm(question):
        console.note("Nothing was revoked.")
        raise typer.Exit(1)
    done = client.send("DELETE", user_path(name, "tokens", token))
    if json:
        print_json(done)
    else:
        console.print(f"token {token} of {name} revoked")
