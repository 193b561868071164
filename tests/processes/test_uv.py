"""What uv is told beside its arguments."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from forecourt.processes.uv import settings_of


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)


def test_pytorch_is_the_build_for_what_this_machine_has() -> None:
    assert settings_of(Path("/cache"))["UV_TORCH_BACKEND"] == "auto"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UV_TORCH_BACKEND", "cu128"),
        ("UV_FIND_LINKS", "/wheels"),
        ("UV_INDEX_URL", "https://mirror.example.org/simple"),
        ("UV_DEFAULT_INDEX", "https://mirror.example.org/simple"),
        ("UV_OFFLINE", "1"),
    ],
)
def test_whoever_says_where_packages_come_from_is_heeded(monkeypatch, name, value) -> None:
    monkeypatch.setenv(name, value)
    said = settings_of(Path("/cache"))
    assert said[name] == value
    assert said.get("UV_TORCH_BACKEND", "cu128") == "cu128"


def test_where_uv_installs_is_ours_to_say(monkeypatch) -> None:
    monkeypatch.setenv("UV_PYTHON", "3.9")
    monkeypatch.setenv("UV_SYSTEM_PYTHON", "1")
    assert not {"UV_PYTHON", "UV_SYSTEM_PYTHON"} & settings_of(Path("/cache")).keys()
