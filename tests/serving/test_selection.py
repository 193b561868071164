"""Runtimes are chosen as KServe chooses them (GetSupportingRuntimes)."""

from __future__ import annotations

import pytest
from serving.objects import runtime, service

from forecourt.serving.selection import RuntimeNotSelected, select_runtime

AUTO = {"name": "gguf", "autoSelect": True}


def chosen(runtimes, **model):
    return select_runtime(service(**model), runtimes).name


def refused(runtimes, **model):
    with pytest.raises(RuntimeNotSelected) as failure:
        select_runtime(service(**model), runtimes)
    return failure.value


@pytest.mark.parametrize(
    ("runtimes", "expected"),
    [
        # only formats that say autoSelect
        ([runtime("a", {"name": "gguf"}), runtime("b", AUTO)], "b"),
        ([runtime("a", AUTO | {"autoSelect": False}), runtime("b", AUTO)], "b"),
        ([runtime("a", {"name": "onnx", "autoSelect": True}), runtime("b", AUTO)], "b"),
        # not disabled, not for several models, not for several nodes
        ([runtime("a", AUTO, disabled=True), runtime("b", AUTO)], "b"),
        ([runtime("a", AUTO, multiModel=True), runtime("b", AUTO)], "b"),
        ([runtime("a", AUTO, workerSpec={"containers": []}), runtime("b", AUTO)], "b"),
        # the protocol v1 where none is asked for; a runtime that names none speaks all
        ([runtime("a", AUTO, protocolVersions=["v2"]), runtime("b", AUTO, protocolVersions=["v1", "v2"])], "b"),
        ([runtime("a", AUTO), runtime("b", AUTO, protocolVersions=["v2", "v1"])], "b"),
        # the namespace before the cluster, whatever the priority
        ([runtime("a", AUTO | {"priority": 9}), runtime("b", AUTO, namespace="default")], "b"),
        ([runtime("a", AUTO, namespace="elsewhere"), runtime("b", AUTO)], "b"),
        # priority: the highest; any before none
        ([runtime("a", AUTO | {"priority": 1}), runtime("b", AUTO | {"priority": 2})], "b"),
        ([runtime("a", AUTO), runtime("b", AUTO | {"priority": 1})], "b"),
        # then the newest, then by name
        ([runtime("a", AUTO), runtime("b", AUTO, created="2026-01-02T00:00:00Z")], "b"),
        ([runtime("c", AUTO), runtime("b", AUTO)], "b"),
        # an older protocol before a newer runtime
        (
            [
                runtime("a", AUTO, created="2026-01-02T00:00:00Z"),
                runtime("b", AUTO, protocolVersions=["v1"]),
            ],
            "b",
        ),
    ],
)
def test_the_first_in_kserves_order_is_taken(runtimes, expected):
    assert chosen(runtimes) == expected
    assert chosen(runtimes[::-1]) == expected


@pytest.mark.parametrize(("version", "expected"), [(None, "a"), ("1", "a"), ("2", "b")])
def test_a_version_that_is_asked_for_is_matched_exactly(version, expected):
    runtimes = [runtime("a", AUTO | {"version": "1", "priority": 2}), runtime("b", AUTO | {"version": "2"})]
    wanted = {"name": "gguf"} | ({"version": version} if version else {})
    assert chosen(runtimes, modelFormat=wanted) == expected


def test_a_protocol_that_is_asked_for_is_spoken():
    runtimes = [runtime("a", AUTO, protocolVersions=["v1"]), runtime("b", AUTO, protocolVersions=["grpc-v2"])]
    assert chosen(runtimes, protocolVersion="grpc-v2") == "b"


def test_a_service_of_several_nodes_takes_a_runtime_of_several_nodes():
    isvc = service()
    predictor = isvc.spec.predictor.model_copy(update={"worker_spec": {"pipelineParallelSize": 2}})
    isvc = isvc.model_copy(update={"spec": isvc.spec.model_copy(update={"predictor": predictor})})
    assert select_runtime(isvc, [runtime("a", AUTO), runtime("b", AUTO, workerSpec={"containers": []})]).name == "b"


def test_a_runtime_that_is_named_need_not_say_auto_select():
    assert chosen([runtime("a", AUTO), runtime("b", {"name": "gguf"})], runtime="b") == "b"


def test_a_runtime_that_is_named_need_not_speak_v1_unless_asked():
    v2 = [runtime("a", AUTO, protocolVersions=["v2"])]
    assert chosen(v2, runtime="a") == "a"
    assert refused(v2, runtime="a", protocolVersion="v1").failure_reason == "NoSupportingRuntime"


def test_of_two_with_the_name_the_one_of_the_namespace_is_taken():
    runtimes = [runtime("a", AUTO), runtime("a", AUTO, namespace="default")]
    assert select_runtime(service(runtime="a"), runtimes).namespace == "default"


@pytest.mark.parametrize(
    ("runtimes", "model", "reason", "message", "hint"),
    [
        ([runtime("a", AUTO)], {"runtime": "b"}, "RuntimeNotRecognized", "no serving runtime b", "there: a."),
        ([], {"runtime": "b"}, "RuntimeNotRecognized", "no serving runtime b", "there: none."),
        ([runtime("a", AUTO, namespace="x")], {"runtime": "a"}, "RuntimeNotRecognized", "no serving runtime a", "none"),
        (
            [runtime("a", AUTO, disabled=True)],
            {"runtime": "a"},
            "RuntimeDisabled",
            "a is disabled",
            "runtimes enable a",
        ),
        (
            [runtime("a", {"name": "onnx", "version": "1"})],
            {"runtime": "a"},
            "NoSupportingRuntime",
            "does not serve the model format gguf",
            "serves onnx:1.",
        ),
        ([runtime("a", {"name": "gguf"})], {}, "NoSupportingRuntime", "format gguf", "runtime names them: a."),
        (
            [runtime("a", {"name": "onnx"}), runtime("b", {"name": "vLLM"})],
            {},
            "NoSupportingRuntime",
            "format gguf",
            "onnx, vLLM.",
        ),
        ([], {}, "NoSupportingRuntime", "format gguf", "there is no serving runtime"),
    ],
)
def test_where_none_fits_it_says_why_and_what_is_there(runtimes, model, reason, message, hint):
    error = refused(runtimes, **model)
    assert error.failure_reason == reason
    assert message in error.message
    assert hint in error.hint


# Where some cannot run


def cannot(*names):
    return lambda runtime: f"{runtime.name} cannot run." if runtime.name in names else ""


def test_those_that_cannot_run_are_passed_over_as_long_as_another_can():
    runtimes = [runtime("a", AUTO | {"priority": 9}), runtime("b", AUTO)]
    assert select_runtime(service(), runtimes, cannot("a")).name == "b"
    assert select_runtime(service(), runtimes, cannot("b")).name == "a"


def test_where_none_can_run_the_first_says_why():
    runtimes = [runtime("a", AUTO | {"priority": 9}), runtime("b", AUTO)]
    with pytest.raises(RuntimeNotSelected, match=r"a cannot run\.") as failure:
        select_runtime(service(), runtimes, cannot("a", "b"))
    assert failure.value.failure_reason == "NoSupportingRuntime"
    assert "can be taken to a cluster" in failure.value.hint


def test_one_that_is_named_and_cannot_run_is_not_replaced_by_another():
    with pytest.raises(RuntimeNotSelected, match=r"a cannot run\.") as failure:
        select_runtime(service(runtime="a"), [runtime("a", AUTO), runtime("b", {"name": "gguf"})], cannot("a"))
    assert failure.value.hint == "These serve gguf and can: b."


def test_an_order_that_people_set_decides_among_equals_only():
    newer, older = runtime("newer", AUTO, created="2026-02-01T00:00:00Z"), runtime("older", AUTO)
    rank = {"older": 0}
    assert select_runtime(service(), [newer, older]).name == "newer"
    assert select_runtime(service(), [newer, older], rank=lambda one: rank.get(one.name, 1)).name == "older"
    preferred = runtime("preferred", {"name": "gguf", "autoSelect": True, "priority": 1})
    chosen = select_runtime(service(), [older, preferred], rank=lambda one: rank.get(one.name, 1))
    assert chosen.name == "preferred"
