"""Lists in pages: complete, nothing twice, and no more in memory than a batch."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from registry.served import Api
from sqlalchemy import insert

from forecourt.registry.tables import PROPERTIES, RESOURCES

ORDERS = ("ID", "CREATE_TIME", "LAST_UPDATE_TIME")
FIELDS = {"ID": "id", "CREATE_TIME": "createTimeSinceEpoch", "LAST_UPDATE_TIME": "lastUpdateTimeSinceEpoch"}
FILTERS = (None, "colour = 'red'", "colour = 'red' OR size > 5", "name LIKE 'model-1%'", "size >= 0")


def fill(api: Api, count: int, *, first: int = 1) -> None:
    """Put models in the database at once; several share each of their times."""
    numbers = range(first, first + count)
    with api.database.session() as session:
        rows = [
            {
                "kind": "RegisteredModel",
                "family": "context",
                "name": f"model-{number}",
                "created": 1_000 + number * 7 % 50,
                "updated": 1_000 + number * 11 % 40,
                "document": f'{{"name":"model-{number}","description":"{"x" * 200}","customProperties":{{}}}}',
            }
            for number in numbers
        ]
        ids = list(session.execute(insert(RESOURCES).returning(RESOURCES.c.id), rows).scalars())
        common = {"custom": 1, "position": 0, "kind": "RegisteredModel"}
        session.execute(
            insert(PROPERTIES),
            [
                common | {"resource_id": one, "name": "colour", "type": "string", "head": ("red", "blue")[one % 2]}
                for one in ids
            ],
        )
        session.execute(
            insert(PROPERTIES),
            [common | {"resource_id": one, "name": "size", "type": "int", "number": float(one % 10)} for one in ids],
        )


def walk(api: Api, size: int, **query: Any) -> list[dict[str, Any]]:
    """Return all items, page by page."""
    items: list[dict[str, Any]] = []
    token = ""
    while True:
        following = {"nextPageToken": token} if token else {}
        status, page = api.get("registered_models", pageSize=size, **query, **following)
        assert (status, page["pageSize"], page["size"]) == (200, size, len(page["items"]))
        items += page["items"]
        token = page["nextPageToken"]
        if not token:
            return items
        assert page["size"] == size
        assert len(items) <= 10_000


@pytest.mark.parametrize("filtered", FILTERS)
@pytest.mark.parametrize("order", ORDERS)
def test_pages_have_everything_once_in_order(api, order, filtered):
    fill(api, 100)
    query = {"orderBy": order} | ({"filterQuery": filtered} if filtered else {})
    for direction in ("ASC", "DESC"):
        key = lambda item: (int(item[FIELDS[order]]), int(item["id"]))  # noqa: E731
        _, everything = api.get("registered_models", sortOrder=direction, **query)
        items = everything["items"]
        assert (everything["pageSize"], everything["size"], everything["nextPageToken"]) == (0, len(items), "")
        assert items == sorted(items, key=key, reverse=direction == "DESC")
        if filtered is None:
            assert len(items) == 100
        assert items
        for size in (7, 10, len(items), 99, 1000):
            assert walk(api, size, sortOrder=direction, **query) == items


@pytest.mark.parametrize("order", ORDERS)
def test_pages_are_stable_while_rows_are_added(api, order):
    fill(api, 50)
    before = [item["id"] for item in api.items("registered_models", orderBy=order)]
    seen: list[str] = []
    token, first = "", 51
    while True:
        query = {"nextPageToken": token} if token else {}
        _, page = api.get("registered_models", orderBy=order, pageSize=9, **query)
        seen += [item["id"] for item in page["items"]]
        token = page["nextPageToken"]
        if not token or first > 300:
            break
        fill(api, 5, first=first)
        first += 5
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen) or token


def test_the_last_page_says_that_it_is_the_last(api):
    fill(api, 10)
    _, page = api.get("registered_models", pageSize=10)
    assert (page["size"], page["nextPageToken"]) == (10, "")
    _, page = api.get("registered_models", pageSize=11)
    assert (page["size"], page["nextPageToken"]) == (10, "")
    _, page = api.get("registered_models", pageSize=9)
    assert (page["size"], bool(page["nextPageToken"])) == (9, True)
    _, page = api.get("registered_models", pageSize=9, nextPageToken=page["nextPageToken"])
    assert (page["size"], page["nextPageToken"]) == (1, "")
    _, page = api.get("registered_models", filterQuery="colour = 'green'", pageSize=5)
    assert page == {"items": [], "nextPageToken": "", "pageSize": 5, "size": 0}


def test_nested_lists_have_pages(api):
    model = api.made("registered_models", name="x")["id"]
    path = f"registered_models/{model}/versions"
    made = [api.made(path, name=str(number)) for number in range(7)]
    _, page = api.get(path, pageSize=4)
    assert page["items"] == made[:4]
    _, page = api.get(path, pageSize=4, nextPageToken=page["nextPageToken"])
    assert (page["items"], page["nextPageToken"]) == (made[4:], "")


def test_without_a_page_size_there_is_everything_sent_in_pieces(api):
    fill(api, 1200)
    with api.statements() as statements, api.http.stream("GET", "registered_models") as answer:
        chunks = list(answer.iter_raw())
        assert "content-length" not in answer.headers
    text = b"".join(chunks)
    assert len(chunks) > 1
    assert max(map(len, chunks)) < len(text)
    _, listed = api.get("registered_models")
    assert [item["name"] for item in listed["items"]] == [f"model-{number}" for number in range(1, 1201)]
    assert (listed["size"], listed["pageSize"], listed["nextPageToken"]) == (1200, 0, "")
    assert 3 <= sum("document" in one.sql for one in statements) <= 4


def test_a_page_larger_than_a_batch_is_complete(api):
    fill(api, 1200)
    for size, expected, more in (
        (499, 499, True),
        (500, 500, True),
        (501, 501, True),
        (1000, 1000, True),
        (1199, 1199, True),
        (1200, 1200, False),
        (5000, 1200, False),
    ):
        _, page = api.get("registered_models", pageSize=size)
        assert (page["size"], page["pageSize"], bool(page["nextPageToken"])) == (expected, size, more)
        assert len({item["id"] for item in page["items"]}) == expected


def test_a_list_of_twice_the_length_takes_no_more_memory(api):
    def peak() -> tuple[int, int]:
        size = 0
        tracemalloc.start()
        try:
            with api.http.stream("GET", "registered_models") as answer:
                for chunk in answer.iter_raw():
                    size += len(chunk)
            return size, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    fill(api, 1500)
    peak()
    size, before = peak()
    fill(api, 1500, first=1501)
    twice, after = peak()
    assert twice > size * 1.9
    assert after < before * 1.2
