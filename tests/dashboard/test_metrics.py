"""A deployment's metrics in a browser."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from seeing import look
from servers import SERVICES, Server, tiny_service, wait

from forecourt.db import Database
from forecourt.serving.measuring import Measurements
from forecourt.serving.measuring.sample import Distribution, Sample


@pytest.fixture(scope="module")
def measured(server: Server, model: Path) -> str:
    """A deployment that was asked a lot in the last half hour."""
    server.call("POST", SERVICES, tiny_service("measured", model))
    uid = server.call("GET", f"{SERVICES}/measured")[1]["metadata"]["uid"]
    database = Database(f"sqlite:///{server.home}/forecourt.db")
    measurements = Measurements(database)
    now = int(time.time()) // 10 * 10
    for index, start in enumerate(range(now - 1800, now - 30, 10)):
        asked = round(30 + 20 * math.sin(index / 15))
        took = Distribution(asked * 0.3, {0.25: asked // 2, 0.5: asked // 3, 1: 1})
        first = Distribution(asked * 0.05, {0.05: asked // 2, 0.1: asked // 4})
        sample = Sample(10, asked, index % 7 == 0, took, first, 40.0 * asked, 9.0, 12.0, 2e10, 10)
        measurements.add(start, {uid: sample})
    database.close()
    return uid


@pytest.mark.usefixtures("measured")
def test_what_a_deployment_did_is_shown_as_charts(page: Page) -> None:
    page.goto("/deployments/default/measured/metrics?range=1h")
    for title in ("Requests per 5 minutes", "Average response time", "Time to first token", "Tokens per second"):
        expect(page.get_by_role("img", name=title)).to_be_visible()
    for title in ("CPU", "Memory", "Replicas"):
        expect(page.get_by_role("img", name=title)).to_be_visible()
    page.locator("summary").filter(has_text="Requests per 5 minutes").click()
    expect(page.get_by_role("table", name="Requests per 5 minutes")).to_contain_text("success")
    look(page, "deployment-metrics")


@pytest.mark.usefixtures("measured")
def test_the_range_and_the_interval_are_in_the_address(page: Page) -> None:
    page.goto("/deployments/default/measured/metrics")
    page.get_by_role("link", name="24 hours").click()
    page.get_by_role("link", name="Off").click()
    expect(page).to_have_url(re.compile(r"range=24h&refresh=0"))
    expect(page.locator("#metric-charts")).not_to_have_attribute("hx-trigger", "every 30s")
    expect(page.get_by_role("link", name="24 hours")).to_have_attribute("aria-current", "true")


def test_before_the_first_request_the_page_says_how_to_make_one(page: Page, server: Server, model: Path) -> None:
    server.call("POST", SERVICES, tiny_service("fresh", model))
    page.goto("/deployments/default/fresh/metrics")
    expect(page.get_by_role("heading", name="Nothing has been measured yet")).to_be_visible()
    expect(page.get_by_role("link", name="Open in playground").first).to_have_attribute(
        "href", "/playground?deployment=default/fresh"
    )


def test_metrics_of_what_is_not_there_are_not_found(server: Server) -> None:
    assert server.call("GET", f"{SERVICES}/nothing/metrics")[0] == 404
    assert server.call("GET", "/deployments/default/nothing/metrics?format=json")[0] == 404


@pytest.mark.usefixtures("measured")
def test_a_range_that_is_none_is_refused(server: Server) -> None:
    status, said = server.call("GET", f"{SERVICES}/measured/metrics?range=century")
    assert status == 400
    assert "century" in said["message"]


def test_requests_are_measured_while_they_are_made(server: Server, model: Path) -> None:
    server.call("POST", SERVICES, tiny_service("asked", model))
    wait(lambda: server.call("GET", "/serving/default/asked/health")[0] == 200, 20, "the deployment answers")

    def counted() -> bool:
        totals = server.call("GET", f"{SERVICES}/asked/metrics")[1]["totals"]
        return bool(totals["requestsSucceeded"])

    wait(counted, 22, "the request is counted")
