"""What is followed ends soon after its asker was signed out, or is no longer who was let in."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from access.people import SESSIONS, USERS, Person, add, local
from servers import RUNTIMES, SERVICES, TINY_RUNTIME, Server, serving, tiny_service, wait

NAMESPACES = "/api/v1/namespaces"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
WATCH = f"{NAMESPACES}?watch=true"
SECONDS = 20  # far more than it takes, on a machine that is busy


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home")) as running:
        add(running, "root", "administrator")
        yield running


class Followed:
    """An answer that goes on."""

    def __init__(self, who: Person, path: str) -> None:
        where = urlsplit(who.server.record["url"])
        self._connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=SECONDS)
        self._connection.request("GET", path, headers=who.headers)
        self.answer = self._connection.getresponse()
        assert self.answer.status == 200
        assert "content-length" not in self.answer.headers

    def ends(self) -> bool:
        """Read all that comes until it ends, as an answer should; raises where it goes on."""
        self.answer.read()
        self._connection.close()
        return True

    def brings(self, text: str) -> bool:
        """Read until a line has a text."""
        found = any(text.encode() in line for line in iter(self.answer.readline, b""))
        self._connection.close()
        return found


@pytest.fixture(scope="module")
def deployed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A deployment that has printed something: where the API has it."""
    here = local(server)
    assert here.call("POST", RUNTIMES, TINY_RUNTIME)[0] == 201
    model = tmp_path_factory.mktemp("model")
    (model / "model.bin").write_bytes(b"model")
    assert here.call("POST", SERVICES, tiny_service("m", model))[0] == 201
    wait(lambda: here.call("GET", f"{SERVICES}/m/log")[1], 30, "there is a log")
    return f"{SERVICES}/m"


def test_events_watches_and_logs_end_with_their_session_and_nobody_elses_do(server: Server, deployed: str) -> None:
    add(server, "ann", "administrator")
    ann, root = Person(server).signed_in("ann"), Person(server).signed_in("root")
    logs = (f"{deployed}/log?follow=true", "/deployments/default/m/log?follow=true")
    mine = [Followed(ann, path) for path in ("/events?on=projects", WATCH, *logs)]
    another = Followed(root, WATCH)
    assert ann.call("DELETE", f"{SESSIONS}/current")[0] == 200
    assert all(one.ends() for one in mine)
    assert root.call("POST", NAMESPACES, {"metadata": {"name": "later"}})[0] == 201
    assert another.brings('"later"')
    assert "Traceback" not in (server.home / "output.log").read_text()


def revoked(here: Person, name: str) -> tuple[int, object]:
    return here.call("DELETE", f"{USERS}/{name}/tokens/test")


def deleted(here: Person, name: str) -> tuple[int, object]:
    return here.call("DELETE", f"{USERS}/{name}")


def disabled(here: Person, name: str) -> tuple[int, object]:
    return here.call("PATCH", f"{USERS}/{name}", {"disabled": True})


def another_role(here: Person, name: str) -> tuple[int, object]:
    return here.call("PATCH", f"{USERS}/{name}", {"role": "viewer"})


@pytest.mark.parametrize("change", [revoked, deleted, disabled, another_role])
def test_a_watch_ends_with_what_its_asker_was_let_in_by(
    server: Server, change: Callable[[Person, str], tuple[int, object]]
) -> None:
    name = change.__name__.replace("_", "-")
    followed = Followed(add(server, name, "administrator"), WATCH)
    assert change(local(server), name)[0] == 200
    assert followed.ends()


def test_what_is_in_a_project_ends_with_the_role_in_it(server: Server, deployed: str) -> None:
    cara, here = add(server, "cara"), local(server)
    bindings = f"{RBAC}/namespaces/default/rolebindings"
    binding = {
        "metadata": {"name": "cara"},
        "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "cara"}],
    }
    assert here.call("POST", bindings, binding)[0] == 201
    paths = (f"{deployed}/log?follow=true", "/deployments/default/m/log?follow=true", f"{SERVICES}?watch=true")
    theirs, everywhere = [Followed(cara, path) for path in paths], Followed(cara, WATCH)
    assert here.call("DELETE", f"{bindings}/cara")[0] == 200
    assert all(one.ends() for one in theirs)
    assert cara.call("GET", f"{SERVICES}/m")[0] == 403
    binding["metadata"] = {"name": "cara-elsewhere"}
    assert here.call("POST", NAMESPACES, {"metadata": {"name": "hers"}})[0] == 201
    assert here.call("POST", f"{RBAC}/namespaces/hers/rolebindings", binding)[0] == 201
    assert here.call("PATCH", f"{NAMESPACES}/hers", {"metadata": {"labels": {"a": "b"}}})[0] == 200
    assert everywhere.brings('"hers"')  # what wants no role goes on, and shows what there is one for


def test_who_is_signed_out_everywhere_by_an_administrator_hears_no_more(server: Server) -> None:
    add(server, "bob")
    followed = Followed(Person(server).signed_in("bob"), "/events?on=projects")
    assert local(server).call("DELETE", f"{USERS}/bob/sessions")[0] == 200
    assert followed.ends()


def test_what_anybody_could_follow_ends_once_there_are_users(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as server:
        followed = Followed(Person(server), WATCH)
        add(server, "root", "administrator")
        assert followed.ends()
