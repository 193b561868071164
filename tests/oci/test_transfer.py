"""Images on the move, between this machine, docker-registry, the embedded registry and skopeo."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import needs
from docker_registries import DockerRegistry, docker_registry
from docker_registries import plain_registry as plain_registry
from registries import serve

from forecourt.errors import ContentMismatch, InvalidManifest, NotFound, Unavailable
from forecourt.oci import (
    EMPTY_DESCRIPTOR,
    EMPTY_JSON,
    LAYER_TAR,
    Anonymous,
    Clients,
    ContentStore,
    Descriptor,
    Digest,
    Index,
    Manifest,
    Platform,
    Reference,
    Repositories,
    transfer,
)
from forecourt.settings import Settings

CONFIG = "application/vnd.oci.image.config.v1+json"


class Notes:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.notes: dict[str, str] = {}

    def begin(self, what: str, total: int) -> None:
        assert what not in self.totals, "no two pieces of work have one name"
        self.totals[what], self.counts[what] = total, 0

    def advance(self, what: str, count: int) -> None:
        self.counts[what] += count

    def done(self, what: str, note: str) -> None:
        self.notes[what] = note
        assert self.counts[what] == self.totals[what]


class Machine:
    """A content store and the images in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = ContentStore(root / "store")
        self.images = Repositories(root / "images", self.store)

    def image(self, reference: Reference, *files: bytes, tag: bool = True, architecture: str = "amd64") -> Manifest:
        """Make an image of these files, each in its own layer."""
        layers = []
        for number, content in enumerate(files):
            path = self.root / f"file{number}"
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            blob = self.store.add_file(path, f"models/{number}", copy=True)
            title = {"org.opencontainers.image.title": f"models/{number}"}
            layers.append(Descriptor(LAYER_TAR, blob.digest, blob.size, title))
        document = {
            "architecture": architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        }
        raw = json.dumps(document).encode()
        self.store.add(raw)
        manifest = Manifest.build(Descriptor.of(CONFIG, raw), layers)
        self.images.put(reference.name, manifest, reference.tag if tag else None)
        return manifest

    def about(self, reference: Reference, subject: Manifest | Index, kind: str, text: bytes) -> Manifest:
        """Attach something to an image."""
        self.store.add(EMPTY_JSON)
        self.store.add(text)
        referrer = Manifest.build(
            EMPTY_DESCRIPTOR,
            [Descriptor.of("text/plain", text)],
            subject=Descriptor(subject.media_type, subject.digest, len(subject.raw)),
            artifact_type=kind,
        )
        self.images.put(reference.name, referrer)
        return referrer


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "one")


@pytest.fixture
def other(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "two")


@pytest.fixture
def client_for() -> Iterator[Clients]:
    with Clients(Anonymous()) as clients:
        yield clients


@pytest.fixture
def reference(plain_registry: DockerRegistry, request: pytest.FixtureRequest) -> Reference:
    """A name of the test's own."""
    name = "".join(letter for letter in request.node.name.lower() if letter.isalnum())
    return Reference.parse(f"{plain_registry.host}/{name}:1.0")


FILES = bytes(range(256)) * 9000, b"second" * 1000


@needs("docker-registry")
class TestPushAndPull:
    def test_carry_an_image_from_machine_to_machine(
        self, machine: Machine, other: Machine, reference: Reference, client_for: Clients
    ) -> None:
        image = machine.image(reference, *FILES)
        notes = Notes()
        assert transfer.push(reference, machine.images, machine.store, client_for, progress=notes) == image.digest
        assert set(notes.notes.values()) == {"pushed"}
        assert {"models/0", "models/1"} <= set(notes.notes)

        notes = Notes()
        pulled = transfer.pull(reference, other.images, other.store, client_for, progress=notes)
        assert pulled == image
        assert set(notes.notes.values()) == {"pulled"}
        assert other.images.get(reference.name, "1.0") == image
        for layer in image.layers:
            assert other.store.read(layer.digest) == machine.store.read(layer.digest)

    def test_move_nothing_a_second_time(
        self, machine: Machine, other: Machine, reference: Reference, client_for: Clients
    ) -> None:
        machine.image(reference, *FILES)
        for _ in range(2):
            up, down = Notes(), Notes()
            transfer.push(reference, machine.images, machine.store, client_for, progress=up)
            transfer.pull(reference, other.images, other.store, client_for, progress=down)
        assert set(up.notes.values()) == set(down.notes.values()) == {"already there"}

    def test_take_along_what_refers_to_an_image_and_to_that(
        self, machine: Machine, other: Machine, reference: Reference, client_for: Clients
    ) -> None:
        image = machine.image(reference, *FILES)
        card = machine.about(reference, image, "application/x.card", b"# A card")
        signature = machine.about(reference, card, "application/x.signature", b"signed")
        transfer.push(reference, machine.images, machine.store, client_for)
        transfer.pull(reference, other.images, other.store, client_for)
        assert [found.digest for found in other.images.referrers(reference.name, image.digest)] == [card.digest]
        assert [found.digest for found in other.images.referrers(reference.name, card.digest)] == [signature.digest]
        assert other.store.read(card.layers[0].digest) == b"# A card"

    def test_do_without_a_referrer_that_is_listed_and_gone(
        self, machine: Machine, other: Machine, reference: Reference, client_for: Clients
    ) -> None:
        image = machine.image(reference, *FILES)
        cards = [machine.about(reference, image, "application/x.card", text) for text in (b"one", b"two")]
        transfer.push(reference, machine.images, machine.store, client_for)
        url = f"http://{reference.registry}/v2/{reference.repository}/manifests/{cards[0].digest}"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10).close()
        assert transfer.pull(reference, other.images, other.store, client_for) == image
        assert [found.digest for found in other.images.referrers(reference.name, image.digest)] == [cards[1].digest]

    def index(self, machine: Machine, reference: Reference) -> tuple[Index, dict[str, Manifest]]:
        images = {
            name: machine.image(reference, name.encode(), tag=False, architecture=name) for name in ("amd64", "arm64")
        }
        entries = [
            Descriptor(image.media_type, image.digest, len(image.raw), platform=Platform("linux", name))
            for name, image in images.items()
        ]
        index = Index.build(entries)
        machine.images.put(reference.name, index, reference.tag)
        return index, images

    def test_carry_an_index_with_all_its_images(
        self, machine: Machine, other: Machine, reference: Reference, client_for: Clients
    ) -> None:
        index, images = self.index(machine, reference)
        about = machine.about(reference, images["arm64"], "application/x.card", b"about arm64")
        assert transfer.push(reference, machine.images, machine.store, client_for) == index.digest
        assert transfer.pull(reference, other.images, other.store, client_for) == index
        assert other.images.get(reference.name, images["arm64"].digest) == images["arm64"]
        assert other.images.resolve(reference.name, about.digest) == about.digest

    def test_pull_only_the_image_for_a_platform(
        self, machine: Machine, other: Machine, reference: Reference, client_for: Clients
    ) -> None:
        _, images = self.index(machine, reference)
        transfer.push(reference, machine.images, machine.store, client_for)
        pulled = transfer.pull(reference, other.images, other.store, client_for, platform=Platform.parse("linux/arm64"))
        assert pulled == images["arm64"]
        assert other.images.get(reference.name, "1.0") == images["arm64"]
        assert not other.store.has(images["amd64"].layers[0].digest)
        with pytest.raises(InvalidManifest, match="no image for windows/amd64"):
            transfer.pull(reference, other.images, other.store, client_for, platform=Platform.parse("windows/amd64"))

    def test_by_digest_pull_exactly_that(
        self, machine: Machine, other: Machine, reference: Reference, client_for: Clients
    ) -> None:
        first = machine.image(reference, b"first")
        transfer.push(reference, machine.images, machine.store, client_for)
        machine.image(reference, b"second")
        transfer.push(reference, machine.images, machine.store, client_for)
        pinned = Reference.parse(f"{reference.name}@{first.digest}")
        assert transfer.pull(pinned, other.images, other.store, client_for) == first

    def test_of_what_is_not_there_say_so(
        self, machine: Machine, other: Machine, reference: Reference, client_for: Clients
    ) -> None:
        with pytest.raises(NotFound, match=str(reference)):
            transfer.pull(reference, other.images, other.store, client_for)
        with pytest.raises(NotFound):
            transfer.push(reference, machine.images, machine.store, client_for)

    def test_that_fail_leave_the_name_as_it_was(
        self,
        machine: Machine,
        other: Machine,
        reference: Reference,
        client_for: Clients,
        plain_registry: DockerRegistry,
    ) -> None:
        old = machine.image(reference, b"old")
        transfer.push(reference, machine.images, machine.store, client_for)
        transfer.pull(reference, other.images, other.store, client_for)
        new = machine.image(reference, b"new and to be damaged")
        transfer.push(reference, machine.images, machine.store, client_for)
        digest = new.layers[0].digest
        data = plain_registry.blobs / "sha256" / digest.hex[:2] / digest.hex / "data"
        data.write_bytes(bytes(data.stat().st_size))
        with pytest.raises(ContentMismatch, match=digest):
            transfer.pull(reference, other.images, other.store, client_for)
        assert other.images.get(reference.name, "1.0") == old
        assert not other.store.has(digest)
        assert not list((other.store.root / "staging").glob("*"))

    def test_name_two_blobs_of_one_title_apart(
        self, machine: Machine, reference: Reference, client_for: Clients
    ) -> None:
        self.index(machine, reference)  # both images call their layer models/0
        notes = Notes()
        transfer.push(reference, machine.images, machine.store, client_for, progress=notes)
        assert len([name for name in notes.notes if name.startswith("models/0")]) == 2


@needs("docker-registry", "skopeo")
class TestWithSkopeo:
    def test_what_we_push_skopeo_reads(
        self, machine: Machine, reference: Reference, client_for: Clients, tmp_path: Path
    ) -> None:
        image = machine.image(reference, *FILES)
        transfer.push(reference, machine.images, machine.store, client_for)
        skopeo("copy", "--src-tls-verify=false", "--preserve-digests", f"docker://{reference}", f"oci:{tmp_path}/oci:x")
        for layer in image.children:
            assert (tmp_path / "oci/blobs/sha256" / layer.digest.hex).read_bytes() == machine.store.read(layer.digest)

    def test_what_skopeo_pushes_we_pull(
        self, machine: Machine, other: Machine, reference: Reference, client_for: Clients, tmp_path: Path
    ) -> None:
        image = machine.image(reference, *FILES)
        transfer.push(reference, machine.images, machine.store, client_for)
        skopeo("copy", "--src-tls-verify=false", f"docker://{reference}", f"dir:{tmp_path}/dir")
        again = Reference.parse(f"{reference.name}-by-skopeo:2")
        skopeo("copy", "--dest-tls-verify=false", "--format=v2s2", f"dir:{tmp_path}/dir", f"docker://{again}")
        pulled = transfer.pull(again, other.images, other.store, client_for)
        assert isinstance(pulled, Manifest)
        assert pulled.media_type == "application/vnd.docker.distribution.manifest.v2+json"
        assert [layer.digest for layer in pulled.layers] == [layer.digest for layer in image.layers]
        assert all(other.store.has(blob.digest) for blob in pulled.children)


def skopeo(*arguments: str) -> None:
    subprocess.run(["skopeo", *arguments], check=True, capture_output=True)


@needs("docker-registry")
class TestCopy:
    @pytest.fixture
    def far(self, tmp_path: Path) -> Iterator[DockerRegistry]:
        """A second registry."""
        with docker_registry(tmp_path / "far") as registry:
            yield registry

    def test_passes_an_image_on_and_keeps_nothing_here(
        self, machine: Machine, other: Machine, reference: Reference, far: DockerRegistry, client_for: Clients
    ) -> None:
        image = machine.image(reference, *FILES)
        card = machine.about(reference, image, "application/x.card", b"# A card")
        transfer.push(reference, machine.images, machine.store, client_for)
        there = Reference.parse(f"{far.host}/team/copy:2")
        notes = Notes()
        assert transfer.copy(reference, there, client_for, store=other.store, progress=notes) == image.digest
        assert set(notes.notes.values()) == {"pushed"}
        assert list(other.store) == []
        far_client = client_for(far.host)
        assert far_client.manifest("team/copy", "2").raw == image.raw
        assert [found.digest for found in far_client.referrers("team/copy", image.digest)] == [card.digest]
        for blob in image.children:
            assert far_client.read_blob("team/copy", blob) == machine.store.read(blob.digest)

    def test_moves_only_what_the_other_lacks(
        self, machine: Machine, reference: Reference, far: DockerRegistry, client_for: Clients
    ) -> None:
        there = Reference.parse(f"{far.host}/team/copy:2")
        machine.image(reference, FILES[0], b"old config")
        transfer.push(reference, machine.images, machine.store, client_for)
        transfer.copy(reference, there, client_for)
        machine.image(reference, FILES[0], b"new config")
        transfer.push(reference, machine.images, machine.store, client_for)
        notes = Notes()
        transfer.copy(reference, there, client_for, progress=notes)
        assert (notes.notes["models/0"], notes.notes["models/1"]) == ("already there", "pushed")

    def test_within_one_registry_mounts(self, machine: Machine, reference: Reference, client_for: Clients) -> None:
        machine.image(reference, *FILES)
        transfer.push(reference, machine.images, machine.store, client_for)
        notes = Notes()
        transfer.copy(reference, Reference.parse(f"{reference.name}-copy:1"), client_for, progress=notes)
        assert set(notes.notes.values()) == {"mounted"}

    def test_sends_what_is_on_this_machine_from_here(
        self, machine: Machine, reference: Reference, far: DockerRegistry, client_for: Clients
    ) -> None:
        image = machine.image(reference, *FILES)
        transfer.push(reference, machine.images, machine.store, client_for)
        asked: list[Digest] = []
        near = client_for(reference.registry)
        near.stream_blob = lambda repository, descriptor: asked.append(descriptor.digest)  # type: ignore[method-assign,assignment,return-value]
        there = Reference.parse(f"{far.host}/team/copy:2")
        transfer.copy(reference, there, client_for, store=machine.store)
        assert asked == []
        assert client_for(far.host).manifest("team/copy", "2") == image

    def test_passes_no_wrong_bytes_on(
        self,
        machine: Machine,
        reference: Reference,
        plain_registry: DockerRegistry,
        far: DockerRegistry,
        client_for: Clients,
    ) -> None:
        image = machine.image(reference, b"to be damaged on the registry's disk")
        transfer.push(reference, machine.images, machine.store, client_for)
        digest = image.layers[0].digest
        data = plain_registry.blobs / "sha256" / digest.hex[:2] / digest.hex / "data"
        data.write_bytes(bytes(data.stat().st_size))
        there = Reference.parse(f"{far.host}/team/copy:2")
        with pytest.raises(ContentMismatch, match=digest):
            transfer.copy(reference, there, client_for)
        assert not client_for(far.host).has_blob("team/copy", digest)
        assert client_for(far.host).head("team/copy", "2") is None


class TestEmbedded:
    async def test_a_push_to_the_registry_that_shares_the_store_moves_no_byte(
        self, machine: Machine, client_for: Clients, tmp_path: Path
    ) -> None:
        hosted = Repositories(tmp_path / "registry", machine.store)
        async with serve(machine.store, hosted) as registry:
            reference = Reference.parse(f"{registry.address}/demo/model:1.0")
            image = machine.image(reference, *FILES)
            machine.about(reference, image, "application/x.card", b"# A card")
            before = disk(machine.store.root)
            notes = Notes()
            await asyncio.to_thread(transfer.push, reference, machine.images, machine.store, client_for, progress=notes)
            assert set(notes.notes.values()) == {"mounted"}
            assert disk(machine.store.root) == before
            assert hosted.get("demo/model", "1.0") == image
            assert len(hosted.referrers("demo/model", image.digest)) == 1
            assert hosted.tags("demo/model") == ["1.0"], "with the referrers API there is no fallback tag"

    async def test_another_machine_pushes_and_pulls(
        self, machine: Machine, other: Machine, client_for: Clients, tmp_path: Path
    ) -> None:
        far = ContentStore(tmp_path / "far")
        async with serve(far, Repositories(tmp_path / "registry", far)) as registry:
            reference = Reference.parse(f"{registry.address}/demo/model:1.0")
            image = machine.image(reference, *FILES)
            card = machine.about(reference, image, "application/x.card", b"# A card")
            up, down = Notes(), Notes()
            await asyncio.to_thread(transfer.push, reference, machine.images, machine.store, client_for, progress=up)
            assert set(up.notes.values()) == {"pushed"}
            pulled = await asyncio.to_thread(
                transfer.pull, reference, other.images, other.store, client_for, progress=down
            )
            assert pulled == image
            assert [found.digest for found in other.images.referrers(reference.name, image.digest)] == [card.digest]
            copied = Reference.parse(f"{registry.address}/demo/copy:1.0")
            notes = Notes()
            await asyncio.to_thread(transfer.copy, reference, copied, client_for, progress=notes)
            assert set(notes.notes.values()) == {"mounted"}


def disk(root: Path) -> int:
    """The bytes that a directory takes, each file once."""
    return sum({(seen := path.stat()).st_ino: seen.st_size for path in root.rglob("*") if path.is_file()}.values())


class TestStopping:
    @pytest.fixture
    def silent(self) -> Iterator[socket.socket]:
        """A registry's address where connections are taken and nothing is said."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield listener

    def test_an_error_in_one_blob_stops_the_others(self, machine: Machine, client_for: Clients, free_port: int) -> None:
        reference = Reference.parse(f"127.0.0.1:{free_port}/demo/m:1")
        machine.image(reference, *FILES)
        with pytest.raises(Unavailable, match="Nothing listens"):
            transfer.push(reference, machine.images, machine.store, client_for)

    @needs("docker-registry")
    def test_a_progress_that_raises_stops_all_and_leaves_nothing(
        self, machine: Machine, other: Machine, reference: Reference, client_for: Clients
    ) -> None:
        class Enough(Exception):
            pass

        class Stopping(Notes):
            def advance(self, what: str, count: int) -> None:
                raise Enough

        machine.image(reference, *FILES)
        transfer.push(reference, machine.images, machine.store, client_for)
        with pytest.raises(Enough):
            transfer.pull(reference, other.images, other.store, client_for, progress=Stopping())
        assert list(other.store) == []
        assert not list((other.store.root / "staging").glob("*"))
        assert list(other.images) == []

    def test_ctrl_c_ends_a_transfer_that_waits_at_once(
        self, machine: Machine, silent: socket.socket, settings: Settings
    ) -> None:
        reference = Reference.parse(f"127.0.0.1:{silent.getsockname()[1]}/demo/m:1")
        machine.image(reference, *FILES)
        script = (
            "import sys\n"
            "from pathlib import Path\n"
            "from forecourt.oci import *\n"
            "store = ContentStore(Path(sys.argv[1]) / 'store')\n"
            "images = Repositories(Path(sys.argv[1]) / 'images', store)\n"
            "try:\n"
            "    with Clients(Anonymous()) as client_for:\n"
            "        transfer.push(Reference.parse(sys.argv[2]), images, store, client_for)\n"
            "except KeyboardInterrupt:\n"
            "    sys.exit(42)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", script, str(machine.root), str(reference)])
        try:
            silent.settimeout(30)
            connections = [silent.accept()[0] for _ in range(2)]  # both threads wait for an answer now
            for connection in connections:
                assert connection.recv(4096).startswith(b"HEAD ")
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 42
            assert time.monotonic() - began < 5
            for connection in connections:
                connection.close()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
