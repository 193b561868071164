"""The client against a server that misbehaves: real sockets, each test says what it answers."""

from __future__ import annotations

import contextlib
import email.parser
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import needs
from docker_registries import make_certificate

from forecourt.errors import ContentMismatch, Denied, ForecourtError, InvalidManifest, RegistryError, Unavailable
from forecourt.oci import (
    EMPTY_DESCRIPTOR,
    Anonymous,
    Blob,
    ContentStore,
    Credential,
    Credentials,
    Descriptor,
    Digest,
    Login,
    Manifest,
    Patience,
    RegistryClient,
)
from forecourt.oci.client.interruption import Interrupted, Interruption
from forecourt.oci.client.upload import _NO_CHUNKS

DATA = bytes(range(251)) * 40_000  # 10 MB, and no part like another
BLOB = Descriptor("application/x", Digest.of(DATA), len(DATA))
IMPATIENT = Patience(connect=2, answer=0.5, stored=2, attempts=3, pause=0.01)


@dataclass
class Seen:
    """A request that came; the body is only there where the answer asks for it."""

    method: str
    path: str
    headers: dict[str, str]
    connection: socket.socket
    rest: bytes

    def body(self, length: int | None = None) -> bytes:
        """Read the body, or its first `length` bytes."""
        wanted = int(self.headers.get("content-length", 0)) if length is None else length
        data = self.rest[:wanted]
        while len(data) < wanted and (more := self.connection.recv(min(1 << 20, wanted - len(data)))):
            data += more
        return data

    @property
    def start(self) -> int:
        """Where the asked-for range begins."""
        return int(self.headers["range"].removeprefix("bytes=").rstrip("-")) if "range" in self.headers else 0


class Hangup(Exception):
    """Send these bytes, then break the connection: with a reset, or as if all had been said."""

    def __init__(self, data: bytes = b"", *, reset: bool = False) -> None:
        self.data, self.reset = data, reset


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} As Told", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Server:
    host: str
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    @property
    def asked(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.seen]


Answer = Callable[[Seen], bytes]


@contextlib.contextmanager
def serving(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Answer every request with what `answer` returns, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(f"127.0.0.1:{listener.getsockname()[1]}")
    threads: list[threading.Thread] = []
    sockets: list[socket.socket] = []

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            talking = context.wrap_socket(connection, server_side=True) if context else connection
            sockets.append(talking)
            with talking:
                while True:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        more = talking.recv(65536)
                        if not more:
                            return
                        head += more
                    head, _, rest = head.partition(b"\r\n\r\n")
                    line, _, fields = head.decode().partition("\r\n")
                    method, path, _ = line.split(" ")
                    headers = {
                        name.lower(): value for name, value in email.parser.HeaderParser().parsestr(fields).items()
                    }
                    seen = Seen(method, path, headers, talking, rest)
                    server.seen.append(seen)
                    try:
                        talking.sendall(answer(seen))
                    except Hangup as hangup:
                        talking.sendall(hangup.data)
                        if hangup.reset:
                            talking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            threads.append(threading.Thread(target=talk, args=(connection,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for one in sockets:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def connect(
    server: Server, credentials: Credentials | None = None, patience: Patience = IMPATIENT, insecure: bool = True
) -> RegistryClient:
    return RegistryClient(server.host, insecure=insecure, credentials=credentials or Anonymous(), patience=patience)


def pull(answer: Answer, store: ContentStore) -> Server:
    with serving(answer) as server, connect(server) as client:
        client.pull_blob("m", BLOB, store)
    return server


def nothing_kept(store: ContentStore) -> bool:
    return list(store) == [] and not list((store.root / "staging").glob("*"))


class Counter:
    """A progress that adds up."""

    count = 0
    note = ""

    def begin(self, what: str, total: int) -> None:
        pass

    def advance(self, what: str, count: int) -> None:
        self.count += count

    def done(self, what: str, note: str) -> None:
        self.note = note


class TestDownloads:
    @pytest.mark.parametrize("reset", [False, True])
    def test_go_on_where_the_connection_broke(self, store: ContentStore, reset: bool) -> None:
        def answer(seen: Seen) -> bytes:
            whole = reply(200, DATA) if not seen.start else b""
            if not seen.start:
                raise Hangup(whole[: len(whole) // 2], reset=reset)
            said = f"bytes {seen.start}-{len(DATA) - 1}/{len(DATA)}"
            return reply(206, DATA[seen.start :], Content_Range=said)

        server = pull(answer, store)
        assert store.read(BLOB.digest) == DATA
        first, second = server.seen
        assert first.start == 0
        assert second.start > 0 or reset, "what had come was not asked for again"

    def test_pass_over_what_they_have_where_the_server_knows_no_ranges(self, store: ContentStore) -> None:
        answers = iter([Hangup(reply(200, DATA)[:5_000_000]), reply(200, DATA)])

        def answer(seen: Seen) -> bytes:
            following = next(answers)
            if isinstance(following, Hangup):
                raise following
            return following

        server = pull(answer, store)
        assert store.read(BLOB.digest) == DATA
        assert server.seen[1].start > 0

    def test_take_no_other_part_than_they_asked_for(self, store: ContentStore) -> None:
        def answer(seen: Seen) -> bytes:
            if not seen.start:
                raise Hangup(reply(200, DATA)[:5_000_000])
            return reply(206, DATA[:100], Content_Range=f"bytes 0-99/{len(DATA)}")

        with pytest.raises(RegistryError, match="another part"):
            pull(answer, store)
        assert nothing_kept(store)

    def test_that_always_break_give_up_and_keep_nothing(self, store: ContentStore) -> None:
        def answer(seen: Seen) -> bytes:
            raise Hangup(reply(200, DATA)[:1000])

        with pytest.raises(Unavailable, match="broke the connection") as error:
            pull(answer, store)
        assert "Try again" in error.value.hint
        assert nothing_kept(store)

    def test_that_stall_give_up(self, store: ContentStore) -> None:
        ended = threading.Event()

        def answer(seen: Seen) -> bytes:
            seen.connection.sendall(reply(200, DATA)[:1000])
            ended.wait(5)
            return b""

        with serving(answer) as server, connect(server, patience=Patience(answer=0.05, attempts=2, pause=0)) as client:
            with pytest.raises(Unavailable, match=r"has not answered for 0\.05 seconds"):
                client.pull_blob("m", BLOB, store)
            ended.set()
        assert nothing_kept(store)

    def test_of_other_bytes_are_refused_and_not_kept(self, store: ContentStore) -> None:
        wrong = DATA[:-1] + b"?"
        with pytest.raises(ContentMismatch, match=BLOB.digest):
            pull(lambda seen: reply(200, wrong), store)
        assert nothing_kept(store)

    def test_of_another_length_are_refused_before_they_come(self, store: ContentStore) -> None:
        with pytest.raises(ContentMismatch, match="10040000 bytes"):
            pull(lambda seen: reply(200, DATA + b"more"), store)
        assert nothing_kept(store)

    def test_without_a_length_are_taken_and_checked(self, store: ContentStore, tmp_path: Path) -> None:
        chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(DATA), DATA)
        pull(lambda seen: reply(200, chunked, Transfer_Encoding="chunked"), store)
        assert store.read(BLOB.digest) == DATA
        endless = ContentStore(tmp_path / "endless")
        more = b"%x\r\n%b\r\n" % (len(DATA) + 1, DATA + b"!")
        with pytest.raises(ContentMismatch, match="more than"):
            pull(lambda seen: reply(200, more + b"0\r\n\r\n", Transfer_Encoding="chunked"), endless)
        assert nothing_kept(endless)

    def test_to_a_full_disk_say_so(self, store: ContentStore) -> None:
        resource = pytest.importorskip("resource")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        import signal

        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
        try:
            with pytest.raises(ForecourtError, match="No space"):
                pull(lambda seen: reply(200, DATA), store)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
        assert nothing_kept(store)


class TestPatience:
    def test_waits_as_long_as_it_is_asked_to(self) -> None:
        answers = iter([reply(429, Retry_After="1"), reply(200)])
        with serving(lambda seen: next(answers)) as server, connect(server) as client:
            began = time.monotonic()
            client.ping()
            assert time.monotonic() - began >= 1
        assert len(server.seen) == 2

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_tries_again_and_then_gives_up(self, status: int) -> None:
        with serving(lambda seen: reply(status)) as server, connect(server) as client, pytest.raises(RegistryError):
            client.ping()
        assert len(server.seen) == IMPATIENT.attempts

    def test_has_an_end(self) -> None:
        with (
            serving(lambda seen: reply(503, Retry_After="86400")) as server,
            connect(server) as client,
            pytest.raises(RegistryError, match="come back in 86400 seconds"),
        ):
            client.ping()

    def test_does_not_repeat_what_was_refused(self) -> None:
        said = b'{"errors":[{"code":"NAME_INVALID","message":"that is no name."}]}'
        with (
            serving(lambda seen: reply(400, said)) as server,
            connect(server) as client,
            pytest.raises(RegistryError, match="with an error: that is no name"),
        ):
            client.manifest("m", "1")
        assert len(server.seen) == 1

    def test_takes_another_connection_where_a_kept_one_has_been_closed(self) -> None:
        def answer(seen: Seen) -> bytes:
            raise Hangup(reply(200))  # as if it were to be kept

        with serving(answer) as server, connect(server, patience=Patience(attempts=1)) as client:
            for _ in range(3):
                client.ping()
        assert server.connections == 3

    def test_keeps_a_connection_that_is_kept(self) -> None:
        with serving(lambda seen: reply(200, b"{}")) as server, connect(server) as client:
            for _ in range(3):
                client.ping()
        assert server.connections == 1


class TestRedirects:
    def test_to_another_host_take_no_login_along(self, store: ContentStore) -> None:
        def registry(seen: Seen) -> bytes:
            if "authorization" not in seen.headers:
                return reply(401, WWW_Authenticate="Basic realm=r")
            return reply(307, Location=f"http://{storage.host}/bucket/blob?signature=abc")

        with (
            serving(lambda seen: reply(200, DATA)) as storage,
            serving(registry) as server,
            connect(server, Login(server.host, Credential("maria", "secret"))) as client,
        ):
            client.pull_blob("m", BLOB, store)
        assert store.has(BLOB.digest)
        [elsewhere] = storage.seen
        assert elsewhere.path == "/bucket/blob?signature=abc"
        assert "authorization" not in elsewhere.headers

    def test_on_the_same_host_do(self, store: ContentStore) -> None:
        def answer(seen: Seen) -> bytes:
            if "authorization" not in seen.headers:
                return reply(401, WWW_Authenticate="Basic realm=r")
            return reply(307, Location="/elsewhere") if seen.path.startswith("/v2/") else reply(200, DATA)

        with serving(answer) as server, connect(server, Login(server.host, Credential("maria", "secret"))) as client:
            client.pull_blob("m", BLOB, store)
        assert server.seen[-1].path == "/elsewhere"

    def test_in_circles_end(self) -> None:
        with (
            serving(lambda seen: reply(302, Location="/v2/")) as server,
            connect(server) as client,
            pytest.raises(RegistryError, match="circles"),
        ):
            client.ping()

    def test_to_anything_but_http_are_not_followed(self) -> None:
        with (
            serving(lambda seen: reply(302, Location="file:///etc/passwd")) as server,
            connect(server) as client,
            pytest.raises(RegistryError, match="not safe"),
        ):
            client.ping()


class Uploads:
    """A registry that takes one blob; `trouble` may answer instead of it."""

    def __init__(self, trouble: Callable[[Seen, int], bytes | None] = lambda seen, times: None) -> None:
        self.trouble = trouble
        self.data = b""
        self.whole = False
        self.times: dict[str, int] = {}

    def __call__(self, seen: Seen) -> bytes:
        self.times[seen.method] = self.times.get(seen.method, 0) + 1
        if (instead := self.trouble(seen, self.times[seen.method])) is not None:
            return instead
        match seen.method:
            case "HEAD":
                return reply(200 if self.whole else 404)
            case "POST":
                self.data = b""
                return reply(202, Location="/upload?state=1")
            case "GET":
                return reply(204, Location="/upload?state=2", Range=f"0-{len(self.data) - 1}")
            case "PATCH":
                start, end = map(int, seen.headers["content-range"].split("-"))
                if start != len(self.data):
                    return reply(416)
                self.data += seen.body()
                assert len(self.data) == end + 1
                return reply(202, Location=f"/upload?state={end}", Range=f"0-{end}")
            case "PUT":
                self.data += seen.body()
                assert f"digest={Digest.of(self.data)}" in seen.path, "the blob is whole"
                self.whole = True
                return reply(201, Location="/blob")
            case _:
                return reply(204)


@pytest.fixture
def blob(store: ContentStore) -> Blob:
    return store.open(store.add(DATA))


def push(uploads: Uploads, blob: Blob, patience: Patience = IMPATIENT) -> tuple[Server, Counter]:
    counter = Counter()
    with serving(uploads) as server, connect(server, patience=patience) as client:
        client.push_blob("m", blob, "weights", counter)
    return server, counter


class TestUploads:
    def test_are_one_request_with_the_whole_length(self, blob: Blob) -> None:
        uploads = Uploads()
        server, counter = push(uploads, blob)
        assert uploads.data == DATA
        assert server.asked == [
            f"HEAD /v2/m/blobs/{BLOB.digest}",
            f"POST /v2/m/blobs/uploads/?mount={BLOB.digest}",
            f"PUT /upload?state=1&digest={BLOB.digest}",
        ]
        assert server.seen[-1].headers["content-length"] == str(len(DATA))
        assert (counter.count, counter.note) == (len(DATA), "pushed")
        assert server.connections == 1

    def test_go_on_where_they_broke(self, blob: Blob) -> None:
        def trouble(seen: Seen, times: int) -> None:
            if seen.method == "PUT" and times == 1:
                uploads.data = seen.body(3_000_000)
                raise Hangup(reset=True)

        uploads = Uploads(trouble)
        server, counter = push(uploads, blob)
        assert uploads.data == DATA
        [patch] = [one for one in server.seen if one.method == "PATCH"]
        assert patch.headers["content-range"] == f"3000000-{len(DATA) - 1}"
        assert (counter.count, counter.note) == (len(DATA), "pushed")

    def test_begin_anew_where_the_registry_has_forgotten_them(self, blob: Blob) -> None:
        def trouble(seen: Seen, times: int) -> bytes | None:
            if seen.method == "PUT" and times == 1:
                seen.body(3_000_000)
                raise Hangup(reset=True)
            return reply(404) if seen.method == "GET" else None

        uploads = Uploads(trouble)
        server, counter = push(uploads, blob)
        assert uploads.data == DATA
        assert server.asked.count("POST /v2/m/blobs/uploads/") == 1
        assert counter.count == len(DATA)

    def test_are_done_where_only_the_answer_was_lost(self, blob: Blob) -> None:
        def trouble(seen: Seen, times: int) -> None:
            if seen.method == "PUT":
                uploads.data, uploads.whole = seen.body(), True
                raise Hangup

        uploads = Uploads(trouble)
        server, counter = push(uploads, blob)
        assert [one.method for one in server.seen].count("PUT") == 1
        assert (counter.count, counter.note) == (len(DATA), "pushed")

    def test_are_cut_into_chunks_where_the_whole_is_too_large(
        self, blob: Blob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("forecourt.oci.client.upload._CHUNK", 4_000_000)

        def trouble(seen: Seen, times: int) -> bytes | None:
            if seen.method == "PUT" and int(seen.headers["content-length"]) > 5_000_000:
                raise Hangup(reply(413))  # at once, as nginx does, while the body is still being sent
            return None

        uploads = Uploads(trouble)
        server, counter = push(uploads, blob)
        assert uploads.data == DATA
        assert [one.headers["content-range"] for one in server.seen if one.method == "PATCH"] == [
            "0-3999999",
            "4000000-7999999",
            f"8000000-{len(DATA) - 1}",
        ]
        assert counter.count == len(DATA)

    @pytest.mark.parametrize(
        ("host", "refuses"),
        [
            ("ghcr.io", True),
            ("gcr.io", True),
            ("eu.gcr.io", True),
            ("europe-west1-docker.pkg.dev", True),
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", True),
            ("public.ecr.aws", True),
            ("quay.io", False),
            ("notghcr.io", False),
        ],
    )
    def test_know_who_refuses_chunks(self, host: str, refuses: bool) -> None:
        assert bool(_NO_CHUNKS.fullmatch(host)) is refuses

    def test_mount_without_a_second_question(self, blob: Blob) -> None:
        uploads = Uploads(lambda seen, times: reply(201) if seen.method == "POST" else None)
        server, counter = push(uploads, blob)
        assert [one.method for one in server.seen] == ["HEAD", "POST"]
        assert (counter.count, counter.note) == (len(DATA), "mounted")

    def test_do_without_a_mount_where_the_registry_cannot(self, blob: Blob) -> None:
        uploads = Uploads(lambda seen, times: reply(400) if "mount=" in seen.path else None)
        push(uploads, blob)
        assert uploads.data == DATA

    def test_that_are_said_to_have_other_bytes_are_a_mismatch(self, blob: Blob) -> None:
        said = b'{"errors":[{"code":"DIGEST_INVALID"}]}'
        uploads = Uploads(lambda seen, times: reply(400, said) if seen.method == "PUT" and seen.body() else None)
        with pytest.raises(ContentMismatch, match="other bytes"):
            push(uploads, blob)

    def test_give_up_in_the_end_and_let_the_registry_forget(self, blob: Blob) -> None:
        uploads = Uploads(lambda seen, times: reply(500) if seen.method == "PUT" and seen.body() else None)
        with serving(uploads) as server, connect(server) as client, pytest.raises(RegistryError, match="status 500"):
            client.push_blob("m", blob)
        assert server.seen[-1].method == "DELETE"

    def test_that_are_refused_early_say_why(self, blob: Blob) -> None:
        def trouble(seen: Seen, times: int) -> None:
            if seen.method == "PUT":
                raise Hangup(reply(403, b'{"errors":[{"code":"DENIED","message":"quota exceeded"}]}'))

        with pytest.raises(Denied, match="quota exceeded"):
            push(Uploads(trouble), blob)

    def test_of_a_file_that_became_shorter_stop(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(DATA[:1000])

        def trouble(seen: Seen, times: int) -> None:
            if seen.method == "PUT":
                seen.body()
                raise Hangup

        with pytest.raises(ContentMismatch, match="shorter"):
            push(Uploads(trouble), Blob(BLOB.digest, path, len(DATA)))


class TestManifests:
    def test_that_are_web_pages_are_none(self) -> None:
        with (
            serving(lambda seen: reply(200, b"<html>hello", Content_Type="text/html")) as server,
            connect(server) as client,
            pytest.raises(InvalidManifest),
        ):
            client.manifest("m", "1")

    def test_with_another_digest_than_is_said_are_refused(self) -> None:
        raw = Manifest.build(EMPTY_DESCRIPTOR, []).raw
        wrong = str(Digest.of(b"other"))
        with (
            serving(lambda seen: reply(200, raw, Docker_Content_Digest=wrong)) as server,
            connect(server) as client,
            pytest.raises(ContentMismatch, match=wrong),
        ):
            client.manifest("m", "1")

    def test_that_never_end_are_not_read(self) -> None:
        def answer(seen: Seen) -> bytes:
            with contextlib.suppress(OSError):
                for _ in range(100):
                    seen.connection.sendall(b"x" * 1_000_000)
            raise Hangup

        def endless(seen: Seen) -> bytes:
            seen.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            return answer(seen)

        with serving(endless) as server, connect(server) as client, pytest.raises(RegistryError, match="more than"):
            client.manifest("m", "1")

    def test_are_found_by_head_without_the_optional_headers(self) -> None:
        manifest = Manifest.build(EMPTY_DESCRIPTOR, [])

        def answer(seen: Seen) -> bytes:
            length = str(len(manifest.raw))
            return reply(200, b"" if seen.method == "HEAD" else manifest.raw, Content_Length=length)

        with serving(answer) as server, connect(server) as client:
            assert client.head("m", "1") == manifest.descriptor

    def test_lists_do_not_continue_on_another_host(self) -> None:
        page = reply(200, b'{"tags":["a"]}', Link='<http://evil.example/v2/m/tags/list?last=a>; rel="next"')
        with (
            serving(lambda seen: page) as server,
            connect(server) as client,
            pytest.raises(RegistryError, match=re.escape("evil.example")),
        ):
            client.tags("m")


@needs("openssl")
class TestTLS:
    @pytest.fixture
    def context(self, tmp_path: Path) -> ssl.SSLContext:
        make_certificate(tmp_path / "key.pem", tmp_path / "certificate.pem", "subjectAltName=IP:127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
        return context

    @pytest.fixture
    def trusted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        from forecourt.oci.client.trust import tls

        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        tls.cache_clear()
        yield
        tls.cache_clear()

    @pytest.mark.usefixtures("trusted")
    def test_blobs_go_there_and_come_back(self, context: ssl.SSLContext, blob: Blob, tmp_path: Path) -> None:
        uploads, other = Uploads(), ContentStore(tmp_path / "other")
        with serving(uploads, context) as server, connect(server, insecure=False) as client:
            client.push_blob("m", blob)
        assert uploads.data == DATA
        with serving(lambda seen: reply(200, DATA), context) as server, connect(server, insecure=False) as client:
            client.pull_blob("m", BLOB, other)
        assert other.read(BLOB.digest) == DATA

    def test_a_stranger_is_not_trusted(self, context: ssl.SSLContext) -> None:
        with (
            serving(lambda seen: reply(200), context) as server,
            connect(server, insecure=False) as client,
            pytest.raises(Unavailable, match="is not trusted: self") as error,
        ):
            client.ping()
        assert "SSL_CERT_FILE" in error.value.hint

    @pytest.mark.usefixtures("trusted")
    def test_a_location_over_plain_http_is_taken_over_https(self, context: ssl.SSLContext, blob: Blob) -> None:
        def trouble(seen: Seen, times: int) -> bytes | None:
            return reply(202, Location=f"http://{server.host}/upload?state=1") if seen.method == "POST" else None

        uploads = Uploads(trouble)
        with serving(uploads, context) as server, connect(server, insecure=False) as client:
            client.push_blob("m", blob)
        assert uploads.data == DATA

    def test_a_registry_that_wants_https_is_said_so(self) -> None:
        said = b"Client sent an HTTP request to an HTTPS server.\n"
        with (
            serving(lambda seen: reply(400, said)) as server,
            connect(server) as client,
            pytest.raises(Unavailable, match="speaks HTTPS") as error,
        ):
            client.ping()
        assert "FORECOURT_INSECURE_REGISTRIES" in error.value.hint


class TestInterruption:
    def test_ends_a_wait_for_a_silent_server_at_once(self, store: ContentStore) -> None:
        waiting, ended = threading.Event(), threading.Event()

        def answer(seen: Seen) -> bytes:
            seen.connection.sendall(reply(200, DATA)[:1000])
            waiting.set()
            ended.wait(10)
            return b""

        left: list[BaseException] = []
        together = Interruption()
        with serving(answer) as server, connect(server, patience=Patience(answer=30)) as client:

            def work() -> None:
                try:
                    together.run(lambda: client.pull_blob("m", BLOB, store))
                except Interrupted as error:
                    left.append(error)

            thread = threading.Thread(target=work)
            thread.start()
            assert waiting.wait(5)
            began = time.monotonic()
            together.stop()
            thread.join(5)
            assert time.monotonic() - began < 2
            ended.set()
        assert len(left) == 1
        assert nothing_kept(store)
