"""Where a ModelCar was served is kept with it: in our own registry, in Debian's, and on this machine."""

from __future__ import annotations

from typing import Any

import pytest
from modelcar.test_attaching import attach, here, host, pack, packed, there  # noqa: F401 - fixtures
from tiny_models import Machine

from forecourt import modelcar
from forecourt.modelcar import Kind, Place, attached, read_records, write_record
from forecourt.modelcar.diary import MOST_LINES
from forecourt.oci import Clients, Manifest, Reference


@pytest.fixture(params=["here", "there"])
def place(request, packed, machine, client_for) -> Place:  # noqa: F811
    return here(packed, machine) if request.param == "here" else there(packed, client_for)


def manifest(place: Place, car: modelcar.ModelCar) -> Manifest:
    found = place.manifest(car.digest)
    assert isinstance(found, Manifest)
    return found


def record(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"d-{number}", "deployment": "chat", "deployed": f"2026-01-01T00:00:{number:02}Z"} | more


def test_a_record_is_written_changed_and_read(place, packed):  # noqa: F811
    subject = manifest(place, packed)
    write_record(place, subject, "site-a", record(1))
    write_record(place, subject, "site-a", record(2))
    write_record(place, subject, "site-a", record(1, ended="2026-01-02T00:00:00Z"))
    assert read_records(place, packed.digest) == [record(2), record(1, ended="2026-01-02T00:00:00Z")]


def test_places_do_not_write_over_each_other(place, packed):  # noqa: F811
    subject = manifest(place, packed)
    write_record(place, subject, "site-a", record(1))
    write_record(place, subject, "site-b", record(2))
    write_record(place, subject, "site-a", record(3))
    assert [one["id"] for one in read_records(place, packed.digest)] == ["d-3", "d-2", "d-1"]


def test_one_attachment_is_kept_for_a_place_however_much_it_tells(packed, machine):  # noqa: F811
    ours = here(packed, machine)
    for number in range(MOST_LINES + 5):
        write_record(ours, manifest(ours, packed), "site-a", {"id": str(number), "deployed": f"{number:04}"})
    assert len(attached(ours, packed.digest, (Kind.DEPLOYMENTS,))) == 1
    assert len(read_records(ours, packed.digest)) == MOST_LINES


def test_evidence_is_none_of_it(packed, machine, client_for):  # noqa: F811
    ours = here(packed, machine)
    write_record(ours, manifest(ours, packed), "site-a", record(1))
    attach(packed.reference, machine, client_for)
    assert {each.kind for each in attached(ours, packed.digest)} == {Kind.EVALUATIONS, Kind.PERFORMANCE}


def test_a_push_takes_it_along(packed, host: str, machine: Machine, client_for: Clients):  # noqa: F811
    ours = here(packed, machine)
    write_record(ours, manifest(ours, packed), "site-a", record(1))
    target = Reference.parse(f"{host}/elsewhere/tiny:1.0")
    modelcar.tag(packed.reference, target, machine.images)
    modelcar.push(packed.reference, client_for=client_for, **machine.here)  # type: ignore[arg-type]
    assert read_records(there(packed, client_for), packed.digest) == [record(1)]
