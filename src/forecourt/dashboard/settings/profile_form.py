"""What the form of a hardware profile says, and what it is filled with: between fields and the object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from forecourt.dashboard.calls import Document
from forecourt.dashboard.forms import Form
from forecourt.dashboard.settings import rows

DISPLAY_NAME = "opendatahub.io/display-name"
DESCRIPTION = "opendatahub.io/description"
DISABLED = "opendatahub.io/disabled"
MODIFIED = "opendatahub.io/modified-date"
AFFINITY, DEVICES = "forecourt.dev/cpu-affinity", "forecourt.dev/devices"
TYPES = ("CPU", "Memory", "Accelerator")
UNITS = {
    "CPU": (("", "Cores"), ("m", "Milli-cores")),
    "Memory": (("Gi", "GiB"), ("Mi", "MiB"), ("Ti", "TiB"), ("Ki", "KiB"), ("", "As written, or bytes")),
    "Accelerator": (("", "Count"),),
}
EFFECTS = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")
_COUNTS = ("min", "default", "max")
_KEYS = ("minCount", "defaultCount", "maxCount")
_FRESH = (
    ("CPU", "cpu", "CPU", "", ("1", "2", "4")),
    ("Memory", "memory", "Memory", "Gi", ("2", "4", "8")),
)
_ACCELERATOR = ("Accelerator", "nvidia.com/gpu", "GPU", "", ("1", "1", "2"))
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]*)")


def fresh() -> dict[str, str]:
    """Return what the form of a new profile begins with: the dashboard's own defaults."""
    typed = {"enabled": "true", "scheduling": "Node", "identifiers": "0", "selectors": "0", "tolerations": "0"}
    for row in _FRESH:
        _add_identifier(typed, *row)
    return typed


def filled(profile: Document) -> dict[str, str]:
    """Return what the form of a profile that is there begins with."""
    metadata, spec = profile["metadata"], profile.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    scheduling = spec.get("scheduling") or {}
    node, kueue = scheduling.get("node") or {}, scheduling.get("kueue") or {}
    typed = {
        "title": annotations.get(DISPLAY_NAME) or metadata["name"],
        "name": metadata["name"],
        "description": annotations.get(DESCRIPTION, ""),
        "enabled": "" if annotations.get(DISABLED) == "true" else "true",
        "affinity": annotations.get(AFFINITY, ""),
        "devices": annotations.get(DEVICES, ""),
        "scheduling": scheduling.get("type") or "Node",
        "queue": str(kueue.get("localQueueName") or ""),
        "priority": str(kueue.get("priorityClass") or ""),
        "identifiers": "0",
        "selectors": "0",
        "tolerations": "0",
    }
    for one in spec.get("identifiers") or ():
        kind = one.get("resourceType") if one.get("resourceType") in TYPES else "Accelerator"
        counts = [one.get(key) for key in _KEYS]
        unit = _unit(kind, counts)
        texts = tuple("" if count is None else str(count).removesuffix(unit) for count in counts)
        _add_identifier(typed, kind, one.get("identifier", ""), one.get("displayName", ""), unit, texts)
    for key, value in (node.get("nodeSelector") or {}).items():
        rows.add(typed, "selector", {"key": str(key), "value": str(value)})
    for one in node.get("tolerations") or ():
        said = {name: str(one.get(name) or "") for name in ("key", "operator", "value", "effect")}
        rows.add(typed, "toleration", said | {"seconds": str(one.get("tolerationSeconds", ""))})
    return typed


def pressed(form: Form) -> dict[str, str] | None:
    """Return what a form is after a button for a row was pressed; None where it was another button."""
    typed, (what, _, row) = dict(form.typed), form["do"].partition(":")
    number = int(row) if row.isdecimal() else -1
    if what == "add-identifier":
        _add_identifier(typed, *_ACCELERATOR)
    elif what == "add-selector":
        rows.add(typed, "selector", {"key": "", "value": ""})
    elif what == "add-toleration":
        rows.add(typed, "toleration", {"key": "", "operator": "Exists", "value": "", "effect": ""})
    elif what in ("remove-identifier", "remove-selector", "remove-toleration"):
        rows.remove(typed, what.removeprefix("remove-"), number)
    elif what != "again":
        return None
    return typed


def document(form: Form, name: str, before: Document | None) -> Document:
    """Return the profile that a form makes; what the form does not say of `before` stays."""
    metadata = dict((before or {}).get("metadata") or {})
    spec = dict((before or {}).get("spec") or {})
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = {
        DISPLAY_NAME: form["title"] or name,
        DESCRIPTION: form["description"],
        DISABLED: "false" if form["enabled"] else "true",
        MODIFIED: now,
        AFFINITY: form["affinity"],
        DEVICES: form["devices"],
    }
    visible = {"opendatahub.io/dashboard-feature-visibility": '["model-serving"]'}
    annotations = visible | dict(metadata.get("annotations") or {}) | said
    metadata["annotations"] = {key: value for key, value in annotations.items() if value or key == DESCRIPTION}
    spec["identifiers"] = [_identifier(form, row) for row in rows.count(form.typed, "identifier")]
    spec["scheduling"] = _scheduling(form)
    if spec["scheduling"] is None:
        del spec["scheduling"]
    return {
        "apiVersion": "infrastructure.opendatahub.io/v1",
        "kind": "HardwareProfile",
        "metadata": metadata | {"name": name},
        "spec": spec,
    }


def fields(typed: Mapping[str, Any]) -> dict[str, str]:
    """Return the form's field for each path that the server names."""
    found = {
        "metadata.name": "name",
        f"metadata.annotations[{AFFINITY}]": "affinity",
        f"metadata.annotations[{DEVICES}]": "devices",
        "spec.scheduling": "queue",
    }
    for row in rows.count(typed, "identifier"):
        path = f"spec.identifiers[{row}]"
        found |= {f"{path}.{key}": f"identifier-{row}-{name}" for key, name in zip(_KEYS, _COUNTS, strict=True)}
        found |= {f"{path}.identifier": f"identifier-{row}-identifier", path: f"identifier-{row}-identifier"}
    return found


def _identifier(form: Form, row: int) -> Document:
    field = f"identifier-{row}"
    kind = form[f"{field}-type"] if form[f"{field}-type"] in TYPES else "Accelerator"
    unit = form[f"{field}-unit"]
    if unit not in (known for known, _ in UNITS[kind]):
        unit = UNITS[kind][0][0]
    counts = {
        key: _count(form[f"{field}-{name}"], unit)
        for key, name in zip(_KEYS, _COUNTS, strict=True)
        if form[f"{field}-{name}"] or name != "max"
    }
    identifier = form[f"{field}-identifier"]
    shown = form[f"{field}-title"] or identifier
    return {"displayName": shown, "identifier": identifier, **counts, "resourceType": kind}


def _count(text: str, unit: str) -> int | str:
    text = text if _AMOUNT.fullmatch(text) and not text.isdecimal() and text[-1].isalpha() else text + unit
    return int(text) if text.isdecimal() and len(text) < 18 else text


def _unit(kind: str, counts: Iterable[Any]) -> str:
    """Return the unit that all amounts have; none where they differ, so that they stay as they were written."""
    found = [match[2] for count in counts if count is not None and (match := _AMOUNT.fullmatch(str(count)))]
    known = {unit for unit, _ in UNITS[kind]}
    return found[0] if found and len(set(found)) == 1 and found[0] in known else ""


def _scheduling(form: Form) -> Document | None:
    if form["scheduling"] == "Queue":
        kueue = {"localQueueName": form["queue"]} | ({"priorityClass": form["priority"]} if form["priority"] else {})
        return {"type": "Queue", "kueue": kueue}
    node: Document = {}
    selector = {
        form[f"selector-{row}-key"]: form[f"selector-{row}-value"] for row in rows.count(form.typed, "selector")
    }
    if selector := {key: value for key, value in selector.items() if key}:
        node["nodeSelector"] = selector
    tolerations = [_toleration(form, row) for row in rows.count(form.typed, "toleration")]
    if tolerations := [one for one in tolerations if len(one) > 1]:
        node["tolerations"] = tolerations
    return {"type": "Node", "node": node} if node else None


def _toleration(form: Form, row: int) -> Document:
    said = {name: form[f"toleration-{row}-{name}"] for name in ("key", "operator", "value", "effect", "seconds")}
    found: Document = {"operator": said["operator"] or "Exists"}
    if said["value"] and found["operator"] == "Equal":
        found["value"] = said["value"]
    found |= {name: said[name] for name in ("key", "effect") if said[name]}
    if said["seconds"].isdecimal():
        found["tolerationSeconds"] = int(said["seconds"])
    return found


def _add_identifier(
    typed: dict[str, str], kind: str, identifier: str, title: str, unit: str, counts: tuple[str, ...]
) -> None:
    said = {"type": kind, "identifier": identifier, "title": title, "unit": unit}
    rows.add(typed, "identifier", said | dict(zip(_COUNTS, counts, strict=True)))
