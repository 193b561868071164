"""What holds for one run of the command line: the global options and the settings."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecourt.settings import Settings


@dataclass(slots=True)
class Invocation:
    """The global options of this run, and what is to be closed at its end."""

    quiet: bool = False
    debug: bool = False
    at_end: ExitStack = field(default_factory=ExitStack)


invocation = Invocation()


def begin(*, home: str | None, quiet: bool, debug: bool) -> None:
    """Take the global options; `home` goes into the environment, for `settings` and for every child process."""
    invocation.quiet, invocation.debug = quiet, debug
    if home:
        os.environ["FORECOURT_HOME"] = home


def settings(**given: Any) -> Settings:
    """Return the settings in force; `given` are a command's options, and None among them means not given.

    Raises `InvalidInput` where an environment variable or an option has a value that cannot be.
    """
    from pydantic import ValidationError

    from forecourt.errors import InvalidInput
    from forecourt.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InvalidInput(
            f"{first['input']!r} cannot be the setting {name}: {first['msg'][:1].lower()}{first['msg'][1:]}.",
            hint=f"It comes from --{name.replace('_', '-')} or the environment variable FORECOURT_{name.upper()}.",
        ) from error
