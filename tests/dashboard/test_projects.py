"""Projects in a browser."""

from __future__ import annotations

import json
import urllib.request

from playwright.sync_api import Page, expect
from seeing import look
from servers import Server

NAMESPACES = "/api/v1/namespaces"


def _project(server: Server, name: str) -> None:
    labels = {"opendatahub.io/dashboard": "true"}
    server.call("POST", NAMESPACES, {"metadata": {"name": name, "labels": labels}})


def test_a_project_is_created_with_the_mouse(page: Page) -> None:
    page.goto("/projects")
    page.get_by_role("link", name="Create project").click()
    page.get_by_label("Name", exact=False).first.fill("Fraud detection")
    look(page, "project-create")
    page.get_by_role("button", name="Create").click()
    page.goto("/projects")
    expect(page.get_by_role("link", name="Fraud detection")).to_be_visible()


def test_a_name_that_is_refused_stays_in_the_form_with_what_is_wrong(page: Page) -> None:
    page.goto("/projects/new")
    page.get_by_label("Name", exact=False).first.fill("Sales")
    page.get_by_label("Resource name").fill("Not A Name")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_label("Resource name")).to_have_value("Not A Name")
    expect(page.get_by_label("Resource name")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#name-help")).to_contain_text("lower")


def test_the_list_is_filtered_as_one_types_and_the_address_says_so(page: Page, server: Server) -> None:
    for name in ("vllm-demo", "vision"):
        _project(server, name)
    page.goto("/projects")
    page.get_by_label("Filter by name").press_sequentially("vllm")
    expect(page.get_by_role("link", name="vision")).to_have_count(0)
    expect(page.get_by_role("link", name="vllm-demo")).to_be_visible()
    expect(page).to_have_url(server.record["url"] + "/projects?q=vllm")
    look(page, "projects")


def test_what_another_creates_appears_without_reloading(page: Page, server: Server) -> None:
    page.goto("/projects")
    page.evaluate("window.same = true")
    _project(server, "from-elsewhere")
    expect(page.get_by_role("link", name="from-elsewhere")).to_be_visible()
    assert page.evaluate("window.same")


def test_every_page_has_a_json_twin_that_it_announces(page: Page, server: Server) -> None:
    page.goto("/projects?q=default")
    href = page.locator("link[rel=alternate]").get_attribute("href")
    assert href
    with urllib.request.urlopen(server.record["url"] + href) as answer:
        assert [one["name"] for one in json.load(answer)["projects"]] == ["default"]
