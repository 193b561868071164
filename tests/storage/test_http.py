"""https://host/file: one file, whole; a server may be slow, broken or changing under it, and is never mixed."""

from __future__ import annotations

import base64
import hashlib
import os

import pytest
from storage.servers import Fetcher, FileServer, Told, contents

from forecourt.errors import Conflict, ContentMismatch, Denied, InvalidInput, NotFound, StorageFull, Unavailable
from forecourt.storage import Credentials, web
from forecourt.storage.web import ForbiddenAddress

BODY = os.urandom(300_000)
MODIFIED = "Mon, 01 Jan 2024 10:00:00 GMT"


def sent(files: FileServer) -> int:
    return sum(files.sent.values())


class TestWhatComes:
    def test_a_file(self, files: FileServer, fetcher: Fetcher) -> None:
        url = files.put("/models/tiny.gguf", BODY)
        found = fetcher(url)
        assert contents(found.path) == {"tiny.gguf": BODY}
        assert (found.source, found.revision, found.moved) == (url, hashlib.md5(BODY).hexdigest(), len(BODY))

    def test_the_server_may_say_what_it_is_called(self, files: FileServer, fetcher: Fetcher) -> None:
        said = {"Content-Disposition": 'attachment; filename="../real name.onnx"'}
        assert contents(fetcher(files.put("/download", BODY, headers=said)).path) == {"real name.onnx": BODY}

    @pytest.mark.parametrize(
        "options",
        [{"head": False}, {"parts": False}, {"chunked": True}, {"etag": False}, {"etag": False, "modified": MODIFIED}],
        ids=["no HEAD", "no parts", "no length", "no ETag", "only a time"],
    )
    def test_servers_that_can_less(self, files: FileServer, fetcher: Fetcher, options: dict[str, object]) -> None:
        url = files.put("/tiny.gguf", BODY, **options)
        first = fetcher(url)
        assert contents(first.path) == {"tiny.gguf": BODY}
        assert fetcher(url) == first
        assert fetcher.left() == []

    def test_what_a_signature_says_is_not_shown(self, files: FileServer, fetcher: Fetcher) -> None:
        assert "secret" not in fetcher(files.put("/tiny.gguf", BODY) + "?signature=secret").source
        with pytest.raises(NotFound) as raised:
            fetcher(f"{files.url}/none.gguf?signature=secret")
        assert "secret" not in f"{raised.value} {raised.value.hint}"
        kept = [path.read_text() for path in (fetcher.models / ".sources").glob("*.json")]
        assert kept and "secret" not in "".join(kept)


class TestOnce:
    @pytest.mark.parametrize("options", [{}, {"etag": False, "modified": MODIFIED}], ids=["ETag", "Last-Modified"])
    def test_the_second_time_nothing_moves(
        self, files: FileServer, fetcher: Fetcher, options: dict[str, object]
    ) -> None:
        url = files.put("/tiny.gguf", BODY, **options)
        first = fetcher(url)
        before = sent(files)
        assert fetcher(url) == first
        assert sent(files) == before

    def test_a_file_that_changed_is_another_model(self, files: FileServer, fetcher: Fetcher) -> None:
        url = files.put("/tiny.gguf", BODY)
        first = fetcher(url)
        files.put("/tiny.gguf", b"GGUF, but newer")
        second = fetcher(url)
        assert contents(second.path) == {"tiny.gguf": b"GGUF, but newer"}
        assert contents(first.path) == {"tiny.gguf": BODY}

    def test_the_same_bytes_are_kept_once(self, files: FileServer, fetcher: Fetcher) -> None:
        one = fetcher(files.put("/a/one.gguf", BODY)).path / "one.gguf"
        two = fetcher(files.put("/b/two.gguf", BODY)).path / "two.gguf"
        assert one.samefile(two)

    def test_a_digest_that_the_server_says_saves_the_download(self, files: FileServer, fetcher: Fetcher) -> None:
        fetcher(files.put("/one.gguf", BODY))
        digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
        url = files.put("/again.gguf", BODY, headers={"Repr-Digest": f"sha-256=:{digest}:"})
        assert fetcher(url).moved == 0
        assert [method for method, path in files.methods if path == "/again.gguf"] == ["HEAD"]


class TestTrouble:
    def test_a_cut_is_gone_on_after(self, files: FileServer, fetcher: Fetcher, quick: None) -> None:
        url = files.put("/tiny.gguf", BODY)
        for after in (50_000, 70_000):
            files.trouble("/tiny.gguf", after=after)
        files.troubles[0].times = 2  # HEAD is the first
        assert contents(fetcher(url).path) == {"tiny.gguf": BODY}
        assert sent(files) == len(BODY)

    def test_a_server_without_parts_begins_anew(self, files: FileServer, fetcher: Fetcher, quick: None) -> None:
        url = files.put("/tiny.gguf", BODY, parts=False)
        files.trouble("/tiny.gguf", times=2, after=50_000)
        assert contents(fetcher(url).path) == {"tiny.gguf": BODY}
        assert fetcher.told.advanced == fetcher.told.total == {"tiny.gguf": len(BODY)}

    @pytest.mark.parametrize("parts", [True, False])
    def test_a_server_that_only_breaks_is_given_up(
        self, files: FileServer, fetcher: Fetcher, quick: None, parts: bool
    ) -> None:
        url = files.put("/tiny.gguf", BODY, parts=parts)
        files.trouble("/tiny.gguf", times=1000, after=10)
        with pytest.raises(Unavailable):
            fetcher(url)
        assert not list(fetcher.models.glob("files-*"))

    @pytest.mark.parametrize("options", [{}, {"etag": False, "modified": MODIFIED}], ids=["ETag", "Last-Modified"])
    def test_a_file_that_changes_meanwhile_is_begun_anew(
        self, files: FileServer, fetcher: Fetcher, quick: None, options: dict[str, object]
    ) -> None:
        newer = os.urandom(len(BODY))
        url = files.put("/tiny.gguf", BODY, **options)
        files.trouble("/tiny.gguf", times=2, after=100_000)

        class Changing(Told):
            def advance(self, what: str, count: int) -> None:
                super().advance(what, count)
                later = {"modified": MODIFIED.replace("2024", "2025")} if "modified" in options else {}
                files.put("/tiny.gguf", newer, **{**options, **later})

        found = fetcher(url, progress=Changing())
        assert contents(found.path) == {"tiny.gguf": newer}

    def test_a_file_that_changes_all_the_time_is_an_error(
        self, files: FileServer, fetcher: Fetcher, quick: None
    ) -> None:
        url = files.put("/tiny.gguf", BODY)
        files.trouble("/tiny.gguf", times=1000, after=100_000)

        class Changing(Told):
            def advance(self, what: str, count: int) -> None:
                super().advance(what, count)
                files.put("/tiny.gguf", os.urandom(len(BODY)))

        with pytest.raises(Conflict, match="changed while it was read, and again"):
            fetcher(url, progress=Changing())
        assert fetcher.left() == [] and not list(fetcher.models.glob("files-*"))

    def test_other_bytes_than_the_digest_says(self, files: FileServer, fetcher: Fetcher) -> None:
        with pytest.raises(ContentMismatch, match=r"tiny\.gguf came with another content"):
            fetcher(files.put("/tiny.gguf", BODY, headers={"X-Checksum-Sha256": "0" * 64}))
        assert fetcher.left() == []

    def test_a_full_disk_is_found_before(
        self, files: FileServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = files.put("/tiny.gguf", BODY)
        monkeypatch.setattr("forecourt.storage.remote._SPARE", 1 << 62)
        with pytest.raises(StorageFull, match=r"needs 0\.3 MB, and .* are free on the disk"):
            fetcher(url)
        assert sent(files) == 0

    @pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs Linux")
    def test_a_disk_that_fills_up_meanwhile(self, files: FileServer, fetcher: Fetcher) -> None:
        import resource
        import signal

        url = files.put("/tiny.gguf", BODY)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
            with pytest.raises(StorageFull, match="No space is left"):
                fetcher(url)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, ignored)
        assert contents(fetcher(url).path) == {"tiny.gguf": BODY}

    def test_what_is_not_there(self, files: FileServer, fetcher: Fetcher) -> None:
        with pytest.raises(NotFound, match=r"has no http://127.0.0.1:\d+/none.gguf"):
            fetcher(f"{files.url}/none.gguf")

    def test_a_web_page_is_no_model(self, files: FileServer, fetcher: Fetcher) -> None:
        with pytest.raises(InvalidInput, match="is a web page"):
            fetcher(files.put("/acme/tiny", b"<html>", headers={"Content-Type": "text/html; charset=utf-8"}))

    def test_no_name(self, files: FileServer, fetcher: Fetcher) -> None:
        with pytest.raises(InvalidInput, match="names no file"):
            fetcher(files.put("/", BODY))

    @pytest.mark.parametrize("uri", ["http://", "https://:80/x", "http://[::1/x", "https://a b/c", "http://h:nan/x"])
    def test_what_is_no_url(self, fetcher: Fetcher, uri: str) -> None:
        with pytest.raises(InvalidInput, match="no URL"):
            fetcher(uri)

    def test_a_login_in_the_url_is_refused_and_not_shown(self, fetcher: Fetcher) -> None:
        with pytest.raises(InvalidInput, match="carries a login") as raised:
            fetcher("https://me:hunter2@example.com/x.gguf")
        assert "hunter2" not in f"{raised.value} {raised.value.hint}"


class TestHeaders:
    def test_the_connections_headers_let_one_in(self, files: FileServer, fetcher: Fetcher) -> None:
        url = files.put("/tiny.gguf", BODY, needs={"X-Key": "open sesame"})
        with pytest.raises(Denied, match="refuses access") as raised:
            fetcher(url)
        assert "https-host and headers" in raised.value.hint
        secret = {"https-host": "127.0.0.1", "headers": '{"X-Key": "open sesame"}'}
        assert contents(fetcher(url, credentials=Credentials.from_secret(secret)).path) == {"tiny.gguf": BODY}

    def test_they_stay_with_their_host(self, files: FileServer, fetcher: Fetcher) -> None:
        there = files.url.replace("127.0.0.1", "localhost")
        files.put("/tiny.gguf", BODY)
        files.tokens.add("never-to-be-shown")
        url = files.redirect("/moved.gguf", f"{there}/tiny.gguf")
        secret = {"https-host": "127.0.0.1", "headers": "Authorization: Bearer never-to-be-shown"}
        fetcher(url, credentials=Credentials.from_secret(secret))
        seen = dict(zip(files.asked, files.authorized, strict=True))
        assert seen == {"/moved.gguf": "never-to-be-shown", "/tiny.gguf": ""}


class TestWhereItMayLead:
    """127.0.0.2 plays the public internet, the way home is private."""

    @pytest.fixture(autouse=True)
    def _public(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web, "is_public", lambda address: str(address) == "127.0.0.2")
        monkeypatch.setattr(web, "is_link_local", lambda address: str(address).startswith(("169.254.", "127.0.0.3")))

    @pytest.fixture
    def public(self) -> FileServer:
        from http.server import ThreadingHTTPServer

        original = ThreadingHTTPServer.server_bind

        def bind(server: ThreadingHTTPServer) -> None:
            server.server_address = ("127.0.0.2", 0)
            original(server)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ThreadingHTTPServer, "server_bind", bind)
            server = FileServer()
        server.url = server.url.replace("127.0.0.1", "127.0.0.2")
        yield server  # type: ignore[misc]
        server.close()

    def test_a_private_address_may_be_named(self, files: FileServer, fetcher: Fetcher) -> None:
        assert fetcher(files.put("/tiny.gguf", BODY)).moved

    def test_a_public_server_may_not_lead_into_a_private_network(
        self, public: FileServer, files: FileServer, fetcher: Fetcher
    ) -> None:
        url = public.redirect("/tiny.gguf", files.put("/tiny.gguf", BODY))
        with pytest.raises(ForbiddenAddress, match="in a private network, and it was reached by a redirect"):
            fetcher(url)
        assert files.asked == []
        fetcher(f"{files.url}/tiny.gguf")  # now a connection to it is known
        with pytest.raises(ForbiddenAddress):
            fetcher(url)

    def test_nothing_leads_to_where_clouds_give_out_credentials(self, files: FileServer, fetcher: Fetcher) -> None:
        for url in (
            "http://169.254.169.254/latest/meta-data/iam",
            files.redirect("/x.gguf", "http://169.254.169.254/y"),
        ):
            with pytest.raises(ForbiddenAddress, match="where clouds give out credentials"):
                fetcher(url)

    @pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "//", "http://"])
    def test_a_redirect_to_what_is_no_web(self, files: FileServer, fetcher: Fetcher, location: str) -> None:
        with pytest.raises((Unavailable, InvalidInput)):
            fetcher(files.redirect("/tiny.gguf", location))

    def test_circles(self, files: FileServer, fetcher: Fetcher) -> None:
        with pytest.raises(Unavailable, match="in circles"):
            fetcher(files.redirect("/tiny.gguf", f"{files.url}/tiny.gguf"))
