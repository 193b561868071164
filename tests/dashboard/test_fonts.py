"""A page does not wait for its fonts, and its text hardly moves when they come."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route

TEXTS = """() => [...document.querySelectorAll("h1, .fc-logo, .pf-v6-c-nav__link-text")].map(one => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return [range.getBoundingClientRect().width, one.getBoundingClientRect().height];
})"""
STATES = """family => [...document.fonts]
  .filter(one => one.family.replaceAll('"', "") === family)
  .map(one => one.status)"""
MOVED = """
window.moved = 0;
new PerformanceObserver(told => told.getEntries().forEach(one => { window.moved += one.value; }))
  .observe({type: "layout-shift", buffered: true});
"""


@pytest.mark.parametrize("path", ["/projects", "/catalog", "/settings/runtimes"])
def test_text_is_there_before_its_font_and_stays_where_it_is(page: Page, path: str) -> None:
    held: list[Route] = []
    page.route("**/*.woff2", lambda route: held.append(route))
    page.add_init_script(MOVED)
    page.goto(path, wait_until="domcontentloaded")
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    for _ in range(100):
        if len(held) >= 2:
            break
        page.wait_for_timeout(50)
    assert page.evaluate(STATES, "Red Hat Text") == ["loading"]
    if "loaded" not in page.evaluate(STATES, "RedHatText"):
        pytest.skip("needs Arial, Liberation Sans or DejaVu Sans, to stand in")
    before = page.evaluate(TEXTS)
    for route in held:
        route.continue_()
    page.unroute("**/*.woff2")
    page.evaluate("document.fonts.ready.then(() => 0)")
    assert page.evaluate(STATES, "Red Hat Text") == ["loaded"]
    after = page.evaluate(TEXTS)
    assert before != after  # another font it is
    assert [height for _, height in before] == [height for _, height in after]
    assert sum(width for width, _ in before) == pytest.approx(sum(width for width, _ in after), rel=0.05)
    assert page.evaluate("window.moved") < 0.25  # a line may break elsewhere; above, web.dev calls it poor
