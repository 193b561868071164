"""Sources of type hf, against a hub on loopback that speaks the real one's protocol."""

from __future__ import annotations

import os
import threading
import time
from itertools import islice
from typing import Any

import httpx
import pytest
from catalog.remote.hub import Hub
from catalog.remote.parts import QUICK, custom, entries, loading, problems, source

from forecourt.catalog.model import Entry, Loading, Problem, SourceDefinition
from forecourt.catalog.remote import LOADERS, candidates, huggingface, resolved
from forecourt.errors import Denied, InvalidInput, Unavailable

CARD = "---\nlicense: apache-2.0\nlanguage: en\n---\n# {0}\n\nThis is {0}, a model of the tests.\n"


def add(hub: Hub, *names: str, **options: Any) -> None:
    for number, name in enumerate(names):
        hub.add(name, CARD.format(name), **({"downloads": 1000 - number} | options))


def of(hub: Hub, *included: str, **options: Any) -> SourceDefinition:
    return source("hf", *included, url=hub.url, **options)


def load(wanted: SourceDefinition, how: Loading | None = None) -> list[Entry | Problem]:
    return list(huggingface.load(wanted, how or loading(), QUICK))


def test_models_come_with_what_the_hub_and_their_cards_say(hub: Hub) -> None:
    hub.add(
        "org/cars",
        CARD.format("org/cars"),
        info={"pipeline_tag": "text-generation", "tags": ["en", "base_model:finetune:org/base", "base_model:org/base"]},
    )
    (entry,) = entries(load(of(hub, "org/cars"))).values()
    assert entry.document["description"] == "This is org/cars, a model of the tests."
    assert (entry.document["license"], entry.document["language"]) == ("apache-2.0", ["en"])
    assert entry.readme == CARD.format("org/cars")
    assert entry.artifacts[0]["uri"] == "hf://org/cars"
    assert custom(entry)["hf_sha"] == hub.repositories["org/cars"].sha
    assert custom(entry)["base_model_relation"] == "finetune"
    assert abs(int(custom(entry)["last_synced"]) - time.time() * 1000) < 60_000


def test_patterns_take_what_they_match_and_each_model_once(hub: Hub) -> None:
    add(hub, "org/cars-8b", "org/cars-8b-FP8", "org/trucks", "other/cars-8b", "org/my-cars-8b")
    found = entries(load(of(hub, "org/cars*", "ORG/Cars-8B", "other/*")))
    assert list(found) == ["org/cars-8b", "org/cars-8b-FP8", "other/cars-8b"]
    assert list(entries(load(of(hub, "org/*-fp8")))) == ["org/cars-8b-FP8"]
    assert list(entries(load(source("hf", "org/*", excluded=["*-FP8", "org/my*"], url=hub.url)))) == [
        "org/cars-8b",
        "org/trucks",
    ]
    assert not hub.asked_for("my-cars-8b/resolve")


def test_a_list_of_several_pages_is_read_to_its_end(hub: Hub) -> None:
    hub.page = 7
    add(hub, *(f"org/model-{number:03}" for number in range(40)))
    assert list(entries(load(of(hub, "org/*")))) == [f"org/model-{number:03}" for number in range(40)]
    assert len(hub.asked_for("/api/models?")) == 6


def test_the_most_downloaded_are_taken_where_there_are_more_than_wanted(hub: Hub) -> None:
    hub.page = 4
    add(hub, *(f"org/model-{number}" for number in range(20)))
    found = load(of(hub, "org/*", "org/model-1*", maxModels=5))
    assert list(entries(found)) == [f"org/model-{number}" for number in (0, 1, 2, 3, 4, 10, 11, 12, 13)]
    assert len(entries(load(of(hub, "org/*", maxModels="0")))) == 20


def test_where_no_limit_was_set_and_the_usual_one_is_reached_it_is_said(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface, "_MODELS", 3)
    add(hub, *(f"org/model-{number}" for number in range(4)))
    found = load(of(hub, "org/*"))
    assert len(found) == 4
    assert "more models than the 3" in problems(found)["org/*"]


@pytest.mark.parametrize(
    "pattern", ["*", "*/*", "cars", "*/cars", "or*/cars", "org/", "org/a/b", "org/..", "/x", "org/a b"]
)
def test_a_pattern_that_no_organisation_bounds_is_refused(hub: Hub, pattern: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        load(of(hub, pattern))
    assert raised.value.hint
    assert hub.asked == []


def test_a_source_that_includes_nothing_is_refused(hub: Hub) -> None:
    with pytest.raises(InvalidInput, match="includes no models"):
        load(of(hub))


def test_an_allowed_organisation_comes_before_patterns_and_keeps_others_out(hub: Hub) -> None:
    add(hub, "org/cars", "org/trucks", "org/cars-draft", "other/cars")
    wanted = source("hf", "cars*", excluded=["cars-draft"], url=hub.url, allowedOrganization="org")
    assert list(entries(load(wanted))) == ["org/cars"]
    assert resolved(wanted).included_models == ("org/cars*",)
    assert resolved(wanted).includes("org/cars")
    assert not resolved(wanted).includes("org/cars-draft")
    assert len(entries(load(of(hub, allowedOrganization="org")))) == 3
    with pytest.raises(InvalidInput, match="another organisation than org"):
        load(of(hub, "other/*", allowedOrganization="org"))


@pytest.mark.parametrize(
    "properties",
    [
        {"url": "hub"},
        {"url": 7},
        {"maxModels": -1},
        {"maxModels": "many"},
        {"maxModels": True},
        {"apiKeyEnvVar": "PATH"},
        {"apiKeyEnvVar": "HF_API_KEYS"},
        {"apiKeyEnvVar": "HF_API_KEY_"},
        {"apiKey": "two words"},
        {"allowedOrganization": "a/b"},
    ],
)
def test_a_wrong_property_is_named(hub: Hub, properties: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        load(source("hf", "org/*", **({"url": hub.url} | properties)))
    assert hub.asked == []


def test_a_gated_model_is_marked_and_its_card_read_once_it_may_be(hub: Hub) -> None:
    hub.tokens.add("token")
    add(hub, "org/cars", gated="manual", readers=frozenset({"token"}))
    (entry,) = entries(load(of(hub, "org/*"))).values()
    assert (custom(entry)["hf_gated"], entry.readme) == ("manual", "")
    assert entry.document["license"] == "apache-2.0"  # the list says what the card says by keys
    allowed = loading(environment={"HF_API_KEY_ORG": "token"}, known={entry.name: entry}.get)
    (entry,) = entries(load(of(hub, "org/*", apiKeyEnvVar="HF_API_KEY_ORG"), allowed)).values()
    assert (custom(entry)["hf_gated"], entry.readme) == ("manual", CARD.format("org/cars"))


def test_a_private_model_comes_only_with_a_token_that_may_see_it(hub: Hub) -> None:
    hub.tokens |= {"hers", "his"}
    add(hub, "org/secret", private=True, readers=frozenset({"hers"}))
    add(hub, "org/open")
    assert list(entries(load(of(hub, "org/*")))) == ["org/open"]
    hers = loading(environment={"HF_API_KEY": "hers"})
    found = entries(load(of(hub, "org/*", apiKeyEnvVar="HF_API_KEY"), hers))
    assert custom(found["org/secret"])["hf_private"] == "true"
    said = problems(load(of(hub, "org/secret", "org/open")))["org/secret"]
    assert "nobody who is not allowed" in said
    his = loading(environment={"HF_API_KEY": "his"})
    said = problems(load(of(hub, "org/secret", apiKeyEnvVar="HF_API_KEY"), his))["org/secret"]
    assert "no such model" in said


def test_a_wrong_token_is_said_before_anything_is_loaded(hub: Hub) -> None:
    add(hub, "org/cars")
    old = loading(environment={"HF_API_KEY": "old"})
    with pytest.raises(Denied, match="is wrong or has expired"):
        load(of(hub, "org/*", apiKeyEnvVar="HF_API_KEY"), old)
    with pytest.raises(Denied, match="is wrong or has expired"):
        load(of(hub, "org/*", apiKey="older"))
    assert hub.asked == ["/api/whoami-v2"] * 2


def test_the_usual_token_goes_to_no_other_server_than_the_hub_unless_it_is_named(hub: Hub) -> None:
    hub.tokens.add("token")
    add(hub, "org/cars")
    has_one = loading(environment={"HF_API_KEY": "token"})
    load(of(hub, "org/*"), has_one)
    assert set(hub.authorized) == {""}
    load(of(hub, "org/*", apiKeyEnvVar="HF_API_KEY"), has_one)
    assert hub.authorized[-1] == "token"


def test_a_server_that_does_not_know_who_asks_is_asked_all_the_same(hub: Hub) -> None:
    hub.tokens.add("token")
    add(hub, "org/cars")
    hub.trouble("/api/whoami-v2", status=404)
    found = load(of(hub, "org/*", apiKeyEnvVar="HF_API_KEY"), loading(environment={"HF_API_KEY": "token"}))
    assert list(entries(found)) == ["org/cars"]


def test_a_server_whose_list_says_little_is_asked_for_each_model(hub: Hub) -> None:
    hub.expands = False
    add(hub, "org/cars", "org/trucks", info={"config": {"model_type": "llama"}})
    found = entries(load(of(hub, "org/*")))
    assert [custom(entry)["hf_model_type"] for entry in found.values()] == ["llama", "llama"]
    assert len(hub.asked_for("/api/models/")) == 2


def test_what_has_not_changed_is_not_asked_for_again(hub: Hub) -> None:
    add(hub, "org/cars", "org/trucks", "org/bikes")
    first = entries(load(of(hub, "org/*")))
    hub.asked.clear()
    hub.repositories["org/trucks"].files["README.md"] += b"More.\n"
    second = entries(load(of(hub, "org/*"), loading(known=first.get)))
    assert [second[name] is first[name] for name in ("org/cars", "org/trucks", "org/bikes")] == [True, False, True]
    assert second["org/trucks"].readme.endswith("More.\n")
    assert len(hub.asked_for("/resolve/")) == 1


def test_a_load_that_was_cut_off_goes_on_where_it_was(hub: Hub) -> None:
    hub.page = 10
    add(hub, *(f"org/model-{number:02}" for number in range(30)))
    hub.trouble("cursor=20", status=503, times=3)
    models = huggingface.load(of(hub, "org/*"), loading(), QUICK)
    kept = entries(islice(models, 20))
    with pytest.raises(Unavailable, match="status 503"):
        next(models)
    hub.asked.clear()
    found = entries(load(of(hub, "org/*"), loading(known=kept.get)))
    assert len(found) == 30
    assert len(hub.asked_for("/resolve/")) == 10


def test_a_model_that_cannot_be_had_is_left_out_and_the_others_come(hub: Hub) -> None:
    add(hub, "org/cars", "org/trucks", "org/bikes", "org/new-name", "org/off")
    hub.repositories["org/off"].disabled = True
    hub.trouble("/org/trucks/resolve", status=500, times=9)
    hub.trouble("/api/models/org/old-name", status=307, headers={"Location": "/api/models/org/new-name"})
    found = load(of(hub, "org/cars", "org/trucks", "org/bikes", "org/none", "org/old-name", "org/off", "none/*"))
    assert [each.name for each in found if isinstance(each, Entry)] == ["org/cars", "org/bikes"]
    assert {name: message[:30] for name, message in problems(found).items()} == {
        "org/trucks": f"127.0.0.1:{hub.port} answered with status 500"[:30],
        "org/none": "The hub shows it to nobody who is not"[:30],
        "org/old-name": "It has moved to org/new-name: "[:30],
        "org/off": "The hub has disabled it.",
        "none/*": "The hub shows no model that it matches"[:30],
    }


def test_a_model_whose_card_is_too_long_or_missing_comes_without_it(hub: Hub) -> None:
    add(hub, "org/cars")
    hub.repositories["org/cars"].files["README.md"] += b"x" * huggingface.CARD
    hub.add("org/trucks", files={"config.json": b"{}"})
    found = load(of(hub, "org/*"))
    assert [(each.name, each.readme) for each in found if isinstance(each, Entry)] == [
        ("org/cars", ""),
        ("org/trucks", ""),
    ]
    assert "more than 2,097,152 bytes" in problems(found)["org/cars"]
    assert "org/trucks" not in problems(found)


def test_a_hub_that_stalls_ends_the_load_in_time(hub: Hub) -> None:
    add(hub, *(f"org/model-{number}" for number in range(50)))
    hub.trouble("/resolve/", stalls=True, times=1000)
    began = time.monotonic()
    models = huggingface.load(of(hub, "org/*"), loading(), QUICK)
    assert list(problems(islice(models, 2))) == ["org/model-0", "org/model-1"]
    with pytest.raises(Unavailable, match="did not answer"):
        next(models)
    assert time.monotonic() - began < 8  # of the 90 s that fifty times three attempts would take


def test_a_hub_whose_connections_break_is_asked_again(hub: Hub) -> None:
    add(hub, "org/cars", "org/trucks")
    hub.trouble("/api/models", after=20)
    hub.trouble("/org/cars/resolve", after=3)
    hub.trouble("/org/trucks/resolve", status=429, headers={"Retry-After": "0"})
    found = entries(load(of(hub, "org/*")))
    assert found["org/cars"].readme == CARD.format("org/cars")
    assert found["org/trucks"].readme == CARD.format("org/trucks")


@pytest.mark.parametrize("body", [b'{"error": "no"}', b"<html>", b'[1, {"id": 7}, {}, {"id": "org/../etc"}]'])
def test_a_list_that_makes_no_sense_gives_no_model(hub: Hub, body: bytes) -> None:
    hub.trouble("/api/models", status=200, body=body, times=3)
    try:
        found = load(of(hub, "org/*"))
    except Unavailable:
        return
    assert list(problems(found)) == ["org/*"]
    assert len(found) == 1


@pytest.mark.parametrize("link", ["/api/models?again", "https://elsewhere.example/api/models?again", "http://["])
def test_a_list_that_does_not_end_is_left(hub: Hub, link: str) -> None:
    hub.trouble("/api/models", status=200, headers={"Link": f'<{link}>; rel="next"'}, body=b"[]", times=99)
    with pytest.raises(Unavailable):
        load(of(hub, "org/*"))
    assert len(hub.asked) <= 2


def test_a_mirror_that_links_to_the_hub_is_asked_for_its_next_page_itself(hub: Hub) -> None:
    add(hub, "org/cars", "org/trucks")
    link = '<https://huggingface.example:x/api/models?author=org&limit=1&full=true&cursor=1>; rel="next"'
    hub.trouble("/api/models", status=200, headers={"Link": link}, body=b"[]")
    assert list(entries(load(of(hub, "org/*")))) == ["org/trucks"]


def test_progress_is_told(hub: Hub) -> None:
    add(hub, "org/cars", "org/trucks")
    told: list[tuple[int, int | None]] = []
    load(of(hub, "org/*"), loading(progress=lambda done, of: told.append((done, of))))
    load(of(hub, "org/cars", "org/trucks"), loading(progress=lambda done, of: told.append((done, of))))
    assert told == [(1, None), (2, None), (1, 2), (2, 2)]


def test_a_load_ends_soon_after_nobody_wants_it(hub: Hub) -> None:
    add(hub, *(f"org/model-{number}" for number in range(20)))
    hub.trouble("/org/model-3/resolve", stalls=True, times=9)
    stop = threading.Event()
    timer: list[float] = []

    def progress(done: int, _of: int | None) -> None:
        if done == 3:
            stop.set()
            timer.append(time.monotonic())

    found = list(huggingface.load(of(hub, "org/*"), loading(stopped=stop.is_set, progress=progress)))
    assert len(found) == 3
    assert time.monotonic() - timer[0] < 2


def test_a_caller_that_goes_away_leaves_nothing_behind(hub: Hub) -> None:
    add(hub, *(f"org/model-{number}" for number in range(20)))
    models = huggingface.load(of(hub, "org/*"), loading(), QUICK)
    assert len(list(islice(models, 2))) == 2
    models.close()  # type: ignore[attr-defined]
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("catalog")] == []
    assert len(hub.asked_for("/resolve/")) <= 8


def test_a_preview_says_what_would_come_without_reading_a_card(hub: Hub) -> None:
    add(hub, "org/cars", "org/cars-draft", "org/trucks")
    wanted = source("hf", "org/cars*", "org/bikes", excluded=["*-draft"], url=hub.url)
    assert list(candidates(wanted, loading())) == [("org/cars", True), ("org/cars-draft", False), ("org/bikes", True)]
    assert not hub.asked_for("/resolve/")


def test_the_loader_is_found_by_the_type_of_its_source(hub: Hub) -> None:
    add(hub, "org/cars")
    assert list(entries(LOADERS["hf"](of(hub, "org/*"), loading()))) == ["org/cars"]


def test_this_machine_is_not_a_hub_unless_it_is_allowed(hub: Hub) -> None:
    with pytest.raises(InvalidInput, match="on this machine") as raised:
        load(of(hub, "org/*"), loading(private_addresses=False))
    assert "FORECOURT_CATALOG_PRIVATE_ADDRESSES=true" in raised.value.hint
    assert hub.asked == []


# Where nothing may be skipped, there is no network either.
if not os.environ.get("CI"):

    def test_the_real_hub() -> None:
        try:
            httpx.get(f"{huggingface.URL}/api/models", params={"limit": 1}, timeout=5).raise_for_status()
        except httpx.HTTPError as error:
            pytest.skip(f"needs {huggingface.URL}, which cannot be reached: {error}")
        wanted = source("hf", "HuggingFaceTB/SmolLM2-135M*", maxModels=3)
        found = entries(huggingface.load(wanted, Loading(environment={})))
        assert len(found) == 3
        for entry in found.values():
            assert entry.document["tasks"] == ["text-generation"]
            assert entry.document["license"] == "apache-2.0"
            assert entry.readme
