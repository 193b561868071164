"""The serving runtimes as people see them in a list or a form: what each is, whether it is offered, and runs here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forecourt.errors import ForecourtError, InvalidInput, InvalidObject, NotFound
from forecourt.objects import ObjectStore
from forecourt.projects import Projects
from forecourt.serving.availability import recommended_accelerators
from forecourt.serving.local.annotations import LocalAnnotations
from forecourt.serving.matching import Match, match_runtimes, serves
from forecourt.serving.model import ModelFormat, ServingRuntime
from forecourt.serving.offering import Offering, change_offering
from forecourt.serving.runtime_text import API_PROTOCOL, MODEL_TYPE
from forecourt.serving.runtimes import known_runtimes, shipped_runtimes
from forecourt.serving.selection import Refusal
from forecourt.serving.usage import refuse_in_use, served_by

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """For which model the runtimes are listed: its format, and the accelerator that it is to have (empty: none)."""

    model_format: ModelFormat
    accelerator: str = ""


class RuntimeSettings:
    """The runtimes of an object store, those that ship among them; `refusal` says why one cannot run here."""

    def __init__(self, objects: ObjectStore, projects: Projects, refusal: Refusal) -> None:
        self._objects = objects
        self._projects = projects
        self._refusal = refusal

    # Ask

    def listed(self, namespace: str, question: Question | None = None) -> list[Document]:
        """Return what is known of each runtime, in the order set; with a question only those that serve the format."""
        offering = Offering.of(self._objects)
        runtimes = offering.applied(known_runtimes(self._objects, namespace))
        match = Match((), None)
        if question:
            runtimes = [one for one in runtimes if serves(one, question.model_format)]
            match = match_runtimes(runtimes, question.model_format, question.accelerator, self._refusal)
        return [self._described(one, offering, match if question else None) for one in runtimes]

    def get(self, namespace: str, name: str) -> Document:
        """Return what is known of a runtime, and which deployments it serves; raises `NotFound`."""
        self._known(namespace, name)
        found = next(one for one in self.listed(namespace) if one["name"] == name)
        return found | {"usedBy": served_by(self._objects, self._known(namespace, name))}

    def runtime(self, namespace: str, name: str) -> ServingRuntime:
        """Return a runtime that is there for a namespace; raises `NotFound`."""
        return self._known(namespace, name)

    def runtimes(self, namespace: str) -> Sequence[ServingRuntime]:
        """Return those that are there for a namespace."""
        return known_runtimes(self._objects, namespace)

    def accelerator_of(self, profile: str, namespace: str) -> str:
        """Return the accelerator that a hardware profile grants, by its name on a cluster; empty where it grants none.

        Raises `NotFound`.
        """
        identifiers = self._projects.profile(profile, namespace).spec.identifiers
        granted = (one for one in identifiers if one.resource_type == "Accelerator")
        return next((one.identifier for one in granted if str(one.max_count) != "0"), "")

    # Do

    def enable(self, namespace: str, name: str, *, enabled: bool) -> Document:
        """Offer a runtime, or do not; one that its own YAML disables is changed. Raises `NotFound`."""
        runtime = self._known(namespace, name)
        if enabled and runtime.spec.disabled and not _ships(runtime):
            self._objects.update(type(runtime), runtime.namespace, name, _without_disabled)
        change_offering(self._objects, lambda offering: offering.with_enabled(name, enabled))
        return self.get(namespace, name)

    def put_in_order(self, namespace: str, names: Sequence[str]) -> list[Document]:
        """Put some runtimes first, in this order, before all others; raises `NotFound`, `InvalidInput`."""
        if twice := sorted({name for name in names if list(names).count(name) > 1}):
            raise InvalidInput(f"{twice[0]} is in the order twice.", hint="Name each runtime once.")
        for name in names:
            self._known(namespace, name)
        there = [one["name"] for one in self.listed(namespace)]
        whole = [*names, *(name for name in there if name not in names)]
        change_offering(self._objects, lambda offering: offering.with_order(whole))
        return self.listed(namespace)

    def put_before(self, namespace: str, name: str, other: str) -> list[Document]:
        """Put a runtime before another one; raises `NotFound`, `InvalidInput`."""
        if name == other:
            raise InvalidInput(f"{name} cannot come before itself.", hint="Name another runtime.")
        self._known(namespace, name)
        self._known(namespace, other)
        there = [one["name"] for one in self.listed(namespace) if one["name"] != name]
        there.insert(there.index(other), name)
        return self.put_in_order(namespace, there)

    def remove(self, namespace: str, name: str, *, force: bool = False) -> None:
        """Remove a runtime that somebody made. With `force` even while deployments are served by it.

        Raises `NotFound`, `InvalidInput` for one that ships, `Conflict` where deployments are served by it.
        """
        runtime = self._known(namespace, name)
        if _ships(runtime):
            raise InvalidInput(
                f"The serving runtime {name} ships with Forecourt and cannot be removed.",
                hint=f"Have it not be offered: forecourt runtimes disable {name}",
            )
        if not force:
            refuse_in_use(self._objects, runtime)
        marked = self._objects.mark_deleted(type(runtime), runtime.namespace, name)
        self._objects.purge(type(runtime), runtime.namespace, name, marked.metadata.uid or "")
        if not any(one.name == name for one in known_runtimes(self._objects, namespace)):
            change_offering(self._objects, lambda offering: offering.without(name))

    def _known(self, namespace: str, name: str) -> ServingRuntime:
        there = known_runtimes(self._objects, namespace)
        for runtime in there:
            if runtime.name == name:
                return runtime
        raise NotFound(
            f"There is no serving runtime {name}.",
            hint=f"There are {', '.join(sorted({one.name for one in there}))}.",
        )

    def _described(self, runtime: ServingRuntime, offering: Offering, match: Match | None) -> Document:
        named_as_one_that_ships = any(runtime.name == one.name for one in shipped_runtimes())
        why = self._refusal(runtime)
        described = {
            "name": runtime.name,
            "namespace": runtime.namespace,
            "kind": runtime.kind,
            "displayName": runtime.display_name,
            "shipped": _ships(runtime),
            "replacesShipped": named_as_one_that_ships and not _ships(runtime),
            "enabled": not runtime.spec.disabled,
            "order": offering.order.index(runtime.name) if runtime.name in offering.order else None,
            "runsHere": not why,
            "whyNot": why,
            "apiProtocol": api_protocol(runtime),
            "modelTypes": _list(runtime.metadata.annotation(MODEL_TYPE)),
            "version": runtime.metadata.annotation("opendatahub.io/runtime-version"),
            "formats": [one.to_dict() for one in runtime.spec.supported_model_formats or ()],
            "protocolVersions": list(runtime.spec.protocol_versions or ()),
            "accelerators": _accelerators(runtime),
            **_predefined(runtime),
        }
        if match:
            described["matches"] = any(one is runtime for one in match.runtimes)
            described["automatic"] = match.automatic is runtime
        return described


def api_protocol(runtime: ServingRuntime) -> str:
    """Return ``REST`` or ``gRPC``: what a runtime says, or else what its protocols are."""
    protocols = runtime.spec.protocol_versions or ()
    only_grpc = bool(protocols) and all(one.startswith("grpc") for one in protocols)
    return runtime.metadata.annotation(API_PROTOCOL) or ("gRPC" if only_grpc else "REST")


def _ships(runtime: ServingRuntime) -> bool:
    """Say whether it is there without anybody having made it, which would have given it a uid."""
    return runtime.metadata.uid is None


def _predefined(runtime: ServingRuntime) -> Document:
    """Return what its container has before a deployment adds to it, and how it runs on this machine."""
    try:
        container = runtime.container
        local = LocalAnnotations.of(runtime)
    except ForecourtError:
        return {"predefinedArgs": [], "predefinedEnv": [], "image": "", "local": None}
    return {
        "predefinedArgs": list(container.args or ()),
        "predefinedEnv": [one.to_dict() for one in container.env or ()],
        "image": container.image or "",
        "local": {
            "command": local.command,
            "requirements": list(local.requirements),
            "overrides": list(local.overrides),
            "env": dict(local.env),
        }
        if local.command
        else None,
    }


def _accelerators(runtime: ServingRuntime) -> list[str]:
    try:
        return list(recommended_accelerators(runtime))
    except InvalidObject:
        return []


def _list(text: str) -> list[str]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return [str(one) for one in found] if isinstance(found, list) else []


def _without_disabled(runtime: ServingRuntime) -> ServingRuntime:
    return runtime.model_copy(update={"spec": runtime.spec.model_copy(update={"disabled": None})})
