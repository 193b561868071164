"""``forecourt deploy``: a model's URI becomes an `InferenceService`, and that a model that answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.completion import complete_image
from forecourt.cli.options import WAIT_SECONDS, Namespace, Runtime, Timeout, Wait
from forecourt.cli.output import Output, OutputOption, console, print_document

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]


@app.command()
def deploy(
    uri: Annotated[
        str,
        typer.Argument(
            metavar="URI",
            help="The model: oci://registry/repository:tag, model-registry://MODEL/VERSION or catalog://MODEL.",
            autocompletion=complete_image,
        ),
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the deployment; by default the image's last word.")
    ] = None,
    namespace: Namespace = "default",
    runtime: Runtime = None,
    replicas: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="How many copies answer.")] = 1,
    arg: Annotated[
        list[str] | None,
        typer.Option(metavar="ARG", help="An argument for the runtime, --arg=--threads=2; repeatable."),
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A variable for the runtime; repeatable.")
    ] = None,
    cpu: Annotated[str | None, typer.Option(metavar="QUANTITY", help="CPUs of a replica, as 2 or 500m.")] = None,
    memory: Annotated[str | None, typer.Option(metavar="QUANTITY", help="Memory of a replica, as 4Gi.")] = None,
    model_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Format of the model; by default what the image says.")
    ] = None,
    wait: Wait = True,
    timeout: Timeout = WAIT_SECONDS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the object, and what it would need.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Serve a model: pull it, choose a runtime by its format, start it, and wait until it answers."""
    from forecourt.cli.arguments import variable
    from forecourt.cli.resolving import deployable
    from forecourt.cli.resources import INFERENCE_SERVICE

    model = deployable(uri)
    document = compose(
        model.uri,
        name or _name_of(model.title or uri),
        namespace,
        labels=model.labels,
        display_name=model.title if not name else None,
        runtime=runtime,
        replicas=replicas,
        args=_with(model.args, arg or []),
        env=dict(map(variable, env or [])),
        cpu=cpu,
        memory=memory,
        model_format=model_format or model.model_format,
    )
    if dry_run:
        from forecourt.cli.fit import note

        print_document(document, Output.JSON if output is Output.JSON else Output.YAML)
        note(document, namespace)
        return

    from forecourt.cli.connection import connect

    client = connect()
    made = client.create(INFERENCE_SERVICE, namespace, document)
    if wait:
        from forecourt.cli.waiting import until_ready

        made = until_ready(client, namespace, made["metadata"]["name"], timeout)
    if output is Output.NAME:
        console.print(INFERENCE_SERVICE.qualified(made["metadata"]["name"]))
    elif output in {Output.JSON, Output.YAML}:
        print_document(made, output)
    else:
        _show(client, made, ready=wait)


def compose(
    uri: str,
    name: str,
    namespace: str,
    *,
    runtime: str | None = None,
    replicas: int = 1,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cpu: str | None = None,
    memory: str | None = None,
    model_format: str | None = None,
    labels: Mapping[str, str] | None = None,
    display_name: str | None = None,
) -> Document:
    """Return the object; without `model_format`, of the format that the model itself says.

    Raises `InvalidInput` where it cannot be, `NotFound` where there is no model to ask for its format.
    """
    from forecourt import serving
    from forecourt.cli.arguments import format_of

    return serving.compose(
        name,
        uri,
        namespace=namespace,
        model_format=model_format or format_of(uri),
        runtime=runtime,
        replicas=replicas,
        args=args,
        env=env or {},
        cpu=cpu,
        memory=memory,
        labels=labels,
        display_name=display_name,
    ).to_dict()


def _with(needed: Sequence[str], said: Sequence[str]) -> list[str]:
    """Return a model's own arguments and those that a person says, which come before its own for the same option."""
    from forecourt.catalog.toolcalling import option

    instead = set(map(option, said))
    kept = [each for each in needed if option(each) not in instead]
    if kept:
        console.note(f"The model asks for {' '.join(kept)}")
    return [*kept, *said]


def _name_of(uri: str) -> str:
    """Return the last word of what a URI names, without tag and digest, with - for what a name cannot have."""
    path = (uri.partition("://")[2] or uri).partition("@")[0].rstrip("/")
    return re.sub(r"[^a-z0-9]+", "-", path.rpartition("/")[2].partition(":")[0].lower()).strip("-")


def _show(client: Client, made: Document, *, ready: bool) -> None:
    metadata = made["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    scope = "" if namespace == "default" else f" -n {namespace}"
    if not ready:
        console.print(f"{name} is deployed; watch it with: forecourt get isvc {name} -w{scope}")
        return
    model = name if namespace == "default" else f"{namespace}/{name}"
    console.print(f"{name} is ready at {made['status']['url']}")
    console.note(f"""
Ask it:

  forecourt chat {name}{scope}

  curl {client.url}/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}], "max_tokens": 100}}'
""")
