"""Which deployments serve a model, or one of its versions: as they are now, and those that did before."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.deployments import table
from forecourt.dashboard.registry.reading import API

_SERVICES = "/apis/serving.kserve.io/v1beta1/inferenceservices"
_MOST = 500


async def deployments_of(calls: Calls, request: Request, *, model_id: str = "", version_id: str = "") -> dict[str, Any]:
    """Return the rows of deployments that serve a model or a version, and what has served it and does no more."""
    field, identity = ("modelVersionId", version_id) if version_id else ("registeredModelId", model_id)
    said = await calls.get(f"{API}/inference_services", filterQuery=f"{field} = {int(identity)}", pageSize=_MOST)
    places = await calls.get(f"{API}/serving_environments", pageSize=_MOST)
    names = {one["id"]: one["name"] for one in places["items"]}
    served, past = set(), []
    for one in said["items"]:
        key = names.get(one["servingEnvironmentId"], ""), one["name"].partition("/")[0]
        if one.get("desiredState") == "DEPLOYED":
            served.add(key)
        else:
            past.append({"namespace": key[0], "name": key[1], "ended": one["lastUpdateTimeSinceEpoch"]})
    services = (await calls.get(_SERVICES))["items"] if served else []
    shown = [one for one in services if (one["metadata"]["namespace"], one["metadata"]["name"]) in served]
    there = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in shown}
    data = await table(calls, request, shown)
    data |= {"global_view": True, "block": "registry-deployments", "past": past[::-1]}
    return data | {"elsewhere": [{"namespace": each[0], "name": each[1]} for each in sorted(served - there)]}
