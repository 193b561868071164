"""What is typed into the fields of a connection type becomes a secret, and what is secret of it is not shown again."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from forecourt.dashboard import connecting
from forecourt.dashboard.forms import Form
from forecourt.projects import ConfigMap, ConnectionType


def kind_of(*fields: dict[str, Any]) -> ConnectionType:
    document = {
        "metadata": {"name": "own", "annotations": {"openshift.io/display-name": "Our own"}},
        "data": {"category": "[]", "fields": json.dumps(fields)},
    }
    return ConnectionType.of(ConfigMap.from_dict({"apiVersion": "v1", "kind": "ConfigMap"} | document))


def field(type_: str, variable: str, required: bool = False, **properties: Any) -> dict[str, Any]:
    return {
        "type": type_,
        "name": variable.title(),
        "envVar": variable,
        "required": required,
        "properties": properties,
    }


S3 = kind_of(
    {"type": "section", "name": "Access", "description": "Who you are"},
    field("short-text", "ID", required=True),
    field("hidden", "KEY", required=True),
    field("hidden", "SESSION"),
    field("numeric", "SECONDS", defaultValue=30, min=1, max=60, unit="s"),
    field("boolean", "TLS", defaultValue=True),
    field("dropdown", "ACCESS", variant="multi", items=[{"label": "Pull it", "value": "Pull"}, {"value": "Push"}]),
    field("file", "CA", extensions=[".pem, .crt"]),
)
TYPED = Form([("value-ID", "me"), ("value-KEY", "s3cret"), ("value-ACCESS", "Pull"), ("value-ACCESS", "Push")])


def test_a_form_makes_the_secret_that_the_dashboard_of_a_cluster_makes() -> None:
    made = connecting.secret(S3, TYPED, "store", "The store", "Where models are")
    assert made["metadata"]["labels"] == {"opendatahub.io/dashboard": "true"}
    assert made["metadata"]["annotations"] == {
        "openshift.io/display-name": "The store",
        "openshift.io/description": "Where models are",
        "opendatahub.io/connection-type-ref": "own",
    }
    assert made["stringData"] == {"ID": "me", "KEY": "s3cret", "ACCESS": '["Pull", "Push"]', "TLS": "false"}


def test_nothing_secret_is_shown_again_of_whichever_type() -> None:
    other = kind_of(field("uri", "URI"))
    for kind in (S3, other, None):
        told = json.dumps(connecting.without_secrets(kind, TYPED))
        assert "s3cret" not in told
    assert connecting.without_secrets(S3, TYPED)["value-ACCESS"] == ["Pull", "Push"]


def test_a_form_begins_with_the_defaults() -> None:
    assert connecting.initial(S3) == {"value-SECONDS": "30", "value-TLS": "true"}


def test_a_default_that_is_read_only_stays_whatever_is_sent() -> None:
    kind = kind_of(field("uri", "URI", defaultValue="https://models.example", defaultReadOnly=True))
    assert connecting.values(kind, Form([("value-URI", "https://evil.example")])) == {"URI": "https://models.example"}


@pytest.mark.parametrize(
    ("typed", "name", "told"),
    [
        ({}, "value-ID", "Id is needed."),
        ({"value-ID": "me"}, "value-KEY", "Key is needed."),
        ({"value-SECONDS": "many"}, "value-SECONDS", "Seconds must be a number."),
        ({"value-SECONDS": "61"}, "value-SECONDS", "Seconds must be at most 60."),
        ({"value-ACCESS": "Steal"}, "value-ACCESS", "Access Steal is none of Pull, Push."),
        ({"value-CA": "\N{REPLACEMENT CHARACTER}"}, "value-CA", "Ca must be a text file in UTF-8."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(typed: dict[str, str], name: str, told: str) -> None:
    assert connecting.wrong(S3, Form([*typed.items()]))[name] == told


def test_while_one_types_nothing_is_missing_yet() -> None:
    assert connecting.wrong(S3, Form([("value-SECONDS", "61")]), typing=True).keys() == {"value-SECONDS"}


def test_what_is_put_off_is_needed_when_a_model_is_deployed() -> None:
    kind = kind_of(field("uri", "URI", required=True, deferInput=True), field("short-text", "HOST"))
    assert connecting.wrong(kind, Form()) == {}
    assert connecting.wrong(kind, Form(), deploying=True) == {"value-URI": "Uri is needed."}


def test_a_file_that_is_uploaded_goes_before_what_is_pasted() -> None:
    said = connecting.values(S3, Form([("value-CA", "pasted"), ("file-CA", "uploaded")]))
    assert said["CA"] == "uploaded"
    assert next(one for one in connecting.fields(S3) if one["type"] == "file")["accept"] == ".pem,.crt"


def kept(hidden: list[str], **data: str) -> dict[str, Any]:
    annotations = {"forecourt.dev/hidden-keys": json.dumps(hidden), "ours": "stays"}
    values = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": {"name": "store", "resourceVersion": "7", "annotations": annotations}, "data": values}


def test_hidden_values_stay_unless_another_is_typed_or_they_are_taken_out() -> None:
    before = kept(["KEY", "SESSION"], ID="me", TLS="true", ACCESS='["Pull"]')
    assert connecting.kept_values(S3, before) == {"value-ID": "me", "value-TLS": "true", "value-ACCESS": ["Pull"]}

    def left(*typed: tuple[str, str]) -> list[str]:
        made = connecting.secret(S3, Form([("value-ID", "me"), *typed]), "store", before=before)
        assert made["metadata"]["annotations"]["ours"] == "stays"
        assert made["metadata"]["resourceVersion"] == "7"
        return connecting.hidden_keys(made)

    assert left() == ["KEY", "SESSION"]
    assert left(("value-KEY", "another")) == ["SESSION"]
    assert left(("forget-SESSION", "true")) == ["KEY"]
    assert "value-KEY" not in connecting.wrong(S3, Form([("value-ID", "me")]), ["KEY"])


def test_types_that_are_disabled_are_not_offered() -> None:
    def type_(name: str, **annotations: str) -> dict[str, Any]:
        data = {"fields": json.dumps([field("uri", "URI")])}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": annotations}} | {
            "data": data
        }

    found = connecting.enabled_types([type_("b"), type_("a"), type_("off", **{"opendatahub.io/disabled": "true"})])
    assert [one.name for one in found] == ["a", "b"]
