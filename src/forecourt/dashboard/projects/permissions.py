"""Who may do what in a project: users and groups with their role, as Open Data Hub's dashboard shows role bindings."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.access import binding
from forecourt.dashboard.calls import Calls, Document, Refused, path
from forecourt.dashboard.forms import Form, problems
from forecourt.dashboard.pages import Page, Pages, see_other
from forecourt.dashboard.projects.project import asked_for, page
from forecourt.errors import ForecourtError, NotFound

BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_ME = "/api/forecourt/v1/users/me"
_GROUP = "rbac.authorization.k8s.io"
ROLES = {"admin": "Admin", "edit": "Contributor", "view": "Viewer"}
_KINDS = {"User": "users", "Group": "groups"}
_FIELDS = {"subjects": "subject", "roleRef": "role"}


class PermissionPages:
    """The pages, which show and change what `calls` reach."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the routes."""
        view, root = self._pages.view, "/projects/{project}/permissions"
        return [
            Route(root, view(self.list)),
            Route(root + "/add", view(self.add), methods=["POST"]),
            Route(root + "/change", view(self.change), methods=["POST"]),
            Route(root + "/remove", view(self.remove), methods=["GET", "POST"]),
        ]

    async def list(self, request: Request) -> Page:
        """Show who has which role."""
        return await self._page(request, {})

    async def add(self, request: Request) -> Page | Response:
        """Give a user or a group a role."""
        form, project = await Form.of(request), request.path_params["project"]
        kind = form["kind"] if form["kind"] in _KINDS else "User"
        field = f"{kind}-subject"
        role, subject = form[f"{kind}-role"] or "edit", form[field]
        if not subject:
            return await self._page(request, {field: f"Say which {kind.lower()}."}, form)
        for one in await self._rows(project):
            if (one["kind"], one["subject"]) == (kind, subject):
                told = f"{subject} has a role here already, {one['permission']}: change it in the list."
                return await self._page(request, {field: told}, form)
        try:
            await self._give(project, role, kind, subject)
        except ForecourtError as refused:
            errors, error = problems(refused, {path_: f"{kind}-{name}" for path_, name in _FIELDS.items()})
            return await self._page(request, errors, form, error)
        return _back(request, project, f"{subject} is {_called(role)} of this project")

    async def change(self, request: Request) -> Response:
        """Give somebody another role. A binding's role stays, so it is another binding."""
        form, project = await Form.of(request), request.path_params["project"]
        one = await self._row(project, form)
        if form["role"] != one["role"]:
            await self._give(project, form["role"], one["kind"], one["subject"])
            await self._take(project, one)
        return _back(request, project, f"{one['subject']} is {_called(form['role'])} of this project")

    async def remove(self, request: Request) -> Page | Response:
        """Ask before somebody's role is taken, and take it."""
        form = await Form.of(request)
        project = await asked_for(self._calls, request)
        one = await self._row(project["name"], form)
        if request.method == "POST":
            await self._take(project["name"], one)
            return _back(request, project["name"], f"{one['subject']} has no role in this project any more")
        return page(
            "projects/permission_remove.html",
            project,
            "permissions",
            {"row": one},
            title="Remove permission?",
            blocks=("dialogs",),
        )

    async def _page(
        self,
        request: Request,
        errors: dict[str, str],
        form: Form | None = None,
        error: dict[str, str] | None = None,
    ) -> Page:
        name = request.path_params["project"]
        project, rows, me, may = await asyncio.gather(
            asked_for(self._calls, request), self._rows(name), self._calls.get(_ME), self._may(name)
        )
        data = {
            "rows": rows,
            "roles": [list(each) for each in ROLES.items()],
            "kinds": [list(each) for each in _KINDS.items()],
            "open": bool(me.get("open")),
            "may": may,
            "form": form.typed if form else {f"{kind}-role": "edit" for kind in _KINDS},
            "errors": errors,
            "error": error,
        }
        status = 422 if errors or error else 200
        return page(
            "projects/permissions.html", project, "permissions", data, blocks=("permission-rows",), status=status
        )

    async def _rows(self, project: str) -> Sequence[Document]:
        found = (await self._calls.get(BINDINGS + path(project, "rolebindings")))["items"]
        return sorted((row for one in found for row in rows_of(one)), key=lambda row: str(row["subject"]).casefold())

    async def _row(self, project: str, form: Form) -> Document:
        for row in await self._rows(project):
            if all(row[key] == form[key] for key in ("binding", "kind", "subject")):
                return row
        raise NotFound(
            f"{form['subject']} has no such role in the project {project} any more.",
            hint="Somebody else has changed it: look at the project's permissions again.",
        )

    async def _may(self, project: str) -> bool:
        """Say whether whoever asks may change who may do what."""
        attributes = {"namespace": project, "verb": "create", "group": _GROUP, "resource": "rolebindings"}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        try:
            said = await self._calls.post(_REVIEWS, review | {"spec": {"resourceAttributes": attributes}})
        except Refused:
            return False
        return bool(said["status"]["allowed"])

    async def _give(self, project: str, role: str, kind: str, subject: str) -> None:
        name = f"dashboard-permissions-{secrets.token_hex(4)}"
        document = binding(project, name, role, kind, subject).to_dict()
        await self._calls.post(BINDINGS + path(project, "rolebindings"), document)

    async def _take(self, project: str, row: Document) -> None:
        where = BINDINGS + path(project, "rolebindings", row["binding"])
        document = await self._calls.get(where)
        left = [one for one in document["subjects"] if (one["kind"], one["name"]) != (row["kind"], row["subject"])]
        if left:
            await self._calls.put(where, document | {"subjects": left})
        else:
            await self._calls.delete(where)


def rows_of(one: Document) -> list[Document]:
    """Return a row for each user and group that a role binding names."""
    metadata, role = one["metadata"], str(one["roleRef"]["name"])
    return [
        {
            "binding": metadata["name"],
            "kind": subject["kind"],
            "subject": subject["name"],
            "role": role,
            "permission": ROLES.get(role, role),
            "created": metadata.get("creationTimestamp"),
        }
        for subject in one.get("subjects") or ()
    ]


def _called(role: str) -> str:
    word = ROLES.get(role, role)
    return f"{'an' if word[:1] in 'AEIOU' else 'a'} {word}"


def _back(request: Request, project: str, notice: str) -> Response:
    return see_other(request, "/projects" + path(project, "permissions"), notice=notice)
