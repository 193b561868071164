"""``forecourt users add``, ``set-password``, ``set-role``, ``disable``, ``enable``, ``remove``."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from forecourt.cli.options import Yes
from forecourt.cli.output import JsonOption, console, print_json
from forecourt.cli.users.listing import USERS, UserName, user_path

app = typer.Typer()


class UserRole(StrEnum):
    """What a user may do."""

    ADMINISTRATOR = "administrator"
    USER = "user"
    VIEWER = "viewer"


RoleOption = Annotated[
    UserRole,
    typer.Option(
        help="administrator: everything; user: projects of their own and those they have a role in; viewer: only see."
    ),
]
GroupOption = Annotated[
    list[str] | None, typer.Option("--group", metavar="GROUP", help="A group that they are in; may be repeated.")
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input; without it one is made.")
]


@app.command()
def add(
    name: UserName,
    display_name: Annotated[str, typer.Option(metavar="TEXT", help="What people call them.")] = "",
    role: RoleOption = UserRole.USER,
    group: GroupOption = None,
    password_stdin: PasswordStdin = False,
    json: JsonOption = False,
) -> None:
    """Create a user. The password that is made for them is shown this once.

    From the first user on, who must be an administrator, everybody has to sign in.
    """
    from forecourt.cli.connection import connect

    body: dict[str, Any] = {"name": name, "displayName": display_name, "role": role.value, "groups": group or []}
    if password_stdin:
        body["password"] = _read_password()
    made = connect().post(USERS, body)
    if json:
        print_json(made)
        return
    console.print(f"user {name} created")
    _show_password(made)


@app.command(name="set-password")
def set_password(name: UserName, password_stdin: PasswordStdin = False, json: JsonOption = False) -> None:
    """Give a user another password and sign them out everywhere. One that is made is shown this once."""
    from forecourt.cli.connection import connect

    body = {"password": _read_password()} if password_stdin else {}
    done = connect().post(user_path(name, "password"), body)
    if json:
        print_json(done)
        return
    console.print(f"user {name} has a new password")
    _show_password(done)


@app.command(name="set-role")
def set_role(
    name: UserName,
    role: Annotated[UserRole, typer.Argument(metavar="ROLE", help="administrator, user or viewer.")],
    group: GroupOption = None,
    json: JsonOption = False,
) -> None:
    """Change what a user may do, and the groups that they are in where some are said; it holds at once."""
    body = {"role": role.value} | ({"groups": group} if group is not None else {})
    _changed(name, body, f"user {name} has the role {role.value}", json)


@app.command()
def disable(name: UserName, json: JsonOption = False) -> None:
    """Have a user be signed out everywhere, and not sign in any more; nothing of theirs is lost."""
    _changed(name, {"disabled": True}, f"user {name} disabled", json)


@app.command()
def enable(name: UserName, json: JsonOption = False) -> None:
    """Have a user that was disabled sign in again."""
    _changed(name, {"disabled": False}, f"user {name} enabled", json)


@app.command()
def remove(name: UserName, yes: Yes = False, json: JsonOption = False) -> None:
    """Delete a user with their sessions, tokens and roles in projects. What they made stays.

    With the very last user, nobody has to sign in any more.
    """
    from forecourt.cli.connection import connect

    client = connect()
    lost = client.get(user_path(name))
    if not yes and console.can_ask:
        roles = ", ".join(f"{one['role']} in {one['project']}" for one in lost["projects"]) or "none"
        console.note(f"With {name} go {lost['tokens']} tokens, {lost['sessions']} sessions and these roles: {roles}.")
        if not console.confirm(f"Delete the user {name}?"):
            console.note("Nothing was deleted.")
            raise typer.Exit(1)
    done = client.send("DELETE", user_path(name))
    if json:
        print_json(done)
    else:
        console.print(f"user {name} deleted")


def _changed(name: str, body: dict[str, Any], said: str, json: bool) -> None:
    from forecourt.cli.connection import connect

    done = connect().send("PATCH", user_path(name), body)
    if json:
        print_json(done)
    else:
        console.print(said)


def _read_password() -> str:
    if sys.stdin.isatty():
        said: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return said
    return sys.stdin.readline().rstrip("\r\n")


def _show_password(made: dict[str, Any]) -> None:
    if password := made.get("password"):
        console.print(password)
        console.note("The password is shown this once. They can change it under their name, at the top of every page.")
