"""Objects are kept with the promises that Kubernetes makes: versions, generations, watches, no lost updates."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving.objects import runtime, service

from forecourt.db import Database
from forecourt.errors import AlreadyExists, Conflict, Expired, InvalidObject, NotFound
from forecourt.objects import ObjectStore
from forecourt.objects import events as events_module
from forecourt.objects.read import Read, Written
from forecourt.serving.model import InferenceService, ServingRuntime

STATUS = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "False"}]}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/forecourt.db")
    database.upgrade()
    yield database
    database.close()


@pytest.fixture
def objects(database: Database) -> ObjectStore:
    return ObjectStore(database)


def with_replicas(isvc: InferenceService, count: int) -> InferenceService:
    predictor = isvc.spec.predictor.model_copy(update={"min_replicas": count})
    return isvc.model_copy(update={"spec": isvc.spec.model_copy(update={"predictor": predictor})})


def version(isvc: InferenceService) -> int:
    return int(isvc.metadata.resource_version or 0)


def test_a_new_object_gets_its_identity(objects):
    made = objects.create(service().with_metadata(uid="mine", generation=7, resource_version="9"))
    assert len(made.metadata.uid or "") == 36
    assert made.metadata.generation == 1
    assert version(made) == 2
    assert (made.metadata.creation_timestamp or "").endswith("Z")
    assert objects.get(InferenceService, "default", "chat") == made


def test_a_new_object_has_no_status_yet(objects):
    given = InferenceService.from_dict(service().to_dict() | {"status": {"url": "http://elsewhere"}})
    assert objects.create(given).status is None


def test_what_is_not_there_is_not_found(objects):
    objects.create(service())
    for namespace, name in (("default", "other"), ("other", "chat")):
        with pytest.raises(NotFound):
            objects.get(InferenceService, namespace, name)
    with pytest.raises(NotFound):
        objects.get(ServingRuntime, "default", "chat")
    with pytest.raises(NotFound):
        objects.replace(service("other"))
    with pytest.raises(NotFound):
        objects.write_status(InferenceService, "default", "other", STATUS)
    with pytest.raises(NotFound):
        objects.mark_deleted(InferenceService, "default", "other")


def test_a_name_is_given_once_in_a_namespace_and_kind(objects):
    objects.create(service())
    objects.create(service(namespace="other"))
    objects.create(runtime("chat", namespace="default"))
    with pytest.raises(AlreadyExists, match="there already"):
        objects.create(service())


def test_objects_are_listed_by_name_of_one_namespace_or_all(objects):
    for name, namespace in (("b", "x"), ("a", "x"), ("c", "a")):
        objects.create(service(name, namespace))
    assert [one.name for one in objects.list(InferenceService)] == ["c", "a", "b"]
    assert [one.name for one in objects.list(InferenceService, "x")] == ["a", "b"]


def test_what_was_read_of_late_is_had_without_reading_it_again(database, objects):
    objects.create(service("one"))
    assert objects.of_late.list(InferenceService) is None
    assert objects.of_late.get(InferenceService, "default", "one") is None
    (one,), at = objects.list_at(InferenceService)
    assert objects.of_late.list(InferenceService) == ([one], at)
    assert objects.of_late.get(InferenceService, "default", "one") is one
    with pytest.raises(NotFound):
        objects.of_late.get(InferenceService, "default", "two")
    assert objects.of_late.list(ServingRuntime) == ([], at)


def test_what_another_process_writes_is_never_missed(database, objects):
    other = ObjectStore(database)
    other.create(service("one"))
    (before,), at = objects.list_at(InferenceService)
    other.update(InferenceService, "default", "one", lambda one: with_replicas(one, 7))
    assert objects.of_late.list(InferenceService) is None
    assert objects.of_late.get(InferenceService, "default", "one") is None
    assert objects.get(InferenceService, "default", "one").spec.predictor.min_replicas == 7
    (after,), later = objects.list_at(InferenceService)
    assert (after.spec.predictor.min_replicas, before.spec.predictor.min_replicas, later) == (7, None, at + 1)
    other.mark_deleted(InferenceService, "default", "one")
    other.purge(InferenceService, "default", "one", after.metadata.uid or "")
    assert objects.of_late.list(InferenceService) == ([], objects.list_at(InferenceService)[1])
    with pytest.raises(NotFound):
        objects.get(InferenceService, "default", "one")


@pytest.mark.parametrize("most", [3, 1000])
def test_what_is_listed_again_is_what_is_there_now(objects, monkeypatch, most):
    """What was read before is not read anew, and never in place of what came after it."""
    read = Read(most)
    monkeypatch.setattr(objects, "_read", read)
    monkeypatch.setattr(objects.of_late, "_read", read)
    for number in range(150):  # more than are read one by one
        objects.create(service(f"s{number:03}"))
    objects.create(runtime("s000", namespace="default"))
    for _ in range(2):
        assert [one.name for one in objects.list(InferenceService)] == [f"s{number:03}" for number in range(150)]
    before = objects.list(InferenceService)
    assert (objects.list(InferenceService)[9] is before[9]) == (most > 3)
    objects.update(InferenceService, "default", "s009", lambda one: with_replicas(one, 7))
    objects.mark_deleted(InferenceService, "default", "s010")
    objects.purge(InferenceService, "default", "s010", before[10].metadata.uid)
    objects.create(service("s010"))
    after = objects.list(InferenceService, "default")
    assert after[9].spec.predictor.min_replicas == 7 and before[9].spec.predictor.min_replicas is None
    assert after[10].metadata.uid != before[10].metadata.uid
    assert [after[place] == before[place] for place in (8, 9, 10, 11)] == [True, False, False, True]
    assert [one.name for one in objects.list(ServingRuntime)] == ["s000"]
    assert objects.list(InferenceService, "elsewhere") == []


def test_the_generation_grows_with_the_spec_only(objects):
    made = objects.create(service())
    labelled = objects.replace(made.with_metadata(labels={"a": "b"}))
    assert (labelled.metadata.generation, version(labelled)) == (1, version(made) + 1)
    scaled = objects.replace(with_replicas(labelled, 2))
    assert (scaled.metadata.generation, version(scaled)) == (2, version(labelled) + 1)
    told = objects.write_status(InferenceService, "default", "chat", STATUS)
    assert (told.metadata.generation, version(told)) == (2, version(scaled) + 1)


def test_a_write_that_changes_nothing_is_none(objects):
    made = objects.create(service())
    assert objects.replace(made) == made
    told = objects.write_status(InferenceService, "default", "chat", STATUS)
    assert objects.write_status(InferenceService, "default", "chat", STATUS) == told


def test_what_the_store_writes_nobody_else_does(objects):
    made = objects.create(service())
    objects.write_status(InferenceService, "default", "chat", STATUS)
    given = InferenceService.from_dict(service().to_dict() | {"status": {"url": "http://elsewhere"}})
    after = objects.replace(given.with_metadata(generation=99, creation_timestamp="1970-01-01T00:00:00Z"))
    assert after.status_document == STATUS
    assert after.metadata.creation_timestamp == made.metadata.creation_timestamp
    assert after.metadata.generation == 1
    assert after.metadata.uid == made.metadata.uid


def test_a_writer_who_read_an_older_version_is_refused(objects):
    made = objects.create(service())
    objects.replace(with_replicas(made, 2))
    with pytest.raises(Conflict, match="has changed") as refusal:
        objects.replace(with_replicas(made, 3))
    assert "try again" in refusal.value.hint
    with pytest.raises(Conflict):
        objects.mark_deleted(InferenceService, "default", "chat", resource_version=made.metadata.resource_version)
    assert objects.get(InferenceService, "default", "chat").replicas == 2


def test_a_writer_who_means_an_object_that_is_gone_is_refused(objects):
    with pytest.raises(Conflict, match="another object"):
        objects.replace(objects.create(service()).with_metadata(uid="00", resource_version=None))


def test_a_change_that_fails_changes_nothing(objects):
    made = objects.create(service())

    def refuse(before: InferenceService) -> InferenceService:
        raise InvalidObject("no")

    with pytest.raises(InvalidObject):
        objects.update(InferenceService, "default", "chat", refuse)
    assert objects.get(InferenceService, "default", "chat") == made


def test_a_deleted_object_stays_until_it_is_purged(objects):
    made = objects.create(service())
    uid = made.metadata.uid
    assert not objects.purge(InferenceService, "default", "chat", uid)
    marked = objects.mark_deleted(InferenceService, "default", "chat")
    assert marked.metadata.deletion_timestamp
    assert objects.mark_deleted(InferenceService, "default", "chat") == marked
    with pytest.raises(AlreadyExists, match="is being deleted"):
        objects.create(service())
    after = objects.replace(marked.with_metadata(deletion_timestamp=None, labels={"a": "b"}))
    assert after.metadata.deletion_timestamp
    assert objects.purge(InferenceService, "default", "chat", uid)
    assert objects.list(InferenceService) == []
    assert objects.purge(InferenceService, "default", "chat", uid)


def test_finalizers_hold_an_object(objects):
    made = objects.create(service().with_metadata(finalizers=["example.org/hold"]))
    marked = objects.mark_deleted(InferenceService, "default", "chat")
    assert not objects.purge(InferenceService, "default", "chat", made.metadata.uid)
    objects.replace(marked.with_metadata(finalizers=None))
    assert objects.purge(InferenceService, "default", "chat", made.metadata.uid)


def test_a_purge_does_not_hit_the_next_object_of_the_name(objects):
    first = objects.create(service())
    objects.mark_deleted(InferenceService, "default", "chat")
    objects.purge(InferenceService, "default", "chat", first.metadata.uid)
    second = objects.create(service())
    objects.mark_deleted(InferenceService, "default", "chat")
    assert objects.purge(InferenceService, "default", "chat", first.metadata.uid)
    assert objects.get(InferenceService, "default", "chat").metadata.uid == second.metadata.uid


def test_a_status_that_is_none_of_kserves_is_refused(objects):
    objects.create(service())
    with pytest.raises(InvalidObject):
        objects.write_status(InferenceService, "default", "chat", {"url": 3})


def test_objects_outlive_the_store(database):
    made = ObjectStore(database).create(service())
    assert ObjectStore(database).get(InferenceService, "default", "chat") == made


def test_threads_lose_no_update_and_versions_only_grow(objects):
    objects.create(service())
    versions: list[int] = []

    def scale() -> None:
        for _ in range(10):
            after = objects.update(
                InferenceService, "default", "chat", lambda isvc: with_replicas(isvc, isvc.replicas + 1)
            )
            versions.append(version(after))

    threads = [threading.Thread(target=scale) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = objects.get(InferenceService, "default", "chat")
    assert (after.replicas, after.metadata.generation) == (41, 41)
    assert len(set(versions)) == 40


def test_of_threads_that_create_the_same_one_wins(objects):
    outcomes: list[str] = []

    def create() -> None:
        try:
            objects.create(service())
            outcomes.append("created")
        except AlreadyExists:
            outcomes.append("there already")

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created"] + ["there already"] * 3


async def seen(objects: ObjectStore, count: int, **options) -> list[tuple[str, str, int]]:
    found = []
    async with asyncio.timeout(10):
        async for event, isvc in objects.watch(InferenceService, **options):
            found.append((event, isvc.name, version(isvc)))
            if len(found) == count:
                break
    return found


async def test_a_watch_tells_what_happened_since_and_what_happens_then(objects):
    made = await asyncio.to_thread(objects.create, service("a"))
    objects.create(service("b", "other"))
    objects.create(runtime("r", namespace="default"))
    watching = asyncio.create_task(seen(objects, 4, namespace="default", since=version(made) - 1))
    await asyncio.sleep(0.05)
    objects.replace(with_replicas(made, 2))
    marked = objects.mark_deleted(InferenceService, "default", "a")
    await asyncio.to_thread(objects.purge, InferenceService, "default", "a", marked.metadata.uid)
    told = await watching
    assert [event for event, *_ in told] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    assert [v for *_, v in told] == sorted({v for *_, v in told})


async def test_a_list_and_a_watch_from_its_version_miss_nothing_and_repeat_nothing(objects):
    stop = threading.Event()

    def churn() -> None:
        for number in range(60):
            objects.create(service(f"s{number}"))
        stop.set()

    thread = threading.Thread(target=churn)
    thread.start()
    await asyncio.sleep(0.05)
    there, since = await asyncio.to_thread(objects.list_at, InferenceService)
    rest = await seen(objects, 60 - len(there), since=since) if len(there) < 60 else []
    await asyncio.to_thread(thread.join)
    assert sorted([one.name for one in there] + [name for _, name, _ in rest]) == sorted(f"s{n}" for n in range(60))


async def test_a_watch_from_before_what_is_kept_is_told_to_list_again(objects, monkeypatch):
    made = objects.create(service())
    for count in range(2, events_module._KEPT + 4):
        made = made.with_metadata(labels={"n": str(count)})
        objects._published().publish(events_module.Event("MODIFIED", "InferenceService", count + 2, made.to_dict()))
    with pytest.raises(Expired):
        await seen(objects, 1, since=1)


async def test_a_watch_across_a_restart_goes_on_where_nothing_was_missed(database):
    made = ObjectStore(database).create(service())
    restarted = ObjectStore(database)
    watching = asyncio.create_task(seen(restarted, 1, since=version(made)))
    await asyncio.sleep(0.05)
    restarted.replace(with_replicas(made, 2))
    assert [event for event, *_ in await watching] == ["MODIFIED"]
    with pytest.raises(Expired):
        await seen(restarted, 1, since=version(made) - 1)


async def test_a_watcher_who_does_not_listen_is_told_to_list_again(objects, monkeypatch):
    monkeypatch.setattr(events_module, "_BEHIND", 5)
    made = objects.create(service())
    watch = objects.watch(InferenceService, since=version(made) - 1)
    assert (await anext(watch))[0] == "ADDED"
    for count in range(2, 12):
        made = objects.replace(with_replicas(made, count))
        await asyncio.sleep(0)
    with pytest.raises(Expired):
        await anext(watch)


async def test_who_no_longer_watches_is_forgotten(objects):
    made = objects.create(service())
    await seen(objects, 1, since=version(made) - 1)
    await asyncio.sleep(0.05)
    assert not objects._published()._subscriptions


def test_what_was_written_of_an_object_is_kept_for_as_long_as_there_is_room(objects):
    written, all_of_them = Written(most=3), [objects.create(service(f"s{number}")) for number in range(5)]
    texts = [written.json(one) for one in all_of_them]
    assert [json.loads(text) for text in texts] == [one.to_dict() for one in all_of_them]
    assert [written.json(one) is text for one, text in zip(all_of_them[2:], texts[2:], strict=True)] == [True] * 3
    assert written.json(all_of_them[0]) == texts[0]
    assert written.json(all_of_them[0]) is not texts[0]
    changed = objects.update(InferenceService, "default", "s4", lambda one: with_replicas(one, 7))
    assert json.loads(written.json(changed))["spec"]["predictor"]["minReplicas"] == 7
