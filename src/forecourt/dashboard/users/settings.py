"""Settings, Users and tokens: who may sign in, and what they may do."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.access import asking, who
from forecourt.dashboard.calls import Calls, path
from forecourt.dashboard.forms import Form, problems
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.dashboard.users.signing import SESSIONS, password_of
from forecourt.errors import ForecourtError

USERS = "/api/forecourt/v1/users"
HERE = "/settings/users"
SECTION = "users"
TITLE = "Users and tokens"
ROLES = (
    ("administrator", "Administrator", "May do everything: settings, users, every project."),
    ("user", "User", "Creates projects, registers models, and works in the projects that they have a role in."),
    ("viewer", "Viewer", "Sees the catalog, the registry and the projects that they have a role in; changes nothing."),
)
_FIELDS = {
    "name": "name",
    "displayName": "display_name",
    "password": "password",
    "groups": "groups",
    "role": "role",
}


class UserPages:
    """The pages. `outside` says where others reach this server; empty where they do not."""

    def __init__(self, calls: Calls, pages: Pages, outside: str) -> None:
        self._calls = calls
        self._pages = pages
        self._outside = outside

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route(HERE, view(self.list)),
            Route(f"{HERE}/new", view(self.new), methods=["GET", "POST"]),
            Route(f"{HERE}/{{user}}", view(self.edit), methods=["GET", "POST"]),
            Route(f"{HERE}/{{user}}/password", view(self.reset), methods=["POST"]),
            Route(f"{HERE}/{{user}}/sign-out", view(self.sign_out), methods=["POST"]),
            Route(f"{HERE}/{{user}}/disable", view(self.disable), methods=["POST"]),
            Route(f"{HERE}/{{user}}/enable", view(self.enable), methods=["POST"]),
            Route(f"{HERE}/{{user}}/delete", view(self.delete), methods=["GET", "POST"]),
            Route(f"{HERE}/{{user}}/tokens/{{token}}/revoke", view(self.revoke), methods=["POST"]),
        ]

    async def list(self, request: Request) -> Page:
        """Show the users whose name has what is typed; where there is none, what that means."""
        said = request.query_params.get("q", "").strip()
        found = await self._calls.get(USERS)
        shown = [one for one in found["items"] if said.casefold() in _searched(one)]
        data = {
            "users": shown,
            "total": len(found["items"]),
            "open": found["open"],
            "outside": self._outside,
            "q": said,
            "roles": _titles(),
            "me": (who() or _NOBODY).name,
        }
        return Page("users/list.html", TITLE, data, SECTION, blocks=("user-rows",))

    async def new(self, request: Request) -> Page | Response:
        """Show the form of a new user, and create them; the first one is signed in with it."""
        form = await Form.of(request)
        first = asking() is None
        errors: dict[str, str] = {}
        error = None
        if request.method == "POST":
            body: dict[str, Any] = {
                "name": form["name"],
                "displayName": form["display_name"],
                "role": "administrator" if first else form["role"] or "user",
                "groups": _groups(form["groups"]),
            }
            password = await password_of(request)
            if password or first:
                body["password"] = password
            try:
                if first and password != await password_of(request, "again"):
                    errors["again"] = "is not the same"
                else:
                    made = await self._calls.post(USERS, body)
                    if first:
                        return await self._signed_in(request, form["name"], password)
                    return self._shown_once(made, "User created")
            except ForecourtError as refused:
                errors, error = problems(refused, _FIELDS)
        typed = {key: value for key, value in form.typed.items() if key not in ("password", "again")}
        data = {
            "form": {"role": "user"} | typed,
            "errors": errors,
            "error": error,
            "roles": ROLES,
            "first": first,
            "outside": self._outside,
        }
        title = "Create the first administrator" if first else "Create user"
        return Page("users/new.html", title, data, SECTION, _crumbs(title), status=422 if errors or error else 200)

    async def edit(self, request: Request) -> Page | Response:
        """Show a user, and change them."""
        name, form = request.path_params["user"], await Form.of(request)
        errors: dict[str, str] = {}
        error = None
        if request.method == "POST":
            body = {
                "displayName": form["display_name"],
                "role": form["role"] or "user",
                "groups": _groups(form["groups"]),
            }
            try:
                await self._calls.patch(USERS + path(name), body)
                return see_other(request, HERE, notice=f"User {name} saved")
            except ForecourtError as refused:
                errors, error = problems(refused, _FIELDS)
        user = await self._calls.get(USERS + path(name))
        typed = form.typed if request.method == "POST" else {}
        kept = {"display_name": user["displayName"], "role": user["role"], "groups": ", ".join(user["groups"])}
        data = {
            "user": user,
            "tokens": (await self._calls.get(USERS + path(name) + "/tokens"))["items"],
            "form": kept | typed,
            "errors": errors,
            "error": error,
            "roles": ROLES,
            "me": (who() or _NOBODY).name,
        }
        title = user["displayName"]
        return Page("users/edit.html", title, data, SECTION, _crumbs(title), status=422 if errors or error else 200)

    async def reset(self, request: Request) -> Page:
        """Give a user a new password, and show it this once."""
        made = await self._calls.post(USERS + path(request.path_params["user"]) + "/password", {})
        return self._shown_once(made, "Password reset")

    async def sign_out(self, request: Request) -> Response:
        """Sign a user out everywhere."""
        name = request.path_params["user"]
        await self._calls.delete(USERS + path(name) + "/sessions")
        return see_other(request, HERE + path(name), notice=f"{name} is signed out everywhere")

    async def disable(self, request: Request) -> Response:
        """Have a user not sign in any more."""
        return await self._disabled(request, True)

    async def enable(self, request: Request) -> Response:
        """Have a user sign in again."""
        return await self._disabled(request, False)

    async def delete(self, request: Request) -> Page | Response:
        """Say what is lost with a user, and delete them."""
        name = request.path_params["user"]
        if request.method == "POST":
            await self._calls.delete(USERS + path(name))
            return see_other(request, HERE, notice=f"User {name} deleted")
        user = await self._calls.get(USERS + path(name))
        title = f"Delete {user['displayName']}?"
        return Page("users/delete.html", title, {"user": user}, SECTION, _crumbs("Delete user"))

    async def revoke(self, request: Request) -> Response:
        """Revoke a token of a user."""
        name, token = request.path_params["user"], request.path_params["token"]
        await self._calls.delete(USERS + path(name) + "/tokens" + path(token))
        return see_other(request, HERE + path(name), notice="Token revoked")

    async def _disabled(self, request: Request, so: bool) -> Response:
        name = request.path_params["user"]
        await self._calls.patch(USERS + path(name), {"disabled": so})
        return see_other(request, HERE, notice=f"User {name} {'disabled' if so else 'enabled'}")

    async def _signed_in(self, request: Request, name: str, password: str) -> Response:
        answer = await self._calls.send("POST", SESSIONS, {"name": name, "password": password})
        response = see_other(request, HERE, notice="You are signed in; from now on everybody has to sign in")
        response.headers.append("set-cookie", answer.headers.get("set-cookie", ""))
        return response

    def _shown_once(self, made: dict[str, Any], title: str) -> Page:
        data = {"user": made, "password": made.get("password")}
        headers = {"cache-control": "no-store"}
        return Page("users/password.html", title, data, SECTION, _crumbs(title), headers=headers)


class _Nobody:
    name = ""


_NOBODY = _Nobody()


def _crumbs(title: str) -> tuple[Crumb, ...]:
    return Crumb(TITLE, HERE), Crumb(title)


def _titles() -> dict[str, str]:
    return {value: title for value, title, _ in ROLES}


def _searched(one: dict[str, Any]) -> str:
    return " ".join([one["name"], one["displayName"], one["role"], *one["groups"]]).casefold()


def _groups(text: str) -> list[str]:
    return list(dict.fromkeys(filter(None, re.split(r"[,\s]+", text))))
