"""What a project serves, in a browser: its overview, and the way of the lab to the first model."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect
from seeing import look
from servers import SERVICES, Server, tiny_service, wait

NAMESPACES = "/api/v1/namespaces"


def _project(server: Server, name: str) -> str:
    labels = {"opendatahub.io/dashboard": "true"}
    assert server.call("POST", NAMESPACES, {"metadata": {"name": name, "labels": labels}})[0] == 201
    return SERVICES.replace("/default/", f"/{name}/")


def test_the_lab_goes_from_the_list_to_the_form(page: Page, server: Server) -> None:
    _project(server, "vllm-demo")
    page.goto("/projects")
    page.get_by_label("Filter by name").fill("vllm-demo")
    page.get_by_role("link", name="vllm-demo").click()
    expect(page.get_by_role("heading", name="Deploy models")).to_be_visible()
    look(page, "project-overview-empty")
    page.get_by_role("navigation", name="Project").get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", name="Single-model serving platform")).to_be_visible()
    look(page, "project-models-platform")
    page.get_by_role("button", name="Select single model").click()
    expect(page.get_by_role("heading", name="Models and model servers")).to_be_visible()
    expect(page.get_by_role("heading", name="No deployed models")).to_be_visible()
    expect(page.get_by_role("link", name="Deploy model")).to_have_attribute("href", "/projects/vllm-demo/deploy")
    assert server.call("GET", NAMESPACES + "/vllm-demo")[1]["metadata"]["labels"]["modelmesh-enabled"] == "false"


def test_the_overview_shows_the_newest_with_their_state_as_it_is(page: Page, server: Server, model: Path) -> None:
    services = SERVICES
    for name in ("one", "two"):
        assert server.call("POST", services, tiny_service(name, model))[0] == 201
    assert server.call("POST", services, tiny_service("broken", model / "absent"))[0] == 201
    page.goto("/projects/default")
    card = page.get_by_role("article", name="one")
    expect(card).to_contain_text("Ready", timeout=20_000)
    expect(card.get_by_role("button", name="Copy the endpoint of one")).to_be_visible()
    expect(page.get_by_role("article", name="broken")).to_contain_text("Failed", timeout=20_000)
    expect(page.get_by_role("link", name="Successful (2)")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("3 of 3 models")).to_be_visible()
    look(page, "project-overview")
    page.get_by_role("link", name="Failed (1)").click()
    expect(page.get_by_role("article", name="broken")).to_have_count(0)
    expect(page.get_by_text("2 of 3 models")).to_be_visible()
    page.get_by_role("link", name="Successful (2)").click()
    expect(page.get_by_text("0 of 3 models")).to_be_visible()


def test_the_models_are_listed_where_there_are_some(page: Page, server: Server, model: Path) -> None:
    services = _project(server, "with-models")
    runtimes = services.replace("v1beta1", "v1alpha1").replace("inferenceservices", "servingruntimes")
    tiny = server.call("GET", runtimes.replace("/with-models/", "/default/") + "/tiny")[1]
    runtime = {key: tiny[key] for key in ("apiVersion", "kind", "spec")} | {
        "metadata": {"name": "tiny", "annotations": tiny["metadata"]["annotations"]}
    }
    assert server.call("POST", runtimes, runtime)[0] == 201
    assert server.call("POST", services, tiny_service("served", model))[0] == 201
    page.goto("/projects/with-models/models")
    row = page.get_by_role("row").filter(has_text="served")
    expect(row).to_contain_text("Ready", timeout=20_000)
    expect(row).to_contain_text("tiny")
    look(page, "project-models")
    row.get_by_label("Actions of served").click()
    row.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()  # where the list is, and not on a page of its own
    server.call("DELETE", f"{services}/served")
    wait(lambda: server.call("GET", f"{services}/served")[0] == 404, 20, "the deployment is gone")
    expect(page.get_by_role("heading", name="Single-model serving platform")).to_be_visible()


def test_a_project_that_is_none_is_told(page: Page) -> None:
    for tab in ("", "/models", "/connections", "/edit", "/delete"):
        answer = page.goto("/projects/absent" + tab)
        assert answer
        assert answer.status == 404, tab
