"""Options and arguments that several commands have, each with how the shell completes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from forecourt.cli.completion import complete_deployment, complete_project, complete_runtime

Namespace = Annotated[
    str,
    typer.Option(
        "--namespace", "-n", metavar="PROJECT", help="The project (namespace).", autocompletion=complete_project
    ),
]
DeploymentName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the deployment.", autocompletion=complete_deployment)
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Return only when it is done.")]
Timeout = Annotated[
    float, typer.Option(metavar="SECONDS", help="How long to wait, in seconds.", min=0, show_default=True)
]
Runtime = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Serving runtime; by default chosen by format.", autocompletion=complete_runtime),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
ChangeCause = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Why, as `forecourt rollout history` shows it (kubernetes.io/change-cause)."),
]
Filename = Annotated[
    list[str], typer.Option("--filename", "-f", metavar="FILE", help="A file, a directory of files, or - for stdin.")
]


class FieldValidation(StrEnum):
    """What becomes of fields that nobody knows, or that are there twice."""

    STRICT = "strict"
    WARN = "warn"
    IGNORE = "ignore"

    @property
    def level(self) -> str:
        """What the API is asked for."""
        return self.value.capitalize()


Validate = Annotated[
    FieldValidation,
    typer.Option("--validate", help="What is done about fields that are misspelled, or there twice."),
]

WAIT_SECONDS = 600.0  # as long as a replica may take, KServe's progressDeadlineSeconds

Command = TypeVar("Command", bound=Callable[..., Any])


def with_options(options: Iterable[inspect.Parameter]) -> Callable[[Command], Command]:
    """Give a command that takes keyword arguments these options, behind its first parameter."""

    def give(command: Command) -> Command:
        said = inspect.signature(command, eval_str=True)
        own = [one for one in said.parameters.values() if one.kind is not one.VAR_KEYWORD]
        named = [one.replace(kind=one.KEYWORD_ONLY) for one in (*own[:1], *options, *own[1:])]
        setattr(command, "__signature__", said.replace(parameters=named))  # noqa: B010 - a function has no such field
        return command

    return give


def options_of(command: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the options of a command, without its first parameter, for another command to have as well."""
    return list(inspect.signature(command, eval_str=True).parameters.values())[1:]
