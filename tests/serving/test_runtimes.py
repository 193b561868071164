"""The runtimes that ship: KServe takes them as they are, and this machine can run them."""

from __future__ import annotations

import pytest
from serving.kserve_schemas import conforms
from serving.objects import service

from forecourt.serving.runtimes import DIRECTORY, shipped_runtimes
from forecourt.serving.selection import select_runtime
from forecourt.serving.templating import expand, merge
from forecourt.serving.validation import validate_runtime


def test_every_file_is_shipped():
    assert len(shipped_runtimes()) >= len(list(DIRECTORY.glob("*.yaml"))) >= 1


@pytest.mark.parametrize("runtime", shipped_runtimes(), ids=lambda runtime: runtime.name)
def test_a_shipped_runtime_is_kserves(runtime):
    conforms(runtime.to_dict())
    validate_runtime(runtime)
    assert runtime.metadata.annotation("forecourt.dev/local-command")


@pytest.mark.parametrize("runtime", shipped_runtimes(), ids=lambda runtime: runtime.name)
def test_a_shipped_runtime_leaves_nothing_unfilled(runtime):
    container = merge(runtime, service(runtime=runtime.name))
    args, env = expand(container, {"HOST": "127.0.0.1", "PORT": "1", "FORECOURT_RUNTIMES": "/r"}, "/m")
    assert not [text for text in (*args, *env.values()) if "$(" in text or "{{" in text or "/mnt/models" in text]


def test_gguf_is_served_by_llama_cpp():
    assert "llama" in select_runtime(service(), list(shipped_runtimes())).name
