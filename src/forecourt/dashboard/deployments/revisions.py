"""What a deployment was: its revisions, any two of them compared, and the way back to one."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from forecourt.dashboard.calls import Calls, Document, Refused, path
from forecourt.dashboard.deployments.changes import compared, kept
from forecourt.dashboard.deployments.frame import LIVE, common, crumbs, where
from forecourt.dashboard.deployments.listing import SECTION
from forecourt.dashboard.deployments.reading import (
    CAUSE,
    api,
    bounds,
    page,
    title,
)
from forecourt.dashboard.forms import Form
from forecourt.dashboard.pages import Page, see_other
from forecourt.objects import dump


async def revisions_of(calls: Calls, namespace: str, name: str) -> list[Document]:
    """Return a deployment's revisions, the newest last."""
    those = "/api/forecourt/v1/namespaces" + path(namespace, "inferenceservices", name, "revisions")
    items: list[Document] = (await calls.get(those))["items"]
    return items


class Revisions:
    """Shows the revisions of the deployments that `calls` reach, and goes back to one."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def show(self, request: Request) -> Page:
        """Show the revisions, and what differs between the two that are chosen."""
        item = await self._calls.get(api(*where(request)))
        known = await revisions_of(self._calls, *where(request))
        numbers = [one["revision"] for one in known]
        newest = numbers[-1] if numbers else 0
        first = _chosen(request.query_params.get("from"), numbers, numbers[-2] if len(numbers) > 1 else newest)
        second = _chosen(request.query_params.get("to"), numbers, newest)
        least, most = bounds(item)
        data = common(item, "revisions") | {
            "revisions": [without_data(one) for one in reversed(known)],
            "replicas": str(least) if least == most else f"{least} to {most}",
            "from": first,
            "to": second,
            "changes": _between(known, first, second),
        }
        way = crumbs(item, "Revisions")
        return Page("deployments/revisions.html", title(item), data, SECTION, way, blocks=LIVE)

    async def roll_back(self, request: Request) -> Page | Response:
        """Show what going back to a revision would change, and go back."""
        namespace, name = where(request)
        item = await self._calls.get(api(namespace, name))
        form = await Form.of(request)
        number = int(form["revision"]) if form["revision"].isdecimal() else None
        done = request.method == "POST"
        error, changes = None, list[dict[str, str]]()
        try:
            if done:
                body = {"revision": number, "changeCause": form["cause"]}
                told = await self._calls.post(api(namespace, name, "rollback"), body)
                notice = f"{title(item)} goes back to revision {told['revision']}"
                return see_other(request, page(namespace, name, "revisions"), notice=notice)
            told = await self._calls.post(api(namespace, name, "rollback"), {"revision": number}, dryRun="All")
            number = told["revision"]
            changes = compared(kept(_without_cause(item)), kept(_without_cause(told["inferenceService"])))
        except Refused as refused:
            error = {"message": refused.message, "hint": refused.hint}
        data = common(item, "revisions") | {
            "revision": number,
            "changes": changes,
            "error": error,
            "form": form.typed,
        }
        heading = f"Roll back to revision {number}" if number else "Roll back"
        blocks, status = ("deployment-dialog",), 422 if error else 200
        return Page("deployments/rollback.html", heading, data, SECTION, crumbs(item, heading), blocks, status)

    async def promote(self, request: Request) -> Response:
        """End a canary in favour of the new revision: it gets all requests."""
        change = {"spec": {"predictor": {"canaryTrafficPercent": None}}}
        item = await self._calls.patch(api(*where(request)), change)
        notice = f"The new revision of {title(item)} gets all requests"
        return see_other(request, page(*where(request)), notice=notice)


def without_data(revision: Document) -> Document:
    """Return a revision without what ran."""
    return {key: value for key, value in revision.items() if key != "data"}


def _chosen(said: str | None, numbers: Sequence[int], usual: int) -> int:
    return int(said) if said and said.isdecimal() and int(said) in numbers else usual


def _without_cause(item: Document) -> Document:
    """Return a deployment without why it was changed last, which is no part of what it is."""
    notes = {key: value for key, value in (item["metadata"].get("annotations") or {}).items() if key != CAUSE}
    return item | {"metadata": item["metadata"] | {"annotations": notes}}


def _between(known: list[Document], first: int, second: int) -> list[dict[str, str]]:
    data = {one["revision"]: dump(one["data"]) for one in known}
    return compared(data.get(first, ""), data.get(second, ""))
