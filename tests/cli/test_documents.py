"""Objects in files, and what is no object."""

from __future__ import annotations

import io
import json
import sys

import pytest

from forecourt.cli.documents import read
from forecourt.errors import InvalidInput, NotFound

ISVC = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: %s}\n"


def test_a_file_may_hold_several_objects(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("---\n" + "---\n".join(ISVC % name for name in ("one", "two")) + "---\n")
    assert [found.name for found in read([str(file)], "demo")] == ["one", "two"]
    assert {found.namespace for found in read([str(file)], "demo")} == {"demo"}


def test_an_objects_own_namespace_comes_first(tmp_path):
    (tmp_path / "a.yaml").write_text(ISVC % "one, namespace: lab")
    assert read([str(tmp_path / "a.yaml")], "demo")[0].namespace == "lab"


def test_a_directory_is_read_file_by_file_in_order(tmp_path):
    (tmp_path / "b.yml").write_text(ISVC % "b")
    (tmp_path / "a.yaml").write_text(ISVC % "a")
    (tmp_path / "c.json").write_text(
        json.dumps({"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "c"}})
    )
    (tmp_path / "notes.txt").write_text("{")
    assert [found.name for found in read([str(tmp_path)], "default")] == ["a", "b", "c"]


def test_a_list_is_its_items(tmp_path):
    item = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "a"}}
    (tmp_path / "a.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [item, item]}))
    assert len(read([str(tmp_path / "a.json")], "default")) == 2


def test_a_dash_is_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(ISVC % "piped"))
    assert read(["-"], "default")[0].name == "piped"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 1, column 5"),
        ("just text", "object 1 is no Kubernetes object"),
        ("kind: Pod\napiVersion: v1\nmetadata: {name: x}", "no kind 'Pod' in version 'v1'"),
        ("kind: InferenceService\napiVersion: serving.kserve.io/v1beta1", "has no name"),
        (ISVC % "''", "has no name"),
        (ISVC % "[1]", "has no name"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("a: &a [1, 1]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*d]", "contains itself"),
    ],
)
def test_what_is_no_object_is_refused_saying_where(tmp_path, text, message):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=message) as refused:
        read([str(file)], "default")
    assert "bad.yaml" in str(refused.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="not a text file"):
        read([str(tmp_path / "bad.yaml")], "default")


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(NotFound):
        read([str(tmp_path / "absent.yaml")], "default")
    with pytest.raises(NotFound, match=r"no \.yaml"):
        read([str(tmp_path)], "default")


def test_a_time_stays_the_text_that_it_is(tmp_path):
    (tmp_path / "a.yaml").write_text(ISVC % "a, annotations: {restarted: 2026-11-24T00:00:00Z}")
    (found,) = read([str(tmp_path / "a.yaml")], "default")
    assert found.document["metadata"]["annotations"] == {"restarted": "2026-11-24T00:00:00Z"}
