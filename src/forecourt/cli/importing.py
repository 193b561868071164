"""``forecourt import``: a model from a bucket, a hub or the web becomes a ModelCar, is pushed and registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.options import Namespace
from forecourt.cli.output import JsonOption, console

if TYPE_CHECKING:
    from forecourt.importing import Imported

app = typer.Typer()


def _text(metavar: str, text: str, *names: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, show_default=False)


@app.command(name="import")
def import_(
    uri: Annotated[
        str,
        typer.Argument(
            metavar="URI",
            help="hf://owner/model[:revision], s3://bucket/path, https://…, pvc://name/path, catalog://… or a path.",
        ),
    ],
    register: Annotated[bool, typer.Option("--register", help="Push it, and register it in the registry.")] = False,
    push: Annotated[bool, typer.Option("--push", help="Push it to its registry.")] = False,
    name: Annotated[str, _text("MODEL", "Name of the model; by default the URI's last word.")] = "",
    version: Annotated[str, _text("VERSION", "Name of the version; by default the tag, else v1, v2, …")] = "",
    tag: Annotated[
        str, _text("REFERENCE", "Name of the image; by default one in the embedded registry.", "--tag", "-t")
    ] = "",
    allow: Annotated[
        list[str] | None, _text("PATTERN", "Take only such files, as '*Q8_0*'; may be repeated.", "--allow")
    ] = None,
    ignore: Annotated[
        list[str] | None, _text("PATTERN", "Leave such files out, as 'onnx/*'; may be repeated.", "--ignore")
    ] = None,
    allow_pickle: Annotated[
        list[str] | None, _text("NAME", "Pack this pickle all the same; may be repeated.", "--allow-pickle")
    ] = None,
    model_format: Annotated[
        str, _text("FORMAT", "Format of the model, where the files do not show it.", "--format")
    ] = "",
    base: Annotated[str, _text("IMAGE", "Image to put the model on, so that KServe's sidecar runs.")] = "",
    connection: Annotated[str, _text("NAME", "Connection of the project that opens the way to it.")] = "",
    namespace: Namespace = "default",
    json: JsonOption = False,
) -> None:
    """Fetch a model, pack it as a ModelCar, push it and register it, with where it comes from.

    Run again, it moves what has changed and nothing else, and registers the same files once. Who you are to a bucket or
    a hub is said by a connection, or by the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL;
    HF_TOKEN.
    """
    from forecourt.cli.client import person
    from forecourt.cli.credentials import credentials_of
    from forecourt.cli.invocation import settings
    from forecourt.cli.machine import this_machine
    from forecourt.cli.progress import progress_bars
    from forecourt.cli.resolving import deployable
    from forecourt.importing import Import, Machine, Wish

    credentials = credentials_of(namespace, connection)
    client, registry = _server(needed=push or register)
    uri = _source(deployable(uri).uri)
    mine = settings()
    wish = Wish(
        uri,
        register,
        push,
        name,
        version,
        tag,
        allow=allow or [],
        ignore=ignore or [],
        allow_pickle=allow_pickle or [],
        model_format=model_format,
        base=base,
    )
    with this_machine() as here, progress_bars() as progress:
        machine = Machine(**here.parts, models=mine.models, volumes=mine.volumes, registry=registry)
        made = Import(wish, machine, client, credentials, person(), progress).run()
    if left_out := made.found.left_out:
        some = ", ".join(left_out[:3]) + (" …" if len(left_out) > 3 else "")
        console.note(f"Left out {len(left_out)} files ({some}). To choose: --allow PATTERN")
    _show(uri, made, json=json)


def _server(*, needed: bool) -> tuple[Any, str]:
    """Return the server's client, and the embedded registry's host: of a server that does not run, what it would be."""
    from forecourt.cli.connection import connect, find
    from forecourt.cli.invocation import settings

    mine = settings()
    if needed:
        connect()  # which may start one
    if found := find(mine):
        return found[0], found[1].registry
    return None, f"localhost:{mine.registry_port or 5000}"


def _source(uri: str) -> str:
    """Return the URI, a path as an absolute one; raises `InvalidInput` for an image, which needs no import."""
    from pathlib import Path

    from forecourt.importing import refuse_image

    if "://" not in uri:
        return Path(uri).expanduser().absolute().as_uri()
    refuse_image(uri)
    return uri


def _show(uri: str, made: Imported, *, json: bool) -> None:
    from forecourt.cli.images import document
    from forecourt.cli.output import print_json, size

    found, car, registered, pushed = made.found, made.car, made.registered, made.pushed
    reference = f"oci://{car.reference}"
    shown = f"{registered['registeredModel']}/{registered['modelVersion']}" if registered else ""
    following = (
        f"forecourt deploy model-registry://{shown}"
        if registered
        else f"forecourt deploy {reference}"
        if pushed
        else f"forecourt modelcar push {car.reference}"
    )
    if json:
        said = {
            "uri": uri,
            "source": found.source or uri,
            "revision": found.revision,
            "movedBytes": found.moved,
            "leftOut": list(found.left_out),
            "image": document(car),
            "pushed": pushed,
            "registered": registered,
            "next": following,
        }
        print_json(said)
        return
    new = registered and registered.get("new")
    console.print(f"Imported {found.source or uri}")
    rows = {
        "Revision": found.revision,
        "Moved": size(found.moved) if found.moved else "nothing, it was here",
        "Image": f"{car.reference}  ({'pushed' if pushed else 'on this machine'})",
        "Digest": car.digest,
        "Format": car.info.format,
        "Size": size(car.info.size),
        "Registered": f"{shown}{'' if new else '  (it was already)'}" if shown else "",
    }
    for key, value in rows.items():
        if value:
            console.print(f"{key + ':':14}{value}")
    console.note(f"\n{'Serve it' if registered or pushed else 'Push it'}: {following}")
