"""Each role against each kind of request: what every route wants, and who gets it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from access.people import PASSWORD, Person, add, local
from servers import Server, serving

from forecourt.access import Level, local_path, wanted
from forecourt.access.rules import Need

NAMESPACES = "/api/v1/namespaces"
ISVC = "/apis/serving.kserve.io/v1beta1"
V1ALPHA1 = "/apis/serving.kserve.io/v1alpha1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
HARDWARE = "/apis/infrastructure.opendatahub.io/v1"
REGISTRY = "/api/model_registry/v1"
OWN = "/api/forecourt/v1"

PEOPLE = ("nobody", "viewer", "outsider", "viewing", "editing", "owning", "root")
"""No sign-in; a viewer whose binding says admin; a user without a role; users with each role; an administrator."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="module")
def people(server: Server) -> dict[str, Person]:
    known = {"nobody": Person(server), "root": add(server, "root", "administrator")}
    for name in PEOPLE[1:-1]:
        known[name] = add(server, name, "viewer" if name == "viewer" else "user", groups=[f"{name}-group"])
    root = known["root"]
    for name in ("vision", "other"):
        assert root.call("POST", NAMESPACES, {"metadata": {"name": name}})[0] == 201
    roles = {"viewer": "admin", "viewing": "view", "editing": "edit", "owning": "admin"}
    for name, role in roles.items():
        kind, subject = ("Group", f"{name}-group") if name == "editing" else ("User", name)
        document = {
            "metadata": {"name": name},
            "subjects": [{"kind": kind, "name": subject}],
            "roleRef": {"kind": "ClusterRole", "name": role},
        }
        assert root.call("POST", f"{RBAC}/namespaces/vision/rolebindings", document)[0] == 201
    assert root.call("POST", f"{NAMESPACES}/vision/secrets", {"metadata": {"name": "there"}})[0] == 201
    assert root.call("POST", f"{NAMESPACES}/other/secrets", {"metadata": {"name": "elsewhere"}})[0] == 201
    assert root.call("POST", f"{REGISTRY}/registered_models", {"name": "there"})[0] == 201
    return known


DRY = "?dryRun=All"
SIGNED_IN = ("viewer", "outsider", "viewing", "editing", "owning", "root")
USERS = ("outsider", "viewing", "editing", "owning", "root")
SEE = ("viewer", "viewing", "editing", "owning", "root")
EDIT = ("editing", "owning", "root")
ADMIN = ("owning", "root")
ROOT = ("root",)

TABLE: list[tuple[str, str, tuple[str, ...], Any]] = [
    ("GET", "/healthz", PEOPLE, None),
    ("GET", "/version", SIGNED_IN, None),
    ("GET", "/apis", SIGNED_IN, None),
    ("GET", "/metrics", SIGNED_IN, None),
    ("GET", NAMESPACES, SIGNED_IN, None),
    ("POST", NAMESPACES + DRY, USERS, {"metadata": {"name": "new"}}),
    ("POST", NAMESPACES + DRY, ROOT, {"metadata": {"name": "opendatahub"}}),
    ("GET", f"{NAMESPACES}/vision", SEE, None),
    ("PATCH", f"{NAMESPACES}/vision{DRY}", ADMIN, {}),
    ("DELETE", f"{NAMESPACES}/vision{DRY}", ADMIN, None),
    ("GET", f"{NAMESPACES}/other", ROOT, None),
    ("GET", f"{NAMESPACES}/vision/secrets", SEE, None),
    ("GET", f"{NAMESPACES}/vision/secrets?watch=true&timeoutSeconds=1", SEE, None),
    ("POST", f"{NAMESPACES}/vision/secrets{DRY}", EDIT, {"metadata": {"name": "s"}}),
    ("PATCH", f"{NAMESPACES}/vision/secrets/there{DRY}", EDIT, {}),
    ("DELETE", f"{NAMESPACES}/vision/secrets/there{DRY}", EDIT, None),
    ("GET", f"{NAMESPACES}/other/secrets/elsewhere", ROOT, None),
    ("POST", f"{NAMESPACES}/other/secrets{DRY}", ROOT, {"metadata": {"name": "s"}}),
    ("POST", f"{OWN}/namespaces/vision/connections/there/test", EDIT, None),
    ("GET", f"{ISVC}/inferenceservices", SIGNED_IN, None),
    ("GET", f"{ISVC}/namespaces/vision/inferenceservices", SEE, None),
    ("GET", f"{ISVC}/namespaces/vision/inferenceservices/x/log", SEE, None),
    ("POST", f"{ISVC}/namespaces/vision/inferenceservices/x/tokens", EDIT, {"name": "t"}),
    ("POST", f"{ISVC}/namespaces/vision/inferenceservices/x/rollback", EDIT, {}),
    ("POST", f"{OWN}/namespaces/vision/fit", EDIT, {}),
    ("POST", f"{OWN}/namespaces/vision/deployments{DRY}", EDIT, {}),
    ("PUT", f"{OWN}/namespaces/vision/deployments/x{DRY}", EDIT, {}),
    ("GET", f"{OWN}/namespaces/vision/model-format?uri=hf://a/b", EDIT, None),
    ("POST", f"{OWN}/namespaces/other/deployments{DRY}", ROOT, {}),
    ("GET", f"{RBAC}/namespaces/vision/rolebindings", SEE, None),
    ("DELETE", f"{RBAC}/namespaces/vision/rolebindings/viewing{DRY}", ADMIN, None),
    ("DELETE", f"{RBAC}/namespaces/other/rolebindings/none{DRY}", ROOT, None),
    ("GET", f"{V1ALPHA1}/namespaces/vision/servingruntimes", SEE, None),
    ("POST", f"{V1ALPHA1}/namespaces/vision/servingruntimes{DRY}", ROOT, {"metadata": {"name": "r"}, "spec": {}}),
    ("POST", f"{V1ALPHA1}/clusterservingruntimes{DRY}", ROOT, {"metadata": {"name": "r"}, "spec": {}}),
    ("GET", f"{V1ALPHA1}/clusterservingruntimes", SIGNED_IN, None),
    ("GET", f"{OWN}/serving-runtimes?namespace=vision", SEE, None),
    ("GET", f"{OWN}/serving-runtimes", SIGNED_IN, None),
    ("PATCH", f"{OWN}/serving-runtimes/x?namespace=vision", ROOT, {"enabled": True}),
    ("GET", f"{OWN}/environments", ROOT, None),
    ("GET", f"{HARDWARE}/namespaces/opendatahub/hardwareprofiles", SIGNED_IN, None),
    ("POST", f"{HARDWARE}/namespaces/opendatahub/hardwareprofiles{DRY}", ROOT, {"metadata": {"name": "h"}}),
    ("POST", f"{HARDWARE}/namespaces/vision/hardwareprofiles{DRY}", ROOT, {"metadata": {"name": "h"}}),
    ("GET", f"{NAMESPACES}/opendatahub/configmaps", SIGNED_IN, None),
    ("GET", f"{NAMESPACES}/opendatahub/secrets", ROOT, None),
    ("GET", "/api/model_catalog/v1/models", SIGNED_IN, None),
    ("POST", "/api/model_catalog/v1/sources/preview", ROOT, {}),
    ("GET", f"{OWN}/catalog/search", SIGNED_IN, None),
    ("POST", f"{OWN}/catalog/sources", ROOT, {}),
    ("DELETE", f"{OWN}/catalog/sources/none", ROOT, None),
    ("GET", f"{REGISTRY}/registered_models", SIGNED_IN, None),
    ("PATCH", f"{REGISTRY}/registered_models/1", USERS, {"description": "new"}),
    ("POST", f"{OWN}/registry/register", USERS, {}),
    ("GET", f"{OWN}/registry/proposal?uri=hf://acme/model", USERS, None),
    ("DELETE", f"{OWN}/registry/registered_models/999", ROOT, None),
    ("GET", f"{OWN}/registry/changes", SIGNED_IN, None),
    ("GET", f"{OWN}/server", SIGNED_IN, None),
    ("POST", f"{OWN}/server/shutdown", ROOT, {"deployments": "?"}),
    ("GET", f"{OWN}/users", ROOT, None),
    ("GET", f"{OWN}/users/me", SIGNED_IN, None),
    ("POST", f"{OWN}/users/viewer/password", ROOT, {"password": "short"}),
    ("GET", f"{OWN}/tokens", SIGNED_IN, None),
    ("GET", f"{OWN}/sessions", SIGNED_IN, None),
    ("GET", f"{OWN}/of-which-nobody-knows", ROOT, None),
    ("GET", "/somewhere/else", ROOT, None),
]


@pytest.mark.parametrize(("method", "path", "may", "body"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE])
def test_each_role_against_each_kind_of_request(
    people: dict[str, Person], method: str, path: str, may: tuple[str, ...], body: Any
) -> None:
    for name in PEOPLE:
        status, said = people[name].call(method, path, body)
        if name in may:
            assert status not in (401, 403), (name, said)
        else:
            assert status == (401 if name == "nobody" else 403), (name, said)
            assert said["message"]


def test_lists_have_what_one_may_see(people: dict[str, Person]) -> None:
    def names(person: str, path: str) -> set[str]:
        return {one["metadata"]["name"] for one in people[person].call("GET", path)[1]["items"]}

    assert names("outsider", NAMESPACES) == set()
    assert names("viewing", NAMESPACES) == {"vision"}
    assert names("root", NAMESPACES) >= {"default", "vision", "other"}
    assert names("viewing", "/api/v1/secrets") == {"there"}
    assert names("outsider", "/api/v1/secrets") == set()
    watch = people["viewing"].call("GET", f"{NAMESPACES}?watch=true&timeoutSeconds=1")[1]
    assert "'vision'" in str(watch)
    assert "'other'" not in str(watch)


def test_who_creates_a_project_administers_it(people: dict[str, Person]) -> None:
    outsider = people["outsider"]
    assert outsider.call("POST", NAMESPACES, {"metadata": {"name": "mine"}})[0] == 201
    where = f"{RBAC}/namespaces/mine/rolebindings"
    [one] = outsider.call("GET", where)[1]["items"]
    assert (one["roleRef"]["name"], one["subjects"][0]["name"]) == ("admin", "outsider")
    given = {"metadata": {"name": "v"}, "subjects": [{"kind": "User", "name": "viewing"}]}
    status, said = outsider.call("POST", where, given | {"roleRef": {"kind": "ClusterRole", "name": "edit"}})
    assert status == 201, said
    assert people["viewing"].call("POST", f"{NAMESPACES}/mine/secrets", {"metadata": {"name": "s"}})[0] == 201
    assert outsider.call("DELETE", f"{where}/v")[0] == 200
    assert people["viewing"].call("GET", f"{NAMESPACES}/mine/secrets")[0] == 403


def test_one_can_ask_what_one_may(people: dict[str, Person]) -> None:
    review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

    def allowed(person: str, verb: str, resource: str, namespace: str = "", group: str = "") -> bool:
        spec = {"resourceAttributes": {"verb": verb, "group": group, "resource": resource, "namespace": namespace}}
        status, said = people[person].call("POST", review, {"spec": spec})
        assert status == 201, said
        return bool(said["status"]["allowed"])

    assert allowed("owning", "create", "rolebindings", "vision")
    assert not allowed("editing", "create", "rolebindings", "vision")
    assert allowed("editing", "create", "inferenceservices", "vision", "serving.kserve.io")
    assert not allowed("viewing", "create", "inferenceservices", "vision", "serving.kserve.io")
    assert allowed("outsider", "create", "namespaces")
    assert not allowed("viewer", "create", "namespaces")
    assert people["root"].call("POST", review, {"spec": {}})[0] == 422


def test_a_page_asks_the_api_as_whoever_looks_at_it(server: Server, people: dict[str, Person]) -> None:
    page = people["viewing"].ask("GET", "/projects?format=json")[1]
    assert "other" not in {one["name"] for one in page["projects"]}
    assert people["viewer"].ask("GET", "/registry/register?format=json")[0] == 403
    assert people["outsider"].ask("GET", "/registry/register?format=json")[0] == 200
    root = Person(server).signed_in("root", PASSWORD)
    assert {"vision", "other"} <= {
        one["name"] for one in root.ask("GET", "/projects?show=all&format=json")[1]["projects"]
    }
    assert Person(server).call("GET", "/projects?format=json")[0] == 401
    assert (
        Person(server).ask("GET", "/projects?q=a", Accept="text/html")[2]["location"]
        == "/sign-in?next=%2Fprojects%3Fq%3Da"
    )


def test_every_route_of_the_api_is_classified(server: Server) -> None:
    """A route that is new is added to `forecourt.access.rules`: until then only administrators may ask it."""
    paths = local(server).call("GET", "/openapi.json")[1]["paths"]
    assert len(paths) > 40
    for path, methods in paths.items():
        for method in methods:
            found = wanted(method.upper(), re.sub(r"\{[^}]*\}", "x", path))
            assert found is not None, f"{method.upper()} {path} is in no rule of forecourt.access.rules"


def test_what_changes_something_never_wants_less_than_a_role(server: Server) -> None:
    own_affairs = ("/sessions", "/tokens", "/users/me", "/serving-runtimes/validate", "/selfsubjectaccessreviews")
    for path, methods in local(server).call("GET", "/openapi.json")[1]["paths"].items():
        for method in set(methods) - {"get"}:
            found = wanted(method.upper(), re.sub(r"\{[^}]*\}", "x", path))
            assert found is not None
            if not any(part in path for part in own_affairs):
                assert found.need in (Need.USER, Need.ADMINISTRATOR, Level.EDIT, Level.ADMIN), (method, path)


@pytest.mark.parametrize(
    ("said", "leads"),
    [
        ("/projects?q=a", "/projects?q=a"),
        ("//evil.example/x", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("/\t/evil.example", "/"),
        ("/sign-in?next=/sign-in", "/"),
        ("", "/"),
    ],
)
def test_one_goes_on_only_to_where_this_server_is(said: str, leads: str) -> None:
    assert local_path(said) == leads
