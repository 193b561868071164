"""Connections are secrets whose hidden values nobody sees again: not in the API, not in the database, not in a log."""

from __future__ import annotations

import base64
import json

import httpx
import pytest
from sqlalchemy import text

from forecourt.errors import InvalidInput
from forecourt.projects import HIDDEN_KEYS, Secret, Vault

SECRETS = "/api/v1/namespaces/default/secrets"
TYPES = "/api/v1/namespaces/opendatahub/configmaps"
S3 = {
    "AWS_ACCESS_KEY_ID": "the-key-id",
    "AWS_SECRET_ACCESS_KEY": "never-to-be-seen",
    "AWS_S3_ENDPOINT": "http://localhost:8333",
    "AWS_S3_BUCKET": "models",
}


def connection(values: dict[str, str], kind: str = "s3", name: str = "store", **metadata):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "annotations": {"opendatahub.io/connection-type-ref": kind}} | metadata,
        "stringData": values,
    }


def said(secret: dict) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret.get("data", {}).items()}


def hidden(secret: dict) -> list[str]:
    return json.loads(secret["metadata"].get("annotations", {}).get(HIDDEN_KEYS, "[]"))


def refused(answer: httpx.Response) -> str:
    assert answer.status_code in (400, 422), answer.text
    return answer.json()["message"]


def test_what_is_hidden_is_never_shown_and_the_rest_is(http):
    made = http.post(SECRETS, json=connection(S3)).json()
    read = http.get(f"{SECRETS}/store").json()
    listed = http.get(SECRETS).json()["items"][0]
    for seen in (made, read, listed):
        assert said(seen) == {key: value for key, value in S3.items() if key != "AWS_SECRET_ACCESS_KEY"}
        assert hidden(seen) == ["AWS_SECRET_ACCESS_KEY"]
        assert "stringData" not in seen


def test_the_database_holds_no_value_in_the_clear(api, http):
    http.post(SECRETS, json=connection(S3))
    with api.database.transaction() as rows:
        kept = rows.execute(text("SELECT document FROM objects WHERE kind = 'Secret'")).scalar_one()
    for value in S3.values():
        assert value not in kept
        assert base64.b64encode(value.encode()).decode() not in kept
    assert api.projects.connections.values("default", "store").data == S3


def test_the_key_is_its_owners_alone(api, http, tmp_path):
    http.post(SECRETS, json=connection(S3))
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0


def test_what_it_says_does_not_get_into_a_text_by_accident(api, http):
    http.post(SECRETS, json=connection(S3))
    values = api.projects.connections.values("default", "store")
    assert "never-to-be-seen" not in f"{values!r} {values}"


def test_it_has_the_marks_of_a_connection_on_a_cluster(http):
    made = http.post(SECRETS, json=connection(S3)).json()["metadata"]
    assert made["annotations"]["opendatahub.io/connection-type-protocol"] == "s3"
    assert made["labels"]["opendatahub.io/managed"] == "true"


def test_one_that_is_written_back_as_it_was_read_keeps_what_was_not_shown(api, http):
    http.post(SECRETS, json=connection(S3))
    read = http.get(f"{SECRETS}/store").json()
    read["data"]["AWS_S3_BUCKET"] = base64.b64encode(b"others").decode()
    assert http.put(f"{SECRETS}/store", json=read).status_code == 200
    assert api.projects.connections.values("default", "store").data == S3 | {"AWS_S3_BUCKET": "others"}


def test_a_patch_changes_one_value(api, http):
    http.post(SECRETS, json=connection(S3))
    patch = {"stringData": {"AWS_SECRET_ACCESS_KEY": "another"}}
    answer = http.patch(f"{SECRETS}/store", json=patch, headers={"content-type": "application/merge-patch+json"})
    assert answer.status_code == 200
    assert api.projects.connections.values("default", "store").data == S3 | {"AWS_SECRET_ACCESS_KEY": "another"}


def test_the_same_again_is_no_change(http):
    first = http.post(SECRETS, json=connection(S3)).json()
    again = http.put(f"{SECRETS}/store", json=connection(S3)).json()
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_value_that_is_left_out_is_gone(api, http):
    http.post(SECRETS, json=connection(S3 | {"AWS_DEFAULT_REGION": "us-east-1"}))
    http.put(f"{SECRETS}/store", json=connection(S3))
    assert "AWS_DEFAULT_REGION" not in api.projects.connections.values("default", "store").data


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("s3", {key: S3[key] for key in S3 if key != "AWS_SECRET_ACCESS_KEY"}, "AWS_SECRET_ACCESS_KEY"),
        ("uri-v1", {}, "URI"),
        ("uri-v1", {"URI": "no uri"}, "must be a URI"),
        ("oci-v1", {"OCI_HOST": "quay.io"}, ".dockerconfigjson"),
        ("oci-v1", {"OCI_HOST": "quay.io", ".dockerconfigjson": "{}"}, "auths"),
        ("oci-v1", {"OCI_HOST": "q", ".dockerconfigjson": '{"auths": {}}', "ACCESS_TYPE": '["Steal"]'}, "Steal"),
        ("nothing", {"URI": "https://example.org"}, "no connection type nothing"),
    ],
)
def test_a_connection_that_its_type_does_not_allow_is_refused(http, kind, values, message):
    assert message in refused(http.post(SECRETS, json=connection(values, kind)))
    assert http.get(SECRETS).json()["items"] == []


def test_a_value_that_is_no_text_in_base64_is_refused_without_being_told(http):
    bad = connection({}, "uri-v1") | {"data": {"URI": "se cret!"}}
    message = refused(http.post(SECRETS, json=bad))
    assert "base64" in message
    assert "se cret" not in message


def test_a_secret_of_no_type_shows_nothing(api, http):
    plain = {"metadata": {"name": "token"}, "stringData": {"HF_TOKEN": "hf_xyz"}}
    made = http.post(SECRETS, json=plain).json()
    assert (said(made), hidden(made)) == ({}, ["HF_TOKEN"])
    assert api.projects.connections.values("default", "token").data == {"HF_TOKEN": "hf_xyz"}


def test_a_registrys_login_has_the_type_that_a_cluster_wants(http):
    values = {"OCI_HOST": "quay.io", ".dockerconfigjson": '{"auths": {"quay.io": {"auth": "eDp5"}}}'}
    made = http.post(SECRETS, json=connection(values, "oci-v1")).json()
    assert made["type"] == "kubernetes.io/dockerconfigjson"
    assert (said(made), hidden(made)) == ({"OCI_HOST": "quay.io"}, [".dockerconfigjson"])


def test_a_watcher_sees_no_more_than_a_reader(http):
    http.post(SECRETS, json=connection(S3))
    with http.stream("GET", SECRETS, params={"watch": "true", "timeoutSeconds": "1"}) as events:
        text = "".join(events.iter_text())
    assert "the-key-id" not in text  # base64
    assert hidden(json.loads(text.splitlines()[0])["object"]) == ["AWS_SECRET_ACCESS_KEY"]
    assert "gAAAA" not in text  # as Fernet's tokens begin


def test_without_its_key_a_secret_is_lost_and_says_so(api, http, tmp_path):
    http.post(SECRETS, json=connection(S3))
    api.vault._fernet = None
    (tmp_path / "secret.key").unlink()
    with pytest.raises(InvalidInput, match=r"key .* is gone"):
        api.projects.connections.values("default", "store")
    shown = http.get(f"{SECRETS}/store").json()
    assert sorted(hidden(shown)) == sorted(S3)
    assert http.put(f"{SECRETS}/store", json=connection(S3)).status_code == 200  # entered again
    assert api.projects.connections.values("default", "store").data == S3


def test_a_key_that_is_none_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="32 bytes"):
        Vault(tmp_path / "key", "short").encrypt("x")


def test_another_key_reads_nothing(tmp_path):
    kept = Vault(tmp_path / "one").encrypt("x")
    Vault(tmp_path / "two").encrypt("y")
    with pytest.raises(InvalidInput, match="another key"):
        Vault(tmp_path / "two").decrypt(kept)


def test_two_servers_that_make_the_key_at_once_make_one(tmp_path):
    one, two = Vault(tmp_path / "key"), Vault(tmp_path / "key")
    kept = one.encrypt("x"), two.encrypt("x")
    assert {two.decrypt(kept[0]), one.decrypt(kept[1])} == {"x"}


# Types


def test_the_types_that_ship_are_open_data_hubs(http):
    names = {one["metadata"]["annotations"]["openshift.io/display-name"] for one in http.get(TYPES).json()["items"]}
    assert names == {"S3 compatible object storage - v1", "URI - v1", "OCI compliant registry - v1"}


def type_of(fields: object, name: str = "mine") -> dict:
    return {
        "metadata": {"name": name, "labels": {"opendatahub.io/connection-type": "true"}},
        "data": {"category": '["Other"]', "fields": fields if isinstance(fields, str) else json.dumps(fields)},
    }


def test_a_type_of_ones_own_rules_its_connections(http):
    fields = [
        {"type": "section", "name": "Where"},
        {"type": "short-text", "name": "Host", "envVar": "HOST", "required": True},
        {"type": "numeric", "name": "Port", "envVar": "PORT", "properties": {"min": 1, "max": 65535}},
        {"type": "hidden", "name": "Password", "envVar": "PASSWORD"},
        {"type": "boolean", "name": "TLS", "envVar": "TLS"},
    ]
    assert http.post(TYPES, json=type_of(fields)).status_code == 201
    values = {"HOST": "db", "PORT": "5432", "PASSWORD": "p", "TLS": "true"}
    made = http.post(SECRETS, json=connection(values, "mine")).json()
    assert (said(made), hidden(made)) == ({"HOST": "db", "PORT": "5432", "TLS": "true"}, ["PASSWORD"])
    for wrong in ({"PORT": "0"}, {"PORT": "many"}, {"TLS": "perhaps"}, {"HOST": ""}):
        refused(http.post(SECRETS, json=connection(values | wrong, "mine", "other")))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("[", "this is not JSON"),
        ("{}", "must be a JSON array"),
        ([], "would say nothing"),
        ([{"type": "section", "name": "Only"}], "would say nothing"),
        ([{"type": "colour", "name": "A", "envVar": "A"}], "data.fields[0].type"),
        ([{"type": "text", "name": "", "envVar": "A"}], "data.fields[0].name"),
        ([{"type": "text", "name": "A", "envVar": "A B"}], "data.fields[0].envVar"),
        ([1], "data.fields[0]"),
    ],
)
def test_a_type_that_cannot_be_read_is_refused(http, fields, message):
    assert message in refused(http.post(TYPES, json=type_of(fields)))


def test_other_config_maps_are_not_kept(http):
    plain = {"metadata": {"name": "plain"}, "data": {"a": "b"}}
    assert "connection-type" in refused(http.post(TYPES, json=plain))


def test_a_shipped_type_gives_way_to_one_of_its_name_and_comes_back(http):
    mine = type_of([{"type": "uri", "name": "Where", "envVar": "URI"}], "uri-v1")
    assert http.post(TYPES, json=mine).status_code == 201
    assert len(http.get(TYPES).json()["items"]) == 3
    assert http.post(SECRETS, json=connection({}, "uri-v1")).status_code == 201  # no longer required
    assert http.delete(f"{TYPES}/uri-v1").status_code == 200
    assert len(http.get(TYPES).json()["items"]) == 3
    assert "ships with Forecourt" in refused(http.delete(f"{TYPES}/uri-v1"))


def test_a_connection_whose_type_is_gone_hides_everything(http):
    http.post(TYPES, json=type_of([{"type": "text", "name": "Host", "envVar": "HOST"}]))
    http.post(SECRETS, json=connection({"HOST": "h"}, "mine"))
    http.delete(f"{TYPES}/mine")
    assert hidden(http.get(f"{SECRETS}/store").json()) == ["HOST"]


def test_a_secret_is_read_as_it_is_kept(api, http):
    http.post(SECRETS, json=connection(S3))
    assert api.projects.connections.reveal(api.objects.get(Secret, "default", "store")).data == S3
