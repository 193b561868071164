"""Asking before something is deleted that deployments may use."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from forecourt.cli.output import console
from forecourt.errors import InvalidInput


def confirm_deletion(what: str, users: Sequence[str], *, yes: bool, after: str) -> None:
    """Return where `what` (``the connection store``) is to be deleted, which deployments use.

    A person at a terminal is asked, and leaves the command with 1 by saying no. A script must say --yes where something
    uses it: raises `InvalidInput`, whose hint says what comes `after`.
    """
    if yes:
        return
    told = f"{what[0].upper()}{what[1:]} is used by {', '.join(users)}." if users else ""
    if console.can_ask:
        if told:
            console.note(told)
        if not console.confirm(f"Delete {what}?"):
            console.note("Nothing was deleted.")
            raise typer.Exit(1)
    elif told:
        raise InvalidInput(told, hint=f"Say --yes if it is to go all the same; {after}")
