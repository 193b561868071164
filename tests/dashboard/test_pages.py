"""How a view becomes a page."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from forecourt.dashboard.live import Live
from forecourt.dashboard.pages import Page, Pages
from forecourt.dashboard.static import StaticFiles

NOBODY = {"open": True, "name": "", "display_name": "", "administrator": True}


def request(path: str = "/jobs") -> Request:
    headers = [(b"host", b"localhost"), (b"accept", b"text/html")]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    return Request(scope | {"scheme": "http", "server": ("localhost", 80), "root_path": ""})


async def test_what_changes_while_a_page_is_made_is_news_to_it() -> None:
    live = Live()
    pages = Pages(StaticFiles(), lambda _: {"live_moment": live.moment, "who": NOBODY})

    async def view(_: Request) -> Page:
        data = {"status": 200, "message": "as it was", "hint": ""}
        live.tell("jobs", "default/one")  # after the view has read
        return Page("error.html", "Jobs", data)

    before = live.moment
    page = bytes((await pages.view(view)(request())).body).decode()
    assert live.moment != before
    assert f'data-since="{before}"' in page
