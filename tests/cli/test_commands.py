"""The frame: help, global options, and how every kind of error is told."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from forecourt import __version__
from forecourt.cli.commands import SECTIONS, Commands
from forecourt.errors import NotFound, ProgramFailed


def an_app(error: BaseException) -> typer.Typer:
    """A command line whose only command raises `error`, under the group that tells errors."""

    class One(Commands):
        def get_command(self, ctx, cmd_name):
            return self.commands.get(cmd_name)

        def list_commands(self, ctx):
            return list(self.commands)

    app = typer.Typer(cls=One, pretty_exceptions_enable=False)

    @app.callback()
    def group() -> None: ...

    @app.command()
    def work() -> None:
        raise error

    return app


def told(error: BaseException):
    return CliRunner().invoke(an_app(error), ["work"])


def test_help_lists_every_command_by_section(run):
    shown = run("--help")
    assert shown.exit_code == 0
    for title, section in SECTIONS.items():
        assert f"{title}:" in shown.output
        for name in section:
            assert f"  {name} " in shown.output


@pytest.mark.parametrize("name", [name for section in SECTIONS.values() for name in section])
def test_every_command_explains_itself(run, name):
    shown = run(name, "--help")
    assert shown.exit_code == 0
    assert shown.output.startswith(f"Usage: forecourt {name}")


def test_help_does_not_wait_for_what_is_slow_to_import(shell, tmp_path):
    heavy = {"httpx", "pydantic", "fastapi", "sqlalchemy", "rich.progress", "aiohttp", "yaml", "forecourt.settings"}
    code = (
        "import sys\nfrom forecourt.cli import app\n"
        "try: app(['--help'], prog_name='forecourt')\n"
        f"except SystemExit: print('imported', sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported []"


def test_no_arguments_show_the_help(run):
    assert "Usage: forecourt" in run().output


def test_the_version_is_shown(run):
    assert run("--version").output == f"forecourt {__version__}\n"


def test_a_misspelt_command_is_told_with_what_was_meant(run):
    shown = run("sttus")
    assert shown.exit_code == 2
    assert "There is no command 'sttus'. Did you mean status or start?" in shown.stderr


def test_an_error_is_told_on_stderr_with_what_to_do_next_and_its_exit_code():
    shown = told(NotFound("There is no deployment x.", hint="See: forecourt get isvc"))
    assert shown.exit_code == NotFound.exit_code == 3
    assert shown.stdout == ""
    assert shown.stderr == "error: There is no deployment x.\nhint: See: forecourt get isvc\n"


def test_a_failed_program_is_told_with_its_last_lines():
    shown = told(ProgramFailed("It ended.", exit_code_of_program=1, last_lines=("loading", "out of memory")))
    assert shown.exit_code == 1
    assert shown.stderr == "error: It ended.\n  | loading\n  | out of memory\n"


def test_a_defect_is_one_line_and_a_file_with_the_details(tmp_path):
    shown = told(KeyError("surprise"))
    assert shown.exit_code == 70
    assert "Traceback" not in shown.output
    assert shown.stderr.startswith("error: Something broke inside Forecourt: KeyError: 'surprise'\n")
    (details,) = (tmp_path / "home" / "crashes").iterdir()
    assert str(details) in shown.stderr
    assert "Traceback" in details.read_text()


def test_a_defect_is_told_where_the_home_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FORECOURT_HOME", str(tmp_path / "file" / "home"))
    shown = told(KeyError("surprise"))
    assert shown.exit_code == 70
    details = shown.stderr.split("The details are in ")[1].split(". Please")[0]
    assert "Traceback" in Path(details).read_text()


def test_debug_shows_the_traceback(shell):
    done = shell("--debug", "get", "pods")
    assert "Traceback" in done.stderr
    assert "InvalidInput" in done.stderr


def test_ctrl_c_ends_with_130_and_no_traceback():
    shown = told(KeyboardInterrupt())
    assert shown.exit_code == 130
    assert shown.output.strip() == ""


def test_a_missing_file_is_told_as_such(tmp_path):
    error = FileNotFoundError(2, "No such file or directory", str(tmp_path / "x"))
    shown = told(error)
    assert shown.exit_code == 3
    assert shown.stderr == f"error: {tmp_path / 'x'} does not exist.\n"


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    script = f"{sys.executable} -m forecourt get --help | head -c 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {script}"], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_home_is_taken_before_the_environment(run, tmp_path):
    shown = run("--home", str(tmp_path / "other"), "down")
    assert shown.output == f"No server runs for {tmp_path / 'other'}.\n"


@pytest.mark.parametrize(("variable", "value"), [("FORECOURT_PORT", "eighty"), ("FORECOURT_PORT", "70000")])
def test_a_setting_that_cannot_be_is_told_with_where_it_comes_from(run, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    shown = run("status")
    assert shown.exit_code == 2
    assert "port" in shown.stderr
    assert f"environment variable {variable}" in shown.stderr


def test_quiet_says_results_and_errors_only(run):
    assert "No server runs" in run("-q", "status").stderr


def test_an_interrupt_ends_a_running_command(tmp_path):
    log = tmp_path / "home" / "server.log"
    log.parent.mkdir()
    log.write_text("ready\n")
    command = [sys.executable, "-m", "forecourt", "logs", "--server", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
        assert "Traceback" not in process.stderr.read()
