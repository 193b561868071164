"""The lab's walks through OpenShift AI, step by step, in a browser: a real model, packed, pushed, served, asked."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect
from servers import Server, serving, wait

CATALOGUED = "RedHatAI/SmolLM2-135M-Instruct-GGUF"
PROJECT = "vllm-demo"
READY_MS = 240_000  # the first deployment makes the runtime's environment
RUNTIME = "llama.cpp ServingRuntime for KServe"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the lab's project, among others."""
    home = tmp_path_factory.mktemp("lab")
    with serving(home, FORECOURT_CATALOG_FOLDERS=str(home)) as running:
        for name in ("fraud", PROJECT):
            labels = {"opendatahub.io/dashboard": "true"}
            running.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        yield running


@pytest.fixture(scope="module")
def uri(server: Server, smollm2: Path) -> str:
    """A ModelCar of SmolLM2 in the embedded registry."""
    image = f"{server.record['registry']}/modelcar-catalog:smollm2-135m-instruct"
    folder = server.home / "smollm2"
    folder.mkdir()
    shutil.copy(smollm2, folder)
    for words in (("modelcar", "pack", str(folder), "-t", image, "--copy"), ("modelcar", "push", image)):
        done = server.run(*words)
        assert done.returncode == 0, done.stderr
    return f"oci://{image}"


@pytest.fixture(scope="module")
def catalogued(server: Server, uri: str) -> str:
    """The model in the catalog; where the catalog has it."""
    text = {"metadataType": "MetadataStringValue"}
    model = {
        "name": CATALOGUED,
        "provider": "Red Hat",
        "description": "A small model that speaks",
        "tasks": ["text-generation"],
        "customProperties": {"format": text | {"string_value": "gguf"}, "validated": text | {"string_value": ""}},
        "artifacts": [{"uri": uri}],
    }
    path = server.home / "validated.yaml"
    path.write_text(yaml.safe_dump({"source": "Red Hat AI validated", "models": [model]}))
    done = server.run("catalog", "sources", "add", "lab", "--path", str(path), "--label", "Red Hat AI validated")
    assert done.returncode == 0, done.stderr
    return f"catalog://lab/{CATALOGUED}"


def test_walk_a_a_model_is_deployed_from_a_registry(page: Page, server: Server, uri: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Data science projects").first.click()
    page.get_by_label("Filter by name").press_sequentially(PROJECT)
    expect(page.get_by_role("link", name="fraud")).to_have_count(0)
    page.get_by_role("link", name=PROJECT, exact=True).click()
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("button", name="Select single model").or_(
        page.get_by_role("link", name="Select single model")
    ).click()
    page.get_by_role("link", name="Deploy model").first.click()
    fill_the_form(page, uri, "smollm2-walk-a")
    page.locator("#deploy-submit").click()
    becomes_ready_without_reloading(page, "smollm2-walk-a")
    page.get_by_role("button", name="Copy").first.click()
    assert answer_of(server, "smollm2-walk-a").strip()


def test_walk_a_from_the_form_to_an_answer(page: Page, server: Server, uri: str) -> None:
    page.goto(f"/projects/{PROJECT}/deploy")
    fill_the_form(page, uri, "smollm2-135m-instruct")
    expect(page.locator("#fit")).to_contain_text("Fits this machine", timeout=20_000)
    expect(page.locator("#reviewed")).to_contain_text(RUNTIME)
    page.locator("#deploy-submit").click()
    page.wait_for_url(f"**/deployments/{PROJECT}/smollm2-135m-instruct")
    ready(server, "smollm2-135m-instruct")
    assert answer_of(server, "smollm2-135m-instruct").strip()


def test_walk_b_a_model_is_deployed_from_the_catalog(page: Page, server: Server, catalogued: str) -> None:
    assert catalogued
    page.goto("/")
    page.get_by_role("link", name="Model catalog").click()
    page.get_by_role("link", name="SmolLM2-135M-Instruct-GGUF").first.click()
    page.get_by_role("link", name="Deploy model").click()
    choose_the_project(page)
    check_what_was_imported(page)
    page.get_by_label("Serving runtime").select_option(RUNTIME)
    page.locator("#deploy-submit").click()
    becomes_ready_without_reloading(page, "smollm2-135m-instruct-gguf")
    assert answer_of(server, "smollm2-135m-instruct-gguf").strip()


def test_walk_b_from_the_choice_of_a_project_to_an_answer(page: Page, server: Server, catalogued: str) -> None:
    page.goto(f"/deploy?from={catalogued}")
    choose_the_project(page)
    check_what_was_imported(page)
    page.get_by_label("Serving runtime").select_option(RUNTIME)
    page.get_by_role("textbox", name="Model deployment name").fill("From the catalog")
    page.locator("#deploy-submit").click()
    page.wait_for_url(f"**/deployments/{PROJECT}/from-the-catalog")
    ready(server, "from-the-catalog")
    assert answer_of(server, "from-the-catalog").strip()


def fill_the_form(page: Page, uri: str, name: str) -> None:
    """Do the lab's step 6, field by field."""
    page.get_by_role("textbox", name="Model deployment name").fill(name)
    page.get_by_label("Connection type").select_option("URI - v1")
    page.get_by_role("textbox", name="Connection name").fill(name)
    expect(page.get_by_label("Create a connection to this location")).to_be_checked()
    page.get_by_role("textbox", name="URI", exact=True).fill(uri)
    expect(page.locator("#runtime")).to_contain_text(f"Auto-select: {RUNTIME}")
    page.get_by_label("Serving runtime").select_option(RUNTIME)
    page.get_by_label("Advanced", exact=True).check()
    page.get_by_label("Number of model server replicas to deploy").fill("1")
    page.get_by_label("Hardware profile").select_option(index=1)
    page.get_by_label("Make deployed models available through an external route").uncheck()


def choose_the_project(page: Page) -> None:
    """Do the lab's steps 4 to 6: open the list, search, choose."""
    page.get_by_text("Select a project", exact=True).click()
    expect(page.get_by_role("link", name="fraud")).to_be_visible()
    search = page.get_by_role("searchbox", name="Search project name")
    search.press_sequentially("vllm")
    search.press("Enter")
    expect(page.get_by_role("link", name="fraud")).to_have_count(0)
    page.get_by_role("link", name=PROJECT, exact=True).click()


def check_what_was_imported(page: Page) -> None:
    """The form comes filled, and where the model is cannot be typed over."""
    told = "The SmolLM2-135M-Instruct-GGUF model details have been imported from the model catalog."
    expect(page.get_by_text(told)).to_be_visible()
    expect(page.get_by_role("textbox", name="URI", exact=True)).to_have_count(0)
    expect(page.get_by_role("textbox", name="Model deployment name")).to_have_value("SmolLM2-135M-Instruct-GGUF")


def becomes_ready_without_reloading(page: Page, name: str) -> None:
    """The status goes from Starting to Ready on the page that is open."""
    page.wait_for_url(f"**/deployments/{PROJECT}/{name}")
    page.evaluate("window.same = true")
    expect(page.get_by_text("Ready", exact=True).first).to_be_visible(timeout=READY_MS)
    assert page.evaluate("window.same")


def ready(server: Server, name: str) -> None:
    """Wait until it answers."""

    def is_ready() -> bool:
        services = f"/apis/serving.kserve.io/v1beta1/namespaces/{PROJECT}/inferenceservices/{name}"
        conditions = (server.call("GET", services)[1].get("status") or {}).get("conditions") or []
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    wait(is_ready, READY_MS / 1000, f"{name} is ready")


def answer_of(server: Server, name: str) -> str:
    """Ask the model through the gateway's address."""
    services = f"/apis/serving.kserve.io/v1beta1/namespaces/{PROJECT}/inferenceservices/{name}"
    url = server.call("GET", services)[1]["status"]["url"]
    question = {"role": "user", "content": "What is the capital of France?"}
    body = {"model": name, "messages": [question], "max_tokens": 40, "temperature": 0}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return str(json.load(answer)["choices"][0]["message"]["content"])


def test_walk_c_a_model_is_registered_deployed_archived_and_restored(
    page: Page, server: Server, catalogued: str, uri: str
) -> None:
    register_from_the_catalog(page)
    register_another_version(page, uri)
    page.get_by_role("navigation", name="Of the version").get_by_role("link", name="Lineage").click()
    drawing = page.get_by_role("region", name="Lineage, drawn")
    expect(drawing.get_by_role("link", name=f"ModelCar: {uri}")).to_be_visible()
    page.locator("summary", has_text="Another version").click()
    page.get_by_role("link", name="smollm2-135m-instruct", exact=True).click()
    page.get_by_role("navigation", name="Of the version").get_by_role("link", name="Lineage").click()
    expect(drawing.get_by_role("link", name=f"Model catalog: {catalogued}")).to_be_visible()
    deploy_the_version(page)
    name = page.url.rpartition("/")[2]
    becomes_ready_without_reloading(page, name)
    assert answer_of(server, name).strip()
    archive_and_restore(page, server, name)


def register_from_the_catalog(page: Page) -> None:
    """Model catalog → the model → Register model → the form comes filled → Register model."""
    page.goto("/")
    page.get_by_role("link", name="Model catalog").click()
    page.get_by_role("link", name="SmolLM2-135M-Instruct-GGUF").first.click()
    page.get_by_role("link", name="Register model").click()
    expect(page.get_by_label("Model name")).to_have_value("SmolLM2-135M-Instruct-GGUF")
    expect(page.get_by_label("Version name")).to_have_value("smollm2-135m-instruct")
    expect(page.get_by_label("Source model format", exact=True)).to_have_value("gguf")
    page.get_by_label("Model name").fill("smollm2")
    page.locator("#register-submit").click()
    page.wait_for_url("**/registry/versions/*")
    expect(page.get_by_role("heading", name="smollm2 smollm2-135m-instruct")).to_be_visible()


def register_another_version(page: Page, uri: str) -> None:
    """Model registry → the model → Register new version, from where its image is."""
    page.get_by_role("link", name="Model registry").first.click()
    page.get_by_role("link", name="smollm2", exact=True).click()
    page.get_by_role("link", name="Register new version").first.click()
    page.get_by_label("Version name").fill("2.0")
    page.get_by_label("URI", exact=True).check()
    page.get_by_role("textbox", name="URI").fill(uri)
    expect(page.locator("#known")).to_contain_text("What is known of the model")
    page.get_by_role("textbox", name="Aliases").fill("champion")
    page.locator("#register-submit").click()
    page.wait_for_url("**/registry/versions/*")
    expect(page.get_by_role("heading", name="smollm2 2.0")).to_be_visible()


def deploy_the_version(page: Page) -> None:
    """Deploy → the project → the form comes filled → Deploy."""
    page.get_by_role("link", name="Deploy", exact=True).click()
    choose_the_project(page)
    expect(page.get_by_text("model details have been imported from the model registry.")).to_be_visible()
    page.get_by_label("Serving runtime").select_option(RUNTIME)
    page.locator("#deploy-submit").click()
    page.wait_for_url(f"**/deployments/{PROJECT}/*")


def archive_and_restore(page: Page, server: Server, deployed: str) -> None:
    """What is deployed is not archived; once nothing serves it, it goes into the archive and comes back."""

    def archive() -> None:
        page.goto("/registry")
        page.get_by_role("button", name="Actions of smollm2").click()
        page.get_by_role("link", name="Archive model").click()

    archive()
    expect(page.get_by_role("dialog", name="smollm2 is deployed")).to_contain_text(f"{PROJECT}/{deployed}")
    services = f"/apis/serving.kserve.io/v1beta1/namespaces/{PROJECT}/inferenceservices/{deployed}"
    assert server.call("DELETE", services)[0] == 200
    wait(lambda: server.call("GET", services)[0] == 404, 30, "the deployment is gone")
    archive()
    dialog = page.get_by_role("dialog", name="Archive model?")
    dialog.get_by_role("textbox").fill("smollm2")
    dialog.get_by_role("button", name="Archive", exact=True).click()
    expect(page.locator(".fc-notice")).to_contain_text("smollm2 is archived")
    expect(page.get_by_role("link", name="smollm2", exact=True)).to_have_count(0)
    page.get_by_role("link", name="View archived models").click()
    page.get_by_role("link", name="smollm2", exact=True).click()
    page.get_by_role("button", name="Restore model").click()
    page.get_by_role("link", name="Model registry").first.click()
    expect(page.get_by_role("link", name="smollm2", exact=True)).to_be_visible()
