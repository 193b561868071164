"""A search finds what words and filters say, page by page, and tells how many there would be with each other choice."""

from __future__ import annotations

from typing import Any

import pytest
from catalog.built import built
from catalog.served import entry, metrics, point
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.catalog.filters import BY_NAME, FILTERS, PERMISSIVE, Chosen
from forecourt.catalog.index import Snapshot
from forecourt.catalog.search import SORTS, Found, Query, facets, search, sentence, shown, warm
from forecourt.errors import InvalidInput


def names(snapshot: Snapshot, **query: Any) -> list[str]:
    return [snapshot.names[number] for number in search(snapshot, Query(**query)).models]


def pages(snapshot: Snapshot, query: dict[str, Any]) -> list[Found]:
    """Return all pages from the first on."""
    found = [search(snapshot, Query(**query))]
    while found[-1].next:
        found.append(search(snapshot, Query(**query, after=found[-1].next)))
    return found


@pytest.fixture(scope="module")
def catalog() -> Snapshot:
    return built(
        entry("a/granite", point("H100", e2e_mean=900.0), point("A100", e2e_mean=100.0), provider="IBM", license="mit"),
        entry("b/granite", point("H100", e2e_mean=90.0), provider="IBM", license="apache-2.0"),
        entry("c/llama", point("H100", e2e_mean=100.0), provider="Meta", license="llama3.1", description="No granite."),
        entry("d/llama", provider="Meta", custom={"parameters_b": 70.0, "average_recovery": 99.0}),
    )


def test_words_and_filters_hold_together_and_the_best_come_first(catalog: Snapshot) -> None:
    assert names(catalog) == ["a/granite", "b/granite", "c/llama", "d/llama"]
    assert names(catalog, text="granite") == ["a/granite", "b/granite", "c/llama"]
    assert names(catalog, text="granite", chosen=Chosen({"provider": "Meta"})) == ["c/llama"]
    assert names(catalog, text="granite", filter_query="license = 'mit'") == ["a/granite"]
    assert names(catalog, chosen=Chosen({"hardware": "H100", "max-latency": 100})) == ["b/granite", "c/llama"]
    assert names(catalog, text="…") == []


def test_an_order_that_is_asked_for_goes_before_how_well_words_fit(catalog: Snapshot) -> None:
    assert names(catalog, text="granite", sort="latency") == ["b/granite", "a/granite", "c/llama"]
    assert names(catalog, text="granite", sort="-name") == ["c/llama", "b/granite", "a/granite"]
    assert names(catalog, text="granite", sort="relevance") == names(catalog, text="granite")
    assert names(catalog, sort="artifacts.e2e_mean.double_value")[0] == "b/granite"
    assert names(catalog, sort="-artifacts.e2e_mean")[0] == "a/granite"
    assert names(catalog, sort="recovery")[0] == names(catalog, sort="parameters")[0] == "d/llama"


@pytest.mark.parametrize("sort", ["", "relevance", *SORTS, *(f"-{sort}" for sort in SORTS), "license", "nothing"])
@pytest.mark.parametrize("text", ["", "granite", "llama"])
def test_pages_are_the_whole_list_cut_up(catalog: Snapshot, sort: str, text: str) -> None:
    whole = search(catalog, Query(text=text, sort=sort))
    for limit in (1, 2, 3):
        cut = pages(catalog, {"text": text, "sort": sort, "limit": limit})
        assert [number for page in cut for number in page.models] == whole.models
        assert {page.total for page in cut} == {len(whole.models)}
        assert all(len(page.models) == limit for page in cut[:-1])


@pytest.mark.parametrize("after", ["x", "MQ", "LTE=", "é", "!!!!", "MTIzNDU2Nzg5MDEy", "==", "AA=="])
def test_a_token_that_nobody_gave_is_refused(catalog: Snapshot, after: str) -> None:
    for sort in ("", "name"):
        with pytest.raises(InvalidInput, match="That token is none that this server gave"):
            search(catalog, Query(text="granite", sort=sort, after=after))


def test_a_token_from_behind_the_end_is_the_end(catalog: Snapshot) -> None:
    assert search(catalog, Query(after="OTk5")).models == []
    assert search(catalog, Query(text="granite", after="OTk5")) == Found([], 3, "")


@pytest.mark.parametrize("sort", ["\0", "a" * 256, "new\nline"])
def test_what_nothing_can_be_sorted_by_is_refused(catalog: Snapshot, sort: str) -> None:
    with pytest.raises(InvalidInput, match="nothing to sort by"):
        search(catalog, Query(sort=sort))


def test_a_search_says_what_it_is(catalog: Snapshot) -> None:
    assert sentence(Query()) == "all models"
    assert sentence(Query(" granite ")) == "all models about “granite”"
    chosen = Chosen({"provider": ["IBM", "Meta"]})
    assert sentence(Query("x", chosen, "size > 1")) == "models by IBM or Meta, about “x”, where size > 1"


def counts(snapshot: Snapshot, facet: str, **query: Any) -> dict[str, int]:
    return dict(next(one.values for one in facets(snapshot, Query(**query)) if one.filter.name == facet))


def test_a_facet_counts_with_its_own_choice_aside(catalog: Snapshot) -> None:
    everything = {"IBM": 2, "Meta": 2}
    assert counts(catalog, "provider") == everything
    assert counts(catalog, "provider", chosen=Chosen({"provider": "IBM"})) == everything
    assert counts(catalog, "license", chosen=Chosen({"provider": "IBM"})) == {
        "permissive": 2,
        "apache-2.0": 1,
        "mit": 1,
    }
    assert counts(catalog, "provider", text="granite") == {"IBM": 2, "Meta": 1}
    assert counts(catalog, "provider", filter_query="license = 'mit'") == {"IBM": 1}


def test_a_facet_of_artifacts_counts_where_the_other_choices_hold_of_the_same_artifact(catalog: Snapshot) -> None:
    assert counts(catalog, "hardware") == {"H100": 3, "A100": 1}
    assert counts(catalog, "hardware", chosen=Chosen({"max-latency": 100})) == {"H100": 2, "A100": 1}
    fast_on_h100 = Chosen({"max-latency": 100, "hardware": "H100"})
    assert counts(catalog, "hardware", chosen=fast_on_h100) == {"H100": 2, "A100": 1}
    assert counts(catalog, "provider", chosen=fast_on_h100) == {"IBM": 1, "Meta": 1}


def test_a_group_counts_all_its_licences_however_many_there_are() -> None:
    others = [entry(f"{number:03}-{again}", license=f"own-{number}") for number in range(150) for again in range(2)]
    snapshot = built(*others, *(entry(each, license=each) for each in PERMISSIVE))
    licences = counts(snapshot, "license")
    assert licences["permissive"] == len(PERMISSIVE)
    assert len(licences) <= 101


def test_facets_are_told_with_their_titles_the_most_frequent_value_first(catalog: Snapshot) -> None:
    hardware = next(shown(one) for one in facets(catalog, Query()) if one.filter.name == "hardware")
    assert hardware == {
        "name": "hardware",
        "title": "Hardware",
        "kind": "choice",
        "unit": "",
        "help": "",
        "every": False,
        "performance": True,
        "range": None,
        "values": [{"value": "H100", "count": 3}, {"value": "A100", "count": 1}],
    }


def test_a_filter_that_takes_a_number_tells_from_where_to_where_there_is_any(catalog: Snapshot) -> None:
    latency = next(shown(one) for one in facets(catalog, Query()) if one.filter.name == "max-latency")
    assert (latency["range"], latency["unit"], latency["values"]) == ({"min": 90.0, "max": 900.0}, "ms", [])


def test_only_the_sources_that_are_asked_for_are_looked_through(catalog: Snapshot) -> None:
    assert names(catalog, sources=("s",)) == names(catalog)
    assert names(catalog, sources=()) == names(catalog, sources=("elsewhere",)) == []
    assert counts(catalog, "provider", sources=()) == {}


def test_where_every_value_must_be_there_another_value_counts_among_what_was_found() -> None:
    snapshot = built(entry("both", validatedTasks=["tools", "vision"]), entry("one", validatedTasks=["vision"]))
    chosen = Chosen({"validated-for": ["tools"]})
    assert counts(snapshot, "validated-for", chosen=chosen) == {"tools": 1, "vision": 1}
    assert counts(snapshot, "validated-for") == {"tools": 1, "vision": 2}


def test_a_snapshot_is_warmed_whatever_is_in_it(catalog: Snapshot) -> None:
    empty = Snapshot()
    empty.freeze()
    for snapshot in (catalog, empty):
        warm(snapshot)
    assert [one.values for one in facets(empty, Query())] == [[]] * len(facets(empty, Query()))


# Against a search for each choice

WORDS = st.sampled_from(["a", "b", "c"])
MODELS = st.lists(
    st.fixed_dictionaries(
        {
            "provider": WORDS,
            "tasks": st.lists(WORDS, max_size=2, unique=True),
            "license": st.sampled_from(["mit", "isc", "own"]),
            "validated": st.booleans(),
            "artifacts": st.lists(st.tuples(WORDS, WORDS, st.integers(1, 3)), max_size=3),
            "description": st.sampled_from(["", "word", "wordy other"]),
        }
    ),
    max_size=8,
)
CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "provider": st.lists(WORDS, max_size=2),
        "task": WORDS,
        "license": st.sampled_from(["permissive", "own"]),
        "validated": st.booleans(),
        "hardware": st.lists(WORDS, min_size=1, max_size=2),
        "workload": WORDS,
        "max-latency": st.integers(1, 3),
    },
)


@settings(max_examples=200, deadline=None)
@given(MODELS, CHOICES, st.sampled_from(["", "word", "wrod other"]), st.sampled_from(["", "artifacts.e2e_mean < 3"]))
def test_each_count_is_what_choosing_the_value_would_find(
    models: list[Any], choices: dict[str, Any], text: str, filter_query: str
) -> None:
    snapshot = built(
        *(
            entry(
                str(place),
                *(
                    metrics("performance", hardware_type=hardware, use_case=case, e2e_mean=float(latency))
                    for hardware, case, latency in one["artifacts"]
                ),
                provider=one["provider"],
                tasks=one["tasks"],
                license=one["license"],
                description=one["description"],
                custom={"validated": ""} if one["validated"] else {},
            )
            for place, one in enumerate(models)
        )
    )
    counted = {
        one.filter.name: dict(one.values) for one in facets(snapshot, Query(text, Chosen(choices), filter_query))
    }
    assert set(counted) == {one.name for one in FILTERS}
    for name, value in [("provider", WORDS_), ("task", WORDS_), ("hardware", WORDS_), ("workload", WORDS_)]:
        for each in value:
            expected = search(snapshot, Query(text, Chosen(choices | {name: each}), filter_query)).total
            assert counted[name].get(each, 0) == expected, (name, each)
    for each in ("permissive", "mit", "isc", "own"):
        expected = search(snapshot, Query(text, Chosen(choices | {"license": each}), filter_query)).total
        assert counted["license"].get(each, 0) == expected
    expected = search(snapshot, Query(text, Chosen(choices | {"validated": True}), filter_query)).total
    assert counted["validated"].get("true", 0) == expected
    assert BY_NAME["validated"].kind == "flag"


WORDS_ = ("a", "b", "c")
