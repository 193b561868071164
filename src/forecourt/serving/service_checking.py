"""What is wrong with an `InferenceService` by KServe's schema: above all fields that KServe does not know.

A cluster would drop those, and a misspelled one with what it says. What else the schema refuses is an error where
Forecourt cannot read it either, and a warning where it can: a cluster would not take it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from forecourt.errors import InvalidObject
from forecourt.objects import Problem, structural_problems
from forecourt.serving.definitions import schema_of
from forecourt.serving.model import InferenceService


def service_problems(document: Any) -> list[Problem]:
    """Return what is wrong with a deployment's document, in its order; the status is the server's own affair."""
    if not isinstance(document, dict):
        return []  # which is told where it is read
    found = structural_problems(schema_of("inferenceservices"), document)
    found = [one for one in found if one.place[:1] != ("status",)]
    if all(one.unknown for one in found) or not _is_read(document):
        return found
    return [replace(one, warning=not one.unknown) for one in found]


def _is_read(document: dict[str, Any]) -> bool:
    try:
        InferenceService.from_dict(document)
    except InvalidObject:
        return False
    return True
