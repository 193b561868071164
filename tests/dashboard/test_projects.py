"""Projects in a browser."""

from __future__ import annotations

import json
import urllib.request

from playwright.sync_api import Page, expect
from seeing import look
from servers import Server

NAMESPACES = "/api/v1/namespaces"
HOSTILE = "<script>window.hurt = true</script><img src=x onerror='window.hurt = true'>"


def _project(server: Server, name: str) -> None:
    labels = {"opendatahub.io/dashboard": "true"}
    server.call("POST", NAMESPACES, {"metadata": {"name": name, "labels": labels}})


def test_a_project_is_created_with_the_mouse(page: Page) -> None:
    page.goto("/projects")
    page.get_by_role("link", name="Create project").click()
    page.get_by_label("Name", exact=False).first.fill("Fraud detection")
    look(page, "project-create")
    page.get_by_role("button", name="Create").click()
    page.goto("/projects")
    expect(page.get_by_role("link", name="Fraud detection")).to_be_visible()


def test_a_name_that_is_refused_stays_in_the_form_with_what_is_wrong(page: Page) -> None:
    page.goto("/projects/new")
    page.get_by_label("Name", exact=False).first.fill("Sales")
    page.get_by_label("Resource name").fill("Not A Name")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_label("Resource name")).to_have_value("Not A Name")
    expect(page.get_by_label("Resource name")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#name-help")).to_contain_text("lower")


def test_the_list_is_filtered_as_one_types_and_the_address_says_so(page: Page, server: Server) -> None:
    for name in ("vllm-demo", "vision"):
        _project(server, name)
    page.goto("/projects")
    page.get_by_label("Filter by name").press_sequentially("vllm")
    expect(page.get_by_role("link", name="vision")).to_have_count(0)
    expect(page.get_by_role("link", name="vllm-demo")).to_be_visible()
    expect(page).to_have_url(server.record["url"] + "/projects?q=vllm")
    look(page, "projects")


def test_what_another_creates_appears_without_reloading(page: Page, server: Server) -> None:
    page.goto("/projects")
    page.evaluate("window.same = true")
    _project(server, "from-elsewhere")
    expect(page.get_by_role("link", name="from-elsewhere")).to_be_visible()
    assert page.evaluate("window.same")


def test_every_page_has_a_json_twin_that_it_announces(page: Page, server: Server) -> None:
    page.goto("/projects?q=default")
    href = page.locator("link[rel=alternate]").get_attribute("href")
    assert href
    with urllib.request.urlopen(server.record["url"] + href) as answer:
        assert [one["name"] for one in json.load(answer)["projects"]] == ["default"]


def _of(server: Server, owner: str, name: str) -> None:
    notes = {"openshift.io/requester": owner, "openshift.io/description": HOSTILE, "openshift.io/display-name": name}
    metadata = {"name": name, "labels": {"opendatahub.io/dashboard": "true"}, "annotations": notes}
    assert server.call("POST", NAMESPACES, {"metadata": metadata})[0] == 201


def test_the_list_is_filtered_by_user_and_what_is_hostile_is_text(page: Page, server: Server) -> None:
    _of(server, "ada@example.org", "of-ada")
    _of(server, "bob@example.org", "of-bob")
    page.goto("/projects")
    page.get_by_label("Filter projects by").select_option("User")
    page.get_by_role("searchbox").fill("ada")
    expect(page.get_by_role("link", name="of-bob")).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="ada@example.org")).to_contain_text(HOSTILE)
    page.get_by_role("searchbox").fill("<script>")
    expect(page.get_by_role("heading", name="No results found")).to_be_visible()
    assert not page.evaluate("window.hurt")


def test_a_project_without_the_label_is_among_all_of_them(page: Page, server: Server) -> None:
    server.call("POST", NAMESPACES, {"metadata": {"name": "plain"}})
    page.goto("/projects")
    expect(page.get_by_role("link", name="plain")).to_have_count(0)
    page.get_by_role("link", name="All projects").click()
    expect(page.get_by_role("link", name="plain")).to_be_visible()


def test_a_name_that_is_taken_is_said_at_its_field(page: Page, server: Server) -> None:
    _project(server, "taken")
    page.goto("/projects/new")
    page.get_by_label("Name", exact=False).first.fill("Taken")
    page.get_by_label("Description").fill("Ours")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#name-help")).to_contain_text("There is a project taken already")
    expect(page.get_by_label("Description")).to_have_value("Ours")


def test_a_project_needs_a_name(page: Page) -> None:
    page.goto("/projects/new")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#title-help")).to_contain_text("A project needs a name.")


def test_a_form_that_is_sent_twice_makes_one_project(page: Page, server: Server) -> None:
    page.goto("/projects/new")
    key = page.locator("input[name=key]").input_value()
    for _ in range(2):  # as a browser sends it twice, and not as a person presses
        answer = page.request.post("/projects/new", form={"key": key, "title": "Sent twice"}, max_redirects=0)
        assert (answer.status, answer.headers["location"]) == (303, "/projects/sent-twice")


def test_what_was_typed_is_there_when_one_comes_back(page: Page) -> None:
    page.goto("/projects/new")
    page.get_by_label("Description").fill("Half of it")
    page.get_by_role("link", name="Data science projects").first.click()
    expect(page.get_by_role("link", name="Create project")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Description")).to_have_value("Half of it")


def test_a_project_is_called_something_else(page: Page, server: Server) -> None:
    _project(server, "old-name")
    page.goto("/projects")
    page.get_by_label("Actions of old-name").click()
    page.get_by_role("link", name="Edit project").click()
    page.get_by_label("Name", exact=False).first.fill("New name")
    page.get_by_label("Description").fill("What it is for")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="New name")).to_be_visible()
    expect(page.get_by_text("What it is for")).to_be_visible()


def test_deleting_names_what_is_lost_and_wants_the_name_typed(page: Page, server: Server) -> None:
    _project(server, "doomed")
    secrets = NAMESPACES + "/doomed/secrets"
    notes = {"opendatahub.io/connection-type-ref": "uri-v1"}
    server.call("POST", secrets, {"metadata": {"name": "store", "annotations": notes}, "stringData": {"URI": "a://b"}})
    page.goto("/projects")
    page.get_by_label("Actions of doomed").click()
    page.get_by_role("link", name="Delete project").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 connection: store")
    button = dialog.get_by_role("button", name="Delete project")
    expect(button).to_be_disabled()
    dialog.get_by_label("Type doomed to confirm").fill("doome")
    expect(button).to_be_disabled()
    dialog.get_by_label("Type doomed to confirm").fill("doomed")
    look(page, "project-delete")
    button.click()
    expect(page.get_by_role("status").filter(has_text="is being deleted")).to_be_visible()
    expect(page.get_by_role("link", name="doomed")).to_have_count(0)


def test_the_server_deletes_nothing_whose_name_was_not_typed(page: Page, server: Server) -> None:
    _project(server, "dear")
    assert page.request.post("/projects/dear/delete", form={"confirm": "der"}).status == 422
    assert server.call("GET", NAMESPACES + "/dear")[0] == 200


def test_the_project_that_is_used_where_none_is_named_is_not_offered_to_be_deleted(page: Page, server: Server) -> None:
    page.goto("/projects/default")
    page.get_by_label("Actions of default").click()
    expect(page.get_by_role("link", name="Edit project")).to_be_visible()
    expect(page.get_by_role("link", name="Delete project")).to_have_count(0)
    answer = page.request.post("/projects/default/delete", form={"confirm": "default"})
    assert answer.status == 403
    assert "The project default cannot be deleted: it is used where none is named." in answer.text()


def test_a_page_says_that_its_project_was_deleted_by_somebody_else(page: Page, server: Server) -> None:
    _project(server, "fleeting")
    page.goto("/projects/fleeting")
    server.call("DELETE", NAMESPACES + "/fleeting")
    expect(page.locator("#project-state")).to_contain_text("is gone", timeout=8000)
    page.goto("/projects/fleeting")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
