"""Users in a browser: from nobody having to sign in to who may do what."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from access.people import PASSWORD, USERS, Person, add, local
from playwright.sync_api import Browser, Page, expect
from seeing import look
from servers import Server, serving

HTML = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="module")
def root(server: Server) -> Server:
    """The server, once it has an administrator: the tests before it see it without."""
    if not local(server).call("GET", USERS)[1]["items"]:
        add(server, "root", "administrator", displayName="Root")
    return server


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_the_first_administrator_is_created_with_the_mouse_and_signed_in(page: Page, server: Server) -> None:
    page.goto("/settings/users")
    expect(page.get_by_role("heading", name="Nobody has to sign in")).to_be_visible()
    look(page, "users-nobody")
    page.get_by_role("link", name="Create the first administrator").click()
    page.get_by_label("User name").fill("root")
    page.get_by_label("Display name").fill("Root")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_label("Password again").fill("something else")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#again-help")).to_contain_text("not the same")
    expect(page.get_by_label("User name")).to_have_value("root")
    look(page, "users-first")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("You are signed in")).to_be_visible()
    expect(page.get_by_role("link", name="Root")).to_be_visible()
    assert Person(server).call("GET", USERS)[0] == 401


def test_one_is_asked_to_sign_in_and_goes_on_to_where_one_wanted(page: Page, root: Server) -> None:
    page.goto("/settings/users?q=ro")
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    look(page, "sign-in")
    sign_in(page, "root", "a wrong password")
    expect(page.get_by_text("The user name or the password is wrong.")).to_be_visible()
    expect(page.get_by_label("User name")).to_have_value("root")
    sign_in(page, "root")
    expect(page).to_have_url(root.record["url"] + "/settings/users?q=ro")
    page.get_by_label("account and sign out").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/projects")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_after_signing_in_one_never_ends_up_elsewhere(page: Page, root: Server) -> None:
    page.goto("/sign-in?next=//evil.example/")
    sign_in(page, "root")
    expect(page).to_have_url(root.record["url"] + "/projects")


def test_a_user_is_created_with_a_password_that_is_shown_once(page: Page, root: Server, browser: Browser) -> None:
    page.goto("/settings/users/new")
    sign_in(page, "root")
    page.get_by_label("User name").fill("Not A Name")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#name-help")).to_contain_text("lower-case")
    page.get_by_label("User name").fill("anna")
    page.get_by_label("Display name").fill("Anna " + HTML)
    page.get_by_label("Groups").fill("fraud, vision")
    look(page, "user-create")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("The password is shown this once.")).to_be_visible()
    password = page.locator("code").inner_text()
    look(page, "user-password")
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("link", name="Anna " + HTML)).to_be_visible()
    look(page, "users")
    hers = browser.new_context(base_url=root.record["url"])
    with_hers = hers.new_page()
    with_hers.goto("/")
    sign_in(with_hers, "anna", password)
    expect(with_hers.get_by_role("heading", name="Data science projects")).to_be_visible()
    expect(with_hers.get_by_role("link", name="Users and tokens")).to_have_count(0)
    with_hers.goto("/settings/users")
    expect(with_hers.get_by_text("anna may not see users")).to_be_visible()
    hers.close()


def test_a_user_is_changed_disabled_and_deleted_with_what_is_lost_named(page: Page, root: Server) -> None:
    bert = add(root, "bert", displayName="Bert")
    assert bert.call("POST", "/api/v1/namespaces", {"metadata": {"name": "berts"}})[0] == 201
    page.goto("/settings/users/bert")
    sign_in(page, "root")
    look(page, "user")
    page.get_by_label("Viewer", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("User bert saved")).to_be_visible()
    assert bert.call("POST", "/api/v1/namespaces", {"metadata": {"name": "more"}})[0] == 403
    page.goto("/settings/users/bert")
    page.get_by_role("button", name="Disable").click()
    expect(page.locator(".fc-notice").get_by_text("User bert disabled")).to_be_visible()
    assert bert.call("GET", "/api/v1/namespaces")[0] == 401
    page.goto("/settings/users/bert/delete")
    expect(page.get_by_text("1 token,")).to_be_visible()
    expect(page.get_by_role("link", name="berts")).to_be_visible()
    look(page, "user-delete")
    page.get_by_role("button", name="Delete user").click()
    expect(page.get_by_text("User bert deleted")).to_be_visible()
    expect(page.get_by_role("link", name="Bert")).to_have_count(0)


def test_one_cannot_lock_oneself_out(page: Page, root: Server) -> None:
    page.goto("/settings/users/root")
    sign_in(page, "root")
    expect(page.get_by_role("button", name="Disable")).to_have_count(0)
    page.get_by_label("Viewer", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("That would lock you out.")).to_be_visible()


def test_ones_account_has_tokens_a_password_and_sessions(page: Page, root: Server) -> None:
    add(root, "carl", displayName="Carl")
    Person(root).signed_in("carl")
    page.goto("/account")
    sign_in(page, "carl")
    page.get_by_label("Name of a new token").fill("ci")
    page.get_by_role("button", name="Make token").click()
    token = page.locator("#made code").inner_text()
    look(page, "account")
    assert Person(root).with_token(token).call("GET", f"{USERS}/me")[1]["name"] == "carl"
    page.get_by_role("button", name="Revoke the token ci").click()
    expect(page.get_by_text("Token ci revoked")).to_be_visible()
    assert Person(root).with_token(token).call("GET", f"{USERS}/me")[0] == 401
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.locator(".fc-notice").get_by_text("Signed out everywhere else")).to_be_visible()
    page.get_by_label("Current password").fill("not that one")
    for field in ("New password", "New password again"):
        page.get_by_label(field, exact=False).last.fill("another password")
    page.locator("#password").fill("another password")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("#current-help")).to_contain_text("is not your password")
    page.get_by_label("Current password").fill(PASSWORD)
    page.locator("#password").fill("another password")
    page.locator("#again").fill("another password")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed")).to_be_visible()


def test_where_a_session_has_ended_a_page_that_is_open_leads_to_sign_in_by_itself(page: Page, root: Server) -> None:
    page.goto("/projects")
    sign_in(page, "root")
    expect(page.get_by_role("heading", name="Data science projects")).to_be_visible()
    local(root).call("DELETE", f"{USERS}/root/sessions")
    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fprojects"))


def test_a_server_that_others_reach_says_loudly_that_it_asks_nobody(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = "https://models.example"
    with serving(tmp_path_factory.mktemp("home"), FORECOURT_EXTERNAL_URL=outside) as server:
        context = browser.new_context(base_url=server.record["url"])
        page = context.new_page()
        page.goto("/settings/users")
        expect(page.get_by_role("alert")).to_contain_text(f"Everybody who reaches {outside} may do everything.")
        context.close()
        assert "the API asks nobody who they are" in (server.home / "output.log").read_text()
