"""A filter is the term of a filterQuery, and says the same to a person."""

from __future__ import annotations

from typing import Any

import pytest
from catalog.built import built, found
from catalog.served import entry, metrics, point
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.filters import BY_NAME, FILTERS, PERMISSIVE, Chosen
from forecourt.errors import InvalidInput
from forecourt.query import parse


def refused(**values: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        Chosen({name.replace("_", "-"): value for name, value in values.items()})
    return raised.value


def test_filters_on_artifacts_are_one_term_so_that_they_are_about_one_artifact() -> None:
    chosen = Chosen({"hardware": ["H100"], "provider": "IBM", "max-latency": 200, "min-rps": 1.5}, "ttft_p90")
    assert chosen.terms() == (
        ["provider IN ('IBM')"],
        "artifacts.hardware_type.string_value IN ('H100') AND artifacts.ttft_p90.double_value <= 200 "
        "AND artifacts.requests_per_second.double_value >= 1.5",
    )
    assert chosen.terms(without="hardware")[1].startswith("artifacts.ttft_p90")
    assert chosen.terms(without="provider")[0] == []
    assert chosen.filter_query == " AND ".join([*chosen.terms()[0], chosen.terms()[1]])
    assert chosen.sentence == (
        "models measured on H100, by IBM, that answer within 200 ms, that take at least 1.5 requests/s"
    )


def test_nothing_chosen_is_every_model() -> None:
    blank = {"provider": "", "task": [], "license": [""], "validated": False, "max-latency": "", "min-rps": None}
    for chosen in (Chosen(), Chosen(blank)):
        assert chosen.terms() == ([], "")
        assert chosen.filter_query == ""
        assert chosen.sentence == "all models"


def test_where_every_value_must_be_there_one_is_not_enough() -> None:
    snapshot = built(entry("both", validatedTasks=["tool-calling", "vision"]), entry("one", validatedTasks=["vision"]))
    chosen = Chosen({"validated-for": ["tool-calling", "vision"]})
    assert found(snapshot, chosen.filter_query) == ["both"]
    assert chosen.sentence == "models with arguments that were validated for tool-calling and vision"


def test_a_cold_start_is_another_artifact_than_what_was_measured_under_load() -> None:
    cold = metrics("performance", performance_sub_type="cold-start", cold_start_time_to_load_seconds=30.0)
    snapshot = built(entry("m", point("H100"), cold), entry("slow", point("H100")))
    chosen = Chosen({"hardware": "H100", "max-cold-start": 60, "min-accuracy": ""})
    assert [found(snapshot, term) for term in chosen.terms()[0]] == [["m"]]
    assert found(snapshot, chosen.terms()[1]) == ["m", "slow"]


def test_zero_is_a_choice() -> None:
    assert Chosen({"max-latency": 0, "min-recovery": "0"}).filter_query == (
        "average_recovery.double_value >= 0 AND artifacts.e2e_mean.double_value <= 0"
    )


def test_a_group_stands_for_its_values() -> None:
    term = Chosen({"license": ["Permissive", "llama3.1"]}).filter_query
    assert all(f"'{each}'" in term for each in (*PERMISSIVE, "llama3.1"))
    assert Chosen({"license": "permissive"}).sentence == "models under a licence that is permissive"


def test_a_flag_finds_what_says_anything_of_it() -> None:
    snapshot = built(
        entry("tools", servingConfig={"toolCalling": {"toolCallParser": "hermes"}}),
        entry("validated", custom={"validated": ""}),
    )
    assert found(snapshot, Chosen({"tool-calling": True}).filter_query) == ["tools"]
    assert found(snapshot, Chosen({"validated": True}).filter_query) == ["validated"]


@pytest.mark.parametrize("name", [each.name for each in FILTERS])
def test_each_filter_finds_a_model_that_it_is_made_for(name: str) -> None:
    snapshot = built(
        entry(
            "m",
            point("H100", e2e_mean=100.0, rps=5.0, use_case="chatbot", hardware_configuration="2 x H100"),
            metrics("accuracy", overall_average=60.5),
            metrics("performance", performance_sub_type="cold-start", cold_start_time_to_load_seconds=30.0),
            provider="IBM",
            license="apache-2.0",
            tasks=["text-generation"],
            validatedTasks=["tool-calling", "vision"],
            language=["en"],
            servingConfig={"toolCalling": {"toolCallParser": "hermes"}},
            custom={
                "min_vram_gb": 20.0,
                "modelcar_image_size": 16.5,
                "quantization": "fp8",
                "tensor_type": "F8",
                "validated": "",
                "average_recovery": 99.5,
                "parameters_b": 8.0,
            },
        ),
        entry("other"),
    )
    choice = {
        "task": "text-generation",
        "provider": "IBM",
        "license": "permissive",
        "language": "en",
        "quantization": "fp8",
        "tensor-type": "F8",
        "source": "s",
        "validated": True,
        "tool-calling": True,
        "min-recovery": 99,
        "min-accuracy": "60",
        "max-parameters": 8,
        "measured": True,
        "validated-for": ["tool-calling", "vision"],
        "max-vram": 24,
        "max-size": 20,
        "max-cold-start": 60,
        "max-rps": 5,
        "hardware-configuration": "2 x H100",
        "hardware": "H100",
        "workload": "chatbot",
        "max-latency": 100,
        "min-rps": 5,
    }
    assert set(choice) == {each.name for each in FILTERS}
    assert "m" in found(snapshot, Chosen({name: choice[name]}).filter_query)
    if name != "source":
        assert "other" not in found(snapshot, Chosen({name: choice[name]}).filter_query)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1))
def test_any_text_is_the_value_that_it_is(values: list[str]) -> None:
    comparison = parse(Chosen({"provider": values}).filter_query) if sum(map(len, values)) < 4000 else None
    assert comparison is None or comparison.value == tuple(values)  # type: ignore[union-attr]


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e18, max_value=1e18) | st.integers(-(10**15), 10**15)
)
def test_any_number_is_the_value_that_it_is(number: float) -> None:
    comparison = parse(Chosen({"min-recovery": number}).filter_query)
    assert comparison.value == number  # type: ignore[union-attr]


@pytest.mark.parametrize("value", ["many", "", "nan", "inf", "-inf", [], {}])
def test_a_number_is_one_that_can_be_compared_with(value: Any) -> None:
    if value in ("", []):
        assert Chosen({"min-rps": value}).filter_query == ""
        return
    assert refused(min_rps=value).message.startswith("Requests/s, at least:")


def test_what_is_no_filter_is_refused_with_those_that_there_are() -> None:
    error = refused(colour="red")
    assert error.message == "There is no filter colour."
    assert all(name in error.hint for name in BY_NAME)
    with pytest.raises(InvalidInput, match="speed is no latency that is measured"):
        Chosen({}, "speed")
