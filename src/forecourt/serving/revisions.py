"""What a deployment was, as people are told it: its revisions, what each is now, and its share of the requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forecourt.serving.history import CAUSE, ControllerRevision, rolled_out
from forecourt.serving.model import InferenceService

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision: what ran (`data`), and since when (`created`, RFC 3339) and why.

    `runtime` is the one that was asked for, of the current revision the one that was chosen; empty where the format
    chooses. `current` says that it is the newest, `stable` that it was rolled out last, and `share` how many percent
    of the requests it has; None where it has none.
    """

    number: int
    name: str
    created: str
    model: str
    runtime: str
    cause: str
    current: bool
    stable: bool
    share: int | None
    data: Document

    @property
    def state(self) -> str:
        """What it is now, in a word or two; empty for one that is past."""
        if self.current and self.stable:
            return "current"
        if self.current:
            return "canary" if self.share is not None and self.share < 100 else "current, rolling out"
        return "stable" if self.stable and self.share is not None else ""

    def to_dict(self) -> Document:
        """Return it as JSON has it."""
        return {
            "revision": self.number,
            "name": self.name,
            "creationTimestamp": self.created,
            "model": self.model,
            "runtime": self.runtime,
            "changeCause": self.cause,
            "current": self.current,
            "stable": self.stable,
            "percent": self.share,
            "state": self.state,
            "data": self.data,
        }


def revisions(service: InferenceService, history: Sequence[ControllerRevision]) -> list[Revision]:
    """Return what a deployment's `history` (the newest last) is beside what its status says, in the same order."""
    predictor = (service.status_document.get("components") or {}).get("predictor") or {}
    shares = {one.get("revisionName"): one.get("percent") for one in predictor.get("traffic") or []}
    stable, status = rolled_out(service), service.status
    chosen = (status.serving_runtime_name or status.cluster_serving_runtime_name) if status else None
    told = []
    for one in history:
        data = one.data or {}
        asked = ((data.get("spec") or {}).get("predictor") or {}).get("model") or {}
        current = one is history[-1]
        told.append(
            Revision(
                number=one.revision,
                name=one.name,
                created=one.metadata.creation_timestamp or "",
                model=_location(data),
                runtime=str(asked.get("runtime") or (chosen if current else "") or ""),
                cause=one.metadata.annotation(CAUSE),
                current=current,
                stable=one.name == stable,
                share=shares.get(one.name),
                data=data,
            )
        )
    return told


def _location(data: Document) -> str:
    """Return where a revision's model is: its URI, or a path behind its connection."""
    predictor = (data.get("spec") or {}).get("predictor") or {}
    model = predictor.get("model") or {}
    storage = model.get("storage") or {}
    path = f"{storage.get('key', '')}:{storage.get('path', '')}" if storage else ""
    uris = [one.get("uri") for one in predictor.get("storageUris") or []]
    return str(model.get("storageUri") or path or next(iter(uris), "") or "")
