"""What one file (or one request) says of a source, checked, and the source that several such statements define.

An entry of a later file may say only what it changes of a source that an earlier one defined, so a statement keeps
apart what was said and what was not. https://github.com/kubeflow/hub, ``docs/catalog-yaml-reference.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from forecourt.catalog.files.properties import OTHER_NAMES, SOURCE_TYPES, check_properties, nearest
from forecourt.catalog.files.scalars import truth
from forecourt.catalog.model import AssetType, SourceDefinition
from forecourt.errors import InvalidInput

ASSET_TYPES: tuple[AssetType, ...] = get_args(AssetType)
PATTERNS: Mapping[AssetType, tuple[str, str]] = {
    "models": ("includedModels", "excludedModels"),
    "mcp_servers": ("includedServers", "excludedServers"),
    "agents": ("includedAgents", "excludedAgents"),
    "skills": ("includedSkills", "excludedSkills"),
}
"""The keys with the patterns of what is shown and what is not."""

_FIELDS = ("name", "id", "type", "enabled", "labels", "properties", "assetType")
_LONGEST_ID = 255  # characters, as many as the database has room for
Place = Callable[[str], str]
"""Says where a key of the entry is (``FILE, line L``); the empty key is the entry itself."""


class _Wrong(Exception):
    """What is wrong with a value, to be said after its key."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said of a source: `fields` has only those that are said, `places` where each of them is.

    `origin` is the file from which paths in the properties start.
    """

    id: str
    asset_type: AssetType
    fields: Mapping[str, Any]
    places: Mapping[str, str]
    origin: Path | None = None

    def over(self, earlier: Statement) -> Statement:
        """Return what both say together; where both say a field, it is this one's."""
        if earlier.asset_type != self.asset_type:
            raise self.refused(
                "id", f"{self.id!r} is a source of {earlier.asset_type} elsewhere, and of {self.asset_type} here"
            )
        # Relative paths start where the properties were written.
        origin = self.origin if "properties" in self.fields else earlier.origin
        places = dict(earlier.places)
        if "properties" in self.fields:
            places = {key: place for key, place in places.items() if not key.startswith("properties.")}
        return Statement(self.id, self.asset_type, {**earlier.fields, **self.fields}, {**places, **self.places}, origin)

    def refused(self, key: str, message: str, hint: str = "") -> InvalidInput:
        """Return the error that says what is wrong, and where."""
        place = self.places.get(key) or self.places.get(key.partition(".")[0]) or self.places[""]
        return InvalidInput(f"{place}: {message}.", hint=hint)

    def define(self, *, preview: bool = False, lacking: str = "") -> SourceDefinition:
        """Return the source; raises `InvalidInput` where it has no type, or its properties are not of that type.

        `preview` and `lacking` are as for `check_properties`. A source without a name is called by its id.
        """
        source = self.fields.get("type")
        if source is None:
            hint = "Say its type, or name the file that defines it before this one."
            raise self.refused("", f"source {self.id!r} has no type", hint)
        if self.asset_type != "models" and source != "yaml":
            raise self.refused("type", f"a source of {self.asset_type} is of type yaml, not {source}")
        properties: Mapping[str, Any] = self.fields.get("properties", {})

        def refuse(name: str, message: str, hint: str) -> InvalidInput:
            return self.refused(f"properties.{name}" if name else "properties", message, hint)

        check_properties(source, properties, refuse, preview=preview, lacking=lacking)
        included, excluded = (self.fields.get(key, ()) for key in PATTERNS[self.asset_type])
        both = {pattern.casefold() for pattern in included} & {pattern.casefold() for pattern in excluded}
        if both:
            keys = PATTERNS[self.asset_type]
            raise self.refused(keys[1], f"{min(both)!r} is both in {keys[0]} and in {keys[1]}", "Leave one of them.")
        return SourceDefinition(
            id=self.id,
            name=self.fields.get("name", self.id),
            type=source,
            enabled=self.fields.get("enabled", True),
            labels=self.fields.get("labels", ()),
            properties=properties,
            included_models=included,
            excluded_models=excluded,
            asset_type=self.asset_type,
            origin=self.origin,
        )


def read_statement(
    entry: Any, asset_type: AssetType, place: Place, *, origin: Path | None = None, identity: str = ""
) -> Statement:
    """Return what an entry says; raises `InvalidInput` with its place.

    An entry of a list has an id; a preview has none, and is given `identity`.
    """

    def refused(key: str, message: str, hint: str = "") -> InvalidInput:
        return InvalidInput(f"{place(key)}: {message}.", hint=hint)

    if not isinstance(entry, dict):
        raise refused("", "a source is a mapping with id, name, type and properties")
    known = (*_FIELDS, *PATTERNS[asset_type])
    fields: dict[str, Any] = {}
    places = {"": place("")}
    for key, value in entry.items():
        if key not in known:
            raise refused(key, f"{key!r} is no key of a source", nearest(key, known))
        if value is None:
            continue
        try:
            reader: Callable[[Any], Any] = _READERS.get(key, _patterns)
            fields[key] = reader(value)
        except _Wrong as error:
            raise refused(key, f"{key} {error}") from None
        places[key] = place(key)
    if (said := fields.pop("assetType", asset_type)) != asset_type:
        raise refused(
            "assetType", f"assetType is {said}, in a list of {asset_type}", "Move the source to its own list."
        )
    # The place of each property, too, where the entry knows it.
    places |= {f"properties.{name}": place(f"properties.{name}") for name in fields.get("properties", {})}
    identity = fields.pop("id", "") or identity
    if not identity:
        raise refused("", "a source needs an id", "Give it an id that no other source has.")
    return Statement(identity, asset_type, fields, places, origin)


def asset_type_of(entry: Any, place: Place) -> AssetType:
    """Return the ``assetType`` that an entry says, ``models`` where it says none; raises `InvalidInput`."""
    said = entry.get("assetType") if isinstance(entry, dict) else None
    if said is None:
        return "models"
    try:
        return _asset_type(said)
    except _Wrong as error:
        raise InvalidInput(f"{place('assetType')}: assetType {error}.") from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise _Wrong("must be a text of one line")
    return value


def _identity(value: Any) -> str:
    if len(_text(value)) > _LONGEST_ID:
        raise _Wrong(f"must have {_LONGEST_ID} characters at most")
    return str(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _Wrong("must be a list of texts")
    try:
        return tuple(map(_text, value))
    except _Wrong:
        raise _Wrong("must be a list of texts") from None


def _patterns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _Wrong("must be a list of patterns, with * for any text")
    if not all(map(str.strip, value)):
        raise _Wrong("has a pattern that is blank")
    return tuple(map(str.strip, value))


def _truth(value: Any) -> bool:
    if (said := truth(value)) is None:
        raise _Wrong("must be true or false")
    return said


def _source_type(value: Any) -> str:
    source = OTHER_NAMES.get(value, value) if isinstance(value, str) else value
    if source not in SOURCE_TYPES:
        raise _Wrong(f"must be one of {', '.join(SOURCE_TYPES)}")
    return str(source)


def _asset_type(value: Any) -> AssetType:
    if value not in ASSET_TYPES:
        raise _Wrong(f"must be one of {', '.join(ASSET_TYPES)}")
    asset_type: AssetType = value
    return asset_type


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong("must be a mapping")
    return value


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "name": _text,
    "id": _identity,
    "type": _source_type,
    "enabled": _truth,
    "labels": _texts,
    "properties": _mapping,
    "assetType": _asset_type,
}
