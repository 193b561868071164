"""Real registries for tests: Debian's docker-registry, as a process of its own, with and without authentication."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

USER, PASSWORD = "maria", "secret"
# bcrypt of the password, cost 5: what docker-registry wants in a htpasswd file
_HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class DockerRegistry:
    """A running docker-registry: `host` is what a reference begins with."""

    host: str
    root: Path
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def blobs(self) -> Path:
        return self.root / "docker/registry/v2/blobs"


@contextlib.contextmanager
def docker_registry(directory: Path, *, auth: dict[str, object] | None = None) -> Iterator[DockerRegistry]:
    """Run docker-registry with its state in `directory`, on a free port of 127.0.0.1, until the block ends."""
    directory.mkdir(parents=True, exist_ok=True)
    port, root, log = free_port(), directory / "data", directory / "log"
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}, "level": "error"},
        "storage": {
            "filesystem": {"rootdirectory": str(root)},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if auth:
        config["auth"] = auth
    (directory / "config.yml").write_text(yaml.safe_dump(config))
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(directory / "config.yml")], stdout=output, stderr=output
        )
    try:
        _wait(f"http://127.0.0.1:{port}/v2/", process, log)
        yield DockerRegistry(f"127.0.0.1:{port}", root, process, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except HTTPError as error:
            error.close()
            return
        except (URLError, OSError):
            time.sleep(0.02)
    pytest.fail(f"docker-registry does not answer: {log.read_text()}")


def htpasswd(directory: Path) -> dict[str, object]:
    """Return the `auth` of a registry that asks for Basic authentication as `USER`."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "htpasswd").write_text(_HTPASSWD)
    return {"htpasswd": {"realm": "tests", "path": str(directory / "htpasswd")}}


def make_certificate(key: Path, certificate: Path, *extensions: str) -> None:
    """Write a self-signed certificate and its key (P-256)."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=tests", "-keyout", str(key), "-out", str(certificate)]
    for extension in extensions:
        command += ["-addext", extension]
    subprocess.run(command, check=True, capture_output=True)


@dataclass
class TokenServer:
    """A token server as the distribution project specifies it, for one docker-registry.

    It signs tokens for `USER` (GET with Basic, or POST with `IDENTITY`), for anybody to pull from ``public/…``.
    """

    url: str
    certificate: Path
    seconds: int = 300
    asked: list[tuple[str, str]] = field(default_factory=list)  # method and scopes of every question

    IDENTITY = "identity-token-of-maria"
    SERVICE = "the registry of the tests"

    @property
    def auth(self) -> dict[str, object]:
        return {
            "token": {
                "realm": f"{self.url}/token",
                "service": self.SERVICE,
                "issuer": "tests",
                "rootcertbundle": str(self.certificate),
            }
        }


@contextlib.contextmanager
def token_server(directory: Path) -> Iterator[TokenServer]:
    """Run a token server on a thread until the block ends."""
    directory.mkdir(parents=True, exist_ok=True)
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    make_certificate(key, certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
    state = TokenServer(f"http://127.0.0.1:{server.server_address[1]}", certificate)
    server.state, server.key = state, key  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Tokens(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        login = self.headers.get("Authorization", "")
        if login and login != "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode():
            self._answer(401, {})
            return
        self._grant(query, USER if login else "")

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form.get("refresh_token") != [TokenServer.IDENTITY] or form.get("grant_type") != ["refresh_token"]:
            self._answer(401, {})
            return
        self._grant({**form, "scope": form.get("scope", [""])[0].split()}, USER)

    def _grant(self, query: dict[str, list[str]], user: str) -> None:
        state: TokenServer = self.server.state  # type: ignore[attr-defined]
        state.asked.append((self.command, " ".join(query.get("scope", []))))
        access = []
        for scope in query.get("scope", []):
            kind, name, actions = scope.split(":")
            allowed = [one for one in actions.split(",") if user or (one == "pull" and name.startswith("public/"))]
            access.append({"type": kind, "name": name, "actions": allowed})
        now = int(time.time())
        claims = {
            "iss": "tests",
            "sub": user,
            "aud": query["service"][0],
            "exp": now + state.seconds,
            "nbf": now - 10,
            "iat": now,
            "jti": str(time.monotonic_ns()),
            "access": access,
        }
        name = "token" if self.command == "GET" else "access_token"
        self._answer(200, {name: self._sign(claims), "expires_in": state.seconds})

    def _sign(self, claims: dict[str, object]) -> str:
        state: TokenServer = self.server.state  # type: ignore[attr-defined]
        der = base64.b64encode(
            base64.b64decode("".join(state.certificate.read_text().strip().splitlines()[1:-1]))
        ).decode()
        head = {"typ": "JWT", "alg": "ES256", "x5c": [der]}
        text = f"{_base64url(json.dumps(head).encode())}.{_base64url(json.dumps(claims).encode())}"
        signed = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.server.key)],  # type: ignore[attr-defined]
            input=text.encode(),
            capture_output=True,
            check=True,
        ).stdout
        return f"{text}.{_base64url(_raw_signature(signed))}"

    def _answer(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _raw_signature(der: bytes) -> bytes:
    """Turn an ECDSA signature from DER into the two 32-byte numbers that a JWT wants."""
    numbers, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        numbers += der[at + 2 : at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return numbers


@pytest.fixture(scope="session")
def plain_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def basic_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    directory = tmp_path_factory.mktemp("basic")
    with docker_registry(directory, auth=htpasswd(directory)) as registry:
        yield registry
