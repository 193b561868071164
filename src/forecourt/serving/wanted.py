"""A deployment as the form of Open Data Hub's dashboard says it, both ways: to the object that it makes, and back.

An object that is there may have more than the form knows of. It is changed by the difference between what the form
would make of what it read from the object and what it makes now (`change`), so that the rest stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from forecourt.serving.access import AUTH, EXPOSED, VISIBILITY
from forecourt.serving.admission import PROFILE, PROFILE_NAMESPACE
from forecourt.serving.compose import MODEL_TYPE, compose
from forecourt.serving.history import CAUSE
from forecourt.serving.model import DISPLAY_NAME
from forecourt.serving.registration import registry_labels
from forecourt.serving.replicas import WINDOW, scaled
from forecourt.serving.source import CONNECTION, CONNECTION_PATH
from forecourt.serving.validation import DEPLOYMENT_MODE

DESCRIPTION = "openshift.io/description"
STANDARD, ADVANCED = "Standard", "Advanced"
_WRITTEN = {STANDARD: "RawDeployment", ADVANCED: "Serverless"}
"""The words that every version of KServe understands; newer ones say Standard and Knative."""
_READ = {"Standard": STANDARD, "RawDeployment": STANDARD, "Knative": ADVANCED, "Serverless": ADVANCED}
_OF_A_PROFILE = ("forecourt.dev/cpu-affinity", "forecourt.dev/devices")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form says. None and empty are what it leaves to others."""

    name: str
    model_format: str
    uri: str = ""
    """Where the model is; empty where a connection's bucket says it."""
    title: str = ""
    description: str = ""
    format_version: str = ""
    model_type: str = ""
    connection: str = ""
    path: str = ""
    """Where the model is in the bucket of the connection."""
    labels: Mapping[str, str] = field(default_factory=dict)
    runtime: str = ""
    mode: Literal["", "Standard", "Advanced"] = ""
    least: int = 1
    most: int | None = 1
    target: int | None = None
    """Requests at a time that are right for one replica."""
    window: str = ""
    """How long the load is averaged over, as ``60s``."""
    profile: str = ""
    profile_namespace: str = ""
    requests: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    exposed: bool = False
    protected: bool = False
    args: Sequence[str] = ()
    env: Sequence[tuple[str, str]] = ()
    strategy: str = "RollingUpdate"
    timeout: int | None = None
    """Seconds until the route gives a request up."""
    canary: int | None = None
    cause: str = ""

    @classmethod
    def of(cls, document: Document) -> Wanted:
        """Read it from an object."""
        metadata, predictor = document["metadata"], document["spec"]["predictor"]
        notes, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
        model = predictor.get("model") or {}
        resources = model.get("resources") or {}
        least = predictor.get("minReplicas")
        least = 1 if least is None else least
        most = predictor.get("maxReplicas")
        written = _READ.get(notes.get(DEPLOYMENT_MODE, ""))
        return cls(
            name=metadata["name"],
            model_format=(model.get("modelFormat") or {}).get("name") or "",
            uri=model.get("storageUri") or "",
            title=notes.get(DISPLAY_NAME) or metadata["name"],
            description=notes.get(DESCRIPTION) or "",
            format_version=(model.get("modelFormat") or {}).get("version") or "",
            model_type=notes.get(MODEL_TYPE) or "",
            connection=notes.get(CONNECTION) or "",
            path=notes.get(CONNECTION_PATH) or (model.get("storage") or {}).get("path") or "",
            labels={key: labels[key] for key in registry_labels("", "") if key in labels},
            runtime=model.get("runtime") or "",
            mode=written or (STANDARD if most in (None, least) and least else ADVANCED),  # type: ignore[arg-type]
            least=least,
            most=most,
            target=predictor.get("scaleTarget"),
            window=notes.get(WINDOW) or "",
            profile=notes.get(PROFILE) or "",
            profile_namespace=notes.get(PROFILE_NAMESPACE) or "",
            requests=resources.get("requests") or {},
            limits=resources.get("limits") or {},
            exposed=labels.get(VISIBILITY) == EXPOSED,
            protected=str(notes.get(AUTH)).lower() == "true",
            args=model.get("args") or (),
            env=[(one["name"], one.get("value") or "") for one in model.get("env") or () if "valueFrom" not in one],
            strategy=(predictor.get("deploymentStrategy") or {}).get("type") or "RollingUpdate",
            timeout=predictor.get("timeout"),
            canary=predictor.get("canaryTrafficPercent"),
            cause=notes.get(CAUSE) or "",
        )

    def document(self, namespace: str) -> Document:
        """Return the object that it makes; raises `InvalidObject` where it cannot be one."""
        made = compose(
            self.name,
            self.uri,
            model_format=self.model_format,
            namespace=namespace,
            runtime=self.runtime or None,
            args=self.args,
            env=dict(self.env),
            display_name=self.title or None,
            labels=dict(self.labels) | ({VISIBILITY: EXPOSED} if self.exposed else {}),
            annotations=self._annotations(),
        ).to_dict()
        predictor: Document = made["spec"]["predictor"]
        predictor |= {"minReplicas": self.least, "maxReplicas": self.most} | scaled(self.target)
        predictor |= {"timeout": self.timeout, "deploymentStrategy": {"type": self.strategy}}
        predictor["canaryTrafficPercent"] = self.canary
        model = predictor["model"]
        if self.format_version:
            model["modelFormat"]["version"] = self.format_version
        resources = {"requests": dict(self.requests), "limits": dict(self.limits)}
        if any(resources.values()):
            model["resources"] = {kind: amounts for kind, amounts in resources.items() if amounts}
        made["spec"]["predictor"] = {key: value for key, value in predictor.items() if value is not None}
        made.pop("status", None)
        return made

    def change(self, before: Document) -> Document:
        """Return the merge patch that makes the object that is there (`before`) what is wanted; empty where it is."""
        namespace, was = before["metadata"].get("namespace", ""), Wanted.of(before)
        change: Document = _difference(was.document(namespace), self.document(namespace))
        if self.profile != was.profile:
            self._equipped(change, was)
        if (env := _at(change, "spec", "predictor", "model")) and "env" in env:
            kept = [one for one in _at(before, "spec", "predictor", "model", "env") or () if "valueFrom" in one]
            env["env"] = [*kept, *(env["env"] or ())] or None
        return change

    def _annotations(self) -> dict[str, str]:
        said = {
            DESCRIPTION: self.description,
            MODEL_TYPE: self.model_type,
            CONNECTION: self.connection,
            CONNECTION_PATH: self.path,
            PROFILE: self.profile,
            PROFILE_NAMESPACE: self.profile_namespace if self.profile else "",
            DEPLOYMENT_MODE: _WRITTEN.get(self.mode, ""),
            WINDOW: self.window,
            CAUSE: self.cause,
        }
        return {key: value for key, value in said.items() if value} | {AUTH: str(self.protected).lower()}

    def _equipped(self, change: Document, was: Wanted) -> None:
        """Take out what the profile before had put in."""
        predictor = change.setdefault("spec", {}).setdefault("predictor", {})
        predictor |= {"nodeSelector": None, "tolerations": None}
        change.setdefault("metadata", {}).setdefault("annotations", {}).update(dict.fromkeys(_OF_A_PROFILE))
        resources = predictor.setdefault("model", {}).setdefault("resources", {})
        for kind, now, then in (("requests", self.requests, was.requests), ("limits", self.limits, was.limits)):
            stale: Document = {key: None for key, value in then.items() if now.get(key) == value}
            resources[kind] = (resources.get(kind) or {}) | stale


def _difference(before: Document, after: Document) -> Document:
    """Return the merge patch (RFC 7386) from one document to another."""
    change: Document = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            if inner := _difference(old, value):
                change[key] = inner
        elif old != value:
            change[key] = value
    return change


def _at(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document
