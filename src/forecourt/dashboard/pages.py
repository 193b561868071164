"""How a view becomes a page: HTML for people, JSON for programs, a block of the page for htmx.

A view returns a `Page`: a template and the data that it shows. The same data is the page's JSON twin, at the same
address with ``?format=json`` or for who accepts ``application/json``, and is announced in the page's head. Everything
that a template shows is in the data, so nothing is to be seen that a program could not read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse

from forecourt import __version__
from forecourt.dashboard import wording
from forecourt.dashboard.quick import QuickEnvironment
from forecourt.dashboard.static import StaticFiles
from forecourt.errors import ForecourtError, NotFound

FORMAT = "format"
_FRAME_ENDS = "<main "
_TURN_SECONDS = 0.001  # that a page is made before others have their turn
_LONGEST_LABEL = 80  # of an icon that is kept
_TEMPLATES = Path(__file__).parent / "templates"
_MACROS = ("ui", "forms", "charts", "connection_fields", "editor")  # each may use those before it
_SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "vary": "accept, hx-request, cookie",
    "cache-control": "no-cache",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Crumb:
    """A step of the way to a page."""

    title: str
    href: str = ""


@dataclass(frozen=True)
class Page:
    """What a view returns.

    `data` is what the template shows, and the page's JSON. `section` is the entry of the navigation that is lit. Where
    htmx asks for an element whose id is one of `blocks`, it gets the template's block of that name (with ``_`` for
    ``-``), and nothing else.
    """

    template: str
    title: str
    data: Mapping[str, Any]
    section: str = ""
    crumbs: tuple[Crumb, ...] = ()
    blocks: tuple[str, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


View = Callable[[Request], Awaitable[Page | Response]]


class Pages:
    """Renders pages. `context` gives what the frame of every page shows (who is signed in, say)."""

    def __init__(self, static: StaticFiles, context: Callable[[Request], Mapping[str, Any]] = lambda _: {}) -> None:
        self._static = static
        self._context = context
        self._icons = lru_cache(maxsize=512)(self._drawn)
        self._environment = QuickEnvironment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= wording.FILTERS
        self._environment.globals |= {
            "static": static.url,
            "icon": self._icon,
            "query": _query,
            "address": address,
            "new_key": new_key,
            "version": __version__,
        }

    def view(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that renders what `view` returns, and the errors that it raises."""

        async def endpoint(request: Request) -> Response:
            before = self._context(request)  # what changes while the view reads is told to the page as news
            try:
                page = await view(request)
            except ForecourtError as error:
                page = self.error(error)
            return page if isinstance(page, Response) else self.response(request, page, before)

        return endpoint

    def error(self, error: ForecourtError) -> Page:
        """Return the page that tells an error."""
        data = {"status": error.status, "reason": error.reason, "message": error.message, "hint": error.hint}
        title = "Not found" if error.status == 404 else "This did not work"
        return Page("error.html", title, data, status=error.status)

    async def http_error(self, request: Request, error: Exception) -> Response:
        """Answer for an address or a method that is none."""
        code = error.status_code if isinstance(error, HTTPException) else 500
        if code == 404:
            told: ForecourtError = NotFound(f"There is nothing at {request.url.path}.", hint="Begin with the projects.")
        else:
            told = ForecourtError(str(getattr(error, "detail", "Something went wrong in Forecourt.")))
        page = self.error(told)
        return self.response(request, Page(page.template, page.title, dict(page.data) | {"status": code}, status=code))

    def response(self, request: Request, page: Page, context: Mapping[str, Any] | None = None) -> Response:
        """Return a page in the form that is asked for; `context` is its frame's, as of before its data was read."""
        headers = _SECURITY | dict(page.headers)
        if wants_json(request):
            return JSONResponse(page.data, page.status, headers)
        values = {
            "form": {},
            "errors": {},
            "error": None,
            "notice": _notice(request),
            **(self._context(request) if context is None else context),
            "page": page,
            "request": request,
            "json_href": _query(request, format="json"),
            **page.data,
        }
        for macros in _MACROS:  # which see what the page shows; `import` would keep them out of its blocks
            values[macros] = self._environment.get_template(f"macros/{macros}.html").make_module(values)
        template = self._environment.get_template(page.template)
        target = request.headers.get("hx-target", "")
        if request.headers.get("hx-request") and target in page.blocks:
            block = template.blocks[target.replace("-", "_")]
            text = "".join(block(template.new_context(values)))
            return HTMLResponse(text, page.status, headers)
        response: Response
        if page.status < 400:
            response = _InParts(self._frame_first(template, values), page.status, headers, media_type="text/html")
        else:  # at once: who is refused may still be sending, and reads no more than comes first
            response = HTMLResponse(template.render(values), page.status, headers)
        if values["notice"]:
            response.delete_cookie("notice", path="/")
        return response

    async def _frame_first(self, template: Template, values: dict[str, Any]) -> AsyncIterator[str]:
        """Give a page's frame, then what is in it: while that is made, a browser fetches the styles and scripts.

        So that it has its answers meanwhile, others have their turn now and then.
        """
        pieces = template.generate(values)
        frame: list[str] = []
        for piece in pieces:
            if _FRAME_ENDS in piece:
                break
            frame.append(piece)
        else:  # a page without the frame
            piece = ""
        yield "".join(frame)
        parts, since = [piece], time.perf_counter()
        try:
            for part in pieces:
                parts.append(part)
                if time.perf_counter() - since > _TURN_SECONDS:
                    await asyncio.sleep(0)
                    since = time.perf_counter()
            content = "".join(parts)
        except Exception:  # too late for another status, not for being told
            log.exception("The page at %s could not be made.", values["request"].url.path)
            told = self.error(ForecourtError("Something went wrong in Forecourt.", hint="The server's log says what."))
            whole = self._environment.get_template(told.template).render(values | {"page": told} | dict(told.data))
            content = whole[whole.index(_FRAME_ENDS) :]
        yield content

    def fragment(self, template: str, **values: Any) -> HTMLResponse:
        """Return a piece of a page."""
        return HTMLResponse(self._environment.get_template(template).render(values), headers=_SECURITY)

    def _icon(self, name: str, label: str = "") -> Markup:
        """Return an icon; with a label where it says something that no text beside it does."""
        return self._icons(name, label) if len(label) < _LONGEST_LABEL else self._drawn(name, label)

    def _drawn(self, name: str, label: str) -> Markup:
        told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
        return Markup(
            '<svg class="pf-v6-svg" fill="currentColor" width="1em" height="1em" {}><use href="{}#{}"/></svg>'
        ).format(told, self._static.url("icons.svg"), name)


class _InParts(StreamingResponse):
    """A page that is made as it is sent."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it; whether somebody is still there to read it is not looked at, so short is it."""
        await self.stream_response(send)


def wants_json(request: Request) -> bool:
    """Say whether a program asks."""
    if said := request.query_params.get(FORMAT):
        return said == "json"
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def see_other(request: Request, href: str, *, notice: str = "") -> Response:
    """Send a browser on after a form was taken, so that going back or reloading does not send it again.

    `notice` is shown once on the page that comes next.
    """
    if request.headers.get("hx-request"):
        response: Response = Response(status_code=204, headers={"hx-redirect": href})
    elif wants_json(request):
        response = JSONResponse({"location": href}, 200, {"location": href})
    else:
        response = RedirectResponse(href, 303)
    if notice:
        response.set_cookie("notice", json.dumps(notice), max_age=30, samesite="strict", path="/")
    return response


def _notice(request: Request) -> str:
    """Return what the page before wants said on this one."""
    try:
        said = json.loads(request.cookies.get("notice", '""').encode("latin-1", "replace"))
    except ValueError:
        return ""
    return said[:500] if isinstance(said, str) else ""


def address(path: str, also: Mapping[str, Any] | None = None, /, **query: Any) -> str:
    """Return an address with query parameters, without those that are empty; `also` are some more."""
    given = {key: value for key, value in (query | dict(also or {})).items() if value not in (None, "", False)}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def new_key() -> str:
    """Return what a form is known by, so that one that is sent twice makes nothing twice (`forms.Once`)."""
    return secrets.token_urlsafe(12)


def _query(request: Request, /, **changes: Any) -> str:
    """Return this page's address with some of its query parameters changed; None (or nothing) takes one away."""
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in changes]
    for key, value in changes.items():
        kept += [
            (key, str(one)) for one in (value if isinstance(value, list | tuple) else [value]) if one not in (None, "")
        ]
    return f"{request.url.path}?{urlencode(kept)}" if kept else request.url.path
