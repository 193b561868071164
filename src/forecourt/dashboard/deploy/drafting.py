"""What would come of the form as it is: the objects, what is wrong with them by field, which runtimes there are."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.connecting import refused_fields
from forecourt.dashboard.deploy.locating import Imported, Location, located
from forecourt.dashboard.deploy.offers import RUNTIMES, Offers
from forecourt.dashboard.deploy.reading import LIMIT, REQUEST, Reading, wanted_of
from forecourt.dashboard.forms import Form, problems
from forecourt.errors import ForecourtError
from forecourt.objects import dump, merged
from forecourt.projects import TYPE, ConnectionType
from forecourt.serving import Wanted, guessed

_MODEL = "spec.predictor.model"
_NOTES = "metadata.annotations"
_FIELDS = {
    "metadata.name": "name",
    "connection.metadata.name": "connection-name",
    "connection": "connection-type",
    f"{_MODEL}.storageUri": "uri",
    f"{_MODEL}.modelFormat": "model-format",
    f"{_MODEL}.runtime": "runtime",
    f"{_MODEL}.env": "env",
    f"{_MODEL}.args": "args",
    "spec.predictor.minReplicas": "replicas",
    "spec.predictor.maxReplicas": "most",
    "spec.predictor.scaleTarget": "target",
    "spec.predictor.timeout": "timeout",
    "spec.predictor.canaryTrafficPercent": "canary",
    f"{_NOTES}[serving.kserve.io/deploymentMode]": "mode",
    f"{_NOTES}[opendatahub.io/hardware-profile-name]": "profile",
    f"{_NOTES}[opendatahub.io/connections]": "connection",
    f"{_NOTES}[autoscaling.knative.dev/window]": "window",
    "tokens": "token",
}
_OF_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
_UNNAMED = "model"  # what the rest is tried with until a name is typed
_UNKNOWN_FORMAT = "vLLM"  # as the dashboard takes it where nobody says one


@dataclass(slots=True)
class Draft:
    """The form's outcome before anything is made."""

    wanted: Wanted
    location: Location
    service: Document
    """The `InferenceService` as it is sent."""
    kept: Document
    """The same as the server would keep it."""
    runtimes: Sequence[Document]
    automatic: str
    tokens: Sequence[str]
    format_found: str
    """The format that the model itself says; empty where that is not known."""
    format_known: bool
    """Whether somebody has said a format, a person or the model."""
    errors: dict[str, str] = field(default_factory=dict)
    error: dict[str, str] | None = None

    def yaml(self, offers: Offers) -> str:
        """Return the objects that will be made, without what is secret."""
        documents = [*filter(None, [_without_secrets(self.location.connection, offers)]), _without_history(self.kept)]
        return "---\n".join(map(dump, documents))

    @property
    def offered(self) -> str:
        """A mark of which runtimes are offered, so that a page knows whether it shows these."""
        told = [self.automatic, *(f"{one['name']}{one.get('matches')}{one['runsHere']}" for one in self.runtimes)]
        return hashlib.sha256(" ".join(told).encode()).hexdigest()[:12]


class Drafting:
    """Makes drafts, by asking the API."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._formats: dict[tuple[str, str], str] = {}

    async def draft(
        self,
        form: Form,
        offers: Offers,
        brought: Imported | None = None,
        before: Document | None = None,
        patience: float = 2.0,
    ) -> Draft:
        """Return the draft; a registry is waited for `patience` seconds to say what format a model has."""
        place = await located(self._calls, form, offers, brought)
        was = Wanted.of(before) if before else None
        read = Reading(form, place.errors)
        found = await self._format(offers.project, place, was, patience)
        said = form["model-format"] or found
        runtimes, automatic = await self._runtimes(offers, said, form["profile"])
        runtime = form["runtime"] or automatic
        labels = place.labels or (was.labels if was and was.uri == place.uri else {})
        where = {
            "uri": place.uri,
            "path": place.path,
            "connection": place.existing or (place.connection or {}).get("metadata", {}).get("name", ""),
            "labels": labels,
        }
        wanted = wanted_of(
            read, offers, runtime=runtime, model_format=said or _UNKNOWN_FORMAT, location=where, before=was
        )
        tokens = read.tokens()
        if not said and place.known:
            read.errors["model-format"] = "What format the model has is not known: choose it."
        if said and not runtime:
            read.errors["runtime"] = _none_chosen(runtimes, said)
        elif chosen := next((one for one in runtimes if one["name"] == runtime), None):
            if chosen["whyNot"]:
                read.errors["runtime"] = chosen["whyNot"]
        elif runtime and said:
            read.errors["runtime"] = f"The serving runtime {runtime} does not serve {said}."
        draft = Draft(wanted, place, {}, {}, runtimes, automatic, tokens, found, bool(said), read.errors)
        await self._try(draft, offers, before)
        return draft

    def order(self, draft: Draft) -> Document:
        """Return what the API takes to make it."""
        return {
            "inferenceService": draft.service,
            "connection": draft.location.connection,
            "tokens": [*draft.tokens],
        }

    async def _try(self, draft: Draft, offers: Offers, before: Document | None) -> None:
        """Have the server say what is wrong with the objects, and what it would keep of them."""
        deployments = f"/api/forecourt/v1/namespaces{path(offers.project)}/deployments"
        sound = not draft.location.errors or not draft.location.connection
        try:
            if before is None:
                named = draft.wanted if draft.wanted.name else replace(draft.wanted, name=_UNNAMED)
                draft.service = named.document(offers.project)
            else:
                draft.service = merged(before, draft.wanted.change(before))
                draft.service.pop("status", None)
            draft.kept = draft.service
            order = self.order(draft)
            if not sound:  # which the location's own fields say already: the rest is tried without it
                service = merged(draft.service, {"metadata": {"annotations": {"opendatahub.io/connections": None}}})
                order |= {"connection": None, "inferenceService": service}
            if "token" in draft.errors:
                order["tokens"] = []
            if before is None:
                made = await self._calls.post(deployments, order, dryRun="All")
            else:
                made = await self._calls.put(deployments + path(before["metadata"]["name"]), order, dryRun="All")
            if sound:
                draft.kept = made["inferenceService"]
        except ForecourtError as refused:
            errors, error = problems(refused, _FIELDS | _values_of(draft, offers) | _amounts_of(draft, offers))
            draft.errors = {**errors, **draft.errors}
            draft.error = error

    async def _format(self, project: str, place: Location, was: Wanted | None, patience: float) -> str:
        """Return the format that the model itself says; empty where it does not, or not in time."""
        if place.model_format:
            return {"safetensors": "vLLM", "openvino": "openvino_ir"}.get(place.model_format, place.model_format)
        if was and was.uri == place.uri and was.path == place.path:
            return was.model_format
        uri = place.uri or place.path
        if said := guessed(uri):
            return said
        if not place.uri or place.errors:
            return ""
        key = (project, place.uri)
        if key not in self._formats:
            try:
                async with asyncio.timeout(patience):
                    model_format = f"/api/forecourt/v1/namespaces{path(project)}/model-format"
                    answer = await self._calls.get(model_format, uri=place.uri)
            except (ForecourtError, TimeoutError):
                return ""
            if len(self._formats) > 1000:
                self._formats.clear()
            self._formats[key] = answer["format"]
        found = self._formats[key]
        return {"safetensors": "vLLM", "openvino": "openvino_ir"}.get(found, found)

    async def _runtimes(self, offers: Offers, said: str, profile: str) -> tuple[Sequence[Document], str]:
        if not said:
            return offers.runtimes, ""
        known = {"hardwareProfile": profile} if offers.profile(profile) else {}
        answer = await self._calls.get(RUNTIMES, namespace=offers.project, format=said, **known)
        return answer["items"], answer["automatic"] or ""


def _none_chosen(runtimes: Sequence[Document], said: str) -> str:
    usable = [one for one in runtimes if one["enabled"] and not one["whyNot"]]
    if usable:
        return "Several serving runtimes serve the model: choose one."
    if runtimes:
        return f"None of the {len(runtimes)} serving runtimes for {said} can run here."
    return f"No serving runtime serves {said}."


def _values_of(draft: Draft, offers: Offers) -> dict[str, str]:
    """Return the fields of a new connection by what the server calls them."""
    said = (draft.location.connection or {}).get("metadata", {}).get("annotations", {})
    kind: ConnectionType | None = offers.type(said.get(TYPE, ""))
    return {f"connection.{field}": name for field, name in refused_fields(kind).items()}


def _amounts_of(draft: Draft, offers: Offers) -> dict[str, str]:
    profile = offers.profile(draft.wanted.profile)
    resources = f"{_MODEL}.resources"
    return {
        f"{resources}.{kind}[{one['identifier']}]": prefix + one["identifier"]
        for one in (profile.identifiers if profile else ())
        for kind, prefix in (("requests", REQUEST), ("limits", LIMIT))
    }


def _without_secrets(connection: Document | None, offers: Offers) -> Document | None:
    if connection is None:
        return None
    kind = offers.type(connection["metadata"]["annotations"][TYPE])
    visible = kind.visible if kind else frozenset()
    shown = {key: value if key in visible else "(hidden)" for key, value in connection["stringData"].items()}
    return connection | {"stringData": shown}


def _without_history(service: Document) -> Document:
    """Return an object without what only the server writes."""
    if not service:
        return service
    metadata = {key: value for key, value in service["metadata"].items() if key not in _OF_THE_SERVER}
    return {key: value for key, value in service.items() if key != "status"} | {"metadata": metadata}
