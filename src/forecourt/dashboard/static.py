"""The files that pages load: named by the hash of their content, compressed beforehand, kept by browsers for good."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from starlette.responses import Response

from forecourt.errors import ForecourtError

PREFIX = "/static/"
_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


class StaticFiles:
    """The files that the build has made; an ASGI application."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._folder = folder

    def url(self, name: str) -> str:
        """Return the address of a file by its name in the source; raises `ForecourtError` where it was not built."""
        return PREFIX + self._names[name]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request for a file."""
        await self._response(scope)(scope, receive, send)

    def _response(self, scope: Any) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return Response("Static files are only read.", 405, {"allow": "GET, HEAD"}, media_type="text/plain")
        name = scope["path"].removeprefix(PREFIX)
        if name not in self._known:
            return Response(f"There is no file {name[:200]}.", 404, media_type="text/plain")
        headers = {
            "cache-control": "public, max-age=31536000, immutable",
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
        }
        accepted = dict(scope["headers"]).get(b"accept-encoding", b"").decode("latin-1")
        for encoding, suffix in _ENCODINGS:
            if encoding in accepted and (compressed := self._known[name].get(suffix)):
                return self._sent(name, compressed, headers | {"content-encoding": encoding})
        return self._sent(name, self._known[name][""], headers)

    def _sent(self, name: str, content: bytes, headers: dict[str, str]) -> Response:
        return Response(content, headers=headers, media_type=_TYPES[Path(name).suffix])

    @cached_property
    def _names(self) -> dict[str, str]:
        try:
            names: dict[str, str] = json.loads((self._folder / "manifest.json").read_text())
        except OSError:
            raise ForecourtError(
                "The dashboard's styles and scripts have not been built.",
                hint="Install Forecourt from its source again, which builds them: uv sync --reinstall",
            ) from None
        return names

    @cached_property
    def _known(self) -> dict[str, dict[str, bytes]]:
        """Each file's content, by its compression's suffix: all of them together are a few hundred kilobytes."""
        found: dict[str, dict[str, bytes]] = {}
        for name in self._names.values():
            forms = {suffix: self._folder / (name + suffix) for suffix in ("", *(suffix for _, suffix in _ENCODINGS))}
            found[name] = {suffix: path.read_bytes() for suffix, path in forms.items() if path.exists()}
        return found
