"""``forecourt deploy``: a model's URI becomes an `InferenceService`, and that a model that answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from forecourt.cli.completion import complete_connection, complete_image, complete_profile
from forecourt.cli.options import WAIT_SECONDS, ChangeCause, Namespace, Runtime, Timeout, Wait
from forecourt.cli.output import Output, OutputOption, console, print_document
from forecourt.cli.scale import MaxReplicas, MinReplicas, Window

app = typer.Typer()

Document = dict[str, Any]


@app.command()
def deploy(
    uri: Annotated[
        str | None,
        typer.Argument(
            metavar="URI",
            help="The model: oci://registry/repository:tag, hf://owner/model, s3://bucket/path, https://…, "
            "model-registry://MODEL/VERSION or catalog://MODEL. Not needed where --connection says it.",
            autocompletion=complete_image,
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the deployment; by default the model's last word.")
    ] = None,
    namespace: Namespace = "default",
    connection: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A connection of the project, which opens the way to the model.",
            autocompletion=complete_connection,
        ),
    ] = None,
    path: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where the model is in the bucket of the connection.")
    ] = None,
    model_format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="Format of the model; by default what its image or its URI says."),
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Fetch only such files, as '*Q8_0*'; repeatable.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Leave such files out, as 'onnx/*'; repeatable.")
    ] = None,
    runtime: Runtime = None,
    arg: Annotated[
        list[str] | None,
        typer.Option(metavar="ARG", help="An argument for the runtime, --arg=--threads=2; repeatable."),
    ] = None,
    no_args: Annotated[bool, typer.Option("--no-args", help="With --update: take away the arguments it has.")] = False,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A variable for the runtime, KEY- takes it away; repeatable."),
    ] = None,
    hardware_profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What it gets of the hardware.", autocompletion=complete_profile),
    ] = None,
    cpu: Annotated[str | None, typer.Option(metavar="QUANTITY", help="CPUs of a replica, as 2 or 500m.")] = None,
    memory: Annotated[str | None, typer.Option(metavar="QUANTITY", help="Memory of a replica, as 4Gi.")] = None,
    replicas: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="How many copies answer; 1 unless said.")
    ] = None,
    min_replicas: MinReplicas = None,
    max_replicas: MaxReplicas = None,
    scale_target: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="Requests at a time that are right for one replica.")
    ] = None,
    scale_window: Window = None,
    expose: Annotated[
        bool | None, typer.Option("--expose/--no-expose", help="Answer other machines too.", show_default=False)
    ] = None,
    require_token: Annotated[
        bool | None,
        typer.Option(
            "--require-token/--no-require-token",
            help="Ask for a token; one is made and shown at the end.",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of that token, for who uses it; asks for one too.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="rolling|recreate", help="Whether the old ends after the new is ready.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Change a deployment that is there; what is not said stays.")
    ] = False,
    canary: Annotated[
        int | None,
        typer.Option(
            metavar="PERCENT", min=0, max=100, help="Update, and give the new revision this share of the requests."
        ),
    ] = None,
    change_cause: ChangeCause = None,
    wait: Wait = True,
    timeout: Timeout = WAIT_SECONDS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the object, and what it would need.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Serve a model: fetch it, choose a runtime by its format, start it, and wait until it answers.

    With --update the same command rolls a new model out to a deployment that is there; with --canary to a share of the
    requests, until forecourt rollout promote or forecourt rollback ends that.
    """
    from forecourt.cli.arguments import variable
    from forecourt.cli.resolving import deployable
    from forecourt.cli.wishes import Wishes
    from forecourt.errors import InvalidInput
    from forecourt.serving.deployable import Deployable
    from forecourt.serving.deployable import named as name_of

    update = update or canary is not None
    if not (uri or connection or path or (name and update)):
        raise InvalidInput(
            "There is no model to deploy.", hint="Say its URI, or --connection NAME with --path PATH for a bucket."
        )
    if uri and path:
        raise InvalidInput("A URI and --path do not go together.", hint="Say s3://bucket/path, or --path alone.")
    if path and not connection and not update:
        raise InvalidInput("A path needs the bucket that it is in.", hint="Say which connection: --connection NAME.")
    model = deployable(uri) if uri else _through(namespace, connection, path) if connection else Deployable("")
    if token is not None and require_token is False:
        raise InvalidInput("--token and --no-require-token do not go together.", hint="Leave one of them out.")
    wishes = Wishes(
        runtime=runtime,
        replicas=replicas,
        least=min_replicas,
        most=max_replicas,
        target=scale_target,
        window=scale_window,
        args=_with(model.args, arg or []),
        no_args=no_args,
        env=dict(map(variable, env or [])),
        cpu=cpu,
        memory=memory,
        connection=connection,
        path=path,
        profile=hardware_profile,
        exposed=expose,
        protected=True if token is not None else require_token,
        strategy=strategy,
        canary=canary,
        allow=allow or [],
        ignore=ignore or [],
        cause=change_cause,
    )
    wishes.change()  # which refuses what cannot be, before a registry is asked anything
    named = name or name_of(model.title or path or model.uri or "")
    document = None
    if model.uri or path:
        document = compose(
            model.uri,
            named,
            namespace,
            labels=model.labels,
            display_name=model.title if not name else None,
            runtime=runtime,
            args=wishes.args,
            cpu=cpu,
            memory=memory,
            model_format=model_format or model.model_format or (_format_of(model.uri or path or "")),
        )

    if document and hardware_profile and not runtime:
        from forecourt.cli.matching import matching_runtime

        if chosen := matching_runtime(document, hardware_profile, namespace, offline=dry_run):
            document["spec"]["predictor"]["model"]["runtime"] = chosen
    if dry_run and not update and document:
        from forecourt.cli.fit import note
        from forecourt.objects import merged

        document = merged(document, wishes.change())
        print_document(document, Output.JSON if output is Output.JSON else Output.YAML)
        note(document, namespace)
        return

    from forecourt.cli.connection import connect
    from forecourt.cli.deployed import Making

    making = Making(connect(), namespace, named, token or ("" if require_token else None))
    if update or document is None:
        made = making.updated(document, wishes, dry_run=dry_run)
    else:
        made = making.created(document, wishes)
    if dry_run:
        print_document(made, Output.JSON if output is Output.JSON else Output.YAML)
        return
    making.tell(made, timeout if wait else None, output)


def compose(
    uri: str,
    name: str,
    namespace: str,
    *,
    runtime: str | None = None,
    args: Sequence[str] = (),
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

    return serving.compose(
        name,
        uri,
        namespace=namespace,
        model_format=model_format or _format_of(uri),
        runtime=runtime,
        args=args,
        cpu=cpu,
        memory=memory,
        labels=labels,
        display_name=display_name,
    ).to_dict()


def _through(namespace: str, connection: str, path: str | None) -> Any:
    """Return the model that a connection leads to: its own URI, or nothing more than it where a path says the rest."""
    from forecourt.cli.connection import connect
    from forecourt.cli.connections.options import read
    from forecourt.cli.connections.values import shown
    from forecourt.errors import InvalidInput
    from forecourt.serving.deployable import Deployable

    if path:
        return Deployable("")  # the server checks the connection
    values = shown(read(connect(), namespace, connection))
    uri = values.get("URI") or values.get("https-host") or ""
    if not uri:
        is_bucket = "AWS_S3_ENDPOINT" in values
        raise InvalidInput(
            f"The connection {connection} does not say where the model is.",
            hint="Say --path PATH, where it is in the bucket." if is_bucket else "Say the model's URI too.",
        )
    return Deployable(uri)


def _with(needed: Sequence[str], said: Sequence[str]) -> list[str]:
    """Return a model's own arguments and those that a person says, which come before its own for the same option."""
    from forecourt.catalog.toolcalling import option

    instead = set(map(option, said))
    kept = [each for each in needed if option(each) not in instead]
    if kept:
        console.note(f"The model asks for {' '.join(kept)}")
    return [*kept, *said]


def _format_of(uri: str) -> str:
    from forecourt.cli.model_formats import format_of

    return format_of(uri)
