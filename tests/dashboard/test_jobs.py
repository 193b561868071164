"""Imports in the background, asked for and followed in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from seeing import look
from servers import Server
from tiny_models import write_gguf

JOBS = "/apis/forecourt.dev/v1alpha1/namespaces/default/jobs"


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def test_nothing_running_teaches_what_could(page: Page) -> None:
    page.goto("/jobs")
    expect(page.get_by_role("heading", name="Nothing runs in the background")).to_be_visible()
    look(page, "jobs-empty")


def test_a_model_is_imported_and_registered_while_the_page_is_open(page: Page, gguf: Path, server: Server) -> None:
    page.goto("/jobs/import")
    page.get_by_label("URI").fill(gguf.as_uri())
    page.get_by_label("Model name").fill("imported")
    look(page, "import")
    page.get_by_role("button", name="Import").dblclick()
    expect(page.get_by_text("Done")).to_be_visible()
    expect(page.get_by_role("link", name="Deploy model")).to_have_attribute(
        "href", "/deploy?from=model-registry%3A%2F%2Fimported%2Fv1"
    )
    assert len(server.call("GET", JOBS)[1]["items"]) == 1
    look(page, "jobs")


def test_what_fails_says_why_and_is_tried_again(page: Page, tmp_path: Path) -> None:
    missing = tmp_path / "later.gguf"
    page.goto("/jobs/import")
    page.get_by_label("URI").fill(missing.as_uri())
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("alert")).to_contain_text("later.gguf")
    write_gguf(missing)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="later.gguf").first).to_be_visible()
    expect(page.get_by_text("Done")).to_have_count(2)


def test_a_uri_that_is_none_is_refused_at_its_field(page: Page) -> None:
    page.goto("/jobs/import")
    page.get_by_label("URI").fill("<script>alert(1)</script>")
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#uri-help")).to_contain_text("it must be a URI")
    expect(page.get_by_label("URI")).to_have_value("<script>alert(1)</script>")


def test_an_image_needs_no_import(server: Server) -> None:
    job = {"metadata": {"name": "image"}, "spec": {"type": "import", "parameters": {"uri": "oci://a/b:c"}}}
    code, said = server.call("POST", JOBS, job)
    assert code == 400
    assert "an image already" in said["message"]


def test_a_runtimes_environment_is_made_in_the_background(server: Server) -> None:
    job = {"metadata": {"name": "wrong"}, "spec": {"type": "environment", "parameters": {"runtime": 5}}}
    assert server.call("POST", JOBS, job)[0] == 422
