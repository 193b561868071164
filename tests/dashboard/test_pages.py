"""How a view becomes a page, and a page what is sent."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse

from forecourt.dashboard.compression import Compressed
from forecourt.dashboard.live import Live
from forecourt.dashboard.pages import Page, Pages
from forecourt.dashboard.static import StaticFiles

NOBODY = {"open": True, "name": "", "display_name": "", "administrator": True}


def scope_of(path: str = "/jobs", **headers: str) -> dict[str, Any]:
    said = {"host": "localhost", "accept": "text/html"} | {key.replace("_", "-"): each for key, each in headers.items()}
    raw = [(key.encode(), each.encode()) for key, each in said.items()]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": raw}
    return scope | {"scheme": "http", "server": ("localhost", 80), "root_path": ""}


def request(path: str = "/jobs") -> Request:
    return Request(scope_of(path))


async def sent(application: Any, scope: dict[str, Any]) -> tuple[Headers, list[bytes]]:
    """Return the head of an answer, and the parts of its body that are not empty."""
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(dict(message))

    async def receive() -> Any:
        await asyncio.Event().wait()  # nobody goes away

    await application(scope, receive, send)
    head, *bodies = messages
    assert head["type"] == "http.response.start"
    assert [one.get("more_body", False) for one in bodies] == [True] * (len(bodies) - 1) + [False]
    return Headers(raw=head["headers"]), [one["body"] for one in bodies if one.get("body")]


async def test_what_changes_while_a_page_is_made_is_news_to_it() -> None:
    live = Live()
    pages = Pages(StaticFiles(), lambda _: {"live_moment": live.moment, "who": NOBODY})

    async def view(_: Request) -> Page:
        data = {"status": 200, "message": "as it was", "hint": ""}
        live.tell("jobs", "default/one")  # after the view has read
        return Page("error.html", "Jobs", data)

    before = live.moment
    _, parts = await sent(await pages.view(view)(request()), scope_of())
    page = b"".join(parts).decode()
    assert live.moment != before
    assert f'data-since="{before}"' in page


async def test_the_frame_of_a_page_is_sent_before_what_is_in_it_is_made() -> None:
    made: list[str] = []

    class Told:
        """What a page shows; says that it was."""

        def __str__(self) -> str:
            made.append("shown")
            return "shown"

    pages = Pages(StaticFiles(), lambda _: {"live_moment": "x", "who": NOBODY})
    page = Page("error.html", "Jobs", {"status": 200, "message": Told(), "hint": ""})
    pieces = pages.response(request(), page).body_iterator  # type: ignore[attr-defined]
    frame = await anext(pieces)
    assert "<title>Jobs" in frame and 'rel="stylesheet"' in frame and 'aria-label="Global"' in frame
    assert "<main" not in frame and not made
    rest = "".join([piece async for piece in pieces])
    assert "shown" in rest and rest.rstrip().endswith("</html>") and made


async def test_a_page_that_cannot_be_made_says_so_in_its_frame(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __str__(self) -> str:
            raise ValueError("nobody saw this coming")

    pages = Pages(StaticFiles(), lambda _: {"live_moment": "x", "who": NOBODY})
    page = Page("error.html", "Jobs", {"status": 200, "message": Broken(), "hint": ""})
    _, parts = await sent(pages.response(request("/jobs"), page), scope_of())
    text = b"".join(parts).decode()
    assert "Something went wrong in Forecourt." in text and "nobody saw this coming" not in text
    assert text.count("<main ") == 1 and text.rstrip().endswith("</html>")
    assert "/jobs could not be made" in caplog.text and "nobody saw this coming" in caplog.text


@pytest.mark.parametrize("accepts", ["gzip, br", "identity"])
async def test_an_answer_in_parts_is_compressed_part_by_part(accepts: str) -> None:
    async def parts_of() -> Any:
        yield "<p>one</p>"
        yield "<p>two</p>" * 500

    application = Compressed(StreamingResponse(parts_of(), media_type="text/html"))
    head, parts = await sent(application, scope_of(accept_encoding=accepts))
    if accepts == "identity":
        assert "content-encoding" not in head and parts[0] == b"<p>one</p>"
        return
    assert head["content-encoding"] == "gzip" and "accept-encoding" in head["vary"].lower()
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert reader.decompress(parts[0]) == b"<p>one</p>"  # whole, before the second is there
    assert reader.decompress(b"".join(parts[1:])) == b"<p>two</p>" * 500 and reader.eof
    assert sum(map(len, parts)) < 200


async def test_a_whole_answer_is_compressed_as_a_whole_where_that_is_worth_it() -> None:
    long, short = "<p>text</p>" * 500, "<p>text</p>"
    head, parts = await sent(Compressed(HTMLResponse(long)), scope_of(accept_encoding="gzip"))
    assert head["content-length"] == str(len(parts[0])) and gzip.decompress(parts[0]).decode() == long
    for response, accepts in (
        (HTMLResponse(short), "gzip"),
        (PlainTextResponse(long), "gzip"),
        (HTMLResponse(long), ""),
    ):
        head, parts = await sent(Compressed(response), scope_of(accept_encoding=accepts))
        assert "content-encoding" not in head and head["content-length"] == str(len(parts[0]))
