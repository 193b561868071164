"""The page about where models come from names every scheme, and its commands work as they are written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import needs
from object_stores import KEY, SECRET, ObjectStore
from tiny_models import write_gguf

from forecourt.storage import SCHEMES

PAGE = (Path(__file__).parents[2] / "docs" / "storage.md").read_text()


def test_every_scheme_is_named() -> None:
    assert [scheme for scheme in SCHEMES if f"{scheme}://" not in PAGE] == []


@needs("bash")
@pytest.mark.timeout(300)
def test_the_commands_work_as_they_are_written(object_store: ObjectStore, tmp_path: Path) -> None:
    object_store.put("smollm2/smollm2.gguf", write_gguf(tmp_path / "tiny.gguf").read_bytes())
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    assert blocks.count("forecourt ") >= 5
    script = blocks.replace("http://localhost:8333", object_store.url).replace("testsecret", SECRET)
    assert KEY in script
    own = {"FORECOURT_HOME": str(tmp_path / "home"), "FORECOURT_PORT": "0", "FORECOURT_REGISTRY_PORT": "0"}
    environment = os.environ | own | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    try:
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", script], env=environment, capture_output=True, text=True, timeout=240
        )
    finally:
        subprocess.run(["forecourt", "down"], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Registered:   smollm2/1.0") == 2
    assert "s3://models/smollm2" in done.stdout and "it was already" in done.stdout
