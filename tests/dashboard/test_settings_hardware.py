"""Hardware profiles in a browser: what is proposed, what somebody made, and what uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from seeing import look
from servers import SERVICES, Server, tiny_service

from forecourt.dashboard.forms import Form
from forecourt.dashboard.settings import profile_form, rows

PROFILES = "/apis/infrastructure.opendatahub.io/v1/namespaces/opendatahub/hardwareprofiles"


def _profile(name: str, title: str = "") -> dict[str, Any]:
    cpu = {"displayName": "CPU", "identifier": "cpu", "minCount": 1, "defaultCount": 2, "maxCount": 4}
    return {
        "metadata": {"name": name, "annotations": {"opendatahub.io/display-name": title or name}},
        "spec": {"identifiers": [cpu | {"resourceType": "CPU"}]},
    }


def test_what_this_machine_has_is_proposed_and_an_edit_makes_it_yours(page: Page, server: Server) -> None:
    page.goto("/settings/hardware-profiles")
    row = page.locator("tr[data-row='small']")
    expect(row).to_contain_text("Proposed from this machine")
    look(page, "settings-hardware-profiles")
    row.get_by_role("link", name="Small").click()
    page.get_by_label("Name", exact=False).first.fill("Tiny")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("tr[data-row='small']")).to_contain_text("Tiny")
    expect(page.locator("tr[data-row='small']")).not_to_contain_text("Proposed")
    made = server.call("GET", f"{PROFILES}/small")[1]
    assert made["metadata"]["uid"]
    assert made["metadata"]["annotations"]["opendatahub.io/modified-date"]


def test_a_profile_is_made_with_all_that_it_can_say(page: Page, server: Server) -> None:
    page.goto("/settings/hardware-profiles/new")
    page.get_by_label("Name", exact=False).first.fill("Big GPU")
    page.get_by_role("button", name="Add resource").click()
    gpu = page.get_by_role("group", name="Resource 3")
    gpu.get_by_label("Maximum").fill("4")
    page.get_by_label("CPU affinity").fill("0-3")
    page.get_by_role("button", name="Add node selector").click()
    selector = page.get_by_role("group", name="Node selector 1")
    selector.get_by_label("Key").fill("gpu")
    selector.get_by_label("Value").fill("a100")
    page.get_by_role("button", name="Add toleration").click()
    page.get_by_role("group", name="Toleration 1").get_by_label("Key").fill("nvidia.com/gpu")
    look(page, "settings-hardware-profile")
    page.get_by_role("button", name="Create hardware profile").dblclick()
    expect(page.locator(".fc-notice")).to_contain_text("Big GPU created")
    made = server.call("GET", f"{PROFILES}/big-gpu")[1]
    assert made["spec"]["identifiers"][2]["maxCount"] == 4
    assert made["spec"]["identifiers"][1]["defaultCount"] == "4Gi"
    assert made["spec"]["scheduling"]["node"] == {
        "nodeSelector": {"gpu": "a100"},
        "tolerations": [{"operator": "Exists", "key": "nvidia.com/gpu"}],
    }
    assert made["metadata"]["annotations"]["forecourt.dev/cpu-affinity"] == "0-3"


def test_what_is_wrong_is_said_at_its_field_as_one_types_and_after(page: Page) -> None:
    page.goto("/settings/hardware-profiles/new")
    page.get_by_label("Name", exact=False).first.fill("Wrong")
    cpu = page.get_by_role("group", name="Resource 1")
    cpu.get_by_label("Minimum").fill("3")
    expect(page.locator("#identifier-0-min-help")).to_contain_text("must not be more than defaultCount")
    cpu.get_by_label("Minimum").fill("1")
    expect(page.locator("#identifier-0-min-help")).to_have_text("")
    page.get_by_role("group", name="Resource 2").get_by_label("Default").fill("much")
    page.get_by_role("button", name="Create hardware profile").click()
    expect(page.locator("#identifier-1-default-help")).to_contain_text("Error")
    expect(page.get_by_role("group", name="Resource 2").get_by_label("Default")).to_have_value("much")


def test_one_is_disabled_copied_and_deleted_with_what_uses_it_named(page: Page, server: Server) -> None:
    server.call("POST", PROFILES, _profile("used", "Used one"))
    service = tiny_service("with-it", Path("/nowhere"), replicas=0)
    service["metadata"]["annotations"] = {"opendatahub.io/hardware-profile-name": "used"}
    assert server.call("POST", SERVICES, service)[0] == 201
    page.goto("/settings/hardware-profiles")
    page.get_by_role("switch", name="Offer Used one").click()
    expect(page.locator("tr[data-row='used']")).to_contain_text("Disabled")
    page.goto("/settings/hardware-profiles/new?from=opendatahub/used")
    expect(page.get_by_label("Name", exact=False).first).to_have_value("Copy of Used one")
    page.goto("/settings/hardware-profiles/opendatahub/used/delete")
    expect(page.get_by_role("link", name="default/with-it")).to_be_visible()
    page.get_by_role("button", name="Delete hardware profile").click()
    expect(page.locator("tr[data-row='used']")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()


def test_scripts_in_what_a_profile_says_are_text(page: Page, server: Server) -> None:
    hostile = _profile("hostile", "<script>window.gone=1</script>")
    hostile["metadata"]["annotations"]["opendatahub.io/description"] = "<img src=x onerror=window.gone=1>"
    hostile["spec"]["identifiers"][0]["displayName"] = "<b>CPU"
    assert server.call("POST", PROFILES, hostile)[0] == 201
    page.goto("/settings/hardware-profiles")
    expect(page.locator("tr[data-row='hostile']")).to_contain_text("<script>window.gone=1</script>")
    expect(page.locator("tr[data-row='hostile']")).to_contain_text("<b>CPU")
    assert page.evaluate("window.gone") is None


# Without a browser


def _form(typed: dict[str, str]) -> Form:
    return Form([*typed.items()])


@pytest.mark.parametrize(
    "counts", [("500m", "1", "2"), ("1", "2", None), ("2Gi", "4Gi", "8Gi"), ("1.5Gi", "2Gi", "2Gi")]
)
def test_a_form_gives_back_what_it_was_filled_with(counts: tuple[str | None, ...]) -> None:
    kind = "Memory" if str(counts[1]).endswith("Gi") else "CPU"
    keys = zip(("minCount", "defaultCount", "maxCount"), counts, strict=True)
    amounts = {key: int(one) if one.isdecimal() else one for key, one in keys if one is not None}
    identifier = {"displayName": "x", "identifier": "x", "resourceType": kind, **amounts}
    profile = _profile("one") | {"spec": {"identifiers": [identifier]}}
    typed = profile_form.filled(profile)
    assert profile_form.document(_form(typed), "one", profile)["spec"]["identifiers"] == [identifier]


def test_a_row_that_is_removed_takes_its_values_along_and_no_others() -> None:
    typed = profile_form.fresh() | {"do": "remove-identifier:0"}
    after = profile_form.pressed(_form(typed))
    assert after is not None
    assert list(rows.count(after, "identifier")) == [0]
    assert after["identifier-0-identifier"] == "memory"


def test_a_number_of_rows_that_cannot_be_is_none_or_the_most() -> None:
    assert list(rows.count({"identifiers": "-1"}, "identifier")) == []
    assert len(rows.count({"identifiers": "9" * 30}, "identifier")) == 50
