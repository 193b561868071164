"""Tables of models and of versions: each row with its newest version, its aliases, how many deployments serve it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from registry.served import Api

TABLE = "registered_models"
TEXT = {"metadataType": "MetadataStringValue"}


@pytest.fixture
def models(api: Api) -> dict[str, str]:
    """Four models with versions: of one the newest is archived, of one there is none."""
    made = {}
    for number, name in enumerate(("granite", "Llama", "mistral", "qwen")):
        said: dict[str, Any] = {"description": f"Model number {number}", "owner": "ann" if number % 2 else "bob"}
        if name == "granite":
            said["customProperties"] = {
                "search": TEXT | {"string_value": ""},
                "team": TEXT | {"string_value": "Réseau"},
            }
        made[name] = str(api.made("registered_models", name=name, **said)["id"])
    for name in ("granite", "Llama", "mistral"):
        for version in ("v1", "v2"):
            made[f"{name}/{version}"] = str(
                api.made("model_versions", name=version, registeredModelId=made[name], author="ann")["id"]
            )
    api.patch(f"model_versions/{made['mistral/v2']}", {"state": "ARCHIVED"})
    return made


def rows(api: Api, path: str = TABLE, **query: Any) -> dict[str, Any]:
    status, listed = api.management.get(path, **query)
    assert status == 200, listed
    return {(one.get("registeredModel") or one["modelVersion"])["name"]: one for one in listed["items"]}


def test_a_row_says_what_stands_elsewhere(api: Api, models: dict[str, str]) -> None:
    api.management.put(f"{TABLE}/{models['granite']}/aliases/champion", {"modelVersionId": models["granite/v1"]})
    place = api.made("serving_environments", name="default")["id"]
    for state in ("DEPLOYED", "UNDEPLOYED"):
        api.made(
            "inference_services",
            registeredModelId=models["granite"],
            modelVersionId=models["granite/v1"],
            servingEnvironmentId=place,
            desiredState=state,
        )
    found = rows(api)
    granite = found["granite"]
    assert (granite["versions"], granite["latestVersion"]["name"]) == (2, "v2")
    assert granite["aliases"] == {"champion": "v1"}
    assert granite["deployments"] == 1
    assert (found["mistral"]["versions"], found["mistral"]["latestVersion"]["name"]) == (1, "v1")
    assert (found["qwen"]["versions"], found["qwen"]["latestVersion"], found["qwen"]["aliases"]) == (0, None, {})
    versions = rows(api, f"{TABLE}/{models['granite']}/versions")
    assert (versions["v1"]["aliases"], versions["v1"]["deployments"]) == (["champion"], 1)
    assert (versions["v2"]["aliases"], versions["v2"]["deployments"]) == ([], 0)


def test_a_page_of_rows_takes_as_many_statements_as_one_row(api: Api, models: dict[str, str]) -> None:
    assert models
    with api.statements() as one:
        rows(api, pageSize=1)
    with api.statements() as all_:
        rows(api)
    assert len(one) == len(all_) <= 6


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"q": "gran"}, {"granite"}),
        ({"q": "NUMBER 2"}, {"mistral"}),
        ({"q": "réseau"}, {"granite"}),
        ({"q": "search"}, {"granite"}),
        ({"q": "ann"}, {"Llama", "qwen"}),
        ({"q": "100%"}, set()),
        ({"owner": "BO"}, {"granite", "mistral"}),
        ({"label": "search"}, {"granite"}),
        ({"label": "team"}, set()),
        ({"filterQuery": "team = 'Réseau' OR name = 'qwen'", "state": "LIVE"}, {"granite", "qwen"}),
        ({"state": "ARCHIVED"}, set()),
    ],
)
def test_rows_are_found(api: Api, models: dict[str, str], query: dict[str, str], names: set[str]) -> None:
    assert models
    assert set(rows(api, **query)) == names


def test_archived_ones_are_apart(api: Api, models: dict[str, str]) -> None:
    api.patch(f"registered_models/{models['qwen']}", {"state": "ARCHIVED"})
    assert set(rows(api, state="ARCHIVED")) == {"qwen"}
    assert set(rows(api, state="LIVE")) == {"granite", "Llama", "mistral"}
    assert set(rows(api, f"{TABLE}/{models['mistral']}/versions", state="ARCHIVED")) == {"v2"}


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("order", ["NAME", "CREATE_TIME", "LAST_UPDATE_TIME", "ID"])
def test_pages_in_every_order_have_all_rows_once(api: Api, models: dict[str, str], order: str, direction: str) -> None:
    assert models
    api.made("registered_models", name="'quoted: Ä")
    whole = [*rows(api, orderBy=order, sortOrder=direction)]
    paged, token = [], ""
    while True:
        _, page = api.management.get(TABLE, orderBy=order, sortOrder=direction, pageSize=2, nextPageToken=token)
        paged += [one["registeredModel"]["name"] for one in page["items"]]
        token = page["nextPageToken"]
        if not token:
            break
    assert paged == whole
    assert len(paged) == 5
    if order == "NAME":
        expected = ["'quoted: Ä", "granite", "Llama", "mistral", "qwen"]
        assert paged == (expected if direction == "ASC" else expected[::-1])


@pytest.mark.parametrize(
    "query",
    [
        "filterQuery=name+%3D",
        "nextPageToken=%00",
        "nextPageToken=MTox&orderBy=NAME",
        "nextPageToken=MTonYQ==&orderBy=ID",
        "pageSize=0",
        "state=GONE",
        "orderBy=SIZE",
        "nonsense=1",
    ],
)
def test_what_cannot_be_asked_is_refused(api: Api, query: str) -> None:
    status, _ = api.management.get(f"{TABLE}?{query}")
    assert status in (400, 422), query


def test_versions_of_a_model_that_is_not_there_are_none(api: Api) -> None:
    assert api.management.get(f"{TABLE}/999999/versions")[0] == 404
    assert api.management.get(f"{TABLE}/{quote('a b')}/versions")[0] in (400, 404, 422)
