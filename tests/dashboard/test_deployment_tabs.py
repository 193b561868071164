"""A deployment's tokens, log and YAML in a browser."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from dashboard.granite import OWN, found, granite_on, say
from playwright.sync_api import Page, expect
from seeing import look
from servers import SERVICES, Server, wait


@pytest.fixture(autouse=True)
def granite(server: Server, model: Path) -> Iterator[dict[str, Any]]:
    """The deployment, made anew where a test has changed what it is."""
    with granite_on(server, model) as service:
        yield service


def test_a_token_is_shown_once_and_opens_until_it_is_revoked(page: Page, server: Server) -> None:
    page.goto(f"{OWN}/tokens")
    page.get_by_role("switch", name="Require token authentication").click()
    expect(page.get_by_text("Nobody gets in until you create one.")).to_be_visible()
    assert server.call("GET", "/serving/default/granite/x")[0] == 401
    page.get_by_label("Name", exact=False).last.fill("ci")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_text("It is shown this once")).to_be_visible()
    page.get_by_role("button", name="Copy the token").click()
    token = page.evaluate("navigator.clipboard.readText()")
    expect(page.locator("#code-curl")).to_contain_text(token)
    assert _asked(server, token) == 200
    look(page, "deployment-tokens")
    page.goto(f"{OWN}/tokens")
    expect(page.get_by_text(token)).to_have_count(0)
    page.get_by_role("link", name="Revoke the token ci").click()
    expect(page.get_by_role("dialog")).to_contain_text("Whoever uses the token ci of Granite is refused")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The token ci is revoked")).to_be_visible()
    assert _asked(server, token) == 401


def test_a_name_of_a_token_that_is_taken_is_refused_at_its_field(page: Page, server: Server) -> None:
    server.call("POST", f"{SERVICES}/granite/tokens", {"name": "ci"})
    page.goto(f"{OWN}/tokens")
    for name, said in (("ci", "has a token ci already"), (" ", "A token needs a name.")):
        page.get_by_label("Name", exact=False).last.fill(name)
        page.get_by_role("button", name="Create token").click()
        expect(page.locator("#token-help")).to_contain_text(said)


def test_one_that_is_open_to_all_is_warned_of(page: Page) -> None:
    page.goto(f"{OWN}/tokens")
    page.get_by_role("switch", name="Make deployed models available through an external route").click()
    expect(page.get_by_text("It is exposed and asks for no token")).to_be_visible()
    page.goto(OWN)
    expect(page.get_by_text("Everybody who reaches this machine can use it.")).to_be_visible()


def test_the_log_comes_as_it_is_printed(page: Page, server: Server) -> None:
    page.goto(f"{OWN}/logs")
    log = page.locator("#log")
    expect(log).to_contain_text("the tiny runtime begins")
    expect(page.get_by_text("Following")).to_be_visible()
    look(page, "deployment-logs")
    path = max(server.home.glob("processes/granite-*/log"), key=lambda each: each.stat().st_mtime)
    page.get_by_role("button", name="Pause").click()
    with path.open("a") as file:
        file.write("<script>window.hacked = true</script>\n" + "".join(f"line {n}\n" for n in range(6000)))
    expect(page.get_by_text(re.compile("Paused: .* new lines"))).to_be_visible()
    expect(log).not_to_contain_text("line 5999")
    page.get_by_role("button", name="Pause").click()
    expect(log).to_contain_text("line 5999")
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.getElementById('log').textContent.split('\\n').length") <= 5001
    page.get_by_role("button", name="Wrap lines").click()
    expect(page.get_by_role("button", name="Wrap lines")).to_have_attribute("aria-pressed", "true")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_text().endswith("line 5999\n")
    page.get_by_label("Replica").select_option("0")
    expect(page).to_have_url(re.compile("replica=0"))


def test_a_stream_of_a_log_ends_when_the_browser_goes(server: Server) -> None:
    def streams() -> int:
        return len([each for each in _connections(server) if each])

    before = streams()
    parts = urlsplit(server.record["url"])
    client = http.client.HTTPConnection(parts.hostname or "", parts.port)
    client.request("GET", f"{OWN}/log?follow=true")
    answer = client.getresponse()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.readline() == b"the tiny runtime begins\n"
    assert streams() == before + 1
    client.close()
    answer.close()
    wait(lambda: streams() <= before, 10, "the stream has ended")


def test_yaml_is_shown_copied_and_downloaded(page: Page) -> None:
    page.goto(f"{OWN}/yaml")
    page.get_by_role("button", name="Copy").click()
    assert "observedGeneration" in page.evaluate("navigator.clipboard.readText()")
    look(page, "deployment-yaml")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    text = download.value.path().read_text()
    assert text.startswith("apiVersion: serving.kserve.io/v1beta1")
    assert "status:" not in text


def test_yaml_is_edited_and_what_is_wrong_is_told_at_its_line(page: Page, server: Server) -> None:
    page.goto(f"{OWN}/yaml")
    page.get_by_role("link", name="Edit", exact=True).first.click()
    area = page.get_by_label("InferenceService")
    good = area.input_value()
    area.fill(good.replace("minReplicas: 1", "minReplicas: many"))
    line = 1 + good.split("\n").index("    minReplicas: 1")
    expect(page.get_by_role("button", name=f"Line {line}, column")).to_be_visible()
    look(page, "deployment-yaml-wrong")
    area.fill(good.replace("minReplicas: 1", "minReplica: 1"))
    expect(page.get_by_text('unknown field "spec.predictor.minReplica": did you mean minReplicas?')).to_be_visible()
    expect(page.get_by_role("button", name=f"Line {line}, column 5")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(area).to_have_value(re.compile("minReplica: 1"))
    expect(page.get_by_role("button", name=f"Line {line}, column 5")).to_be_visible()
    area.fill("spec: [")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This is not YAML").first).to_be_visible()
    expect(area).to_have_value("spec: [")
    area.fill(good.replace("--say=one", "--say=edited"))
    expect(page.get_by_text("The server would take it.")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Granite is saved")).to_be_visible()
    assert found(server)["spec"]["predictor"]["model"]["args"] == ["--say=edited"]


def test_what_another_changed_meanwhile_is_shown_before_it_is_overwritten(page: Page, server: Server) -> None:
    page.goto(f"{OWN}/yaml/edit")
    area = page.get_by_label("InferenceService")
    area.fill(area.input_value().replace("--say=one", "--say=mine"))
    say(server, "theirs", "somebody else")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It was changed meanwhile")).to_be_visible()
    expect(page.locator("ins").filter(has_text="--say=theirs")).to_be_visible()
    expect(area).to_have_value(re.compile("--say=mine"))
    look(page, "deployment-yaml-conflict")
    assert found(server)["spec"]["predictor"]["model"]["args"] == ["--say=theirs"]
    page.get_by_role("button", name="Overwrite their changes").click()
    expect(page.get_by_text("Granite is saved")).to_be_visible()
    assert found(server)["spec"]["predictor"]["model"]["args"] == ["--say=mine"]


def _asked(server: Server, token: str) -> int:
    parts = urlsplit(server.record["url"])
    client = http.client.HTTPConnection(parts.hostname or "", parts.port)
    try:
        client.request("GET", "/serving/default/granite/x", headers={"Authorization": f"Bearer {token}"})
        return client.getresponse().status
    finally:
        client.close()


def _connections(server: Server) -> list[bool]:
    import psutil

    assert server.process
    port = urlsplit(server.record["url"]).port
    found = psutil.Process(server.process.pid).net_connections("tcp")
    return [one.status == "ESTABLISHED" and one.laddr.port == port for one in found]
