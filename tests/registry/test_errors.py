"""What the registry refuses, and in which words: clients rely on upstream's texts."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from registry.served import Answer, Api, is_error

BAD, MISSING, TAKEN = (400, "Bad Request"), (404, "Not Found"), (409, "Conflict")
LARGE = 2**31
SQL = "'); DROP TABLE registry_resources; --"
EVERY_CREATE = (
    ("registered_models", {"name": "x"}),
    ("model_versions", {"name": "x", "registeredModelId": "{model}"}),
    ("registered_models/{model}/versions", {"name": "x"}),
    ("model_artifacts", {"name": "x"}),
    ("artifacts", {"name": "x", "artifactType": "doc-artifact"}),
    ("model_versions/{version}/artifacts", {"name": "x", "artifactType": "doc-artifact"}),
    ("serving_environments", {"name": "x"}),
    ("serving_environments/{environment}/inference_services", {"name": "x", "registeredModelId": "{model}"}),
    ("inference_services", {"name": "x", "registeredModelId": "{model}", "servingEnvironmentId": "{environment}"}),
    ("inference_services/{service}/serves", {"name": "x", "modelVersionId": "{version}"}),
    ("experiments", {"name": "x"}),
    ("experiment_runs", {"name": "x", "experimentId": "{experiment}"}),
    ("experiments/{experiment}/experiment_runs", {"name": "x"}),
    ("experiment_runs/{run}/artifacts", {"name": "x", "artifactType": "doc-artifact"}),
)
"""Every POST, with the least that it takes; v1alpha3 has them all."""
EVERY_LIST = (
    *("registered_models", "model_versions", "model_artifacts", "artifacts", "serving_environments"),
    *("inference_services", "experiments", "experiment_runs", "experiment_runs/metric_history"),
    *("registered_models/{model}/versions", "model_versions/{version}/artifacts"),
    *("serving_environments/{environment}/inference_services", "inference_services/{service}/serves"),
    *("experiments/{experiment}/experiment_runs", "experiment_runs/{run}/artifacts"),
    "experiment_runs/{run}/metric_history",
)


@pytest.fixture
def ids(api: Api) -> dict[str, str]:
    """One resource of each kind that others belong to."""
    model = api.made("registered_models", name="model")["id"]
    version = api.made("model_versions", name="version", registeredModelId=model)["id"]
    environment = api.made("serving_environments", name="environment")["id"]
    service = api.made("inference_services", name="service", registeredModelId=model, servingEnvironmentId=environment)[
        "id"
    ]
    experiment = api.v1alpha3.made("experiments", name="experiment")["id"]
    run = api.v1alpha3.made("experiment_runs", name="run", experimentId=experiment)["id"]
    return {
        "model": model,
        "version": version,
        "environment": environment,
        "service": service,
        "experiment": experiment,
        "run": run,
    }


@pytest.fixture
def creates(ids: dict[str, str]) -> list[tuple[str, Any]]:
    """Return the path of every POST, with the least that it takes."""
    return [(path.format(**ids), filled(body, ids)) for path, body in EVERY_CREATE]


@pytest.fixture
def lists(ids: dict[str, str]) -> list[str]:
    """Return the path of every list."""
    return [path.format(**ids) for path in EVERY_LIST]


def filled(template: Any, ids: dict[str, str]) -> Any:
    if isinstance(template, dict):
        return {name: filled(value, ids) for name, value in template.items()}
    return template.format(**ids) if isinstance(template, str) else template


def refused(answer: Answer, message: str) -> None:
    is_error(answer, *BAD, message)


def refused_with(answer: Answer, *words: str) -> None:
    """Check an error whose text is our own: its shape, and what it must speak of."""
    assert (answer.status, set(answer.json), answer.json.get("code")) == (400, {"code", "message"}, "Bad Request"), (
        answer
    )
    for word in words:
        assert word in answer.json["message"]


def test_a_field_that_is_unknown_is_refused_by_name(api, creates):
    for path, body in creates:
        answer = api.v1alpha3.post(path, body | {"ext_id": "1"})
        refused(answer, 'json: unknown field "ext_id"')


def test_a_value_of_the_wrong_type_is_refused(api, creates):
    for path, body in creates:
        for field, value, message in [
            ("description", 5, "json: cannot unmarshal number into Go struct field"),
            ("externalId", ["a"], "json: cannot unmarshal array into Go struct field"),
            ("name", {"a": 1}, "json: cannot unmarshal object into Go struct field"),
            ("customProperties", [], "json: cannot unmarshal array into Go struct field"),
            ("customProperties", {"a": "text"}, "json: cannot unmarshal string into Go struct field"),
            ("customProperties", {"a": {"metadataType": "None"}}, "metadataType"),
            ("customProperties", {"a": {"metadataType": "MetadataStringValue"}}, "string_value"),
            ("customProperties", {"a": {"string_value": "x"}}, "metadataType"),
        ]:
            refused_with(api.v1alpha3.post(path, body | {field: value}), message)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"metadataType": "MetadataIntValue", "int_value": 5}, "json: cannot unmarshal number"),
        ({"metadataType": "MetadataIntValue", "int_value": "5.0"}, "32 bits"),
        ({"metadataType": "MetadataIntValue", "int_value": str(LARGE)}, "32 bits"),
        ({"metadataType": "MetadataIntValue", "int_value": str(-LARGE - 1)}, "32 bits"),
        ({"metadataType": "MetadataIntValue", "int_value": "9" * 30}, "32 bits"),
        ({"metadataType": "MetadataIntValue", "int_value": "٣"}, "32 bits"),
        ({"metadataType": "MetadataDoubleValue", "double_value": "1"}, "json: cannot unmarshal string"),
        ({"metadataType": "MetadataDoubleValue", "double_value": True}, "json: cannot unmarshal bool"),
        ({"metadataType": "MetadataBoolValue", "bool_value": 1}, "json: cannot unmarshal number"),
        ({"metadataType": "MetadataStringValue", "string_value": None}, "string_value"),
        ({"metadataType": "MetadataStringValue", "string_value": "a", "int_value": "1"}, 'unknown field "int_value"'),
        ({"metadataType": "MetadataStructValue", "struct_value": "*"}, "base64"),
        ({"metadataType": ["MetadataStringValue"], "string_value": "a"}, "metadataType"),
    ],
)
def test_a_custom_property_is_of_its_type(api, value, message):
    body = {"name": "x", "customProperties": {"key": value}}
    refused_with(api.post("registered_models", body), message)
    model = api.made("registered_models", name="x")
    refused_with(api.patch(f"registered_models/{model['id']}", {"customProperties": {"key": value}}), message)


@pytest.mark.parametrize("number", [-LARGE, -1, 0, LARGE - 1])
def test_an_integer_of_32_bits_is_taken(api, number):
    value = {"metadataType": "MetadataIntValue", "int_value": str(number)}
    made = api.made("registered_models", name="x", customProperties={"n": value})
    assert made["customProperties"] == {"n": value}
    assert api.names("registered_models", f"n = {number}") == ["x"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("registered_models", {}, "name"),
        ("registered_models", {"name": ""}, "name"),
        ("registered_models", {"name": None}, "name"),
        ("serving_environments", {"description": "x"}, "name"),
        ("model_versions", {"registeredModelId": "{model}"}, "name"),
        ("model_versions", {"name": "x"}, "registeredModelId"),
        ("model_versions", {"name": "x", "registeredModelId": ""}, "registeredModelId"),
        ("registered_models/{model}/versions", {}, "name"),
        ("inference_services", {"name": "x", "servingEnvironmentId": "{environment}"}, "registeredModelId"),
        ("inference_services", {"name": "x", "registeredModelId": "{model}"}, "servingEnvironmentId"),
        ("serving_environments/{environment}/inference_services", {"name": "x"}, "registeredModelId"),
        ("inference_services/{service}/serves", {"name": "x"}, "modelVersionId"),
        ("experiments", {}, "name"),
        ("experiment_runs", {"name": "x"}, "experimentId"),
    ],
)
def test_a_required_field_that_is_missing_is_422_and_called_a_bad_request(api, ids, path, body, field):
    answer = api.v1alpha3.post(path.format(**ids), filled(body, ids))
    is_error(answer, 422, "Bad Request", f"required field '{field}' is zero value.")


def test_a_metric_has_a_value(api):
    refused_with(api.post("artifacts", {"artifactType": "metric", "name": "loss"}), "value")


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("registered_models", "registered model"),
        ("serving_environments", "serving environment"),
        ("experiments", "experiment"),
    ],
)
@pytest.mark.parametrize(
    "name",
    ["granite", "external_id", "foreign key", "the connection", "malformed", "disk is full", "database is locked"],
)
def test_a_name_that_is_taken_is_a_conflict_whatever_it_says(api, path, word, name):
    api.v1alpha3.made(path, name=name)
    is_error(api.v1alpha3.post(path, {"name": name}), *TAKEN, f"{word} with name {name} already exists")


def test_a_version_is_taken_below_its_model_only(api, ids):
    body = {"name": "version", "registeredModelId": ids["model"]}
    is_error(api.post("model_versions", body), *TAKEN, "model version with name version already exists")
    nested = api.post(f"registered_models/{ids['model']}/versions", {"name": "version"})
    is_error(nested, *TAKEN, "model version with name version already exists")
    other = api.made("registered_models", name="other")
    assert api.post("model_versions", body | {"registeredModelId": other["id"]}).status == 201


def test_an_archived_name_is_still_taken(api):
    model = api.made("registered_models", name="x")
    assert api.patch(f"registered_models/{model['id']}", {"state": "ARCHIVED"}).status == 200
    is_error(api.post("registered_models", {"name": "x"}), *TAKEN, "registered model with name x already exists")


def test_an_external_id_is_unique_among_all_that_is_no_artifact_and_among_artifacts(api, ids):
    api.made("registered_models", name="a", externalId="same")
    api.made("artifacts", artifactType="doc-artifact", name="a", externalId="same")
    answer = api.post("model_versions", {"name": "x", "registeredModelId": ids["model"], "externalId": "same"})
    is_error(answer, *TAKEN, "model version with externalId same already exists")
    answer = api.post("model_artifacts", {"name": "x", "externalId": "same"})
    is_error(answer, *TAKEN, "model artifact with externalId same already exists")
    answer = api.patch(f"registered_models/{ids['model']}", {"externalId": "same"})
    is_error(answer, *TAKEN, "registered model with externalId same already exists")


def test_a_name_and_an_external_id_that_are_both_taken_are_one_conflict(api):
    api.made("registered_models", name="a", externalId="same")
    assert api.post("registered_models", {"name": "a", "externalId": "same"})[0] == 409


def test_an_empty_external_id_is_none(api):
    api.made("registered_models", name="a", externalId="")
    api.made("registered_models", name="b", externalId="")


@pytest.mark.parametrize(
    ("path", "body", "word", "identity"),
    [
        ("model_versions", {"name": "x", "registeredModelId": "999"}, "registered model", 999),
        ("registered_models/999/versions", {"name": "x"}, "registered model", 999),
        ("model_versions/999/artifacts", {"artifactType": "model-artifact"}, "model version", 999),
        ("serving_environments/999/inference_services", {"registeredModelId": "{model}"}, "serving environment", 999),
        (
            "inference_services",
            {"registeredModelId": "{model}", "servingEnvironmentId": "999"},
            "serving environment",
            999,
        ),
        (
            "inference_services",
            {"registeredModelId": "999", "servingEnvironmentId": "{environment}"},
            "registered model",
            999,
        ),
        ("inference_services/999/serves", {"modelVersionId": "{version}"}, "inference service", 999),
        ("inference_services/{service}/serves", {"modelVersionId": "999"}, "model version", 999),
        ("experiment_runs", {"name": "x", "experimentId": "999"}, "experiment", 999),
        ("experiments/999/experiment_runs", {"name": "x"}, "experiment", 999),
        ("experiment_runs/999/artifacts", {"artifactType": "model-artifact"}, "experiment run", 999),
        ("model_versions/{model}/artifacts", {"artifactType": "model-artifact"}, "model version", "{model}"),
    ],
)
def test_a_parent_that_is_not_there_is_not_found(api, ids, path, body, word, identity):
    answer = api.v1alpha3.post(path.format(**ids), filled(body, ids))
    is_error(answer, *MISSING, f"no {word} found for id {filled(identity, ids)}: not found")


@pytest.mark.parametrize("path", [path for path in EVERY_LIST if "{" in path])
def test_a_list_below_a_parent_that_is_not_there_is_not_found(api, path):
    answer = api.v1alpha3.get(
        path.format_map(
            dict.fromkeys(("model", "version", "environment"), 9) | dict.fromkeys(("service", "experiment", "run"), 9)
        )
    )
    assert (answer.status, answer.json["code"]) == MISSING


@pytest.mark.parametrize(
    ("collection", "word"),
    [
        ("registered_models", "registered model"),
        ("model_versions", "model version"),
        ("model_artifacts", "model artifact"),
        ("artifacts", "artifact"),
        ("serving_environments", "serving environment"),
        ("inference_services", "inference service"),
        ("experiments", "experiment"),
        ("experiment_runs", "experiment run"),
    ],
)
class TestAnId:
    def test_that_is_not_there_is_not_found(self, api, collection, word):
        for identity in (999, 0, -1, LARGE - 1):
            message = f"no {word} found for id {identity}: not found"
            is_error(api.v1alpha3.get(f"{collection}/{identity}"), *MISSING, message)
            is_error(api.v1alpha3.patch(f"{collection}/{identity}", {"description": "x"}), *MISSING, message)

    def test_that_is_no_number_is_refused(self, api, collection, word):
        for identity in ("abc", "1.0", "0x1", "٣", " 1", "1e3", "1;2"):
            quoted = json.dumps(identity)
            message = f"invalid {word} ID: strconv.ParseInt: parsing {quoted}: invalid syntax: bad request"
            refused(api.v1alpha3.get(f"{collection}/{identity}"), message)
            refused(api.v1alpha3.patch(f"{collection}/{identity}", {}), message)

    @pytest.mark.parametrize("identity", [str(LARGE), str(-LARGE - 1), "9" * 30, "9" * 5000])
    def test_that_has_more_than_32_bits_is_refused(self, api, collection, word, identity):
        start = f'invalid {word} ID: strconv.ParseInt: parsing "{identity}": value out of range: bad request'
        refused(api.v1alpha3.get(f"{collection}/{identity}"), start)

    def test_with_a_null_byte_is_refused(self, api, collection, word):
        refused_with(api.v1alpha3.get(f"{collection}/1%00"), "invalid syntax")


def test_the_id_of_another_kind_is_not_found(api, ids):
    for path, word in (("model_versions", "model version"), ("artifacts", "artifact")):
        message = f"no {word} found for id {ids['model']}: not found"
        is_error(api.get(f"{path}/{ids['model']}"), *MISSING, message)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("registered_model", "name or externalId"),
        ("registered_model?name=", "name or externalId"),
        ("serving_environment", "name or externalId"),
        ("experiment", "name or externalId"),
        ("model_version", "(versionName and registeredModelId), or externalId"),
        ("model_version?name=x", "(versionName and registeredModelId), or externalId"),
        ("model_version?parentResourceId=1", "(versionName and registeredModelId), or externalId"),
        ("model_artifact?name=x", "(artifactName and parentResourceId), or externalId"),
        ("artifact?parentResourceId=1", "(artifactName and parentResourceId), or externalId"),
        ("inference_service?name=x", "(name and parentResourceId), or externalId"),
        ("experiment_run?name=x", "(name and experimentId), or externalId"),
    ],
)
def test_a_search_that_says_too_little_is_refused(api, path, message):
    refused(api.v1alpha3.get(path), f"invalid parameters call, supply either {message}: bad request")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("registered_model?name=x", "no registered models found for name=x, externalId=: not found"),
        ("registered_model?externalId=x", "no registered models found for name=, externalId=x: not found"),
        (
            "model_version?name=x&parentResourceId=1",
            "no model versions found for versionName=x, registeredModelId=1, externalId=: not found",
        ),
        ("artifact?externalId=x", "no artifacts found for name=, parentResourceId=, externalId=x: not found"),
        (
            "inference_service?name=x&parentResourceId=1",
            "no inference services found for name=x, parentResourceId=1, externalId=: not found",
        ),
    ],
)
def test_a_search_that_finds_nothing_is_not_found(api, path, message):
    is_error(api.get(path), *MISSING, message)


def test_a_search_that_finds_several_is_not_found(api, ids):
    for kind in ("model-artifact", "doc-artifact"):
        api.made(f"model_versions/{ids['version']}/artifacts", artifactType=kind, name="same")
    answer = api.get("artifact", name="same", parentResourceId=ids["version"])
    is_error(answer, *MISSING, "multiple artifacts found for name=same: not found")
    assert api.get("model_artifact", name="same", parentResourceId=ids["version"]).status == 200


def test_the_parent_that_a_search_names_is_a_number(api):
    refused(
        api.get("model_version?name=x&parentResourceId=abc"),
        'invalid parent resource ID: strconv.ParseInt: parsing "abc": invalid syntax: bad request',
    )
    refused_with(api.get(f"model_version?name=x&parentResourceId={LARGE}"), "value out of range")


@pytest.mark.parametrize("wildcard", ["v_1", "v%", "%", "_"])
def test_a_name_that_is_searched_for_is_no_pattern(api, ids, wildcard):
    api.made("model_versions", name="v11", registeredModelId=ids["model"])
    answer = api.get("model_version", name=wildcard, parentResourceId=ids["model"])
    assert answer.status == 404


# Methods and paths


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "registered_models/1", "GET, PATCH"),
        ("PUT", "registered_models/1", "GET, PATCH"),
        ("POST", "registered_models/1", "GET, PATCH"),
        ("PATCH", "registered_models", "GET, POST"),
        ("DELETE", "model_versions/1/artifacts", "GET, POST"),
        ("POST", "registered_model", "GET"),
        ("POST", "inference_services/1/version", "GET"),
    ],
)
def test_a_method_that_a_path_does_not_have_is_405_and_says_which_it_has(api, method, path, allowed):
    answer = api.http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json() == {
        "code": "Method Not Allowed",
        "message": f"{method} is not allowed here, {allowed} is",
    }


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nothing",
        "registered_models/1/nothing",
        "registered_models/1/versions/2",
        "model_artifacts/1/versions",
        "../v2/registered_models",
        "../v1",
        "registered_models/1/versions/",
    ],
)
def test_a_path_that_is_not_there_is_not_found(api, path):
    answer = api.send("GET", path)
    assert (answer.status, answer.json["code"]) == MISSING


@pytest.mark.parametrize(
    "path", ["experiments", "experiment?name=x", "experiment_runs/1", "experiments/1/experiment_runs"]
)
def test_v1_has_no_experiments(api, path):
    assert api.get(path).status == 404


# What is no JSON, and what is no text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'name': 'x'}",
        b'{"name": "x"',
        b'{"name": NaN}',
        b'{"name": "x", "value": Infinity}',
        b"\x00",
        b'{"name": "x\x00"}',
        b'{"name": "\xff"}',
        b'{"name": "\xed\xa0\x80"}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\ud800x\\udc00"}',
        b"\xef\xbb\xbf{}",
        b'{"name": "x"} {}',
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"name": ' + b"9" * 10_000 + b"}",
        b'{"name": "a\nb"}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_json_is_refused(api, body):
    model = api.made("registered_models", name="there")
    for method, path in (("POST", "registered_models"), ("PATCH", f"registered_models/{model['id']}")):
        refused_with(api.send(method, path, content=body, headers={"content-type": "application/json"}))
    assert api.names("registered_models", "id > 0") == ["there"]


@pytest.mark.parametrize("body", ["[]", "null", "5", '"text"', "true"])
def test_a_body_that_is_no_object_is_refused(api, body):
    refused_with(api.send("POST", "registered_models", content=body), "json: cannot unmarshal")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400])
def test_a_number_is_a_finite_double(api, number):
    body = '{"artifactType": "metric", "name": "loss", "value": ' + number + "}"
    refused_with(api.send("POST", "artifacts", content=body))
    body = '{"name": "x", "customProperties": {"n": {"metadataType": "MetadataDoubleValue", "double_value": %s}}}'
    refused_with(api.send("POST", "registered_models", content=body % number))


def test_a_null_byte_in_a_body_is_refused_wherever_it_is(api, creates):
    for path, body in creates:
        for fields in (
            {"name": "a\0b"},
            {"description": "\0"},
            {"externalId": "\0"},
            {"customProperties": {"\0": {"string_value": "a", "metadataType": "MetadataStringValue"}}},
            {"customProperties": {"a": {"string_value": "\0", "metadataType": "MetadataStringValue"}}},
        ):
            refused(api.v1alpha3.post(path, body | fields), "null bytes are not allowed: bad request")


@pytest.mark.parametrize("written", ["\\u0000", "\\\\\\u0000"])
def test_a_null_byte_is_seen_behind_backslashes(api, written):
    refused_with(api.send("POST", "registered_models", content='{"name": "' + written + '"}'), "null bytes")


@pytest.mark.parametrize("written", ["\\\\u0000", "\\\\\\\\u0000"])
def test_the_text_of_an_escape_is_no_null_byte(api, written):
    status, made = api.send("POST", "registered_models", content='{"name": "' + written + '"}')
    assert (status, made["name"]) == (201, json.loads(f'"{written}"'))


def test_a_null_byte_in_a_query_is_refused(api, lists):
    for path in lists:
        for parameter in ["filterQuery", "nextPageToken", "orderBy", "name", "unknown", "pageSize"]:
            answer = api.v1alpha3.send("GET", f"{path}?{parameter}=a%00")
            refused(answer, "null bytes are not allowed in query parameters: bad request")


@pytest.mark.parametrize("query", ["name=%FF", "name=%ED%A0%80", "%FF=1", "filterQuery=%C3%28"])
def test_a_query_that_is_no_utf8_is_refused(api, query):
    refused_with(api.send("GET", f"registered_model?{query}"), "UTF-8")


def test_a_pair_of_surrogates_is_one_character(api):
    status, made = api.send("POST", "registered_models", content='{"name": "\\ud83d\\ude00"}')
    assert (status, made["name"]) == (201, "😀")
    assert api.get("registered_model", name="😀").json == made


def test_a_body_over_the_limit_is_refused_and_one_below_is_not(api):
    answer = api.post("registered_models", {"name": "x", "description": "x" * 16 * 1024 * 1024})
    refused(answer, f"the body is larger than {16 * 1024 * 1024} bytes: bad request")
    assert api.post("registered_models", {"name": "x", "description": "y" * 8_000_000}).status == 201


# How much, and how large


def test_a_page_size_is_a_number_of_32_bits(api, lists):
    for path in lists:
        for size in ["-1", "x", "1.5", "٣", str(LARGE), "9" * 30, " 5", "1e3"]:
            answer = api.v1alpha3.get(path, pageSize=size)
            refused(answer, f"invalid pageSize {size!r}: it is a number from 0 to {LARGE - 1}: bad request")


def test_a_token_is_one_that_the_server_gave(api, lists):
    for path in lists:
        for token in ["x", "!!!!", "MTox,", "eDp4", "MQ==", "Og==", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OjE=", "é", "/w=="]:
            refused_with(api.v1alpha3.get(path, nextPageToken=token), "invalid nextPageToken")


def test_a_forged_token_with_a_large_id_is_no_failure(api, lists):
    for path in lists:
        for order in ["ID", "CREATE_TIME"]:
            token = "OTk5OTk5OTk5OTk5Ojk5OTk5OTk5OTk5OQ=="  # 999999999999:999999999999
            status, answer = api.v1alpha3.get(path, nextPageToken=token, orderBy=order)
            assert status in (200, 400), answer


def test_an_order_is_one_of_those_there_are(api, lists):
    for path in lists:
        for parameter, message in [
            ("orderBy", "invalid value 'NAME' for OrderByField: valid values are [ID CREATE_TIME LAST_UPDATE_TIME]"),
            ("sortOrder", "invalid value 'NAME' for SortOrder: valid values are [ASC DESC]"),
        ]:
            answer = api.v1alpha3.get(path, **{parameter: "NAME"})
            refused_with(answer, message.partition(":")[0])
            assert set(message.partition("[")[2][:-1].split()) == set(
                answer.json["message"].partition("[")[2][:-1].split()
            )


@pytest.mark.parametrize("path", ["artifacts", "model_versions/{version}/artifacts"])
def test_an_artifact_type_is_one_of_the_five(api, ids, path):
    for word in ("image", "ModelArtifact", "model_artifact"):
        refused_with(api.get(path.format(**ids), artifactType=word), f"invalid value '{word}'")
        refused_with(api.post(path.format(**ids), {"artifactType": word, "name": "x"}), "artifactType")
    refused_with(api.post(path.format(**ids), {"name": "x"}), "artifactType")
    refused_with(api.post(path.format(**ids), {"name": "x", "artifactType": None}), "artifactType")


@pytest.mark.parametrize(
    ("path", "body", "enum"),
    [
        ("registered_models", {"name": "x", "state": "DEAD"}, "RegisteredModelState"),
        ("registered_models", {"name": "x", "state": "live"}, "RegisteredModelState"),
        ("model_versions", {"name": "x", "registeredModelId": "{model}", "state": "DEAD"}, "ModelVersionState"),
        ("artifacts", {"artifactType": "doc-artifact", "state": "DEAD"}, "ArtifactState"),
        ("artifacts", {"artifactType": "parameter", "parameterType": "DEAD"}, "ParameterType"),
        (
            "serving_environments/{environment}/inference_services",
            {"registeredModelId": "{model}", "desiredState": "DEAD"},
            "InferenceServiceState",
        ),
        (
            "inference_services/{service}/serves",
            {"modelVersionId": "{version}", "lastKnownState": "DEAD"},
            "ExecutionState",
        ),
        ("experiments", {"name": "x", "state": "DEAD"}, "ExperimentState"),
        ("experiment_runs", {"experimentId": "{experiment}", "state": "DEAD"}, "ExperimentRunState"),
        ("experiment_runs", {"experimentId": "{experiment}", "status": "DEAD"}, "ExperimentRunStatus"),
    ],
)
def test_a_state_is_one_of_those_there_are(api, ids, path, body, enum):
    answer = api.v1alpha3.post(path.format(**ids), filled(body, ids))
    refused_with(answer, "invalid value '", f"for {enum}: valid values are [")


def test_a_name_has_255_characters_with_the_id_of_its_parent(api, ids):
    assert api.post("registered_models", {"name": "x" * 255}).status == 201
    assert api.post("registered_models", {"name": "é" * 255}).status == 201
    refused_with(api.post("registered_models", {"name": "x" * 256}), "255")
    nested = f"registered_models/{ids['model']}/versions"
    assert api.post(nested, {"name": "x" * 250}).status == 201
    refused_with(api.post(nested, {"name": "x" * 255}), "characters")
    longest = "y" * (255 - len(ids["model"]) - 1)
    assert api.post(nested, {"name": longest}).status == 201
    refused_with(api.post(nested, {"name": longest + "y"}), "characters")


def test_the_name_of_a_custom_property_has_255_characters(api):
    value = {"string_value": "a", "metadataType": "MetadataStringValue"}
    assert api.post("registered_models", {"name": "x", "customProperties": {"é" * 255: value}}).status == 201
    refused_with(api.post("registered_models", {"name": "y", "customProperties": {"x" * 256: value}}), "255")


@pytest.mark.parametrize("length", [300, 3000, 100_000])
def test_an_external_id_may_be_long_or_is_refused(api, length):
    """An index of PostgreSQL takes some 2,700 bytes, unless they can be compressed."""
    chance = random.Random(5)
    text = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(length))
    status, answer = api.post("registered_models", {"name": "x", "externalId": text})
    assert status in (201, 400), answer
    if status == 201:
        assert api.send("GET", "registered_models").json["items"][0]["externalId"] == text


@pytest.mark.parametrize("field", ["description", "owner", "provider", "readme"])
def test_a_text_may_be_long(api, field):
    chance = random.Random(5)
    text = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(50_000))
    made = api.made("registered_models", name="x", **{field: text})
    assert api.get(f"registered_models/{made['id']}").json[field] == text


@pytest.mark.parametrize("field", ["registeredModelId", "servingEnvironmentId", "modelVersionId"])
@pytest.mark.parametrize("value", ["abc", str(LARGE), "9" * 30, "1.0"])
def test_an_id_in_a_body_is_a_number_of_32_bits(api, ids, field, value):
    body = {"registeredModelId": ids["model"], "servingEnvironmentId": ids["environment"], field: value}
    refused_with(api.post("inference_services", body), "strconv.ParseInt", value)


@pytest.mark.parametrize("value", [str(2**63), str(-(2**63) - 1), "9" * 40, "1.5", "x", "", "٣"])
def test_a_time_is_an_integer_of_64_bits(api, ids, value):
    refused_with(api.post("artifacts", {"artifactType": "metric", "value": 1, "timestamp": value}), "64 bits")
    refused_with(api.post("artifacts", {"artifactType": "metric", "value": 1, "step": value}), "64 bits")
    body = {"experimentId": ids["experiment"], "startTimeSinceEpoch": value}
    refused_with(api.v1alpha3.post("experiment_runs", body), "64 bits")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 1.5, True, "1"])
def test_a_step_is_a_number_in_v1alpha3(api, value):
    refused_with(api.v1alpha3.post("artifacts", {"artifactType": "metric", "value": 1, "step": value}), "step")


def test_a_run_does_not_end_before_it_starts(api, ids):
    times = {"startTimeSinceEpoch": "200", "endTimeSinceEpoch": "100"}
    body = {"experimentId": ids["experiment"]} | times
    refused_with(api.v1alpha3.post("experiment_runs", body), "endTimeSinceEpoch 100 is before startTimeSinceEpoch 200")
    run = api.v1alpha3.made("experiment_runs", experimentId=ids["experiment"], startTimeSinceEpoch="200")
    answer = api.v1alpha3.patch(f"experiment_runs/{run['id']}", {"endTimeSinceEpoch": "100"})
    refused_with(answer, "endTimeSinceEpoch 100 is before startTimeSinceEpoch 200")


def test_an_artifact_stays_of_its_kind(api, ids):
    doc = api.made("artifacts", artifactType="doc-artifact", name="x")
    message = f"artifact with id {doc['id']} is not a model artifact: bad request"
    refused(api.patch(f"artifacts/{doc['id']}", {"artifactType": "model-artifact"}), message)
    path = f"model_versions/{ids['version']}/artifacts"
    refused(api.post(path, {"artifactType": "model-artifact", "id": doc["id"]}), message)
    refused_with(api.post("model_artifacts", {"artifactType": "doc-artifact"}), "is not a model artifact")
    assert api.patch(f"artifacts/{doc['id']}", {"artifactType": "doc-artifact", "uri": "a"}).status == 200


def test_an_artifact_that_is_to_be_updated_and_is_not_there_is_refused(api, ids):
    answer = api.post(f"model_versions/{ids['version']}/artifacts", {"artifactType": "model-artifact", "id": "999"})
    assert answer.status in (400, 404)


# Filters


def test_a_filter_that_cannot_be_meant_is_refused(api, lists):
    for path in lists:
        for query in [
            "name",
            "name =",
            "= 'x'",
            "name = x",
            "name == 'x'",
            "name = 'x",
            "name LIKE 5",
            "name IN 'x'",
            "NOT name = 'x'",
            "name IS NULL",
            "name = 'x' AND",
            "(name = 'x'",
            "name = 'x')",
            "'a' = 'a'",
            "name = 'x' ; DROP TABLE x",
            "id > 'x'",
            "id LIKE '1%'",
            "id = true",
            "createTimeSinceEpoch = 'yesterday'",
            "name > 5",
            "name = true",
            "name IN ('a', 5)",
            "x.bool_value > true",
            "x.int_value = 'a'",
            "x.string_value = 5",
            "id = 99999999999999999999",
            "x = 1e999",
            "x LIKE 'a\\",
            "name = '\ud83d'".encode("utf-8", "surrogatepass").decode("utf-8", "replace") + "'",
        ]:
            refused_with(api.v1alpha3.get(path, filterQuery=query), "invalid filterQuery at column ")


def test_a_filter_of_ten_thousand_terms_is_refused_at_once(api, lists):
    for path in lists:
        for joint in ("OR", "AND"):  # as a URL longer than 65,535 bytes, which no HTTP parser of ours reads
            assert api.v1alpha3.http.request("GET", f"{path}?filterQuery=a=1").status_code == 200
            assert api.v1alpha3.filtered(path, f" {joint} ".join(["a=1"] * 10_000)).status == 400
        for text in (
            " OR ".join(["a=1"] * 6_000),
            " AND ".join(["a=1"] * 6_000),
            "(" * 10_000,
            "(" * 5000 + "a=1" + ")" * 5000,
            f"a IN ({','.join(['1'] * 10_000)})",
        ):
            refused_with(api.v1alpha3.filtered(path, text), "invalid filterQuery at column ")


LARGEST = {
    "OR": " OR ".join(["a=1"] * 200),
    "AND": " AND ".join(["a=1"] * 200),
    "AND of columns and properties": " AND ".join(["name!='x' AND a!='y'"] * 100),
    "OR of AND": " OR ".join(["name='x' AND a='y'"] * 100),
    "parentheses": "(" * 32 + "a=1" + ")" * 32,
    "IN of integers": f"a IN ({','.join(['1'] * 1000)})",
    "IN of texts": "name IN ({})".format(",".join(["'x'"] * 1000)),
    "LIKE of emoji": f"a LIKE '{'😀' * 4000}'",
    "ILIKE of wildcards": f"a ILIKE '%{'_%' * 2000}'",
    "LIKE of wildcards": f"name LIKE '%{'a%' * 2000}'",
    "a long text": f"a = '{'é' * 1500}'",
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("path", ["artifacts"])
@pytest.mark.parametrize("what", LARGEST)
def test_the_largest_filters_are_answered(api, ids, path, what):
    status, listed = api.v1alpha3.filtered(path.format(**ids), LARGEST[what])
    assert (status, listed.get("items")) == (200, []), listed


def test_an_empty_filter_is_none(api, lists):
    for path in lists:
        every = api.v1alpha3.get(path)
        assert every.status == 200
        assert api.v1alpha3.get(path, filterQuery="") == every
        assert api.v1alpha3.get(path, filterQuery="  ") == every


# SQL


def test_sql_in_a_body_is_text(api, creates, ids):
    for path, body in creates:
        value = {"string_value": SQL, "metadataType": "MetadataStringValue"}
        fields = {"name": SQL + path, "description": SQL, "externalId": SQL + path, "customProperties": {SQL: value}}
        status, made = api.v1alpha3.post(path, body | fields)
        assert status == 201, made
        assert {name: made[name] for name in fields} == fields
        assert api.get(f"registered_models/{ids['model']}").status == 200


def test_sql_in_a_query_is_text(api, lists):
    for path in lists:
        before = api.v1alpha3.get(path)
        quoted = SQL.replace("'", "\\'")
        for query in (
            {"filterQuery": SQL},
            {"filterQuery": f"name = '{quoted}'"},
            {"filterQuery": f"name LIKE '{quoted}'"},
            {"filterQuery": f"`{SQL}` = '{quoted}'"},
            {"filterQuery": f"`{SQL}`.double_value > 1"},
            {"filterQuery": f"x IN ('{quoted}', \"{SQL}\")"},
            {"orderBy": SQL},
            {"sortOrder": SQL},
            {"pageSize": SQL},
            {"nextPageToken": SQL},
            {"name": SQL},
            {"externalId": SQL},
            {"artifactType": SQL},
            {"stepIds": SQL},
            {SQL: SQL},
        ):
            assert api.v1alpha3.get(path, **query).status in (200, 400), query
        assert api.v1alpha3.get(path) == before


@pytest.mark.parametrize(
    "path", ["registered_model", "model_version", "artifact", "experiment_run", "serving_environment"]
)
def test_sql_in_a_search_is_text(api, ids, path):
    assert api.v1alpha3.get(path, name=SQL, parentResourceId=1).status == 404
    assert api.v1alpha3.get(path, externalId=SQL).status == 404
    assert api.get(f"registered_models/{ids['model']}").status == 200
