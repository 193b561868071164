"""What a page must be like, whatever it shows; and pictures of it for the documentation."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page

PICTURES = Path(__file__).parents[1] / "docs" / "images" / "dashboard"
SUFFIX = ".webp"
_TAKEN = bool(os.environ.get("FORECOURT_PICTURES"))  # tests themselves run without any variable of Forecourt's
_RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}
_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""The rules that look at colours: all that another scheme can change."""

SCHEMES = {"light": _RULES, "dark": _COLOURS}

_SETTLED = """() => Promise.race([
  Promise.allSettled(document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished)),
  new Promise((done) => setTimeout(done, 2000)),
])"""
_WIDE, _NARROW = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


def look(page: Page, name: str) -> None:
    """Check what is to be seen: accessible (axe: WCAG 2.2 AA) in light, its colours in dark too, no wider than a phone.

    With ``FORECOURT_PICTURES=1`` pictures of it go to ``docs/images/dashboard``, which docs/screens.md shows.
    """
    for scheme, rules in SCHEMES.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.wait_for_timeout(150)  # colours that change with a transition
        page.evaluate(_SETTLED)
        _accessible(page, f"{name}, {scheme}", rules)
        if _TAKEN:
            _take(page, f"{name}-{scheme}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(_NARROW)  # type: ignore[arg-type]
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= _NARROW["width"], f"{name} is {width} pixels wide on a phone"
    page.set_viewport_size(_WIDE)  # type: ignore[arg-type]


def _take(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.evaluate(
        "document.querySelectorAll('.pf-v6-c-page__main-container, #main').forEach((one) => one.scrollTo(0, 0))"
    )
    with Image.open(BytesIO(page.screenshot(caret="initial"))) as taken:
        taken.convert("RGB").save(PICTURES / (name + SUFFIX), quality=80, method=6)


def _accessible(page: Page, what: str, rules: dict[str, Any]) -> None:
    found = Axe().run(page, options=rules | {"resultTypes": ["violations"]}).response["violations"]
    told = [f"{one['id']} ({one['impact']}): {one['help']}: {one['nodes'][0]['html'][:300]}" for one in found]
    assert not told, f"{what}: " + "\n".join(told)
