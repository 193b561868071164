"""Sources and labels over Kubeflow's API, and the preview of a source that nobody has yet."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from apis import Answer, JsonClient
from catalog.api.real import Service
from catalog.served import Api, defined, entry, failing, is_error

from forecourt.catalog.model import Problem

VERSIONS = ["v1", "v1alpha1"]


# Sources


@pytest.mark.parametrize("version", VERSIONS)
def test_a_source_says_what_it_is_and_how_it_is(api: Api, version: str) -> None:
    api.sources.define(
        defined(
            "red",
            name="Red models",
            labels=("Validated", "Other"),
            included_models=("a*",),
            excluded_models=("*-draft",),
        )
    )
    api.give("red", entry("a"), entry("a-draft"))
    assert api.of(version).listed("sources")["items"] == [
        {
            "id": "red",
            "name": "Red models",
            "enabled": True,
            "labels": ["Validated", "Other"],
            "status": "available",
            "assetType": "models",
            "includedModels": ["a*"],
            "excludedModels": ["*-draft"],
        }
    ]
    assert api.names() == ["a"]


def test_a_source_says_what_is_wrong_with_it(api: Api) -> None:
    api.give("fine", entry("a"))
    api.give("half", entry("b"), Problem("c", "has no uri"))
    api.give("broken", entry("d"))
    api.give("broken", failing("The file is no YAML."))
    api.give("hidden", entry("e"), enabled=False)
    found = {one["id"]: (one["status"], one.get("error"), one["enabled"]) for one in api.listed("sources")["items"]}
    assert found == {
        "fine": ("available", None, True),
        "half": ("partially-available", "c: has no uri", True),
        "broken": ("error", "The file is no YAML. Mend it.", True),
        "hidden": ("disabled", None, False),
    }
    assert api.names() == ["a", "b", "d"]  # what "broken" gave before stays


def test_sources_are_listed_by_id_or_name_and_found_by_a_part_of_it(api: Api) -> None:
    api.sources.define(defined("b", name="Alpha"), defined("a", name="beta"), defined("c", name="Gamma"))

    def found(**query: Any) -> list[str]:
        return [one["id"] for one in api.listed("sources", **query)["items"]]

    assert found() == found(orderBy="ID") == ["a", "b", "c"]
    assert found(orderBy="NAME") == ["b", "a", "c"]
    assert found(orderBy="NAME", sortOrder="DESC") == ["c", "a", "b"]
    assert found(name="MM") == ["c"]
    assert found(name="a") == ["a", "b", "c"]
    assert found(name="%") == found(name="'") == []
    pages = list(api.pages("sources", pageSize=2))
    assert [[one["id"] for one in page] for page in pages] == [["a", "b"], ["c"]]


def test_sources_of_other_assets_are_listed_apart(api: Api) -> None:
    api.sources.define(defined("models"), defined("servers", asset_type="mcp_servers"))
    assert api.names("sources") == api.names("sources", assetType="models") == ["models"]
    assert api.names("sources", assetType="mcp_servers") == ["servers"]
    assert api.names("sources", assetType="agents") == api.names("sources", assetType="skills") == []


def test_labels_are_listed_by_any_of_their_keys_those_without_it_last(api: Api) -> None:
    labels: list[dict[str, Any]] = [
        {"name": "b", "displayName": "Bright"},
        {"name": None, "displayName": "All others"},
        {"name": "a", "rank": "1"},
        {"name": "server", "assetType": "mcp_servers"},
    ]
    api.sources.define(labels=tuple(labels))
    for version in VERSIONS:
        assert api.of(version).listed("labels")["items"] == labels[:3]
    assert api.names("labels", orderBy="name") == ["a", "b", None]
    assert api.names("labels", orderBy="name", sortOrder="DESC") == ["b", "a", None]
    assert api.names("labels", orderBy="displayName") == [None, "b", "a"]
    assert api.names("labels", orderBy="rank") == ["a", "b", None]
    assert api.names("labels", orderBy="nothing") == ["b", None, "a"]
    assert api.names("labels", assetType="mcp_servers") == ["server"]
    assert [len(page) for page in api.pages("labels", pageSize=2)] == [2, 1]


@pytest.mark.parametrize("path", ["sources", "labels"])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"assetType": "cats"}, "invalid assetType 'cats': it is one of models, mcp_servers, agents, skills"),
        ({"pageSize": "0"}, "invalid pageSize '0'"),
        ({"nextPageToken": "x"}, "invalid nextPageToken"),
        ({"nextPageToken": "²"}, "invalid nextPageToken"),
        ({"sortOrder": "x"}, "invalid sortOrder"),
        ({"orderBy": "a\0"}, "null bytes are not allowed in orderBy"),
    ],
)
def test_a_parameter_that_is_wrong_is_told(api: Api, path: str, query: dict[str, str], message: str) -> None:
    status, found = api.refused(path, **query)
    assert status == 400
    assert found.startswith(message)


def test_sources_have_no_other_order(api: Api) -> None:
    assert api.refused("sources", orderBy="CREATE_TIME") == (400, "invalid orderBy 'CREATE_TIME': it is ID or NAME")


def test_another_server_on_the_same_database_knows_what_became_of_the_sources(api: Api) -> None:
    api.give("half", entry("b"), Problem("c", "has no uri"))
    api.give("broken", failing("The file is no YAML."))
    api.management.patch("sources/half", {"enabled": False})
    other = api.sources.opened()
    assert {one.id: (one.status, one.error, one.enabled) for one in other.sources} == {
        "half": ("disabled", "", False),
        "broken": ("error", "The file is no YAML. Mend it.", True),
    }
    assert other.source("half").problems == (Problem("c", "has no uri"),)
    assert other.snapshot.names == []


# Preview


DATA = """
models:
  - name: acme/granite
  - name: acme/granite-draft
  - name: other/llama
"""
CONFIG = """
type: yaml
includedModels: ["ACME/*"]
excludedModels: ["*-draft"]
"""


def previewed(client: JsonClient, config: str | bytes, data: str | bytes | None = None, **query: Any) -> Answer:
    files = {"config": ("config.yaml", config)} | ({"catalogData": ("data.yaml", data)} if data is not None else {})
    return client.send("POST", "sources/preview", files=files, params=query)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_preview_says_what_a_source_would_show(api: Api, version: str) -> None:
    assert previewed(api.of(version), CONFIG, DATA) == (
        200,
        {
            "assetType": "models",
            "summary": {"totalModels": 3, "includedModels": 1, "excludedModels": 2},
            "items": [
                {"name": "acme/granite", "included": True},
                {"name": "acme/granite-draft", "included": False},
                {"name": "other/llama", "included": False},
            ],
            "nextPageToken": "",
            "pageSize": 10,
            "size": 3,
        },
    )
    assert api.names() == []


@pytest.mark.parametrize(
    ("status", "names"),
    [
        ("all", ["acme/granite", "acme/granite-draft", "other/llama"]),
        ("included", ["acme/granite"]),
        ("excluded", ["acme/granite-draft", "other/llama"]),
        ("EXCLUDED", ["acme/granite-draft", "other/llama"]),
    ],
)
def test_a_preview_may_be_of_one_status_with_the_counts_of_all(api: Api, status: str, names: list[str]) -> None:
    found = previewed(api, CONFIG, DATA, filterStatus=status).json
    assert [one["name"] for one in found["items"]] == names
    assert found["summary"] == {"totalModels": 3, "includedModels": 1, "excludedModels": 2}


def test_a_preview_goes_page_by_page(api: Api) -> None:
    data = "models: [" + ", ".join(f"{{name: m{n:02}}}" for n in range(25)) + "]"
    first = previewed(api, "type: yaml", data, pageSize=20).json
    assert (first["size"], first["pageSize"], first["summary"]["totalModels"]) == (20, 20, 25)
    last = previewed(api, "type: yaml", data, pageSize=20, nextPageToken=first["nextPageToken"]).json
    assert [one["name"] for one in last["items"]] == [f"m{n}" for n in range(20, 25)]
    assert last["nextPageToken"] == ""


def test_a_preview_of_servers_counts_assets(api: Api) -> None:
    config = "{assetType: mcp_servers, type: yaml, includedServers: [k*], excludedServers: ['*-internal']}"
    data = "mcp_servers: [{name: kubernetes}, {name: k-internal}]"
    assert previewed(api, config, data).json == {
        "assetType": "mcp_servers",
        "summary": {"totalAssets": 2, "includedAssets": 1, "excludedAssets": 1},
        "items": [{"name": "kubernetes", "included": True}, {"name": "k-internal", "included": False}],
        "nextPageToken": "",
        "pageSize": 10,
        "size": 2,
    }


@pytest.mark.parametrize(
    ("config", "data", "message"),
    [
        ("type: yaml\nincludedModels: [a, b", DATA, "config, line 3, column 1: did not find expected ',' or ']'."),
        ("type: yaml\n\tname: x", DATA, "config, line 2, column 1: "),
        ("type: yaml\nnane: x", DATA, "config, line 2: 'nane' is no key of a source. Did you mean name?"),
        ("type: yaml\ntype: hf", DATA, "config, line 2, column 1: 'type' is said twice."),
        ("type: ftp", DATA, "config, line 1: type must be one of yaml, hf, catalog, oci-modelcars."),
        ("includedModels: [a]", DATA, "config: source 'preview' has no type."),
        ("type: yaml", None, "config: a source of type yaml needs the property yamlCatalogPath."),
        ("type: yaml\nincludedModels: [A]\nexcludedModels: [a]", DATA, "config, line 3: 'a' is both in includedModels"),
        ("- type: yaml", DATA, "config: a source is a mapping with id, name, type and properties."),
        ("", DATA, "config: a source is a mapping with id, name, type and properties."),
        ("!!python/object/apply:os.system [id]", DATA, "config, line 1, column 1: tag:yaml.org,2002:python/object"),
        ("a: &a [*a]", DATA, "config, line 1, column 8: &a holds itself."),
        ("[" * 17 + "]" * 17, DATA, "config, line 1, column 17: this is nested more than 16 deep."),
        ("[" * 500_000, DATA, "config, line 1, column "),
        (b"type: \xff", DATA, "config, line 1, column 7: this is not UTF-8."),
        (b"type: yaml\x00", DATA, "config, line 1, column 11: "),
        ("type: yaml", "models:\n  - name: a\n   - name: b", "catalogData, line 3, column 4: "),
        ("type: yaml", "models:\n  - {name: a", "catalogData, line 3, column 1: "),
        ("type: yaml", "servers: []", "catalogData: there is no list of models here."),
        ("type: yaml", "models: {a: b}", "catalogData, line 1: models must be a list"),
        ("type: hf\nincludedModels: [a/b]", DATA, "catalogData goes with a source of type yaml, not hf."),
    ],
)
def test_what_is_wrong_with_a_preview_is_told_with_its_place(
    api: Api, config: str | bytes, data: str | None, message: str
) -> None:
    status, error = previewed(api, config, data)
    assert (status, error["code"]) == (422, "Unprocessable Entity")
    assert is_error(status, error).startswith(message)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"filterStatus": "some"}, "invalid filterStatus 'some': it is one of all, included, excluded"),
        ({"pageSize": "0"}, "invalid pageSize '0'"),
        ({"nextPageToken": "x"}, "invalid nextPageToken"),
    ],
)
def test_a_parameter_of_a_preview_that_is_wrong_is_told(api: Api, query: dict[str, str], message: str) -> None:
    status, error = previewed(api, CONFIG, DATA, **query)
    assert status == 400
    assert is_error(status, error).startswith(message)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"json": {"type": "yaml"}}, "a preview is sent as multipart/form-data"),
        ({"content": b""}, "a preview is sent as multipart/form-data"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, "Missing boundary"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, "Invalid multipart data"),
        ({"files": {"catalogData": b"models: []"}}, "config is missing"),
        ({"files": [("config", b"a")] * 3}, "Too many files"),
        ({"files": [("config", (None, b"a"))] * 5}, "Too many fields"),
    ],
)
def test_what_is_no_upload_of_a_preview_is_refused(api: Api, how: dict[str, Any], message: str) -> None:
    status, error = api.send("POST", "sources/preview", **how)
    assert status == 400
    assert message in is_error(status, error)


def test_the_parts_of_a_preview_may_be_fields_instead_of_files(api: Api) -> None:
    files = {"config": (None, CONFIG), "catalogData": (None, DATA)}
    assert api.send("POST", "sources/preview", files=files).json["summary"]["includedModels"] == 1


def test_laughs_by_the_billion_are_refused_before_they_are_built(api: Api) -> None:
    laughs = ["a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    laughs += [
        f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]" for before, one in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    status, error = previewed(api, "\n".join(laughs), DATA)
    assert status == 422
    assert "with its aliases written out this is more than 50,000 values" in is_error(status, error)
    status, error = previewed(api, "type: yaml", "\n".join([*laughs, "models: *i"]))
    assert status == 422
    assert "with its aliases written out this is more than 2,000,000 values" in is_error(status, error)
    long = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]"
    status, error = previewed(api, "type: yaml", long)
    assert status == 422
    assert "with its aliases written out this is more than 67108864 bytes" in is_error(status, error)


GIB = 1024**3


def peak() -> int:
    """Return the most memory that this process, in which the server runs, has held since `from_now` (bytes)."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def from_now() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def beginning(url: str, *headers: str) -> socket.socket:
    """Return a connection on which an upload has begun."""
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
    lines = [
        "POST /api/model_catalog/v1/sources/preview HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: multipart/form-data; boundary=b",
        *headers,
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def answered(connection: socket.socket) -> tuple[int, str]:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, is_error(answer.status, json.loads(answer.read()))


PART = b'--b\r\nContent-Disposition: form-data; name="catalogData"; filename="d"\r\n\r\n'


def test_an_upload_of_a_gigabyte_is_refused_before_it_is_sent(api: Api) -> None:
    with closing(beginning(api.url, f"Content-Length: {GIB}", "Expect: 100-continue")) as connection:
        assert answered(connection) == (400, "the upload is larger than 64 MiB")


def test_an_upload_whose_size_nobody_said_is_refused_once_it_is_too_large_in_little_memory(api: Api) -> None:
    chunk = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
    before = from_now()
    with closing(beginning(api.url, "Transfer-Encoding: chunked")) as connection:
        connection.sendall(b"%x\r\n%s\r\n" % (len(PART), PART))
        refused = threading.Event()
        said: list[tuple[int, str]] = []

        def listen() -> None:
            said.append(answered(connection))
            refused.set()

        listening = threading.Thread(target=listen)
        listening.start()
        sent = 0
        while sent < 1024 and not refused.is_set():
            connection.sendall(chunk)
            sent += 1
        listening.join(30)
    assert said == [(400, "the upload is larger than 64 MiB")]
    assert 64 <= sent < 256  # what was on its way when the answer came
    assert peak() - before < 48 * 2**20


def test_a_file_that_a_preview_names_is_read_from_the_allowed_folder(service: Service, tmp_path: Path) -> None:
    (tmp_path / "files" / "catalog.yaml").write_text(DATA)
    config = CONFIG + "properties: {yamlCatalogPath: catalog.yaml}"
    assert previewed(service.kubeflow, config).json["summary"]["includedModels"] == 1
    assert previewed(service.kubeflow, config, "models: []").json["summary"]["totalModels"] == 0  # what is sent counts


OUTSIDE = (
    "/etc/passwd",
    "../secret.yaml",
    "sub/../../secret.yaml",
    "link.yaml",
    "up/secret.yaml",
    "/proc/self/environ",
)


def test_a_file_outside_of_the_allowed_folders_is_not_read(service: Service, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("models: [{name: secret}]")
    files = tmp_path / "files"
    (files / "sub").mkdir()
    (files / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (files / "up").symlink_to(tmp_path)
    absent = previewed(service.kubeflow, "type: yaml\nproperties: {yamlCatalogPath: /etc/not-there}")
    for path in OUTSIDE:
        answer = previewed(service.kubeflow, f"type: yaml\nproperties: {{yamlCatalogPath: {path}}}")
        assert answer.status == 422
        message = f"Source 'preview' may not read {path}: it is outside the folders that are allowed."
        assert is_error(*answer).startswith(message)
        # What is not there reads no otherwise: nobody learns which files there are.
        assert is_error(*absent).replace("/etc/not-there", path) == is_error(*answer)


def test_a_file_that_cannot_be_read_is_told(service: Service, tmp_path: Path) -> None:
    (tmp_path / "files" / "sub").mkdir()
    (tmp_path / "files" / "loop.yaml").symlink_to("loop.yaml")
    for path in ("not-there.yaml", "sub", "loop.yaml", "x" * 300):
        answer = previewed(service.kubeflow, f"type: yaml\nproperties: {{yamlCatalogPath: {path}}}")
        assert answer.status == 422
        assert path in is_error(*answer)


class Inward(BaseHTTPRequestHandler):
    """Sends whoever asks on to an address within this machine."""

    to = ""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def hub(url: str) -> str:
    return f"type: hf\nincludedModels: [acme/*]\nproperties: {{url: '{url}'}}"


def catalog(url: str) -> str:
    return f"type: catalog\nproperties: {{url: '{url}'}}"


INSIDE = (
    *("127.0.0.1", "localhost", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"),
    *("10.0.0.1", "192.168.1.1", "2130706433", "0x7f000001"),  # the last two are how 127.0.0.1 may be written, too
)


@pytest.mark.parametrize("kind", [hub, catalog])
def test_an_address_of_this_machine_or_network_is_not_asked(service: Service, kind: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        for host in INSIDE:
            answer = previewed(service.kubeflow, kind(f"http://{host}:{listening.getsockname()[1]}"))
            assert answer.status == 422, host
            assert "on this machine, in a private network or reserved" in is_error(*answer)
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize("kind", [hub, catalog])
def test_nor_is_one_that_a_redirect_leads_to(tmp_path: Path, kind: Any) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as inside,
        ThreadingHTTPServer(("127.0.0.1", 0), Inward) as outside,
    ):
        inside.setblocking(False)
        handler = type("Handler", (Inward,), {"to": f"http://127.0.0.1:{inside.getsockname()[1]}/api"})
        outside.RequestHandlerClass = handler
        threading.Thread(target=outside.serve_forever, args=(0.01,)).start()
        trusted = f"127.0.0.1:{outside.server_port}"
        with closing(Service(tmp_path / "home", trusted=trusted)) as service:
            answer = previewed(service.kubeflow, kind(f"http://{trusted}"))
        outside.shutdown()
        assert answer.status == 422
        assert "on this machine, in a private network or reserved" in is_error(*answer)
        with pytest.raises(BlockingIOError):
            inside.accept()


def test_a_url_of_another_kind_is_refused(service: Service) -> None:
    for url in (
        "file:///etc/passwd",
        "gopher://127.0.0.1",
        "ftp://example.com",
        "http://me:secret@example.com",
        "//a.b",
    ):
        for kind in (hub, catalog):
            answer = previewed(service.kubeflow, kind(url))
            assert answer.status == 422, url
            assert "secret" not in is_error(*answer)
