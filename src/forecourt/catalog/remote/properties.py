"""What a source's ``properties`` say, read with care: a wrong one is named, with what belongs there."""

from __future__ import annotations

import re

from forecourt.catalog.model import Loading, SourceDefinition
from forecourt.catalog.remote.addresses import check_url
from forecourt.errors import InvalidInput

_SECRET = re.compile(r"[\x21-\x7e]{1,4096}")


def text(source: SourceDefinition, name: str, default: str = "") -> str:
    """Return a property that is text; raises `InvalidInput`."""
    value = source.properties.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise _wrong(source, name, value, "It is text.")
    return value.strip() or default


def url(source: SourceDefinition, default: str = "") -> str:
    """Return the property ``url``, without a slash at its end; raises `InvalidInput`."""
    value = text(source, "url", default)
    if not value:
        raise InvalidInput(f"The source {source.id} has no url.", hint="Say in its properties where it is.")
    return check_url(value)


def count(source: SourceDefinition, name: str, default: int) -> int:
    """Return a property that is a number from 0, which may be written as text; raises `InvalidInput`."""
    value = source.properties.get(name)
    if value is None:
        return default
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**9:
        raise _wrong(source, name, value, "It is a whole number; 0 stands for no limit.")
    return value


def flag(source: SourceDefinition, name: str) -> bool:
    """Return a property that is true or false; raises `InvalidInput`."""
    value = source.properties.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _wrong(source, name, value, "It is true or false.")


def texts(source: SourceDefinition, name: str) -> tuple[str, ...]:
    """Return a property that is a list of texts, or one text; raises `InvalidInput`."""
    value = source.properties.get(name)
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple | None) or not all(isinstance(each, str) for each in value or ()):
        raise _wrong(source, name, value, "It is a list of texts.")
    return tuple(each.strip() for each in value or () if each.strip())


def token(source: SourceDefinition, loading: Loading, prefix: str, *, default: bool = False) -> str:
    """Return the token that ``apiKeyEnvVar`` names, or nothing where the environment has none.

    Only variables that are called `prefix`, or begin with it and ``_``, may be named: a source must not carry away what
    else is in the server's environment. With `default`, the variable `prefix` is meant where none is named. Raises
    `InvalidInput`.
    """
    name = text(source, "apiKeyEnvVar", prefix if default else "")
    if name and not re.fullmatch(rf"{prefix}(_[A-Za-z0-9_]+)?", name):
        raise InvalidInput(
            f"The source {source.id} may not use the environment variable {name!r}.",
            hint=f"Its name has to be {prefix}, or to begin with {prefix}_.",
        )
    return secret(loading.environment.get(name, ""), f"The environment variable {name}") if name else ""


def secret(value: str, what: str) -> str:
    """Return a token that can be sent in a header; raises `InvalidInput`, which does not show it."""
    value = value.strip()
    if value and not _SECRET.fullmatch(value):
        raise InvalidInput(f"{what} holds no token: a token has no spaces and no special characters.")
    return value


def _wrong(source: SourceDefinition, name: str, value: object, hint: str) -> InvalidInput:
    return InvalidInput(f"The property {name} of the source {source.id} cannot be {value!r}.", hint=hint)
