"""Where the model is, as the form says it: an existing connection, a new one, the registry, the catalog, a bare URI."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from forecourt.catalog.served import served
from forecourt.dashboard import connecting
from forecourt.dashboard.calls import Calls, Document, Refused
from forecourt.dashboard.connecting import VALUE
from forecourt.dashboard.deploy.offers import Connection, Offers
from forecourt.dashboard.forms import Form
from forecourt.errors import ForecourtError
from forecourt.serving import HIDDEN_CONNECTION, registered, resource_name

EXISTING, NEW, REGISTRY, CATALOG, URI = "existing", "new", "registry", "catalog", "uri"
_SCHEMES = {REGISTRY: "model-registry://", CATALOG: "catalog://"}
_TOOL_CALLING = "# Validated arguments for Tool calling"


@dataclass(frozen=True, slots=True)
class Imported:
    """What ``from=`` brings from the catalog or the registry: where the model is, and the form's fields for it."""

    uri: str
    title: str = ""
    model_format: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    args: Sequence[str] = ()
    fixed: bool = False
    """Whether the location is what was chosen elsewhere, and not to be typed over."""
    origin: str = ""

    @property
    def arguments(self) -> str:
        """What is filled in as additional runtime arguments."""
        return "\n".join([_TOOL_CALLING, *self.args]) if self.args else ""


@dataclass(slots=True)
class Location:
    """Where the model is. `connection` is the secret that is to be made, `existing` the one that is there."""

    uri: str = ""
    path: str = ""
    model_format: str = ""
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    connection: Document | None = None
    existing: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether it says where the model is."""
        return bool(self.uri or self.path) and not self.errors


async def imported(calls: Calls, uri: str) -> Imported:
    """Return what a URI brings into the form; raises `NotFound` where the catalog or the registry has no such model."""
    if uri.startswith(_SCHEMES[CATALOG]):
        found = served(await calls.get("/api/forecourt/v1/catalog/models", name=uri))
        known = found.model_format or ""
        return Imported(found.uri, found.title, known, args=found.args, fixed=_is_whole(found.uri), origin="catalog")
    if uri.startswith(_SCHEMES[REGISTRY]):
        one = registered(await calls.get("/api/forecourt/v1/registry/resolve", uri=uri))
        known = one.model_format or ""
        return Imported(one.uri, one.title, known, one.labels, fixed=_is_whole(one.uri), origin="registry")
    return Imported(uri)


def _is_whole(uri: str) -> bool:
    """Say whether nothing is left to type: a bucket wants keys."""
    return not uri.startswith("s3://")


def fields_of(one: Imported) -> dict[str, str]:
    """Return the fields of a new connection to where it is: S3's for a bucket, a URI for all else."""
    if not one.uri.startswith("s3://"):
        return {"location": NEW, "connection-type": "uri-v1", f"{VALUE}URI": one.uri}
    parts = urlsplit(one.uri)
    said = {key: values[0] for key, values in parse_qs(parts.query).items()}
    values = {
        "AWS_S3_BUCKET": parts.netloc,
        "AWS_S3_ENDPOINT": said.get("endpoint", ""),
        "AWS_DEFAULT_REGION": said.get("defaultRegion", ""),
    }
    return {"location": NEW, "connection-type": "s3", "path": parts.path.strip("/")} | {
        VALUE + key: value for key, value in values.items()
    }


def hidden_name() -> str:
    """Return a name for a connection that nobody asked to keep."""
    return f"secret-{secrets.token_hex(3)}"


async def located(calls: Calls, form: Form, offers: Offers, brought: Imported | None) -> Location:
    """Return where the form says that the model is, with what is wrong with that by field."""
    if brought and brought.fixed:
        form = Form([*((k, v) for k, v in form.typed.items() if v), *fields_of(brought).items()])
    kind, place = form["location"], Location()
    if kind == EXISTING:
        _existing(place, form, offers)
    elif kind == NEW:
        _new(place, form, offers)
    elif kind in (REGISTRY, CATALOG):
        await _chosen(calls, place, kind, form)
    elif kind == URI:
        place.uri = form["uri"]
        if not place.uri:
            place.errors["uri"] = "Say where the model is."
    else:
        place.errors["location"] = "Choose where the model is."
    if brought and brought.origin:
        place.labels, place.model_format, place.title = brought.labels, brought.model_format, brought.title
    if place.uri and "://" not in place.uri:
        place.errors[_field(kind)] = "A URI has a scheme and ://, as oci://registry/repository:tag."
    return place


def _existing(place: Location, form: Form, offers: Offers) -> None:
    found = offers.connection(form["connection"])
    if found is None:
        place.errors["connection"] = "Choose a connection of this project."
        return
    place.existing = found.name
    if found.protocol == "s3":
        _at_path(place, form)
    elif found.protocol == "oci":
        _in_registry(place, form, found.values.get("OCI_HOST", ""))
    else:
        place.uri = found.uri
        if not place.uri:  # a token, say, which opens the way and does not say where
            place.uri = form["model-uri"]
            if not place.uri:
                place.errors["model-uri"] = (
                    f"The connection {found.title} does not say where the model is: say it here."
                )


def _new(place: Location, form: Form, offers: Offers) -> None:
    kind = offers.type(form["connection-type"])
    if kind is None:
        place.errors["connection-type"] = "Choose a type of connection."
        return
    values = connecting.values(kind, form)
    place.errors |= connecting.wrong(kind, form, deploying=True)
    title, saved = form["connection-name"], bool(form["save"])
    if saved and not title:
        place.errors["connection-name"] = "A connection that is kept needs a name."
    name = resource_name(title) if saved and title else form["hidden-name"] or hidden_name()
    made = connecting.secret(kind, form, name, title, form["connection-description"])
    made["metadata"]["namespace"] = offers.project
    if not saved:
        made["metadata"]["annotations"][HIDDEN_CONNECTION] = "true"
    place.connection = made
    if kind.protocol == "s3":
        if not values.get("AWS_S3_BUCKET"):
            place.errors.setdefault(f"{VALUE}AWS_S3_BUCKET", "The bucket is needed to find the model in it.")
        _at_path(place, form)
    elif kind.protocol == "oci":
        _in_registry(place, form, values.get("OCI_HOST", ""))
    else:
        place.uri = values.get("URI") or form["model-uri"]


def _at_path(place: Location, form: Form) -> None:
    place.path = form["path"]
    if not place.path.strip("/"):
        place.errors["path"] = "Say where in the bucket the model is; a path is more than slashes."


def _in_registry(place: Location, form: Form, host: str) -> None:
    said = form["model-uri"]
    place.uri = said if "://" in said or not said else f"oci://{said}"
    if not said:
        place.errors["model-uri"] = "Say which image: registry/repository:tag."
    elif host and place.uri.partition("://")[2].partition("/")[0] != _bare(host):
        place.errors["model-uri"] = f"This is not in the registry of the connection, which is {_bare(host)}."


def _bare(host: str) -> str:
    return host.partition("://")[2].rstrip("/") if "://" in host else host.rstrip("/")


async def _chosen(calls: Calls, place: Location, kind: str, form: Form) -> None:
    name = "registered" if kind == REGISTRY else "catalogued"
    said, scheme = form[name], _SCHEMES[kind]
    if not said:
        place.errors[name] = f"Say which model: {scheme}{'MODEL/VERSION' if kind == REGISTRY else 'SOURCE/MODEL'}."
        return
    try:
        found = await imported(calls, said if "://" in said else scheme + said)
    except (Refused, ForecourtError) as error:
        place.errors[name] = error.message
        return
    place.uri, place.labels, place.model_format, place.title = found.uri, found.labels, found.model_format, found.title


def _field(kind: str) -> str:
    return {EXISTING: "model-uri", NEW: f"{VALUE}URI", URI: "uri"}.get(kind, "location")


def of_deployment(wanted: Any, offers: Offers) -> dict[str, str]:
    """Return the fields that say where the model of a deployment that is there is."""
    found: Connection | None = offers.connection(wanted.connection) if wanted.connection else None
    if found:
        return {"location": EXISTING, "connection": found.name, "path": wanted.path, "model-uri": wanted.uri}
    return {"location": URI, "uri": wanted.uri}
