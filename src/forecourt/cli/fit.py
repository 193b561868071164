"""``forecourt fit``: how much memory a model would need here, and whether it is there, before anything is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.completion import complete_image
from forecourt.cli.options import Namespace, Runtime
from forecourt.cli.output import JsonOption, console, print_json, print_table, size

if TYPE_CHECKING:
    from forecourt.settings import Settings

app = typer.Typer()

Document = dict[str, Any]

_PROFILE = "opendatahub.io/hardware-profile-name"
_PROFILE_NAMESPACE = "opendatahub.io/hardware-profile-namespace"
_APPS = "opendatahub"


@app.command()
def fit(
    uri: Annotated[
        str,
        typer.Argument(
            metavar="URI",
            help="The model: oci://registry/repository:tag, a directory, model-registry://MODEL/VERSION, catalog://MODEL.",
            autocompletion=complete_image,
        ),
    ],
    namespace: Namespace = "default",
    runtime: Runtime = None,
    replicas: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="How many copies would answer.")] = 1,
    arg: Annotated[
        list[str] | None,
        typer.Option(metavar="ARG", help="An argument for the runtime, --arg=--ctx-size=4096; repeatable."),
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A variable for the runtime; repeatable.")
    ] = None,
    memory: Annotated[str | None, typer.Option(metavar="QUANTITY", help="Memory limit of a replica, as 4Gi.")] = None,
    hardware_profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="A hardware profile, whose memory is the limit.")
    ] = None,
    model_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Format of the model; by default what its files say.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say what a model would need of memory, from its headers alone, and whether that is free.

    Nothing is pulled or started. The exit code is 0 where it fits, 1 where it does not. Where a server runs, what its
    deployments still have to take is not counted as free.
    """
    from forecourt.cli.arguments import variable
    from forecourt.cli.invocation import settings
    from forecourt.cli.resolving import deployable

    model = deployable(absolute(uri))
    mine = settings()
    document = _composed(
        model.uri,
        model_format or model.model_format or _format_of(model.uri, mine),
        namespace=namespace,
        runtime=runtime,
        replicas=replicas,
        args=[*model.args, *(arg or [])],
        env=dict(map(variable, env or [])),
        memory=memory,
    )
    if hardware_profile:
        notes = document["metadata"].setdefault("annotations", {})
        notes |= {_PROFILE: hardware_profile, _PROFILE_NAMESPACE: _APPS}
    told = ask(document, namespace, mine, needs_server=bool(hardware_profile))
    if json:
        print_json(told)
    else:
        show(told)
    if not told["fits"]:
        raise typer.Exit(1)


def absolute(uri: str) -> str:
    """Return a URI for what may be a path: ``file:///…`` for a file or directory that is there."""
    from pathlib import Path

    if "://" in uri:
        return uri
    return Path(uri).expanduser().absolute().as_uri()


def ask(document: Document, namespace: str, mine: Settings, *, needs_server: bool = False) -> Document:
    """Return what a deployment would need, as the server says where one runs; the same is computed here otherwise."""
    from forecourt.cli.connection import connect, find

    found = find(mine)
    if found or needs_server:
        client = found[0] if found else connect()
        told: Document = client.post(f"/api/forecourt/v1/namespaces/{namespace}/fit", document)
        return told
    from forecourt.oci import ContentStore, Repositories, clients
    from forecourt.serving import InferenceService
    from forecourt.serving.fit import structure_of
    from forecourt.serving.local import fit as fitting
    from forecourt.serving.runtimes import shipped_runtimes

    service = InferenceService.from_dict(document)
    store = ContentStore(mine.store)
    with clients(mine) as client_for:
        images = Repositories(mine.images, store)
        structure = structure_of(service.storage_uri, store=store, images=images, client_for=client_for)
    return fitting(service, shipped_runtimes(), structure)


def show(told: Document) -> None:
    """Print the items, then the sentence."""
    needs = told["needs"]
    rows = [(item["name"], size(item["bytes"]), item["note"] or "-") for item in needs["items"]]
    rows.append(
        ("all", size(needs["total"]), f"for each of {told['replicas']} replicas" if told["replicas"] > 1 else "-")
    )
    print_table(("memory", "size", "note"), rows)
    console.print()
    console.print(f"{told['runtime']}: {'fits' if told['fits'] else 'does not fit'}. {_capital(told['message'])}")
    if told["grows"]:
        console.print(f"It may take up to {size(told['grows'])} more where that is free, and does without otherwise.")
    for sentence in told["unknown"]:
        console.print(sentence)
    if told["hint"]:
        console.note(told["hint"])


def note(document: Document, namespace: str) -> None:
    """Say on standard error what a deployment would need; nothing where that cannot be known yet."""
    from forecourt.cli.invocation import settings
    from forecourt.errors import ForecourtError

    try:
        told = ask(document, namespace, settings())
    except ForecourtError as error:
        console.note(f"What it needs of memory is not known: {error.message}")
        return
    console.note(f"{'Fits' if told['fits'] else 'Does not fit'} this machine. {_capital(told['message'])}")
    for sentence in filter(None, [*told["unknown"], told["hint"]]):
        console.note(sentence)


def _composed(uri: str, model_format: str, **said: Any) -> Document:
    from forecourt import serving

    return serving.compose("fit", uri, model_format=model_format, **said).to_dict()


def _format_of(uri: str, mine: Settings) -> str:
    """Return the format that a model's files say, in a directory or an image."""
    if not uri.startswith("file://"):
        from forecourt.cli.model_formats import format_of

        return format_of(uri)
    from forecourt.errors import InvalidInput
    from forecourt.oci import ContentStore, Repositories, clients
    from forecourt.serving.fit import structure_of

    store = ContentStore(mine.store)
    with clients(mine) as client_for:
        images = Repositories(mine.images, store)
        found = structure_of(uri, store=store, images=images, client_for=client_for).format
    if not found:
        raise InvalidInput(f"What format the model at {uri} has is not known.", hint="Say it: --model-format gguf")
    return found


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
