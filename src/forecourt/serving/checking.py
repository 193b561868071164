"""What is wrong with a serving runtime before anybody runs it: by KServe's schema, and by what Forecourt needs of it.

Nothing here reads a file or asks a server, so that the command line, the API and a form in a browser say the same.
Errors keep a runtime from being kept; a warning is what works, but maybe not as its author thinks.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

from forecourt.errors import InvalidInput, InvalidObject
from forecourt.objects import Place, Problem, place_of, structural_problems
from forecourt.processes import Requirements
from forecourt.serving.availability import ACCELERATORS, COMMAND, PLATFORMS, accelerators_of
from forecourt.serving.definitions import schema_of
from forecourt.serving.local.annotations import ENVIRONMENT, OVERRIDES, READY_SECONDS, REQUIREMENTS, LocalAnnotations
from forecourt.serving.model import ClusterServingRuntime, ServingRuntime
from forecourt.serving.templating import PLACEHOLDERS, not_understood
from forecourt.serving.validation import validate_runtime

KINDS = {"ServingRuntime": ServingRuntime, "ClusterServingRuntime": ClusterServingRuntime}
API_VERSION = "serving.kserve.io/v1alpha1"
CONTAINER = "kserve-container"

_ANNOTATIONS = (COMMAND, REQUIREMENTS, OVERRIDES, ENVIRONMENT, READY_SECONDS, PLATFORMS, ACCELERATORS)
_FIXED_PORT = re.compile(r"--?(?:\w+[-_])*port(?:=(?P<port>\d+))?")
_EVERYWHERE = re.compile(r"--?(?:\w+[-_])*host=(0\.0\.0\.0|::)")


def runtime_problems(document: Any) -> list[Problem]:
    """Return everything that is wrong with a runtime's document, errors and warnings, in the document's order."""
    if not isinstance(document, dict):
        return [Problem((), "This is no serving runtime", "it must be a map with apiVersion, kind, metadata and spec")]
    if wrong := list(_kind_problems(document)):
        return wrong
    found = structural_problems(schema_of("servingruntimes"), document)
    if all(one.unknown for one in found):
        found += _own_problems(document)
    return sorted(found, key=_in_order_of(document))


def _kind_problems(document: dict[str, Any]) -> Iterator[Problem]:
    for field, known in (("apiVersion", [API_VERSION]), ("kind", [*KINDS])):
        said = document.get(field)
        if said not in known:
            message = "Required value" if said is None else f'Unsupported value: "{said}"'
            yield Problem((field,), message, f"write {' or '.join(known)}")


def _own_problems(document: dict[str, Any]) -> list[Problem]:
    try:
        runtime = KINDS[document["kind"]].from_dict(document)
    except InvalidObject as error:
        return [_as_problem(error)]
    found: list[Problem] = []
    for check in (validate_runtime, LocalAnnotations.of, accelerators_of):
        found += _refusal(lambda check=check: check(runtime))  # type: ignore[misc]
    found += _about_containers(runtime)
    found += _about_placeholders(document.get("spec"), ("spec",))
    found += _about_this_machine(runtime)
    if not runtime.spec.supported_model_formats:
        message = "It serves no model format, so that no deployment can use it"
        found.append(Problem(("spec", "supportedModelFormats"), message, about_key=True, warning=True))
    return found


def _refusal(check: Callable[[], object]) -> list[Problem]:
    try:
        check()
    except InvalidObject as error:
        return [_as_problem(error)]
    return []


def _as_problem(error: InvalidObject) -> Problem:
    field, colon, message = error.message.partition(": ")
    place = place_of(field) if colon and " " not in field.partition("[")[0] else ()
    return Problem(place, message if place else error.message, error.hint.rstrip("."))


def _about_containers(runtime: ServingRuntime) -> Iterator[Problem]:
    containers = runtime.spec.containers
    names = [container.name for container in containers]
    if containers and CONTAINER not in names and not runtime.spec.multi_model:
        place: Place = ("spec", "containers", 0, "name") if names[0] else ("spec", "containers", 0)
        said = ", ".join(f'"{name}"' for name in names if name) or "none that has a name"
        yield Problem(
            place, f"No container is named {CONTAINER}: there is {said}", f"the one that serves must be {CONTAINER}"
        )
    for index, container in enumerate(containers):
        place = ("spec", "containers", index)
        if not container.image:
            yield Problem((*place, "image"), "It has no image, which a cluster needs", about_key=True, warning=True)
        for number, port in enumerate(container.ports or ()):
            if not 1 <= port.container_port <= 65535:
                here = (*place, "ports", number, "containerPort")
                yield Problem(here, f"Invalid value: {port.container_port}", "must be between 1 and 65535")
        yield from _about_probes(container.to_dict(), place)


def _about_probes(container: dict[str, Any], place: Place) -> Iterator[Problem]:
    ports = [port for one in container.get("ports") or () for port in (one.get("containerPort"), one.get("name"))]
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        for action in ("httpGet", "tcpSocket"):
            port = ((container.get(probe) or {}).get(action) or {}).get("port")
            if port is not None and ports and port not in ports:
                known = ", ".join(str(one) for one in ports if one is not None)
                message = f"It asks at port {port}, which is none of the container's"
                yield Problem((*place, probe, action, "port"), message, f"they are {known}", warning=True)


def _about_placeholders(value: Any, place: Place) -> Iterator[Problem]:
    if isinstance(value, str):
        for placeholder in not_understood(value):
            yield Problem(place, f"The placeholder {placeholder} is not understood", f"known are {PLACEHOLDERS}")
    elif isinstance(value, dict | list):
        for step, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _about_placeholders(child, (*place, step))


def _about_this_machine(runtime: ServingRuntime) -> Iterator[Problem]:
    """Yield what is wrong with how it says that it runs as a process on one machine."""
    annotations = runtime.metadata.annotations or {}
    at: Place = ("metadata", "annotations")
    for name in annotations:
        if name.startswith("forecourt.dev/local-") and name not in _ANNOTATIONS:
            close = get_close_matches(name, _ANNOTATIONS, n=1)
            meant = f"did you mean {close[0]}?" if close else f"known are {', '.join(_ANNOTATIONS)}"
            yield Problem((*at, name), "This annotation is not known", meant, about_key=True, warning=True)
    for name in (REQUIREMENTS, OVERRIDES):
        lines = annotations.get(name, "").splitlines()
        try:
            Requirements.parse(lines)
        except InvalidInput as error:
            yield Problem((*at, name), error.message.rstrip("."), error.hint.rstrip("."))
    command = annotations.get(COMMAND)
    if command is None:
        if runtime.spec.worker_spec is None and not runtime.spec.multi_model:
            message = "It does not say how it runs on this machine, only on a cluster"
            yield Problem(("metadata",), message, f"add the annotation {COMMAND}", warning=True)
        return
    try:
        words = shlex.split(command)
    except ValueError as error:
        yield Problem((*at, COMMAND), f"The command cannot be read: {error}", "close the quotes")
        return
    if not words:
        yield Problem((*at, COMMAND), "The command is empty", "write the program and its first arguments")
    yield from _about_addresses(runtime)


def _about_addresses(runtime: ServingRuntime) -> Iterator[Problem]:
    """Yield arguments that fix what differs from process to process on one machine: where it listens."""
    for index, container in enumerate(runtime.spec.containers):
        args = container.args or [] if container.name == CONTAINER else []
        uses_port = any("$(PORT)" in argument for argument in args)
        for number, argument in enumerate(args):
            place: Place = ("spec", "containers", index, "args", number)
            port = _FIXED_PORT.fullmatch(argument)
            follows = args[number + 1] if number + 1 < len(args) else ""
            if port and not uses_port and (port["port"] or follows.isdigit()):
                message = "Every process on this machine would listen on the same port"
                yield Problem(place, message, "write $(PORT), and give env PORT the container's port", warning=True)
            elif _EVERYWHERE.fullmatch(argument):
                message = "A process that listens to other machines is not made ready here"
                yield Problem(place, message, "write $(HOST), and give env HOST 0.0.0.0", warning=True)


def _in_order_of(document: Any) -> Callable[[Problem], tuple[int, ...]]:
    """Return the order of the places in a document, as it was written."""

    def rank(problem: Problem) -> tuple[int, ...]:
        ranks, value = [], document
        for step in problem.place:
            keys = [*value] if isinstance(value, dict) else []
            ranks.append(step if isinstance(step, int) else keys.index(step) if step in keys else len(keys))
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                value = None
        return tuple(ranks)

    return rank
