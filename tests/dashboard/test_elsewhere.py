"""What has no page is told with the commands for it, which are there."""

from __future__ import annotations

import json
import shlex
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from seeing import look
from servers import Server

PATHS = ("/registry",)


def _data(server: Server, path: str) -> Any:
    join = "&" if "?" in path else "?"
    with urllib.request.urlopen(f"{server.record['url']}{path}{join}format=json") as answer:
        return json.load(answer)


@pytest.mark.parametrize("path", PATHS)
def test_the_commands_that_are_told_are_there(server: Server, path: str) -> None:
    data = _data(server, path)
    if "commands" not in data:
        return  # it has a page
    for command in data["commands"]:
        words = [word for word in shlex.split(command)[1:] if word != "--help"]
        assert server.run(*words, "--help").returncode == 0, command


def test_a_model_of_the_catalog_is_registered_with_the_command_that_is_told(page: Page, server: Server) -> None:
    page.goto("/registry/register?from=catalog://a/b%20%3Cscript%3E")
    expect(page.get_by_text("forecourt catalog register 'catalog://a/b <script>'")).to_be_visible()
    look(page, "elsewhere")
