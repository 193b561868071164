"""``forecourt catalog deploy``: ``forecourt deploy`` for a model of the catalog."""

from __future__ import annotations

from typing import Any

import typer

from forecourt.cli import deploy as deploying
from forecourt.cli.catalog.names import SCHEME, ModelArgument
from forecourt.cli.options import options_of, with_options

app = typer.Typer()


@app.command()
@with_options(options_of(deploying.deploy))
def deploy(model: ModelArgument, **options: Any) -> None:
    """Serve a model of the catalog, and wait until it answers.

    What its tool calling needs of vLLM is among its arguments; --arg for the same option takes its place. It is the
    same as forecourt deploy catalog://MODEL.
    """
    deploying.deploy(SCHEME + model.removeprefix(SCHEME), **options)
