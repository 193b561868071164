"""Serving runtimes as people write them, read with the line of whatever is wrong.

A text holds one or more documents, each a `ServingRuntime`, a `ClusterServingRuntime`, a ``List`` of them, or an
OpenShift ``Template`` with them among its objects, as OpenShift AI keeps its own
(https://docs.redhat.com/en/documentation/openshift_container_platform/4.16/html/images/using-templates): parameters
take their values, and what the template says of its runtime to people (its name, its protocol, the kind of model) the
runtime says itself, unless it does already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from forecourt.errors import InvalidObject
from forecourt.objects import Located, Place, Position, Problem, load_located
from forecourt.serving.checking import KINDS, runtime_problems
from forecourt.serving.model import DISPLAY_NAME, ServingRuntime

API_PROTOCOL = "opendatahub.io/apiProtocol"
MODEL_TYPE = "opendatahub.io/model-type"

_OF_THE_TEMPLATE = (DISPLAY_NAME, API_PROTOCOL, MODEL_TYPE, "opendatahub.io/modelServingSupport")
_PARAMETER = re.compile(r"\$\{(?P<name>\w+)\}")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a text, at which field and where that is written."""

    position: Position
    problem: Problem

    def __str__(self) -> str:
        return f"{self.position}: {self.problem}"

    def to_dict(self) -> Document:
        """Return it as the API does."""
        return {
            "line": self.position.line,
            "column": self.position.column,
            "field": self.problem.field,
            "severity": "warning" if self.problem.warning else "error",
            "message": str(self.problem),
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """The runtimes of a text (none where anything is wrong), and what is wrong with it, by line."""

    runtimes: tuple[ServingRuntime, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps them from being kept."""
        return tuple(finding for finding in self.findings if not finding.problem.warning)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What works, but maybe not as it was meant."""
        return tuple(finding for finding in self.findings if finding.problem.warning)

    def checked(self) -> tuple[ServingRuntime, ...]:
        """Return the runtimes; raises `InvalidObject`, every error on a line of its own."""
        if not self.errors:
            return self.runtimes
        message = "\n".join(map(str, self.errors))
        many = f"{len(self.errors)} things are wrong:\n" if len(self.errors) > 1 else ""
        raise InvalidObject(many + message)


def read_runtimes(text: str | bytes, *, unknown_fields: bool = False) -> Reading:
    """Read the runtimes of a text. Fields that KServe does not know are errors, unless `unknown_fields` is set.

    Raises `InvalidObject` where the text is no YAML; everything else that is wrong is among the findings.
    """
    runtimes: list[ServingRuntime] = []
    findings: list[Finding] = []
    documents = load_located(text)
    for located in documents:
        wrong = [*_repeated(located), *_kind(located.document)]
        for place, document in _runtimes_in(located.document, ()) if not wrong else ():
            found = [_at(place, one, unknown_fields=unknown_fields) for one in runtime_problems(document)]
            wrong += found
            if all(one.warning for one in found):
                runtimes.append(KINDS[document["kind"]].from_dict(document))
        findings += [_finding(located, one) for one in wrong]
    if not documents:
        findings.append(Finding(Position(1, 1), Problem((), "There is nothing in it", "write a ServingRuntime")))
    for index, runtime in enumerate(runtimes):
        if any(runtime.name == other.name for other in runtimes[:index]):
            problem = Problem(("metadata", "name"), f'Two are named "{runtime.name}"', "give each a name of its own")
            findings.append(_finding(documents[-1], problem))
    ordered = tuple(sorted(findings, key=lambda finding: finding.position))
    failed = any(not finding.problem.warning for finding in ordered)
    return Reading(() if failed else tuple(runtimes), ordered)


def _finding(located: Located, problem: Problem) -> Finding:
    where = located.key if problem.about_key else located.value
    return Finding(where(problem.place), problem)


def _at(place: Place, problem: Problem, *, unknown_fields: bool) -> Problem:
    """Return a problem of a runtime that is itself at a place of a document."""
    warning = problem.warning or (problem.unknown and unknown_fields)
    return Problem(
        (*place, *problem.place), problem.message, problem.expected, problem.unknown, problem.about_key, warning
    )


def _repeated(located: Located) -> Iterator[Problem]:
    for place, _ in located.repeated:
        yield Problem(place, "This field is there twice", "write it once", about_key=True)


def _kind(document: Any) -> Iterator[Problem]:
    if not isinstance(document, dict):
        yield Problem((), "This is no Kubernetes object", "it must be a map with apiVersion, kind, metadata and spec")
        return
    kind = _kind_of(document)
    if kind in KINDS or kind in ("List", "Template") or kind.endswith("RuntimeList"):
        if kind == "Template" and not any(True for _ in _runtimes_in(document, ())):
            yield Problem(("objects",), "This template has no ServingRuntime in it", about_key=True)
        return
    message = f'Unsupported value: "{kind}"' if kind else "Required value"
    yield Problem(("kind",), message, f"write {' or '.join(KINDS)}, or an OpenShift Template with one in it")


def _kind_of(document: Any) -> str:
    return str(document.get("kind") or "") if isinstance(document, dict) else ""


def _runtimes_in(document: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    kind = _kind_of(document)
    if kind == "Template":
        objects = document.get("objects")
        for index, one in enumerate(objects if isinstance(objects, list) else ()):
            if _kind_of(one) in KINDS:
                yield (*place, "objects", index), _instance(document, one)
    elif kind.endswith("List"):
        items = document.get("items")
        for index, one in enumerate(items if isinstance(items, list) else ()):
            yield from _runtimes_in(one, (*place, "items", index))
    else:
        yield place, document


def _instance(template: Document, runtime: Document) -> Document:
    """Return a runtime of a template as it is outside of it."""
    parameters = template.get("parameters")
    values = {
        str(one.get("name")): str(one["value"])
        for one in (parameters if isinstance(parameters, list) else ())
        if isinstance(one, dict) and one.get("value") is not None
    }
    filled: Document = _filled(runtime, values)
    metadata = filled.get("metadata")
    said = (template.get("metadata") or {}).get("annotations") if isinstance(template.get("metadata"), dict) else None
    if isinstance(metadata, dict) and isinstance(said, dict):
        annotations = metadata.get("annotations") or {}
        if isinstance(annotations, dict):
            taken = {name: said[name] for name in _OF_THE_TEMPLATE if name in said and name not in annotations}
            filled = filled | {"metadata": metadata | {"annotations": annotations | taken}}
    return filled


def _filled(value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, str):
        return _PARAMETER.sub(lambda match: values.get(match["name"], match[0]), value)
    if isinstance(value, list):
        return [_filled(one, values) for one in value]
    if isinstance(value, dict):
        return {key: _filled(one, values) for key, one in value.items()}
    return value
