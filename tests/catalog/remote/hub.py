"""A hub on loopback that speaks Hugging Face's protocol about repositories made in a test.

As documented: https://huggingface.co/docs/hub/api (the list with its ``Link`` header, a model, who one is),
https://huggingface.co/docs/hub/rate-limits (429), and what its own client expects of files: ``/resolve/``, ``/raw/``,
HEAD, ranges, ``ETag``, ``X-Repo-Commit``, ``X-Error-Code``.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit

import yaml

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)


@dataclass
class Repository:
    """A model repository: its files by path, and what the hub says of it. `readers` are tokens that a gate lets in."""

    files: dict[str, bytes] = field(default_factory=dict)
    private: bool = False
    gated: str | bool = False
    disabled: bool = False
    readers: frozenset[str] = frozenset()
    large: frozenset[str] = frozenset()
    """Files that are kept as the hub keeps large ones: their digests are known, and `/resolve/` redirects to them."""
    downloads: int = 0
    created: str = "2024-05-01T10:00:00.000Z"
    modified: str = "2024-06-01T10:00:00.000Z"
    info: dict[str, Any] = field(default_factory=dict)
    """More of what the API says: pipeline_tag, library_name, tags, config, safetensors, gguf."""

    @property
    def sha(self) -> str:
        """The revision: another one when a file changes."""
        content = b"".join(name.encode() + b"\0" + self.files[name] + b"\0" for name in sorted(self.files))
        return hashlib.sha1(content, usedforsecurity=False).hexdigest()

    @property
    def card_data(self) -> dict[str, Any]:
        match = _FRONT_MATTER.match(self.files.get("README.md", b"").decode())
        data: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(match[1]) or {}, default=str)) if match else {}
        return data


@dataclass
class Trouble:
    """What happens to the next `times` requests whose path contains `path`.

    With a `status`, this one is sent, with headers and body, instead of the answer. What is sent may stop after so many
    bytes of its body (`after`), when the connection is closed, or `stalls` from there on (before anything is sent,
    where `after` is not said), or come a `drop` at a time, each after `drips` seconds.
    """

    path: str
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    after: int | None = None
    stalls: bool = False
    drips: float = 0.0
    drop: int = 1
    """The bytes that come at a time, where it drips."""


class Hub:
    """The hub: its `url`, its `repositories` by ``org/name``, the `tokens` it takes, and the `asked` paths so far."""

    def __init__(self, *, page: int = 1000) -> None:
        self.repositories: dict[str, Repository] = {}
        self.tokens: set[str] = set()
        self.asked: list[str] = []
        self.authorized: list[str] = []
        self.troubles: list[Trouble] = []
        self.page = page
        self.expands = True
        """Whether it knows ``expand``; a server that speaks as the hub does need not."""
        self.elsewhere = ""
        """The URL of the host that has large files; empty means the hub itself."""
        self.sent: dict[str, int] = {}
        """The bytes of bodies that were sent, by path without query."""
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def add(self, name: str, card: str = "", **options: Any) -> Repository:
        """Add a repository with a card, and return it."""
        files = {"README.md": card.encode()} if card else {}
        self.repositories[name] = Repository({**files, **options.pop("files", {})}, **options)
        return self.repositories[name]

    def trouble(self, path: str, **options: Any) -> None:
        self.troubles.append(Trouble(path, **options))

    def asked_for(self, part: str) -> list[str]:
        """The paths so far that contain `part`."""
        return [path for path in self.asked if part in path]

    def count(self, path: str, count: int) -> None:
        """Count bytes of a body that were sent."""
        with self._lock:
            path = unquote(path.partition("?")[0])
            self.sent[path] = self.sent.get(path, 0) + count

    def note(self, path: str, token: str) -> Trouble | None:
        """Write a request down, and return what should happen to it."""
        with self._lock:
            self.asked.append(path)
            self.authorized.append(token)
            for trouble in self.troubles:
                if trouble.times > 0 and trouble.path in path:
                    trouble.times -= 1
                    return trouble
        return None


@contextmanager
def running(**options: Any) -> Iterator[Hub]:
    """A hub that is ended with the block."""
    hub = Hub(**options)
    try:
        yield hub
    finally:
        hub.close()


class QuietServer(ThreadingHTTPServer):
    """A server that takes it calmly when a client goes away, and ends with all its threads."""

    daemon_threads = False
    block_on_close = True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        request.settimeout(30)
        super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _blob(repository: Repository, path: str) -> dict[str, Any]:
    """What the hub says of a file's content where it is asked for blobs."""
    body = repository.files[path]
    if path not in repository.large:
        return {"size": len(body), "blobId": hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()}
    sha256 = hashlib.sha256(body).hexdigest()
    return {"size": len(body), "blobId": "0" * 40, "lfs": {"sha256": sha256, "size": len(body), "pointerSize": 134}}


class _Server(QuietServer):
    hub: Hub


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub = self.server.hub
        self.token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.trouble = hub.note(self.path, self.token)
        if self.trouble and self.trouble.status:
            self.send(self.trouble.body, status=self.trouble.status, headers=self.trouble.headers)
            return
        try:
            if self.token and self.token not in hub.tokens:
                raise _Refused(401, "", "Invalid credentials in Authorization header")
            self.route(urlsplit(self.path))
        except _Refused as refused:
            headers = {"X-Error-Message": refused.message} | ({"X-Error-Code": refused.code} if refused.code else {})
            self.send(json.dumps({"error": refused.message}).encode(), status=refused.status, headers=headers)

    def route(self, parts: Any) -> None:
        path = unquote(parts.path)
        if path == "/api/whoami-v2":
            if not self.token:
                raise _Refused(401, "", "Invalid username or password.")
            self.send_json({"type": "user", "name": "maria"})
        elif path == "/api/models":
            self.list_models(parts.query)
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            wanted = self.visible(match[1])
            repository = self.server.hub.repositories[match[1]]
            self.check_revision(repository, match[2] or "main")
            blobs = "blobs" in parse_qs(parts.query)
            self.send_json(self.described(match[1], wanted, repository, blobs=blobs))
        elif match := re.fullmatch(r"/lfs/([^/]+/[^/]+)/([^/]+)/(.+)", path):
            body = self.server.hub.repositories[match[1]].files[match[3]]
            self.send_part(body, {"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'})
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/(raw|resolve)/([^/]+)/(.+)", path):
            self.send_file(match[1], match[3], match[4])
        else:
            raise _Refused(404, "", "Sorry, we can't find the page you are looking for.")

    # What there is to see

    def visible(self, name: str) -> set[str] | None:
        repository = self.server.hub.repositories.get(name)
        if repository is None or (repository.private and self.token not in repository.readers):
            raise _Refused(404 if self.token else 401, "RepoNotFound", "Repository not found")
        return None

    def list_models(self, query: str) -> None:
        said = parse_qs(query)
        author, search = said.get("author", [""])[0], said.get("search", [""])[0].casefold()
        found = [
            (name, repository)
            for name, repository in self.server.hub.repositories.items()
            if (not author or name.partition("/")[0] == author)
            and search in name.casefold()
            and (not repository.private or self.token in repository.readers)
        ]
        if said.get("sort") == ["downloads"]:
            found.sort(key=lambda pair: -pair[1].downloads)
        limit = min(int(said.get("limit", ["1000"])[0]), self.server.hub.page)
        start = int(said.get("cursor", ["0"])[0])
        wanted = set(said["expand"]) if "expand" in said and self.server.hub.expands else None
        if wanted is None and "full" not in said:
            wanted = {"private", "tags", "pipeline_tag", "library_name", "createdAt", "downloads"}
        page = [self.described(name, wanted, repository) for name, repository in found[start : start + limit]]
        headers = {}
        if start + limit < len(found):
            others = [(key, value) for key, value in parse_qsl(query) if key != "cursor"]
            following = f"{self.server.hub.url}/api/models?{urlencode([*others, ('cursor', str(start + limit))])}"
            headers["Link"] = f'<{following}>; rel="next"'
        self.send_json(page, headers)

    def described(
        self, name: str, wanted: set[str] | None, repository: Repository, *, blobs: bool = False
    ) -> dict[str, Any]:
        everything = {
            "author": name.partition("/")[0],
            "sha": repository.sha,
            "lastModified": repository.modified,
            "createdAt": repository.created,
            "private": repository.private,
            "gated": repository.gated,
            "disabled": repository.disabled,
            "downloads": repository.downloads,
            "tags": [],
            "cardData": repository.card_data,
            "siblings": [
                {"rfilename": path} | (_blob(repository, path) if blobs else {}) for path in sorted(repository.files)
            ],
            **repository.info,
        }
        return {"id": name, "modelId": name} | {
            key: value for key, value in everything.items() if wanted is None or key in wanted
        }

    def send_file(self, name: str, revision: str, path: str) -> None:
        self.visible(name)
        repository = self.server.hub.repositories[name]
        if repository.gated and self.token not in repository.readers:
            status = 403 if self.token else 401
            raise _Refused(status, "GatedRepo", f"Access to model {name} is restricted.")
        self.check_revision(repository, revision)
        if path not in repository.files:
            raise _Refused(404, "EntryNotFound", "Entry not found")
        body = repository.files[path]
        headers = {"X-Repo-Commit": repository.sha, "Content-Type": "text/plain; charset=utf-8"}
        if path in repository.large:
            there = f"{self.server.hub.elsewhere}/lfs/{name}/{revision}/{quote(path)}?signature=once"
            linked = {"X-Linked-Size": str(len(body)), "X-Linked-ETag": f'"{hashlib.sha256(body).hexdigest()}"'}
            self.send(b"", status=302, headers=headers | linked | {"Location": there})
            return
        self.send_part(body, headers | {"ETag": f'"{hashlib.sha256(body).hexdigest()}"'})

    def check_revision(self, repository: Repository, revision: str) -> None:
        if revision not in ("main", repository.sha):
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")

    def send_part(self, body: bytes, headers: dict[str, str], *, parts: bool = True) -> None:
        """Send what was asked for of a body, as RFC 9110 has it of ranges and conditions."""
        status = 200
        etag, wanted = headers.get("ETag", ""), self.headers.get("If-Match", "")
        if wanted and etag and wanted not in ("*", etag):
            self.send(b"", status=412, headers=headers)
            return
        if parts:
            headers["Accept-Ranges"] = "bytes"
        if parts and (match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))):
            start, end = int(match[1]), min(int(match[2] or len(body) - 1), len(body) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
            body, status = body[start : end + 1], 206
        self.send(body, status=status, headers=headers)

    # How it is sent

    def send_json(self, document: Any, headers: dict[str, str] | None = None) -> None:
        self.send(json.dumps(document).encode(), headers={"Content-Type": "application/json"} | (headers or {}))

    def send(self, body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        trouble, ended = self.trouble or Trouble(""), self.server.hub.ended
        try:
            if trouble.stalls and trouble.after is None:
                ended.wait()
                self.close_connection = True
                return
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            if trouble.drips:
                for at in range(0, len(body), trouble.drop):
                    self.server.hub.count(self.path, self.wfile.write(body[at : at + trouble.drop]))
                    if ended.wait(trouble.drips):
                        break
            else:
                self.server.hub.count(self.path, self.wfile.write(body[: trouble.after]))
            if trouble.after is not None:
                self.close_connection = True
                if trouble.stalls:
                    ended.wait()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def send_response(self, code: int, message: str | None = None) -> None:
        self.send_response_only(code, message)

    def log_message(self, *_: object) -> None:
        pass
