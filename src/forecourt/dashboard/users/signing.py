"""Signing in and out. What the API says of the session's cookie goes on to the browser as it is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from forecourt.access import SIGN_IN, asking, local_path, who
from forecourt.dashboard.calls import Calls
from forecourt.dashboard.forms import Form
from forecourt.dashboard.pages import Page, Pages, see_other
from forecourt.errors import ForecourtError

SESSIONS = "/api/forecourt/v1/sessions"


class SignInPages:
    """The pages, which ask what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route(SIGN_IN, view(self.sign_in), methods=["GET", "POST"]),
            Route("/sign-out", view(self.sign_out), methods=["POST"]),
        ]

    async def sign_in(self, request: Request) -> Page | Response:
        """Ask for a name and a password, and go on to where one wanted to go."""
        following = local_path(request.query_params.get("next", ""))
        if asking() is None or (request.method == "GET" and who() is not None):
            return RedirectResponse(following, 303)
        form = await Form.of(request)
        error, status = None, 200
        if request.method == "POST":
            try:
                body = {"name": form["name"], "password": await password_of(request)}
                answer = await self._calls.send("POST", SESSIONS, body)
                return _with_cookie(see_other(request, following), answer.headers.get("set-cookie", ""))
            except ForecourtError as refused:
                error, status = {"message": refused.message, "hint": refused.hint}, refused.status
        data = {"form": {"name": form["name"]}, "error": error, "next": following}
        return Page("users/sign_in.html", "Sign in", data, status=422 if status == 401 else status)

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        said = asking()
        if said is None or not said.session:
            return see_other(request, SIGN_IN)
        answer = await self._calls.send("DELETE", f"{SESSIONS}/current")
        return _with_cookie(see_other(request, SIGN_IN), answer.headers.get("set-cookie", ""))


async def password_of(request: Request, field: str = "password") -> str:
    """Return a password as it was typed: white space at its ends, which a form's other fields are without, is its."""
    given = (await request.form()).get(field)
    return given if isinstance(given, str) else ""


def _with_cookie(response: Response, cookie: str) -> Response:
    if cookie:
        response.headers.append("set-cookie", cookie)
    return response
