"""hf://owner/model: the files that one expects, whole and checked, and each of them once."""

from __future__ import annotations

import hashlib
import os

import pytest
from catalog.remote.hub import Hub, running
from storage.servers import Fetcher, contents

from forecourt.errors import ContentMismatch, Denied, InvalidInput, NotFound, Unavailable
from forecourt.storage import Credentials

WEIGHTS = os.urandom(300_000)
CARD = b"---\nlicense: mit\n---\n# Tiny\n"
CONFIG = b'{"model_type": "tiny"}'


@pytest.fixture(autouse=True)
def _endpoint(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)


def add(hub: Hub, name: str = "acme/tiny", **options: object) -> None:
    files = {"README.md": CARD, "config.json": CONFIG, "model.safetensors": WEIGHTS}
    hub.add(name, files=files, large=frozenset({"model.safetensors"}), **options)


class TestWhatComes:
    def test_a_model_comes_whole(self, hub: Hub, fetcher: Fetcher) -> None:
        add(hub)
        found = fetcher("hf://acme/tiny")
        assert contents(found.path) == {"README.md": CARD, "config.json": CONFIG, "model.safetensors": WEIGHTS}
        assert found.source == f"hf://acme/tiny@{hub.repositories['acme/tiny'].sha}"
        assert found.moved == len(WEIGHTS) + len(CARD) + len(CONFIG)
        assert not any(os.access(path, os.W_OK) and os.geteuid() for path in found.path.iterdir())
        assert fetcher.left() == []

    def test_progress_is_of_the_whole_model(self, hub: Hub, fetcher: Fetcher) -> None:
        add(hub)
        fetcher("hf://acme/tiny")
        size = len(WEIGHTS) + len(CARD) + len(CONFIG)
        assert (fetcher.told.total, fetcher.told.advanced) == ({"acme/tiny": size}, {"acme/tiny": size})

    @pytest.mark.parametrize("mark", [":", "@"])
    def test_a_revision(self, hub: Hub, fetcher: Fetcher, mark: str) -> None:
        add(hub)
        sha = hub.repositories["acme/tiny"].sha
        assert fetcher(f"hf://acme/tiny{mark}{sha}").path == fetcher("hf://acme/tiny").path

    def test_a_file_and_a_directory_of_a_repository(self, hub: Hub, fetcher: Fetcher) -> None:
        hub.add("acme/many", files={"a/x.gguf": b"GGUF1", "a/y.gguf": b"GGUF2", "b.txt": b"b"})
        assert contents(fetcher("hf://acme/many/a/y.gguf").path) == {"y.gguf": b"GGUF2"}
        assert contents(fetcher("hf://acme/many/a?allow=*.gguf").path) == {"x.gguf": b"GGUF1", "y.gguf": b"GGUF2"}

    def test_an_empty_file(self, hub: Hub, fetcher: Fetcher) -> None:
        hub.add("acme/empty", files={"__init__.py": b"", "config.json": CONFIG})
        assert contents(fetcher("hf://acme/empty").path) == {"__init__.py": b"", "config.json": CONFIG}


class TestOnce:
    def test_the_second_time_nothing_moves(self, hub: Hub, fetcher: Fetcher) -> None:
        add(hub)
        first = fetcher("hf://acme/tiny")
        hub.asked.clear()
        again = fetcher("hf://acme/tiny")
        assert (again, again.moved) == (first, 0)
        assert hub.asked_for("resolve") == hub.asked_for("lfs") == []
        assert fetcher.told.notes == {"acme/tiny": "already there"}

    def test_a_file_that_is_here_from_elsewhere_does_not_move(self, hub: Hub, fetcher: Fetcher) -> None:
        """Its bytes are known by the sha256 that the hub says, whatever brought them and however they are called."""
        add(hub)
        hub.add("other/copy", files={"renamed.safetensors": WEIGHTS}, large=frozenset({"renamed.safetensors"}))
        first = fetcher("hf://acme/tiny").path / "model.safetensors"
        hub.asked.clear()
        second = fetcher("hf://other/copy")
        assert hub.asked_for("renamed") == [] and second.moved == 0
        assert (second.path / "renamed.safetensors").samefile(first)

    def test_a_file_that_was_packed_here_does_not_move(
        self, hub: Hub, fetcher: Fetcher, tmp_path: os.PathLike[str]
    ) -> None:
        local = fetcher.root / "model.safetensors"
        local.parent.mkdir(exist_ok=True)
        local.write_bytes(WEIGHTS)
        fetcher.store.add_file(local, "models/other-name.safetensors")
        add(hub)
        assert fetcher("hf://acme/tiny").moved == len(CARD) + len(CONFIG)

    def test_a_new_commit_brings_what_changed_and_leaves_the_old_directory(self, hub: Hub, fetcher: Fetcher) -> None:
        add(hub)
        first = fetcher("hf://acme/tiny")
        hub.repositories["acme/tiny"].files["config.json"] = b'{"model_type": "newer"}'
        second = fetcher("hf://acme/tiny")
        assert second.path != first.path and second.moved == len(b'{"model_type": "newer"}')
        assert contents(first.path)["config.json"] == CONFIG
        assert (second.path / "model.safetensors").samefile(first.path / "model.safetensors")

    def test_after_a_prune_the_directory_itself_is_used(self, hub: Hub, fetcher: Fetcher) -> None:
        add(hub)
        first = fetcher("hf://acme/tiny")
        for digest in list(fetcher.store):
            fetcher.store.delete(digest)
        hub.repositories["acme/tiny"].files["new.txt"] = b"new"
        second = fetcher("hf://acme/tiny")
        assert second.moved <= len(WEIGHTS) + 3 and contents(second.path)["model.safetensors"] == WEIGHTS
        assert first.path.is_dir()

    def test_a_hub_that_does_not_answer_is_not_needed_for_what_is_here(
        self, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with running() as short_lived:
            monkeypatch.setenv("HF_ENDPOINT", short_lived.url)
            add(short_lived)
            first = fetcher("hf://acme/tiny")
        assert fetcher("hf://acme/tiny") == first
        with pytest.raises(Unavailable, match="Nothing listens"):
            fetcher("hf://acme/other")


class TestTrouble:
    def test_a_connection_that_breaks_goes_on_where_it_was(self, hub: Hub, fetcher: Fetcher) -> None:
        add(hub)
        hub.trouble("/lfs/", after=120_000)
        assert contents(fetcher("hf://acme/tiny").path)["model.safetensors"] == WEIGHTS
        assert sum(sent for path, sent in hub.sent.items() if "/lfs/" in path) == len(WEIGHTS)

    def test_a_hub_that_falls_silent(self, hub: Hub, fetcher: Fetcher, quick: None) -> None:
        add(hub)
        hub.trouble("/lfs/", after=100_000, stalls=True)
        assert contents(fetcher("hf://acme/tiny").path)["model.safetensors"] == WEIGHTS

    def test_a_hub_that_stays_silent_is_given_up_and_gone_on_with(
        self, hub: Hub, fetcher: Fetcher, quick: None
    ) -> None:
        add(hub)
        hub.trouble("/lfs/", after=100_000, stalls=True)
        hub.trouble("/lfs/", times=100, stalls=True)
        with pytest.raises(Unavailable, match="has not answered"):
            fetcher("hf://acme/tiny")
        hub.troubles.clear()
        hub.sent.clear()
        assert contents(fetcher("hf://acme/tiny").path)["model.safetensors"] == WEIGHTS
        assert sum(sent for path, sent in hub.sent.items() if "/lfs/" in path) == len(WEIGHTS) - 100_000

    def test_an_overloaded_hub_is_asked_again(self, hub: Hub, fetcher: Fetcher, quick: None) -> None:
        add(hub)
        hub.trouble("resolve", status=429, headers={"Retry-After": "0"})
        hub.trouble("/api/models", status=503)
        assert fetcher("hf://acme/tiny").moved

    @pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
    def test_other_bytes_than_promised_are_refused(self, hub: Hub, fetcher: Fetcher, name: str) -> None:
        add(hub)
        path = "/lfs/" if name == "model.safetensors" else "resolve"
        wrong = bytes(len(hub.repositories["acme/tiny"].files[name]))
        size = len(wrong)
        hub.trouble(f"{name}", times=9, status=206, headers={"Content-Range": f"bytes 0-{size - 1}/{size}"}, body=wrong)
        with pytest.raises(ContentMismatch, match=name):
            fetcher("hf://acme/tiny")
        assert path and fetcher.left() == [] and not list(fetcher.models.glob("files-*"))

    def test_no_such_model(self, hub: Hub, fetcher: Fetcher) -> None:
        with pytest.raises(NotFound, match="no model acme/none, or it is private") as raised:
            fetcher("hf://acme/none")
        assert "HF_TOKEN" in raised.value.hint

    def test_no_such_revision(self, hub: Hub, fetcher: Fetcher) -> None:
        add(hub)
        with pytest.raises(NotFound, match="no revision 'Q8_0'") as raised:
            fetcher("hf://acme/tiny:Q8_0")
        assert "?allow=*Q8_0*" in raised.value.hint

    def test_patterns_that_leave_nothing(self, hub: Hub, fetcher: Fetcher) -> None:
        add(hub)
        with pytest.raises(NotFound, match="no file that the patterns leave"):
            fetcher("hf://acme/tiny", allow=["*.gguf"])

    @pytest.mark.parametrize("uri", ["hf://tiny", "hf://", "hf://a/b?token=x", "hf://a/b c", "hf:///x/y"])
    def test_what_is_no_uri_of_a_hub(self, fetcher: Fetcher, uri: str) -> None:
        with pytest.raises(InvalidInput):
            fetcher(uri)


class TestGates:
    TOKEN = "hf_never-to-be-shown"

    def test_a_gated_model_without_a_token(self, hub: Hub, fetcher: Fetcher) -> None:
        add(hub, gated="manual")
        with pytest.raises(Denied, match="gated, and nobody may read it without a token") as raised:
            fetcher("hf://acme/tiny")
        assert "Accept its terms at" in raised.value.hint and "HF_TOKEN" in raised.value.hint

    def test_a_token_that_may_not(self, hub: Hub, fetcher: Fetcher) -> None:
        add(hub, gated="manual")
        hub.tokens.add(self.TOKEN)
        with pytest.raises(Denied, match="this token may not") as raised:
            fetcher(
                "hf://acme/tiny", credentials=Credentials.from_secret({"HF_TOKEN": self.TOKEN, "HF_ENDPOINT": hub.url})
            )
        assert self.TOKEN not in f"{raised.value!r} {raised.value} {raised.value.hint}"

    def test_a_token_that_may(self, hub: Hub, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
        add(hub, gated="manual", readers=frozenset({self.TOKEN}))
        hub.tokens.add(self.TOKEN)
        monkeypatch.setenv("HF_TOKEN", self.TOKEN)
        assert contents(fetcher("hf://acme/tiny").path)["model.safetensors"] == WEIGHTS

    def test_a_wrong_token(self, hub: Hub, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
        add(hub)
        monkeypatch.setenv("HF_TOKEN", "hf_wrong")
        with pytest.raises(Denied, match="refuses") as raised:
            fetcher("hf://acme/tiny")
        assert "hf_wrong" not in f"{raised.value} {raised.value.hint}"

    def test_a_token_stays_with_the_hub(self, hub: Hub, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
        """Large files are on other hosts, whose business it is not."""
        with running() as elsewhere:
            add(hub)
            elsewhere.repositories = hub.repositories
            hub.elsewhere = elsewhere.url.replace("127.0.0.1", "localhost")
            hub.tokens.add(self.TOKEN)
            monkeypatch.setenv("HF_TOKEN", self.TOKEN)
            assert contents(fetcher("hf://acme/tiny").path)["model.safetensors"] == WEIGHTS
            assert set(hub.authorized) == {self.TOKEN}
            assert set(elsewhere.authorized) == {""}

    def test_the_environments_token_is_not_for_another_hub(
        self, hub: Hub, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("HF_ENDPOINT")
        monkeypatch.setenv("HF_TOKEN", self.TOKEN)
        add(hub)
        fetcher("hf://acme/tiny", credentials=Credentials.from_secret({"HF_ENDPOINT": hub.url}))
        assert set(hub.authorized) == {""}


def test_what_the_hub_says_of_small_files_is_what_git_says() -> None:
    assert hashlib.sha1(b"blob 0\0").hexdigest() == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
