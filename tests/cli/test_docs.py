"""The help in ``docs/cli.md`` is what the commands print.

``python tests/cli/test_docs.py`` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from forecourt.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
BEGIN = "## Reference\n"


def paths(command: Any, ctx: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if hasattr(command, "list_commands"):
        for name in command.list_commands(ctx):
            yield from paths(command.get_command(ctx, name), ctx, (*path, name))


def reference() -> str:
    command = get_command(app)
    ctx = command.make_context("forecourt", ["--quiet"], resilient_parsing=True)
    text = f"{BEGIN}\nWhat follows is what `--help` prints; a test compares them.\n"
    for path in paths(command, ctx):
        shown = CliRunner().invoke(app, [*path, "--help"], prog_name="forecourt", terminal_width=100)
        assert shown.exit_code == 0, path
        text += f"\n### {' '.join(('forecourt', *path))}\n\n```\n{shown.output.strip()}\n```\n"
    return text


def test_the_page_has_the_help_that_the_commands_print():
    _, begin, written = PAGE.read_text().partition(BEGIN)
    assert begin + written == reference(), "run: python tests/cli/test_docs.py"


def test_the_page_names_every_exit_code():
    codes = {line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if line.startswith("| ")}
    assert {"0", "1", "2", "3", "4", "70", "130"} <= codes


if __name__ == "__main__":
    before, _, _ = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + reference())
