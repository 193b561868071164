"""``forecourt users list`` and ``show``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forecourt.cli.output import JsonOption, console, pairs, print_json, print_table

app = typer.Typer()

Document = dict[str, Any]

USERS = "/api/forecourt/v1/users"

UserName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]


@app.command(name="list")
def list_users(json: JsonOption = False) -> None:
    """List the users, and what each may do."""
    from forecourt.cli.connection import connect
    from forecourt.cli.output import age

    found = connect().get(USERS)
    if json:
        print_json(found)
        return
    if not found["items"]:
        console.note("There is no user: everybody who reaches this server may do everything.")
        console.note("Create an administrator, and everybody signs in: forecourt users add NAME --role administrator")
        return
    print_table(
        ["Name", "Display name", "Role", "Groups", "Status", "Tokens", "Last used"],
        [
            [
                one["name"],
                one["displayName"],
                one["role"],
                ",".join(one["groups"]),
                "disabled" if one["disabled"] else "active",
                one["tokens"],
                f"{age(one['lastUsed'])} ago" if one["lastUsed"] else "never",
            ]
            for one in found["items"]
        ],
    )


@app.command()
def show(name: UserName, json: JsonOption = False) -> None:
    """Show a user, with the projects that they have a role in."""
    from forecourt.cli.connection import connect

    found = connect().get(user_path(name))
    if json:
        print_json(found)
        return
    roles = ", ".join(f"{one['project']} ({one['role']})" for one in found["projects"])
    for line in pairs(
        {
            "Name": found["name"],
            "Display name": found["displayName"],
            "Role": found["role"],
            "Groups": ", ".join(found["groups"]),
            "Status": "disabled" if found["disabled"] else "active",
            "Projects": roles,
            "Sessions": str(found["sessions"]),
            "Tokens": str(found["tokens"]),
            "Created": found["created"],
            "Last used": found["lastUsed"] or "never",
        },
        always=("Groups", "Projects"),
    ):
        console.print(line)


def user_path(name: str, *more: str) -> str:
    """Return where the API has a user."""
    from urllib.parse import quote

    return "/".join([USERS, *(quote(part, safe="") for part in (name, *more))])
