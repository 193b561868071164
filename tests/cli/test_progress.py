"""How long work shows where nobody watches a terminal: one plain line for each piece that is done."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from forecourt.cli import progress
from forecourt.cli.invocation import invocation
from forecourt.cli.progress import progress_bars, steps


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setattr(invocation, "quiet", True)


def test_a_piece_is_one_line_when_it_is_done(capsys):
    with progress_bars() as bars:
        bars.begin("model.gguf", 98_362_432)
        bars.advance("model.gguf", 98_362_432)
        assert capsys.readouterr().err == ""
        bars.done("model.gguf", "pushed")
    shown = capsys.readouterr()
    assert re.fullmatch(r"model\.gguf  98\.4 MB  pushed  \([\d.]+ s(, [\d.]+ [kMGT]?B/s)?\)\n", shown.err)
    assert shown.out == ""


def test_pieces_may_come_from_several_threads(capsys):
    with progress_bars() as bars, ThreadPoolExecutor(8) as threads:

        def work(name: str) -> None:
            bars.begin(name, 1000)
            for _ in range(10):
                bars.advance(name, 100)
            bars.done(name, "packed")

        list(threads.map(work, [f"file-{number}" for number in range(50)]))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 50
    assert all("1.0 kB  packed" in line for line in lines)


def test_quiet_shows_no_pieces(quiet, capsys):
    with progress_bars() as bars:
        bars.begin("a", 1)
        bars.advance("a", 1)
        bars.done("a", "packed")
    assert capsys.readouterr().err == ""


def test_a_step_is_one_line_when_it_is_done_with_what_was_said_of_it_last(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_WORTH_TELLING", 0.0)
    with steps() as shown:
        shown.show("PullingModel", "pulling the model: 1 % (1.0 of 98.4 MB, 10 MB/s)")
        shown.show("PullingModel", "pulling the model: 97 % (95.1 of 98.4 MB, 230 MB/s)")
        shown.show("Loading", "loading the model: 0 of 1 replicas are ready")
        shown.end()
    assert [line.rpartition("0.0")[0] for line in capsys.readouterr().err.splitlines()] == [
        "pulling the model  (95.1 of 98.4 MB, 230 MB/s, ",
        "loading the model  (",
    ]


def test_a_step_that_takes_long_is_told_meanwhile(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_TELL_AGAIN", 0.0)
    with steps() as shown:
        shown.show("PullingModel", "pulling the model: 41 %")
        assert capsys.readouterr().err == "pulling the model: 41 %\n"


def test_a_step_that_is_over_at_once_is_not_told(capsys):
    with steps() as shown:
        shown.show("Pending", "waiting")
        shown.end()
    assert capsys.readouterr().err == ""


def test_quiet_shows_no_steps(quiet, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_WORTH_TELLING", 0.0)
    with steps() as shown:
        shown.show("Loading", "loading")
        shown.end()
    assert capsys.readouterr().err == ""
