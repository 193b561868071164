"""Evidence attached to ModelCars: in our own registry, in Debian's, which has no referrers API, and on this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from conftest import needs
from docker_registries import docker_registry
from registries import registry_process
from tiny_models import Machine, write_gguf

from forecourt import modelcar
from forecourt.errors import Conflict, ContentMismatch, InvalidInput, InvalidManifest, NotFound, Unavailable
from forecourt.modelcar import Here, Kind, Place, There, attached, read_attachment
from forecourt.modelcar.attachments import LARGEST, MOST, referrer
from forecourt.oci import EMPTY_JSON, Clients, Descriptor, Digest, Index, Manifest, Reference

LINES = b'{"task": "MMLU"}\n{"task": "GSM8K"}\n'
POINTS = b'{"metric": "request_latency"}\n'
BOTH = {Kind.EVALUATIONS: LINES, Kind.PERFORMANCE: POINTS}


@pytest.fixture(params=["ours", pytest.param("debian's", marks=needs("docker-registry"))])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty registry of each kind."""
    if request.param == "ours":
        with registry_process(tmp_path / "registry") as (host, _):
            yield host
    else:
        with docker_registry(tmp_path / "registry") as registry:
            yield registry.host


@pytest.fixture
def packed(host: str, machine: Machine, tmp_path: Path, client_for: Clients) -> modelcar.ModelCar:
    """A model that is on this machine and in the registry."""
    return pack(Reference.parse(f"{host}/demo/tiny:1.0"), machine, tmp_path, client_for)


def pack(
    reference: Reference, machine: Machine, tmp_path: Path, client_for: Clients, seed: int = 0
) -> modelcar.ModelCar:
    path = write_gguf(tmp_path / f"tiny-{seed}.gguf", seed=seed)
    car = modelcar.pack(path, reference, **machine.here)  # type: ignore[arg-type]
    modelcar.push(reference, client_for=client_for, **machine.here)  # type: ignore[arg-type]
    return car


def attach(
    reference: Reference, machine: Machine, client_for: Clients, lines: dict[Kind, bytes] = BOTH, **options: datetime
) -> modelcar.Attaching:
    return modelcar.attach(reference, lines, client_for=client_for, **machine.here, **options)  # type: ignore[arg-type]


def there(car: modelcar.ModelCar, client_for: Clients) -> There:
    return There(client_for(car.reference.registry), car.reference.repository)


def here(car: modelcar.ModelCar, machine: Machine) -> Here:
    return Here(machine.images, machine.store, car.reference.name)


def contents(place: Place, car: modelcar.ModelCar) -> dict[Kind, bytes]:
    return {each.kind: read_attachment(place, each)[1] for each in attached(place, car.digest)}


def test_what_is_attached_is_read_from_the_registry_and_from_this_machine(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients
) -> None:
    done = attach(packed.reference, machine, client_for)
    assert (done.image.manifest.digest, done.on_this_machine, done.missing) == (packed.digest, True, "")
    assert [each.kind for each in done.attachments] == [Kind.EVALUATIONS, Kind.PERFORMANCE]
    assert done.new == {each.digest for each in done.attachments}
    for place in (there(packed, client_for), here(packed, machine)):
        assert set(attached(place, packed.digest)) == set(done.attachments)
        assert contents(place, packed) == BOTH


def test_an_attachment_is_an_artifact_as_the_image_specification_has_it(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients
) -> None:
    created = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    done = attach(packed.reference, machine, client_for, {Kind.EVALUATIONS: LINES}, created=created)
    manifest = there(packed, client_for).manifest(done.attachments[0].digest)
    kind = "application/vnd.forecourt.evaluations.v1+ndjson"
    assert json.loads(manifest.raw) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": kind,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "size": 2,
        },
        "layers": [
            {
                "mediaType": kind,
                "digest": Digest.of(LINES),
                "size": len(LINES),
                "annotations": {"org.opencontainers.image.title": "evaluations.ndjson"},
            }
        ],
        "subject": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": packed.digest,
            "size": len(packed.manifest.raw),
        },
        "annotations": {
            "org.opencontainers.image.title": "evaluations.ndjson",
            "org.opencontainers.image.created": "2024-05-01T10:00:00Z",
        },
    }
    (entry,) = client_for(packed.reference.registry).referrers("demo/tiny", packed.digest, kind)
    assert entry.digest == done.attachments[0].digest


def test_the_same_twice_changes_nothing(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients, tmp_path: Path
) -> None:
    first = attach(packed.reference, machine, client_for)
    before = state(tmp_path)
    again = attach(packed.reference, machine, client_for)
    assert again == replace(first, new=frozenset())
    assert state(tmp_path) == before


def state(root: Path) -> dict[str, int]:
    return {
        str(path): path.stat().st_mtime_ns
        for directory in ("registry", "one")
        for path in (root / directory).rglob("*")
        if path.is_file() and path.name not in ("log", "lock", "_lock")
    }


def test_the_same_lines_have_the_same_digest_on_any_machine(
    packed: modelcar.ModelCar, machine: Machine, other: Machine, client_for: Clients
) -> None:
    done = attach(packed.reference, other, client_for)
    assert not done.on_this_machine
    assert attach(packed.reference, machine, client_for).attachments == done.attachments
    assert len(attached(there(packed, client_for), packed.digest)) == 2


def test_the_newest_comes_first_and_what_says_no_time_last(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients
) -> None:
    times = [None, datetime(2024, 5, 2), datetime(2024, 5, 1, 23, tzinfo=timezone(timedelta(hours=-2))), datetime.min]
    for number, created in enumerate(times):
        options = {"created": created} if created else {}
        attach(packed.reference, machine, client_for, {Kind.PERFORMANCE: b"%d\n" % number}, **options)
    found = attached(there(packed, client_for), packed.digest)
    assert [each.created for each in found] == [
        "2024-05-02T01:00:00Z",
        "2024-05-02T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "",
    ]


def test_others_of_a_kind_need_a_time_so_that_somebody_knows_which_are_newer(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients
) -> None:
    done = attach(packed.reference, machine, client_for, {Kind.EVALUATIONS: LINES})
    later = {Kind.EVALUATIONS: b'{"task": "MMLU-Pro"}\n', Kind.PERFORMANCE: POINTS}
    with pytest.raises(Conflict, match="has other evaluations attached, and nothing says which are newer") as refused:
        attach(packed.reference, machine, client_for, later)
    assert "--created" in refused.value.hint
    for place in (there(packed, client_for), here(packed, machine)):
        assert attached(place, packed.digest) == list(done.attachments)  # nor is the other kind attached
    assert attach(packed.reference, machine, client_for, {Kind.EVALUATIONS: LINES}).new == frozenset()
    attach(packed.reference, machine, client_for, later, created=datetime(2024, 5, 1))
    for place in (there(packed, client_for), here(packed, machine)):
        newest = [each.created for each in attached(place, packed.digest) if each.kind is Kind.EVALUATIONS]
        assert newest == ["2024-05-01T00:00:00Z", ""]


def test_a_registry_that_does_not_have_the_image_leaves_it_to_this_machine_and_a_push(
    host: str, machine: Machine, other: Machine, client_for: Clients, tmp_path: Path
) -> None:
    reference = Reference.parse(f"{host}/demo/tiny:1.0")
    car = modelcar.pack(write_gguf(tmp_path / "tiny.gguf"), reference, **machine.here)  # type: ignore[arg-type]
    done = attach(reference, machine, client_for)
    assert done.on_this_machine
    assert "does not exist" in done.missing
    assert attached(there(car, client_for), car.digest) == []
    modelcar.push(reference, client_for=client_for, **machine.here)  # type: ignore[arg-type]
    assert contents(there(car, client_for), car) == BOTH
    modelcar.pull(reference, client_for=client_for, **other.here)  # type: ignore[arg-type]
    assert contents(here(car, other), car) == BOTH


def test_a_registry_that_does_not_answer_leaves_it_to_this_machine(
    machine: Machine, client_for: Clients, tmp_path: Path, free_port: int
) -> None:
    reference = Reference.parse(f"127.0.0.1:{free_port}/demo/tiny:1.0")
    car = modelcar.pack(write_gguf(tmp_path / "tiny.gguf"), reference, **machine.here)  # type: ignore[arg-type]
    done = attach(reference, machine, client_for)
    assert done.missing == f"Nothing listens on 127.0.0.1:{free_port}."
    assert contents(here(car, machine), car) == BOTH
    with pytest.raises(Unavailable, match="Nothing listens on"):
        attach(replace(reference, tag="2.0"), machine, client_for)


def test_the_registry_decides_what_a_tag_stands_for(
    packed: modelcar.ModelCar, machine: Machine, other: Machine, client_for: Clients, tmp_path: Path
) -> None:
    moved = pack(packed.reference, other, tmp_path, client_for, seed=7)
    done = attach(packed.reference, machine, client_for)
    assert (done.image.manifest.digest, done.on_this_machine) == (moved.digest, False)
    assert attached(here(packed, machine), packed.digest) == []
    pinned = attach(packed.reference.at(packed.digest), machine, client_for)
    assert (pinned.image.manifest.digest, pinned.on_this_machine) == (packed.digest, True)


def test_what_is_attached_on_this_machine_outlives_pruning(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients
) -> None:
    attach(packed.reference, machine, client_for)
    modelcar.prune(machine.store, machine.images, machine.registry, older_than=-1)
    assert contents(here(packed, machine), packed) == BOTH
    modelcar.remove(packed.reference, machine.images)
    modelcar.prune(machine.store, machine.images, machine.registry, older_than=-1)
    assert attached(here(packed, machine), packed.digest) == []
    assert not machine.store.has(Digest.of(LINES))


def test_a_copy_takes_along_what_is_attached(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients, tmp_path: Path
) -> None:
    attach(packed.reference, machine, client_for)
    with registry_process(tmp_path / "second") as (second, _):
        target = Reference.parse(f"{second}/copied/tiny:1.0")
        modelcar.copy(packed.reference, target, client_for)
        assert contents(There(client_for(second), "copied/tiny"), packed) == BOTH


@needs("skopeo")
def test_an_image_that_skopeo_copies_arrives_without_it_and_it_can_be_attached_again(
    packed: modelcar.ModelCar, machine: Machine, other: Machine, client_for: Clients
) -> None:
    first = attach(packed.reference, machine, client_for)
    target = f"{packed.reference.registry}/copied/tiny:1.0"
    command = ["skopeo", "copy", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"]
    subprocess.run(
        [*command, f"docker://{packed.reference}", f"docker://{target}"], check=True, capture_output=True, timeout=60
    )
    place = There(client_for(packed.reference.registry), "copied/tiny")
    assert attached(place, packed.digest) == []
    assert attach(Reference.parse(target), other, client_for).attachments == first.attachments
    assert contents(place, packed) == BOTH


def test_referrers_of_other_kinds_are_left_alone(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients
) -> None:
    place = there(packed, client_for)
    attach(packed.reference, machine, client_for, {Kind.EVALUATIONS: LINES})
    document = referrer(packed.manifest, Kind.EVALUATIONS, LINES)
    signature = Manifest.build(
        document.config, document.layers, subject=document.subject, artifact_type="application/vnd.example.signature"
    )
    place.put(signature, LINES)
    assert len(place.referrers(packed.digest)) == 2
    assert [each.digest for each in attached(place, packed.digest)] == [document.digest]


def test_not_more_are_looked_at_or_attached_than_a_reader_wants(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients
) -> None:
    place = here(packed, machine)
    for number in range(MOST):
        place.put(referrer(packed.manifest, Kind.PERFORMANCE, lines := b"%d\n" % number), lines)
    with pytest.raises(Conflict, match="64 attachments already") as refused:
        attach(packed.reference, machine, client_for)
    assert "Delete" in refused.value.hint
    assert attached(there(packed, client_for), packed.digest) == []  # nor is it in the other place
    place.put(referrer(packed.manifest, Kind.PERFORMANCE, POINTS, datetime(2024, 5, 1)), POINTS)
    found = attached(place, packed.digest)
    assert len(found) == MOST
    assert found[0].created == "2024-05-01T00:00:00Z"


@pytest.mark.parametrize("size", [0, LARGEST + 1])
def test_lines_that_are_none_or_too_many_are_refused(
    machine: Machine, client_for: Clients, reference: Reference, size: int
) -> None:
    with pytest.raises(InvalidInput, match=f"The performance have {size} bytes; they can have from 1 to 4194304"):
        attach(reference, machine, client_for, {Kind.PERFORMANCE: b"x" * size})


def test_the_largest_is_carried_whole(packed: modelcar.ModelCar, machine: Machine, client_for: Clients) -> None:
    lines = b"x" * LARGEST
    attach(packed.reference, machine, client_for, {Kind.PERFORMANCE: lines})
    assert contents(there(packed, client_for), packed) == {Kind.PERFORMANCE: lines}


def test_nothing_is_attached_to_what_is_not_there_or_no_modelcar(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients
) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        attach(replace(packed.reference, tag="9.9"), machine, client_for)
    ollama = Descriptor.of("application/vnd.ollama.image.model", LINES)
    place = there(packed, client_for)
    other = Manifest.build(Descriptor.of("application/vnd.oci.empty.v1+json", EMPTY_JSON), [ollama])
    place.put(other, LINES)
    with pytest.raises(InvalidManifest, match="an Ollama model"):
        attach(packed.reference.at(other.digest), machine, client_for)


def test_an_index_gives_its_image_for_the_platform(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients
) -> None:
    entry = replace(packed.manifest.descriptor, annotations={}, platform=modelcar.DEFAULT_PLATFORM)
    place = there(packed, client_for)
    place.client.put_manifest(place.repository, "many", Index.build([entry]))
    done = attach(replace(packed.reference, tag="many"), machine, client_for)
    assert done.image.manifest.digest == packed.digest
    assert contents(place, packed) == BOTH


def broken(subject: Manifest) -> dict[str, Manifest]:
    """Referrers that a list may name and that are not what it says."""
    sound = referrer(subject, Kind.EVALUATIONS, LINES)
    (layer,) = sound.layers
    about, kind = sound.subject, Kind.EVALUATIONS
    other = replace(subject.descriptor, digest=Digest.of(b"another"))
    return {
        "of another image": Manifest.build(sound.config, [layer], subject=other, artifact_type=kind),
        "of no image": Manifest.build(sound.config, [layer], artifact_type=kind),
        "of another kind": Manifest.build(sound.config, [layer], subject=about, artifact_type=Kind.PERFORMANCE),
        "without lines": Manifest.build(sound.config, [], subject=about, artifact_type=kind),
        "with more": Manifest.build(sound.config, [layer, layer], subject=about, artifact_type=kind),
        "with a tar": Manifest.build(
            sound.config, [replace(layer, media_type="application/x-tar")], subject=about, artifact_type=kind
        ),
        "too large": Manifest.build(
            sound.config, [replace(layer, size=LARGEST + 1)], subject=about, artifact_type=kind
        ),
    }


@pytest.mark.parametrize("what", list(broken(Manifest.build(Descriptor.of("x", b""), []))))
def test_an_attachment_that_is_not_what_it_is_said_to_be_is_refused(
    machine: Machine, model: Path, reference: Reference, what: str
) -> None:
    car = modelcar.pack(model, reference, **machine.here)  # type: ignore[arg-type]
    place = here(car, machine)
    document = broken(car.manifest)[what]
    place.put(document, LINES)
    said = modelcar.Attachment(Kind.EVALUATIONS, document.digest, car.digest)
    with pytest.raises(InvalidManifest, match=r"at most 4194304 are read|does not attach evaluations to"):
        read_attachment(place, said)


def test_lines_that_were_changed_are_refused_and_those_that_are_gone_are_missed(
    packed: modelcar.ModelCar, machine: Machine, client_for: Clients, tmp_path: Path
) -> None:
    (attachment,) = attach(packed.reference, machine, client_for, {Kind.EVALUATIONS: LINES}).attachments
    digest = Digest.of(LINES).hex
    for path in [each for each in tmp_path.rglob("*") if digest in str(each) and each.is_file()]:
        if path.read_bytes() == LINES:
            path.chmod(0o644)
            path.write_bytes(LINES.replace(b"MMLU", b"MMLV"))
    for place in (there(packed, client_for), here(packed, machine)):
        with pytest.raises((ContentMismatch, NotFound)):
            read_attachment(place, attachment)


def test_a_time_is_read_whatever_its_zone_and_nonsense_is_before_all_times() -> None:
    digests = [Digest.of(bytes([number])) for number in range(4)]
    times = ["2024-05-01T10:00:00Z", "2024-05-01T11:30:00+02:00", "yesterday", "2024-05-01"]
    ages = {
        time: modelcar.Attachment(Kind.PERFORMANCE, digest, digest, time).age[0]
        for time, digest in zip(times, digests, strict=True)
    }
    assert sorted(times, key=ages.__getitem__) == ["yesterday", times[3], times[1], times[0]]
    assert ages[times[3]] == datetime(2024, 5, 1, tzinfo=UTC)
