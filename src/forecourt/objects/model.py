"""What every Kubernetes object is made of: metadata and conditions. Fields that are not named here are kept.

Field names and meanings are those of the Kubernetes API (https://kubernetes.io/docs/reference/kubernetes-api/), in
Python's snake_case here and in camelCase in documents. Types are strict as the API server's are: the text ``"2"`` is no
number and ``true`` is no label.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from forecourt.errors import InvalidObject
from forecourt.objects.yaml import dump

Labels = dict[str, str]


def now() -> str:
    """Return the time as Kubernetes writes it: RFC 3339, UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Part(BaseModel):
    """A piece of a Kubernetes object: immutable, camelCase in documents, and it keeps fields that it does not know."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="allow",
        frozen=True,
        strict=True,
        protected_namespaces=(),
    )

    @classmethod
    def from_dict(cls, document: object) -> Self:
        """Read a document; raises `InvalidObject` that names the field, where one has the wrong type or is missing."""
        try:
            return cls.model_validate(document, by_name=False, by_alias=True)
        except ValidationError as error:
            raise InvalidObject(_as_kubernetes_says(error)) from None

    def to_dict(self) -> dict[str, Any]:
        """Return the document: what was given and what was set since; nothing that is unset."""
        return self.model_dump(by_alias=True, exclude_none=True)


class OwnerReference(Part):
    """An object that this one goes away with."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class ObjectMeta(Part):
    """What identifies an object, and what people and programs have noted about it."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    generation: int | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: Labels | None = None
    annotations: Labels | None = None
    owner_references: list[OwnerReference] | None = None
    finalizers: list[str] | None = None

    def annotation(self, name: str) -> str:
        """Return an annotation, or the empty text where there is none."""
        return (self.annotations or {}).get(name, "")


class KubernetesObject(Part):
    """An object with a kind and a name. `api_version` and `kind` are set by each class."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)

    @property
    def name(self) -> str:
        """Its name; empty where it has none yet."""
        return self.metadata.name or ""

    @property
    def namespace(self) -> str:
        """Its namespace; empty where it has none (yet, or because it belongs to the whole cluster)."""
        return self.metadata.namespace or ""

    def with_metadata(self, **changes: Any) -> Self:
        """Return the same object with some of its metadata changed."""
        return self.model_copy(update={"metadata": self.metadata.model_copy(update=changes)})

    def to_yaml(self) -> str:
        """Return the document as YAML: apiVersion, kind, metadata, spec, status."""
        return dump(self.to_dict())


class Condition(Part):
    """One thing that is so (``True``), is not (``False``), or is not known (``Unknown``), and since when."""

    type: str
    status: str
    severity: str | None = None
    last_transition_time: str | None = None
    reason: str | None = None
    message: str | None = None


_EXPECTED = {
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "bool_type": "must be a boolean",
    "list_type": "must be a list",
    "dict_type": "must be a map",
    "model_type": "must be a map",
    "model_attributes_type": "must be a map",
}


def _as_kubernetes_says(error: ValidationError) -> str:
    """Return the first problem in the API server's words: ``spec.x[0].y: Invalid value: "z": must be …``."""
    first = error.errors(include_url=False)[0]
    path = field_path(first["loc"])
    if first["type"] == "missing":
        return f"{path}: Required value"
    value = quoted(first["input"])
    if first["type"] == "literal_error":
        return f"{path}: Unsupported value: {value}: supported values: {first['ctx']['expected']}"
    return f"{path}: Invalid value: {value}: {_EXPECTED.get(first['type'], first['msg'])}"


def field_path(location: tuple[int | str, ...]) -> str:
    """Return where in a document something is: ``spec.containers[0].name``; a union's branches are left out."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step not in {"str", "int", "float"}:
            path += f".{step}" if path else step
    return path or "<root>"


def quoted(value: object) -> str:
    """Return a value as error messages show it: text in double quotes, no more than a line of anything."""
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 100 else text[:97] + "…"
