"""Evidence that is attached to ModelCars is the model's evidence in a catalog of their registry."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from catalog.remote.parts import entries, loading, problems, values
from catalog.remote.test_modelcars import Shelf, load, of, own, shelf, shelf_at
from conftest import needs
from docker_registries import docker_registry

from forecourt import modelcar
from forecourt.catalog.enriching import Enricher, Published
from forecourt.catalog.model import Entry, Problem
from forecourt.catalog.remote.delivery import IN_A_ROW
from forecourt.modelcar import Kind, There
from forecourt.modelcar.attachments import referrer
from forecourt.oci import Index, Manifest

__all__ = ["own", "shelf"]

CARD = "https://huggingface.co/acme/tiny"


def scored(task: str, baseline: str, score: str, **said: Any) -> dict[str, Any]:
    columns = {"columns": ["acme/base", "acme/tiny"], "suite": "", "recovery": None}
    return {"model": "acme/tiny", "task": task, "baseline": baseline, "score": score, "source": CARD} | columns | said


def point(value: str, hardware: str = "H100") -> dict[str, Any]:
    tokens = {"input_tokens": 256, "output_tokens": 128}
    metric = {"metric": "request_latency", "value": value, "source": CARD}
    return {"model": "acme/tiny", "hardware_type": hardware, "hardware_count": 1} | tokens | metric


def attach(on: Shelf, car: modelcar.ModelCar, kind: Kind, *rows: object) -> None:
    lines = b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)
    modelcar.attach(car.reference, {kind: lines}, client_for=on.clients, **on.machine.here)  # type: ignore[arg-type]


def only(found: list[Any]) -> Entry:
    (entry,) = entries(found).values()
    return entry


def enriched(entry: Entry) -> Entry:
    return Enricher(Published.read([], [])).enrich(entry)


def metrics(entry: Entry, kind: str) -> list[dict[str, Any]]:
    return [values(one["customProperties"]) for one in entry.artifacts if one.get("metricsType") == f"{kind}-metrics"]


def test_what_is_attached_is_evidence_and_the_recovery_is_computed_from_it(shelf: Shelf) -> None:
    car = shelf.gguf("acme/tiny:1.0")
    rows = scored("MMLU", "80.00", "79.20", recovery="99.9"), scored("GSM8K", "50.0", "50.0")
    attach(shelf, car, Kind.EVALUATIONS, *rows)
    attach(shelf, car, Kind.PERFORMANCE, point("1.5"), point("0.75", "A100"))
    entry = enriched(only(load(of(shelf))))
    assert [row["task"] for row in entry.evidence] == ["MMLU", "GSM8K"]
    (accuracy,) = metrics(entry, "accuracy")
    assert accuracy["mmlu_recovery"] == pytest.approx(99.0)
    assert accuracy["contradicted_claims"] == "1"
    assert values(entry.document["customProperties"])["average_recovery"] == pytest.approx(99.5)
    latencies = {one["hardware_type"]: one["e2e_mean"] for one in metrics(entry, "performance")}
    assert latencies == {"H100": 1500.0, "A100": 750.0}


def test_what_is_attached_later_is_seen_and_what_has_not_changed_is_not_read_again(shelf: Shelf) -> None:
    car = shelf.gguf("acme/tiny:1.0")
    first = only(load(of(shelf)))
    assert first.evidence == ()
    attach(shelf, car, Kind.EVALUATIONS, scored("MMLU", "80.0", "79.2"))
    second = only(load(of(shelf), loading(known=lambda _: first)))
    assert len(second.evidence) == 1
    third = only(load(of(shelf), loading(known=lambda _: second)))
    assert third is second


def test_of_two_about_one_task_the_newer_counts(shelf: Shelf) -> None:
    car = shelf.gguf("acme/tiny:1.0")
    for year, score in ((2024, "70.0"), (2026, "79.2"), (2025, "75.0")):
        lines = (json.dumps(scored("MMLU", "80.0", score)) + "\n").encode()
        modelcar.attach(
            car.reference,
            {Kind.EVALUATIONS: lines},
            client_for=shelf.clients,
            created=datetime(year, 1, 1, tzinfo=UTC),
            **shelf.machine.here,  # type: ignore[arg-type]
        )
    entry = only(load(of(shelf)))
    assert [row["score"] for row in entry.evidence] == ["79.2"]


def test_a_version_that_nobody_measured_leaves_the_evidence_of_the_one_before(shelf: Shelf) -> None:
    attach(shelf, shelf.gguf("acme/tiny:1.0"), Kind.EVALUATIONS, scored("MMLU", "80.0", "79.2"))
    shelf.gguf("acme/tiny:2.0")
    entry = only(load(of(shelf)))
    assert [row["task"] for row in entry.evidence] == ["MMLU"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([b"nonsense\n"], "Row 1"),
        ([scored("MMLU", "80.0", "79.2"), {"model": "acme/tiny"}], "Row 2"),
        ([scored("MMLU", "80.0", "79.2"), b"\xff\xfe\n"], "Row 2: it is no UTF-8"),
        ([scored("MM\ud800LU", "80.0", "79.2")], "Row 1: task is"),
        ([scored("MMLU", "80.0", "79.2"), scored("MMLU", "80.0", "79.2", model="acme/other")], "about 2 models"),
    ],
)
def test_evidence_that_is_wrong_is_told_and_the_model_is_there(shelf: Shelf, lines: list[Any], says: str) -> None:
    car = shelf.gguf("acme/tiny:1.0")
    attach(shelf, car, Kind.PERFORMANCE, point("1.5"))
    attach(shelf, car, Kind.EVALUATIONS, *lines)
    found = load(of(shelf))
    entry = next(one for one in found if isinstance(one, Entry))
    assert entry.evidence == ()
    assert len(metrics(entry, "performance")) == 1
    (message,) = problems(found).values()
    assert list(problems(found)) == ["acme/tiny:1.0"]
    assert "Its evaluations, attached as" in message
    assert says in message


def test_points_that_nobody_can_count_are_told_and_the_model_is_there(own: Shelf) -> None:
    car = own.gguf("acme/tiny:1.0")
    attach(own, car, Kind.PERFORMANCE, point("1.5") | {"input_tokens": 10**400})
    found = load(of(own))
    assert [one.name for one in found if isinstance(one, Entry)] == ["acme/tiny"]
    assert "Row 1: input_tokens is 1000" in problems(found)["acme/tiny:1.0"]


def test_a_text_may_have_any_letters(own: Shelf) -> None:
    car = own.gguf("acme/tiny:1.0")
    row = scored("MMLU", "80.0", "79.2", tool="tool\u2028of\x85ours")
    attach(own, car, Kind.EVALUATIONS, json.dumps(row, ensure_ascii=False).encode() + b"\n")
    assert [one["tool"] for one in only(load(of(own))).evidence] == ["tool\u2028of\x85ours"]


def test_a_referrer_that_is_not_what_it_is_said_to_be_is_told_and_what_is_right_counts(shelf: Shelf) -> None:
    car = shelf.gguf("acme/tiny:1.0")
    attach(shelf, car, Kind.EVALUATIONS, scored("MMLU", "80.0", "79.2"))
    right = referrer(car.manifest, Kind.EVALUATIONS, b"{}\n")
    wrong = Manifest.build(right.config, [], subject=right.subject, artifact_type=Kind.EVALUATIONS)
    place = There(shelf.clients(shelf.host), car.reference.repository)
    place.put(right, b"{}\n")  # its config, which the other one needs
    place.client.put_manifest(place.repository, wrong.digest, wrong)
    found = load(of(shelf))
    (entry,) = [one for one in found if isinstance(one, Entry)]
    assert [row["task"] for row in entry.evidence] == ["MMLU"]
    messages = [one.message for one in found if isinstance(one, Problem)]
    assert len(messages) == 2
    assert any(f"{wrong.digest} does not attach evaluations to {car.digest}" in message for message in messages)


@needs("docker-registry")
def test_a_list_of_referrers_that_is_none_is_told_and_all_models_are_there(tmp_path: Path) -> None:
    """Where the list is a tag, anybody may push something else there."""
    with docker_registry(tmp_path / "registry") as registry, shelf_at(registry.host, tmp_path) as shelf:
        cars = [shelf.gguf(f"acme/tiny-{number}:1.0") for number in range(IN_A_ROW + 1)]
        attach(shelf, cars[0], Kind.EVALUATIONS, scored("MMLU", "80.0", "79.2"))
        no_model = shelf.image("acme/other:1.0", {})
        before = entries(load(of(shelf)))
        client = shelf.clients(shelf.host)
        for car in cars:
            client.put_manifest(car.reference.repository, f"sha256-{car.digest.hex}", car.manifest)
        client.put_manifest("acme/other", f"sha256-{no_model.digest.hex}", no_model)
        found = load(of(shelf), loading(known=before.get))
        assert [one.name for one in found if isinstance(one, Entry)] == [car.reference.repository for car in cars]
        told = problems(found)
        assert list(told) == [f"{car.reference.repository}:1.0" for car in cars]
        assert all("What is attached to it is not known: " in message for message in told.values())
        client.put_manifest(cars[-1].reference.repository, f"sha256-{cars[-1].digest.hex}", Index.build([]))
        known = {one.name: one for one in found if isinstance(one, Entry)}
        again = load(of(shelf), loading(known=known.get))
        assert list(problems(again)) == list(told)[:-1]
