"""A document against the schema of a CustomResourceDefinition, as Kubernetes' API server checks it.

These schemas are *structural*: a small part of OpenAPI v3, with extensions of Kubernetes' own.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
A field that the schema does not have is no mistake of the document's shape: the server would drop it, and says so or
refuses it by the request's ``fieldValidation``. A field that is null counts as one that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from forecourt.objects.located import Place
from forecourt.objects.model import quoted

Schema = Mapping[str, Any]

_CALLED = {"object": "a map", "array": "a list", "string": "a string", "integer": "an integer", "boolean": "a boolean"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at a place of a document, and what would be right (`expected`; empty where `message` says it).

    One that is `unknown` is a field that the schema does not have. `about_key` says that it is the key that is wrong,
    or what it stands for as a whole, and not its value. One that is a `warning` keeps the object from nothing.
    """

    place: Place
    message: str
    expected: str = ""
    unknown: bool = False
    about_key: bool = False
    warning: bool = False

    @property
    def field(self) -> str:
        """The place as people write it: ``spec.containers[0].image``, ``metadata.annotations[example.com/a]``."""
        return written(self.place)

    def __str__(self) -> str:
        if self.unknown:
            return f'unknown field "{self.field}"' + (f": {self.expected}" if self.expected else "")
        return f"{self.field}: {self.message}" + (f": {self.expected}" if self.expected else "")


def written(place: Place) -> str:
    """Return a place as people write it; the whole document is ``<root>``."""
    text = ""
    for step in place:
        if isinstance(step, int) or not re.fullmatch(r"[\w$-]+", step):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text or "<root>"


def place_of(field: str) -> Place:
    """Return the place that `written` wrote as `field`."""
    found = re.findall(r"\[([^\]]*)\]|([^.\[\]]+)", "" if field == "<root>" else field)
    return tuple(int(inside) if inside.isdigit() else inside or plain for inside, plain in found)


def problems(schema: Schema, document: Any) -> list[Problem]:
    """Return what is wrong with a document by its schema, in the document's order.

    What is in ``metadata`` is every object's own affair, and not looked at.
    """
    return [one for one in _problems(schema, document, ()) if one.place[:1] != ("metadata",)]


def _problems(schema: Schema, value: Any, place: Place) -> Iterator[Problem]:
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, int | str):
            yield _invalid(place, value, f"must be an integer or a string{_almost('string', value)}")
            return
    elif (wanted := schema.get("type")) and not _is(wanted, value):
        yield _invalid(place, value, f"must be {_CALLED.get(wanted, wanted)}{_almost(wanted, value)}")
        return
    if isinstance(value, dict):
        yield from _in_map(schema, value, place)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _problems(schema.get("items", {}), entry, (*place, index))
        yield from _twice(schema, value, place)
    else:
        yield from _in_scalar(schema, value, place)


def _in_map(schema: Schema, value: dict[Any, Any], place: Place) -> Iterator[Problem]:
    for name in schema.get("required", ()):
        # One that has a default is filled in before it is asked for.
        if value.get(name) is None and "default" not in schema.get("properties", {}).get(name, {}):
            yield Problem((*place, name), "Required value", about_key=True)
    properties, others = schema.get("properties"), schema.get("additionalProperties")
    for key, child in value.items():
        here = (*place, key if isinstance(key, str) else str(key))  # YAML's keys may be anything
        if properties and key in properties:
            if child is not None:
                yield from _problems(properties[key], child, here)
        elif isinstance(others, dict):
            yield from _problems(others, child, here)
        elif properties and not schema.get("x-kubernetes-preserve-unknown-fields"):
            close = get_close_matches(str(key), properties, n=1)
            meant = f"did you mean {close[0]}?" if close else ""
            yield Problem(here, "unknown field", meant, unknown=True, about_key=True)


def _in_scalar(schema: Schema, value: Any, place: Place) -> Iterator[Problem]:
    if (least := schema.get("minimum")) is not None and value < least:
        yield _invalid(place, value, f"must be {least} or more")
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(quoted(one) for one in schema["enum"])
        yield Problem(place, f"Unsupported value: {quoted(value)}", f"supported values: {supported}")
    if (pattern := schema.get("pattern")) and isinstance(value, str) and not re.search(pattern, value):
        quantity = "KMGTPE" in pattern
        yield _invalid(place, value, "must be a quantity such as 2, 500m or 4Gi" if quantity else f"must be {pattern}")


def _twice(schema: Schema, value: list[Any], place: Place) -> Iterator[Problem]:
    """Yield the entries of a list that stands for a map or a set whose key an earlier one has."""
    keys = schema.get("x-kubernetes-list-map-keys")
    if schema.get("x-kubernetes-list-type") not in ("map", "set"):
        return
    defaults = {key: _default(schema, key) for key in keys or ()}
    seen: list[Any] = []
    for index, entry in enumerate(value):
        if keys and not isinstance(entry, dict):  # which has been told
            continue
        same = [entry.get(key, defaults[key]) for key in keys] if keys else entry
        if same in seen:
            yield Problem((*place, index), f"Duplicate value: {quoted(_plain(keys, same))}")
        seen.append(same)


def _plain(keys: list[str] | None, same: Any) -> Any:
    return ", ".join(f"{key}={value}" for key, value in zip(keys, same, strict=True)) if keys else same


def _default(schema: Schema, key: str) -> Any:
    return schema.get("items", {}).get("properties", {}).get(key, {}).get("default")


def _is(wanted: str, value: Any) -> bool:
    match wanted:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case _:
            return True


def _almost(wanted: str, value: Any) -> str:
    """Say how to write a value that is right but for its type."""
    if wanted == "string" and isinstance(value, bool | int | float):
        written = str(value).lower() if isinstance(value, bool) else str(value)
        return f', in quotes: "{written}"'
    if wanted == "integer" and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        return f", without quotes: {value}"
    if wanted == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return f", without quotes: {value.lower()}"
    if wanted == "array" and isinstance(value, str | int | float):
        return f": [{quoted(value)}]"
    return ""


def _invalid(place: Place, value: Any, rule: str) -> Problem:
    return Problem(place, f"Invalid value: {quoted(value)}", rule)
