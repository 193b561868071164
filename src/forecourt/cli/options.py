"""Options and arguments that several commands have, each with how the shell completes it."""

from __future__ import annotations

from typing import Annotated

import typer

from forecourt.cli.completion import complete_deployment, complete_runtime

Namespace = Annotated[str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Namespace of the deployment.")]
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
Filename = Annotated[
    list[str], typer.Option("--filename", "-f", metavar="FILE", help="A file, a directory of files, or - for stdin.")
]

WAIT_SECONDS = 600.0  # as long as a replica may take, KServe's progressDeadlineSeconds
