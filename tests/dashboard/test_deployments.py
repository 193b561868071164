"""The list of deployments in a browser: its columns, its states as they change, and what is done from a row."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from seeing import look
from servers import SERVICES, Server, tiny_service, wait

HOSTILE = "<script>window.hacked = true</script>"


@pytest.fixture(scope="module", autouse=True)
def _deployments(server: Server, model: Path) -> None:
    """One that is ready, one that has failed, one that is stopped."""
    ready = tiny_service("granite", model)
    ready["metadata"]["annotations"] = {
        "openshift.io/display-name": "Granite 3.1 2B Instruct",
        "opendatahub.io/hardware-profile-name": "small",
    }
    stopped = tiny_service("resting", model)
    stopped["metadata"]["annotations"] = {"serving.kserve.io/stop": "true"}
    for one in (ready, tiny_service("broken", model, "--exit=3"), stopped):
        assert server.call("POST", SERVICES, one)[0] == 201
    wait(lambda: _ready(server, "granite"), 20, "granite is ready")


def _get(server: Server, name: str) -> dict[str, Any]:
    found: dict[str, Any] = server.call("GET", f"{SERVICES}/{name}")[1]
    return found


def _ready(server: Server, name: str) -> bool:
    conditions = (_get(server, name).get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_a_row_has_the_columns_of_openshift_ai(page: Page) -> None:
    page.goto("/deployments")
    for column in (
        "Model deployment name",
        "Project",
        "Deployment resource",
        "Inference endpoints",
        "Hardware profile",
        "Last deployed",
        "Status",
    ):
        expect(page.get_by_role("columnheader", name=column)).to_be_visible()
    row = _row(page, "Granite 3.1 2B Instruct")
    expect(row).to_contain_text("Small")
    expect(row.get_by_role("link", name="Ready")).to_be_visible()
    expect(_row(page, "broken")).to_contain_text("Not available")
    expect(_row(page, "resting").get_by_role("link", name="Stopped")).to_be_visible()
    look(page, "deployments")


def test_a_row_expands_to_what_it_is_and_the_address_says_so(page: Page) -> None:
    page.goto("/deployments")
    page.get_by_role("button", name="Details of Granite 3.1 2B Instruct").click()
    expect(page.get_by_text("Model server replicas")).to_be_visible()
    expect(page.get_by_text("1 CPU, 4Gi memory requests")).to_be_visible()
    expect(page.get_by_text("Not enabled")).to_be_visible()
    assert "open=default--granite" in page.url
    look(page, "deployments-expanded")


def test_an_endpoint_is_copied_from_its_popover(page: Page, server: Server) -> None:
    page.goto("/deployments")
    page.get_by_role("button", name="Internal: inference endpoints of Granite 3.1 2B Instruct").click()
    page.get_by_role("button", name="Copy the internal endpoint of Granite 3.1 2B Instruct").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == server.record["url"] + "/serving/default/granite"
    look(page, "deployments-endpoints")


def test_what_is_typed_filters_by_name_or_by_project(page: Page) -> None:
    page.goto("/deployments")
    page.get_by_label("Filter deployments").press_sequentially("gran")
    expect(_row(page, "broken")).to_have_count(0)
    expect(_row(page, "Granite 3.1 2B Instruct")).to_be_visible()
    page.get_by_label("Filter by").select_option("project")
    expect(page.get_by_text("No deployment is found")).to_be_visible()
    page.goto("/deployments?by=project&q=default")
    expect(_row(page, "broken")).to_be_visible()


def test_columns_sort_the_rows(page: Page) -> None:
    page.goto("/deployments")
    names = page.locator("td[data-label='Model deployment name'] a")
    page.get_by_role("link", name="Model deployment name").click()
    expect(names).to_have_text(["broken", "Granite 3.1 2B Instruct", "resting"])
    page.get_by_role("link", name="Model deployment name").click()
    expect(names).to_have_text(["resting", "Granite 3.1 2B Instruct", "broken"])
    page.get_by_label("Filter deployments").press_sequentially("g")
    expect(names).to_have_text(["resting", "Granite 3.1 2B Instruct"])
    expect(page).to_have_url(re.compile("q=g.*sort=name"))


def test_a_deployment_appears_and_becomes_ready_without_reloading(page: Page, server: Server, model: Path) -> None:
    page.goto("/deployments")
    page.evaluate("window.same = true")
    gate = model.parent / "gate"
    gate.touch()
    server.call("POST", SERVICES, tiny_service("live", model, f"--fail-while={gate}"))
    row = _row(page, "live")
    expect(row.get_by_role("link", name="Starting")).to_be_visible()
    expect(row).to_contain_text("Pending")
    gate.unlink()
    expect(row.get_by_role("link", name="Ready")).to_be_visible(timeout=15_000)
    assert page.evaluate("window.same")
    server.call("DELETE", f"{SERVICES}/live")
    expect(row).to_have_count(0)


def test_the_steps_of_a_deployment_open_from_its_status_and_go_on(page: Page, server: Server, model: Path) -> None:
    gate = model.parent / "step-gate"
    gate.touch()
    server.call("POST", SERVICES, tiny_service("steps", model, f"--fail-while={gate}"))
    page.goto("/deployments")
    _row(page, "steps").get_by_role("link", name="Starting").click()
    dialog = page.get_by_role("dialog", name="steps")
    expect(dialog.get_by_role("listitem").filter(has_text="Deployment requested")).to_contain_text("completed")
    expect(dialog.get_by_role("listitem").filter(has_text="Predictor ready")).to_contain_text("current")
    look(page, "deployment-steps")
    gate.unlink()
    expect(dialog.get_by_role("listitem").filter(has_text="Deployment ready")).to_contain_text(
        "completed", timeout=15_000
    )
    server.call("DELETE", f"{SERVICES}/steps")


def test_a_deployment_is_started_and_stopped_from_its_row(page: Page) -> None:
    page.goto("/deployments?sort=name")
    page.get_by_role("button", name="Start resting").click()
    expect(page.get_by_text("resting is being started")).to_be_visible()
    expect(_row(page, "resting").get_by_role("link", name="Ready")).to_be_visible()
    page.get_by_role("button", name="Stop resting").click()
    expect(_row(page, "resting").get_by_role("link", name="Stopped")).to_be_visible()
    assert page.url.endswith("/deployments?sort=name")


def test_deleting_wants_the_name_typed_and_names_what_is_lost(page: Page, server: Server, model: Path) -> None:
    server.call("POST", SERVICES, tiny_service("doomed", model))
    server.call("POST", f"{SERVICES}/doomed/tokens", {"name": "partner"})
    page.goto("/deployments")
    page.get_by_role("button", name="Actions of doomed").click()
    page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete model deployment?")
    expect(dialog).to_contain_text("partner")
    button = dialog.get_by_role("button", name="Delete model deployment")
    expect(button).to_be_disabled()
    look(page, "deployment-delete")
    dialog.get_by_label("Type doomed to confirm").fill("doomed")
    button.click()
    expect(page.get_by_text("doomed is being deleted")).to_be_visible()
    expect(_row(page, "doomed")).to_have_count(0)


def test_an_open_menu_can_be_used_after_news_also_in_a_table_that_was_scrolled(
    page: Page, server: Server, model: Path
) -> None:
    one = tiny_service("moved", model)
    one["metadata"]["annotations"] = {"serving.kserve.io/stop": "true"}
    assert server.call("POST", SERVICES, one)[0] == 201
    for width in (1280, 1200):
        page.set_viewport_size({"width": width, "height": 720})
        page.goto("/deployments?q=moved")
        page.get_by_role("button", name="Actions of moved").click()
        if width == 1200:
            assert page.evaluate("document.getElementById('deployment-rows').scrollLeft") > 0
        said = f"seen at {width}"
        change = {"metadata": {"annotations": {"openshift.io/description": said}}}
        assert server.call("PATCH", f"{SERVICES}/moved", change)[0] == 200
        expect(page.get_by_text(said)).to_be_attached()
        page.get_by_role("link", name="Delete").click()
        expect(page.get_by_role("dialog", name="Delete model deployment?")).to_be_visible()
    server.call("DELETE", f"{SERVICES}/moved")


def test_scripts_in_names_are_shown_as_text(page: Page, server: Server, model: Path) -> None:
    hostile = tiny_service("hostile", model, HOSTILE)
    hostile["metadata"]["annotations"] = {
        "openshift.io/display-name": HOSTILE,
        "openshift.io/description": f'"><img src=x onerror=alert(1)>{HOSTILE}',
        "serving.kserve.io/stop": "true",
        "opendatahub.io/model-type": HOSTILE,
        "kubernetes.io/change-cause": HOSTILE,
    }
    hostile["spec"]["predictor"]["model"]["env"] = [{"name": "GREETING", "value": HOSTILE}]
    assert server.call("POST", SERVICES, hostile)[0] == 201
    for address in ("/deployments?open=default--hostile", *(f"/deployments/default/hostile{tab}" for tab in TABS)):
        page.goto(address)
        expect(page.get_by_text(HOSTILE).first).to_be_visible()
        assert page.evaluate("window.hacked") is None
    server.call("DELETE", f"{SERVICES}/hostile")


TABS = ("", "/logs", "/revisions", "/tokens", "/yaml", "/yaml/edit", "/delete", "/scale", "/status")


def test_many_are_shown_a_page_at_a_time(page: Page, server: Server, model: Path) -> None:
    for number in range(35):
        one = tiny_service(f"many-{number:02}", model)
        one["metadata"]["annotations"] = {"serving.kserve.io/stop": "true"}
        assert server.call("POST", SERVICES, one)[0] == 201
    page.goto("/deployments?q=many&sort=name")
    rows = page.locator("td[data-label='Model deployment name']")
    expect(rows).to_have_count(20)
    page.get_by_role("link", name="Next").click()
    expect(rows).to_have_count(15)
    expect(page.get_by_text("21 – 35 of 35")).to_be_visible()
    assert "page=2" in page.url
    page.get_by_label("Filter deployments").press("End")
    page.get_by_label("Filter deployments").press_sequentially("-07")
    expect(rows).to_have_count(1)


def test_the_list_has_a_json_twin(server: Server) -> None:
    with urllib.request.urlopen(server.record["url"] + "/deployments?q=granite&format=json") as answer:
        (one,) = json.load(answer)["deployments"]
    assert one["state"]["name"] == "Ready"
    assert one["endpoints"]["internal"].endswith("/serving/default/granite")


def test_an_address_of_nothing_says_so(page: Page, server: Server) -> None:
    for tab in TABS:
        answer = page.goto(f"/deployments/default/nothing{tab}")
        assert answer
        assert answer.status == 404
        expect(page.get_by_role("heading", name="Not found")).to_be_visible()
