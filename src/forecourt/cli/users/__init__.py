"""``forecourt users``: who may sign in, what they may do, and their tokens."""

from __future__ import annotations

import typer

from forecourt.cli.users import changing, listing, tokens

app = typer.Typer(
    no_args_is_help=True,
    help="Users of this server: who may sign in, and what they may do.",
    epilog="Before there is a user, nobody is asked who they are. The first one must be an administrator.",
)
for part in (listing, changing):
    app.registered_commands += part.app.registered_commands
app.add_typer(tokens.app, name="tokens")
