"""The commands that the documentation shows are run, in its order, on a server and a real model."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import needs

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[1]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def commands(page: str) -> list[str]:
    """The shell commands of a page's fenced blocks, one a line."""
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    found = []
    for language, block in blocks:
        found += [f"python - <<'PYTHON'\n{block}PYTHON"] if language == "python" else block.splitlines()
    return [re.sub(r"\s+#.*$", "", line) for line in found]


PUSHED = [
    "forecourt up -d",
    "forecourt modelcar pack ./my-model -t localhost:5000/demo/my-model:1.0",
    "forecourt modelcar push localhost:5000/demo/my-model:1.0",
]

BEFORE = {
    "docs/getting-started.md": [],
    "docs/catalog.md": [
        "FORECOURT_CATALOG_FOLDERS=$PWD forecourt up -d",
        "forecourt modelcar pack ./my-model -t localhost:5000/demo/my-model:1.0",
        "forecourt modelcar push localhost:5000/demo/my-model:1.0",
    ],
    "docs/registry.md": PUSHED,
    "docs/projects.md": PUSHED,
    "docs/rollouts.md": PUSHED,
    "docs/custom-runtimes.md": ["forecourt up -d"],
    "docs/access.md": ["forecourt up -d"],
}
"""The pages whose commands are run, and what a person has done before, as the page says."""

SAYS = {
    "docs/getting-started.md": '"Digest": "sha256:',
    "docs/catalog.md": "its own scores give",
    "docs/registry.md": "ModelCar",
    "docs/projects.md": "secret/my-model unchanged",
    "docs/rollouts.md": "my-model is a canary: revision 3 has 10 % of the requests",
    "docs/custom-runtimes.md": "my-llamacpp removed",
    "docs/access.md": "token ci of anna revoked",
}
"""What is among what the commands of a page print."""


@needs("skopeo", "curl", "bash")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", BEFORE)
def test_a_page_works_as_it_is_written(tmp_path: Path, smollm2: Path, page: str) -> None:
    port, registry = free_ports(2)
    (tmp_path / "my-model").mkdir()
    shutil.copy(smollm2, tmp_path / "my-model")
    lines = [*BEFORE[page], *commands(page)]
    assert sum("forecourt " in line for line in lines) >= 14
    script = (
        "\n".join(lines)
        .replace("localhost:5000", f"localhost:{registry}")
        .replace("127.0.0.1:8080", f"127.0.0.1:{port}")
        .replace('"http://127.0.0.1", 8080', f'"http://127.0.0.1", {port}')
    )
    own = {
        "FORECOURT_HOME": str(tmp_path / "home"),
        "FORECOURT_PORT": str(port),
        "FORECOURT_REGISTRY_PORT": str(registry),
    }
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | own | {"PATH": path}
    try:
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=540,
        )
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"After {late.timeout:.0f} s it was here:\n{(late.stderr or b'').decode()[-3000:]}")
    else:
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        subprocess.run(["forecourt", "down"], env=environment, capture_output=True, check=False)
    assert SAYS[page] in done.stdout
    assert not (tmp_path / "home" / "server.json").exists()


def test_every_page_that_is_linked_is_there() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_has_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "pip install uv && uv run forecourt demo" in text
    assert re.search(r"^    uv run pytest$", text, re.MULTILINE)
