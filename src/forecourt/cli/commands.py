"""Where the commands are, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from forecourt.cli.invocation import invocation
from forecourt.errors import ForecourtError, ProgramFailed, from_os_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECTIONS: dict[str, dict[str, str]] = {
    "Start here": {"demo": "demo"},
    "The server": {"up": "server", "down": "server", "status": "server", "users": "users", "storage": "storage"},
    "Projects": {"projects": "projects", "connections": "connections", "hardware-profiles": "hardware"},
    "ModelCars": {"import": "importing", "modelcar": "modelcar"},
    "Model catalog": {"catalog": "catalog"},
    "Model registry": {"registry": "registry"},
    "Serving runtimes": {"runtimes": "runtimes"},
    "Deployments": {
        "fit": "fit",
        "deploy": "deploy",
        "get": "get",
        "describe": "describe",
        "logs": "logs",
        "metrics": "metrics",
        "chat": "chat",
        "start": "lifecycle",
        "stop": "lifecycle",
        "restart": "lifecycle",
        "scale": "scale",
        "rollout": "rollout",
        "rollback": "rollback",
        "tokens": "tokens",
        "apply": "apply",
        "edit": "edit",
        "delete": "delete",
    },
}
"""Every command, under its section of the help, with the module in this package that has it in its `app`."""

GROUPS = frozenset(
    {
        "modelcar",
        "catalog",
        "registry",
        "projects",
        "connections",
        "hardware-profiles",
        "runtimes",
        "rollout",
        "tokens",
        "users",
        "storage",
    }
)
"""The commands that have commands of their own: all of their module's `app`."""

_CRASHED = 70  # EX_SOFTWARE of sysexits.h
_PIPE_CLOSED = 141  # what a shell says of a program that SIGPIPE ended
_ISSUES = "https://github.com/forecourt/forecourt/issues"


class Commands(TyperGroup):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the help."""
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the module that has the command, and return it; None where there is none of that name."""
        for section in SECTIONS.values():
            if module := section.get(cmd_name):
                group = get_group(import_module(f"forecourt.cli.{module}").app)
                group.name = cmd_name
                return _plain(group if cmd_name in GROUPS else group.commands[cmd_name])
        return None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the arguments name; for a name that is none, say what may have been meant."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            close = get_close_matches(args[0], known)
            meant = f" Did you mean {' or '.join(close)}?" if close else ""
            ctx.fail(f"There is no command {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the help's list of commands, by section."""
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, self.get_command(ctx, name).get_short_help_str(90)) for name in section])

    def invoke(self, ctx: Any) -> Any:
        """Run a command; tell its errors."""
        try:
            return super().invoke(ctx)
        except ForecourtError as error:
            if invocation.debug:
                raise
            tell(error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            typer.echo(err=True)
            raise typer.Exit(130) from error
        except BrokenPipeError as error:
            # Whoever read our output has gone; the interpreter's last flush must not complain about it either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(_PIPE_CLOSED) from error
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if invocation.debug or _is_usage_error(error):
                raise
            known = from_os_error(error, error.filename) if isinstance(error, OSError) and error.filename else None
            if known:
                tell(known)
                raise typer.Exit(known.exit_code) from error
            _tell_crash(error)
            raise typer.Exit(_CRASHED) from error
        finally:
            invocation.at_end.close()


def _plain(command: Any) -> Any:
    """Have a command's help printed as plain text, which a page, a pipe and a narrow terminal can show."""
    command.rich_markup_mode = None
    for child in getattr(command, "commands", {}).values():
        _plain(child)
    return command


def run(app: typer.Typer) -> None:
    """Run the command line, and end the process with its exit code."""
    if hasattr(sys.stdout, "reconfigure"):
        # A name that the terminal's encoding lacks is no reason to fail.
        sys.stdout.reconfigure(errors="replace")
    try:
        app(prog_name="forecourt")
    except Exception as error:
        # What broke before a command began, or while the shell asked for completions, which must get no answer.
        if invocation.debug:
            raise
        if not any(name.endswith("_COMPLETE") for name in os.environ):
            _tell_crash(error)
        sys.exit(_CRASHED)


def tell(error: ForecourtError) -> None:
    """Say an error on standard error: what went wrong, a program's last lines, and what to do next."""
    lines = [f"error: {error.message}"]
    if isinstance(error, ProgramFailed):
        lines += [f"  | {line}" for line in error.last_lines]
    if error.hint:
        lines += [f"hint: {error.hint}"]
    typer.echo("\n".join(lines), err=True)


def _is_usage_error(error: Exception) -> bool:
    """Say whether the parser raised it, which tells it itself: Typer shows it with the command's usage."""
    return hasattr(error, "exit_code") and hasattr(error, "show")


def _tell_crash(error: Exception) -> None:
    tell(
        ForecourtError(
            f"Something broke inside Forecourt: {type(error).__name__}: {error}",
            hint=f"The details are in {_write_crash(error)}. Please report it with that file at {_ISSUES}.",
        )
    )


def _write_crash(error: Exception) -> Path:
    """Write the details of a defect below FORECOURT_HOME, or where that cannot be written, aside."""
    import platform
    import tempfile
    import time
    import traceback
    from pathlib import Path

    from forecourt import __version__
    from forecourt.cli.invocation import settings

    # Arguments may carry secrets (--env TOKEN=…), so only the command itself is written.
    words = [word for word in sys.argv[1:3] if word.isalnum()]
    text = "".join(traceback.format_exception(error))
    about = f"forecourt {__version__}, Python {platform.python_version()}, {platform.platform()}\n{words}\n\n"
    name = time.strftime("crash-%Y%m%d-%H%M%S.txt")
    directories: list[Callable[[], Path]] = [
        lambda: settings().crashes,
        lambda: Path(tempfile.mkdtemp(prefix="forecourt-")),
    ]
    for directory in directories:
        try:
            path = directory() / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(about + text)
        except (OSError, ForecourtError):
            continue
        return path
    return Path(os.devnull)
