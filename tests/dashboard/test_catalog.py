"""The gallery of the model catalog in a browser: parts, search, filters, the performance view; all in the address."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from dashboard.catalogs import catalog_server
from playwright.sync_api import Page, expect
from seeing import look
from servers import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a catalog."""
    with catalog_server(tmp_path_factory.mktemp("home")) as running:
        yield running


def _count(page: Page) -> Any:
    return page.locator("#catalog-count")


def test_the_catalog_is_shown_in_parts_with_a_few_models_each(page: Page) -> None:
    page.goto("/catalog")
    expect(page.get_by_role("heading", name="Model Catalog", level=1)).to_be_visible()
    expect(page.get_by_text("Discover models that are available for your organization")).to_be_visible()
    parts = page.get_by_role("navigation", name="Where models are from").get_by_role("link")
    expect(parts.first).to_have_text("All models")
    expect(parts.last).to_contain_text("Other models")
    for part in page.locator(".fc-part").all():
        assert 1 <= part.locator(".fc-model").count() <= 4
    expect(page.get_by_text("Lost models could not be loaded")).to_be_visible()
    look(page, "catalog")
    page.get_by_role("link", name="Show all of Validated models").click()
    expect(_count(page)).to_contain_text("67 models")


def test_models_are_found_as_one_types_and_the_address_says_all_that_is_chosen(page: Page, server: Server) -> None:
    page.goto("/catalog")
    page.get_by_label("Search models").press_sequentially("granite")
    expect(_count(page)).to_contain_text("about “granite”")
    expect(page.get_by_label("Search models")).to_be_focused()
    expect(page).to_have_url(re.compile("q=granite$"))  # the filters came with the answer, and are those that stay
    page.get_by_label(re.compile("^w4a16")).check()
    expect(_count(page)).to_contain_text("quantised as w4a16")
    expect(page).to_have_url(server.record["url"] + "/catalog?q=granite&quantization=w4a16")
    page.get_by_label("Sort by").select_option("recovery")
    expect(page).to_have_url(re.compile("sort=recovery"))
    first = page.locator(".fc-model a").first.inner_text()
    page.reload()
    expect(page.locator(".fc-model a").first).to_have_text(first, use_inner_text=True)
    look(page, "catalog-filtered")
    page.get_by_role("link", name="Remove Quantization: w4a16").click()
    expect(page.get_by_label(re.compile("^w4a16"))).not_to_be_checked()
    page.go_back()
    expect(page.get_by_label(re.compile("^w4a16"))).to_be_checked()
    page.get_by_role("link", name="Clear all filters").click()
    expect(page.locator(".fc-part").first).to_be_visible()


def test_more_models_are_loaded_below_those_that_are_there(page: Page) -> None:
    page.goto("/catalog?sort=name")
    expect(page.locator(".fc-model")).to_have_count(20)
    page.get_by_role("link", name="Load more models").click()
    expect(page.locator(".fc-model")).to_have_count(40)
    names = page.locator(".fc-model-name").all_inner_texts()
    assert names == sorted(names, key=str.casefold) or len(set(names)) == 40


def test_filters_stand_in_the_order_of_openshift_ai_with_their_counts(page: Page) -> None:
    page.goto("/catalog")
    legends = page.locator(".fc-panel legend").all_inner_texts()
    wanted = ["Task", "Validated arguments", "Provider", "License", "Language", "Tensor type"]
    assert [one for one in legends if one in wanted] == wanted
    expect(page.locator(".fc-panel").get_by_text("apache-2.0").first).to_contain_text(re.compile(r"\d+"))


def test_a_slider_writes_the_number_that_filters(page: Page) -> None:
    page.goto("/catalog?sort=name")
    slider = page.get_by_role("slider", name="Parameters, at most, as a slider")
    slider.focus()
    slider.press("Home")
    expect(page).to_have_url(re.compile("max-parameters=0"))
    expect(page.get_by_role("link", name=re.compile("Remove Parameters: "))).to_be_visible()


def test_nothing_found_says_which_choice_to_leave_out(page: Page) -> None:
    page.goto("/catalog?provider=IBM&license=llama3.1&q=granite")
    expect(page.get_by_role("heading", name="No model is like that")).to_be_visible()
    look(page, "catalog-nothing")
    page.get_by_role("link", name=re.compile("Without License llama3.1: ")).click()
    expect(page.locator(".fc-model").first).to_be_visible()


def test_the_performance_view_begins_with_what_the_sources_say(page: Page) -> None:
    page.goto("/catalog")
    page.get_by_role("switch", name="Model performance view").check(force=True)
    expect(page).to_have_url(re.compile(r"workload=chatbot.*max-latency=200|max-latency=200.*workload=chatbot"))
    card = page.locator(".fc-model").filter(has_text="fast")
    expect(card).to_contain_text("2 x H100")
    expect(card).to_contain_text("40.0 ms")
    page.get_by_label("Target RPS").fill("20")
    page.get_by_label("Target RPS").blur()
    expect(card.locator(".fc-figures")).to_contain_text("Replicas")
    card.get_by_role("button", name=re.compile("Next benchmark")).click()
    expect(card).to_contain_text("2 of 3 benchmarks")
    expect(card).to_contain_text("2 x A100")
    look(page, "catalog-performance")
    page.get_by_role("link", name=re.compile("^Remove Workload type")).click()
    expect(page.get_by_role("switch", name="Model performance view")).to_be_checked()
    expect(page).not_to_have_url(re.compile("workload="))
    page.get_by_role("switch", name="Model performance view").uncheck(force=True)
    expect(page).not_to_have_url(re.compile("max-latency|targetRPS|view="))


def test_an_address_that_says_nonsense_says_what_is_wrong(page: Page) -> None:
    page.goto("/catalog?max-parameters=many")
    expect(page.get_by_role("alert")).to_contain_text("'many' is no number")
    page.goto("/catalog/own/team/none-such")
    expect(page.get_by_text("The catalog has no model own/team/none-such")).to_be_visible()
    page.goto("/catalog/compare?model=team/fast&model=none-such")
    expect(page.get_by_role("alert")).to_contain_text("The catalog has no model none-such")


def test_the_catalog_works_without_scripts(browser: Any, server: Server) -> None:
    context = browser.new_context(base_url=server.record["url"], java_script_enabled=False)
    page = context.new_page()
    page.goto("/catalog")
    page.get_by_label("Search models").fill("granite")
    page.get_by_role("button", name="Search").click()
    expect(_count(page)).to_contain_text("about “granite”")
    page.goto("/catalog?view=performance")
    expect(page).to_have_url(re.compile("workload=chatbot"))
    context.close()


def test_pages_are_compressed_and_small(server: Server) -> None:
    request = urllib.request.Request(f"{server.record['url']}/catalog", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in answer.headers["vary"].lower()
        assert len(answer.read()) < 40_000


def test_what_a_page_shows_is_its_json(server: Server) -> None:
    status, said = server.call("GET", "/catalog?q=fast&format=json")
    assert status == 200
    assert [one["name"] for one in said["models"]][:1] == ["team/fast"]
    status, said = server.call("GET", "/catalog/own/team/fast?tab=performance&format=json")
    assert [row["hardware"] for row in said["rows"]] == ["2 x H100", "2 x A100", "2 x L4"]
