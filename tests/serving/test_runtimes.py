"""The runtimes that ship: KServe takes them as they are, and those that this machine can run say how."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from serving.kserve_schemas import conforms
from serving.objects import service

from forecourt.projects import AMD, GAUDI, NVIDIA
from forecourt.serving.availability import Machine, why_not
from forecourt.serving.local.annotations import LocalAnnotations
from forecourt.serving.local.plan import Recipe
from forecourt.serving.runtimes import DIRECTORY, shipped_runtimes
from forecourt.serving.selection import RuntimeNotSelected, select_runtime
from forecourt.serving.templating import expand, merge
from forecourt.serving.validation import validate_runtime

LAPTOP = Machine("linux/x86_64")
WITH_NVIDIA = Machine("linux/x86_64", frozenset({NVIDIA}))
WITH_AMD = Machine("linux/x86_64", frozenset({AMD}))
WITH_GAUDI = Machine("linux/x86_64", frozenset({GAUDI}))
MAC = Machine("darwin/arm64")

BY_NAME = {runtime.name: runtime for runtime in shipped_runtimes()}
LOCAL = [runtime for runtime in shipped_runtimes() if LocalAnnotations.of(runtime).command]
V2 = {"protocolVersion": "v2"}


def test_every_file_is_shipped():
    assert len(shipped_runtimes()) == len(list(DIRECTORY.glob("*.yaml"))) == len(BY_NAME)
    assert BY_NAME.keys() == {
        *("vllm-cuda-runtime", "vllm-rocm-runtime", "vllm-gaudi-runtime", "vllm-cpu-x86-runtime", "vllm-cpu-runtime"),
        *("vllm-multinode-runtime", "kserve-ovms", "openvino-genai-runtime", "caikit-standalone-runtime"),
        *("mlserver-runtime", "mlserver-cuda-runtime", "llamacpp"),
    }


@pytest.mark.parametrize("runtime", shipped_runtimes(), ids=lambda runtime: runtime.name)
def test_a_shipped_runtime_is_kserves(runtime):
    conforms(runtime.to_dict())
    validate_runtime(runtime)
    assert runtime.display_name != runtime.name
    assert re.search(r":[\w.-]+$", runtime.container.image or ""), "an image without a tag is another one tomorrow"


@pytest.mark.parametrize("runtime", LOCAL, ids=lambda runtime: runtime.name)
def test_a_runtime_that_runs_here_leaves_nothing_unfilled(runtime):
    wanted = service(runtime=runtime.name)
    container = merge(LocalAnnotations.of(runtime).over(runtime), wanted)
    args, env = expand(container, {"HOST": "127.0.0.1", "PORT": "1", "FORECOURT_RUNTIMES": "/r"}, "/m")
    words = (*args, *env.values())
    assert not [text for text in words if "$(" in text or "{{" in text or "/mnt/models" in text]
    assert "0.0.0.0" not in words
    recipe = Recipe.of(wanted, runtime)
    assert "{{" not in recipe.probe.path
    script = next(word for word in recipe.command if word.startswith("$(FORECOURT_RUNTIMES)/"))
    assert (DIRECTORY / Path(script).name).exists()


@pytest.mark.parametrize("runtime", LOCAL, ids=lambda runtime: runtime.name)
def test_what_an_environment_is_made_of_is_pinned(runtime):
    first, *_ = LocalAnnotations.of(runtime).requirements
    assert "==" in first


@pytest.mark.parametrize("runtime", shipped_runtimes(), ids=lambda runtime: runtime.name)
def test_each_says_whether_it_runs_here(runtime):
    why = why_not(runtime, LAPTOP)
    runs = {"llamacpp", "vllm-cpu-x86-runtime", "kserve-ovms", "openvino-genai-runtime", "caikit-standalone-runtime"}
    assert (why == "") == (runtime.name in runs | {"mlserver-runtime"})
    assert why == "" or (why.startswith("The serving runtime ") and why.endswith("."))


@pytest.mark.parametrize(
    ("name", "machine", "says"),
    [
        ("vllm-cuda-runtime", LAPTOP, "needs an NVIDIA GPU"),
        ("vllm-rocm-runtime", LAPTOP, "needs an AMD GPU"),
        ("vllm-rocm-runtime", WITH_AMD, "does not say how it runs"),
        ("vllm-gaudi-runtime", WITH_GAUDI, "does not say how it runs"),
        ("vllm-multinode-runtime", WITH_NVIDIA, "spans several nodes"),
        ("vllm-cpu-x86-runtime", MAC, "packages for linux/x86_64 and linux/aarch64 only"),
        ("vllm-cpu-runtime", LAPTOP, "does not say how it runs"),
    ],
)
def test_why_one_cannot_run(name, machine, says):
    assert says in why_not(BY_NAME[name], machine)


# Which is chosen by itself


def chosen(machine, **model):
    return select_runtime(service(**model), list(shipped_runtimes()), lambda runtime: why_not(runtime, machine)).name


@pytest.mark.parametrize(
    ("model_format", "more", "on_a_cluster", "on_a_laptop"),
    [
        ("gguf", {}, "llamacpp", "llamacpp"),
        ("vLLM", {}, "vllm-cuda-runtime", "vllm-cpu-x86-runtime"),
        ("openvino_ir", V2, "kserve-ovms", "kserve-ovms"),
        ("onnx", V2, "kserve-ovms", "kserve-ovms"),
        ("sklearn", V2, "mlserver-runtime", "mlserver-runtime"),
        ("xgboost", V2, "mlserver-runtime", "mlserver-runtime"),
        ("lightgbm", V2, "mlserver-runtime", "mlserver-runtime"),
        ("caikit", {}, "caikit-standalone-runtime", "caikit-standalone-runtime"),
    ],
)
def test_a_format_chooses_a_runtime_that_is_right_for_the_place(model_format, more, on_a_cluster, on_a_laptop):
    assert (
        select_runtime(service(modelFormat={"name": model_format}, **more), list(shipped_runtimes())).name
        == on_a_cluster
    )
    assert chosen(LAPTOP, modelFormat={"name": model_format}, **more) == on_a_laptop


def test_vllm_takes_the_accelerator_that_is_there():
    vllm = {"modelFormat": {"name": "vLLM"}}
    assert chosen(WITH_NVIDIA, **vllm) == "vllm-cuda-runtime"
    with pytest.raises(RuntimeNotSelected, match="needs an NVIDIA GPU") as failure:
        chosen(MAC, **vllm)
    assert "can be taken to a cluster" in failure.value.hint


def test_where_several_nodes_are_asked_for_the_one_for_several_is_taken():
    wanted = service(modelFormat={"name": "vLLM"})
    predictor = wanted.spec.predictor.model_copy(update={"worker_spec": {"pipelineParallelSize": 2}})
    wanted = wanted.model_copy(update={"spec": wanted.spec.model_copy(update={"predictor": predictor})})
    assert select_runtime(wanted, list(shipped_runtimes())).name == "vllm-multinode-runtime"
