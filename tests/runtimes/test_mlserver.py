"""MLServer with models of scikit-learn, XGBoost, LightGBM and ONNX, made by the libraries themselves."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runtimes.place import Deployment, deployed, only_loopback
from runtimes.test_openvino import onnx, tensor
from servers import Server

from forecourt.processes import Environment

__all__ = ["onnx"]  # a fixture

MAKE = """
import sys, joblib, lightgbm, numpy, xgboost
from pathlib import Path
from sklearn.linear_model import LogisticRegression
root = Path(sys.argv[1])
for name in ("sklearn", "xgboost", "lightgbm"):
    (root / name).mkdir()
x, y = numpy.array([[0.0, 0], [0, 1], [5, 5], [6, 5]]), numpy.array([0, 0, 1, 1])
joblib.dump(LogisticRegression().fit(x, y), root / "sklearn" / "iris.joblib")
xgboost.XGBClassifier(n_estimators=3, max_depth=2, min_child_weight=0).fit(x, y).save_model(root / "xgboost/model.ubj")
told = {"objective": "binary", "min_data_in_leaf": 1, "min_data_in_bin": 1, "verbose": -1}
lightgbm.train(told, lightgbm.Dataset(x, y), 9).save_model(root / "lightgbm" / "model.txt")
"""


@pytest.fixture(scope="module")
def models(environment_of: Callable[[str], Environment], tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("mlserver")
    subprocess.run([environment_of("mlserver-runtime").python, "-W", "ignore", "-c", MAKE, directory], check=True)
    return directory


@pytest.fixture(scope="module")
def served(server: Server, models: Path) -> Iterator[Deployment]:
    with deployed(server, "ml-sklearn", models / "sklearn", "sklearn") as deployment:
        yield deployment.until_ready()


def predicted(deployment: Deployment) -> list[float]:
    """What it says of a point of each class."""
    path = f"/v2/models/{deployment.name}/infer"
    answer = deployment.post(path, tensor([[0, 0], [6, 6]], [2, 2]))
    assert answer.status_code == 200, answer.text
    return list(answer.json()["outputs"][0]["data"])


def test_a_scikit_learn_model_is_chosen_by_its_format_and_predicts(served: Deployment) -> None:
    assert predicted(served) == [0, 1]
    assert served.status()["servingRuntimeName"] == "mlserver-runtime"
    assert served.get("/v2/models/ml-sklearn/ready").status_code == 200
    assert served.get("/v2/models/ml-sklearn").json()["name"] == "ml-sklearn"


def test_it_listens_to_nobody_else(served: Deployment) -> None:
    assert only_loopback(served), "HTTP, gRPC and metrics"


def test_a_model_that_is_not_there_and_tensors_that_do_not_fit_are_said(served: Deployment) -> None:
    unknown = served.post("/v2/models/nope/infer", tensor([[1, 2]], [1, 2]))
    assert unknown.status_code == 404
    assert "nope" in unknown.json()["error"]
    assert served.post("/v2/models/ml-sklearn/infer", {"inputs": 3}).status_code == 422
    for shape, data in (([1, 3], [[1, 2, 3]]), ([1, 2], [[1, 2, 3]])):
        refused = served.post("/v2/models/ml-sklearn/infer", tensor(data, shape))
        assert refused.status_code == 400, refused.text
        assert "The model cannot compute this: " in refused.json()["error"]


@pytest.mark.parametrize("model_format", ["xgboost", "lightgbm"])
def test_other_libraries_models_predict(server: Server, models: Path, model_format: str) -> None:
    with deployed(server, f"ml-{model_format}", models / model_format, model_format) as deployment:
        low, high = predicted(deployment.until_ready())
        assert low < 0.5 < high
        wide = deployment.post(f"/v2/models/{deployment.name}/infer", tensor([[1, 2, 3]], [1, 3]))
        assert wide.status_code == 400, wide.text


def test_onnx_is_served_where_it_is_named(server: Server, onnx: Path) -> None:
    with deployed(server, "ml-onnx", onnx, "onnx", runtime="mlserver-runtime") as deployment:
        deployment.until_ready()
        path = "/v2/models/ml-onnx"
        document = deployment.get(path).json()
        assert [each["name"] for each in document["inputs"]] == ["x"]
        [scores] = deployment.post(f"{path}/infer", tensor([1, 0, 0], [1, 3])).json()["outputs"]
        assert scores["data"] == pytest.approx([0.26894, 0.73106], abs=1e-4)
        for body, says in (
            (tensor([1, 2], [1, 2]), "Got: 2 Expected: 3"),
            (tensor([1, 2, 3], [1, 3], name="y"), "'x' is missing"),
            (tensor([1, 2, 3], [1, 3], datatype="INT64"), "the model takes FP32"),
            (tensor([1, 2, 3], [1, 3]) | {"outputs": [{"name": "z"}]}, "no output 'z'"),
        ):
            answer = deployment.post(f"{path}/infer", body)
            assert answer.status_code == 400
            assert says in answer.json()["error"]


# What cannot be served


def failure(server: Server, name: str, model: Path, **more: Any) -> str:
    with deployed(server, name, model, "sklearn", **more) as deployment:
        failed = deployment.until_failed()
    assert failed["reason"] == "ModelLoadFailed"
    assert failed["exitCode"] in (1, 2)
    return str(failed["message"]).splitlines()[-1]


def test_a_directory_without_a_model_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    last = failure(server, "ml-none", tmp_path)
    assert last.startswith("mlserver_server: there is no model in")
    assert "it has README.md" in last


def test_a_model_that_is_none_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"not a model at all")
    last = failure(server, "ml-junk", tmp_path)
    assert last.startswith("mlserver_server: ")
    assert "cannot be served: " in last


@pytest.mark.parametrize("is_model", [True, False], ids=["a model", "none"])
def test_a_port_that_is_taken_is_said(server: Server, models: Path, tmp_path: Path, is_model: bool) -> None:
    (tmp_path / "model.joblib").write_bytes(b"not a model at all")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        model = models / "sklearn" if is_model else tmp_path
        last = failure(server, f"ml-port-{str(is_model).lower()}", model, args=[f"--port={port}"])
    assert last.startswith("mlserver_server: ")
    assert "cannot be served: " in last
    assert (f"{port}" in last and "address already in use" in last) == is_model  # the model's own error goes first


def test_an_argument_that_it_does_not_know_is_said(server: Server, models: Path) -> None:
    assert "--help lists" in failure(server, "ml-option", models / "sklearn", args=["--no-such-option"])


def test_what_is_written_beside_a_model_does_not_open_it_to_others(
    server: Server, models: Path, tmp_path: Path
) -> None:
    settings = {"host": "0.0.0.0", "http_port": 1, "debug": False, "parallel_workers": 0}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    (tmp_path / "model.joblib").write_bytes((models / "sklearn" / "iris.joblib").read_bytes())
    with deployed(server, "ml-open", tmp_path, "sklearn") as deployment:
        assert predicted(deployment.until_ready()) == [0, 1]
        assert only_loopback(deployment)
