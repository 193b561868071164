"""Which runtimes can run on which machine, and the sentence that says why not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from serving.objects import runtime as a_runtime

from forecourt.projects import AMD, GAUDI, NVIDIA
from forecourt.serving.availability import (
    ACCELERATORS,
    COMMAND,
    PLATFORMS,
    RECOMMENDED_ACCELERATORS,
    Machine,
    this_machine,
    why_not,
)
from forecourt.serving.model import ServingRuntime

LAPTOP = Machine("linux/x86_64")
SERVER = Machine("linux/x86_64", frozenset({NVIDIA}))


def runtime(spec: dict[str, Any] | None = None, **annotations: str) -> ServingRuntime:
    document = a_runtime("r", **(spec or {})).to_dict()
    document["metadata"]["annotations"] = {COMMAND: "python serve.py"} | annotations
    return ServingRuntime.from_dict(document)


def test_one_that_asks_for_nothing_runs_everywhere() -> None:
    assert why_not(runtime(), LAPTOP) == ""
    assert why_not(runtime()) == ""


def test_an_accelerator_that_is_recommended_must_be_there() -> None:
    cuda = runtime(**{RECOMMENDED_ACCELERATORS: json.dumps([NVIDIA])})
    assert (
        why_not(cuda, LAPTOP)
        == "The serving runtime r needs an NVIDIA GPU (nvidia.com/gpu), and this machine has none."
    )
    assert why_not(cuda, SERVER) == ""
    either = runtime(**{RECOMMENDED_ACCELERATORS: json.dumps([AMD, GAUDI, "example.com/tpu"])})
    assert "an AMD GPU (amd.com/gpu) or an Intel Gaudi accelerator (habana.ai/gaudi) or example.com/tpu" in why_not(
        either, SERVER
    )


def test_one_that_does_without_what_is_recommended_says_so() -> None:
    ovms = runtime(**{RECOMMENDED_ACCELERATORS: json.dumps([NVIDIA]), ACCELERATORS: "[]"})
    assert why_not(ovms, LAPTOP) == ""


@pytest.mark.parametrize("text", ["nvidia.com/gpu", '"nvidia.com/gpu"', "[1]", "{}"])
def test_accelerators_that_are_no_list_are_told_rather_than_raised(text: str) -> None:
    assert "is no JSON list of names" in why_not(runtime(**{ACCELERATORS: text}), SERVER)


@pytest.mark.parametrize(
    ("patterns", "runs"),
    [
        ("linux/x86_64", True),
        ("linux/*", True),
        ("darwin/arm64, linux/x86_64", True),
        ("darwin/arm64\nlinux/aarch64", False),
    ],
)
def test_packages_are_offered_for_some_platforms(patterns: str, runs: bool) -> None:
    why = why_not(runtime(**{PLATFORMS: patterns}), LAPTOP)
    assert (why == "") is runs
    if not runs:
        assert why == (
            "The serving runtime r has packages for darwin/arm64 and linux/aarch64 only, "
            "and this machine is linux/x86_64."
        )


def test_one_without_a_command_or_of_several_nodes_is_for_a_cluster() -> None:
    assert "does not say how it runs on this machine" in why_not(runtime(**{COMMAND: ""}), SERVER)
    assert "spans several nodes" in why_not(runtime({"workerSpec": {"containers": []}}), SERVER)


# What a machine has


def test_this_machine_is_looked_at() -> None:
    assert "/" in this_machine().platform
    assert this_machine().accelerators <= {NVIDIA, AMD, GAUDI}
