"""What has no page yet and is done with a command: its address says which."""

from __future__ import annotations

import shlex

from starlette.requests import Request
from starlette.routing import Route

from forecourt.dashboard.pages import Page, Pages

_COMMANDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "/registry": ("registry", "Model registry", ("forecourt registry models", "forecourt registry --help")),
}


class Elsewhere:
    """The pages, which come after all others: one that is made takes their place."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view(self.page)
        return [Route(path, view) for prefix in _COMMANDS for path in (prefix, prefix + "/{rest:path}")]

    async def page(self, request: Request) -> Page:
        """Show the commands for what is asked for."""
        prefix = next(one for one in _COMMANDS if request.url.path.startswith(one))
        section, title, commands = _COMMANDS[prefix]
        uri = request.query_params.get("from", "")
        if uri and prefix == "/registry":
            command = "forecourt catalog register" if uri.startswith("catalog://") else "forecourt registry register"
            title, commands = "Register model", (f"{command} {shlex.quote(uri)}",)
        return Page("elsewhere.html", title, {"commands": commands}, section)
