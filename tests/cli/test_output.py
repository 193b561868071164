"""What is printed: tables, documents, sizes, rates, ages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from forecourt.cli import output


def test_a_table_has_plain_columns_with_upper_case_headings(capsys):
    output.print_table(["Name", "Ready"], [["a", True], ["longer-name", None]])
    assert capsys.readouterr().out == "NAME          READY\na             True\nlonger-name   <none>\n"


def test_a_table_can_do_without_headings(capsys):
    output.print_table(["Name"], [["a"]], headers=False)
    assert capsys.readouterr().out == "a\n"


def test_a_cell_of_several_lines_stays_on_its_row(capsys):
    output.print_table(["Message"], [["one\ntwo\tthree"]])
    assert capsys.readouterr().out == "MESSAGE\none two three\n"


def test_json_is_indented_and_keeps_letters_as_they_are(capsys):
    output.print_json({"name": "Zürich"})
    assert capsys.readouterr().out == '{\n  "name": "Zürich"\n}\n'


def test_yaml_keeps_the_order_and_shows_lines_as_a_block():
    assert output.to_yaml({"b": 1, "a": "one\ntwo\n"}) == "b: 1\na: |\n  one\n  two\n"


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans() | st.none() | st.lists(st.text())))
def test_what_is_printed_as_yaml_reads_back_the_same(data):
    assert yaml.safe_load(output.to_yaml(data)) == data


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (98_362_432, "98.4 MB"),
        (230_000_000, "230 MB"),
        (999_600_000, "1.0 GB"),
        (2_300_000_000, "2.3 GB"),
        (3e12, "3.0 TB"),
    ],
)
def test_sizes_are_in_powers_of_a_thousand(count, text):
    assert output.size(count) == text


def test_a_rate_is_bytes_over_seconds():
    assert output.rate(98_362_432, 0.5) == "197 MB/s"
    assert output.rate(1, 0) == ""


@pytest.mark.parametrize(
    ("elapsed", "text"),
    [
        (-1, "0s"),
        (5, "5s"),
        (119, "119s"),
        (125, "2m5s"),
        (300, "5m"),
        (3600, "60m"),
        (3 * 3600 + 720, "3h12m"),
        (10 * 3600, "10h"),
        (3 * 86400 + 7200, "3d2h"),
        (40 * 86400, "40d"),
    ],
)
def test_durations_are_as_kubectl_prints_them(elapsed, text):
    assert output.duration(elapsed) == text


def test_an_age_is_counted_from_a_timestamp():
    then = datetime.now(UTC) - timedelta(minutes=5, seconds=1)
    assert output.age(then.strftime("%Y-%m-%dT%H:%M:%SZ")) in {"5m1s", "5m2s"}


@pytest.mark.parametrize("timestamp", ["", "None", "yesterday"])
def test_an_age_of_no_timestamp_is_unknown(timestamp):
    assert output.age(timestamp) == "<unknown>"
