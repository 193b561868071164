"""What is chosen in the gallery is an address, and an address is what is chosen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from forecourt.catalog.filters import FILTERS
from forecourt.dashboard.catalog.choices import Choices, defaults
from forecourt.dashboard.catalog.wording import card, cut, figure, milliseconds, monogram, parameters, workload


def chosen(query: str) -> Choices:
    return Choices.of(QueryParams(query))


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)


@given(st.dictionaries(st.sampled_from([one.name for one in FILTERS]), st.lists(WORDS, max_size=3)), WORDS, WORDS)
def test_an_address_says_all_that_is_chosen(values: dict[str, list[str]], text: str, sort: str) -> None:
    pairs = [(name, each) for name, given_ in values.items() for each in given_]
    first = Choices.of(QueryParams([*pairs, ("q", text), ("sort", sort), ("view", "performance"), ("own", "1")]))
    again = chosen(first.address.partition("?")[2])
    assert again == first
    assert again.address == first.address


def test_what_means_nothing_is_left_out_of_an_address() -> None:
    assert chosen("q=&task=&min-recovery=&sort=&view=&metric=&targetRPS=").address == "/catalog"
    assert not chosen("compare=a%2Fb").seeks


def test_a_filter_on_performance_asks_for_that_view_until_it_is_left() -> None:
    assert chosen("hardware=H100").performance
    left = chosen("hardware=H100&task=x&own=1")
    assert not left.performance
    assert left.values == {"task": ("x",)}
    assert chosen("view=performance&own=1&hardware=H100&task=x").switched.address == "/catalog?task=x"


def test_each_choice_can_be_taken_back_alone() -> None:
    one = chosen("q=llama&task=a&task=b&max-parameters=8&after=MQ%3D%3D")
    assert [(title, text) for title, text, _ in one.chips()] == [
        ("Search", "“llama”"),
        ("Task", "a"),
        ("Task", "b"),
        ("Parameters", "≤ 8B"),
    ]
    assert [left.address for _, _, left in one.chips()][1] == "/catalog?q=llama&task=b&max-parameters=8"


def test_a_latency_is_a_metric_and_a_percentile() -> None:
    assert chosen("view=performance&max-latency=200").latency == "ttft_p90"
    assert chosen("view=performance&metric=e2e").latency == "e2e_p90"
    assert chosen("view=performance&metric=itl&percentile=mean").order == ""
    assert chosen("view=performance&metric=itl&sort=latency").order == "artifacts.itl_p90"
    assert chosen("view=performance&metric=speed").latency == ""


def test_defaults_of_the_performance_view_come_from_a_named_query() -> None:
    said = {
        "default-performance-filters": {
            "artifacts.use_case.string_value": {"operator": "IN", "value": ["chatbot", "rag"]},
            "artifacts.e2e_p95.double_value": {"operator": "<=", "value": 300.0},
            "artifacts.requests_per_second.double_value": {"operator": "<=", "value": 7.5},
            "artifacts.unheard_of.double_value": {"operator": "<", "value": 1},
        }
    }
    assert defaults(said) == {
        "values": {"workload": ("chatbot", "rag"), "max-latency": ("300",), "max-rps": ("7.5",)},
        "metric": "e2e",
        "percentile": "p95",
    }
    assert defaults({}) == {"values": {}, "metric": "", "percentile": ""}


def test_numbers_have_as_many_digits_as_matter() -> None:
    assert [figure(one) for one in (None, 0.1234, 12.34, 1234.5, 8, "0.6.6", True)] == [
        *("–", "0.12", "12.3", "1,234", "8", "0.6.6", "True"),
    ]
    assert [milliseconds(one) for one in (None, 8.123, 45.67, 1700.0)] == ["–", "8.12 ms", "45.7 ms", "1,700 ms"]
    assert [parameters(8.0), parameters(0.135), parameters(None), parameters(8, "8B params")] == [
        *("8B", "135M", "", "8B params"),
    ]


def test_a_description_is_cut_where_a_word_ends() -> None:
    assert cut("short  text\n") == "short text"
    long = cut("word " * 100)
    assert len(long) <= 181 and long.endswith("word…")


def test_words_of_a_catalog_are_those_of_people() -> None:
    assert workload("chatbot") == "Chatbot (512 input | 256 output tokens)"
    assert (workload("my_case"), workload("Multi-turn Chat"), workload("")) == (
        "My case",
        "Multi-turn Chat",
        "Not said",
    )
    assert monogram({"provider": "Red Hat", "name": "x"}) == "RH"
    assert monogram({"provider": "", "name": "a/llama"}) == "L"
    assert monogram({"provider": "<>", "name": "a/llama"}) == "M"


def test_a_card_takes_what_an_older_catalog_kept_of_a_model() -> None:
    names = ("provider", "description", "quantization", "license", "size")
    old = dict.fromkeys(names, "x") | {"id": "1", "name": "a/b", "source": "s", "tasks": [], "toolCalling": False}
    shown = card(old | {"averageRecovery": None, "accuracy": None, "parametersB": None}, {})
    assert (shown["href"], shown["badge"]["text"], shown["benchmark"]) == ("/catalog/s/a/b", "s", None)
