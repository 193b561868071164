"""What a deployment was is kept: a revision for each change of what runs, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving.objects import service

from forecourt.db import Database
from forecourt.errors import InvalidObject
from forecourt.objects import ObjectStore
from forecourt.serving.history import KEPT, History, at, validate_revision
from forecourt.serving.model import InferenceService


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ObjectStore]:
    database = Database(f"sqlite:///{tmp_path}/forecourt.db")
    database.upgrade()
    yield ObjectStore(database)
    database.close()


def changed(objects: ObjectStore, version: int, **predictor: Any) -> InferenceService:
    def change(before: InferenceService) -> InferenceService:
        document = service(storageUri=f"oci://quay.io/m:{version}").to_dict()
        document["spec"]["predictor"] |= predictor
        document["metadata"] = before.to_dict()["metadata"]
        return InferenceService.from_dict(document)

    return objects.update(InferenceService, "default", "chat", change)


def uri(one: InferenceService) -> str:
    return one.storage_uri.rpartition(":")[2]


def test_a_change_of_what_runs_is_a_revision_and_a_change_of_replicas_is_none(objects):
    history = History(objects)
    first = history.record(objects.create(service()))
    assert (first.name, first.revision) == ("chat-00001", 1)
    assert history.record(changed(objects, 2)).revision == 2
    assert history.record(changed(objects, 2, minReplicas=3)).revision == 2
    assert History(objects).record(objects.get(InferenceService, "default", "chat")).revision == 2  # a new server
    assert [one.revision for one in history.of(objects.get(InferenceService, "default", "chat"))] == [1, 2]


def test_going_back_brings_what_ran_and_leaves_the_replicas(objects):
    history = History(objects)
    objects.create(service())
    history.record(changed(objects, 1, minReplicas=1))
    now = changed(objects, 2, minReplicas=3, maxReplicas=3)
    history.record(now)
    back = at(now, history.of(now)[-2])
    assert (uri(back), back.replicas) == ("1", 3)


def test_the_connection_that_completed_it_comes_back_with_it(objects):
    history = History(objects)
    made = objects.create(service().with_metadata(annotations={"opendatahub.io/connections": "old", "mine": "x"}))
    history.record(made)
    annotations = {"opendatahub.io/connections": "new", "mine": "y"}
    now = objects.update(InferenceService, "default", "chat", lambda one: one.with_metadata(annotations=annotations))
    history.record(now)
    back = at(now, history.of(now)[0])
    assert back.metadata.annotations == {"opendatahub.io/connections": "old", "mine": "y"}


def test_the_registered_version_comes_back_with_it(objects):
    history = History(objects)
    label = "modelregistry.opendatahub.io/model-version-id"
    history.record(objects.create(service().with_metadata(labels={label: "1", "mine": "x"})))
    labels = {label: "2", "mine": "y"}
    now = objects.update(InferenceService, "default", "chat", lambda one: one.with_metadata(labels=labels))
    history.record(now)
    assert at(now, history.of(now)[0]).metadata.labels == {label: "1", "mine": "y"}


def test_only_the_last_are_kept_and_what_a_canary_may_need(objects):
    history = History(objects)
    history.record(objects.create(service()))
    status = {"components": {"predictor": {"latestRolledoutRevision": "chat-00002"}}}
    for version in range(2, KEPT + 5):
        history.record(changed(objects, version))
        if version == 2:
            objects.write_status(InferenceService, "default", "chat", status)
    numbers = [one.revision for one in history.of(objects.get(InferenceService, "default", "chat"))]
    assert numbers == [2, *range(5, KEPT + 5)]


@pytest.mark.parametrize(("percent", "beside"), [(None, ""), (100, ""), (10, "1"), (0, "1")])
def test_beside_a_canary_goes_on_what_was_rolled_out_last(objects, percent, beside):
    history = History(objects)
    objects.create(service())
    history.record(changed(objects, 1))
    status = {"components": {"predictor": {"latestRolledoutRevision": "chat-00001"}}}
    objects.write_status(InferenceService, "default", "chat", status)
    history.record(objects.get(InferenceService, "default", "chat"))
    now = changed(objects, 2, **({} if percent is None else {"canaryTrafficPercent": percent}))
    history.record(now)
    status["components"]["predictor"]["latestRolledoutRevision"] = history.of(now)[-2].name
    now = objects.write_status(InferenceService, "default", "chat", status)
    stable = history.stable(now)
    assert (uri(stable) if stable else "") == beside


def test_a_deployment_of_the_same_name_has_a_history_of_its_own(objects):
    history = History(objects)
    first = objects.create(service())
    history.record(first)
    objects.mark_deleted(InferenceService, "default", "chat")
    objects.purge(InferenceService, "default", "chat", first.metadata.uid or "")
    second = objects.create(service(storageUri="oci://quay.io/m:9"))
    assert history.record(second).revision == 1
    assert [one.revision for one in history.of(second)] == [1]


def test_a_revision_does_not_change(objects):
    made = History(objects).record(objects.create(service()))
    validate_revision(made.with_metadata(labels={"a": "b"}), made)
    with pytest.raises(InvalidObject, match="does not change"):
        validate_revision(made.model_copy(update={"revision": 7}), made)
