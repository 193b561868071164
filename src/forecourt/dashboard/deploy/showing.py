"""What the form's page shows: the fields as typed, what is offered, the review. All of it is in the JSON twin too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forecourt.dashboard import connecting
from forecourt.dashboard.calls import Document
from forecourt.dashboard.deploy.drafting import Draft
from forecourt.dashboard.deploy.locating import CATALOG, EXISTING, NEW, REGISTRY, URI, Imported
from forecourt.dashboard.deploy.offers import Offers
from forecourt.dashboard.deploy.reading import LIMIT, REQUEST, rows
from forecourt.dashboard.forms import Form
from forecourt.projects import ConnectionType
from forecourt.serving import ADVANCED

HELPS = {
    "location": "",
    "connection": "",
    "connection-type": "",
    "connection-name": "Others in this project find it by this name, where it is kept.",
    "path": "The folder or the file in the bucket.",
    "model-uri": "The image, as registry/repository:tag. Only models that are packaged as ModelCars can be deployed.",
    "uri": "oci://, hf://, s3://, https://, pvc:// or file://; nothing is needed to get in.",
    "registered": "model-registry://MODEL/VERSION; an alias such as champion stands for a version.",
    "catalogued": "catalog://SOURCE/MODEL, as the address of the model in the catalog has it.",
    "save": "A connection that is not kept goes away with the deployment.",
    "model-type": "",
    "title": "",
    "name": "Lower-case letters, digits and -; made from the name where it is left empty. It cannot be changed later.",
    "description": "",
    "model-format": "What the model's files are; found by its URI, its image or its files where nothing is chosen.",
    "profile": "What each replica gets of the hardware.",
    "runtime": "Chosen by itself where exactly one matches the framework and the hardware profile.",
    "mode": "",
    "replicas": "From 1 to 99. In the mode Advanced it is the least number; 0 lets the last replica sleep until a "
    "request wakes it.",
    "most": "Never more replicas than this; as many as above where it is left empty.",
    "target": "Requests at a time that are right for one replica; more of them bring another replica.",
    "window": "How long the load is averaged over, and idleness takes: 60s, 5m.",
    "exposed": "",
    "protected": "Whoever asks the model sends one of its tokens. They are shown once, after deploying.",
    "token": "A name for who uses the token.",
    "args": "One a line; lines that begin with # are comments.",
    "env": "",
    "strategy": "",
    "timeout": "Seconds until the route gives a request up. A cluster's router has it; this machine waits.",
    "canary": "Percent of the requests that go to the new revision, until it is promoted or rolled back.",
    "cause": "Why; it is shown beside the revision.",
}
_LOCATIONS = (
    (EXISTING, "Existing connection", "One of this project"),
    (NEW, "New connection", "A URI, a bucket or a registry"),
    (REGISTRY, "Model registry", "A version that is registered"),
    (CATALOG, "Model catalog", "A validated model"),
    (URI, "Only a URI", "Without a connection"),
)
_SIZES = {"cpu": "CPU", "memory": "Memory"}


def shown(form: Form, offers: Offers, draft: Draft, brought: Imported | None) -> dict[str, Any]:
    """Return the data of the page."""
    kind = offers.type(form["connection-type"])
    profile = offers.profile(form["profile"])
    runtime = next((one for one in offers.runtimes if one["name"] == draft.wanted.runtime), None)
    existing = offers.connection(form["connection"])
    return {
        "project": offers.project,
        "project_title": offers.title,
        "form": connecting.without_secrets(kind, form),
        "stale": {
            "runtimes": form["offered"] != draft.offered,
            "resources": form["equipped"] != form["profile"],
            "connection": form["typed-type"] != typed_type(form),
        },
        "typed_type": typed_type(form),
        "errors": draft.errors,
        "error": draft.error,
        "helps": HELPS,
        "imported": {"title": brought.title, "uri": brought.uri, "origin": brought.origin, "fixed": brought.fixed}
        if brought and brought.origin
        else None,
        "locations": [one for one in _LOCATIONS if one[0] != EXISTING or offers.connections],
        "connections": [
            (one.name, one.title) for one in offers.connections if not one.hidden or one.name == form["connection"]
        ],
        "connection_protocol": _protocol(existing.protocol if existing else "", existing.uri if existing else ""),
        "types": [(one.name, one.display_name) for one in offers.types],
        "type": _type(kind) if kind else None,
        "formats": _formats(offers, form["model-format"]),
        "format_found": draft.format_found,
        "profiles": [(one.name, f"{one.title} ({one.summary})") for one in offers.profiles],
        "identifiers": [_identifier(one) for one in profile.identifiers] if profile else [],
        "runtimes": [_runtime(one) for one in draft.runtimes if one["enabled"]],
        "automatic": next((one["displayName"] for one in draft.runtimes if one["name"] == draft.automatic), ""),
        "offered": draft.offered,
        "chosen": {
            "title": runtime["displayName"],
            "args": runtime["predefinedArgs"],
            "env": [f"{one['name']}={one.get('value', '')}" for one in runtime["predefinedEnv"]],
        }
        if runtime
        else None,
        "tokens": form.all("token") or ["default-name"],
        "env": [{"name": name, "value": value} for name, value in rows(form)],
        "yaml": draft.yaml(offers),
        "review": review(draft, offers),
    }


def review(draft: Draft, offers: Offers) -> list[dict[str, Any]]:
    """Return what will be, in groups of terms and what they are."""
    wanted, place = draft.wanted, draft.location
    profile = offers.profile(wanted.profile)
    runtime = next((one["displayName"] for one in offers.runtimes if one["name"] == wanted.runtime), wanted.runtime)
    existing = offers.connection(place.existing)
    connection = ""
    if place.connection:
        hidden = not place.connection["metadata"]["annotations"].get("opendatahub.io/connection-hidden")
        connection = f"{place.connection['metadata']['name']} ({'new' if hidden else 'for this deployment only'})"
    elif existing:
        connection = existing.title
    scales = wanted.mode == ADVANCED
    details = [
        ("Model location", place.uri or place.path),
        ("Connection", connection),
        ("Model type", "Predictive model" if wanted.model_type == "predictive" else "Generative AI model"),
    ]
    deployment = [
        ("Model deployment name", wanted.title),
        ("Resource name", wanted.name),
        ("Model framework", wanted.model_format if draft.format_known else ""),
        ("Serving runtime", runtime),
        ("Deployment mode", wanted.mode),
        ("Replicas", f"{wanted.least} to {wanted.most}" if scales else str(wanted.least)),
        ("Hardware profile", profile.title if profile else "None"),
        *(("", _amounts(kind, amounts)) for kind, amounts in _resources(draft)),
    ]
    advanced = [
        ("Model route", "External" if wanted.exposed else "Internal"),
        ("Token authentication", ", ".join(draft.tokens) or "Required" if wanted.protected else "Not enabled"),
        ("Additional runtime arguments", " ".join(wanted.args)),
        ("Environment variables", ", ".join(name for name, _ in wanted.env)),
        ("Deployment strategy", "Recreate" if wanted.strategy == "Recreate" else "Rolling update"),
    ]
    groups = (("Model details", details), ("Model deployment", deployment), ("Advanced settings", advanced))
    return [
        {"title": title, "terms": [{"term": term, "value": value} for term, value in terms if value]}
        for title, terms in groups
    ]


def _resources(draft: Draft) -> Sequence[tuple[str, Mapping[str, Any]]]:
    predictor = (draft.kept.get("spec") or {}).get("predictor") or {}
    resources = (predictor.get("model") or {}).get("resources") or {}
    return [(kind, resources.get(kind) or {}) for kind in ("requests", "limits")]


def _amounts(kind: str, amounts: Mapping[str, Any]) -> str:
    text = ", ".join(f"{value} {_SIZES.get(key, key)}" for key, value in amounts.items())
    return f"{kind.capitalize()}: {text}" if text else ""


def _protocol(protocol: str, uri: str) -> str:
    """Return what an existing connection leaves to say: a path, an image, or nothing."""
    return {"s3": "s3", "oci": "oci", "uri": "uri" if uri else "other"}.get(protocol, "other") if protocol else ""


def _type(kind: ConnectionType) -> dict[str, Any]:
    return {"name": kind.name, "protocol": kind.protocol, "fields": connecting.fields(kind)}


def typed_type(form: Form) -> str:
    """Return a mark of which connection's fields the form shows."""
    return f"{form['connection-type']}/{form['connection']}"


def _formats(offers: Offers, chosen: str) -> list[tuple[str, str]]:
    names = offers.formats
    return [(name, name) for name in (names if not chosen or chosen in names else [*names, chosen])]


def _identifier(one: Document) -> dict[str, Any]:
    most = one.get("maxCount")
    name = one["identifier"]
    return {
        "title": one["displayName"],
        "request": REQUEST + name,
        "limit": LIMIT + name,
        "usual": str(one["defaultCount"]),
        "range": f"From {one['minCount']}" + (f" to {most}" if most is not None else ""),
    }


def _runtime(one: Document) -> dict[str, Any]:
    return {"name": one["name"], "title": one["displayName"], "here": not one["whyNot"], "why": one["whyNot"]}
