"""Environments of runtimes that are being made: each is a job, which goes on when its page is left."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from forecourt.dashboard.calls import Calls, path

_GROUP = "/apis/forecourt.dev/v1alpha1"
_TYPE = "environment"


async def making(calls: Calls) -> Mapping[str, dict[str, Any]]:
    """Return what is known of environments that are being made, or could not be, by the runtime."""
    found: dict[str, dict[str, Any]] = {}
    jobs = [one for one in (await calls.get(f"{_GROUP}/jobs"))["items"] if one["spec"]["type"] == _TYPE]
    for job in sorted(jobs, key=lambda one: str(one["metadata"].get("creationTimestamp"))):
        status, metadata = job.get("status") or {}, job["metadata"]
        phase = status.get("phase", "Pending")
        runtime = job["spec"]["parameters"]["runtime"]
        found.pop(runtime, None)
        if phase in ("Succeeded", "Cancelled"):
            continue
        found[runtime] = {
            "job": metadata["name"],
            "project": metadata["namespace"],
            "failed": phase == "Failed",
            "message": status.get("message") or "Waiting for its turn",
            "hint": status.get("hint", ""),
        }
    return found


async def make(calls: Calls, runtime: str, project: str) -> None:
    """Have the environment of a runtime be made, unless it is being made already."""
    there = (await making(calls)).get(runtime)
    if there and not there["failed"]:
        return
    spec = {"type": _TYPE, "title": f"Environment of {runtime}", "parameters": {"runtime": runtime}}
    job = {"metadata": {"name": f"{_TYPE}-{secrets.token_hex(4)}"}, "spec": spec}
    await calls.post(f"{_GROUP}/namespaces" + path(project, "jobs"), job)


async def leave_off(calls: Calls, runtime: str) -> None:
    """Have it be left off; nothing half made stays."""
    if there := (await making(calls)).get(runtime):
        where = f"{_GROUP}/namespaces" + path(there["project"], "jobs", there["job"])
        await calls.patch(where, {"spec": {"cancelled": True}})
