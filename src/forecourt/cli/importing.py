"""``forecourt import``: a model from a bucket, a hub or the web becomes a ModelCar, is pushed and registered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.image_names import ImageName, tag_of
from forecourt.cli.machine import Machine
from forecourt.cli.options import Namespace
from forecourt.cli.output import JsonOption, console

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.modelcar import ModelCar
    from forecourt.storage import Credentials, FetchedModel

app = typer.Typer()

Document = dict[str, Any]

_HERE = frozenset({"file", "pvc"})
"""Schemes of files that lie on this machine and are not to be touched."""


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
    from forecourt.cli.credentials import credentials_of
    from forecourt.cli.machine import this_machine
    from forecourt.cli.resolving import deployable

    credentials = credentials_of(namespace, connection)
    server = _server(needed=push or register)
    uri = _source(deployable(uri).uri)
    with this_machine() as here:
        found = _fetch(here, uri, allow or [], ignore or [], credentials)
        named = ImageName.of(uri, name, version, tag, server[1])
        car = _pack(here, found, named, uri, allow_pickle or [], model_format, base)
        registered: Document | None = None
        if register:
            registered, version, new = _version(server[0], named, car, version)
            if not registered:
                car = _retag(here, named, car, version)
                _push(here, car)
                registered = _register(server[0], found, named, car, version, new=new)
        elif push:
            _push(here, car)
    _show(uri, found, car, registered, json=json, pushed=push or register)


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

    from forecourt.errors import InvalidInput

    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(uri).expanduser().absolute().as_uri()
    if scheme.partition("+")[0] == "oci":
        raise InvalidInput(
            f"{uri} is an image already.",
            hint=f"Register it: forecourt registry register {uri}; copy it: forecourt modelcar copy {rest} …",
        )
    return uri


def _fetch(
    here: Machine, uri: str, allow: list[str], ignore: list[str], credentials: Credentials | None
) -> FetchedModel:
    from forecourt import storage
    from forecourt.cli.invocation import settings
    from forecourt.cli.progress import progress_bars

    mine = settings()
    with progress_bars() as progress:
        found = storage.fetch(
            uri,
            models=mine.models,
            volumes=mine.volumes,
            allow=allow,
            ignore=ignore,
            progress=progress,
            **here.parts,
            credentials=credentials,
        )
    if found.left_out:
        some = ", ".join(found.left_out[:3]) + (" …" if len(found.left_out) > 3 else "")
        console.note(f"Left out {len(found.left_out)} files ({some}). To choose: --allow PATTERN")
    return found


def _pack(
    here: Machine,
    found: FetchedModel,
    named: ImageName,
    uri: str,
    allow: list[str],
    model_format: str,
    base: str,
) -> ModelCar:
    from forecourt import modelcar
    from forecourt.cli.progress import progress_bars
    from forecourt.errors import UnsafeContent
    from forecourt.oci import Reference

    said = {"source": _shown_source(found), "revision": found.revision}
    annotations = {modelcar.FIELDS[field]: value for field, value in said.items() if value}
    with progress_bars() as progress:
        under = modelcar.pull_base(Reference.parse(base), progress=progress, **here.parts) if base else None
        try:
            return modelcar.pack(
                found.path,
                Reference.parse(f"{named.repository}:{named.tag}"),
                base=under,
                annotations=annotations,
                format=model_format,
                allow=allow,
                follow_links=uri.partition("://")[0] in _HERE,
                copy=uri.partition("://")[0] in _HERE,
                progress=progress,
                store=here.store,
                images=here.images,
            )
        except UnsafeContent as error:
            error.hint = error.hint.replace("--allow ", "--allow-pickle ")
            raise


def _shown_source(found: FetchedModel) -> str:
    """Return where a model comes from as its image says it: one on Hugging Face as that page's URL."""
    from forecourt.storage import Credentials

    at_home = not Credentials.from_environment().hub_endpoint
    repository = re.fullmatch(r"hf://([^@]+)@.*", found.source)
    return f"https://huggingface.co/{repository[1]}" if repository and at_home else found.source


def _version(client: Client, named: ImageName, car: ModelCar, version: str) -> tuple[Document | None, str, bool]:
    """Return the version that has this image already, or what a new one is called and whether its model is new.

    Raises `AlreadyExists` where a version of that name is another image.
    """
    from forecourt.cli.registry.filters import equals
    from forecourt.cli.registry.names import MODELS, OURS, listing
    from forecourt.cli.registry.register import next_version

    for one in client.get(f"{OURS}/lineage", uri=str(car.digest))["items"]:
        if one["registeredModel"] == named.model and version in ("", one["modelVersion"]):
            return one, one["modelVersion"], False
    there = listing(client, MODELS, filters=[equals("name", named.model)], limit=1)["items"]
    wanted = version or (named.tag if named.chosen and named.tag != "latest" else next_version(client, there))
    return None, wanted, not there


def _retag(here: Machine, named: ImageName, car: ModelCar, version: str) -> ModelCar:
    """Give the image its version as its tag, where nobody chose another."""
    from dataclasses import replace

    from forecourt import modelcar
    from forecourt.oci import Reference

    if named.chosen:
        return car
    reference = Reference.parse(f"{named.repository}:{tag_of(version) or 'latest'}")
    modelcar.tag(car.reference, reference, here.images)
    return replace(car, reference=reference)


def _push(here: Machine, car: ModelCar) -> None:
    from forecourt import modelcar
    from forecourt.cli.progress import progress_bars

    with progress_bars() as progress:
        modelcar.push(car.reference, progress=progress, **here.parts)


def _register(
    client: Client, found: FetchedModel, named: ImageName, car: ModelCar, version: str, *, new: bool
) -> Document:
    from forecourt.cli.client import person
    from forecourt.cli.registry.names import OURS
    from forecourt.cli.registry.origin import of_image
    from forecourt.cli.registry.register import registration
    from forecourt.errors import AlreadyExists

    origin = of_image(car)
    links: list[Document] = []
    if found.source:
        detail = {"detail": f"revision {found.revision}"} if found.revision else {}
        links.append({"relation": "source", "uri": found.source} | detail)
    if origin.base:
        links.append({"relation": origin.relation, "uri": origin.base})
    wanted = registration(origin, named.model, version, author=person(), owner=person() if new else "")
    try:
        made: Document = client.post(f"{OURS}/register", wanted | {"links": links})
    except AlreadyExists as error:
        error.hint = "It is another image. Choose another version: --version NAME"
        raise
    return {
        "registeredModelId": made["registeredModel"]["id"],
        "registeredModel": made["registeredModel"]["name"],
        "modelVersionId": made["modelVersion"]["id"],
        "modelVersion": made["modelVersion"]["name"],
        "new": True,
    }


def _show(
    uri: str, found: FetchedModel, car: ModelCar, registered: Document | None, *, json: bool, pushed: bool
) -> None:
    from forecourt.cli.images import document
    from forecourt.cli.output import print_json, size

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
