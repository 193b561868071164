"""Finding a server where there is none."""

from __future__ import annotations

import json
import os

import psutil
import pytest

from forecourt.cli.connection import Record, find, signal
from forecourt.errors import Unavailable


@pytest.mark.parametrize(
    "words", [["status"], ["get", "isvc"], ["describe", "x"], ["chat", "x", "hello"], ["stop", "x"], ["logs", "x"]]
)
def test_a_command_that_needs_a_server_says_that_there_is_none_and_what_to_do(run, tmp_path, words):
    shown = run(*words)
    assert shown.exit_code == 4
    assert shown.stdout == ""
    assert shown.stderr == f"error: No server runs for {tmp_path / 'home'}.\nhint: Start one: forecourt up -d\n"


def test_status_says_as_json_that_none_runs(run, tmp_path):
    shown = run("status", "--json")
    assert shown.exit_code == 4
    assert json.loads(shown.stdout) == {"running": False, "home": str(tmp_path / "home")}


def test_down_with_nothing_running_is_no_error(run, tmp_path):
    shown = run("down")
    assert (shown.exit_code, shown.output) == (0, f"No server runs for {tmp_path / 'home'}.\n")


def test_the_record_of_a_server_that_is_gone_counts_for_nothing(run, stale_server):
    assert run("status").exit_code == 4
    assert run("down").exit_code == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_record_that_cannot_be_read_counts_for_nothing(run, stale_server, text):
    stale_server.write_text(text)
    assert run("status").exit_code == 4


def test_a_process_that_took_the_pid_of_a_server_is_not_taken_for_it(settings, stale_server):
    record = json.loads(stale_server.read_text()) | {"pid": os.getpid()}
    stale_server.write_text(json.dumps(record))
    assert find(settings) is None
    found = Record.read(stale_server)
    assert found
    signal(found, 9)  # or this test ends here


def test_a_server_that_is_there_but_does_not_answer_is_told(settings, stale_server):
    started = psutil.Process().create_time()
    record = json.loads(stale_server.read_text()) | {"pid": os.getpid(), "started": started}
    stale_server.write_text(json.dumps(record))
    with pytest.raises(Unavailable, match="does not answer"):
        find(settings)


def test_the_log_of_a_server_that_was_never_detached_is_told_as_missing(run):
    shown = run("logs", "--server")
    assert shown.exit_code == 3
    assert "There is no log at" in shown.stderr


def test_the_end_of_the_servers_log_is_printed(run, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "server.log").write_text("one\ntwo\nthree\n")
    assert run("logs", "--server", "--tail", "2").output == "two\nthree\n"
    assert run("logs", "--server").output == "one\ntwo\nthree\n"


def test_logs_must_say_whose(run):
    assert run("logs").exit_code == 2
    assert run("logs", "x", "--server").exit_code == 2
