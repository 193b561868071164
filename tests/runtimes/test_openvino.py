"""Forecourt's reference server around OpenVINO: chat from a GGUF file, predictions from ONNX and OpenVINO's format."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from runtimes.place import Deployment, deployed, only_loopback
from servers import Server

from forecourt.processes import Environment, Environments

QUESTION = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0}
STORY = {"prompt": "Once upon a time", "temperature": 0, "ignore_eos": True}

MAKE_IR = """
import sys, numpy, openvino
from openvino import opset13 as ops
x = ops.parameter([-1, 3], numpy.float32, name="x")
weights = ops.constant(numpy.arange(6, dtype=numpy.float32).reshape(3, 2))
scores = ops.softmax(ops.matmul(x, weights, False, False), 1)
scores.output(0).set_names({"scores"})
x.output(0).set_names({"x"})
openvino.save_model(openvino.Model([scores], [x], "tiny"), sys.argv[1], compress_to_fp16=False)
"""
MAKE_ONNX = """
import sys, numpy, onnx
from onnx import TensorProto, helper, numpy_helper
weights = numpy_helper.from_array(numpy.arange(6, dtype=numpy.float32).reshape(3, 2), "weights")
nodes = [
    helper.make_node("MatMul", ["x", "weights"], ["product"]),
    helper.make_node("Softmax", ["product"], ["scores"], axis=1),
]
given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])
made = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 2])
graph = helper.make_graph(nodes, "tiny", [given], [made], [weights])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), sys.argv[1])
"""


@pytest.fixture(scope="module")
def chat(server: Server, smollm2_gguf: Path) -> Iterator[Deployment]:
    with deployed(server, "ov-chat", smollm2_gguf, "gguf", runtime="openvino-genai-runtime", cpu="1") as deployment:
        yield deployment.until_ready()


@pytest.fixture(scope="session")
def ir(environment_of: Callable[[str], Environment], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model in OpenVINO's format, as version 3 in the layout of OpenVINO Model Server."""
    directory = tmp_path_factory.mktemp("ir")
    (directory / "3").mkdir()
    python = environment_of("kserve-ovms").python
    subprocess.run([python, "-c", MAKE_IR, directory / "3" / "model.xml"], check=True)
    return directory


@pytest.fixture(scope="session")
def onnx(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as an ONNX file, written by the package `onnx` in an environment of its own."""
    environments = Environments(server.home / "environments", server.home / "cache")
    python = asyncio.run(environments.ensure(["onnx==1.19.1"])).python
    directory = tmp_path_factory.mktemp("onnx")
    subprocess.run([python, "-c", MAKE_ONNX, directory / "model.onnx"], check=True)
    return directory


# Chat


def test_it_answers(chat: Deployment) -> None:
    answer = chat.post("/v1/chat/completions", QUESTION | {"model": "ov-chat", "max_tokens": 24}).json()
    [choice] = answer["choices"]
    assert "Paris" in choice["message"]["content"]
    assert choice["finish_reason"] in ("stop", "length")
    usage = answer["usage"]
    assert usage["prompt_tokens"] > 20
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert chat.post("/v3/chat/completions", QUESTION | {"max_tokens": 24}).json()["choices"] == [choice]


def test_openais_client_reads_its_stream(chat: Deployment) -> None:
    with openai.OpenAI(base_url=f"{chat.url}/v1", api_key="none") as client:
        assert [model.id for model in client.models.list()] == ["ov-chat"]
        pieces = list(
            client.chat.completions.create(
                model="ov-chat",
                messages=[{"role": "user", "content": "What is the capital of France?"}],
                temperature=0,
                max_tokens=24,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    said = [piece.choices[0].delta.content for piece in pieces if piece.choices]
    assert "Paris" in "".join(filter(None, said))
    assert len([text for text in said if text]) > 3, "it comes in pieces"
    assert pieces[-1].usage
    assert pieces[-1].usage.completion_tokens > 3
    assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-1] in ("stop", "length")


def test_the_gateway_finds_it_by_its_name(chat: Deployment) -> None:
    url = f"{chat.server.record['url']}/v1/chat/completions"
    answer = httpx.post(url, json=QUESTION | {"model": "ov-chat", "max_tokens": 8}, timeout=60)
    assert answer.json()["model"] == "ov-chat"


def test_a_limit_of_tokens_and_stop_strings_hold(chat: Deployment) -> None:
    whole = chat.post("/v1/completions", STORY | {"max_tokens": 20}).json()
    assert whole["usage"]["completion_tokens"] == 20
    assert whole["choices"][0]["finish_reason"] == "length"
    text = whole["choices"][0]["text"]
    stop = text[10:16]
    cut = chat.post("/v1/completions", STORY | {"max_tokens": 20, "stop": [stop, "no such text"]}).json()
    assert cut["choices"][0]["text"] == text[: text.index(stop)]
    assert cut["choices"][0]["finish_reason"] == "stop"
    body = STORY | {"max_tokens": 20, "stop": stop, "stream": True}
    with httpx.stream("POST", f"{chat.url}/v1/completions", json=body, timeout=60) as response:
        events = [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: {")]
    assert "".join(event["choices"][0]["text"] for event in events) == text[: text.index(stop)], "also in a stream"


def test_a_seed_makes_an_answer_again_and_temperature_makes_another(chat: Deployment) -> None:
    def story(**sampling: object) -> str:
        body = STORY | {"max_tokens": 16, "temperature": 1.5, "top_p": 0.95} | sampling
        return str(chat.post("/v1/completions", body).json()["choices"][0]["text"])

    assert story(seed=7) == story(seed=7)
    assert len({story(seed=seed) for seed in range(4)}) > 1


def test_many_are_answered_at_once(chat: Deployment) -> None:
    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        body = STORY | {"max_tokens": 24}
        answers = list(threads.map(lambda _: chat.post("/v1/completions", body).json(), range(6)))
    assert {answer["usage"]["completion_tokens"] for answer in answers} == {24}


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_its_request(chat: Deployment, stream: bool) -> None:
    def counted(metric: str) -> float:
        lines = chat.get("/metrics").text.splitlines()
        return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(f"openvino_{metric}{{")))

    before = counted("requests_cancelled_total")
    body = STORY | {"max_tokens": 4000, "stream": stream}
    url = f"{chat.url}/v1/completions"
    if stream:
        with httpx.stream("POST", url, json=body, timeout=60) as response:
            next(response.iter_lines())
    else:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, json=body, timeout=httpx.Timeout(5, read=0.4))
    deadline = time.monotonic() + 20
    while not (counted("requests_cancelled_total") > before and counted("requests_running") == 0):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_has_health_and_metrics(chat: Deployment) -> None:
    for path in ("/health", "/v2/health/live", "/v2/health/ready", "/v2/models/ov-chat/ready"):
        assert chat.get(path).status_code == 200, path
    metrics = chat.get("/metrics").text
    assert 'openvino_generation_tokens_total{model_name="ov-chat"}' in metrics
    assert 'endpoint="chat/completions",code="200"' in metrics


def test_it_listens_to_nobody_else(chat: Deployment) -> None:
    assert only_loopback(chat)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{not json", 400, "is no JSON"),
        (b"[]", 400, "must be a JSON object"),
        ({}, 400, "messages must be a list"),
        ({"messages": []}, 400, "at least one"),
        ({"messages": ["hello"]}, 400, "messages[0]"),
        ({"messages": [{"role": "user", "content": 3}]}, 400, "must be a text"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "other than text"),
        (QUESTION | {"model": "another"}, 404, "There is no model 'another'"),
        (QUESTION | {"temperature": 3}, 400, "temperature must be a number from 0 to 2"),
        (QUESTION | {"temperature": True}, 400, "temperature must be"),
        (QUESTION | {"top_p": 0}, 400, "top_p must be above 0"),
        (QUESTION | {"max_tokens": 0}, 400, "max_tokens must be a whole number"),
        (QUESTION | {"stop": [1]}, 400, "stop must be"),
        (QUESTION | {"stream": "yes"}, 400, "stream must be true or false"),
        (QUESTION | {"n": 2}, 400, "n is not served"),
        (QUESTION | {"tools": [{"type": "function"}]}, 400, "tools is not served"),
        ({"messages": [{"role": "user", "content": "word " * 9000}]}, 400, "context is"),
    ],
)
def test_what_cannot_be_answered_is_said(chat: Deployment, body: Any, status: int, says: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = httpx.post(f"{chat.url}/v1/chat/completions", content=content, timeout=60)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["error"]["message"]


def test_parts_of_text_are_one_text(chat: Deployment) -> None:
    parts = [{"type": "text", "text": "What is the capital "}, {"type": "text", "text": "of France?"}]
    body = QUESTION | {"messages": [{"role": "user", "content": parts}], "max_tokens": 24}
    assert "Paris" in chat.post("/v1/chat/completions", body).json()["choices"][0]["message"]["content"]


def test_a_path_that_is_not_served_is_404(chat: Deployment) -> None:
    assert chat.get("/v1/nothing").status_code == 404
    assert "makes text" in chat.post("/v2/models/ov-chat/infer", {"inputs": []}).json()["error"]


def test_a_key_is_asked_for_where_one_was_given(server: Server, smollm2_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n")
    more = {"runtime": "openvino-genai-runtime", "args": [f"--api_key_file={tmp_path / 'key'}"]}
    with deployed(server, "ov-key", smollm2_gguf, "gguf", **more) as deployment:
        deployment.until_ready()
        for path in ("/v1/models", "/v3/models"):
            assert deployment.get(path).status_code == 401
            assert deployment.get(path, Authorization="Bearer wrong").status_code == 401
            assert deployment.get(path, Authorization="Bearer secret").status_code == 200
        assert deployment.get("/v2/health/ready").status_code == 200


# Predictions


def tensor(data: Any, shape: Any, name: str = "x", datatype: str = "FP32") -> dict[str, Any]:
    return {"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": data}]}


@pytest.fixture(scope="module", params=["openvino_ir", "onnx"])
def predictive(request: pytest.FixtureRequest, server: Server) -> Iterator[Deployment]:
    """The tiny model, each format chosen by itself."""
    model = request.getfixturevalue("ir" if request.param == "openvino_ir" else "onnx")
    with deployed(server, f"ov-{request.param[:4]}", model, request.param) as deployment:
        yield deployment.until_ready()


def test_it_says_what_it_takes_and_gives(predictive: Deployment) -> None:
    document = predictive.get(f"/v2/models/{predictive.name}").json()
    assert document["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
    assert document["outputs"] == [{"name": "scores", "datatype": "FP32", "shape": [-1, 2]}]
    assert document["versions"] == (["3"] if predictive.name == "ov-open" else ["1"])


def test_it_predicts(predictive: Deployment) -> None:
    path = f"/v2/models/{predictive.name}"
    answer = predictive.post(f"{path}/infer", tensor([[1, 0, 0], [0, 0, 1]], [2, 3]) | {"id": "mine"}).json()
    [scores] = answer["outputs"]
    assert (answer["id"], scores["name"], scores["shape"], scores["datatype"]) == ("mine", "scores", [2, 2], "FP32")
    assert scores["data"] == pytest.approx([0.26894, 0.73106, 0.26894, 0.73106], abs=1e-4)
    flat = predictive.post(f"{path}/infer", tensor([1, 0, 0], [1, 3]) | {"outputs": [{"name": "scores"}]}).json()
    assert flat["outputs"][0]["data"] == pytest.approx(scores["data"][:2])
    version = predictive.get(path).json()["versions"][0]
    assert predictive.get(f"{path}/versions/{version}/ready").status_code == 200


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("text", "must have inputs"),
        ({}, "must have inputs"),
        ({"inputs": []}, "'x' is missing"),
        (tensor([1, 2], [1, 2]), "has the shape [1, 2]; the model takes [-1, 3]"),
        (tensor([1, 2, 3], [3]), "has the shape [3]"),
        (tensor([1, 2], [1, 3]), "has 2 values; its shape [1, 3] has room for 3"),
        (tensor(["a", "b", "c"], [1, 3]), "are no numbers"),
        (tensor([[1], [2, 3]], [1, 3]), "are no numbers"),
        (tensor([1, 2, 3], [1, 3], datatype="INT64"), "has the datatype INT64; the model takes FP32"),
        (tensor([1, 2, 3], [1, 3], name="y"), "no input 'y'; its input is 'x'"),
        (tensor([1, 2, 3], "1,3"), "has no shape"),
        (tensor([1, 2, 3], [1, 3]) | {"outputs": [{"name": "z"}]}, "no output 'z'"),
    ],
)
def test_tensors_that_do_not_fit_are_said(predictive: Deployment, body: Any, says: str) -> None:
    answer = predictive.post(f"/v2/models/{predictive.name}/infer", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_a_model_that_is_not_there_is_404(predictive: Deployment) -> None:
    for answer in (
        predictive.get("/v2/models/nope"),
        predictive.get("/v2/models/nope/ready"),
        predictive.post("/v2/models/nope/infer", tensor([1, 2, 3], [1, 3])),
        predictive.get(f"/v2/models/{predictive.name}/versions/9/ready"),
    ):
        assert answer.status_code == 404
        assert predictive.name in answer.json()["error"]


# What cannot be served


@pytest.fixture
def broken(server: Server, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def deploy(name: str, model_format: str = "openvino_ir", **more: Any) -> dict[str, Any]:
        with deployed(server, name, tmp_path, model_format, **more) as deployment:
            failure = deployment.until_failed()
            assert failure["reason"] == "ModelLoadFailed"
            assert "Traceback" not in failure["message"]
            return failure

    return deploy


def test_a_model_of_another_format_is_said(broken: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    failure = broken("ov-wrong")
    assert failure["exitCode"] == 1
    assert "no model in" in failure["message"]
    assert "it has model.safetensors" in failure["message"]
    assert "optimum-cli export openvino" in failure["message"]


def test_a_gguf_file_that_is_cut_off_is_said(
    broken: Callable[..., dict[str, Any]], tmp_path: Path, smollm2: Path
) -> None:
    with smollm2.open("rb") as whole:
        (tmp_path / "half.gguf").write_bytes(whole.read(40_000_000))
    failure = broken("ov-half", "gguf", runtime="openvino-genai-runtime")
    assert "half.gguf is cut off: its tensors need 98362" in failure["message"]


@pytest.mark.parametrize("name", ["model.onnx", "model.gguf", "model.xml"])
def test_junk_is_said(broken: Callable[..., dict[str, Any]], tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not a model at all" * 100)
    model_format = {"model.gguf": "gguf"}.get(name, "openvino_ir")
    failure = broken("ov-junk", model_format, runtime="openvino-genai-runtime")
    last = failure["message"].splitlines()[-1]
    assert last.startswith("openvino_server: ")
    assert name in last


def test_an_option_that_it_does_not_know_is_said(server: Server, smollm2_gguf: Path) -> None:
    more = {"runtime": "openvino-genai-runtime", "args": ["--no-such-option=1"]}
    with deployed(server, "ov-option", smollm2_gguf, "gguf", **more) as deployment:
        failure = deployment.until_failed()
    assert failure["exitCode"] == 2
    assert "unrecognized arguments: --no-such-option=1" in failure["message"]
    assert "--help lists the options" in failure["message"]
