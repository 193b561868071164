"""A deployment's own page in a browser: its details, its revisions, its scale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dashboard.granite import OWN, found, granite_on, say
from playwright.sync_api import Page, expect
from seeing import look
from servers import SERVICES, Server


@pytest.fixture(autouse=True)
def granite(server: Server, model: Path) -> Iterator[dict[str, Any]]:
    """The deployment, made anew where a test has changed what it is."""
    with granite_on(server, model) as service:
        yield service


def test_the_details_say_what_it_is_and_how_to_ask_it(page: Page, server: Server) -> None:
    page.goto(OWN)
    expect(page.get_by_role("heading", name="Granite", exact=True)).to_be_visible()
    for said in ("--say=one", "1 wanted, 1 there", "Deployment ready", "PredictorReady"):
        expect(page.get_by_text(said).first).to_be_visible()
    expect(page.locator("#fit")).to_contain_text("Needs at least")
    page.get_by_role("button", name="Copy the Python code").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f'base_url="{server.record["url"]}/v1"' in copied
    assert 'model="granite"' in copied
    compile(copied, "snippet", "exec")
    look(page, "deployment-details")


def test_its_state_changes_on_its_page_without_reloading(page: Page, server: Server) -> None:
    page.goto(OWN)
    page.evaluate("window.same = true")
    actions = page.locator("#deployment-actions")
    expect(actions.get_by_role("link", name="Ready")).to_be_visible()
    server.call("PATCH", f"{SERVICES}/granite", {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}})
    expect(actions.get_by_role("link", name="Stopped")).to_be_visible()
    expect(actions.get_by_role("button", name="Start")).to_be_visible()
    assert page.evaluate("window.same")
    actions.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Granite is being started")).to_be_visible()
    expect(actions.get_by_role("link", name="Ready")).to_be_visible()


def test_a_failure_is_told_with_its_last_lines(page: Page, server: Server) -> None:
    change = {"spec": {"predictor": {"model": {"args": ["--exit=3"]}, "deploymentStrategy": {"type": "Recreate"}}}}
    server.call("PATCH", f"{SERVICES}/granite", change)
    page.goto(OWN)
    expect(page.get_by_text("cannot load the model: it is a teapot").first).to_be_visible()
    expect(page.get_by_text("exit code 3").first).to_be_visible()
    expect(page.get_by_role("link", name="Failed")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("It has failed (ModelLoadFailed, exit code 3)")).to_be_visible()
    look(page, "deployment-failed")


def test_one_that_another_deletes_says_that_it_is_gone(page: Page, server: Server) -> None:
    page.goto(OWN)
    server.call("DELETE", f"{SERVICES}/granite")
    expect(page.get_by_role("heading", name="granite is no more")).to_be_visible(timeout=15_000)


def test_it_is_scaled_in_a_dialog_that_refuses_what_cannot_be(page: Page, server: Server) -> None:
    page.goto(OWN)
    page.get_by_role("link", name="Scale").click()
    dialog = page.get_by_role("dialog", name="Scale Granite")
    dialog.get_by_label("Minimum number of model server replicas").fill("3")
    dialog.get_by_label("Maximum number of model server replicas").fill("2")
    dialog.get_by_role("button", name="Scale").click()
    expect(dialog.get_by_text("There cannot be at least 3 and at most 2 replicas.")).to_be_visible()
    expect(dialog.get_by_label("Minimum number of model server replicas")).to_have_value("3")
    look(page, "deployment-scale")
    dialog.get_by_label("Minimum number of model server replicas").fill("2")
    dialog.get_by_role("button", name="Scale").click()
    expect(page.get_by_text("Granite is scaled to 2 replicas")).to_be_visible()
    expect(page.get_by_text("2 wanted, 2 there")).to_be_visible()
    assert found(server)["spec"]["predictor"]["maxReplicas"] == 2


def test_two_revisions_are_compared_and_one_is_gone_back_to(page: Page, server: Server) -> None:
    say(server, "two", "a friendlier greeting")
    page.goto(f"{OWN}/revisions")
    expect(page.get_by_role("row").filter(has_text="a friendlier greeting")).to_contain_text("Current")
    expect(page.locator("del")).to_contain_text("- ")
    expect(page.locator("ins")).to_contain_text("--say=two")
    look(page, "deployment-revisions")
    page.get_by_role("link", name="Roll back to revision 1").click()
    dialog = page.get_by_role("dialog", name="Roll back to revision 1?")
    expect(dialog.locator("ins").filter(has_text="--say=one")).to_be_visible()
    assert found(server)["spec"]["predictor"]["model"]["args"] == ["--say=two"]  # it was only shown
    dialog.get_by_label("Change cause").fill("the old one was better")
    look(page, "deployment-rollback")
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("Granite goes back to revision 1")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="the old one was better")).to_contain_text("Current")
    assert found(server)["spec"]["predictor"]["model"]["args"] == ["--say=one"]


def test_a_revision_that_is_not_kept_cannot_be_gone_back_to(page: Page) -> None:
    page.goto(f"{OWN}/rollback?revision=99")
    expect(page.get_by_text("granite has no revision 99.")).to_be_visible()
    expect(page.get_by_role("button", name="Roll back")).to_have_count(0)


def test_a_canary_shows_its_shares_and_is_promoted(page: Page, server: Server) -> None:
    change = {"spec": {"predictor": {"canaryTrafficPercent": 20, "model": {"args": ["--say=new"]}}}}
    server.call("PATCH", f"{SERVICES}/granite", change)
    page.goto(OWN)
    expect(page.get_by_text("Revision 2 (new): 20 % of the requests")).to_be_visible()
    expect(page.get_by_text("Revision 1: 80 % of the requests")).to_be_visible()
    look(page, "deployment-canary")
    page.get_by_role("button", name="Promote the new revision").click()
    expect(page.get_by_text("The new revision of Granite gets all requests")).to_be_visible()
    assert "canaryTrafficPercent" not in found(server)["spec"]["predictor"]
