"""The pages of deployments, wired."""

from __future__ import annotations

from starlette.routing import Route

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.deployments.actions import Actions
from forecourt.dashboard.deployments.details import Details
from forecourt.dashboard.deployments.editing import Editing
from forecourt.dashboard.deployments.frame import unless_gone
from forecourt.dashboard.deployments.listing import Listing
from forecourt.dashboard.deployments.logs import Logs
from forecourt.dashboard.deployments.revisions import Revisions
from forecourt.dashboard.deployments.scaling import Scaling
from forecourt.dashboard.deployments.tokens import Tokens
from forecourt.dashboard.pages import Pages, View


class DeploymentPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._pages = pages
        self._listing = Listing(calls)
        self._actions = Actions(calls)
        self._details = Details(calls)
        self._revisions = Revisions(calls)
        self._scaling = Scaling(calls)
        self._tokens = Tokens(calls)
        self._logs = Logs(calls)
        self._editing = Editing(calls)

    def routes(self) -> list[Route]:
        """Return the routes."""
        both = ["GET", "POST"]
        of_one: list[tuple[str, View, list[str]]] = [
            ("", self._details.show, ["GET"]),
            ("/status", self._details.status, ["GET"]),
            ("/fit", self._details.fit, ["GET"]),
            ("/start", self._actions.start, ["POST"]),
            ("/stop", self._actions.stop, ["POST"]),
            ("/delete", self._actions.delete, both),
            ("/scale", self._scaling.scale, both),
            ("/logs", self._logs.show, ["GET"]),
            ("/log", self._logs.stream, ["GET"]),
            ("/revisions", self._revisions.show, ["GET"]),
            ("/rollback", self._revisions.roll_back, both),
            ("/promote", self._revisions.promote, ["POST"]),
            ("/tokens", self._tokens.show, both),
            ("/tokens/require", self._tokens.require, ["POST"]),
            ("/tokens/expose", self._tokens.expose, ["POST"]),
            ("/tokens/revoke", self._tokens.revoke, both),
            ("/yaml", self._editing.show, ["GET"]),
            ("/yaml/edit", self._editing.edit, both),
            ("/yaml/check", self._editing.check, ["POST"]),
        ]
        return [
            Route("/deployments", self._pages.view(self._listing.list), name="deployments"),
            *(
                Route("/deployments/{project}/{name}" + tail, self._pages.view(unless_gone(view)), methods=methods)
                for tail, view, methods in of_one
            ),
        ]
