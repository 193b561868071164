"""The pages of deployments, wired."""

from __future__ import annotations

from starlette.routing import Route

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.deployments.actions import Actions
from forecourt.dashboard.deployments.details import Details
from forecourt.dashboard.deployments.editing import Editing
from forecourt.dashboard.deployments.listing import Listing
from forecourt.dashboard.deployments.logs import Logs
from forecourt.dashboard.deployments.revisions import Revisions
from forecourt.dashboard.deployments.scaling import Scaling
from forecourt.dashboard.deployments.tokens import Tokens
from forecourt.dashboard.pages import Pages


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
        view, one = self._pages.view, "/deployments/{project}/{name}"
        return [
            Route("/deployments", view(self._listing.list), name="deployments"),
            Route(one, view(self._details.show)),
            Route(f"{one}/fit", view(self._details.fit)),
            Route(f"{one}/revisions", view(self._revisions.show)),
            Route(f"{one}/rollback", view(self._revisions.roll_back), methods=["GET", "POST"]),
            Route(f"{one}/promote", view(self._revisions.promote), methods=["POST"]),
            Route(f"{one}/scale", view(self._scaling.scale), methods=["GET", "POST"]),
            Route(f"{one}/logs", view(self._logs.show)),
            Route(f"{one}/log", view(self._logs.stream)),
            Route(f"{one}/tokens", view(self._tokens.show), methods=["GET", "POST"]),
            Route(f"{one}/tokens/require", view(self._tokens.require), methods=["POST"]),
            Route(f"{one}/tokens/expose", view(self._tokens.expose), methods=["POST"]),
            Route(f"{one}/tokens/revoke", view(self._tokens.revoke), methods=["GET", "POST"]),
            Route(f"{one}/yaml", view(self._editing.show)),
            Route(f"{one}/yaml/edit", view(self._editing.edit), methods=["GET", "POST"]),
            Route(f"{one}/yaml/check", view(self._editing.check), methods=["POST"]),
            Route(f"{one}/status", view(self._listing.status)),
            Route(f"{one}/start", view(self._actions.start), methods=["POST"]),
            Route(f"{one}/stop", view(self._actions.stop), methods=["POST"]),
            Route(f"{one}/delete", view(self._actions.delete), methods=["GET", "POST"]),
        ]
