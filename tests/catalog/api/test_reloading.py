"""While a source is loaded anew, readers see all of it as it was or all of it as it is, and are never kept waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from catalog.served import Api, Client, entry, failing, point
from sqlalchemy import text

from forecourt.catalog.model import Entry, Loading

PATIENCE = 5.0
"""Seconds within which every answer must come; they take milliseconds, and a load that is held takes for ever."""
MODELS = 60
READS: dict[str, tuple[str, dict[str, str]]] = {
    "a list": ("models", {"pageSize": "1000"}),
    "a filter": ("models", {"pageSize": "1000", "filterQuery": "generation >= 0 AND artifacts.ttft_p90 > 0"}),
    "an order": ("models", {"pageSize": "1000", "orderBy": "RECOMMENDED", "sortOrder": "DESC"}),
    "words": ("models", {"pageSize": "1000", "q": "granite"}),
}


def models(generation: int) -> list[Entry]:
    """Return the models of a generation: twenty go, twenty come, and all others change."""
    first = 20 * (generation % 2)
    return [
        entry(f"granite-{n:03}", point(ttft=10.0 + generation), custom={"generation": generation})
        for n in range(first, first + MODELS)
    ]


def generation_of(model: dict[str, Any]) -> int:
    return int(model["customProperties"]["generation"]["int_value"])


def is_whole(page: dict[str, Any]) -> int:
    """Check that a page has all models of one generation and no other; return which."""
    (generation,) = {generation_of(model) for model in page["items"]}
    assert sorted(model["name"] for model in page["items"]) == [model.name for model in models(generation)]
    return generation


class Readers:
    """Threads that read over and over, each what it is told, until the end of the block."""

    def __init__(self, api: Api, reads: list[Callable[[Client], int]]) -> None:
        self.seen: list[set[int]] = [set() for _ in reads]
        self.answers = [0 for _ in reads]
        self.longest = 0.0
        self.failures: list[BaseException] = []
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(number, api, read)) for number, read in enumerate(reads)
        ]

    def _read(self, number: int, api: Api, read: Callable[[Client], int]) -> None:
        client = Client(api.url, "/api/model_catalog/v1/")
        with closing(client.http):
            while not self._ended.is_set():
                begun = time.monotonic()
                try:
                    self.seen[number].add(read(client))
                except BaseException as error:
                    self.failures.append(error)
                    return
                self.longest = max(self.longest, time.monotonic() - begun)
                self.answers[number] += 1
                self._ended.wait(0.01)

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def everyone_reads_again(self) -> None:
        """Return when each reader has begun and ended a read, or has failed."""
        wanted = [count + 2 for count in self.answers]
        while not self.failures and any(have < want for have, want in zip(self.answers, wanted, strict=True)):
            time.sleep(0.005)


def test_readers_during_reloads_see_the_old_or_the_new_and_never_half(api: Api) -> None:
    api.give("s", *models(0))

    def listing(path: str, query: dict[str, str]) -> Callable[[Client], int]:
        return lambda client: is_whole(client.listed(path, **query))

    def options(client: Client) -> int:
        between = client.get("models/filter_options").json["filters"]["generation.int_value"]["range"]
        assert between["min"] == between["max"]
        return int(between["min"])

    def artifact(client: Client) -> int:
        (one,) = client.listed("sources/s/models/granite-030/artifacts/performance", targetRPS="2")["items"]
        return int(one["customProperties"]["ttft_p90"]["double_value"] - 10)

    reads = [*(listing(*read) for read in READS.values()), options, artifact]
    with Readers(api, reads) as readers:
        for generation in range(1, 5):
            api.give("s", *models(generation))
            readers.everyone_reads_again()
        api.give("s", *models(5)[:10], failing("The hub does not answer."))
        readers.everyone_reads_again()
    assert readers.failures == []
    assert all(4 in seen and seen <= set(range(5)) for seen in readers.seen)
    assert all(len(seen) >= 4 for seen in readers.seen)
    assert readers.longest < PATIENCE


def test_nobody_waits_for_a_load_that_goes_on_without_end(api: Api) -> None:
    api.give("s", *models(0))
    reached, opened = threading.Event(), threading.Event()

    def hold(_: Loading) -> None:
        reached.set()
        assert opened.wait(60)

    api.sources.given["s"] = [*models(1)[:40], hold, *models(1)[40:]]
    loading = threading.Thread(target=api.sources.catalog.load, args=("s",))
    loading.start()
    try:
        assert reached.wait(30)
        for path, query in READS.values():
            begun = time.monotonic()
            assert is_whole(api.listed(path, **query)) == 0
            assert time.monotonic() - begun < PATIENCE
        assert api.get("sources/s/models/granite-000").status == 200
        assert api.get("sources/s/models/granite-079").status == 404
        assert api.management.get("search", {"q": "granite"}).json["total"] == MODELS
        assert api.management.get("sources/s").json["status"] == "loading"
        hidden = api.management.patch("sources/s", {"enabled": False})  # nor does who changes something
        assert hidden.json["models"] == 0
        assert api.management.patch("sources/s", {"enabled": True}).json["models"] == MODELS
    finally:
        opened.set()
        loading.join()
    assert is_whole(api.listed("models", pageSize="1000")) == 1


@pytest.mark.parametrize("path", ["models", "sources/s/models/granite-000", "models/filter_options", "sources"])
def test_nobody_waits_for_a_transaction_that_changes_what_they_read(api: Api, path: str) -> None:
    api.give("s", *models(0))
    expected = api.get(path)
    with api.database.transaction() as connection:
        connection.execute(text("UPDATE catalog_models SET live = :live, document = '{}'"), {"live": False})
        connection.execute(text("DELETE FROM catalog_artifacts"))
        begun = time.monotonic()
        assert api.get(path) == expected
        assert time.monotonic() - begun < PATIENCE
        connection.rollback()
    assert api.get(path) == expected


def test_a_page_that_was_begun_before_a_reload_goes_on_after_it(api: Api) -> None:
    api.give("s", *models(0))
    page = api.listed("models", pageSize="40")
    api.give("s", *models(1))
    rest = api.listed("models", pageSize="1000", nextPageToken=page["nextPageToken"])
    # It is known by the last of them, which is still there, though twenty before it are gone.
    assert page["items"][-1]["name"] == "granite-039"
    assert [model["name"] for model in rest["items"]] == [f"granite-{n:03}" for n in range(40, 80)]
    assert {generation_of(model) for model in rest["items"]} == {1}


def test_a_source_that_is_removed_is_gone_at_once_whatever_is_read(api: Api) -> None:
    def all_or_none(client: Client) -> int:
        page = client.listed("models", pageSize="1000")
        return is_whole(page) if page["items"] else -1

    with Readers(api, [all_or_none] * 2) as readers:
        for generation in range(2):
            api.give("s", *models(generation))
            readers.everyone_reads_again()
            assert api.management.patch("sources/s", {"enabled": False}).status == 200
            assert api.names() == []
            readers.everyone_reads_again()
            api.management.patch("sources/s", {"enabled": True})
            readers.everyone_reads_again()
    assert readers.failures == []
    assert all(seen == {-1, 0, 1} for seen in readers.seen)
    assert readers.longest < PATIENCE
