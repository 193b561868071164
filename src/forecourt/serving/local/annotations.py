"""How a serving runtime says how it runs as a process on this machine: annotations that a cluster ignores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from forecourt.errors import InvalidObject
from forecourt.serving.availability import COMMAND
from forecourt.serving.containers import EnvVar
from forecourt.serving.model import ServingRuntime

REQUIREMENTS = "forecourt.dev/local-requirements"
OVERRIDES = "forecourt.dev/local-overrides"
ENVIRONMENT = "forecourt.dev/local-env"
READY_SECONDS = "forecourt.dev/local-ready-seconds"

_LONGEST = 24 * 60 * 60.0  # seconds


@dataclass(frozen=True, slots=True)
class LocalAnnotations:
    """What the annotations of a runtime say.

    `command` takes the place of the container's, `requirements` and `overrides` make its environment, `env` are
    variables that take the place of the runtime's own of the same name, and `ready_seconds` is how long it may take to
    become ready where it needs more than others do (0: it does not say).
    """

    command: str
    requirements: tuple[str, ...]
    overrides: tuple[str, ...]
    env: Mapping[str, str]
    ready_seconds: float

    @classmethod
    def of(cls, runtime: ServingRuntime) -> Self:
        """Read them; raises `InvalidObject` where one of them cannot be right."""
        annotations = runtime.metadata.annotations or {}
        return cls(
            annotations.get(COMMAND, ""),
            _lines(annotations.get(REQUIREMENTS, "")),
            _lines(annotations.get(OVERRIDES, "")),
            dict(map(_variable, _lines(annotations.get(ENVIRONMENT, "")))),
            _seconds(annotations.get(READY_SECONDS, "")),
        )

    def over(self, runtime: ServingRuntime) -> ServingRuntime:
        """Return the runtime with `env` in its container; what a deployment sets goes over both."""
        if not self.env:
            return runtime
        containers = []
        for container in runtime.spec.containers:
            own = {name: EnvVar(name=name, value=value) for name, value in self.env.items()}
            env = [own.pop(variable.name, variable) for variable in container.env or ()]
            containers.append(container.model_copy(update={"env": [*env, *own.values()]}))
        return runtime.model_copy(update={"spec": runtime.spec.model_copy(update={"containers": containers})})


def _lines(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.splitlines())))


def _variable(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or not name.isidentifier():
        raise InvalidObject(
            f"metadata.annotations[{ENVIRONMENT}]: Invalid value: {line!r} is no variable", hint="Write NAME=VALUE."
        )
    return name, value


def _seconds(text: str) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST:
        raise InvalidObject(
            f"metadata.annotations[{READY_SECONDS}]: Invalid value: {text!r} is no number of seconds up to a day"
        )
    return seconds
