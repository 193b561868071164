"""Settings: where they come from, and that their documentation is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from forecourt.settings import Settings

DOCUMENTATION = Path(__file__).parents[1] / "docs" / "settings.md"


def test_every_setting_is_documented_with_its_meaning_and_default() -> None:
    rows = dict(re.findall(r"^\| `FORECOURT_(\w+)` \| .+? \| (.+?) \|$", DOCUMENTATION.read_text(), re.MULTILINE))
    assert rows == {
        name.upper(): (field.description or "").replace("|", "\\|") for name, field in Settings.model_fields.items()
    }


def test_a_setting_comes_from_its_environment_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORECOURT_HOME", str(tmp_path))
    monkeypatch.setenv("FORECOURT_REGISTRY_PORT", "5001")
    settings = Settings()
    assert (settings.home, settings.registry_port, settings.port) == (tmp_path, 5001, 8080)
    assert Settings(registry_port=5002).registry_port == 5002


def test_all_state_is_below_the_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    derived = [name for name, value in vars(Settings).items() if isinstance(value, property)]
    paths = [value for name in derived if isinstance(value := getattr(settings, name), Path)]
    assert len(paths) > 8
    assert all(tmp_path in path.parents for path in paths)
    assert str(tmp_path) in settings.database


def test_a_home_may_begin_with_a_tilde() -> None:
    assert Settings(home=Path("~/models")).home == Path.home() / "models"
