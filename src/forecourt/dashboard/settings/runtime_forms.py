"""The forms of serving runtimes: one from scratch, a copy, a change; each is YAML with its errors beside it."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from forecourt.dashboard.calls import Calls, Document, Refused, path
from forecourt.dashboard.forms import Form, Once
from forecourt.dashboard.pages import Crumb, Page, Pages, see_other
from forecourt.dashboard.settings.runtimes import DEFAULT_PROJECT, HOME, HREF, RUNTIMES, SECTION, back, project_of
from forecourt.errors import AlreadyExists, ForecourtError, InvalidInput
from forecourt.objects import dump

_GROUP = "/apis/serving.kserve.io/v1alpha1"
_CLUSTER = "ClusterServingRuntime"
_SERVERS = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "namespace", "selfLink")
_PLACE = re.compile(r"line (\d+), column (\d+): (.*)", re.DOTALL)
_SCRATCH = """\
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata:
  name: my-runtime
  annotations:
    openshift.io/display-name: My runtime
    # How it runs as a process on this machine; a cluster ignores these two.
    forecourt.dev/local-command: python -m my_server
    forecourt.dev/local-requirements: |
      my-server==1.0
spec:
  supportedModelFormats:
    - name: my-format
      autoSelect: true
  containers:
    - name: kserve-container
      image: example.com/my-server:1.0
      args:
        - --model=/mnt/models
        - --host=$(HOST)
        - --port=$(PORT)
      env:
        - name: HOST
          value: 0.0.0.0
        - name: PORT
          value: "8080"
      ports:
        - containerPort: 8080
"""


class RuntimeForms:
    """The forms."""

    def __init__(self, calls: Calls, pages: Pages) -> None:
        self._calls = calls
        self._pages = pages
        self._once = Once()

    def routes(self) -> list[Route]:
        """Return the routes."""
        view = self._pages.view
        return [
            Route(f"{HREF}/new", view(self.new), methods=["GET", "POST"]),
            Route(f"{HREF}/check", view(self.check), methods=["POST"]),
            Route(HREF + "/{name}/edit", view(self.edit), methods=["GET", "POST"]),
            Route(HREF + "/{name}/yaml", view(self.download)),
        ]

    async def new(self, request: Request) -> Page | Response:
        """Show the form of a new runtime (with ``from``, of a copy), and create what it says."""
        form = await Form.of(request)
        project, copied = project_of(request), request.query_params.get("from", "")
        data: dict[str, Any] = {"error": None, "errors": {}, "findings": [], "edited": None, "copied": copied}
        typed = form.typed
        if request.method == "POST":
            if done := self._once.where(form["key"]):
                return see_other(request, done)
            text = form["file"] or form["yaml"]  # with scripts, a file is in the editor by now
            typed = typed | {"yaml": text}
            try:
                runtimes, data["findings"] = await self._read(text)
                if not _errors(data["findings"]):
                    names = await self._create(runtimes, form["scope"])
                    where = back(form["scope"] or DEFAULT_PROJECT)
                    self._once.did(form["key"], where)
                    return see_other(request, where, notice=f"Serving runtime {', '.join(names)} added")
                data["errors"] = {"yaml": "Nothing was added: correct what is wrong below."}
            except ForecourtError as error:
                data["error"] = {"message": error.message, "hint": error.hint}
        else:
            text = await self._copy(copied, project) if copied else _SCRATCH
            data["findings"] = []
            typed = {"yaml": text, "scope": ""}
        return await self._page(
            request, "Duplicate serving runtime" if copied else "Add serving runtime", data | {"form": typed}
        )

    async def edit(self, request: Request) -> Page | Response:
        """Show a runtime's YAML, and keep what was changed; of one that ships, make one's own in its place."""
        name, project = request.path_params["name"], project_of(request)
        about = await self._calls.get(RUNTIMES + path(name), namespace=project)
        form = await Form.of(request)
        edited = {key: about[key] for key in ("name", "displayName", "shipped", "kind", "namespace", "usedBy")}
        data: dict[str, Any] = {"error": None, "errors": {}, "findings": [], "edited": edited, "copied": ""}
        if request.method == "POST":
            try:
                runtimes, data["findings"] = await self._read(form["yaml"])
                if not _errors(data["findings"]):
                    await self._replace(about, runtimes, project, form["version"])
                    return see_other(request, back(project), notice=f"Serving runtime {name} changed")
                data["errors"] = {"yaml": "Nothing was changed: correct what is wrong below."}
            except ForecourtError as error:
                data["error"] = {"message": error.message, "hint": error.hint}
            typed = form.typed
        else:
            document = await self._calls.get(_place(about, project))
            version = "" if about["shipped"] else document["metadata"].get("resourceVersion", "")
            typed = {"yaml": dump(_cleaned(document)), "version": version}
        return await self._page(request, f"Edit {about['displayName']}", data | {"form": typed})

    async def check(self, request: Request) -> Response:
        """Say what is wrong with what was typed so far."""
        form = await Form.of(request)
        try:
            runtimes, findings = await self._read(form["yaml"])
        except ForecourtError as error:
            runtimes, findings = [], [_finding(error.message)]
        named = ", ".join(str(one["metadata"].get("name")) for one in runtimes)
        return self._pages.fragment("settings/findings.html", findings=findings, right=f"{named}: nothing is wrong.")

    async def download(self, request: Request) -> Response:
        """Return a runtime's YAML, which a cluster with KServe takes."""
        name, project = request.path_params["name"], project_of(request)
        about = await self._calls.get(RUNTIMES + path(name), namespace=project)
        text = dump(_cleaned(await self._calls.get(_place(about, project))))
        headers = {"content-disposition": f'attachment; filename="{about["name"]}.yaml"'}
        return PlainTextResponse(text, headers=headers, media_type="application/yaml")

    async def _page(self, request: Request, title: str, data: Document) -> Page:
        projects = [one["metadata"]["name"] for one in (await self._calls.get("/api/v1/namespaces"))["items"]]
        scopes = [["", "All projects"], *([name, f"Project {name}"] for name in projects)]
        data |= {"scopes": scopes, "back": back(project_of(request))}
        status = 422 if data["error"] or data["errors"] else 200
        return Page("settings/runtime_form.html", title, data, SECTION, (HOME, Crumb(title)), status=status)

    async def _read(self, text: str) -> tuple[list[Document], list[Document]]:
        """Return the runtimes that a text makes, and what is wrong with it."""
        try:
            answer = await self._calls.post(f"{RUNTIMES}/validate", text.encode())
        except Refused as refused:
            if refused.status == 422:
                return [], [_finding(refused.message)]
            raise
        return answer["runtimes"], answer["findings"]

    async def _copy(self, name: str, project: str) -> str:
        about = await self._calls.get(RUNTIMES + path(name), namespace=project)
        document = _cleaned(await self._calls.get(_place(about, project)))
        taken = {one["name"] for one in (await self._calls.get(RUNTIMES, namespace=project))["items"]}
        names = (f"{name}-copy{'' if number == 1 else f'-{number}'}" for number in range(1, 1000))
        document["metadata"]["name"] = next(one for one in names if one not in taken)
        annotations = document["metadata"].get("annotations") or {}
        annotations["openshift.io/display-name"] = f"Copy of {about['displayName']}"
        document["metadata"]["annotations"] = annotations
        return dump(document)

    async def _create(self, runtimes: list[Document], scope: str) -> list[str]:
        """Create runtimes, all or none, as far as that can be known beforehand; return their names."""
        taken = {one["name"]: one for one in (await self._calls.get(RUNTIMES, namespace=scope))["items"]}
        for one in runtimes:
            if there := taken.get(one["metadata"]["name"]):
                raise AlreadyExists(
                    f"metadata.name: {there['name']} is {'pre-installed' if there['shipped'] else 'there already'}.",
                    hint="Choose another name, or edit that one.",
                )
        documents = [_scoped(one, scope) for one in runtimes]
        for dry in ("All", ""):
            for one in documents:
                await self._calls.post(_collection(one, scope), one, fieldValidation="Ignore", dryRun=dry)
        return [one["metadata"]["name"] for one in documents]

    async def _replace(self, about: Document, runtimes: list[Document], project: str, version: str) -> None:
        kind = "ServingRuntime" if about["shipped"] else about["kind"]
        if len(runtimes) != 1 or runtimes[0]["metadata"].get("name") != about["name"] or runtimes[0]["kind"] != kind:
            raise InvalidInput(
                f"This must stay the one {kind} {about['name']}.", hint="To make another one, add or duplicate one."
            )
        document = runtimes[0]
        if about["shipped"]:
            document = _scoped(document, "")
            await self._calls.post(_collection(document, ""), document, fieldValidation="Ignore")
            return
        if version:
            document["metadata"]["resourceVersion"] = version
        await self._calls.put(_place(about, project), document, fieldValidation="Ignore")


def _place(about: Document, project: str) -> str:
    """Return where a runtime is in KServe's API."""
    if about["kind"] == _CLUSTER:
        return f"{_GROUP}/clusterservingruntimes" + path(about["name"])
    return f"{_GROUP}/namespaces" + path(about["namespace"] or project, "servingruntimes", about["name"])


def _collection(document: Document, scope: str) -> str:
    if document["kind"] == _CLUSTER:
        return f"{_GROUP}/clusterservingruntimes"
    return f"{_GROUP}/namespaces" + path(scope or DEFAULT_PROJECT, "servingruntimes")


def _scoped(document: Document, scope: str) -> Document:
    """Return a runtime as one of a project, or of all of them."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "namespace"}
    return document | {"kind": "ServingRuntime" if scope else _CLUSTER, "metadata": metadata}


def _cleaned(document: Document) -> Document:
    """Return a runtime without what the server alone writes."""
    metadata = {key: value for key, value in document["metadata"].items() if key not in _SERVERS}
    return {key: value for key, value in document.items() if key != "status"} | {"metadata": metadata}


def _errors(findings: list[Document]) -> bool:
    return any(one["severity"] == "error" for one in findings)


def _finding(message: str) -> Document:
    """Return what is wrong with a text that is no YAML at all, at the line that is named where one is."""
    found = _PLACE.search(message)
    line, column, told = (int(found[1]), int(found[2]), f"This is not YAML: {found[3]}") if found else (1, 1, message)
    return {"line": line, "column": column, "field": "", "severity": "error", "message": told}
