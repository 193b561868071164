"""A server of plain files that breaks off, stalls and counts; and a machine that fetches."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from catalog.remote.hub import Hub, _Handler, _Server
from tiny_models import Machine

from forecourt.oci import Clients
from forecourt.storage import FetchedModel, fetch
from forecourt.storage.web import PATIENCE


@dataclass
class File:
    """What is at a path: its bytes, and what the server says and does of them."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    parts: bool = True
    etag: bool = True
    modified: str = ""
    status: int = 200
    needs: dict[str, str] = field(default_factory=dict)
    """Headers that a request must have."""
    head: bool = True
    chunked: bool = False


class FileServer(Hub):
    """Plain files by path; with the hub's `trouble`, `asked` and `sent`."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, File] = {}
        self._server.RequestHandlerClass = _FileHandler
        self.methods: list[tuple[str, str]] = []

    def put(self, path: str, body: bytes, **options: Any) -> str:
        """Put a file at a path, and return its URL."""
        self.files[path] = File(body, **options)
        return f"{self.url}{path}"

    def redirect(self, path: str, location: str) -> str:
        return self.put(path, b"", status=302, headers={"Location": location})


class _FileHandler(_Handler):
    server: _Server

    def route(self, parts: Any) -> None:
        server = self.server.hub
        assert isinstance(server, FileServer)
        server.methods.append((self.command, parts.path))
        found = server.files.get(unquote(parts.path))
        if found is None:
            self.send(b"nothing here", status=404)
            return
        if any(self.headers.get(key) != value for key, value in found.needs.items()):
            self.send(b"who are you?", status=401)
            return
        if self.command == "HEAD" and not found.head:
            self.send(b"", status=405)
            return
        headers = {"Content-Type": "application/octet-stream"} | found.headers
        if found.etag:
            headers["ETag"] = f'"{hashlib.md5(found.body).hexdigest()}"'
        if found.modified:
            headers["Last-Modified"] = found.modified
        if found.status != 200:
            self.send(found.body, status=found.status, headers=headers)
        elif found.chunked:
            self.send_chunks(found.body, headers)
        else:
            self.send_part(found.body, headers, parts=found.parts)

    def send_chunks(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for key, value in (headers | {"Transfer-Encoding": "chunked"}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        for at in range(0, len(body), 1000):
            part = body[at : at + 1000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")


@contextmanager
def serving_files() -> Iterator[FileServer]:
    """A server that is ended with the block."""
    server = FileServer()
    try:
        yield server
    finally:
        server.close()


class Fetcher(Machine):
    """A machine with a directory of models; calling it fetches."""

    def __init__(self, root: Path, clients: Clients) -> None:
        super().__init__(root)
        self.clients = clients
        self.models = root / "models"
        self.told = Told()
        self.patience = PATIENCE

    def __call__(self, uri: str, **options: Any) -> FetchedModel:
        self.told = Told()
        return fetch(
            uri,
            models=self.models,
            client_for=self.clients,
            volumes=self.root / "pvc",
            **{"progress": self.told, "patience": self.patience, **self.here, **options},
        )

    def left(self) -> list[str]:
        """What is left of downloads that did not end well."""
        return sorted(path.name for path in (self.store.root / "partial").glob("*"))


class Told:
    """A `Progress` that adds up."""

    def __init__(self) -> None:
        self.total: dict[str, int] = {}
        self.advanced: dict[str, int] = {}
        self.notes: dict[str, str] = {}
        self.seen = threading.Event()

    def begin(self, what: str, total: int) -> None:
        self.total[what] = total
        self.advanced[what] = 0

    def advance(self, what: str, count: int) -> None:
        self.advanced[what] += count
        self.seen.set()

    def done(self, what: str, note: str) -> None:
        self.notes[what] = note


def contents(directory: Path) -> dict[str, bytes]:
    """The files below a directory, by name."""
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in directory.rglob("*") if p.is_file()}
