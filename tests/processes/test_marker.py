"""The mark of a home: who carries it, how it is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from processes.conftest import python

from forecourt.processes import Processes, marker


def test_a_home_keeps_its_id(tmp_path: Path) -> None:
    identifier = marker.home_id(tmp_path / "one")
    assert len(identifier) == 32
    assert marker.home_id(tmp_path / "one") == identifier
    assert marker.home_id(tmp_path / "two") != identifier


@pytest.mark.parametrize("proc", [True, False])
def test_the_environment_of_a_program_can_be_read(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, proc: bool
) -> None:
    if not proc:  # as on macOS
        monkeypatch.setattr(marker, "environment_of", marker._environment_by_psutil)
    process = processes.start("a", python("import time; time.sleep(60)", GREETING="größe = groß"))
    home = marker.home_id(processes.root.parent)
    assert [found.pid for found in marker.marked(home) if found.id == "a"] == [process.pid]
    assert marker.environment_of(process.pid)["GREETING"] == "größe = groß"
    process.kill()


def test_nothing_is_known_of_a_process_that_is_not_there() -> None:
    assert marker.environment_of(2**22 + 1) == {}
    assert marker._environment_by_psutil(2**22 + 1) == {}


def test_whoever_makes_an_environment_is_known_by_pid_and_birth() -> None:
    marks = marker.environment_marks("home", "key")
    mine = marker.Marked(1, "", marks[marker.OWNER], "key")
    assert not mine.orphaned()
    assert marker.Marked(1, "", f"{os.getpid()}@other", "key").orphaned()
    assert marker.Marked(1, "", "", "key").orphaned()
