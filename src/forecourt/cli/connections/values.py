"""What a person says a connection to be: on the command line, in files, at a prompt, through the environment or a pipe.

A value that is hidden is never echoed, and need never be among the arguments, which a shell remembers and other people
on the machine can list.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from forecourt.cli.output import console
from forecourt.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from forecourt.projects import ConnectionType, Field

_LARGEST = 1024 * 1024  # bytes of a file, as of all values of a secret


def said(kind: ConnectionType, pairs: Iterable[str], files: Iterable[str]) -> tuple[dict[str, str], list[Field]]:
    """Read ``KEY=VALUE`` and ``KEY=PATH``; return the values, and the fields of which only the KEY was said.

    Raises `InvalidInput` for a key that the type does not have, `NotFound` for a file that is not there.
    """
    values: dict[str, str] = {}
    asked = []
    for text in pairs:
        key, equals, value = text.partition("=")
        field = _field(kind, key, "--set")
        if not equals:
            asked.append(field)
            continue
        values[key] = value
        if field.secret and value:
            console.warn(
                f"{key} is hidden, and now in the shell's history.\n"
                f"hint: Say --set {key} without a value: it is asked for, or read from ${_variable(field)} or stdin."
            )
    for text in files:
        key, equals, path = text.partition("=")
        _field(kind, key, "--from-file")
        if not equals or not path:
            raise InvalidInput(f"--from-file {text!r} is no KEY=PATH.", hint=f"Write --from-file {key}=./file")
        values[key] = _contents(path)
    return values, asked


def asked_for(fields: Iterable[Field], *, optional: bool = False) -> dict[str, str]:
    """Ask for values: at a prompt on a terminal, or else in the environment, and then on standard input.

    What is not given is left out, for the server to say what is missing. With `optional`, a person who only presses
    Enter leaves a value out.
    """
    if console.can_ask:
        return {one.variable: value for one in fields if (value := _prompt(one, optional=optional))}
    values, missing = {}, []
    for one in fields:
        if value := os.environ.get(one.variable, ""):
            console.note(f"{one.variable} is taken from the environment.")
            values[one.variable] = value
        else:
            missing.append(one)
    if missing and not sys.stdin.isatty():
        values |= _piped(missing)
    if left := [one for one in missing if one.variable not in values and one.required]:
        names = ", ".join(one.variable for one in left)
        raise InvalidInput(
            f"There is no value for {names}, and no terminal to ask for it.",
            hint=f"Set ${_variable(left[0])}, pipe the value in, or say --from-file {left[0].variable}=PATH.",
        )
    return values


def _prompt(field: Field, *, optional: bool) -> str:
    title = f"{field.name} ({field.variable}){'' if field.required else ', Enter for none'}"
    if field.type == "file":
        path = str(typer.prompt(f"Path of a file with {title}", default="", show_default=False, err=True)).strip()
        return _contents(path) if path else ""
    default = "" if optional or not field.required else None
    answer: str = typer.prompt(title, hide_input=field.secret, default=default, show_default=False, err=True)
    return answer


def _piped(fields: list[Field]) -> dict[str, str]:
    """Read standard input: all of it for one field, a line for each of several."""
    names = [one.variable for one in fields]
    console.note(f"Reading {', '.join(names)} from standard input{', a line each' if len(names) > 1 else ''}.")
    text = sys.stdin.read()
    lines = [text.rstrip("\r\n")] if len(names) == 1 else text.splitlines()
    return {name: line for name, line in zip(names, lines, strict=False) if line}


def _field(kind: ConnectionType, key: str, option: str) -> Field:
    known = {one.variable: one for one in kind.fields if one.variable}
    if key not in known:
        raise InvalidInput(
            f"{option}: the connection type {kind.name} has no {key!r}.",
            hint=f"It has {', '.join(known)}; see: forecourt connections types {kind.name}",
        )
    return known[key]


def _variable(field: Field) -> str:
    return field.variable.lstrip(".")


def _contents(path: str) -> str:
    if path == "-":
        return sys.stdin.read().rstrip("\r\n")
    file = Path(path).expanduser()
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.") from None
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None
    if len(data) > _LARGEST:
        raise InvalidInput(f"{file} has more than {_LARGEST} bytes.")
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is not a text file in UTF-8.") from None


def shown(secret: Mapping[str, object]) -> dict[str, str]:
    """Return the values of a secret that the server shows."""
    import base64

    data = secret.get("data")
    return {
        str(key): base64.b64decode(str(value)).decode(errors="replace")
        for key, value in (data if isinstance(data, dict) else {}).items()
    }
