"""Deploy model in a browser, and the deployment that comes of it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect
from seeing import look
from servers import SERVICES, Server, tiny_service, wait

SECRETS = "/api/v1/namespaces/default/secrets"
FORM = "/projects/default/deploy"
HOSTILE = "<script>window.owned = true</script>"


@pytest.fixture
def form(page: Page, model: Path) -> Page:
    """The form, filled with what a deployment needs at least."""
    page.goto(FORM)
    box(page, "URI").fill(f"file://{model}")
    page.get_by_label("Model framework").select_option("tiny")
    return page


@pytest.fixture(autouse=True)
def _nothing_is_left(server: Server) -> Iterator[None]:
    yield
    for service in server.call("GET", SERVICES)[1]["items"]:
        server.call("DELETE", f"{SERVICES}/{service['metadata']['name']}")
    wait(lambda: not server.call("GET", SERVICES)[1]["items"], 20, "the deployments are gone")
    for secret in server.call("GET", SECRETS)[1]["items"]:
        server.call("DELETE", f"{SECRETS}/{secret['metadata']['name']}")


def box(page: Page, name: str) -> Any:
    return page.get_by_role("textbox", name=name, exact=True)


def deploy(page: Page) -> None:
    page.locator("#deploy-submit").click()


def service(server: Server, name: str) -> dict[str, Any]:
    status, document = server.call("GET", f"{SERVICES}/{name}")
    assert status == 200, document
    return dict(document)


def connections(server: Server) -> list[dict[str, Any]]:
    return [one for one in server.call("GET", SECRETS)[1]["items"] if "service-account" not in one.get("type", "")]


def previewed(page: Page) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(page.locator("#deploy-yaml").inner_text()))


def test_a_model_is_deployed_as_the_preview_says(form: Page, server: Server, model: Path) -> None:
    box(form, "Model deployment name").fill("My Granite")
    box(form, "Description").fill("For the help desk")
    form.get_by_text("Advanced", exact=True).click()
    form.get_by_label("Number of model server replicas").fill("0")
    form.get_by_label("Maximum number of replicas").fill("2")
    box(form, "Additional runtime arguments").fill("# slow at first\n--ready-after=0.1\n\n")
    form.get_by_role("button", name="Add custom runtime environment variables").click()
    form.get_by_label("Name of variable 1").fill("LOG_LEVEL")
    form.get_by_label("Value of variable 1").fill("debug")
    expect(form.locator("#deploy-yaml")).to_contain_text("LOG_LEVEL")
    expect(form.locator("#reviewed")).to_contain_text("0 to 2")
    expect(form.locator("#runtime")).to_contain_text("Auto-select: tiny")
    look(form, "deploy-model")
    connection, preview = previewed(form)
    deploy(form)
    form.wait_for_url("**/deployments/default/my-granite")
    made = service(server, "my-granite")
    for key in ("labels", "annotations"):
        assert made["metadata"][key] == preview["metadata"][key]
    assert made["spec"] == preview["spec"]
    predictor = made["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"], predictor["timeout"]) == (0, 2, 30)
    assert predictor["model"]["args"] == ["--ready-after=0.1"]
    assert predictor["model"]["storageUri"] == f"file://{model}"
    assert predictor["model"]["runtime"] == "tiny"
    notes = made["metadata"]["annotations"]
    assert notes["serving.kserve.io/deploymentMode"] == "Serverless"
    assert notes["openshift.io/display-name"] == "My Granite"
    (kept,) = connections(server)
    assert kept["metadata"]["name"] == connection["metadata"]["name"] == notes["opendatahub.io/connections"]
    assert kept["metadata"]["annotations"]["opendatahub.io/connection-hidden"] == "true"
    assert kept["metadata"]["ownerReferences"][0]["name"] == "my-granite"


def test_a_connection_that_is_kept_is_offered_to_the_next_deployment(form: Page, server: Server) -> None:
    form.get_by_label("Create a connection to this location").check()
    box(form, "Connection name").fill("Granite's place")
    box(form, "Model deployment name").fill("one")
    deploy(form)
    form.wait_for_url("**/deployments/default/one")
    form.goto(FORM)
    form.get_by_label("Existing connection").check()
    form.locator("#connection").select_option("Granite's place")
    form.get_by_label("Model framework").select_option("tiny")
    box(form, "Model deployment name").fill("two")
    deploy(form)
    form.wait_for_url("**/deployments/default/two")
    assert len(connections(server)) == 1
    assert (
        service(server, "two")["spec"]["predictor"]["model"]["storageUri"]
        == (service(server, "one")["spec"]["predictor"]["model"]["storageUri"])
    )


@pytest.mark.parametrize(
    ("label", "typed", "field", "wrong"),
    [
        ("Resource name", "Not A Name", "name", "lower-case letter"),
        ("Resource name", "a" * 60, "name", "no more than 53 characters"),
        ("URI", "no-scheme", "value-URI", "scheme"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_while_one_types(
    form: Page, label: str, typed: str, field: str, wrong: str
) -> None:
    box(form, "Model deployment name").fill("fine")
    control = box(form, label)
    control.fill(typed)
    expect(form.locator(f"[id='{field}-help']")).to_contain_text(wrong)
    expect(control).to_have_attribute("aria-invalid", "true")
    expect(control).to_be_focused()
    expect(control).to_have_value(typed)


def test_numbers_are_held_to_their_bounds(form: Page) -> None:
    for label, typed, field, wrong in (
        ("Number of model server replicas", "0", "replicas", "from 1 to 99"),
        ("Number of model server replicas", "100", "replicas", "from 1 to 99"),
        ("Model route timeout", "-5", "timeout", "from 0 to 1,000,000"),
    ):
        form.get_by_label(label).fill(typed)
        expect(form.locator(f"#{field}-help")).to_contain_text(wrong)
    form.get_by_label("Number of model server replicas").fill("2")
    expect(form.locator("#replicas-help")).not_to_contain_text("whole number")
    form.get_by_text("Advanced", exact=True).click()
    form.get_by_label("Maximum number of replicas").fill("1")
    expect(form.locator("#most-help")).to_contain_text("must not be less than 2")


def test_amounts_are_held_to_the_bounds_of_the_hardware_profile(form: Page) -> None:
    form.get_by_text("Customize resource requests and limits").click()
    box(form, "CPU requests").fill("5000")
    expect(form.locator("[id='request-cpu-help']")).to_contain_text("more than")
    form.get_by_label("Hardware profile").select_option("")
    expect(form.locator("#resources")).to_contain_text("A hardware profile says")


def test_nothing_is_wrong_before_anything_is_typed_and_everything_once_it_is_sent(page: Page) -> None:
    page.goto(FORM)
    expect(page.locator("[aria-invalid=true]")).to_have_count(0)
    deploy(page)
    expect(page.locator("#title-help")).to_contain_text("needs a name")
    expect(page.locator("[id='value-URI-help']")).to_contain_text("URI is needed")
    expect(page.locator("#form-said")).to_contain_text("was not deployed")
    expect(box(page, "URI")).to_be_focused()
    look(page, "deploy-model-refused")


def test_runtimes_that_cannot_run_here_say_why(page: Page) -> None:
    page.goto(FORM)
    page.get_by_label("Model framework").select_option("vLLM")
    expect(page.locator("#runtimes-elsewhere")).to_contain_text("cannot run on this machine")
    page.locator("#runtimes-elsewhere summary").click()
    expect(page.locator("#runtimes-elsewhere")).to_contain_text("needs an NVIDIA GPU")
    expect(page.locator("#runtime option", has_text="vLLM NVIDIA GPU")).to_be_disabled()


def test_opening_a_route_asks_for_tokens_which_are_shown_once(form: Page, server: Server) -> None:
    box(form, "Model deployment name").fill("guarded")
    form.get_by_label("Make deployed models available through an external route").check()
    expect(form.get_by_label("Require token authentication")).to_be_checked()
    form.get_by_role("button", name="Add a service account").click()
    form.get_by_label("Service account name 2").fill("default-name")
    expect(form.locator("#token-help")).to_contain_text("there once")
    form.get_by_label("Service account name 2").fill("notebook")
    deploy(form)
    expect(form.get_by_role("heading", name="guarded is being deployed")).to_be_visible()
    token = form.get_by_role("button", name="Copy the token notebook").get_attribute("data-copy")
    assert token
    assert token.startswith("fct-")
    expect(form).to_have_url(server.record["url"] + "/deployments/default/guarded")
    names = [one["name"] for one in server.call("GET", f"{SERVICES}/guarded/tokens")[1]["items"]]
    assert sorted(names) == ["default-name", "notebook"]
    assert service(server, "guarded")["metadata"]["labels"]["networking.kserve.io/visibility"] == "exposed"


def test_an_open_route_is_warned_of(form: Page) -> None:
    form.get_by_label("Make deployed models available through an external route").check()
    form.get_by_label("Require token authentication").uncheck()
    expect(form.get_by_text("can lead to security vulnerabilities")).to_be_visible()


def test_a_double_click_deploys_once_and_back_does_not_deploy_again(form: Page, server: Server) -> None:
    sent: list[str] = []
    form.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    box(form, "Model deployment name").fill("once")
    form.locator("#deploy-submit").dblclick()
    form.wait_for_url("**/deployments/default/once")
    assert [url for url in sent if url.endswith("/deploy")] == [server.record["url"] + FORM]
    form.go_back()
    deploy(form)
    expect(form.locator("#form-said")).to_contain_text("was not deployed")
    assert [one["metadata"]["name"] for one in server.call("GET", SERVICES)[1]["items"]] == ["once"]


def test_the_same_form_sent_twice_at_a_time_makes_one_deployment(server: Server, model: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    fields = {
        "key": "abc",
        "location": "uri",
        "uri": f"file://{model}",
        "title": "twice",
        "model-format": "tiny",
        "mode": "Standard",
        "replicas": "1",
    }
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda _: post(server, FORM, fields), range(4))]
    assert answers == [(200, {"location": "/deployments/default/twice"})] * 4
    assert post(server, FORM, fields | {"key": "other"})[0] == 422


def test_a_deployment_that_is_refused_leaves_no_connection_behind(server: Server, model: Path) -> None:
    server.call("POST", SERVICES, tiny_service("taken", model))
    order = {
        "connection": {
            "metadata": {"name": "left", "annotations": {"opendatahub.io/connection-type-ref": "uri-v1"}},
            "stringData": {"URI": f"file://{model}"},
        },
        "inferenceService": tiny_service("taken", model),
    }
    status, answer = server.call("POST", "/api/forecourt/v1/namespaces/default/deployments", order)
    assert (status, answer["reason"]) == (409, "AlreadyExists")
    assert connections(server) == []
    fields = {"location": "new", "connection-type": "uri-v1", "value-URI": f"file://{model}", "title": "taken"}
    status, page = post(server, FORM, fields | {"model-format": "tiny", "mode": "Standard", "save": "true"})
    assert status == 422
    assert "already" in page["errors"]["name"]
    assert connections(server) == []


def test_a_deployment_in_one_go_has_its_fields_checked_as_one_by_itself(server: Server, model: Path) -> None:
    service = tiny_service("misspelled", model)
    service["spec"]["predictor"]["minReplica"] = 1
    where = "/api/forecourt/v1/namespaces/default/deployments?dryRun=All"
    assert server.call("POST", where, {"inferenceService": service})[0] == 201
    status, answer = server.call("POST", f"{where}&fieldValidation=Strict", {"inferenceService": service})
    assert (status, answer["reason"]) == (400, "BadRequest")
    assert 'unknown field "spec.predictor.minReplica": did you mean minReplicas?' in answer["message"]


def test_what_was_typed_stays_and_secrets_are_never_shown(page: Page, server: Server) -> None:
    page.goto(FORM)
    page.get_by_label("Connection type").select_option("S3 compatible object storage - v1")
    box(page, "Access key").fill("me")
    box(page, "Secret key").fill("s3cr3t-value")
    box(page, "Endpoint").fill("http://127.0.0.1:1")
    box(page, "Bucket").fill("models")
    expect(page.locator("#deploy-yaml")).to_contain_text("AWS_SECRET_ACCESS_KEY: (hidden)")
    deploy(page)
    expect(page.locator("#path-help")).to_contain_text("more than slashes")
    expect(box(page, "Access key")).to_have_value("me")
    expect(box(page, "Secret key")).to_have_value("s3cr3t-value")  # as typed: the page was not loaded again
    assert "s3cr3t-value" not in page.content()
    box(page, "Path").fill("granite")
    expect(page.locator("#deploy-yaml")).to_contain_text("path: granite")
    fields = {"location": "new", "connection-type": "s3", "value-AWS_SECRET_ACCESS_KEY": "s3cr3t-value"}
    _, twin = post(server, FORM, fields)
    assert "s3cr3t-value" not in json.dumps(twin)
    _, html = post(server, FORM, fields, accept="text/html")
    assert "s3cr3t-value" not in html


def test_hostile_text_comes_out_as_text(form: Page, server: Server, model: Path) -> None:
    for label in ("Model deployment name", "Description", "Additional runtime arguments"):
        box(form, label).fill(HOSTILE)
    box(form, "Resource name").fill("hostile")
    expect(form.locator("#deploy-yaml")).to_contain_text(HOSTILE)
    expect(form.locator("#reviewed")).to_contain_text(HOSTILE)
    deploy(form)
    form.wait_for_url("**/deployments/default/hostile")
    form.goto("/deployments/default/hostile/edit")
    expect(form.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    expect(box(form, "Description")).to_have_value(HOSTILE)
    assert form.evaluate("window.owned") is None


def test_editing_keeps_what_the_form_does_not_know(page: Page, server: Server, model: Path) -> None:
    made = tiny_service("edited", model, "--ready-after=0.1")
    made["metadata"]["annotations"] = {"example.org/owner": "me"}
    made["spec"]["predictor"] |= {"containerConcurrency": 7}
    made["spec"]["predictor"]["model"]["env"] = [
        {"name": "KEEP", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
        {"name": "LOG", "value": "info"},
    ]
    server.call("POST", SERVICES, made)
    page.goto("/deployments/default/edited/edit")
    expect(box(page, "Model URI")).to_have_value(f"file://{model}")
    expect(box(page, "Additional runtime arguments")).to_have_value("--ready-after=0.1")
    expect(page.locator("#env-rows")).to_contain_text("KEEP: from elsewhere")
    box(page, "Model deployment name").fill("Edited")
    page.get_by_label("Value of variable 1").fill("debug")
    box(page, "Change cause").fill("more log")
    look(page, "deployment-edit")
    deploy(page)
    page.wait_for_url("**/deployments/default/edited")
    after = service(server, "edited")
    notes, predictor = after["metadata"]["annotations"], after["spec"]["predictor"]
    assert notes["example.org/owner"] == "me"
    assert notes["openshift.io/display-name"] == "Edited"
    assert notes["kubernetes.io/change-cause"] == "more log"
    assert predictor["containerConcurrency"] == 7
    assert predictor["model"]["args"] == ["--ready-after=0.1"]
    assert predictor["model"]["env"] == [
        made["spec"]["predictor"]["model"]["env"][0],
        {"name": "LOG", "value": "debug"},
    ]


def test_a_deployment_that_was_changed_meanwhile_is_refreshed_or_overwritten(
    page: Page, server: Server, model: Path
) -> None:
    server.call("POST", SERVICES, tiny_service("shared", model))
    page.goto("/deployments/default/shared/edit")
    change = {"metadata": {"annotations": {"openshift.io/description": "theirs"}}}
    server.call("PATCH", f"{SERVICES}/shared", change)
    box(page, "Description").fill("mine")
    deploy(page)
    expect(page.get_by_text("This deployment was changed meanwhile")).to_be_visible()
    expect(box(page, "Description")).to_have_value("mine")
    page.get_by_role("button", name="Overwrite").click()
    page.wait_for_url("**/deployments/default/shared")
    assert service(server, "shared")["metadata"]["annotations"]["openshift.io/description"] == "mine"
    page.goto("/deployments/default/shared/edit")
    server.call("PATCH", f"{SERVICES}/shared", change)
    deploy(page)
    page.get_by_role("link", name="Refresh").click()
    expect(box(page, "Description")).to_have_value("theirs")


def test_a_project_is_chosen_by_a_search_that_submits_nothing(page: Page, server: Server) -> None:
    labels = {"opendatahub.io/dashboard": "true"}
    server.call("POST", "/api/v1/namespaces", {"metadata": {"name": "vllm-demo", "labels": labels}})
    page.goto("/deploy?from=hf%3A%2F%2Fowner%2Fmodel-GGUF")
    page.get_by_text("Select a project", exact=True).click()
    search = page.get_by_role("searchbox", name="Search project name")
    search.press_sequentially("vllm")
    search.press("Enter")
    expect(page.get_by_role("link", name="default")).to_have_count(0)
    expect(page.get_by_role("link", name="vllm-demo")).to_be_visible()
    look(page, "deploy-choose-project")
    page.get_by_role("link", name="vllm-demo").click()
    expect(box(page, "URI")).to_have_value("hf://owner/model-GGUF")
    expect(box(page, "Model deployment name")).to_have_value("model-gguf")
    expect(page.locator("#model-format")).to_contain_text("As the model says: gguf")
    expect(page.locator("#runtime")).to_contain_text("Auto-select: llama.cpp")


def test_a_registered_version_comes_with_its_name_and_is_known_to_the_registry(
    page: Page, server: Server, model: Path
) -> None:
    words = ("registry", "register", f"file://{model}", "--name", "talker", "--version", "1.0", "--format", "tiny")
    assert server.run(*words).returncode == 0
    page.goto(FORM + "?from=model-registry%3A%2F%2Ftalker%2F1.0")
    told = "The talker - 1.0 model details have been imported from the model registry."
    expect(page.get_by_text(told)).to_be_visible()
    expect(box(page, "Model deployment name")).to_have_value("talker - 1.0")
    expect(page.get_by_text(f"file://{model}", exact=True).first).to_be_visible()
    expect(box(page, "URI")).to_have_count(0)
    deploy(page)
    page.wait_for_url("**/deployments/default/talker-10")
    labels = service(server, "talker-10")["metadata"]["labels"]
    assert labels["modelregistry.opendatahub.io/model-version-id"]
    page.goto("/deployments/default/talker-10/edit")
    box(page, "Description").fill("still that version")
    deploy(page)
    page.wait_for_url("**/deployments/default/talker-10")
    assert service(server, "talker-10")["metadata"]["labels"] == labels


def test_a_model_of_the_catalog_brings_the_arguments_of_its_tool_calling(server: Server) -> None:
    text = {"metadataType": "MetadataStringValue", "string_value": ""}
    tools = {"toolCallParser": "hermes", "enableAutoToolChoice": True}
    caller = {
        "name": "acme/caller",
        "customProperties": {"validated": text},
        "servingConfig": {"toolCalling": tools},
        "artifacts": [{"uri": "hf://acme/caller"}],
    }
    path = server.home / "callers.yaml"
    path.write_text(yaml.safe_dump({"source": "Callers", "models": [caller]}))
    added = server.run("catalog", "sources", "add", "callers", "--path", str(path))
    assert added.returncode == 0, added.stderr
    address = f"{FORM}?format=json&from=catalog://callers/acme/caller"
    twin = server.call("GET", address)[1]
    assert twin["form"]["args"].splitlines() == [
        "# Validated arguments for Tool calling",
        "--enable-auto-tool-choice",
        "--tool-call-parser=hermes",
    ]
    assert twin["form"]["title"] == "caller"
    assert twin["imported"]["origin"] == "catalog"
    assert server.call("GET", f"{FORM}?format=json&from=catalog://nowhere/nothing")[0] == 404


def test_the_form_has_a_json_twin_and_a_project_that_is_not_there_is_said(server: Server) -> None:
    with urllib.request.urlopen(server.record["url"] + FORM + "?format=json") as answer:
        twin = json.load(answer)
    assert twin["project"] == "default"
    assert ["uri-v1", "URI - v1"] in twin["types"]
    assert server.call("GET", "/projects/nowhere/deploy?format=json")[0] == 404
    assert server.call("GET", "/deployments/default/nothing/edit?format=json")[0] == 404


def post(server: Server, path: str, fields: dict[str, str], accept: str = "application/json") -> tuple[int, Any]:
    """Send a form as a browser without scripts does."""
    from urllib.error import HTTPError
    from urllib.parse import urlencode

    request = urllib.request.Request(server.record["url"] + path, urlencode(fields).encode(), {"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, body = answer.status, answer.read().decode()
    except HTTPError as error:
        status, body = error.code, error.read().decode()
    return status, json.loads(body) if accept == "application/json" else body
