"""docs/screens.md shows every page that the tests look at, light and dark. As a program: writes it anew.

FORECOURT_PICTURES=1 uv run pytest tests/dashboard tests/access
uv run python tests/dashboard/test_screens.py
"""

from __future__ import annotations

import re
from pathlib import Path

from seeing import PICTURES, SCHEMES, SUFFIX

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs" / "screens.md"
SECTIONS = {
    "Projects": ("project",),
    "Connections": ("connection",),
    "Model catalog": ("catalog",),
    "Model registry": ("registry",),
    "Deploy model": ("deploy-",),
    "Deployments": ("deployment",),
    "Playground": ("playground",),
    "Jobs": ("job", "import"),
    "Settings": ("settings",),
    "Users": ("user", "sign-in", "account"),
}
HEAD = """# The dashboard in pictures

Every page, light and dark. What each does is in [the dashboard](dashboard.md). The tests take these pictures:

    FORECOURT_PICTURES=1 uv run pytest tests/dashboard tests/access
    uv run python tests/dashboard/test_screens.py
"""


def looked_at() -> list[str]:
    """Return the names under which the tests look at pages."""
    files = [*TESTS.glob("dashboard/test_*.py"), *TESTS.glob("access/test_*.py")]
    return sorted({name for file in files for name in re.findall(r"\blook\(\w+, \"([\w-]+)\"", file.read_text())})


def document() -> str:
    """Return docs/screens.md as it is to be."""
    names, text = looked_at(), HEAD
    for title, prefixes in SECTIONS.items():
        text += f"\n## {title}\n\n| light | dark |\n|---|---|\n"
        for name in names:
            if name.startswith(prefixes):
                shown = name.replace("-", " ")
                cells = (f"![{shown}, {one}](images/dashboard/{name}-{one}{SUFFIX})" for one in SCHEMES)
                text += f"| {' | '.join(cells)} |\n"
    return text


def test_every_page_is_in_a_section() -> None:
    prefixes = tuple(prefix for each in SECTIONS.values() for prefix in each)
    assert [name for name in looked_at() if not name.startswith(prefixes)] == []
    assert len(looked_at()) > 70


def test_the_document_shows_every_page() -> None:
    assert DOCUMENT.read_text() == document()


def test_every_picture_is_there_and_none_is_left_over() -> None:
    wanted = {f"{name}-{scheme}{SUFFIX}" for name in looked_at() for scheme in SCHEMES}
    assert {one.name for one in PICTURES.iterdir()} == wanted


if __name__ == "__main__":
    DOCUMENT.write_text(document())
