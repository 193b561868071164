"""How many replicas a deployment has, or between how many it follows its load."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from forecourt.dashboard.calls import Calls, Document
from forecourt.dashboard.deployments.frame import common, crumbs, where
from forecourt.dashboard.deployments.listing import SECTION
from forecourt.dashboard.deployments.reading import annotation, api, at, bounds, page, title
from forecourt.dashboard.forms import Form, problems
from forecourt.dashboard.pages import Page, see_other
from forecourt.errors import ForecourtError

WINDOW = "autoscaling.knative.dev/window"
_FIELDS = {
    "spec.predictor.minReplicas": "least",
    "spec.predictor.maxReplicas": "most",
    "spec.predictor.scaleTarget": "target",
    f"metadata.annotations[{WINDOW}]": "window",
}


class Scaling:
    """Shows and changes it for the deployments that `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def scale(self, request: Request) -> Page | Response:
        """Show the form, and scale."""
        item = await self._calls.get(api(*where(request)))
        form = await Form.of(request)
        errors, error = dict[str, str](), None
        typed: dict[str, Any] = dict(form.typed)
        if request.method == "POST":
            change, errors = _change(form)
            if not errors:
                try:
                    changed = await self._calls.patch(api(*where(request)), change)
                    least, most = bounds(changed)
                    count = str(least) if least == most else f"{least} to {most}"
                    told = f"{title(item)} is scaled to {count} replica{'' if count == '1' else 's'}"
                    return see_other(request, page(*where(request)), notice=told)
                except ForecourtError as refused:
                    errors, error = problems(refused, _FIELDS)
        else:
            least, most = bounds(item)
            target = at(item, "spec", "predictor", "scaleTarget") or ""
            typed = {"least": least, "most": most, "target": target, "window": annotation(item, WINDOW)}
        data = common(item, "details") | {"form": typed, "errors": errors, "error": error}
        status = 422 if errors or error else 200
        blocks = ("deployment-dialog",)
        return Page(
            "deployments/scale.html", f"Scale {title(item)}", data, SECTION, crumbs(item, "Scale"), blocks, status
        )


def _change(form: Form) -> tuple[Document, dict[str, str]]:
    """Return the change that a form asks for, and what in it is no number."""
    errors = dict[str, str]()
    numbers = dict[str, int | None]()
    for field, smallest in (("least", 0), ("most", 1), ("target", 1)):
        text = form[field]
        if field == "target" and not text:
            numbers[field] = None
        elif not text.isdecimal() or len(text) > 6 or int(text) < smallest:
            errors[field] = f"Write a whole number, {smallest} or more."
        else:
            numbers[field] = int(text)
    if not errors and (numbers["least"] or 0) > (numbers["most"] or 0):
        errors["most"] = f"There cannot be at least {numbers['least']} and at most {numbers['most']} replicas."
    if errors:
        return {}, errors
    target = numbers["target"]
    predictor = {
        "minReplicas": numbers["least"],
        "maxReplicas": numbers["most"],
        "scaleTarget": target,
        "scaleMetric": None if target is None else "concurrency",
    }
    return {"spec": {"predictor": predictor}, "metadata": {"annotations": {WINDOW: form["window"] or None}}}, {}
