"""Users, sessions and tokens over HTTP, on a real server."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from access.people import PASSWORD, SESSIONS, TOKENS, USERS, Person, add, local
from servers import Server, serving

NAMESPACES = "/api/v1/namespaces"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home")) as running:
        add(running, "root", "administrator", displayName="Root")
        yield running


def test_before_there_is_a_user_nobody_is_asked(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as server:
        anybody = Person(server)
        assert anybody.call("GET", NAMESPACES)[0] == 200
        assert anybody.call("GET", USERS)[1] == {"items": [], "open": True}
        assert anybody.call("GET", f"{USERS}/me")[1]["open"]
        status, said = anybody.call("POST", SESSIONS, {"name": "root", "password": PASSWORD})
        assert (status, said["message"]) == (409, "Nobody has to sign in here.")
        status, said = anybody.call("POST", USERS, {"name": "vera", "password": PASSWORD, "role": "viewer"})
        assert (status, said["reason"]) == (409, "Conflict")
        assert "administrator" in said["message"]
        status, said = anybody.call("POST", USERS, {"name": "root", "role": "administrator"})
        assert status == 201
        assert anybody.call("GET", NAMESPACES)[0] == 401
        root = anybody.signed_in("root", said["password"])
        assert root.call("GET", NAMESPACES)[0] == 200
        assert root.call("DELETE", f"{USERS}/root")[0] == 409
        assert server.run("users", "remove", "root", "--yes").returncode == 0
        assert anybody.call("GET", NAMESPACES)[0] == 200


def test_who_has_not_signed_in_gets_nothing(server: Server) -> None:
    nobody = Person(server)
    for path in (NAMESPACES, USERS, "/api/model_catalog/v1/models", "/metrics", "/openapi.json", "/version", "/apis"):
        status, said, headers = nobody.ask("GET", path)
        assert status == 401, path
        assert headers["www-authenticate"].startswith("Bearer")
        assert "signed in" in said["message"]
    assert nobody.call("GET", "/api/model_registry/v1/registered_models")[1]["code"] == "Unauthorized"
    for path in ("/healthz", "/readyz", "/readyz/health", "/v1/models"):
        assert nobody.call("GET", path)[0] == 200


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_in_the_same_time(server: Server) -> None:
    nobody = Person(server)
    answers, seconds = [], []
    for name in ("root", "nobody-of-that-name"):
        began = time.monotonic()
        answers.append(nobody.call("POST", SESSIONS, {"name": name, "password": "wrong password"}))
        seconds.append(time.monotonic() - began)
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    assert min(seconds) > 0.3 * max(seconds)
    add(server, "gone")
    local(server).call("PATCH", f"{USERS}/gone", {"disabled": True})
    assert nobody.call("POST", SESSIONS, {"name": "gone", "password": PASSWORD}) == answers[0]


def test_the_sessions_cookie_is_for_the_browser_alone(server: Server) -> None:
    _, said, headers = Person(server).ask("POST", SESSIONS, {"name": "root", "password": PASSWORD})
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert said["displayName"] == "Root"
    _, _, headers = Person(server).ask(
        "POST", SESSIONS, {"name": "root", "password": PASSWORD}, X_Forwarded_Proto="https"
    )
    assert "Secure" in headers["set-cookie"]


def test_sessions_are_listed_and_end_one_by_one_and_all_at_once(server: Server) -> None:
    add(server, "anna")
    first, second = (Person(server).signed_in("anna") for _ in range(2))
    items = first.call("GET", SESSIONS)[1]["items"]
    assert sorted(one["current"] for one in items) == [False, True]
    other = next(one["id"] for one in items if not one["current"])
    assert first.call("DELETE", f"{SESSIONS}/{other}")[0] == 200
    assert second.call("GET", SESSIONS)[0] == 401
    third = Person(server).signed_in("anna")
    assert third.call("DELETE", f"{SESSIONS}?others=true")[1] == {"ended": 1}
    assert (first.call("GET", SESSIONS)[0], third.call("GET", SESSIONS)[0]) == (401, 200)
    assert third.call("DELETE", f"{SESSIONS}/current")[0] == 200
    assert third.call("GET", SESSIONS)[0] == 401
    assert Person(server).signed_in("root").call("DELETE", f"{SESSIONS}/{other}")[0] == 404


def test_a_session_survives_a_restart_and_the_passwords_are_nowhere(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as server:
        token = add(server, "root", "administrator")
        root = Person(server).signed_in("root")
        secrets = [root.headers["Cookie"].partition("=")[2], token.headers["Authorization"].split()[1], PASSWORD]
        server.stop()
        kept = b"".join(path.read_bytes() for path in (tmp_path / "home").glob("*.db*"))
        assert not any(secret.encode() in kept for secret in secrets)
        key = tmp_path / "home" / "local.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        server.start()
        assert root.call("GET", f"{USERS}/me")[1]["name"] == "root"
        assert token.call("GET", f"{USERS}/me")[1]["role"] == "administrator"


def test_a_token_is_shown_once_expires_and_is_revoked(server: Server) -> None:
    bert = add(server, "bert")
    status, made = bert.call("POST", TOKENS, {"name": "ci", "days": 30})
    assert status == 201
    assert made["token"].startswith("fct_")
    ci = bert.with_token(made["token"])
    assert ci.call("GET", f"{USERS}/me")[1]["name"] == "bert"
    listed = {one["name"]: one for one in bert.call("GET", TOKENS)[1]["items"]}
    assert listed["ci"]["lastUsed"]
    assert "token" not in listed["ci"]
    assert bert.call("POST", TOKENS, {"name": "ci"})[0] == 409
    for wrong in ({"name": " "}, {"name": "x" * 64}, {"name": "a", "days": 0}, {"name": "a", "days": 10**9}):
        assert bert.call("POST", TOKENS, wrong)[0] == 422
    assert bert.call("POST", TOKENS, {"name": "a", "more": 1})[0] == 400
    assert add(server, "carl").call("DELETE", f"{TOKENS}/{made['id']}")[0] == 404
    assert bert.call("DELETE", f"{TOKENS}/ci")[0] == 200
    assert ci.call("GET", f"{USERS}/me")[0] == 401
    assert bert.with_token("fct_made-up").call("GET", NAMESPACES)[0] == 401
    assert Person(server, {"Authorization": "Basic cm9vdDpyb290"}).call("GET", NAMESPACES)[0] == 401


def test_a_wrong_token_is_refused_though_the_cookie_is_right(server: Server) -> None:
    root = Person(server).signed_in("root")
    assert root.ask("GET", NAMESPACES, Authorization="Bearer fct_made-up")[0] == 401


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": ""}, "name: Required value"),
        ({"name": "Not A Name"}, "name: Invalid value"),
        ({"name": "me"}, "is taken"),
        ({"name": "dora", "password": "short"}, "at least 10 characters"),
        ({"name": "dora-the-explorer", "password": "dora-the-explorer"}, "can be guessed"),
        ({"name": "dora", "password": "aaaaaaaaaaaa"}, "can be guessed"),
        ({"name": "dora", "groups": ["system:masters"]}, "groups: Invalid value"),
        ({"name": "dora", "groups": ["<script>"]}, "groups: Invalid value"),
        ({"name": "dora", "displayName": "x" * 300}, "displayName: Invalid value"),
    ],
    ids=str,
)
def test_a_user_that_cannot_be_is_refused(server: Server, given: dict[str, object], says: str) -> None:
    status, said = local(server).call("POST", USERS, given)
    assert status == 422
    assert says in said["message"]
    assert local(server).call("POST", USERS, {"name": "x", "role": "king"})[0] == 400


def test_nobody_locks_themselves_out_and_the_last_administrator_stays(server: Server) -> None:
    root = Person(server).signed_in("root")
    for method, body in (("PATCH", {"disabled": True}), ("PATCH", {"role": "user"}), ("DELETE", None)):
        assert root.call(method, f"{USERS}/root", body)[0] == 409
        assert local(server).call(method, f"{USERS}/root", body)[0] == 409
    add(server, "second", "administrator")
    assert local(server).call("PATCH", f"{USERS}/root", {"role": "user"})[0] == 200
    assert root.call("GET", USERS)[0] == 403  # it holds at once
    assert local(server).call("PATCH", f"{USERS}/root", {"role": "administrator"})[0] == 200
    assert root.call("DELETE", f"{USERS}/second")[0] == 200


def test_a_password_is_changed_with_the_one_before_and_ends_other_sessions(server: Server) -> None:
    add(server, "emil")
    here, there = (Person(server).signed_in("emil") for _ in range(2))
    change = f"{USERS}/me/password"
    assert here.call("POST", change, {"current": "wrong", "password": "another password"})[0] == 422
    assert here.call("POST", change, {"current": PASSWORD, "password": "another password"})[0] == 200
    assert (here.call("GET", SESSIONS)[0], there.call("GET", SESSIONS)[0]) == (200, 401)
    Person(server).signed_in("emil", "another password")
    status, said = local(server).call("POST", f"{USERS}/emil/password", {})
    assert status == 200
    assert here.call("GET", SESSIONS)[0] == 401
    Person(server).signed_in("emil", said["password"])


def test_who_is_deleted_is_out_at_once_and_leaves_nothing_to_who_comes_after(server: Server) -> None:
    frida = add(server, "frida")
    session = Person(server).signed_in("frida")
    assert frida.call("POST", NAMESPACES, {"metadata": {"name": "fridas"}})[0] == 201
    status, said = local(server).call("DELETE", f"{USERS}/frida")
    assert status == 200
    assert said["deleted"]["projects"] == [{"project": "fridas", "role": "admin"}]
    assert (said["deleted"]["tokens"], said["deleted"]["sessions"]) == (1, 1)
    assert (frida.call("GET", NAMESPACES)[0], session.call("GET", NAMESPACES)[0]) == (401, 401)
    again = add(server, "frida")
    assert again.call("GET", f"{NAMESPACES}/fridas")[0] == 403


def test_attempts_to_sign_in_become_slow(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as server:
        add(server, "root", "administrator")
        add(server, "other", "administrator")
        nobody, wrong = Person(server), {"name": "root", "password": "wrong password"}
        assert [nobody.call("POST", SESSIONS, wrong)[0] for _ in range(5)] == [401] * 5
        status, said, headers = nobody.ask("POST", SESSIONS, {"name": "root", "password": PASSWORD})
        assert (status, said["reason"]) == (429, "TooManyRequests")
        assert 1 <= int(headers["retry-after"]) <= 2
        nobody.signed_in("other")
        time.sleep(int(headers["retry-after"]))
        nobody.signed_in("root")
        assert nobody.call("POST", SESSIONS, wrong)[0] == 401


def test_nobody_goes_by_a_header_once_there_are_users(server: Server) -> None:
    gina = add(server, "gina")
    status, made, _ = gina.ask(
        "POST", "/api/model_registry/v1/registered_models", {"name": "ginas"}, X_Forwarded_User="root"
    )
    assert status == 201
    changes = gina.call("GET", "/api/forecourt/v1/registry/changes?pageSize=1")[1]["items"]
    assert [one["actor"] for one in changes] == ["gina"]
    status, made = gina.call("POST", NAMESPACES, {"metadata": {"name": "ginas"}})
    assert made["metadata"]["annotations"]["openshift.io/requester"] == "gina"
    patch = {"metadata": {"annotations": {"openshift.io/requester": "root", "note": "x"}}}
    status, made, _ = gina.ask("PATCH", f"{NAMESPACES}/ginas", patch, Content_Type="application/merge-patch+json")
    assert status == 200
    assert made["metadata"]["annotations"] == {"openshift.io/requester": "gina", "note": "x"}


def test_the_command_line_of_the_machine_goes_on_working(server: Server) -> None:
    done = server.run("projects", "list", "--json")
    assert done.returncode == 0, done.stderr
    anna = add(server, "hanna").headers["Authorization"].split()[1]
    server.environment["FORECOURT_TOKEN"] = anna
    try:
        done = server.run("projects", "list", "--json")
        assert json.loads(done.stdout)["items"] == []
        done = server.run("hardware-profiles", "create", "mine", "--cpu", "2")
        assert done.returncode == 1
        assert "hanna may not create hardwareprofiles" in done.stderr
    finally:
        del server.environment["FORECOURT_TOKEN"]
