"""Connection types: which fields a connection of a kind has, as data.

Open Data Hub's form (manifests/base/connection-types): a `ConfigMap` whose ``data.fields`` is a JSON array of fields,
each with a type, a name for people and the variable that holds its value.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from forecourt.errors import InvalidObject
from forecourt.objects import load_documents, refuse, validate_metadata
from forecourt.projects.model import DESCRIPTION, DISABLED, DISPLAY_NAME, ConfigMap

LABEL = "opendatahub.io/connection-type"
FIELD_TYPES = (
    "boolean",
    "dropdown",
    "file",
    "hidden",
    "numeric",
    "section",
    "short-text",
    "text",
    "uri",
)
_SECRET_TYPES = ("hidden", "file")
_VARIABLE = re.compile(r"[-._a-zA-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a connection says. A section has no variable: it stands over those that follow."""

    type: str
    name: str
    variable: str = ""
    description: str = ""
    required: bool = False
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def secret(self) -> bool:
        """Whether its value is never shown."""
        return self.type in _SECRET_TYPES

    @property
    def multiple(self) -> bool:
        """Whether several of its values can be chosen."""
        return self.type == "dropdown" and self.properties.get("variant") == "multi"

    @property
    def deferred(self) -> bool:
        """Whether a connection may leave it out although it is required: who deploys with it says it then."""
        return bool(self.properties.get("deferInput"))

    def check(self, value: str) -> str:
        """Return what is wrong with a value, or nothing."""
        properties = self.properties
        if self.type == "numeric":
            return _number(value, properties)
        if self.type == "boolean" and value not in ("true", "false"):
            return "must be true or false"
        if self.type == "uri" and not urlsplit(value).scheme:
            return "must be a URI, with its scheme and '://'"
        if self.type == "dropdown":
            known = [str(item.get("value")) for item in properties.get("items") or ()]
            chosen = self.chosen(value)
            if wrong := [each for each in chosen if each not in known]:
                return f"{', '.join(wrong)} is none of {', '.join(known)}"
        return ""

    def chosen(self, value: str) -> list[str]:
        """Return what is chosen of a dropdown: of many, a JSON array as dashboards write it, or words by commas."""
        if not self.multiple:
            return [value]
        try:
            found = json.loads(value)
            return list(map(str, found)) if isinstance(found, list) else [value]
        except ValueError:
            return [each.strip() for each in value.split(",") if each.strip()]


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """A kind of connection, and what it can be used for: `protocol` is s3, uri, oci, or empty."""

    name: str
    display_name: str
    description: str
    category: tuple[str, ...]
    fields: tuple[Field, ...]
    disabled: bool = False

    @classmethod
    def of(cls, kept: ConfigMap) -> ConnectionType:
        """Read one; raises `InvalidObject` that names what is wrong."""
        data = kept.data or {}
        metadata = kept.metadata
        return cls(
            name=kept.name,
            display_name=metadata.annotation(DISPLAY_NAME) or kept.name,
            description=metadata.annotation(DESCRIPTION),
            category=tuple(map(str, _list("data.category", data.get("category") or "[]"))),
            fields=tuple(
                _field(f"data.fields[{number}]", each)
                for number, each in enumerate(_list("data.fields", data.get("fields") or "[]"))
            ),
            disabled=metadata.annotation(DISABLED) == "true",
        )

    @property
    def protocol(self) -> str:
        """What a connection of this type speaks, by the variables it has."""
        variables = {one.variable for one in self.fields}
        if {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_ENDPOINT"} <= variables:
            return "s3"
        if {".dockerconfigjson", "OCI_HOST"} <= variables:
            return "oci"
        return "uri" if "URI" in variables else ""

    @property
    def visible(self) -> frozenset[str]:
        """The variables whose values may be shown."""
        return frozenset(one.variable for one in self.fields if one.variable and not one.secret)


def validate_connection_type(wanted: ConfigMap, _before: object = None) -> None:
    """Check a connection type that is to be kept; raises `InvalidObject`. No other config maps are kept here."""
    validate_metadata(wanted)
    if (wanted.metadata.labels or {}).get(LABEL) != "true":
        raise InvalidObject(
            f'metadata.labels[{LABEL}]: Required value: "true"',
            hint="The config maps that Forecourt keeps are connection types.",
        )
    kind = ConnectionType.of(wanted)
    if not any(one.variable for one in kind.fields):
        raise InvalidObject("data.fields: Required value: a connection of this type would say nothing")


@cache
def shipped_connection_types() -> tuple[ConfigMap, ...]:
    """Return the types that ship, which are Open Data Hub's."""
    text = (Path(__file__).parent / "shipped" / "connection-types.yaml").read_bytes()
    return tuple(map(ConfigMap.from_dict, load_documents(text)))


def _list(path: str, text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidObject(f"{path}: Invalid value: this is not JSON: {error}") from None
    if not isinstance(found, list):
        raise InvalidObject(f"{path}: Invalid value: this must be a JSON array")
    return found


def _field(path: str, given: Any) -> Field:
    if not isinstance(given, dict):
        raise InvalidObject(f"{path}: Invalid value: this must be an object")
    kind, name, variable = given.get("type"), given.get("name"), given.get("envVar") or ""
    if kind not in FIELD_TYPES:
        refuse(f"{path}.type", kind, f"must be one of {', '.join(FIELD_TYPES)}")
    if not isinstance(name, str) or not name:
        raise InvalidObject(f"{path}.name: Required value")
    if kind == "section":
        return Field(kind, name, description=str(given.get("description") or ""))
    if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
        refuse(f"{path}.envVar", variable, "must be letters, digits, '-', '_' and '.'")
    properties = given.get("properties") or {}
    if not isinstance(properties, dict):
        refuse(f"{path}.properties", properties, "must be an object")
    return Field(
        str(kind), name, variable, str(given.get("description") or ""), bool(given.get("required")), properties
    )


def _number(value: str, properties: dict[str, Any]) -> str:
    try:
        number = float(value)
    except ValueError:
        return "must be a number"
    least, most = properties.get("min"), properties.get("max")
    if isinstance(least, int | float) and number < least:
        return f"must be at least {least}"
    if isinstance(most, int | float) and number > most:
        return f"must be at most {most}"
    return ""
