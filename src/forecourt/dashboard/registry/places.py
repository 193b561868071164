"""Where the model is, as the form says it: in object storage or at a URI; and the connections that lead there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from forecourt.dashboard.deploy.offers import Connection
from forecourt.dashboard.forms import Form

STORAGE, URI = "object-storage", "uri"
LOCATIONS = ((STORAGE, "Object storage"), (URI, "URI"))
_ENDPOINT, _REGION = "endpoint", "defaultRegion"
"""Query parameters of an ``s3://`` URI, as Kubeflow's dashboard writes them and `forecourt.storage` reads them."""


def located(form: Form) -> tuple[str, dict[str, str]]:
    """Return the URI that the form's fields make, empty where it is not known yet, and what is wrong by field."""
    if form["location"] != STORAGE:
        uri = form["uri"]
        if not uri:
            return "", {"uri": "Say where the model is."}
        if "://" not in uri:
            return "", {"uri": "A URI has a scheme and ://, as oci://registry/repository:tag."}
        return uri, {}
    wrong = {}
    if not form["bucket"]:
        wrong["bucket"] = "Say in which bucket the model is."
    elif "/" in form["bucket"] or "?" in form["bucket"]:
        wrong["bucket"] = "The name of a bucket has no / and no ?."
    if not form["path"].strip("/"):
        wrong["path"] = "Say where in the bucket the model is; a path is more than slashes."
    if form["endpoint"] and not form["endpoint"].startswith(("http://", "https://")):
        wrong["endpoint"] = "An endpoint begins with https:// or http://."
    if wrong:
        return "", wrong
    query = {_ENDPOINT: form["endpoint"], _REGION: form["region"]}
    said = urlencode({key: value for key, value in query.items() if value}, safe=":/")
    return f"s3://{form['bucket']}/{quote(form['path'].strip('/'))}" + (f"?{said}" if said else ""), {}


def fields_of(uri: str) -> dict[str, str]:
    """Return the form's fields for where a URI leads."""
    if not uri.startswith("s3://"):
        return {"location": URI, "uri": uri}
    parts = urlsplit(uri)
    query = parse_qs(parts.query)
    return {
        "location": STORAGE,
        "bucket": parts.netloc,
        "path": unquote(parts.path.strip("/")),
        "endpoint": query.get(_ENDPOINT, [""])[0],
        "region": query.get(_REGION, [""])[0],
    }


def field_of(form: Form) -> str:
    """Return the field at which is said what is wrong with where the model is."""
    return "path" if form["location"] == STORAGE else "uri"


def choices(connections: Mapping[str, Sequence[Connection]]) -> list[tuple[str, str]]:
    """Return the connections of projects that say where a model can be, as options of a form."""
    return [
        (f"{project}/{one.name}", f"{one.title} ({project})")
        for project, there in sorted(connections.items())
        for one in there
        if not one.hidden and one.protocol in ("s3", "uri")
    ]


def filled_from(connection: Connection) -> dict[str, str]:
    """Return the fields that a connection fills in."""
    values = connection.values
    if connection.protocol != "s3":
        return fields_of(connection.uri) if connection.uri else {}
    found = {
        "endpoint": values.get("AWS_S3_ENDPOINT", ""),
        "bucket": values.get("AWS_S3_BUCKET", ""),
        "region": values.get("AWS_DEFAULT_REGION", ""),
    }
    return {"location": STORAGE} | {key: value for key, value in found.items() if value}
