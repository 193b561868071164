"""What takes up an environment: the programs in it, and the disk, where a file counts once however often linked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil
import pytest
from processes.conftest import eventually, marked_pids

from forecourt.errors import ProgramFailed
from forecourt.processes import Environments, Processes, Program, disk_use, occupants
from forecourt.settings import Settings

MIB = 1024 * 1024


def written(path: Path, size: int = MIB) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def test_a_file_counts_once_and_is_freed_only_where_nothing_else_links_to_it(tmp_path: Path) -> None:
    cached = written(tmp_path / "cache" / "wheel")
    own = written(tmp_path / "one" / "own")
    for environment in ("one", "two"):
        (tmp_path / environment / "lib").mkdir(parents=True)
        (tmp_path / environment / "lib" / "shared").hardlink_to(cached)
    (tmp_path / "one" / "again").hardlink_to(own)
    (tmp_path / "one" / "link").symlink_to(own)
    slack = MIB // 8  # directories
    one, two = disk_use(tmp_path / "one"), disk_use(tmp_path / "two")
    assert 2 * MIB <= one.size <= 2 * MIB + slack
    assert MIB <= one.own <= MIB + slack
    assert MIB <= two.size <= MIB + slack
    assert two.own <= slack
    together = disk_use(tmp_path / "one", tmp_path / "two")
    assert 2 * MIB <= together.size <= 2 * MIB + slack
    assert disk_use(tmp_path / "one", tmp_path / "two", tmp_path / "cache").own >= 2 * MIB


def test_a_hole_takes_nothing_and_what_is_not_there_neither(tmp_path: Path) -> None:
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(64 * MIB)
    assert disk_use(tmp_path).size < MIB
    assert disk_use(tmp_path / "nothing").size == 0


async def test_a_program_that_runs_in_an_environment_is_found(settings: Settings) -> None:
    environments = Environments(settings.environments, settings.cache / "uv")
    environment = await environments.ensure([])
    processes = Processes(settings.processes, log_bytes=4096, log_files=1)
    sleeping = Program(("sleep", "60"), {"VIRTUAL_ENV": str(environment.root)})
    assert occupants(settings.home, settings.environments) == {}
    process = processes.start("one", sleeping, {"name": "a"})
    try:
        eventually(lambda: occupants(settings.home, settings.environments) == {environment.key: {"one"}})
        assert processes.labels("one") == {"name": "a"}
        assert processes.labels("two") == {}
    finally:
        await process.stop(1)
    assert occupants(settings.home, settings.environments) == {}


async def test_an_environment_knows_when_it_was_made_and_used(settings: Settings) -> None:
    environments = Environments(settings.environments, settings.cache / "uv")
    first = await environments.ensure([])
    os.utime(first.root / "environment.json", (1e9, 1e9))
    os.utime(first.root / "used", (1.1e9, 1.1e9))
    assert (first.made.year, first.last_used.year) == (2001, 2004)
    assert (await environments.ensure([])).last_used.year > 2020
    shutil.rmtree(first.root)
    assert not first.exists()
    assert first.requirements == ()


_SLOW = """
import os, sys, time
from pathlib import Path
Path("builds").touch()
{then}
time.sleep(60)
"""


@pytest.mark.parametrize(
    "then",
    ["", 'os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"], {})'],
    ids=["as it is", "that has wiped its environment"],
)
async def test_a_killed_uv_leaves_no_environment_and_nothing_that_runs(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR", str(tmp_path / "uv")))
    project = tmp_path / "slow"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "slow"\nversion = "1"\n'
    )
    (project / "backend.py").write_text(_SLOW.format(then=then))
    environments = Environments(settings.environments, settings.cache / "uv")
    busy: list[bool] = []
    session: set[psutil.Process] = set()

    def killed(said: str) -> None:
        if said.startswith("building"):
            [key] = environments.unfinished()
            busy.append(environments.busy(key))
            eventually((project / "builds").exists)
            [uv] = [process for process in psutil.Process().children() if process.name() == "uv"]
            session.update([uv, *uv.children(recursive=True)])
            uv.kill()

    with pytest.raises(ProgramFailed, match="exit code -9"):
        await environments.ensure([str(project)], progress=killed)
    assert busy == [True]
    assert environments.unfinished() == []
    assert await environments.list() == []
    assert len(session) > 1
    assert not [process for process in session if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert not marked_pids(settings.home)
    shutil.rmtree(project)
    assert (await environments.ensure(["six==1.17.0"])).exists()
