"""Sources of type catalog, against a server that answers as Kubeflow's OpenAPI document says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from catalog.remote.hub import QuietServer
from catalog.remote.parts import QUICK, custom, entries, loading, problems, source

from forecourt.catalog.model import Entry, Loading, Problem, SourceDefinition, double_value, string_value
from forecourt.catalog.remote import LOADERS, candidates, catalogs
from forecourt.errors import Denied, InvalidInput, NotFound, Unavailable


class Catalog:
    """A catalog server: `models` by source, each with its ``artifacts``."""

    def __init__(self) -> None:
        self.models: dict[str, list[dict[str, Any]]] = {}
        self.versions = {"v1", "v1alpha1"}
        self.page = 1000
        self.token = ""
        self.takes_encoded_slashes = True
        self.broken: dict[str, int] = {}
        """Answers the status where the path contains the text."""
        self.asked: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.catalog = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def add(self, of: str, name: str, *artifacts: dict[str, Any], **fields: Any) -> None:
        document = {"id": str(len(self.models)), "name": name, "source_id": of, **fields}
        self.models.setdefault(of, []).append({"document": document, "artifacts": list(artifacts)})


class _Server(QuietServer):
    catalog: Catalog


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        catalog = self.server.catalog
        parts = urlsplit(self.path)
        catalog.asked.append(self.path)
        prefix, _, rest = parts.path.partition("/api/model_catalog/")
        version, _, path = rest.partition("/")
        query = parse_qs(parts.query)
        broken = [status for text, status in catalog.broken.items() if text in self.path]
        if broken:
            self.answer(broken[0], {"code": "Error", "message": "broken"})
        elif prefix or version not in catalog.versions:
            self.answer(404, {"code": "Not Found", "message": "404 page not found"})
        elif catalog.token and self.headers.get("Authorization") != f"Bearer {catalog.token}":
            self.answer(401, {"code": "Unauthorized", "message": "who are you"})
        elif path == "sources":
            self.list([{"id": name, "name": name, "labels": []} for name in catalog.models], query)
        elif path == "models":
            wanted = query.get("source", list(catalog.models))
            self.list([model["document"] for name in wanted for model in catalog.models.get(name, [])], query)
        else:
            self.artifacts(path.split("/"), query)

    def artifacts(self, parts: list[str], query: dict[str, list[str]]) -> None:
        catalog = self.server.catalog
        if parts[0] != "sources" or parts[2] != "models" or parts[-1] != "artifacts":
            self.answer(404, {"code": "Not Found", "message": "404 page not found"})
            return
        encoded = any("%2F" in part for part in parts)
        name = unquote("/".join(parts[3:-1]))
        found = [each for each in catalog.models.get(unquote(parts[1]), []) if each["document"]["name"] == name]
        if not found or (encoded and not catalog.takes_encoded_slashes):
            self.answer(400, {"code": "Bad Request", "message": "no models found"})
            return
        self.list(found[0]["artifacts"], query)

    def list(self, items: list[Any], query: dict[str, list[str]]) -> None:
        start = int(query.get("nextPageToken", ["0"])[0])
        size = min(int(query.get("pageSize", ["10"])[0]), self.server.catalog.page)
        page = items[start : start + size]
        more = start + size < len(items)
        token = str(start + size) if more else ""
        self.answer(200, {"items": page, "size": len(page), "pageSize": size, "nextPageToken": token})

    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def catalog() -> Iterator[Catalog]:
    server = Catalog()
    yield server
    server.close()


MODEL_ARTIFACT = {"id": "7", "artifactType": "model-artifact", "uri": "oci://quay.io/org/cars:1.0", "name": "cars"}
METRICS = {
    "id": "8",
    "artifactType": "metrics-artifact",
    "metricsType": "performance-metrics",
    "createTimeSinceEpoch": "1714557600000",
    "customProperties": {"ttft_p90": double_value(120.5), "hardware_type": string_value("H100")},
}


def of(catalog: Catalog, *included: str, **options: Any) -> SourceDefinition:
    return source("catalog", *included, url=catalog.url, **options)


def load(wanted: SourceDefinition, how: Loading | None = None) -> list[Entry | Problem]:
    return list(catalogs.load(wanted, how or loading(), QUICK))


def test_models_come_with_their_fields_and_artifacts(catalog: Catalog) -> None:
    catalog.add(
        "validated",
        "org/cars",
        MODEL_ARTIFACT,
        METRICS,
        description="Cars.",
        readme="# Cars\n",
        license="apache-2.0",
        licenseLink="https://l.example",
        provider="org",
        tasks=["text-generation"],
        language=["en"],
        validatedTasks=["text-generation"],
        servingConfig={"toolCalling": {"toolCallParser": "granite", "requiredArgs": ["--a b"], "other": 1}},
        createTimeSinceEpoch="1714557600000",
        customProperties={"size": string_value("8B"), "n": {"metadataType": "MetadataIntValue", "int_value": "3"}},
        artifactCounts={"model-artifact": 1},
        unheard="of",
        logo=None,
    )
    (entry,) = entries(load(of(catalog))).values()
    assert (entry.name, entry.readme) == ("org/cars", "# Cars\n")
    assert custom(entry) == {"size": "8B", "n": "3"}
    assert {key: value for key, value in entry.document.items() if key != "customProperties"} == {
        "description": "Cars.",
        "license": "apache-2.0",
        "licenseLink": "https://l.example",
        "provider": "org",
        "tasks": ["text-generation"],
        "language": ["en"],
        "validatedTasks": ["text-generation"],
        "servingConfig": {"toolCalling": {"toolCallParser": "granite", "requiredArgs": ["--a b"]}},
        "createTimeSinceEpoch": "1714557600000",
    }
    assert list(entry.artifacts) == [
        {key: value for key, value in artifact.items() if key != "id"} for artifact in (MODEL_ARTIFACT, METRICS)
    ]


def test_all_pages_are_read_of_models_and_of_artifacts(catalog: Catalog) -> None:
    catalog.page = 3
    for number in range(10):
        catalog.add("s", f"org/model-{number}", *[MODEL_ARTIFACT | {"name": str(at)} for at in range(number)])
    found = entries(load(of(catalog)))
    assert [len(entry.artifacts) for entry in found.values()] == list(range(10))
    assert list(found) == [f"org/model-{number}" for number in range(10)]


def test_only_what_the_source_wants_comes_and_each_name_once(catalog: Catalog) -> None:
    catalog.add("one", "org/cars", description="first")
    catalog.add("one", "org/cars-draft")
    catalog.add("two", "org/cars", description="second")
    catalog.add("two", "other/bikes")
    found = load(of(catalog, "org/*", excluded=["*-draft"]))
    assert [(each.name, each.document["description"]) for each in found if isinstance(each, Entry)] == [
        ("org/cars", "first")
    ]
    assert list(problems(found)) == ["org/cars"]
    assert list(entries(load(of(catalog, source="two")))) == ["org/cars", "other/bikes"]
    assert not any("draft" in path for path in catalog.asked)


def test_a_server_of_the_older_version_is_asked_in_that(catalog: Catalog) -> None:
    catalog.versions = {"v1alpha1"}
    catalog.add("s", "org/cars", MODEL_ARTIFACT)
    assert len(entries(load(of(catalog)))["org/cars"].artifacts) == 1


def test_what_is_no_catalog_is_said(catalog: Catalog) -> None:
    catalog.versions = set()
    with pytest.raises(NotFound, match="has no model catalog") as raised:
        load(of(catalog))
    assert "url" in raised.value.hint


@pytest.mark.parametrize("name", ["org/cars", "cars", "a/b/c", "with space/and?query#fragment%2F", "ü/é"])
@pytest.mark.parametrize("encoded", [True, False])
def test_a_name_is_asked_for_whole(catalog: Catalog, name: str, encoded: bool) -> None:
    catalog.takes_encoded_slashes = encoded
    catalog.add("a source/with a slash" if encoded else "s", name, MODEL_ARTIFACT)
    catalog.add("s", f"{name}-2", MODEL_ARTIFACT)
    if not encoded and "%2F" in name:
        return  # such a name cannot be asked for there
    found = entries(load(of(catalog)))
    assert [len(entry.artifacts) for entry in found.values()] == [1, 1]


def test_a_token_is_sent_and_a_missing_one_is_said(catalog: Catalog) -> None:
    catalog.token = "secret"
    catalog.add("s", "org/cars")
    with pytest.raises(Denied, match="who are you") as raised:
        load(of(catalog))
    assert "apiKeyEnvVar" in raised.value.hint
    has_one = loading(environment={"CATALOG_API_KEY_UP": "secret"})
    assert list(entries(load(of(catalog, apiKeyEnvVar="CATALOG_API_KEY_UP"), has_one))) == ["org/cars"]


@pytest.mark.parametrize("name", ["PATH", "HF_API_KEY", "FORECOURT_DATABASE_URL", "CATALOG_API_KEYS"])
def test_no_other_variable_of_the_environment_can_be_carried_away(catalog: Catalog, name: str) -> None:
    with pytest.raises(InvalidInput, match="may not use the environment variable"):
        load(of(catalog, apiKeyEnvVar=name), loading(environment={name: "secret"}))
    assert catalog.asked == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"description": 7}, "description"),
        ({"tasks": "chat"}, "tasks"),
        ({"language": [1]}, "language"),
        ({"readme": []}, "readme"),
        ({"customProperties": []}, "customProperties"),
        ({"customProperties": {"a": {"metadataType": "MetadataStringValue"}}}, "'a'"),
        ({"customProperties": {"a": {"metadataType": "MetadataDoubleValue", "double_value": True}}}, "'a'"),
        ({"customProperties": {"a": {"metadataType": "MetadataIntValue", "int_value": "x"}}}, "'a'"),
        ({"customProperties": {"a": {"metadataType": "Other", "value": 1}}}, "'a'"),
        ({"createTimeSinceEpoch": "yesterday"}, "createTimeSinceEpoch"),
        ({"servingConfig": 1}, "servingConfig"),
        ({"servingConfig": {"toolCalling": {"requiredArgs": [1]}}}, "requiredArgs"),
        ({"source_id": None}, "of which source"),
        ({"name": "x" * 513}, "512"),
    ],
)
def test_a_model_that_is_wrong_is_left_out_and_the_others_come(
    catalog: Catalog, fields: dict[str, Any], said: str
) -> None:
    catalog.add("s", **({"name": "org/wrong"} | fields))
    catalog.add("s", "org/right")
    found = load(of(catalog))
    assert [each.name for each in found if isinstance(each, Entry)] == ["org/right"]
    (message,) = problems(found).values()
    assert said in message


@pytest.mark.parametrize(
    "artifact",
    [
        7,
        {},
        {"artifactType": "model-artifact"},
        {"artifactType": "model-artifact", "uri": "javascript:alert(1)"},
        {"artifactType": "model-artifact", "uri": "oci"},
        {"artifactType": "metrics-artifact", "metricsType": "other"},
        {"artifactType": "doc-artifact", "uri": "https://d.example"},
        METRICS | {"customProperties": {"x": {"metadataType": "MetadataDoubleValue", "double_value": float("inf")}}},
    ],
)
def test_a_model_comes_without_an_artifact_that_is_wrong(catalog: Catalog, artifact: Any) -> None:
    catalog.add("s", "org/cars", artifact, METRICS)
    found = load(of(catalog))
    (entry,) = [each for each in found if isinstance(each, Entry)]
    assert [each["artifactType"] for each in entry.artifacts] == ["metrics-artifact"]
    if artifact != 7:
        assert "Left out were artifacts" in problems(found)["org/cars"]


def test_text_that_no_database_keeps_is_made_so_that_it_does(catalog: Catalog) -> None:
    catalog.add("s", "org/cars", description="a\0b\ud800", customProperties={"x\0": string_value("\ud800")})
    (entry,) = entries(load(of(catalog))).values()
    assert entry.document == {"description": "ab?", "customProperties": {"x": string_value("?")}}


def test_a_model_whose_artifacts_cannot_be_had_is_left_out_and_a_broken_server_ends_the_load(catalog: Catalog) -> None:
    for number in range(5):
        catalog.add("s", f"org/model-{number}")
    catalog.broken = {"model-1": 500}
    found = load(of(catalog))
    assert list(problems(found)) == ["org/model-1"]
    assert len(found) == 5
    catalog.broken = {"artifacts": 500}
    with pytest.raises(Unavailable, match="status 500"):
        load(of(catalog))


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(catalog: Catalog) -> None:
    for number in range(25):
        catalog.add("s", f"org/model-{number:02}", readme="x" * 1_000_000)
    assert list(entries(load(of(catalog)))) == [f"org/model-{number:02}" for number in range(25)]


def test_a_list_that_does_not_end_is_left(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog.add("s", "org/cars")

    def again(handler: _Handler, items: list[Any], _query: Any) -> None:
        handler.answer(200, {"items": items, "nextPageToken": "again"})

    monkeypatch.setattr(_Handler, "list", again)
    with pytest.raises(Unavailable, match="does not end"):
        load(of(catalog))


@pytest.mark.parametrize("document", [[], {}, {"items": None}, {"items": [], "nextPageToken": 7}, 7])
def test_a_list_that_is_none_is_said(catalog: Catalog, monkeypatch: pytest.MonkeyPatch, document: Any) -> None:
    monkeypatch.setattr(_Handler, "list", lambda handler, *_: handler.answer(200, document))
    with pytest.raises(Unavailable):
        load(of(catalog))


def test_a_preview_says_what_would_come(catalog: Catalog) -> None:
    catalog.add("s", "org/cars")
    catalog.add("s", "org/cars-draft")
    catalog.add("s", "other/bikes")
    wanted = of(catalog, "org/*", excluded=["*-draft"])
    assert dict(candidates(wanted, loading())) == {"org/cars": True, "org/cars-draft": False, "other/bikes": False}
    assert not any("artifacts" in path for path in catalog.asked)


def test_progress_is_told_and_a_load_that_nobody_wants_ends(catalog: Catalog) -> None:
    for number in range(30):
        catalog.add("s", f"org/model-{number}")
    told: list[int] = []
    found = list(
        LOADERS["catalog"](
            of(catalog), loading(progress=lambda done, _of: told.append(done), stopped=lambda: len(told) >= 3)
        )
    )
    assert told == [1, 2, 3]
    assert len(found) == 3


def test_where_it_is_has_to_be_said() -> None:
    with pytest.raises(InvalidInput, match="has no url"):
        load(source("catalog"))


def test_this_machine_is_no_catalog_unless_it_is_allowed(catalog: Catalog) -> None:
    with pytest.raises(InvalidInput, match="on this machine"):
        load(of(catalog), loading(private_addresses=False))
    assert catalog.asked == []
