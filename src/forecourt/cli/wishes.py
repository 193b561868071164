"""What a person wants of a deployment beside its model, as the change of its object that makes it so.

A change is a merge patch (RFC 7386): laid over a new object it completes it, sent to one that is there it changes what
was said and leaves the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forecourt.cli.access import AUTH, EXPOSED, VISIBILITY
from forecourt.errors import InvalidInput
from forecourt.serving.replicas import WINDOW, bounded, checked_window, scaled

Document = dict[str, Any]

CONNECTION, CONNECTION_PATH = "opendatahub.io/connections", "opendatahub.io/connection-path"
PROFILE, PROFILE_NAMESPACE = "opendatahub.io/hardware-profile-name", "opendatahub.io/hardware-profile-namespace"
CAUSE = "kubernetes.io/change-cause"
_OF_A_PROFILE = ("forecourt.dev/cpu-affinity", "forecourt.dev/devices", PROFILE_NAMESPACE)
_STRATEGIES = {"rolling": "RollingUpdate", "recreate": "Recreate"}
_PATTERNS = {"allow": "STORAGE_ALLOW_PATTERNS", "ignore": "STORAGE_IGNORE_PATTERNS"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was said; None and empty are what was not."""

    runtime: str | None = None
    replicas: int | None = None
    least: int | None = None
    most: int | None = None
    target: int | None = None
    window: str | None = None
    args: Sequence[str] = ()
    no_args: bool = False
    """That the arguments it has go; `args` come in their place anyway."""
    env: Mapping[str, str | None] = field(default_factory=dict)
    """Variables; those that are None go."""
    cpu: str | None = None
    memory: str | None = None
    connection: str | None = None
    path: str | None = None
    profile: str | None = None
    exposed: bool | None = None
    protected: bool | None = None
    strategy: str | None = None
    canary: int | None = None
    allow: Sequence[str] = ()
    ignore: Sequence[str] = ()
    cause: str | None = None

    def change(self, before: Document | None = None) -> Document:
        """Return the change, of a deployment that is there or of one that is made; raises `InvalidInput`."""
        predictor: Document = bounded(self.replicas, self.least, self.most) | scaled(self.target)
        if "minReplicas" in predictor and "maxReplicas" not in predictor:  # else KServe takes the two for the same
            there = _at(before, "spec", "predictor", "maxReplicas") or 1
            predictor["maxReplicas"] = max(there, predictor["minReplicas"], 1)
        if self.strategy is not None:
            predictor["deploymentStrategy"] = {"type": _strategy(self.strategy)}
        if self.canary is not None:
            predictor["canaryTrafficPercent"] = self.canary
        if model := self._model(before):
            predictor["model"] = model
        if self.profile is not None and before:
            predictor |= {"nodeSelector": None, "tolerations": None}  # those of the profile before
        labels = {} if self.exposed is None else {VISIBILITY: EXPOSED if self.exposed else None}
        annotations = self._annotations(before)
        metadata = {key: value for key, value in (("labels", labels), ("annotations", annotations)) if value}
        return ({"metadata": metadata} if metadata else {}) | ({"spec": {"predictor": predictor}} if predictor else {})

    def _model(self, before: Document | None) -> Document:
        model: Document = {}
        if self.runtime is not None:
            model["runtime"] = self.runtime
        if self.args or self.no_args:
            model["args"] = list(self.args) or None
        env = dict(self.env)
        for name, patterns in (("allow", self.allow), ("ignore", self.ignore)):
            if patterns:
                env[_PATTERNS[name]] = json.dumps(list(patterns))
        if env:
            there = {one["name"]: one for one in _at(before, "spec", "predictor", "model", "env") or []}
            said = {key: {"name": key, "value": value} for key, value in env.items()}
            model["env"] = [one for key, one in (there | said).items() if env.get(key, "") is not None] or None
        resources = {key: value for key, value in (("cpu", self.cpu), ("memory", self.memory)) if value is not None}
        if resources or (self.profile is not None and before):
            old = _at(before, "spec", "predictor", "model", "resources") or {}
            model["resources"] = {
                kind: (dict.fromkeys(old.get(kind) or {}) if self.profile is not None else {}) | resources
                for kind in ("requests", "limits")
            }
        return model

    def _annotations(self, before: Document | None) -> Document:
        said: Document = {
            AUTH: None if self.protected is None else str(self.protected).lower(),
            CONNECTION: self.connection,
            CONNECTION_PATH: self.path,
            PROFILE: self.profile,
            WINDOW: None if self.window is None else checked_window(self.window),
            CAUSE: self.cause,
        }
        annotations: Document = {key: value for key, value in said.items() if value is not None}
        if before and self.cause is None:
            annotations[CAUSE] = None  # that of the change before
        if before and self.profile is not None:
            annotations |= dict.fromkeys(_OF_A_PROFILE)
        if before and self.connection is not None and self.path is None:
            annotations[CONNECTION_PATH] = None
        return annotations


def _strategy(word: str) -> str:
    if word.lower() not in _STRATEGIES:
        raise InvalidInput(f"--strategy {word!r} is none.", hint=f"Say {' or '.join(_STRATEGIES)}.")
    return _STRATEGIES[word.lower()]


def _at(document: Document | None, *keys: str) -> Any:
    value: Any = document
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
