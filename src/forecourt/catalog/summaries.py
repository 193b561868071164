"""What a list says of a model: made once, when the model is loaded, and kept with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from forecourt.catalog.model import ACCURACY, MODEL_ARTIFACT, PERFORMANCE, Document

_PROPERTIES = ("quantization", "tensor_type", "parameters_b", "average_recovery", "size", "variant_group_id")


def summary(name: str, document: Document, artifacts: Sequence[Document]) -> Document:
    """Return what matters of a model in a list, without what the database gives it: id, source and times."""
    properties = flat(document.get("customProperties"))
    performance = [flat(one.get("customProperties")) for one in artifacts if one.get("metricsType") == PERFORMANCE]
    accuracy = [flat(one.get("customProperties")) for one in artifacts if one.get("metricsType") == ACCURACY]
    return {
        "name": name,
        "description": document.get("description") or "",
        "provider": document.get("provider") or "",
        "license": document.get("license") or "",
        "tasks": document.get("tasks") or [],
        "language": document.get("language") or [],
        "validated": "validated" in properties,
        "toolCalling": bool((document.get("servingConfig") or {}).get("toolCalling")),
        **{_camel(name): properties.get(name) for name in _PROPERTIES},
        "validatedOn": _texts(properties.get("validated_on")),
        "accuracy": _first(accuracy, "overall_average"),
        "recoveryTasks": _first(accuracy, "average_recovery_tasks"),
        "contradictedClaims": _first(accuracy, "contradicted_claims") or 0,
        "logo": str(document.get("logo") or "").startswith("data:"),
        "hardware": sorted({str(one["hardware_type"]) for one in performance if "hardware_type" in one}),
        "uris": [one["uri"] for one in artifacts if one.get("artifactType") == MODEL_ARTIFACT],
    }


def _first(artifacts: Sequence[Document], name: str) -> Any:
    return next((one[name] for one in artifacts if name in one), None)


def flat(values: Mapping[str, Any] | None) -> Document:
    """Return custom properties as plain values: texts, numbers, true and false."""
    shown: Document = {}
    for name, value in (values or {}).items():
        for key in ("string_value", "double_value", "bool_value"):
            if key in value:
                shown[name] = value[key]
        if "int_value" in value:
            shown[name] = int(value["int_value"])
    return shown


def _texts(value: object) -> list[str]:
    """Return the texts of a list that upstream's catalogs write as JSON in a text, or the text itself."""
    if not isinstance(value, str) or not value:
        return []
    try:
        read = json.loads(value)
    except ValueError:
        return [value]
    return [str(each) for each in read] if isinstance(read, list) else [value]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
