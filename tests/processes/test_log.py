"""A process's log: its end, its rotation."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes.conftest import eventually, python

from forecourt.processes import Processes
from forecourt.processes.log import rotate, tail


def test_the_last_lines_are_read_from_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(50_000)))
    assert tail(log, 2) == ("line 49998", "line 49999")
    assert len(tail(log, 20_000)) == 20_000
    assert tail(log, 60_000)[0] == "line 0"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        ("one", ("one",)),
        ("one\n", ("one",)),
        ("one\ntwo", ("one", "two")),
        ("\n\n", ("", "")),
        ("one\r\ntwo\r\n", ("one", "two")),
    ],
)
def test_a_short_log_is_read_as_it_is(tmp_path: Path, text: str, lines: tuple[str, ...]) -> None:
    (tmp_path / "log").write_bytes(text.encode())
    assert tail(tmp_path / "log", 5) == lines


def test_bytes_that_are_no_text_are_shown_as_such(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"caf\xe9\n")
    assert tail(tmp_path / "log", 1) == ("caf�",)


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert tail(tmp_path / "log", 5) == ()
    assert not rotate(tmp_path / "log", 1, 1)


def test_no_lines_are_no_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one\n")
    assert tail(tmp_path / "log", 0) == ()


def test_a_log_is_rotated_when_it_is_too_long(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for number in range(5):
        log.write_text(f"{number}" * 100 + "\n")
        assert rotate(log, 100, 3)
    assert log.read_text() == ""
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["log", "log.1", "log.2", "log.3"]
    assert [(tmp_path / f"log.{number}").read_text()[0] for number in (1, 2, 3)] == ["4", "3", "2"]
    log.write_text("short\n")
    assert not rotate(log, 100, 3)


def test_the_end_reaches_back_over_a_rotation(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n")
    rotate(log, 1, 1)
    log.write_text("three\n")
    assert tail(log, 2) == ("two", "three")


async def test_a_process_goes_on_writing_while_its_log_is_rotated(processes: Processes) -> None:
    script = "for n in range(40000): print(f'{n:09}', flush=True)"
    process = processes.start("a", python(script))
    rotations = 0
    while process.alive():
        before = process.log.stat().st_size
        processes.rotate()
        rotations += process.log.stat().st_size < before
    assert await process.wait() == 0
    assert rotations >= 2
    lines = process.tail(100_000)
    assert lines[-1] == "000039999"
    torn = [line for line in lines if len(line) != 9]
    assert len(torn) <= rotations, "a line is torn, if at all, where it was cut"
    assert not any("\0" in line for line in lines), "no hole is left where the file was"
    assert process.log.stat().st_size <= processes.log_bytes + 64 * 1024
    eventually(lambda: not process.alive())
