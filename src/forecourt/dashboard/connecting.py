"""Connections in forms: the fields that a connection type has, and the `Secret` that what was typed into them makes.

The macros of ``templates/macros/connection_fields.html`` show what `fields` returns. What is secret goes one way only:
from the form into the secret, never back into a page or its JSON.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from forecourt.projects import DASHBOARD, DISPLAY_NAME, HIDDEN_KEYS, TYPE, ConfigMap, ConnectionType, Field

Document = dict[str, Any]
DESCRIPTION = "openshift.io/description"
VALUE = "value-"
"""What the names of the fields of a type begin with, before the field's variable."""
FILE = "file-"
"""What the name of a file that is uploaded for a field begins with; the field itself has what is pasted."""
FORGET = "forget-"
"""What the name of a checkbox begins with that takes a hidden value out which is kept."""
_EXTENSION = re.compile(r"\.[\w.-]+")
_NOT_TEXT = "\N{REPLACEMENT CHARACTER}"


class Typed(Protocol):
    """A form as it was sent (`forms.Form`)."""

    typed: dict[str, Any]

    def __getitem__(self, name: str) -> str: ...
    def all(self, name: str) -> list[str]:
        """Return the values of a field that may be there several times."""


def is_connection(secret: Document) -> bool:
    """Say whether a secret is a connection."""
    return bool(_note(secret, TYPE))


def is_hidden(secret: Document) -> bool:
    """Say whether a connection is one that a deployment brought with it, and that nobody asked to keep."""
    return _note(secret, "opendatahub.io/connection-hidden") == "true"


def _note(secret: Document, name: str) -> str:
    return str((secret["metadata"].get("annotations") or {}).get(name) or "")


def enabled_types(documents: Sequence[Document]) -> list[ConnectionType]:
    """Return the connection types among config maps that may be chosen, by what people call them."""
    found = (ConnectionType.of(ConfigMap.from_dict(one)) for one in documents)
    return sorted((one for one in found if not one.disabled), key=lambda one: one.display_name.casefold())


def fields(kind: ConnectionType, kept: Collection[str] = ()) -> list[Document]:
    """Return what a form shows of a type's fields; `kept` are the variables whose hidden values are there already."""
    return [_shown(one, kept) for one in kind.fields]


def initial(kind: ConnectionType) -> Document:
    """Return what a form of a new connection begins with: the defaults of the fields that may be shown."""
    return {VALUE + one.variable: _default(one) for one in _visible(kind) if _default(one) not in ("", [], False)}


def kept_values(kind: ConnectionType, secret: Document) -> Document:
    """Return what a form begins with that changes a connection: its values that may be shown."""
    data = secret.get("data") or {}
    found: Document = {}
    for one in _visible(kind):
        if one.variable in data:
            text = base64.b64decode(data[one.variable]).decode(errors="replace")
            found[VALUE + one.variable] = one.chosen(text) if one.multiple else "" if _is_off(one, text) else text
    return found


def without_secrets(kind: ConnectionType | None, form: Typed) -> Document:
    """Return what was typed, for a page that shows it again: without secrets, those of any type."""
    found = {key: value for key, value in form.typed.items() if not key.startswith((VALUE, FILE))}
    for one in _visible(kind) if kind else ():
        name = VALUE + one.variable
        found[name] = [each for each in form.all(name) if each] if one.multiple else form[name]
        if _read_only(one):
            found[name] = _default(one)
    return found


def values(kind: ConnectionType, form: Typed) -> dict[str, str]:
    """Return what a form says, by variable; what is empty is left out."""
    said = {one.variable: _said(one, form) for one in kind.fields if one.variable}
    return {variable: text for variable, text in said.items() if text}


def wrong(
    kind: ConnectionType, form: Typed, kept: Collection[str] = (), *, deploying: bool = False, typing: bool = False
) -> dict[str, str]:
    """Return what is wrong with what was typed, by the form's field.

    `deploying` says that nothing can be put off any more, `typing` that what is missing may still come.
    """
    said, stays = values(kind, form), set(kept) - forgotten(form)
    found = {}
    for one in kind.fields:
        text = said.get(one.variable, "")
        if not one.variable:
            continue
        if not text:
            put_off = typing or (one.deferred and not deploying)
            if one.required and not put_off and one.variable not in stays:
                found[VALUE + one.variable] = f"{one.name} is needed."
        elif one.type == "file" and _NOT_TEXT in text:
            found[VALUE + one.variable] = f"{one.name} must be a text file in UTF-8."
        elif problem := one.check(text):
            found[VALUE + one.variable] = f"{one.name} {problem}."
    return found


def refused_fields(kind: ConnectionType | None) -> dict[str, str]:
    """Return the form's field for each path that the API names when it refuses a connection of a type."""
    return {f"data[{one.variable}]": VALUE + one.variable for one in (kind.fields if kind else ()) if one.variable}


def secret(
    kind: ConnectionType,
    form: Typed,
    name: str,
    title: str = "",
    description: str = "",
    *,
    before: Document | None = None,
) -> Document:
    """Return the connection that a form makes, as Open Data Hub's dashboard makes it.

    `before` is the one that is changed: what its form does not say of it stays, hidden values too, unless they are
    typed anew or taken out.
    """
    metadata = (before or {}).get("metadata") or {}
    said = values(kind, form)
    annotations = dict(metadata.get("annotations") or {}) | {DISPLAY_NAME: title or name, TYPE: kind.name}
    annotations.pop(DESCRIPTION, None)
    if description:
        annotations[DESCRIPTION] = description
    if before is not None:
        stays = [key for key in hidden_keys(before) if key not in said and key not in forgotten(form)]
        annotations[HIDDEN_KEYS] = json.dumps(stays)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            **metadata,
            "name": name,
            "labels": dict(metadata.get("labels") or {}) | {DASHBOARD: "true"},
            "annotations": annotations,
        },
        "stringData": said,
    }


def hidden_keys(document: Document) -> list[str]:
    """Return the variables of a connection whose values are not shown."""
    said = (document["metadata"].get("annotations") or {}).get(HIDDEN_KEYS) or "[]"
    try:
        found = json.loads(said)
    except ValueError:
        return []
    return [str(each) for each in found] if isinstance(found, list) else []


def forgotten(form: Typed) -> set[str]:
    """Return the variables whose hidden values are to be taken out."""
    return {key.removeprefix(FORGET) for key in form.typed if key.startswith(FORGET) and form[key]}


def _shown(one: Field, kept: Collection[str]) -> Document:
    properties: Mapping[str, Any] = one.properties
    return {
        "type": one.type,
        "name": VALUE + one.variable if one.variable else "",
        "file": FILE + one.variable,
        "forget": FORGET + one.variable,
        "label": one.name,
        "description": one.description,
        "required": one.required and not one.deferred,
        "deferred": one.deferred,
        "readonly": _read_only(one),
        "secret": one.secret,
        "kept": one.secret and one.variable in kept,
        "default": one.secret and bool(properties.get("defaultValue")),
        "multiple": one.multiple,
        "options": list(_options(properties)),
        "unit": str(properties.get("unit") or ""),
        "min": _number(properties.get("min")),
        "max": _number(properties.get("max")),
        "accept": ",".join(_EXTENSION.findall(" ".join(map(str, _listed(properties.get("extensions")))))),
        "checkbox": str(properties.get("label") or one.name),
    }


def _visible(kind: ConnectionType) -> Iterator[Field]:
    return (one for one in kind.fields if one.variable and not one.secret)


def _options(properties: Mapping[str, Any]) -> Iterator[list[str]]:
    for item in _listed(properties.get("items")):
        if isinstance(item, dict):
            yield [str(item.get("value")), str(item.get("label") or item.get("value"))]


def _default(one: Field) -> Any:
    """Return a field's default as a form has it: a list where several can be chosen, else a text."""
    said = one.properties.get("defaultValue")
    if one.multiple:
        return list(map(str, _listed(said)))
    if isinstance(said, list):  # a dropdown of which one is chosen has a list as well
        said = said[0] if said else ""
    if isinstance(said, bool):
        return "true" if said else ""
    return "" if said is None else str(said)


def _read_only(one: Field) -> bool:
    given = one.properties.get("defaultValue") not in (None, "", [])
    return bool(one.properties.get("defaultReadOnly")) and given and not one.secret


def _said(one: Field, form: Typed) -> str:
    name = VALUE + one.variable
    if _read_only(one):
        default = _default(one)
        return json.dumps(default) if one.multiple else str(default) or "false"
    if one.multiple:
        chosen = [each for each in form.all(name) if each]
        return json.dumps(chosen) if chosen else ""
    if one.type == "boolean":
        return "true" if form[name] else "false"
    text = (form[FILE + one.variable] if one.type == "file" else "") or form[name]
    return text or (str(_default(one)) if one.secret else "")


def _is_off(one: Field, text: str) -> bool:
    return one.type == "boolean" and text != "true"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value in (None, "") else [value]


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
