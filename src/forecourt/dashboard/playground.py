"""The playground: a conversation with any deployment, which the browser has with the gateway itself."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.pages import Page, Pages

_SERVICES = "/apis/serving.kserve.io/v1beta1/inferenceservices"
_PREDICTIVE = {"sklearn", "xgboost", "lightgbm", "onnx", "tensorflow", "pytorch", "triton", "mlflow", "pmml", "paddle"}
_POOLING = {"embed", "embedding", "score", "classify", "reward", "pooling"}
_WORDS = {"ready": "Ready", "asleep": "Asleep", "starting": "Starting", "stopped": "Stopped", "failed": "Failed"}
_FIRST = ("ready", "asleep", "starting", "failed", "stopped")


class PlaygroundPages:
    """The page, which shows the deployments that `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route("/playground", self._pages.view(self.playground))]

    async def playground(self, request: Request) -> Page:
        """Show the deployments to talk to, and the conversation with the one or two that are chosen."""
        found = [shown(one) for one in (await self._calls.get(_SERVICES))["items"]]
        found.sort(key=lambda one: (_FIRST.index(one["state"]), one["id"]))
        by_id = {one["id"]: one for one in found}
        said = [_id(value) for value in (request.query_params.get(key, "") for key in ("deployment", "compare"))]
        missing = next((value for value in said if value and value not in by_id), "")
        chosen = [by_id[value] for value in said if value in by_id]
        if not any(said) and (first := next((one for one in found if one["state"] in ("ready", "asleep")), None)):
            chosen = [first]
        data = {
            "deployments": found,
            "chosen": chosen,
            "missing": missing,
            "gateway": str(request.base_url).rstrip("/"),
        }
        return Page("playground/playground.html", "Playground", data, "playground", blocks=("playground-state",))


def _id(said: str) -> str:
    return said if "/" in said or not said else f"default/{said}"


def shown(service: Document) -> dict[str, Any]:
    """Return what the playground says of a deployment."""
    metadata, status = service["metadata"], service.get("status") or {}
    annotations = metadata.get("annotations") or {}
    namespace, name = metadata["namespace"], metadata["name"]
    state = _state(service, status)
    return {
        "id": f"{namespace}/{name}",
        "namespace": namespace,
        "name": name,
        "title": annotations.get("openshift.io/display-name") or name,
        "model": name if namespace == "default" else f"{namespace}/{name}",
        "href": f"/deployments{path(namespace, name)}",
        "state": state,
        "words": _WORDS[state],
        "protected": annotations.get("security.opendatahub.io/enable-auth", "").lower() == "true",
        "kind": kind(service),
    }


def _state(service: Document, status: Document) -> str:
    annotations = service["metadata"].get("annotations") or {}
    states = ((status.get("modelStatus") or {}).get("states")) or {}
    if annotations.get("serving.kserve.io/stop", "").lower() == "true":
        return "stopped"
    if states.get("activeModelState") == "Standby":
        return "asleep"
    if any(one.get("type") == "Ready" and one.get("status") == "True" for one in status.get("conditions") or ()):
        return "ready"
    return "failed" if states.get("targetModelState") == "FailedToLoad" else "starting"


def kind(service: Document) -> str:
    """Return what a deployment does: ``chat``, ``embeddings`` or ``predictive``, by its format and arguments."""
    model = ((service.get("spec") or {}).get("predictor") or {}).get("model") or {}
    if str((model.get("modelFormat") or {}).get("name", "")).lower() in _PREDICTIVE:
        return "predictive"
    words = [word for argument in model.get("args") or () for word in str(argument).replace("=", " ").split()]
    for option, value in zip(words, [*words[1:], ""], strict=False):
        if option in ("--embedding", "--embeddings") or (option in ("--task", "--runner") and value in _POOLING):
            return "embeddings"
    return "chat"
