"""From a runtime and an `InferenceService` to one container, and from that to arguments and environment of a process.

`merge` is what KServe does (pkg/controller/v1beta1/inferenceservice/utils/utils.go: MergeRuntimeContainers and
ReplacePlaceholders): the model's container is merged over the runtime's as a Kubernetes strategic merge patch, except
that the arguments of both follow one another; then ``{{.Name}}``, ``{{.Namespace}}``, ``{{.Labels.x}}`` and
``{{.Annotations.x}}`` take what the service's metadata say. Of Go's template language these are understood, and
``index`` for keys that are no Go names; anything else is refused rather than passed on.

`expand` is what the kubelet does (third_party/forked/golang/expansion): ``$(VAR)`` is the variable's value, or stays as
it is where there is no such variable; ``$$`` is a dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forecourt.errors import InvalidObject
from forecourt.serving.model import Container, InferenceService, ObjectMeta, ServingRuntime

MODEL_PATH = "/mnt/models"
"""Where KServe mounts the model; in a process beside us it is a directory of ours instead."""

PLACEHOLDERS = '{{.Name}}, {{.Namespace}}, {{.Labels.x}}, {{.Annotations.x}} and {{index .Annotations "a/b"}}'
"""What is understood, for people."""

_MERGE_KEYS = {
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
}
"""The fields of a container whose entries are merged one by one, and the key that tells which is which."""

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FIELD = re.compile(r"\.(?P<field>Name|Namespace|Labels|Annotations)(?:\.(?P<key>[^\W\d]\w*))?")
_INDEX = re.compile(r"""index\s+\.(?P<field>Labels|Annotations)\s+(?:"(?P<key>[^"]*)"|`(?P<raw>[^`]*)`)""")
_VARIABLE = re.compile(r"\$(?:\$|\((?P<name>[^)]*)\))")
_MODEL_PATH = re.compile(rf"(?:(?<=^-[A-Za-z])|(?<![\w.-])){MODEL_PATH}(?![\w.-])")


def merge(runtime: ServingRuntime, service: InferenceService) -> Container:
    """Return the container that serves: the runtime's, with what the service says over it.

    Raises `InvalidObject` where the runtime has no container to serve with, or a placeholder cannot be filled.
    """
    model = service.model
    ours, theirs = runtime.container.to_dict(), model.container.to_dict()
    merged = _strategic(ours, {key: value for key, value in theirs.items() if value != ""})
    if ours.get("args") or theirs.get("args"):
        merged["args"] = [*ours.get("args", ()), *theirs.get("args", ())]
    if model.runtime_version and not theirs.get("image"):
        merged["image"] = _with_tag(merged.get("image", ""), model.runtime_version)
    return Container.from_dict(_each_text(merged, lambda text: fill_in(text, service.metadata)))


def fill_in(text: str, metadata: ObjectMeta) -> str:
    """Fill in the placeholders of `text`; raises `InvalidObject` where one is not understood or has no value."""
    return _PLACEHOLDER.sub(lambda match: _value(match, metadata), text)


def not_understood(text: str) -> list[str]:
    """Return the placeholders of a text that `fill_in` would refuse, whatever the service's metadata say."""
    found = (match for match in _PLACEHOLDER.finditer(text) if not _is_understood(match[1].strip()))
    return [match[0] for match in found]


def expand(
    container: Container, overrides: Mapping[str, str], model: Path | str
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the arguments and the environment of a process that stands in for `container`.

    `overrides` are variables that hold whatever the container says of them. `model` takes the place of ``/mnt/models``.
    Variables whose value only a cluster can look up (``valueFrom``) are left out.
    """

    def at_its_place(text: str) -> str:
        return _MODEL_PATH.sub(lambda _: str(model), text)

    raw = dict(overrides)
    environment = dict(overrides)
    for variable in container.env or ():
        if variable.name not in overrides and variable.value_from is None:
            raw[variable.name] = _expand(variable.value or "", raw)
            environment[variable.name] = at_its_place(raw[variable.name])
    arguments = (_expand(argument, raw) for argument in container.args or ())
    return tuple(map(at_its_place, arguments)), environment


def _strategic(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(ours)
    for key, value in theirs.items():
        there = merged.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            merged[key] = _strategic(there, value)
        elif key in _MERGE_KEYS and isinstance(there, list):
            merged[key] = _merge_entries(there, value, _MERGE_KEYS[key])
        else:
            merged[key] = value
    return merged


def _merge_entries(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    merged = {entry.get(key): entry for entry in ours}
    for entry in theirs:
        # A variable has a value or a place to look it up, so theirs replaces ours whole; other entries have many parts.
        replaces = key == "name" or entry.get(key) not in merged
        merged[entry.get(key)] = entry if replaces else _strategic(merged[entry.get(key)], entry)
    return list(merged.values())


def _with_tag(image: str, tag: str) -> str:
    """Return `image` with another tag; one that is named by its digest stays."""
    if not image or "@" in image:
        return image
    directory, slash, name = image.rpartition("/")
    return f"{directory}{slash}{name.partition(':')[0]}:{tag}"


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(entry, change) for entry in value]
    if isinstance(value, dict):
        return {key: _each_text(entry, change) for key, entry in value.items()}
    return value


def _is_understood(expression: str) -> bool:
    if expression in (".Name", ".Namespace") or _INDEX.fullmatch(expression):
        return True
    match = _FIELD.fullmatch(expression)
    return match is not None and match["key"] is not None and match["field"] in ("Labels", "Annotations")


def _value(placeholder: re.Match[str], metadata: ObjectMeta) -> str:
    expression = placeholder[1].strip()
    if expression == ".Name":
        return metadata.name or ""
    if expression == ".Namespace":
        return metadata.namespace or ""
    if match := _INDEX.fullmatch(expression):
        # Go's index gives the empty text for a key that is missing; a field would give "<no value>", which is no use.
        key = match["key"] if match["raw"] is None else match["raw"]
        return _values(metadata, match["field"]).get(key, "")
    match = _FIELD.fullmatch(expression)
    if match is None or not _is_understood(expression):
        raise InvalidObject(
            f"The serving runtime has the placeholder {placeholder[0]}, which is not understood.",
            hint=f"Known are {PLACEHOLDERS}.",
        )
    values = _values(metadata, match["field"])
    if match["key"] not in values:
        one = match["field"].lower().removesuffix("s")
        raise InvalidObject(
            f"metadata.{match['field'].lower()}: Required value: "
            f"the serving runtime asks for the {one} {match['key']} of {metadata.name}.",
            hint=f"Add the {one} {match['key']} to the InferenceService.",
        )
    return values[match["key"]]


def _values(metadata: ObjectMeta, field: str) -> Mapping[str, str]:
    return (metadata.labels if field == "Labels" else metadata.annotations) or {}


def _expand(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda m: "$" if m["name"] is None else variables.get(m["name"], m[0]), text)
