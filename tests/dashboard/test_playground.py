"""The playground in a browser, with a runtime that answers in capitals."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from seeing import look
from servers import RUNTIMES, SERVICES, TINY_RUNTIME, Server, serving, wait

from forecourt.dashboard.playground import kind

ANSWERING = Path(__file__).parents[1] / "cli" / "answering_runtime.py"


def _service(name: str, model: Path, *args: str, **annotations: str) -> dict[str, Any]:
    spec = {"modelFormat": {"name": "answering"}, "storageUri": f"file://{model}", "args": list(args)}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"predictor": {"minReplicas": 1, "model": spec}},
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two deployments that answer, one of them slowly, and one that asks for a token."""
    model = tmp_path_factory.mktemp("model")
    (model / "model.bin").write_bytes(b"tiny")
    runtime = copy.deepcopy(TINY_RUNTIME)
    runtime["metadata"] = {
        "name": "answering",
        "annotations": {"forecourt.dev/local-command": f"python {ANSWERING}", "forecourt.dev/local-requirements": ""},
    }
    runtime["spec"]["supportedModelFormats"] = [{"name": "answering", "autoSelect": True}]  # type: ignore[index]
    with serving(tmp_path_factory.mktemp("home")) as running:
        assert running.call("POST", RUNTIMES, runtime)[0] == 201
        for service in (
            _service("quick", model),
            _service("slow", model, "--pause=0.15"),
            _service("locked", model, **{"security.opendatahub.io/enable-auth": "true"}),
            _service("halted", model, **{"serving.kserve.io/stop": "true"}),
        ):
            assert running.call("POST", SERVICES, service)[0] == 201
        for name in ("quick", "slow", "locked"):
            wait(lambda name=name: _ready(running, name), 30, f"{name} is ready")  # type: ignore[misc]
        yield running


def _ready(server: Server, name: str) -> bool:
    status = server.call("GET", f"{SERVICES}/{name}")[1].get("status") or {}
    return any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", ()))


def _ask(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.get_by_label("Your message").press("Enter")


def test_a_model_answers_and_says_how_fast(page: Page) -> None:
    page.goto("/playground?deployment=default/quick")
    _ask(page, "good morning to **you**")
    messages = page.get_by_role("log", name="Messages with quick")
    expect(messages).to_contain_text("GOOD MORNING TO YOU")
    expect(messages.locator("strong")).to_have_text("YOU")
    expect(page.locator("[data-speed]")).to_contain_text("first token after")
    expect(page.locator("[data-speed]")).to_contain_text("tokens/s")
    expect(page.locator("#said")).to_contain_text("GOOD MORNING")
    look(page, "playground")


def test_a_conversation_lasts_through_a_reload_and_clearing_can_be_undone(page: Page) -> None:
    page.goto("/playground?deployment=default/quick")
    _ask(page, "first")
    expect(page.get_by_role("log")).to_contain_text("FIRST")
    page.reload()
    expect(page.get_by_role("log")).to_contain_text("FIRST")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("log")).not_to_contain_text("FIRST")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("log")).to_contain_text("FIRST")


def test_an_answer_is_stopped_and_generated_again_and_a_question_edited(page: Page) -> None:
    page.goto("/playground?deployment=default/slow")
    _ask(page, "one two three four five six seven eight nine ten")
    expect(page.get_by_role("log")).to_contain_text("ONE TWO")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("log")).to_contain_text("Stopped.")
    expect(page.get_by_role("log")).not_to_contain_text("TEN")
    page.get_by_role("button", name="Edit and send again").click()
    expect(page.get_by_label("Your message")).to_have_value("one two three four five six seven eight nine ten")
    _ask(page, "short")
    expect(page.get_by_role("log")).to_contain_text("SHORT")
    page.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("log")).to_contain_text("SHORT")


def test_parameters_are_sent_and_are_in_the_code(page: Page) -> None:
    page.goto("/playground?deployment=default/quick")
    page.get_by_label("System instructions").fill("be brief")
    page.get_by_label("Temperature").fill("0")
    page.get_by_label("Max tokens").fill("50")
    page.get_by_label("Stop sequences").fill("END")
    page.get_by_label("Seed").fill("7")
    page.get_by_role("switch", name="Streaming").uncheck(force=True)
    _ask(page, "hi")
    expect(page.get_by_role("log")).to_contain_text("HI (be brief) coldly, after 1")
    page.get_by_role("button", name="View code").click()
    code = page.locator("#shown-code")
    for said in (
        '"temperature": 0',
        '"max_tokens": 50',
        '"seed": 7',
        '"END"',
        "be brief",
        '"content": "hi"',
        "curl http",
    ):
        expect(code).to_contain_text(said)
    page.get_by_role("button", name="Python").click()
    expect(code).to_contain_text("from openai import OpenAI")
    expect(code).to_contain_text('model="quick"')
    look(page, "playground-code")


def test_two_models_answer_side_by_side(page: Page) -> None:
    page.goto("/playground?deployment=default/quick&compare=default/slow")
    _ask(page, "both of you")
    for name in ("quick", "slow"):
        expect(page.get_by_role("log", name=f"Messages with {name}")).to_contain_text("BOTH OF YOU")
    look(page, "playground-compare")


def test_a_token_is_asked_for_and_kept_in_the_tab_only(page: Page, server: Server) -> None:
    token = server.call("POST", f"{SERVICES}/locked/tokens", {"name": "me"})[1]["token"]
    page.goto("/playground?deployment=default/locked")
    _ask(page, "hello")
    expect(page.get_by_role("alert")).to_contain_text("asks for a token")
    page.get_by_label("Token of locked").fill(token)
    _ask(page, "hello")
    expect(page.get_by_role("log")).to_contain_text("HELLO")
    page.reload()
    expect(page.get_by_label("Token of locked")).to_have_value(token)
    assert token not in page.url
    assert page.evaluate("JSON.stringify(localStorage)").find(token) == -1
    page.get_by_role("button", name="View code").click()
    expect(page.locator("#shown-code")).to_contain_text("$TOKEN")
    expect(page.locator("#shown-code")).not_to_contain_text(token)


def test_what_is_stopped_says_so_and_leads_to_where_it_is_started(page: Page) -> None:
    page.goto("/playground?deployment=default/halted")
    expect(page.get_by_text("halted is stopped.")).to_be_visible()
    _ask(page, "hello")
    expect(page.get_by_role("alert")).to_contain_text("does not run")
    expect(page.get_by_role("link", name="Open the deployment")).to_have_attribute(
        "href", "/deployments/default/halted"
    )


def test_what_a_model_says_is_text_whatever_it_says(page: Page) -> None:
    page.goto("/playground?deployment=default/quick")
    _ask(page, "<img src=x onerror=alert(1)> <script>alert(2)</script> [a](javascript:alert(3))\n```\n<b>x</b>\n```")
    expect(page.get_by_role("log")).to_contain_text("<IMG SRC=X ONERROR=ALERT(1)>")
    assert (
        page.locator(".fc-messages img, .fc-messages script, .fc-messages b, .fc-messages a[href^=javascript]").count()
        == 0
    )
    expect(page.locator(".fc-messages pre code").first).to_have_text("<B>X</B>")


def test_a_deployment_is_found_by_its_name(page: Page) -> None:
    page.goto("/playground?deployment=default/quick")
    page.locator("summary").filter(has_text="quick (default)").click()
    page.get_by_label("Find a deployment").first.fill("slo")
    expect(page.get_by_role("link", name="locked").first).to_be_hidden()
    page.get_by_role("link", name="slow").first.click()
    expect(page.get_by_role("log", name="Messages with slow")).to_be_visible()


def test_one_that_is_not_there_is_said_so(page: Page) -> None:
    page.goto("/playground?deployment=default/nothing")
    expect(page.get_by_text("There is no deployment default/nothing.")).to_be_visible()


def test_a_real_model_answers_and_its_tokens_are_measured(page: Page, server: Server, smollm2: Path) -> None:
    """SmolLM2 through llama.cpp."""
    assert server.run("deploy", f"file://{smollm2.parent}", "--model-format", "gguf", "--name", "real").returncode == 0
    page.goto("/playground?deployment=default/real")
    page.get_by_label("Max tokens").fill("24")
    page.get_by_label("Temperature").fill("0")
    _ask(page, "What is the capital of France?")
    expect(page.locator("[data-speed]")).to_contain_text("tokens/s", timeout=30_000)
    expect(page.get_by_role("article").last).to_contain_text("24 tokens", timeout=30_000)

    page.get_by_label("Mode", exact=True).select_option("completion")
    page.get_by_role("button", name="Clear").click()
    _ask(page, "one, two, three, four,")
    expect(page.get_by_role("article").last).to_contain_text("five", timeout=30_000)
    page.get_by_role("button", name="View code").click()
    expect(page.locator("#shown-code")).to_contain_text("/v1/completions")

    def generated() -> bool:
        return bool(server.call("GET", f"{SERVICES}/real/metrics")[1]["totals"]["tokens"])

    wait(generated, 25, "the tokens are counted")


def test_a_question_wakes_a_deployment_that_sleeps(page: Page, server: Server, model: Path) -> None:
    sleepy = _service("sleepy", model, **{"autoscaling.knative.dev/window": "6s"})
    sleepy["spec"]["predictor"]["minReplicas"] = 0
    assert server.call("POST", SERVICES, sleepy)[0] == 201
    page.goto("/playground?deployment=default/sleepy")
    expect(page.get_by_text("sleepy is asleep.")).to_be_visible(timeout=30_000)
    _ask(page, "good morning")
    expect(page.get_by_role("log")).to_contain_text("GOOD MORNING", timeout=30_000)
    expect(page.get_by_text("sleepy is asleep.")).to_have_count(0)


def test_one_that_makes_embeddings_says_how_to_ask_it(page: Page, server: Server, model: Path) -> None:
    stopped = {"serving.kserve.io/stop": "true"}
    assert server.call("POST", SERVICES, _service("vectors", model, "--embeddings", **stopped))[0] == 201
    page.goto("/playground?deployment=default/vectors")
    expect(page.get_by_text("vectors makes embeddings.")).to_be_visible()
    expect(page.locator(".fc-code")).to_contain_text("/v1/embeddings")
    expect(page.get_by_label("Your message")).to_have_count(0)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"modelFormat": {"name": "vLLM"}}, "chat"),
        ({"modelFormat": {"name": "vLLM"}, "args": ["--task=embed"]}, "embeddings"),
        ({"modelFormat": {"name": "vLLM"}, "args": ["--runner", "pooling"]}, "embeddings"),
        ({"modelFormat": {"name": "gguf"}, "args": ["--embeddings"]}, "embeddings"),
        ({"modelFormat": {"name": "sklearn"}}, "predictive"),
        ({}, "chat"),
    ],
)
def test_what_a_deployment_does_is_seen_by_its_format_and_arguments(model: dict[str, Any], said: str) -> None:
    assert kind({"spec": {"predictor": {"model": model}}}) == said
