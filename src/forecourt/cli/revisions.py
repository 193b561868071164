"""What a deployment was, as the server has it: its revisions, with their shares of the requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forecourt.cli.columns import annotation, model
from forecourt.cli.resources import CONTROLLER_REVISION

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]

_DEPLOYMENT = "serving.kserve.io/inferenceservice"
_CAUSE = "kubernetes.io/change-cause"


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision; `share` is in percent of the requests, None where it has none."""

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
        """What it is now, in a word or two."""
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
        }


def revisions(client: Client, item: Document) -> list[Revision]:
    """Return a deployment's revisions, the newest last."""
    name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
    found = client.list(CONTROLLER_REVISION, namespace, f"{_DEPLOYMENT}={name}")["items"]
    uid = item["metadata"].get("uid")
    mine = [one for one in found if any(o.get("uid") == uid for o in one["metadata"].get("ownerReferences") or [])]
    mine.sort(key=lambda one: int(one["revision"]))
    told = ((item.get("status") or {}).get("components") or {}).get("predictor") or {}
    shares = {one.get("revisionName"): one.get("percent") for one in told.get("traffic") or []}
    return [_revision(one, mine[-1], told.get("latestRolledoutRevision"), shares) for one in mine]


def _revision(one: Document, newest: Document, stable: Any, shares: dict[Any, Any]) -> Revision:
    name = one["metadata"]["name"]
    data = one.get("data") or {}
    said = ((data.get("spec") or {}).get("predictor") or {}).get("model") or {}
    return Revision(
        number=int(one["revision"]),
        name=name,
        created=str(one["metadata"].get("creationTimestamp") or ""),
        model=str(model(data) or ""),
        runtime=str(said.get("runtime") or ""),
        cause=annotation(one, _CAUSE),
        current=one is newest,
        stable=name == stable,
        share=shares.get(name),
        data=data,
    )


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Return what is other in one document than in another, a line each: ``args: a → b``."""
    if isinstance(before, dict) and isinstance(after, dict):
        lines = []
        for key in dict.fromkeys((*before, *after)):
            lines += differences(before.get(key), after.get(key), f"{path}.{key}" if path else key)
        return lines
    if before == after:
        return []
    return [f"{path}: {_text(before)} → {_text(after)}"]


def _text(value: Any) -> str:
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    if isinstance(value, dict | list):
        import json

        return json.dumps(value, ensure_ascii=False)
    return str(value)
