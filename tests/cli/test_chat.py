"""A conversation on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cli.terminal import Terminal


@pytest.fixture
def talking(answers) -> Iterator[Terminal]:
    terminal = Terminal("chat", answers, "--temperature", "0")
    terminal.until(">>> ")
    yield terminal
    if terminal.process.poll() is None:
        terminal.process.kill()
        terminal.close()


def test_a_conversation_remembers_what_was_said(talking):
    talking.type("one\r")
    talking.until("ONE coldly, after 0")
    talking.type("two\r")
    talking.until("TWO coldly, after 2")
    talking.type("/clear\r")
    talking.until("Forgotten")
    talking.type("three\r")
    talking.until("THREE coldly, after 0")


def test_a_conversation_has_commands(talking):
    talking.type("/help\r")
    talking.until("/system TEXT")
    talking.type("/system be kind\r")
    talking.until("system prompt is set")
    talking.type("one\r")
    talking.until(r"ONE \(be kind\)")
    talking.type("/nonsense\r")
    talking.until("There is no command /nonsense")
    talking.type("/bye\r")
    assert talking.close() == 0


def test_a_text_of_several_lines_is_one_question(talking):
    talking.type('"""one\r')
    talking.until(r"\.\.\. ")
    talking.type('two"""\r')
    talking.until("ONE")
    talking.until("TWO coldly, after 0")


def test_ctrl_d_leaves_and_ctrl_c_does_not(talking):
    talking.type("\x03")
    talking.type("\r")  # should the signal come just before the line is read, it is told once the line is
    talking.until("/bye or Ctrl-D leaves")
    talking.until(">>> ")
    talking.type("\x04")
    assert talking.close() == 0


def test_a_server_is_offered_where_none_runs(tmp_path):
    terminal = Terminal("--home", str(tmp_path / "other"), "get", "isvc")
    terminal.until(r"Start one now\? \[Y/n\]")
    terminal.type("n\r")
    terminal.until("Start one: forecourt up -d")
    assert terminal.close() == 4


def test_a_server_is_started_where_that_is_wanted(run, monkeypatch):
    monkeypatch.setenv("FORECOURT_PORT", "0")
    monkeypatch.setenv("FORECOURT_REGISTRY_PORT", "0")
    terminal = Terminal("get", "isvc")
    try:
        terminal.until(r"Start one now\? \[Y/n\]")
        terminal.type("\r")
        terminal.until(r"The server listens on http://127\.0\.0\.1:\d+")
        terminal.until("No resources found")
        assert terminal.close() == 0
        assert run("status").exit_code == 0
    finally:
        assert run("down").exit_code == 0


def test_delete_asks_on_a_terminal(answers, run):
    terminal = Terminal("delete", answers)
    terminal.until(rf"Delete {answers}\? \[y/N\]")
    terminal.type("n\r")
    terminal.until("Nothing was deleted")
    assert terminal.close() == 1
    assert run("get", "isvc", answers).exit_code == 0
