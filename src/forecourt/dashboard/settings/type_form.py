"""What the form of a connection type says, and what it is filled with: between fields and the config map."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from forecourt.dashboard.calls import Document
from forecourt.dashboard.forms import Form
from forecourt.dashboard.settings import rows
from forecourt.projects import DISPLAY_NAME

DESCRIPTION = "openshift.io/description"
DISABLED = "opendatahub.io/disabled"
CREATOR = "opendatahub.io/username"
LABELS = {"opendatahub.io/connection-type": "true", "opendatahub.io/dashboard": "true"}
FIELD = "field"
TYPES = {
    "short-text": "Text - Short",
    "text": "Text - Long",
    "hidden": "Text - Hidden",
    "boolean": "Boolean",
    "dropdown": "Dropdown",
    "file": "File",
    "numeric": "Numeric",
    "uri": "URI",
}
_NOT_A_NAME = re.compile(r"[^A-Z0-9]+")
_SHOWN = re.compile(r"-?\d+(\.\d+)?")


def fresh() -> dict[str, str]:
    """Return what the form of a new type begins with."""
    return {"enabled": "true", "fields": "0"}


def filled(kept: Document) -> dict[str, str]:
    """Return what the form of a type that is there begins with."""
    metadata, data = kept["metadata"], kept.get("data") or {}
    annotations = metadata.get("annotations") or {}
    typed = {
        "title": annotations.get(DISPLAY_NAME) or metadata["name"],
        "name": metadata["name"],
        "description": annotations.get(DESCRIPTION, ""),
        "category": ", ".join(map(str, listed(data.get("category")))),
        "enabled": "" if annotations.get(DISABLED) == "true" else "true",
        "fields": "0",
    }
    for one in listed(data.get("fields")):
        if isinstance(one, dict):
            rows.add(typed, FIELD, _filled(one))
    return typed


def pressed(form: Form) -> dict[str, Any] | None:
    """Return what a form is after a button of its builder was pressed; None where it was another button."""
    typed, (what, _, row) = dict(form.typed), form["do"].partition(":")
    number = int(row) if row.isdecimal() else -1
    if what == "add-field":
        rows.add(typed, FIELD, {"type": "short-text"})
    elif what == "add-section":
        rows.add(typed, FIELD, {"type": "section"})
    elif what == "remove":
        rows.remove(typed, FIELD, number)
    elif what in ("up", "down"):
        rows.move(typed, FIELD, number, -1 if what == "up" else 1)
    elif what != "again":
        return None
    return typed


def document(form: Form, name: str, before: Document | None, creator: str) -> Document:
    """Return the config map that a form makes; what the form does not say of `before` stays."""
    metadata = dict((before or {}).get("metadata") or {})
    said = {
        DISPLAY_NAME: form["title"] or name,
        DESCRIPTION: form["description"],
        DISABLED: "false" if form["enabled"] else "true",
    }
    annotations = {CREATOR: creator} | dict(metadata.get("annotations") or {}) | said
    metadata["annotations"] = {key: value for key, value in annotations.items() if value}
    metadata["labels"] = dict(metadata.get("labels") or {}) | LABELS
    category = [each.strip() for each in form["category"].split(",") if each.strip()]
    made = [_field(form, f"{FIELD}-{row}") for row in rows.count(form.typed, FIELD)]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata | {"name": name},
        "data": dict((before or {}).get("data") or {})
        | {"category": json.dumps(category), "fields": json.dumps(made, ensure_ascii=False)},
    }


def fields(typed: Mapping[str, Any]) -> dict[str, str]:
    """Return the form's field for each path that the server names."""
    found = {"metadata.name": "name", "data.category": "category", "data.fields": "fields"}
    for row in rows.count(typed, FIELD):
        path = f"data.fields[{row}]"
        found |= {f"{path}.{key}": f"{FIELD}-{row}-{name}" for key, name in (("name", "name"), ("envVar", "variable"))}
        found |= {path: f"{FIELD}-{row}-name"}
    return found


def variable(name: str) -> str:
    """Return the environment variable that a field's name makes: ``Access key`` is ``ACCESS_KEY``."""
    return _NOT_A_NAME.sub("_", name.upper()).strip("_")


def listed(text: Any) -> list[Any]:
    """Return the list that a text in JSON is; none where it is no such text."""
    try:
        found = json.loads(text or "[]")
    except (TypeError, ValueError):
        return []
    return found if isinstance(found, list) else []


def _filled(one: Document) -> dict[str, str]:
    properties = one.get("properties") if isinstance(one.get("properties"), dict) else {}
    default = (properties or {}).get("defaultValue")
    items = (properties or {}).get("items")
    texts = {key: str((properties or {}).get(key, "")) for key in ("unit", "min", "max", "label")}
    extensions = (properties or {}).get("extensions")
    return {
        "type": str(one.get("type") or "short-text"),
        "name": str(one.get("name") or ""),
        "description": str(one.get("description") or ""),
        "variable": str(one.get("envVar") or ""),
        "required": "true" if one.get("required") else "",
        "default": ", ".join(map(str, default)) if isinstance(default, list) else _text(default),
        "readonly": "true" if (properties or {}).get("defaultReadOnly") else "",
        "defer": "true" if (properties or {}).get("deferInput") else "",
        "variant": str((properties or {}).get("variant") or "single"),
        "items": "\n".join(_item(each) for each in items) if isinstance(items, list) else "",
        "extensions": ", ".join(map(str, extensions)) if isinstance(extensions, list) else "",
        **texts,
    }


def _field(form: Form, row: str) -> Document:
    kind, name = form[f"{row}-type"], form[f"{row}-name"]
    found: Document = {"type": kind, "name": name}
    if form[f"{row}-description"]:
        found["description"] = form[f"{row}-description"]
    if kind == "section":
        return found
    found |= {"envVar": form[f"{row}-variable"] or variable(name), "required": bool(form[f"{row}-required"])}
    return found | {"properties": _properties(form, row, kind)}


def _properties(form: Form, row: str, kind: str) -> Document:
    """Return a field's properties, those that its type has and that are said."""
    found: Document = {}
    default = form[f"{row}-default"]
    if kind == "dropdown":
        found |= {"variant": form[f"{row}-variant"] or "single", "items": _items(form[f"{row}-items"])}
        if default:
            found["defaultValue"] = [each.strip() for each in default.split(",") if each.strip()]
    elif kind == "boolean":
        found |= {"label": form[f"{row}-label"]} if form[f"{row}-label"] else {}
        found |= {"defaultValue": True} if default else {}
    elif kind == "numeric":
        found |= {"unit": form[f"{row}-unit"]} if form[f"{row}-unit"] else {}
        for key in ("min", "max"):
            if form[f"{row}-{key}"]:
                found[key] = _number(form[f"{row}-{key}"])
        found |= {"defaultValue": _number(default)} if default else {}
    elif kind == "file":
        extensions = [each.strip() for each in form[f"{row}-extensions"].split(",") if each.strip()]
        found |= (
            {"extensions": [each if each.startswith(".") else f".{each}" for each in extensions]} if extensions else {}
        )
    elif default:
        found["defaultValue"] = default
    if form[f"{row}-readonly"] and kind not in ("file", "hidden"):
        found["defaultReadOnly"] = True
    if form[f"{row}-defer"]:
        found["deferInput"] = True
    return found


def _items(text: str) -> list[Document]:
    """Return what can be chosen: a line each, ``value`` or ``label = value``."""
    found = []
    for line in text.splitlines():
        label, equals, value = line.rpartition("=")
        if line.strip():
            said = value.strip() if equals else line.strip()
            found.append({"label": label.strip() if equals else said, "value": said})
    return found


def _item(given: Any) -> str:
    if not isinstance(given, dict):
        return str(given)
    label, value = str(given.get("label") or ""), str(given.get("value") or "")
    return f"{label} = {value}" if label and label != value else value


def _number(text: str) -> float | int | str:
    if not _SHOWN.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def _text(default: Any) -> str:
    if isinstance(default, bool):
        return "true" if default else ""
    return "" if default is None else str(default)
