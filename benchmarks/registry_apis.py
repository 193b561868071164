"""Both registries' APIs, as the benchmark speaks them: the same models and properties, asked for the same."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from load import Conversation, get, post

TEAMS = 50
PAGE, FILTERED_PAGE = 100, 20


# What is registered


def name_of(number: int) -> str:
    return f"model-{number:06}"


def description_of(number: int) -> str:
    return f"Model {number}: instruction-tuned and quantized to 4 bits, validated for chat and for summaries."


def team_of(number: int) -> str:
    return f"team-{number % TEAMS}"


def properties_of(number: int) -> dict[str, str | int | float | bool]:
    """Return the properties of a model and of its versions; accuracies spread from 0 to 1."""
    return {
        "team": team_of(number),
        "context_length": 4096 * (1 + number % 32),
        "accuracy": number * 7919 % 10_000 / 10_000,
        "validated": number % 3 == 0,
    }


# The two APIs


class Api(Protocol):
    """How a registry is asked; an instance goes to the load's process."""

    @property
    def port(self) -> int: ...

    def register(self, numbers: Sequence[int], versions: int) -> Iterator[Conversation]:
        """Yield a conversation for each model, which registers it and its versions."""

    def by_name(self, number: int) -> str:
        """Return the path of a model by its name."""

    def page(self, size: int, token: str, team: str = "") -> str:
        """Return the path of a page of models, of all or of a team's."""

    def read_page(self, answer: Any) -> tuple[list[dict[str, Any]], str]:
        """Return a page's models and the token of the next page."""

    def read_model(self, answer: Any) -> tuple[str, dict[str, Any]]:
        """Return a model's name and properties."""

    def versions_of(self, model: dict[str, Any]) -> int:
        """Return how many versions a model has."""

    def pages(self) -> Iterator[Conversation]:
        """Yield conversations that page through all models, again and again."""


@dataclass(frozen=True)
class ForecourtApi:
    """Kubeflow's model registry API."""

    port: int
    base: str = "/api/model_registry/v1"

    def register(self, numbers: Sequence[int], versions: int) -> Iterator[Conversation]:
        return iter([self._register(number, versions) for number in numbers])

    def _register(self, number: int, versions: int) -> Conversation:
        properties = {name: _typed(value) for name, value in properties_of(number).items()}
        told = {"description": description_of(number), "customProperties": properties}
        model = json.dumps({"name": name_of(number), "owner": "benchmark", **told}).encode()
        made = [json.dumps({"name": str(version + 1), "author": "benchmark", **told}) for version in range(versions)]
        return self._registered(post(self.port, f"{self.base}/registered_models", model), made)

    def _registered(self, model: bytes, versions: list[str]) -> Conversation:
        parent = json.loads((yield model))["id"]
        for version in versions:
            data = f'{{"registeredModelId": "{parent}", {version[1:]}'.encode()
            yield post(self.port, f"{self.base}/registered_models/{parent}/versions", data)

    def by_name(self, number: int) -> str:
        return f"{self.base}/registered_model?name={name_of(number)}"

    def by_id(self, identity: str) -> str:
        return f"{self.base}/registered_models/{identity}"

    def page(self, size: int, token: str, team: str = "") -> str:
        return self.filtered(f"team='{team}'" if team else "", size, token)

    def filtered(self, text: str, size: int = FILTERED_PAGE, token: str = "") -> str:
        filtered = f"&filterQuery={quote(text)}" if text else ""
        following = f"&nextPageToken={quote(token, '')}" if token else ""
        return f"{self.base}/registered_models?pageSize={size}{filtered}{following}"

    def read_page(self, answer: Any) -> tuple[list[dict[str, Any]], str]:
        return answer["items"], answer["nextPageToken"]

    def read_model(self, answer: Any) -> tuple[str, dict[str, Any]]:
        values = {}
        for name, typed in answer["customProperties"].items():
            kind = typed["metadataType"].removeprefix("Metadata").removesuffix("Value").lower()
            value = typed[f"{kind}_value"]
            values[name] = int(value) if kind == "int" else value
        return answer["name"], values

    def versions_of(self, model: dict[str, Any]) -> int:
        return len(ask(self.port, f"{self.base}/registered_models/{model['id']}/versions")["items"])

    def pages(self) -> Iterator[Conversation]:
        while True:
            yield _page_through(self, b'"nextPageToken"')


@dataclass(frozen=True)
class MLflowApi:
    """MLflow's REST API: properties are tags, whose values are texts."""

    port: int
    base: str = "/api/2.0/mlflow"

    def register(self, numbers: Sequence[int], versions: int) -> Iterator[Conversation]:
        return iter([self._register(number, versions) for number in numbers])

    def _register(self, number: int, versions: int) -> Conversation:
        values = {**properties_of(number), "owner": "benchmark"}
        tags = [{"key": name, "value": str(value)} for name, value in values.items()]
        told = {"name": name_of(number), "description": description_of(number), "tags": tags}
        requests = [post(self.port, f"{self.base}/registered-models/create", json.dumps(told).encode())]
        for version in range(1, versions + 1):
            made = {**told, "source": f"s3://models/{name_of(number)}/{version}"}
            requests.append(post(self.port, f"{self.base}/model-versions/create", json.dumps(made).encode()))
        return _each(requests)

    def by_name(self, number: int) -> str:
        return f"{self.base}/registered-models/get?name={name_of(number)}"

    def page(self, size: int, token: str, team: str = "") -> str:
        text = f"tags.team='{team}'"
        filtered = f"&filter={quote(text)}" if team else ""
        following = f"&page_token={quote(token, '')}" if token else ""
        return f"{self.base}/registered-models/search?max_results={size}{filtered}{following}"

    def read_page(self, answer: Any) -> tuple[list[dict[str, Any]], str]:
        return answer.get("registered_models", []), answer.get("next_page_token", "")

    def read_model(self, answer: Any) -> tuple[str, dict[str, Any]]:
        answer = answer.get("registered_model", answer)
        tags = {tag["key"]: tag["value"] for tag in answer["tags"] if tag["key"] != "owner"}
        return answer["name"], tags | {
            "context_length": int(tags["context_length"]),
            "accuracy": float(tags["accuracy"]),
            "validated": tags["validated"] == "True",
        }

    def versions_of(self, model: dict[str, Any]) -> int:
        text = f"name='{model['name']}'"
        return len(ask(self.port, f"{self.base}/model-versions/search?filter={quote(text)}")["model_versions"])

    def pages(self) -> Iterator[Conversation]:
        while True:
            yield _page_through(self, b'"next_page_token"')


def _typed(value: str | int | float | bool) -> dict[str, Any]:
    """Return a property's value as Kubeflow's API has it."""
    match value:
        case bool():
            return {"metadataType": "MetadataBoolValue", "bool_value": value}
        case int():
            return {"metadataType": "MetadataIntValue", "int_value": str(value)}
        case float():
            return {"metadataType": "MetadataDoubleValue", "double_value": value}
        case _:
            return {"metadataType": "MetadataStringValue", "string_value": value}


def _each(requests: list[bytes]) -> Conversation:
    for request in requests:
        _ = yield request  # not `yield from`: a list takes no answers


def _page_through(api: Api, key: bytes) -> Conversation:
    """Follow the tokens to the last page; a token is looked for from the end, where both have it."""
    token = ""
    while True:
        answer = yield get(api.port, api.page(PAGE, token))
        found = answer.rfind(key)
        token = answer[found + len(key) :].split(b'"', 2)[1].decode() if found >= 0 else ""
        if not token:
            return


def ask(port: int, path: str) -> Any:
    """Ask once, outside of what is measured."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=120) as answer:
        return json.load(answer)


def walk(api: Api, team: str = "") -> list[dict[str, Any]]:
    """Return all models, or a team's."""
    models: list[dict[str, Any]] = []
    token = ""
    while True:
        page, token = api.read_page(ask(api.port, api.page(PAGE, token, team)))
        models += page
        if not token:
            return models


def checked(api: Api, count: int, versions: int) -> list[dict[str, Any]]:
    """Return all models, having seen that they are those that were registered."""
    models = walk(api)
    expected = {name_of(number): properties_of(number) for number in range(count)}
    found = dict(map(api.read_model, models))
    assert found == expected and len(models) == count, f"{len(models)} models of {count}, or other ones"
    number = count // 2
    name, properties = api.read_model(ask(api.port, api.by_name(number)))
    assert (name, properties) == (name_of(number), properties_of(number)), (name, properties)
    team = {model["name"] for model in walk(api, "team-7")}
    assert team == {name_of(number) for number in range(7, count, TEAMS)}, f"{len(team)} models of team-7"
    assert api.versions_of(models[number]) == versions
    return models


# The two servers
