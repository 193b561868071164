"""Custom properties that have one value alone are folded away when styles are built, and nothing looks different."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

FRONTEND = Path(__file__).parents[2] / "frontend"
FOLD = """
import { folded } from "./fold.mjs";
import { text } from "node:stream/consumers";
const { css, named } = JSON.parse(await text(process.stdin));
process.stdout.write(folded(css, named));
"""
NAMED = ["--pf-named"]
RULES = {
    "one value on :root": (":root { --pf-ink: #111 } .a { color: var(--pf-ink) }", ".a { color: #111 }"),
    "one value that leads to :root": (
        ":root { --pf-ink: #111; --pf-text: var(--pf-ink) } .a__b { color: var(--pf-text) }",
        ".a__b { color: #111 }",
    ),
    "a component's, where the element has its class": (
        ".a { --pf-gap: 4px } .a.pf-m-wide:hover { margin: calc(2 * var(--pf-gap)) }",
        ".a.pf-m-wide:hover { margin: calc(2 * 4px) }",
    ),
    "a component's, in its parts, as it leads to :root": (
        ".a { --pf-gap: 4px } .x .a__b::before { margin: var(--pf-gap) }",
        ".x .a__b::before { margin: 4px }",
    ),
    "what nothing uses": (".a { --pf-gap: 4px; margin: 0 }", ".a { margin: 0 }"),
}
STAYS = {
    "what the dark theme sets too": (
        ":root { --pf-ink: #111 } :root:where(.pf-v6-theme-dark) { --pf-ink: #eee } .a { color: var(--pf-ink) }"
    ),
    "what only the dark theme sets": (
        ":root:where(.pf-v6-theme-dark) { --pf-ink: #eee } .a { color: red; color: var(--pf-ink) }"
    ),
    "what a modifier sets too": ".a { --pf-ink: #111 } .a.pf-m-red { --pf-ink: red } .a { color: var(--pf-ink) }",
    "what a window's width sets": "@media (width < 9in) { :root { --pf-gap: 4px } } .a { margin: var(--pf-gap) }",
    "a part's that leads to what another element sets": (
        ".a { --pf-gap: var(--pf-room) } .a, .c { --pf-room: 4px } .c { --pf-room: 8px }"
        " .a__b { margin: var(--pf-gap) }"
    ),
    "another component's": ".a { --pf-gap: 4px } .b { margin: var(--pf-gap) }",
    "one whose class a rule only has around the element": ".a { --pf-gap: 4px } .a .b { margin: var(--pf-gap) }",
    "no value at all": ".a { --pf-ink: ; color: var(--pf-ink) }",
    "what has a fallback where it is used": ".a { --pf-gap: 4px } .a { margin: var(--pf-gap, 8px) }",
    "a word that means something else where it is used": ".a { --pf-ink: inherit } .a { color: var(--pf-ink) }",
    "what a template or a script names": ":root { --pf-named: 4px } .a { margin: var(--pf-named) }",
    "what has a type": (
        '@property --pf-gap { syntax: "<length>"; inherits: false; initial-value: 0px }'
        " :root { --pf-gap: 4px } .a { margin: var(--pf-gap) }"
    ),
    "what leads to itself": ":root { --pf-one: var(--pf-two); --pf-two: var(--pf-one) } .a { margin: var(--pf-one) }",
}
BODY = '<i class="a">1<i class="a__b">2</i></i><i class="x"><i class="a pf-m-red">3<i class="a__b">4</i></i></i>'
BODY += '<i class="c">5<i class="a pf-m-wide">6<i class="a__b">7</i></i></i><i class="b">8</i>'
STYLES = """(css) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [sheet];
  const told = (style) => [...style].filter((name) => !name.startsWith("--")).map((name) => name + style[name]).join();
  const ways = [null, "::before"];
  return [...document.querySelectorAll("i")].map((one) => ways.map((way) => told(getComputedStyle(one, way))));
}"""


def fold(css: str) -> str:
    if not (FRONTEND / "node_modules" / "postcss").exists():
        pytest.skip("needs frontend/node_modules, which are there when Forecourt was installed from its source")
    words = ["node", "--input-type=module", "--eval", FOLD]
    told = json.dumps({"css": css, "named": NAMED})
    done = subprocess.run(words, cwd=FRONTEND, input=told, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_content(BODY)
    yield page
    page.close()


@pytest.mark.needs("node")
@pytest.mark.parametrize("case", RULES)
def test_what_can_have_one_value_alone_is_folded(blank: Page, case: str) -> None:
    css, wanted = RULES[case]
    assert fold(css) == wanted
    assert blank.evaluate(STYLES, wanted) == blank.evaluate(STYLES, css)


@pytest.mark.needs("node")
@pytest.mark.parametrize("case", STAYS)
def test_what_may_have_another_value_stays(case: str) -> None:
    assert fold(STAYS[case]) == STAYS[case]


@pytest.mark.needs("node")
def test_all_of_it_together_looks_as_it_did(blank: Page) -> None:
    """What one rule folds may be what another has set, and both themes are to look as they did."""
    cases = [*(css for css, _ in RULES.values()), *STAYS.values()]
    css = " ".join(one.replace("--pf-", f"--pf-{number}-") for number, one in enumerate(cases))
    short = fold(css)
    assert len(short) < len(css)
    for dark in (False, True):
        blank.evaluate('(dark) => document.documentElement.classList.toggle("pf-v6-theme-dark", dark)', dark)
        assert blank.evaluate(STYLES, short) == blank.evaluate(STYLES, css)
