"""Registering a model in a browser, and the lineage that comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from seeing import look
from servers import Server

OURS = "/api/forecourt/v1/registry"
QUANTIZED = "RedHatAI/Llama-3.3-70B-Instruct-quantized.w8a8"


def register(server: Server, name: str, version: str, uri: str, *links: dict[str, Any]) -> str:
    """Register a version, and return its id."""
    body = {
        "registeredModel": {"name": name},
        "modelVersion": {"name": version},
        "modelArtifact": {"uri": uri},
        "links": [*links],
    }
    status, made = server.call("POST", f"{OURS}/register", body)
    assert status == 201, made
    return str(made["modelVersion"]["id"])


def test_a_model_of_the_catalog_is_found_and_registered_once(page: Page, server: Server) -> None:
    page.goto("/registry/register")
    page.get_by_text("Choose from the model catalog").click()
    page.get_by_role("searchbox", name="Search the model catalog").press_sequentially("Llama-3.3-70B w8a8")
    page.get_by_role("button", name=QUANTIZED).click()
    told = f"The {QUANTIZED.partition('/')[2]} model details have been imported from the model catalog."
    expect(page.get_by_text(told)).to_be_visible()
    expect(page.get_by_label("Model name")).to_have_value(QUANTIZED.partition("/")[2])
    expect(page.locator("#register-yaml")).to_contain_text("quantized-from")
    page.get_by_label("Model name").fill("llama")
    page.get_by_role("textbox", name="Aliases").fill("champion")
    expect(page.locator("#register-yaml")).to_contain_text("champion")
    look(page, "registry-register-filled")
    page.get_by_role("button", name="Register model", exact=True).last.dblclick()
    page.wait_for_url("**/registry/versions/*")
    models = server.call("GET", "/api/model_registry/v1/registered_models?pageSize=500")[1]["items"]
    assert [one["name"] for one in models].count("llama") == 1


def test_a_name_that_is_taken_is_told_as_one_types_and_becomes_a_new_version(page: Page, server: Server) -> None:
    register(server, "granite", "v1", "hf://acme/granite")
    page.goto("/registry/register?from=hf://acme/granite-next")
    name = page.get_by_label("Model name")
    name.fill("granite")
    expect(page.locator("#name-help")).to_contain_text("A registered model is called granite already.")
    expect(name).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Register a new version of it").click(delay=300)  # as a person presses it, ms
    expect(page.get_by_role("heading", name="Register new version")).to_be_visible()
    version = page.get_by_label("Version name")
    version.fill("v1")
    expect(page.locator("#version-help")).to_contain_text("v2 is free")
    version.fill("v2")
    expect(page.locator("#version-help")).not_to_contain_text("free")
    page.get_by_role("button", name="Register new version", exact=True).last.click()
    page.wait_for_url("**/registry/versions/*")
    page.go_back()
    expect(page.get_by_label("Version name")).to_have_value("v2")


def test_what_is_refused_is_told_and_stays_typed(page: Page) -> None:
    page.goto("/registry/register")
    page.get_by_label("Model name").fill("<script>alert(1)</script>")
    page.get_by_role("button", name="Register model", exact=True).last.click()
    expect(page.get_by_role("alert")).to_contain_text("3 fields need your attention")
    expect(page.locator("#form-said")).to_be_focused()
    expect(page.get_by_label("Model name")).to_have_value("<script>alert(1)</script>")
    expect(page.get_by_label("Bucket")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("URI", exact=True).check()
    page.get_by_role("textbox", name="URI").fill("hf://acme/model")
    expect(page.locator("#known")).to_contain_text("What is known of the model")


@pytest.fixture(scope="module")
def family(server: Server) -> list[str]:
    """Versions that were made from each other, and the last one's deployment."""
    base = register(server, "base", "1.0", "hf://acme/base", {"relation": "source", "uri": "hf://acme/base@0123abc"})
    tuned = register(
        server,
        "tuned<b>",
        "2.0",
        "s3://models/tuned/2.0",
        {"relation": "finetuned-from", "uri": "model-registry://base/1.0", "modelVersionId": int(base)},
        {"relation": "trained-by", "uri": "https://mlflow.example.com/runs/7f3a"},
    )
    small = register(
        server,
        "small",
        "2.0-w4a16",
        f"oci://localhost:5000/models/small:2.0@sha256:{'ab12' * 16}",
        {"relation": "source", "uri": f"catalog://validated/{QUANTIZED}"},
        {"relation": "quantized-from", "uri": "model-registry://tuned/2.0", "modelVersionId": int(tuned)},
        {"relation": "evidence", "uri": "https://example.com/report", "detail": "average recovery 99.7 %"},
    )
    model = server.call("GET", f"/api/model_registry/v1/model_versions/{small}")[1]["registeredModelId"]
    environment = server.call("POST", "/api/model_registry/v1/serving_environments", {"name": "vllm-demo"})[1]["id"]
    service = {"registeredModelId": model, "modelVersionId": small, "servingEnvironmentId": environment}
    assert server.call("POST", "/api/model_registry/v1/inference_services", service | {"name": "chat/1"})[0] == 201
    for number in range(12):
        link = {"relation": "derived-from", "uri": "model-registry://small/2.0", "modelVersionId": int(small)}
        register(server, "many", str(number), "hf://acme/many", link)
    return [base, tuned, small]


def test_a_lineage_is_drawn_and_every_node_leads_somewhere(page: Page, server: Server, family: list[str]) -> None:
    page.goto(f"/registry/versions/{family[2]}/lineage")
    drawing = page.get_by_role("region", name="Lineage, drawn")
    expect(drawing.get_by_role("link", name="Version 2.0: tuned<b> 2.0")).to_be_visible()
    expect(drawing.get_by_role("link", name="ModelCar: oci://localhost:5000")).to_be_visible()
    expect(drawing.get_by_role("link", name="Evidence: https://example.com/report")).to_be_visible()
    expect(drawing.get_by_role("link", name="Deployment in vllm-demo: chat in vllm-demo")).to_have_attribute(
        "href", "/deployments/vllm-demo/chat"
    )
    expect(drawing.get_by_role("link", name="Model catalog: catalog://validated")).to_have_attribute(
        "href", f"/catalog/validated/{QUANTIZED}"
    )
    expect(drawing.get_by_text("5 more")).to_be_attached()
    listed = page.get_by_role("region", name="As a list")
    expect(listed.get_by_role("link", name="many 11")).to_be_visible()
    expect(listed.get_by_text("average recovery 99.7 %")).to_be_visible()
    expect(listed.get_by_role("link", name="acme/base")).to_be_visible()
    look(page, "registry-lineage")
    made = {"relation": "quantized-from", "uri": "model-registry://small/2.0", "modelVersionId": int(family[2])}
    register(server, "while-open", "1", "hf://acme/open", made)
    expect(drawing.get_by_role("link", name="Version 1: while-open 1")).to_be_visible()
    drawing.get_by_role("link", name="Version 2.0: tuned<b> 2.0").press("Enter")
    expect(page.get_by_role("heading", name="tuned<b> 2.0")).to_be_visible()
    page.get_by_role("link", name="Training run: https://mlflow.example.com/runs/7f3a").click()
    expect(page.get_by_role("heading", name="Where it is used")).to_be_visible()
    page.get_by_role("link", name="tuned<b> 2.0").click()
    expect(page.get_by_role("heading", name="tuned<b> 2.0")).to_be_visible()
