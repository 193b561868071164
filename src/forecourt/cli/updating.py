"""A new model for a deployment that is there: the change of its object that rolls it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecourt.cli.columns import annotation
from forecourt.cli.wishes import CAUSE, CONNECTION, CONNECTION_PATH, Wishes

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]

_PROTOCOL = "opendatahub.io/connection-type-protocol"


def change_of(client: Client, before: Document, wanted: Document | None, wishes: Wishes) -> Document:
    """Return the change from `before` to what a new deployment of the model would be (`wanted`), and to the wishes.

    What was not said stays: replicas, arguments, resources, who may ask. Without a model only the wishes change.
    """
    change = wishes.change(before)
    if wanted is not None:
        change = _overlaid(_rolled_out(client, before, wanted, wishes), change)
    return change if _changes(before, change, wishes) else {}


def _changes(before: Document, change: Document, wishes: Wishes) -> bool:
    """Say whether a change is one; that nothing is said of why is none."""
    from forecourt.objects import merged

    after = merged(before, change)
    if wishes.cause is None and (cause := annotation(before, CAUSE)):
        after = merged(after, {"metadata": {"annotations": {CAUSE: cause}}})
    return bool(after != before)


def _rolled_out(client: Client, before: Document, wanted: Document, wishes: Wishes) -> Document:
    """Return the change that brings the model of a new deployment."""
    model, new = before["spec"]["predictor"].get("model") or {}, wanted["spec"]["predictor"]["model"]
    model_change: Document = {"storageUri": new.get("storageUri"), "storage": None}
    if (model.get("modelFormat") or {}).get("name") != new["modelFormat"]["name"]:
        # Another format: what was chosen for the one before does not hold.
        model_change["modelFormat"] = {"version": None} | new["modelFormat"]
        model_change |= {key: new.get(key) for key in ("runtime", "protocolVersion")}
    rolled: Document = {
        "metadata": {"labels": _labels(before, wanted), "annotations": _annotations(wanted)},
        "spec": {"predictor": {"model": model_change, "canaryTrafficPercent": None}},
    }
    if wishes.connection is None:
        kept = annotation(before, CONNECTION) if _keeps_connection(client, before, new.get("storageUri") or "") else ""
        rolled["metadata"]["annotations"] |= {CONNECTION: kept or None, CONNECTION_PATH: None}
    return rolled


def _labels(before: Document, wanted: Document) -> Document:
    """Return the labels that say what the model is, those that no longer hold as null."""
    from forecourt.serving import registry_labels

    of_the_model = ("modelClass", *registry_labels("", ""))
    there, new = before["metadata"].get("labels") or {}, wanted["metadata"].get("labels") or {}
    return {key: new.get(key) for key in of_the_model if key in there or key in new}


def _annotations(wanted: Document) -> Document:
    said = wanted["metadata"].get("annotations") or {}
    return {key: said[key] for key in ("opendatahub.io/model-type",) if key in said}


def _keeps_connection(client: Client, before: Document, uri: str) -> bool:
    """Say whether the connection that a deployment has opens the way to its new model too: one of the same scheme."""
    from forecourt.cli.connections.options import read
    from forecourt.errors import NotFound

    name = annotation(before, CONNECTION)
    if not name:
        return False
    model = before["spec"]["predictor"].get("model") or {}
    scheme = "s3" if model.get("storage") else str(model.get("storageUri") or "").partition("://")[0]
    try:
        protocol = annotation(read(client, before["metadata"]["namespace"], name), _PROTOCOL)
    except NotFound:
        return False
    return protocol != "uri" and scheme.partition("+")[0] == uri.partition("://")[0].partition("+")[0]


def _overlaid(under: Any, over: Any) -> Any:
    """Return one change after another as one; nulls stay nulls."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return under | {key: _overlaid(under[key], value) if key in under else value for key, value in over.items()}
