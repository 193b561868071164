"""The audit trail of a model or a version, for people: who did what, when, and what is other than before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from forecourt.dashboard.calls import Calls, Document
from forecourt.dashboard.registry.reading import OURS
from forecourt.registry.metadata import from_metadata

PER_PAGE = 50
_DONE = {
    "create": "created",
    "update": "changed",
    "delete": "deleted",
    "stage": "put in a stage",
    "alias": "set an alias of",
    "unalias": "removed an alias of",
    "link": "added lineage to",
    "unlink": "removed lineage from",
}
_WORDS = {
    "RegisteredModel": "the model",
    "ModelVersion": "the version",
    "InferenceService": "the deployment",
    "ServeModel": "what is served",
}
_LONGEST = 300  # characters of a value


async def trail(calls: Calls, said: Mapping[str, str], **of: str) -> dict[str, Any]:
    """Return entries of the audit trail, the newest first; `of` says of what, as the API has it."""
    found = await calls.get(f"{OURS}/changes", **of, pageSize=PER_PAGE, nextPageToken=said.get("token"))
    return {
        "entries": [entry(one) for one in found["items"]],
        "first": not said.get("token"),
        "next": found["nextPageToken"],
    }


def entry(change: Document) -> dict[str, Any]:
    """Return an entry: its sentence, and each field that is other than before."""
    before, after = _flat(change["before"]), _flat(change["after"])
    changed = [name for name in (*before, *(set(after) - set(before))) if before.get(name) != after.get(name)]
    kind = change["kind"]
    action = _DONE.get(change["action"], change["action"])
    if change["action"] == "update" and before.get("state") != after.get("state") and "state" in after:
        action = "archived" if after["state"] == "ARCHIVED" else "restored"
    return {
        "id": change["id"],
        "time": change["timeSinceEpoch"],
        "actor": change["actor"],
        "agent": change["agent"],
        "action": action,
        "what": _WORDS.get(kind, f"the {kind}"),
        "name": change["name"],
        "changes": [
            {"field": name, "before": _short(before.get(name)), "after": _short(after.get(name))}
            for name in sorted(changed)
            if name not in ("id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")
        ],
    }


def _flat(document: Document | None) -> dict[str, Any]:
    """Return a document's fields, with its custom properties among them by their names."""
    if not document:
        return {}
    fields = {name: value for name, value in document.items() if name != "customProperties"}
    for name, value in (document.get("customProperties") or {}).items():
        said = from_metadata(value)
        fields[f"label {name}" if said == "" else f"property {name}"] = "set" if said == "" else said
    return fields


def _short(value: Any) -> str:
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"
