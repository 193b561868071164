"""The command line: ``forecourt``. Parses, calls a domain or the server's API, prints; holds no logic.

A command's module is imported when the command is asked for, and what is slow to import (httpx, rich's tables,
settings, the domains) inside the commands: the help and the shell's completion have to be there at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from forecourt import __version__
from forecourt.cli.commands import Commands, run

__all__ = ["app", "main"]

app = typer.Typer(
    name="forecourt",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"forecourt {__version__}")
        raise typer.Exit


@app.callback(epilog="Exit codes: 0 done, 1 failed, 2 bad input, 3 not found, 4 not available, 130 interrupted.")
def forecourt(
    home: Annotated[
        str | None,
        typer.Option(metavar="DIRECTORY", help="Where all state is kept.  [env var: FORECOURT_HOME]"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a Python traceback where something breaks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """An open, self-hosted home for validated models: pack them, serve them, ask them."""
    from forecourt.cli.invocation import begin

    begin(home=home, quiet=quiet, debug=debug)


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    run(app)
