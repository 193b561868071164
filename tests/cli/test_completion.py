"""What the Tab key offers."""

from __future__ import annotations

import pytest


@pytest.fixture
def tab(shell):
    """Press Tab at the end of a command line, in bash."""

    def tab(line: str) -> list[str]:
        place = str(len(line.split(" ")) - 1)
        done = shell(_FORECOURT_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=place)
        assert done.stderr == ""
        return done.stdout.split()

    return tab


def test_commands_are_completed(tab):
    assert "describe" in tab("forecourt de")


def test_options_are_completed(tab):
    assert "--registry-port" in tab("forecourt up --re")


def test_types_are_completed(tab):
    assert tab("forecourt get serv") == ["servingruntimes", "servingruntime"]


@pytest.mark.parametrize("line", ["forecourt describe ", "forecourt get isvc ", "forecourt get pods "])
def test_nothing_is_said_where_nothing_is_known(tab, line):
    assert tab(line) == []


def test_nothing_is_said_of_a_server_that_is_gone(tab, stale_server):
    assert tab("forecourt describe ") == []
