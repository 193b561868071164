"""``MODEL``, as a person writes it, and a source's ID; where the server's catalog has them."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from forecourt.cli.catalog.completing import complete_model, complete_source

Document = dict[str, Any]

API = "/api/forecourt/v1/catalog"
SCHEME = "catalog://"

_MODEL = "A model: its name, the end of it, SOURCE/NAME or catalog://SOURCE/NAME."

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL, autocompletion=complete_model)]
SourceArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The source.", show_default=False, autocompletion=complete_source)
]
SourcesArgument = Annotated[
    list[str], typer.Argument(metavar="ID", help="The sources.", show_default=False, autocompletion=complete_source)
]


def uri_of(model: Document) -> str:
    """Return the URI of a model in the catalog."""
    return f"{SCHEME}{model['source']}/{model['name']}"


def short(name: str) -> str:
    """Return a model's name without who made it, which every command takes too."""
    return name.rpartition("/")[2] or name


def source_path(source_id: str) -> str:
    """Return where the API has a source."""
    return f"{API}/sources/{quote(source_id, safe='')}"
