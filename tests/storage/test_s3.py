"""s3://bucket/prefix against SeaweedFS: what is below the prefix, whole, and none of it twice."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from object_stores import KEY, SECRET, ObjectStore
from storage.servers import Fetcher, Told, contents

from forecourt.errors import Conflict, ContentMismatch, Denied, InvalidInput, NotFound, Unavailable
from forecourt.storage import Credentials, S3Credentials, download
from forecourt.storage.s3 import addressed

WEIGHTS = os.urandom(6_000_000)


@pytest.fixture
def prefix(object_store: ObjectStore, request: pytest.FixtureRequest) -> str:
    """A prefix with a model below it, and a neighbour whose name begins as it does."""
    prefix = re.sub(r"\W+", "-", request.node.name)
    object_store.put(f"{prefix}/config.json", b"{}")
    object_store.put(f"{prefix}/sub/model 1.safetensors", WEIGHTS, parts=5 * 1024 * 1024)
    object_store.put(f"{prefix}-2/other", b"not this")
    return prefix


@pytest.fixture
def fetch(fetcher: Fetcher, object_store: ObjectStore) -> Any:
    """Fetch with the connection."""
    return lambda uri, secret=object_store.secret, **more: fetcher(
        uri, credentials=Credentials.from_secret(secret), **more
    )


class TestWhatComes:
    def test_all_below_a_prefix(self, fetch: Any, prefix: str, fetcher: Fetcher) -> None:
        found = fetch(f"s3://models/{prefix}")
        assert contents(found.path) == {"config.json": b"{}", "sub/model 1.safetensors": WEIGHTS}
        assert (found.source, found.moved) == (f"s3://models/{prefix}", len(WEIGHTS) + 2)
        assert re.fullmatch("[0-9a-f]{64}", found.revision)
        assert fetch(f"s3://models/{prefix}/") == found
        assert fetcher.left() == []

    def test_one_object(self, fetch: Any, prefix: str) -> None:
        found = fetch(f"s3://models/{prefix}/sub/model 1.safetensors")
        assert contents(found.path) == {"model 1.safetensors": WEIGHTS}
        assert found.revision.endswith("-2")
        assert contents(fetch(f"s3://models/{prefix}/sub/model%201.safetensors").path) == contents(found.path)

    def test_patterns(self, fetch: Any, prefix: str) -> None:
        assert set(contents(fetch(f"s3://models/{prefix}", allow=["*.json"]).path)) == {"config.json"}
        assert set(contents(fetch(f"s3://models/{prefix}?ignore=sub/").path)) == {"config.json"}

    def test_a_uri_says_where_the_store_is_as_kubeflow_writes_it(self, fetch: Any, prefix: str) -> None:
        found = fetch(f"s3://models/{prefix}?endpoint=https://elsewhere.example.com&defaultRegion=eu&ignore=sub/")
        assert set(contents(found.path)) == {"config.json"}, "the connection's endpoint counts"
        assert found.source == f"s3://models/{prefix}"

    def test_no_key_goes_where_only_the_uri_says(self, fetch: Any, prefix: str, object_store: ObjectStore) -> None:
        keys = {name: value for name, value in object_store.secret.items() if name != "AWS_S3_ENDPOINT"}
        with pytest.raises(Denied):
            fetch(f"s3://models/{prefix}?endpoint={object_store.url}", keys)
        key = S3Credentials(access_key_id="id", secret_access_key="secret")
        assert addressed("s3://b/p?endpoint=https://s3.eu.amazonaws.com", key) == ("s3://b/p", key)
        assert addressed("s3://b/p?endpoint=https://x&allow=a", key)[1].access_key_id == ""
        with pytest.raises(InvalidInput, match="no URL"):
            addressed("s3://b/p?endpoint=x", key)

    def test_the_connections_bucket_is_taken_where_none_is_said(self, fetch: Any, prefix: str) -> None:
        assert set(contents(fetch(f"s3:///{prefix}").path)) == {"config.json", "sub/model 1.safetensors"}

    def test_the_environment_says_who_one_is(
        self, fetcher: Fetcher, prefix: str, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_ENDPOINT_URL", object_store.url)
        assert fetcher(f"s3://models/{prefix}").moved == len(WEIGHTS) + 2

    def test_a_large_object_comes_in_parts_over_several_connections(
        self, fetch: Any, prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(download, "SEGMENT", 700_000)
        assert contents(fetch(f"s3://models/{prefix}").path)["sub/model 1.safetensors"] == WEIGHTS

    def test_an_archive_alone_is_unpacked(self, fetch: Any, prefix: str, object_store: ObjectStore) -> None:
        import io
        import zipfile

        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as archive:
            archive.writestr("a/b.txt", "x")
        object_store.put(f"{prefix}/all.zip", written.getvalue())
        assert contents(fetch(f"s3://models/{prefix}/all.zip").path) == {"a/b.txt": b"x"}
        assert "all.zip" in contents(fetch(f"s3://models/{prefix}").path)


class TestTls:
    """A store with a certificate that nobody has signed, as many have that are one's own."""

    def test_its_certificate_may_be_in_the_connection(self, fetch: Any, prefix: str, object_store: ObjectStore) -> None:
        secret = object_store.secret | {"AWS_S3_ENDPOINT": object_store.secure_url}
        secret["AWS_CA_BUNDLE"] = object_store.certificate.read_text()
        assert fetch(f"s3://models/{prefix}", secret).moved == len(WEIGHTS) + 2

    def test_it_may_be_left_unchecked(self, fetcher: Fetcher, prefix: str, object_store: ObjectStore) -> None:
        secret = object_store.secret | {"AWS_S3_ENDPOINT": object_store.secure_url}
        unchecked = Credentials.from_secret(secret, {"serving.kserve.io/s3-verifyssl": "0"})
        assert fetcher(f"s3://models/{prefix}", credentials=unchecked).moved == len(WEIGHTS) + 2

    def test_else_it_is_refused(self, fetch: Any, prefix: str, object_store: ObjectStore) -> None:
        with pytest.raises(Unavailable, match=r"certificate .* is not trusted"):
            fetch(f"s3://models/{prefix}", object_store.secret | {"AWS_S3_ENDPOINT": object_store.secure_url})


class TestOnce:
    def test_the_second_time_nothing_moves(self, fetch: Any, prefix: str) -> None:
        first = fetch(f"s3://models/{prefix}")
        again = fetch(f"s3://models/{prefix}")
        assert (again, again.moved) == (first, 0)

    def test_only_what_changed_moves(self, fetch: Any, prefix: str, object_store: ObjectStore) -> None:
        first = fetch(f"s3://models/{prefix}")
        object_store.put(f"{prefix}/config.json", b'{"new": true}')
        second = fetch(f"s3://models/{prefix}")
        assert second.path != first.path and second.moved == len(b'{"new": true}')
        assert contents(first.path)["config.json"] == b"{}"
        assert contents(second.path)["config.json"] == b'{"new": true}'

    def test_an_object_that_is_gone(self, fetch: Any, prefix: str, object_store: ObjectStore) -> None:
        fetch(f"s3://models/{prefix}")
        object_store.delete(f"{prefix}/config.json")
        assert set(contents(fetch(f"s3://models/{prefix}").path)) == {"sub/model 1.safetensors"}


class TestTrouble:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"AWS_ACCESS_KEY_ID": "AKIANOBODY"}, "does not know the access key"),
            ({"AWS_SECRET_ACCESS_KEY": "wrong-and-secret"}, "does not accept the secret key"),
            ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "denies access .* to those who have no key"),
        ],
    )
    def test_wrong_credentials(
        self, fetch: Any, prefix: str, object_store: ObjectStore, wrong: dict[str, str], said: str
    ) -> None:
        secret = object_store.secret | wrong
        with pytest.raises(Denied, match=said) as raised:
            fetch(f"s3://models/{prefix}", secret)
        told = f"{raised.value!r} {raised.value} {raised.value.hint}"
        assert "AWS_SECRET_ACCESS_KEY" in told
        assert not any(value in told for key, value in secret.items() if "KEY" in key and value)

    def test_no_such_bucket(self, fetch: Any, object_store: ObjectStore) -> None:
        with pytest.raises(NotFound, match="has no bucket nothing-here"):
            fetch("s3://nothing-here/model")

    def test_no_such_object(self, fetch: Any, prefix: str) -> None:
        with pytest.raises(NotFound, match=r"The bucket models at 127\.0\.0\.1:\d+ has no object none/there"):
            fetch("s3://models/none/there")
        with pytest.raises(NotFound, match="that the patterns leave"):
            fetch(f"s3://models/{prefix}?allow=*.gguf")

    @pytest.mark.parametrize("uri", ["s3://", "s3://x", "s3://a b/c", "s3://models/x?versionId=3"])
    def test_what_is_no_uri_of_an_object(self, fetcher: Fetcher, uri: str) -> None:
        with pytest.raises(InvalidInput):
            fetcher(uri)

    def test_an_endpoint_that_does_not_answer(self, fetch: Any, object_store: ObjectStore, free_port: int) -> None:
        secret = object_store.secret | {"AWS_S3_ENDPOINT": f"http://127.0.0.1:{free_port}"}
        with pytest.raises(Unavailable, match=f"127.0.0.1:{free_port} cannot be reached"):
            fetch("s3://models/x", secret)

    def test_an_object_that_changes_meanwhile_is_begun_anew(
        self, fetch: Any, prefix: str, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        newer = os.urandom(len(WEIGHTS))
        monkeypatch.setattr(download, "SEGMENT", 1_000_000)
        monkeypatch.setattr(download, "CONNECTIONS", 1)

        class Changing(Told):
            changed = False

            def advance(self, what: str, count: int) -> None:
                super().advance(what, count)
                if not self.changed and self.advanced[what] > 2_000_000:
                    self.changed = True
                    object_store.put(f"{prefix}/sub/model 1.safetensors", newer, parts=5 * 1024 * 1024)

        found = fetch(f"s3://models/{prefix}", progress=Changing())
        assert contents(found.path)["sub/model 1.safetensors"] == newer

    def test_an_object_that_changes_all_the_time_is_an_error(
        self, fetch: Any, fetcher: Fetcher, prefix: str, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(download, "SEGMENT", 1_000_000)

        class Changing(Told):
            def advance(self, what: str, count: int) -> None:
                super().advance(what, count)
                object_store.put(f"{prefix}/sub/model 1.safetensors", os.urandom(len(WEIGHTS)))

        with pytest.raises(Conflict, match="changed while it was read, and again"):
            fetch(f"s3://models/{prefix}", progress=Changing())
        assert not list(fetcher.models.glob("files-*"))

    def test_other_bytes_than_the_etag_says(self, fetch: Any, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """An object that came in one part has its MD5 as its ETag."""
        from forecourt.storage import s3

        honest = s3._file

        def lying(name: str, key: str, size: int, etag: str | None) -> Any:
            from dataclasses import replace

            found = honest(name, key, size, etag)
            return replace(found, md5="0" * 32) if found.md5 else found

        monkeypatch.setattr(s3, "_file", lying)
        with pytest.raises(ContentMismatch, match=r"config\.json came with another content"):
            fetch(f"s3://models/{prefix}")


def test_kserves_own_storage_initializer_gets_the_same_files(
    prefix: str, fetch: Any, object_store: ObjectStore, tmp_path: Any
) -> None:
    import subprocess
    import sys

    out = tmp_path / "mnt"
    script = "import sys; from kserve_storage import Storage; Storage.download(sys.argv[1], sys.argv[2])"
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": object_store.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "HOME": str(tmp_path),
    }
    uri = f"s3://models/{prefix}/"
    done = subprocess.run(
        [sys.executable, "-c", script, uri, str(out)], env=environment, capture_output=True, text=True
    )
    if "No module named 'boto3'" in done.stderr:
        pytest.skip("needs boto3, which is not installed")
    assert done.returncode == 0, done.stderr
    assert contents(out) == contents(fetch(uri).path)
