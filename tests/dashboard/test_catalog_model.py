"""A model's page in a browser: judged by its evidence, compared; and what strangers wrote is text."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import pytest
from dashboard.catalogs import EVIL, catalog_server
from playwright.sync_api import Page, expect
from seeing import look
from servers import Server

LLAMA = "/catalog/red-hat-ai/RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a catalog."""
    with catalog_server(tmp_path_factory.mktemp("home")) as running:
        yield running


def test_models_that_are_ticked_are_compared(page: Page) -> None:
    page.goto("/catalog?q=granite-3.1-8b-instruct")
    for name in ("RedHatAI/granite-3.1-8b-instruct", "RedHatAI/granite-3.1-8b-instruct-quantized.w4a16"):
        page.get_by_role("checkbox", name=f"Compare {name}", exact=True).check()
        expect(page.get_by_role("checkbox", name=f"Compare {name}", exact=True)).to_be_checked()
        expect(page).to_have_url(re.compile("compare="))
    page.get_by_role("link", name="Compare 2 models").click()
    expect(page.get_by_role("table", name="What they are")).to_contain_text("w4a16")
    expect(page.get_by_role("table", name="Accuracy")).to_contain_text("MMLU")
    expect(page.get_by_role("table", name="Performance")).to_contain_text("1 x A100")
    look(page, "catalog-compare")
    page.get_by_label("Find a model to add").press_sequentially("w8a8")
    expect(page).to_have_url(re.compile("q=w8a8"))  # what is found has taken the place of what was proposed
    page.get_by_role("link", name="RedHatAI/granite-3.1-8b-instruct-quantized.w8a8").click()
    expect(page.get_by_role("link", name=re.compile("^Remove "))).to_have_count(3)
    page.get_by_role("link", name=re.compile("^Remove ")).first.click()
    expect(page.get_by_role("link", name=re.compile("^Remove "))).to_have_count(2)


def test_a_model_can_be_deployed_and_registered_from_its_page(page: Page) -> None:
    page.goto(LLAMA)
    uri = "catalog%3A%2F%2Fred-hat-ai%2FRedHatAI%2FMeta-Llama-3.1-8B-Instruct-quantized.w4a16"
    expect(page.get_by_role("link", name="Deploy model")).to_have_attribute("href", f"/deploy?from={uri}")
    expect(page.get_by_role("link", name="Register model")).to_have_attribute("href", f"/registry/register?from={uri}")
    expect(page.get_by_role("navigation", name="Breadcrumb").get_by_role("link")).to_have_text("Model Catalog")
    expect(page.get_by_text("Provided by Meta")).to_be_visible()
    page.get_by_role("button", name="Copy the location").click()
    expect(page.locator("#said")).to_have_text("Copied to the clipboard")
    look(page, "catalog-model")


def test_a_model_without_files_says_why_it_cannot_be_deployed(page: Page) -> None:
    page.goto("/catalog/own/team/nowhere")
    expect(page.get_by_role("button", name="Deploy model")).to_be_disabled()
    expect(page.get_by_role("button", name="Register model")).to_have_accessible_description(
        re.compile("Model location is unavailable")
    )


def test_the_arguments_that_were_validated_can_be_copied(page: Page) -> None:
    page.goto("/catalog/own/team/fast")
    expect(page.locator("#tool-calling")).to_have_text("--enable-auto-tool-choice \\\n--tool-call-parser=hermes")
    page.get_by_role("button", name="Copy the arguments").click()
    assert "--tool-call-parser=hermes" in page.evaluate("navigator.clipboard.readText()")


def test_a_claim_that_its_own_scores_contradict_is_marked(page: Page) -> None:
    page.goto(f"{LLAMA}?tab=accuracy")
    row = page.get_by_role("row").filter(has_text="ARC Challenge")
    expect(row).to_contain_text("98.53 %")
    expect(row).to_contain_text("Contradicted")
    expect(row).to_contain_text("The card says 98.0 %, its own scores give 98.5 %.")
    page.get_by_text("How it is computed").click()
    expect(page.get_by_text("GPQA (0-shot) is left out")).to_be_visible()
    look(page, "catalog-accuracy")
    page.goto("/catalog/contradictions")
    expect(page.get_by_role("table", name="Contradicted claims").get_by_role("row")).to_have_count(17)
    look(page, "catalog-contradictions")


def test_the_performance_of_a_model_is_a_chart_with_its_front_and_a_table(page: Page) -> None:
    page.goto("/catalog/own/team/fast?tab=performance")
    expect(page.get_by_role("figure")).to_contain_text("Pareto front")
    table = page.get_by_role("table", name="Hardware configurations")
    expect(table.get_by_role("row")).to_have_count(4)
    page.get_by_label("Target RPS").fill("20")
    page.get_by_label("Target RPS").blur()
    expect(page.get_by_text("20 requests/s take 3 replicas on 2 x H100")).to_be_visible()
    table.get_by_role("link", name="RPS per Replica").click()
    expect(table.get_by_role("rowheader").first).to_contain_text("2 x L4")
    expect(page).to_have_url(re.compile("order=rps"))
    page.get_by_text("Manage columns").click()
    page.get_by_label("TTFT Latency Mean (ms)").check()
    expect(table.get_by_role("columnheader", name="TTFT Latency Mean (ms)")).to_be_visible()
    page.reload()
    expect(table.get_by_role("columnheader", name="TTFT Latency Mean (ms)")).to_be_visible()
    look(page, "catalog-model-performance")
    page.get_by_label("Workload type").select_option("rag")
    expect(table.get_by_role("row")).to_have_count(2)


def test_variants_of_one_base_stand_side_by_side(page: Page) -> None:
    page.goto("/catalog/validated/RedHatAI/granite-3.1-8b-instruct-quantized.w4a16?tab=variants")
    expect(page.get_by_role("table", name="Variants").get_by_role("row")).to_have_count(5)
    look(page, "catalog-variants")
    page.get_by_role("link", name="Compare side by side").click()
    expect(page.get_by_role("heading", name="Compare models", level=1)).to_be_visible()


def test_a_hostile_card_runs_nothing_and_fetches_nothing(page: Page, server: Server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: pytest.fail(f"it opened a dialog: {dialog.message}"))
    page.goto("/catalog?q=evil")
    page.locator(".fc-model a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"team/evil{EVIL}")
    expect(page.get_by_role("link", name="a picture")).to_have_attribute("href", "https://example.com/picture.png")
    expect(page.get_by_role("heading", name="Title")).to_be_visible()
    expect(page.locator(".fc-card-text td").last).to_have_attribute("align", "right")
    page.get_by_text("click", exact=True).click()
    assert page.evaluate("window.hurt") is None
    assert not [url for url in asked if not url.startswith(server.record["url"])]
    assert page.locator("main :is(script, iframe, style, form[action^=http], [onerror], [onclick])").count() == 0
    look(page, "catalog-hostile")
    page.goto("/catalog/compare?model=team/fast&model=team/nowhere")
    page.goto("/catalog?license=" + urllib.request.quote(EVIL))
    expect(page.locator(".fc-model")).to_have_count(1)
    assert page.evaluate("window.hurt") is None


def test_a_name_that_is_cut_short_leads_to_the_page(page: Page, server: Server) -> None:
    page.goto("/catalog/FAST?tab=performance")
    expect(page).to_have_url(server.record["url"] + "/catalog/own/team/fast?tab=performance")
