"""Environments, made by uv from the package index: once, whole, or not at all."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from processes.conftest import eventually, marked_pids

from forecourt.errors import InvalidInput, ProgramFailed, StorageFull
from forecourt.processes import Environments, Processes
from forecourt.processes.uv import failure, message
from forecourt.settings import Settings

SIX = ["six==1.17.0"]

SLOW_PROJECT = """
import time
time.sleep({seconds})
def get_requires_for_build_wheel(config_settings=None): return []
"""

MAKER = """
import asyncio, sys
from pathlib import Path
from forecourt.processes import Environments
root, *requirements = sys.argv[1:]
environments = Environments(Path(root), Path(root).parent / "cache")
made = asyncio.run(environments.ensure(requirements, progress=lambda said: print(said, flush=True)))
print(made.python, flush=True)
"""


@pytest.fixture(autouse=True)
def _shared_downloads(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "uv")))


@pytest.fixture
def environments(settings: Settings) -> Environments:
    return Environments(settings.environments, settings.cache / "uv")


@pytest.fixture
def slow(tmp_path: Path) -> str:
    """A project whose build takes a minute."""
    project = tmp_path / "slow"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "slow"\nversion = "1"\n'
    )
    (project / "backend.py").write_text(SLOW_PROJECT.format(seconds=60))
    return str(project)


async def test_overrides_hold_over_what_packages_ask_for(environments: Environments) -> None:
    without = "six ; sys_platform == 'never'"
    environment = await environments.ensure(["python-dateutil"], overrides=[without])  # which asks for six
    assert (environment.root / "overrides.txt").read_text() == f"{without}\n"
    [installed] = (environment.root / "lib").glob("python*/site-packages")
    assert (installed / "dateutil").exists()
    assert not (installed / "six.py").exists()


async def test_an_environment_holds_what_was_asked_for(environments: Environments) -> None:
    said: list[str] = []
    environment = await environments.ensure(SIX, progress=said.append)
    printed = subprocess.run(
        [environment.python, "-c", "import six, sys; print(six.__version__, sys.prefix)"],
        capture_output=True,
        text=True,
    )
    assert printed.stdout.split() == ["1.17.0", str(environment.root)]
    assert environment.python.parent == environment.bin == environment.root / "bin"
    assert "resolved 1 package" in said
    assert said[-1] == "installed 1 package"


async def test_an_environment_is_made_once(environments: Environments) -> None:
    first = await environments.ensure(SIX)
    said: list[str] = []
    started = time.monotonic()
    assert await environments.ensure(["Six == 1.17.0"], progress=said.append) == first
    assert time.monotonic() - started < 0.05
    assert not said


async def test_several_who_ask_at_once_get_the_same(environments: Environments) -> None:
    said: list[str] = []
    made = await asyncio.gather(*(environments.ensure(SIX, progress=said.append) for _ in range(4)))
    assert len(set(made)) == 1
    assert said.count("installed 1 package") == 1
    assert said.count("waiting: it is being made already") == 3


def test_several_processes_make_it_once(environments: Environments) -> None:
    makers = [
        subprocess.Popen([sys.executable, "-c", MAKER, environments.root, *SIX], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [maker.communicate()[0] for maker in makers]
    assert [maker.returncode for maker in makers] == [0, 0, 0]
    assert "".join(said).count("installed 1 package") == 1
    assert len({lines.splitlines()[-1] for lines in said}) == 1


async def test_an_environment_may_be_empty(environments: Environments) -> None:
    environment = await environments.ensure([])
    assert subprocess.run([environment.python, "-c", "pass"]).returncode == 0


async def test_a_half_made_environment_is_made_anew(environments: Environments) -> None:
    environment = await environments.ensure(SIX)
    (environment.root / "environment.json").unlink()
    next(environment.root.glob("lib/*/site-packages/six.py")).unlink()
    assert await environments.ensure(SIX) == environment
    assert subprocess.run([environment.python, "-c", "import six"]).returncode == 0


async def test_an_environment_whose_python_was_removed_is_made_anew(environments: Environments) -> None:
    environment = await environments.ensure(SIX)
    environment.python.unlink()
    environment.python.symlink_to("/nowhere/python")
    assert await environments.ensure(SIX) == environment
    assert subprocess.run([environment.python, "-c", "import six"]).returncode == 0


async def test_a_package_that_does_not_exist_is_an_error_that_says_so(environments: Environments) -> None:
    with pytest.raises(ProgramFailed, match="forecourt-no-such-package was not found") as failed:
        await environments.ensure(["forecourt-no-such-package"])
    assert "spelled" in failed.value.hint
    assert failed.value.exit_code_of_program == 1
    assert any("No solution found" in line for line in failed.value.last_lines)
    assert await environments.list() == []
    assert not [path for path in environments.root.iterdir() if path.is_dir()], "nothing half made is left"


async def test_without_a_network_the_error_says_what_to_do(
    environments: Environments, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("UV_INDEX_URL", f"http://127.0.0.1:{free_port}/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(ProgramFailed, match=r"Installing six==1\.17\.0 failed") as failed:
        await environments.ensure(SIX)
    assert "UV_INDEX_URL" in failed.value.hint
    assert "cannot be reached" in failed.value.hint


async def test_options_are_passed_to_pip(environments: Environments, tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed):
        await environments.ensure(["--no-index", f"--find-links {tmp_path}", "six"])
    with pytest.raises(ProgramFailed) as failed:
        await environments.ensure(["--no-such-option", "six"])
    assert "requirements are written" in failed.value.hint


async def test_a_requirement_that_cannot_be_read_is_an_error(environments: Environments) -> None:
    with pytest.raises(ProgramFailed, match="no such comparison operator") as failed:
        await environments.ensure(["six=>=1"])
    assert failed.value.hint
    with pytest.raises(InvalidInput):
        await environments.ensure(["-r requirements.txt"])


async def test_cancelling_ends_uv_and_leaves_nothing(environments: Environments, settings: Settings, slow: str) -> None:
    said: list[str] = []
    making = asyncio.create_task(environments.ensure([slow], progress=said.append))
    async with asyncio.timeout(30):
        while not any(line.startswith("building") for line in said):
            await asyncio.sleep(0.01)
    assert marked_pids(settings.home)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    eventually(lambda: not marked_pids(settings.home))
    assert await environments.list() == []
    assert not [path for path in environments.root.iterdir() if path.is_dir()]
    assert (await environments.ensure(SIX)).python.exists()


def test_a_killed_server_leaves_no_uv_behind(environments: Environments, settings: Settings, slow: str) -> None:
    maker = subprocess.Popen([sys.executable, "-c", MAKER, environments.root, slow], stdout=subprocess.PIPE, text=True)
    assert maker.stdout
    while not maker.stdout.readline().startswith("building"):
        pass
    left = marked_pids(settings.home)
    assert left
    processes = Processes(settings.processes, log_bytes=4096, log_files=1)
    settings.processes.mkdir()
    processes.adopt()
    assert left <= marked_pids(settings.home), "a maker that lives keeps its uv"
    maker.kill()
    maker.wait()
    maker.stdout.close()
    processes.adopt()
    eventually(lambda: not marked_pids(settings.home))


async def test_whoever_makes_it_next_ends_what_a_killed_maker_left(
    environments: Environments, settings: Settings, slow: str
) -> None:
    maker = subprocess.Popen([sys.executable, "-c", MAKER, environments.root, slow], stdout=subprocess.PIPE, text=True)
    assert maker.stdout
    while not maker.stdout.readline().startswith("building"):
        pass
    left = marked_pids(settings.home)
    maker.kill()
    maker.wait()
    maker.stdout.close()
    Path(slow, "backend.py").write_text("raise SystemExit('not today')")
    with pytest.raises(ProgramFailed) as failed:
        await environments.ensure([slow])
    assert "compiled" in failed.value.hint
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in left))


async def test_environments_are_listed_and_removed(environments: Environments) -> None:
    six, empty = await environments.ensure(SIX), await environments.ensure([])
    assert {environment.requirements for environment in await environments.list()} == {("six==1.17.0",), ()}
    await environments.remove(six.key)
    assert await environments.list() == [empty]
    assert not six.root.exists()
    await environments.remove("0" * 20)
    with pytest.raises(InvalidInput):
        await environments.remove("../cache")


async def test_settings_of_a_project_around_the_home_have_no_say(
    environments: Environments, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.uv]\nno-index = true\n")
    for name in ("UV_PYTHON", "UV_SYSTEM_PYTHON", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "1")
    assert (await environments.ensure(SIX)).python.exists()


async def test_downloads_are_kept_in_the_home_unless_the_person_says_where(
    environments: Environments, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_CACHE_DIR")
    await environments.ensure(SIX)
    assert any((settings.cache / "uv").iterdir())
    shutil.rmtree(settings.cache)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Resolved 3 packages in 12ms", "resolved 3 packages"),
        ("Downloading xllamacpp (21.3MiB)", "downloading xllamacpp (21.3 MiB)"),
        (" Downloaded xllamacpp", "downloaded xllamacpp"),
        ("   Building slow @ file:///slow", "building slow"),
        ("Prepared 2 packages in 1.2s", "prepared 2 packages"),
        ("Installed 1 package in 2ms", "installed 1 package"),
        (" + six==1.17.0", ""),
        ("Using Python 3.11.7 environment at: x", ""),
        ("warning: Failed to hardlink files; falling back to full copy.", ""),
    ],
)
def test_what_uv_says_is_told_in_plain_words(line: str, says: str) -> None:
    assert message(line) == says


def test_a_full_disk_is_said_as_such() -> None:
    error = failure(
        "Installing torch", 2, ("error: Failed to extract", "  cause: No space left on device (os error 28)")
    )
    assert isinstance(error, StorageFull)


def test_a_uv_that_says_nothing_still_makes_an_error() -> None:
    assert failure("Installing torch", -9, ()).message == "Installing torch failed: uv ended with exit code -9."
