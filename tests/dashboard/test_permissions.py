"""Who may do what in a project, in a browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from seeing import look
from servers import Server

PAGE = "/projects/default/permissions"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"
HOSTILE = "<script>window.hurt = true</script>"


def _given(server: Server) -> dict[tuple[str, str], str]:
    found = server.call("GET", BINDINGS)[1]["items"]
    return {(s["kind"], s["name"]): one["roleRef"]["name"] for one in found for s in one["subjects"]}


def _bind(server: Server, name: str, role: str, *users: str) -> None:
    document = {
        "metadata": {"name": name},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user} for user in users],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
    }
    assert server.call("POST", BINDINGS, document)[0] == 201


def test_users_and_groups_get_a_role_another_and_none(page: Page, server: Server) -> None:
    page.goto(PAGE)
    expect(page.get_by_text("No user has a role in this project.")).to_be_visible()
    expect(page.get_by_label("Permission of the user")).to_have_value("edit")
    page.get_by_label("Username").fill("ada")
    page.get_by_role("button", name="Add user").click()
    row = page.get_by_role("row").filter(has_text="ada")
    expect(row).to_contain_text("Contributor")
    page.get_by_label("Group name").fill("data-science")
    page.get_by_label("Permission of the group").select_option("Admin")
    page.get_by_role("button", name="Add group").click()
    expect(page.get_by_role("row").filter(has_text="data-science")).to_contain_text("Admin")
    look(page, "project-permissions")
    assert _given(server) == {("User", "ada"): "edit", ("Group", "data-science"): "admin"}
    page.get_by_label("Actions of ada").click()
    page.get_by_role("button", name="Make Admin").click()
    expect(row).to_contain_text("Admin")
    page.get_by_label("Actions of ada").click()
    page.get_by_role("link", name="Remove").click()
    expect(page.get_by_role("dialog")).to_contain_text("ada will no longer be Admin")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No user has a role in this project.")).to_be_visible()
    assert _given(server) == {("Group", "data-science"): "admin"}


def test_one_of_several_in_a_binding_is_changed_and_the_others_stay(page: Page, server: Server) -> None:
    _bind(server, "several", "view", "bob", "carol")
    page.goto(PAGE)
    page.get_by_label("Actions of bob").click()
    page.get_by_role("button", name="Make Contributor").click()
    expect(page.get_by_role("row").filter(has_text="bob")).to_contain_text("Contributor")
    given = _given(server)
    assert (given["User", "bob"], given["User", "carol"]) == ("edit", "view")


def test_what_is_wrong_is_said_at_the_field_and_what_was_typed_stays(page: Page, server: Server) -> None:
    _bind(server, "there", "edit", "dora")
    page.goto(PAGE)
    page.get_by_role("button", name="Add user").click()
    expect(page.locator("#User-subject-help")).to_contain_text("Say which user.")
    page.get_by_label("Username").fill("dora")
    page.get_by_role("button", name="Add user").click()
    expect(page.locator("#User-subject-help")).to_contain_text("has a role here already, Contributor")
    expect(page.get_by_label("Username")).to_have_value("dora")
    page.get_by_label("Username").fill("x" * 300)
    page.get_by_role("button", name="Add user").click()
    expect(page.locator("#User-subject-help")).to_contain_text("at most 253")


def test_a_hostile_name_is_text_and_what_another_takes_meanwhile_is_told(page: Page, server: Server) -> None:
    _bind(server, "hostile", "edit", HOSTILE)
    page.goto(PAGE)
    expect(page.get_by_role("row").filter(has_text=HOSTILE)).to_be_visible()
    assert not page.evaluate("window.hurt")
    server.call("DELETE", f"{BINDINGS}/hostile")
    expect(page.get_by_role("row").filter(has_text=HOSTILE)).to_have_count(0)
    form = {"binding": "hostile", "kind": "User", "subject": HOSTILE, "role": "admin"}
    answer = page.request.post(f"{PAGE}/change", form=form)
    assert answer.status == 404
    assert "any more" in answer.text()
