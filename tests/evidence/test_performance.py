"""Published points of performance are read, and those that cannot be right are doubted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from forecourt.errors import InvalidInput
from forecourt.evidence import Metric, Performance, Tier, doubts, read_performance

SIZES = [(256, 128), (256, 1024), (512, 256), (1024, 128), (4096, 512)]
FAST = ["17.8", "2.4", "7.8", "7.1", "1.0"]


def row(**fields: Any) -> str:
    whole = {
        "model": "granite",
        "hardware_type": "L40",
        "hardware_count": 1,
        "use_case": "RAG",
        "input_tokens": 1024,
        "output_tokens": 128,
        "metric": "max_requests_per_second",
        "value": "7.10",
        "framework": "vllm",
        "framework_version": "0.6.6",
        "tool": "guidellm",
        "source": "https://huggingface.co/acme/granite",
    } | fields
    return json.dumps({name: value for name, value in whole.items() if value is not ...})


def series(values: Iterable[str], sizes: Iterable[tuple[int, int]] = SIZES, **fields: Any) -> list[Performance]:
    rows = [
        row(value=value, input_tokens=i, output_tokens=o, **fields) for value, (i, o) in zip(values, sizes, strict=True)
    ]
    return list(read_performance(rows))


def test_a_row_becomes_a_point() -> None:
    (point,) = read_performance([row()])
    assert (point.model, point.hardware_type, point.hardware_count) == ("granite", "L40", 1)
    assert (point.input_tokens, point.output_tokens, point.use_case) == (1024, 128, "RAG")
    assert (point.metric, str(point.value), point.unit) == (Metric.MAX_REQUESTS_PER_SECOND, "7.10", "requests/s")
    assert (point.framework, point.framework_version) == ("vllm", "0.6.6")
    assert (point.provenance.tier, point.provenance.tool) == (Tier.MEASURED, "guidellm")


def test_what_is_not_known_may_be_left_out() -> None:
    (point,) = read_performance([row(use_case=..., framework=..., framework_version=..., tool=...)])
    assert (point.use_case, point.framework, point.framework_version, point.provenance.tool) == ("", "", "", "")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"value": None}, "no value above zero"),
        ({"value": "0.0"}, "no value above zero"),
        ({"value": 7.1}, "value is 7.1"),
        ({"metric": "qps"}, "its metric is 'qps'"),
        ({"hardware_count": 0}, "hardware_count is 0"),
        ({"hardware_count": True}, "hardware_count is true"),
        ({"input_tokens": 10**12}, "input_tokens is 1000000000000"),
        ({"input_tokens": 10**400}, "input_tokens is 1000"),
        ({"hardware_type": "H\ud800"}, 'hardware_type is "H\ufffd"'),
        ({"input_tokens": "256"}, "input_tokens is"),
        ({"output_tokens": ...}, "output_tokens is missing"),
        ({"source": ...}, "source is missing"),
        ({"gpu": "L40"}, "a field 'gpu'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_row(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput, match=f"^Row 2: .*{problem}") as refused:
        read_performance([row(), row(**fields)])
    assert refused.value.hint


def test_points_that_fit_each_other_are_not_doubted() -> None:
    assert doubts(series(FAST)) == ()


def test_a_small_request_that_is_far_slower_than_large_ones_is_doubted() -> None:
    (doubt,) = doubts(series(["0.3", *FAST[1:]]))
    assert [point.value for point in doubt.points] == [Decimal("0.3")]
    assert doubt.sentence == (
        "granite on L40 is said to have 0.3 requests/s with 256 tokens in and 128 out, "
        "but 2.4 requests/s with 256 tokens in and 1,024 out."
    )


def test_of_latencies_the_longer_one_is_the_slower_one() -> None:
    seconds = ["1.1", "8.9", "2.3", "1.2", "5.3"]
    assert doubts(series(seconds, metric="request_latency")) == ()
    (doubt,) = doubts(series(["11", *seconds[1:]], metric="request_latency"))
    assert [point.value for point in doubt.points] == [Decimal(11)]


def test_what_scatters_by_some_percent_is_not_doubted() -> None:
    assert doubts(series(["2.3", "2.2"], [(768, 128), (1024, 128)], metric="request_latency")) == ()


def test_requests_that_are_smaller_in_one_thing_only_are_not_compared() -> None:
    assert doubts(series(["1.4", "7.1"], [(256, 1024), (1024, 128)])) == ()


def test_points_of_other_hardware_say_nothing() -> None:
    assert doubts([*series(["0.3"], SIZES[:1]), *series(["2.4"], SIZES[1:2], hardware_type="H100")]) == ()
    assert doubts([*series(["0.3"], SIZES[:1]), *series(["2.4"], SIZES[1:2], hardware_count=8)]) == ()


def test_two_models_with_the_same_numbers_throughout_were_not_both_measured() -> None:
    (doubt,) = doubts([*series(FAST), *series(FAST, model="granite-base")])
    assert len(doubt.points) == 10
    assert doubt.sentence == (
        "granite and granite-base are said to have the same max_requests_per_second at all 5 sizes on L40: "
        "they were not all measured."
    )


def test_a_number_written_with_more_zeros_is_the_same_number() -> None:
    assert len(doubts([*series(FAST), *series([f"{each}0" for each in FAST], model="granite-base")])) == 1


def test_numbers_that_differ_somewhere_were_measured() -> None:
    assert doubts([*series(FAST), *series([*FAST[:-1], "1.1"], model="granite-base")]) == ()


def test_a_few_equal_numbers_are_a_coincidence() -> None:
    assert doubts([*series(FAST[:3], SIZES[:3]), *series(FAST[:3], SIZES[:3], model="granite-base")]) == ()


def test_one_model_on_two_cards_is_no_doubt() -> None:
    assert doubts([*series(FAST), *series(FAST, source="https://huggingface.co/acme/other")]) == ()
