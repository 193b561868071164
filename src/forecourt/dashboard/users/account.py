"""One's own account: password, tokens, and where one has signed in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.access import SIGN_IN, asking
from forecourt.dashboard.calls import Calls, path
from forecourt.dashboard.forms import Form, problems
from forecourt.dashboard.pages import Page, Pages, see_other
from forecourt.dashboard.users.signing import SESSIONS, password_of
from forecourt.errors import ForecourtError, InvalidInput

ME = "/api/forecourt/v1/users/me"
TOKENS = "/api/forecourt/v1/tokens"
LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("0", "Never expires"))


class AccountPages:
    """The page and what it does."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route("/account", view(self.show)),
            Route("/account/password", view(self.password), methods=["POST"]),
            Route("/account/tokens", view(self.make_token), methods=["POST"]),
            Route("/account/tokens/{token}/revoke", view(self.revoke), methods=["POST"]),
            Route("/account/sessions/{session}/end", view(self.end), methods=["POST"]),
            Route("/account/sessions/end", view(self.end_others), methods=["POST"]),
        ]

    async def show(self, _: Request) -> Page:
        """Show the account."""
        return await self._page()

    async def password(self, request: Request) -> Page | Response:
        """Change the password."""
        form = await Form.of(request)
        try:
            password, current = await password_of(request), await password_of(request, "current")
            if password != await password_of(request, "again"):
                raise InvalidInput("again: is not the same")
            await self._calls.post(f"{ME}/password", {"current": current, "password": password})
        except ForecourtError as error:
            return await self._page(form, error, {"current": "current", "password": "password", "again": "again"})
        return see_other(request, "/account", notice="Your password is changed; you are signed out everywhere else")

    async def make_token(self, request: Request) -> Page:
        """Make a token, and show it this once."""
        form = await Form.of(request)
        days = int(form["days"]) if form["days"].isdecimal() else 90
        try:
            made = await self._calls.post(TOKENS, {"name": form["name"], "days": min(days, 3650) or None})
        except ForecourtError as error:
            return await self._page(form, error, {"name": "name", "days": "days"})
        return await self._page(made=made)

    async def revoke(self, request: Request) -> Response:
        """Revoke a token."""
        done = await self._calls.delete(TOKENS + path(request.path_params["token"]))
        return see_other(
            request, "/account", notice=f"Token {(await Form.of(request))['name'] or done['name']} revoked"
        )

    async def end(self, request: Request) -> Response:
        """End a session elsewhere."""
        await self._calls.delete(SESSIONS + path(request.path_params["session"]))
        return see_other(request, "/account", notice="Signed out there")

    async def end_others(self, request: Request) -> Response:
        """End all other sessions."""
        await self._calls.delete(SESSIONS, others=True)
        return see_other(request, "/account", notice="Signed out everywhere else")

    async def _page(
        self,
        form: Form | None = None,
        error: ForecourtError | None = None,
        fields: dict[str, str] | None = None,
        made: object = None,
    ) -> Page:
        said = asking()
        mine = said is not None and not said.local and said.identity is not None
        errors, told = problems(error, fields or {}) if error else ({}, None)
        typed = {key: value for key, value in (form.typed if form else {}).items() if key in ("name", "days")}
        data = {
            "me": await self._calls.get(ME),
            "tokens": (await self._calls.get(TOKENS))["items"] if mine else [],
            "sessions": (await self._calls.get(SESSIONS))["items"] if mine else [],
            "mine": mine,
            "made": made,
            "lifetimes": LIFETIMES,
            "form": {"days": "90"} | typed,
            "errors": errors,
            "error": told,
            "sign_in": SIGN_IN,
        }
        headers = {"cache-control": "no-store"} if made else {}
        return Page(
            "users/account.html", "Your account", data, "account", status=422 if error else 200, headers=headers
        )
