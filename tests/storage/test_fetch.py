"""A URI becomes a directory with the model's files, once for everybody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_registries import DockerRegistry, docker_registry
from tiny_models import Machine, write_gguf, write_transformers

from forecourt import modelcar
from forecourt.errors import InvalidInput, InvalidReference, NotFound, Unavailable
from forecourt.oci import Anonymous, Clients, Reference
from forecourt.storage import FetchedModel, fetch


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def client_for() -> Iterator[Clients]:
    with Clients(Anonymous()) as clients:
        yield clients


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    directory.mkdir()
    return write_transformers(directory)


@pytest.fixture
def pushed(
    tmp_path: Path, model: Path, registry: DockerRegistry, client_for: Clients, request: pytest.FixtureRequest
) -> Reference:
    """The model in a registry; the machine that packed it is another one."""
    packer = Machine(tmp_path / "packer")
    reference = Reference.parse(f"{registry.host}/fetched/{abs(hash(request.node.name))}:1.0")
    modelcar.pack(model, reference, copy=True, **packer.here)
    modelcar.push(reference, client_for=client_for, **packer.here)
    return reference


def fetched(uri: str, machine: Machine, client_for: Clients) -> FetchedModel:
    return fetch(uri, models=machine.root / "models", client_for=client_for, **machine.here)


def contents(directory: Path) -> dict[str, bytes]:
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def plain(model: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(model).items() if not name.startswith(".")}


class TestImages:
    @pytest.mark.parametrize("scheme", ["oci", "oci+native", "oci+modelcar", "oci+fetch"])
    def test_an_image_is_laid_out_below_its_digest(
        self, machine: Machine, model: Path, pushed: Reference, client_for: Clients, scheme: str
    ) -> None:
        found = fetched(f"{scheme}://{pushed}", machine, client_for)
        digest = machine.images.resolve(pushed.name, "1.0")
        assert found == FetchedModel(machine.root / "models" / digest.hex, digest)
        assert contents(found.path) == plain(model)
        assert (found.path / "model.safetensors").stat().st_nlink == 2, "one copy on one machine"

    def test_the_second_time_nothing_is_made(self, machine: Machine, pushed: Reference, client_for: Clients) -> None:
        first = fetched(f"oci://{pushed}", machine, client_for)
        seen = first.path.stat()
        assert fetched(f"oci://{pushed}", machine, client_for) == first
        assert first.path.stat() == seen

    def test_a_tag_that_moved_is_another_model(
        self, machine: Machine, tmp_path: Path, model: Path, pushed: Reference, client_for: Clients
    ) -> None:
        first = fetched(f"oci://{pushed}", machine, client_for)
        packer = Machine(tmp_path / "packer")
        (model / "config.json").write_text('{"model_type": "new"}')
        modelcar.pack(model, pushed, copy=True, **packer.here)
        modelcar.push(pushed, client_for=client_for, **packer.here)
        second = fetched(f"oci://{pushed}", machine, client_for)
        assert second.path != first.path and first.path.is_dir()
        assert (second.path / "config.json").read_text() == '{"model_type": "new"}'

    def test_many_at_once_share_one(
        self, machine: Machine, model: Path, pushed: Reference, client_for: Clients
    ) -> None:
        found: list[object] = []

        def work() -> None:
            try:
                found.append(fetched(f"oci://{pushed}", machine, client_for))
            except Exception as error:
                found.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4 and len(set(map(str, found))) == 1
        assert [path.name for path in (machine.root / "models").iterdir()] == [found[0].digest.partition(":")[2]]
        assert contents(found[0].path) == plain(model)

    def test_without_its_registry_an_image_that_is_here_is_used(
        self, machine: Machine, tmp_path: Path, model: Path, client_for: Clients
    ) -> None:
        with docker_registry(tmp_path / "short-lived") as registry:
            reference = Reference.parse(f"{registry.host}/demo/tiny:1")
            packer = Machine(tmp_path / "packer")
            car = modelcar.pack(model, reference, **packer.here)
            modelcar.push(reference, client_for=client_for, **packer.here)
            pulled = fetched(f"oci://{reference}", machine, client_for)
        assert fetched(f"oci://{reference}", machine, client_for) == pulled
        assert fetched(f"oci://{reference}@{car.digest}", machine, client_for) == pulled
        shutil.rmtree(pulled.path)
        assert fetched(f"oci://{reference}@{car.digest}", machine, client_for) == pulled
        with pytest.raises(Unavailable):
            fetched(f"oci://{reference.registry}/demo/other:1", machine, client_for)

    def test_an_image_that_was_packed_here_and_not_pushed(
        self, machine: Machine, model: Path, registry: DockerRegistry, client_for: Clients
    ) -> None:
        reference = Reference.parse(f"{registry.host}/never/pushed:1")
        car = modelcar.pack(model, reference, **machine.here)
        assert fetched(f"oci://{reference}", machine, client_for).digest == car.digest

    def test_what_killed_processes_left_is_removed(
        self, machine: Machine, pushed: Reference, client_for: Clients
    ) -> None:
        models = machine.root / "models"
        left, making = models / f".abc.{2**22 - 1}-ffff", models / f".abc.{os.getpid()}-ffff"
        for path in (left, making):
            path.mkdir(parents=True)
        fetched(f"oci://{pushed}", machine, client_for)
        assert not left.exists() and making.exists()

    @pytest.mark.parametrize("name", ["demo/tiny", "localhost:5000/Demo", "localhost:5000/demo:"])
    def test_what_is_no_reference(self, machine: Machine, client_for: Clients, name: str) -> None:
        with pytest.raises(InvalidReference):
            fetched(f"oci://{name}", machine, client_for)

    def test_what_is_nowhere(self, machine: Machine, registry: DockerRegistry, client_for: Clients) -> None:
        with pytest.raises(NotFound):
            fetched(f"oci://{registry.host}/no/thing:1", machine, client_for)
        assert not (machine.root / "models").exists()


class TestDirectories:
    @pytest.mark.parametrize("uri", ["file://{}", "{}"])
    def test_a_directory_is_used_where_it_is(
        self, machine: Machine, model: Path, client_for: Clients, uri: str
    ) -> None:
        assert fetched(uri.format(model), machine, client_for) == FetchedModel(model)

    def test_what_a_url_escapes(self, machine: Machine, tmp_path: Path, client_for: Clients) -> None:
        (tmp_path / "my model").mkdir()
        assert fetched(f"file://{tmp_path}/my%20model", machine, client_for).path == tmp_path / "my model"

    def test_a_file_gets_a_directory_of_its_own(self, machine: Machine, tmp_path: Path, client_for: Clients) -> None:
        path = write_gguf(tmp_path / "tiny.gguf")
        (tmp_path / "beside.txt").write_text("x")
        found = fetched(f"file://{path}", machine, client_for)
        assert contents(found.path) == {"tiny.gguf": path.read_bytes()}
        assert fetched(str(path), machine, client_for) == found
        write_gguf(path, seed=1, tensors=4)
        assert fetched(str(path), machine, client_for) != found

    def test_what_is_not_there(self, machine: Machine, tmp_path: Path, client_for: Clients) -> None:
        with pytest.raises(NotFound, match="does not exist"):
            fetched(f"file://{tmp_path}/none", machine, client_for)

    @pytest.mark.parametrize("uri", ["model", "file://model", "./model", ""])
    def test_a_relative_path_is_refused(self, machine: Machine, client_for: Clients, uri: str) -> None:
        with pytest.raises(InvalidInput, match="no absolute path"):
            fetched(uri, machine, client_for)


@pytest.mark.parametrize("uri", ["gs://bucket/model", "://x", "OCI+other://x"])
def test_an_unknown_scheme_says_which_are_known(machine: Machine, client_for: Clients, uri: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        fetched(uri, machine, client_for)
    assert "oci://" in raised.value.hint


@pytest.mark.filterwarnings("ignore")
def test_kserves_own_storage_initializer_gets_the_same_files(model: Path, pushed: Reference, tmp_path: Path) -> None:
    out = tmp_path / "mnt"
    script = "import sys; from kserve_storage import Storage; Storage.download(sys.argv[1], sys.argv[2])"
    environment = os.environ | {"KSERVE_OCI_INSECURE_REGISTRY": "true", "HOME": str(tmp_path)}
    command = [sys.executable, "-c", script, f"oci://{pushed}", str(out)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert contents(out) == plain(model)
    assert os.access(out / "run.sh", os.X_OK)


class TestVolumes:
    @pytest.fixture
    def volumes(self, machine: Machine) -> Path:
        (machine.root / "pvc" / "models" / "tiny").mkdir(parents=True)
        (machine.root / "pvc" / "models" / "tiny" / "config.json").write_text("{}")
        return machine.root / "pvc"

    def fetched(self, uri: str, machine: Machine, client_for: Clients, volumes: Path | None) -> FetchedModel:
        return fetch(uri, models=machine.root / "models", client_for=client_for, volumes=volumes, **machine.here)

    def test_a_folder_of_a_volume_is_used_where_it_is(
        self, machine: Machine, client_for: Clients, volumes: Path
    ) -> None:
        assert self.fetched("pvc://models/tiny", machine, client_for, volumes).path == volumes / "models" / "tiny"
        assert self.fetched("pvc://models/", machine, client_for, volumes).path == volumes / "models"
        found = self.fetched("pvc://models/tiny/config.json", machine, client_for, volumes)
        assert contents(found.path) == {"config.json": b"{}"}

    def test_a_volume_may_be_a_link(self, machine: Machine, client_for: Clients, volumes: Path, tmp_path: Path) -> None:
        (tmp_path / "mounted" / "m").mkdir(parents=True)
        (volumes / "linked").symlink_to(tmp_path / "mounted")
        assert self.fetched("pvc://linked/m", machine, client_for, volumes).path == tmp_path / "mounted" / "m"

    def test_a_volume_that_is_not_there_says_where_it_should_be(
        self, machine: Machine, client_for: Clients, volumes: Path
    ) -> None:
        with pytest.raises(NotFound, match="no volume 'other'") as raised:
            self.fetched("pvc://other/tiny", machine, client_for, volumes)
        assert str(volumes / "other") in raised.value.hint
        with pytest.raises(NotFound, match="does not exist"):
            self.fetched("pvc://models/none", machine, client_for, volumes)
        with pytest.raises(NotFound, match="no volume"):
            self.fetched("pvc://models/tiny", machine, client_for, None)

    @pytest.mark.parametrize(
        "uri", ["pvc://", "pvc://../x", "pvc://models/../../x", "pvc://models/%2e%2e/x", "pvc://A/x"]
    )
    def test_what_leads_out(self, machine: Machine, client_for: Clients, volumes: Path, uri: str) -> None:
        with pytest.raises(InvalidInput):
            self.fetched(uri, machine, client_for, volumes)

    def test_a_link_that_leads_out(self, machine: Machine, client_for: Clients, volumes: Path) -> None:
        (volumes / "models" / "out").symlink_to("/etc")
        with pytest.raises(InvalidInput, match="leads out of its volume"):
            self.fetched("pvc://models/out", machine, client_for, volumes)


class TestUrisThatStandForOthers:
    def fetched(self, uri: str, machine: Machine, client_for: Clients, **resolvers: str) -> FetchedModel:
        known = {scheme.replace("_", "-"): lambda uri, to=to: to for scheme, to in resolvers.items()}
        return fetch(uri, models=machine.root / "models", client_for=client_for, resolvers=known, **machine.here)

    def test_one_may_lead_to_another(self, machine: Machine, model: Path, client_for: Clients) -> None:
        found = self.fetched(
            "model-registry://a/b", machine, client_for, model_registry="catalog://c", catalog=str(model)
        )
        assert found.path == model

    def test_circles_end(self, machine: Machine, client_for: Clients) -> None:
        with pytest.raises(InvalidInput, match="leads in circles"):
            self.fetched("catalog://a", machine, client_for, model_registry="catalog://a", catalog="model-registry://b")
