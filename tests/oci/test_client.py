"""The client against real registries: Debian's docker-registry, open, with Basic and with token authentication."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import needs
from docker_registries import PASSWORD, USER, DockerRegistry, TokenServer, docker_registry, token_server
from docker_registries import basic_registry as basic_registry
from docker_registries import plain_registry as plain_registry

from forecourt.errors import ContentMismatch, Denied, InvalidInput, NotFound, RegistryError, Unavailable
from forecourt.oci import (
    EMPTY_DESCRIPTOR,
    EMPTY_JSON,
    LAYER_TAR,
    Anonymous,
    Blob,
    ContentStore,
    Credential,
    Credentials,
    Descriptor,
    Digest,
    Index,
    Login,
    LoginFiles,
    Manifest,
    Patience,
    RegistryClient,
    clients,
)
from forecourt.settings import Settings

pytestmark = needs("docker-registry")

IMPATIENT = Patience(connect=2, answer=5, stored=5, attempts=3, pause=0.01)


class Notes:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.notes: dict[str, str] = {}

    def begin(self, what: str, total: int) -> None:
        self.totals[what], self.counts[what] = total, 0

    def advance(self, what: str, count: int) -> None:
        self.counts[what] += count

    def done(self, what: str, note: str) -> None:
        self.notes[what] = note


def connect(registry: DockerRegistry, credentials: Credentials | None = None) -> RegistryClient:
    return RegistryClient(registry.host, insecure=True, credentials=credentials or Anonymous(), patience=IMPATIENT)


@pytest.fixture
def client(plain_registry: DockerRegistry) -> Iterator[RegistryClient]:
    with connect(plain_registry) as client:
        yield client


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """A repository of the test's own."""
    return "demo/" + "".join(letter for letter in request.node.name.lower() if letter.isalnum())


@pytest.fixture
def layer(store: ContentStore, tmp_path: Path) -> Blob:
    """A layer of one file of 3 MB."""
    weights = tmp_path / "weights"
    weights.write_bytes(bytes(range(256)) * 12_000)
    return store.add_file(weights, "models/weights")


def describe(blob: Blob) -> Descriptor:
    return Descriptor(LAYER_TAR, blob.digest, blob.size)


def put_image(client: RegistryClient, repository: str, store: ContentStore, tag: str = "1") -> Manifest:
    store.add(EMPTY_JSON)
    client.push_blob(repository, store.open(EMPTY_DESCRIPTOR.digest))
    manifest = Manifest.build(EMPTY_DESCRIPTOR, [EMPTY_DESCRIPTOR], artifact_type="application/x.image")
    client.put_manifest(repository, tag, manifest)
    return manifest


class TestBlobs:
    def test_go_there_and_come_back_the_same(
        self, client: RegistryClient, repository: str, layer: Blob, tmp_path: Path
    ) -> None:
        notes = Notes()
        assert not client.has_blob(repository, layer.digest)
        client.push_blob(repository, layer, "weights", notes)
        assert client.has_blob(repository, layer.digest)
        other = ContentStore(tmp_path / "other")
        client.pull_blob(repository, describe(layer), other, notes, title="back")
        assert other.open(layer.digest).path.read_bytes() == layer.path.read_bytes()
        assert notes.notes == {"weights": "pushed", "back": "pulled"}
        assert notes.counts == notes.totals

    def test_do_not_move_where_they_are_there_already(
        self, client: RegistryClient, repository: str, layer: Blob, store: ContentStore
    ) -> None:
        client.push_blob(repository, layer, "first")
        notes = Notes()
        client.push_blob(repository, layer, "again", notes)
        client.pull_blob(repository, describe(layer), store, notes, title="here")
        assert notes.notes == {"again": "already there", "here": "already there"}
        assert notes.counts == notes.totals

    def test_are_mounted_from_another_repository(self, client: RegistryClient, repository: str, layer: Blob) -> None:
        client.push_blob(repository, layer)
        notes = Notes()
        client.push_blob(f"{repository}/copy", layer, "copy", notes, mount_from=repository)
        assert notes.notes == {"copy": "mounted"}
        client.push_blob(f"{repository}/third", layer, "third", notes, mount_from="demo/never-was")
        assert notes.notes["third"] == "pushed", "where there is nothing to mount, it is sent"

    def test_of_no_bytes_are_blobs_too(self, client: RegistryClient, repository: str, store: ContentStore) -> None:
        empty = store.add(b"")
        client.push_blob(repository, store.open(empty))
        assert client.read_blob(repository, Descriptor("application/x", empty, 0)) == b""

    def test_with_sha512_are_checked_with_sha512(
        self, client: RegistryClient, repository: str, store: ContentStore
    ) -> None:
        blob = store.open(store.add(b"something", "sha512"))
        client.push_blob(repository, blob)
        assert client.read_blob(repository, Descriptor("application/x", blob.digest, blob.size)) == b"something"

    def test_that_are_small_are_read_and_large_ones_refused(
        self, client: RegistryClient, repository: str, layer: Blob
    ) -> None:
        client.push_blob(repository, layer)
        assert client.read_blob(repository, describe(layer)) == b"".join(layer.chunks())
        with pytest.raises(InvalidInput, match="at most 100"):
            client.read_blob(repository, describe(layer), limit=100)

    def test_that_are_not_there_are_said_to_be_missing(
        self, client: RegistryClient, repository: str, store: ContentStore
    ) -> None:
        with pytest.raises(NotFound, match=repository):
            client.pull_blob(repository, Descriptor(LAYER_TAR, Digest.of(b"x"), 1), store)

    def test_changed_on_the_registrys_disk_are_refused_and_not_kept(
        self, client: RegistryClient, plain_registry: DockerRegistry, repository: str, tmp_path: Path
    ) -> None:
        store = ContentStore(tmp_path / "mine")
        blob = store.open(store.add(b"what was pushed"))
        client.push_blob(repository, blob)
        hex_digest = blob.digest.hex
        (plain_registry.blobs / "sha256" / hex_digest[:2] / hex_digest / "data").write_bytes(b"what was stored")
        other = ContentStore(tmp_path / "other")
        with pytest.raises(ContentMismatch, match=blob.digest) as error:
            client.pull_blob(repository, Descriptor("application/x", blob.digest, blob.size), other)
        assert "Nothing of it was kept" in error.value.hint
        assert list(other) == []
        assert not list((other.root / "staging").glob("*"))


class TestManifests:
    def test_come_back_by_tag_and_by_digest(self, client: RegistryClient, repository: str, store: ContentStore) -> None:
        manifest = put_image(client, repository, store)
        assert client.manifest(repository, "1") == manifest
        assert client.manifest(repository, manifest.digest) == manifest
        found = client.head(repository, "1")
        assert found
        assert (found.digest, found.size, found.media_type) == (
            manifest.digest,
            len(manifest.raw),
            manifest.media_type,
        )

    def test_of_an_index_come_back_as_an_index(
        self, client: RegistryClient, repository: str, store: ContentStore
    ) -> None:
        index = Index.build([put_image(client, repository, store).descriptor])
        client.put_manifest(repository, "all", index)
        assert client.manifest(repository, "all") == index

    def test_that_are_missing_are_named_in_full(
        self, client: RegistryClient, plain_registry: DockerRegistry, repository: str
    ) -> None:
        with pytest.raises(NotFound) as error:
            client.manifest(repository, "no-such-tag")
        assert f"{plain_registry.host}/{repository}:no-such-tag" in error.value.message
        assert client.head(repository, "no-such-tag") is None
        with pytest.raises(NotFound):
            client.delete_manifest(repository, Digest.of(b"none"))

    def test_without_their_blobs_are_refused(self, client: RegistryClient, repository: str) -> None:
        missing = Descriptor("application/x", Digest.of(b"missing"), 7)
        with pytest.raises(RegistryError, match="blob unknown"):
            client.put_manifest(repository, "1", Manifest.build(missing, []))

    def test_are_deleted(self, client: RegistryClient, repository: str, store: ContentStore) -> None:
        manifest = put_image(client, repository, store)
        client.delete_manifest(repository, manifest.digest)
        assert client.head(repository, manifest.digest) is None

    def test_changed_on_the_registrys_disk_are_refused(
        self, client: RegistryClient, plain_registry: DockerRegistry, repository: str, store: ContentStore
    ) -> None:
        manifest = put_image(client, repository, store)
        changed = Manifest.build(EMPTY_DESCRIPTOR, [], annotations={"test": repository})
        client.put_manifest(repository, "2", changed)
        path = plain_registry.blobs / "sha256" / changed.digest.hex[:2] / changed.digest.hex / "data"
        path.write_bytes(manifest.raw)
        with pytest.raises(ContentMismatch, match="as promised"):
            client.manifest(repository, changed.digest)


class TestLists:
    def test_of_tags_are_whole_however_many_pages_they_take(
        self, client: RegistryClient, repository: str, store: ContentStore
    ) -> None:
        manifest = put_image(client, repository, store)
        names = [f"v{number}" for number in range(7)]
        for name in names:
            client.put_manifest(repository, name, manifest)
        assert sorted(client.tags(repository)) == ["1", *names]

    def test_of_tags_need_a_repository(self, client: RegistryClient, repository: str) -> None:
        with pytest.raises(NotFound, match=repository):
            client.tags(repository)

    def test_of_referrers_are_kept_under_a_tag_where_the_registry_has_no_api(
        self, client: RegistryClient, repository: str, store: ContentStore
    ) -> None:
        image = put_image(client, repository, store)
        assert client.referrers(repository, image.digest) == []
        kinds = ["application/x.card", "application/x.score"]
        about = [
            Manifest.build(EMPTY_DESCRIPTOR, [], subject=image.descriptor, artifact_type=kind, annotations={"k": kind})
            for kind in kinds
        ]
        for referrer in [*about, about[0]]:  # the second time changes nothing
            client.put_manifest(repository, referrer.digest, referrer)
        assert [entry.artifact_type for entry in client.referrers(repository, image.digest)] == kinds
        [score] = client.referrers(repository, image.digest, kinds[1])
        assert (score.digest, score.annotations) == (about[1].digest, {"k": kinds[1]})
        tag = image.digest.replace(":", "-")
        assert isinstance(client.manifest(repository, tag), Index)
        client.delete_manifest(repository, about[0].digest)
        assert [entry.digest for entry in client.referrers(repository, image.digest)] == [about[1].digest]


class TestLogins:
    def test_ping_knows_a_registry(self, client: RegistryClient, basic_registry: DockerRegistry) -> None:
        client.ping()
        with connect(basic_registry, Login(basic_registry.host, Credential(USER, PASSWORD))) as other:
            other.ping()
        with connect(basic_registry) as stranger, pytest.raises(Denied):
            stranger.ping()

    def test_by_basic_authentication_push_and_pull(
        self, basic_registry: DockerRegistry, repository: str, layer: Blob, tmp_path: Path
    ) -> None:
        with connect(basic_registry, Login(basic_registry.host, Credential(USER, PASSWORD))) as client:
            client.push_blob(repository, layer)
            other = ContentStore(tmp_path / "other")
            client.pull_blob(repository, describe(layer), other)
            assert other.has(layer.digest)

    def test_that_are_missing_or_wrong_are_denied_with_the_way_in(
        self, basic_registry: DockerRegistry, repository: str, layer: Blob
    ) -> None:
        with connect(basic_registry) as stranger, pytest.raises(Denied) as unknown:
            stranger.push_blob(repository, layer)
        assert f"docker login {basic_registry.host}" in unknown.value.hint
        login = Login(basic_registry.host, Credential(USER, "wrong"))
        with connect(basic_registry, login) as client, pytest.raises(Denied) as wrong:
            client.manifest(repository, "1")
        assert repr(USER) in wrong.value.hint
        assert "wrong" not in wrong.value.hint

    def test_are_found_in_dockers_file(
        self, basic_registry: DockerRegistry, settings: Settings, tmp_path: Path
    ) -> None:
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker/config.json").write_text(json.dumps({"auths": {basic_registry.host: {"auth": auth}}}))
        with clients(settings) as client_for:
            client_for(basic_registry.host).ping()
            assert client_for(basic_registry.host) is client_for(basic_registry.host)

    @needs("skopeo")
    def test_that_skopeo_made_are_found(self, basic_registry: DockerRegistry, tmp_path: Path) -> None:
        kept = tmp_path / "auth.json"
        command = ["skopeo", "login", "--tls-verify=false", "--authfile", str(kept), "-u", USER, "--password-stdin"]
        subprocess.run([*command, basic_registry.host], input=PASSWORD.encode(), check=True, capture_output=True)
        with connect(basic_registry, LoginFiles(environ={"REGISTRY_AUTH_FILE": str(kept)})) as client:
            client.ping()


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with token_server(tmp_path_factory.mktemp("tokens")) as server:
        yield server


@pytest.fixture(scope="module")
def token_registry(tokens: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry"), auth=tokens.auth) as registry:
        yield registry


@needs("openssl")
class TestTokens:
    @pytest.mark.parametrize(
        "credential",
        [Credential(USER, PASSWORD), Credential(identity_token=TokenServer.IDENTITY)],
        ids=["password", "identity"],
    )
    def test_are_fetched_once_for_each_kind_of_work(
        self,
        token_registry: DockerRegistry,
        tokens: TokenServer,
        credential: Credential,
        repository: str,
        store: ContentStore,
        layer: Blob,
    ) -> None:
        tokens.asked.clear()
        with connect(token_registry, Login(token_registry.host, credential)) as client:
            client.push_blob(repository, layer)
            manifest = put_image(client, repository, store)
            assert client.manifest(repository, "1") == manifest
        assert [scope for _, scope in tokens.asked] == [
            f"repository:{repository}:pull",
            f"repository:{repository}:pull,push",
        ]

    def test_are_renewed_when_they_run_out(
        self, token_registry: DockerRegistry, tokens: TokenServer, repository: str, layer: Blob
    ) -> None:
        tokens.asked.clear()
        tokens.seconds = 0  # good for this very second, and for no later request
        try:
            with connect(token_registry, Login(token_registry.host, Credential(USER, PASSWORD))) as client:
                client.push_blob(repository, layer)
                assert client.has_blob(repository, layer.digest)
        finally:
            tokens.seconds = 300
        assert len(tokens.asked) > 2

    def test_let_anybody_pull_what_is_public_and_no_more(
        self, token_registry: DockerRegistry, store: ContentStore, layer: Blob
    ) -> None:
        with connect(token_registry, Login(token_registry.host, Credential(USER, PASSWORD))) as client:
            public, private = put_image(client, "public/m", store), put_image(client, "private/m", store)
        with connect(token_registry) as stranger:
            assert stranger.manifest("public/m", "1") == public
            with pytest.raises(Denied, match="private/m"):
                stranger.manifest("private/m", private.digest)
            with pytest.raises(Denied, match="public/m"):
                stranger.push_blob("public/m", layer)

    def test_are_refused_for_a_wrong_password(self, token_registry: DockerRegistry) -> None:
        login = Login(token_registry.host, Credential(USER, "wrong"))
        with connect(token_registry, login) as client, pytest.raises(Denied, match="token server"):
            client.tags("public/m")


class TestReach:
    def test_an_unknown_host_is_said_to_be_unknown(self) -> None:
        with RegistryClient("registry.invalid", patience=IMPATIENT) as client:
            with pytest.raises(Unavailable, match=r"registry\.invalid is unknown") as error:
                client.ping()
            assert "spelling" in error.value.hint

    def test_a_port_where_nobody_listens_is_said_so(self, free_port: int) -> None:
        said = f"Nothing listens on 127.0.0.1:{free_port}"
        client = RegistryClient(f"127.0.0.1:{free_port}", insecure=True, patience=IMPATIENT)
        with client, pytest.raises(Unavailable, match=said):
            client.ping()

    def test_plain_http_where_https_was_expected_names_the_setting(self, plain_registry: DockerRegistry) -> None:
        with RegistryClient(plain_registry.host, insecure=False, patience=IMPATIENT) as client:
            with pytest.raises(Unavailable, match="does not speak HTTPS") as error:
                client.ping()
            assert f"FORECOURT_INSECURE_REGISTRIES={plain_registry.host}" in error.value.hint

    def test_plain_http_is_for_this_machine_and_for_those_named(self, settings: Settings) -> None:
        named = settings.model_copy(update={"insecure_registries": "registry.lan:5000, other.lan"})
        with clients(named) as client_for:
            plain = {
                name: client_for(name)._transport.url.partition(":")[0] for name in ("localhost:5000", "[::1]:5000")
            }
            plain |= {
                name: client_for(name)._transport.url.partition(":")[0] for name in ("registry.lan:5000", "quay.io")
            }
        assert plain == {
            "localhost:5000": "http",
            "[::1]:5000": "http",
            "registry.lan:5000": "http",
            "quay.io": "https",
        }
