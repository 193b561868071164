"""Sources are loaded when their files change, when what defines them does, after their interval, and when one asks."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from catalog.served import Sources, defined, entry, failing

from forecourt.catalog import refreshing, store
from forecourt.catalog.model import SourceDefinition
from forecourt.catalog.refreshing import Refresher


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refreshing, "_LOOK_SECONDS", 0.05)


@asynccontextmanager
async def running(sources: Sources, folder: Path, interval: float | None = None) -> AsyncIterator[Refresher]:
    """Run a refresher of sources that each read the file of their name, unless they are elsewhere."""

    def files_of(definition: SourceDefinition) -> list[Path]:
        return [folder / definition.id] if definition.type == "yaml" else []

    refresher = Refresher(sources.catalog, [folder / "sources.yaml"], files_of, lambda _: interval)
    task = asyncio.create_task(refresher.run())
    try:
        yield refresher
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come true")


def counted(sources: Sources, source_id: str, *given: object) -> list[int]:
    """Have a source give something; return a list that grows with each load of it."""
    loads: list[int] = []
    sources.given[source_id] = [lambda _: loads.append(1), *given]  # type: ignore[list-item]
    return loads


def written(path: Path, content: str) -> None:
    """Write a file aside and put it there, with a time of its own."""
    aside = path.with_name(f"{path.name}.new")
    aside.write_text(content)
    aside.replace(path)


async def test_a_source_is_loaded_at_the_start_and_when_its_file_changes(sources: Sources, tmp_path: Path) -> None:
    written(tmp_path / "s", "one")
    sources.configuration = replace(sources.configuration, definitions=(defined("s"),))
    loads = counted(sources, "s", entry("a"))
    async with running(sources, tmp_path):
        await until(lambda: sources.catalog.snapshot.names == ["a"])
        await asyncio.sleep(0.3)
        assert len(loads) == 1
        sources.given["s"] = [entry("b")]
        written(tmp_path / "s", "two")
        await until(lambda: sources.catalog.snapshot.names == ["b"])


async def test_a_file_that_is_as_it_was_is_not_loaded_again_after_a_restart(sources: Sources, tmp_path: Path) -> None:
    written(tmp_path / "s", "one")
    sources.configuration = replace(sources.configuration, definitions=(defined("s"),))
    loads = counted(sources, "s", entry("a"))
    async with running(sources, tmp_path):
        await until(lambda: len(loads) == 1 and not sources.catalog.loading)
    sources.catalog = sources.opened()
    os.utime(tmp_path / "s", (1, 1))
    async with running(sources, tmp_path):
        await until(lambda: sources.catalog.snapshot.names == ["a"])
        await asyncio.sleep(0.3)
    assert len(loads) == 1
    sources.catalog = sources.opened()
    written(tmp_path / "s", "other")
    async with running(sources, tmp_path):
        await until(lambda: len(loads) == 2)


@pytest.mark.parametrize("kind", ["yaml", "hf"])
async def test_a_source_whose_definition_changes_is_loaded_again(sources: Sources, tmp_path: Path, kind: str) -> None:
    written(tmp_path / "s", "one")
    written(tmp_path / "sources.yaml", "one")
    sources.configuration = replace(sources.configuration, definitions=(defined("s", type=kind),))
    sources.given["s"] = [entry("a"), entry("b")]
    async with running(sources, tmp_path):
        await until(lambda: sources.catalog.snapshot.names == ["a", "b"])
        left_out = defined("s", type=kind, excluded_models=("a",))
        sources.configuration = replace(sources.configuration, definitions=(left_out,))
        written(tmp_path / "sources.yaml", "two")
        await until(lambda: sources.catalog.snapshot.names == ["b"])
    sources.catalog = sources.opened()
    sources.configuration = replace(sources.configuration, definitions=(defined("s", type=kind),))
    async with running(sources, tmp_path):  # while nobody looked
        await until(lambda: sources.catalog.snapshot.names == ["a", "b"])


async def test_sources_come_and_go_with_the_file_that_defines_them(sources: Sources, tmp_path: Path) -> None:
    async with running(sources, tmp_path):
        await until(lambda: sources.catalog.snapshot.version > 1)
        sources.given |= {"s": [entry("a")], "t": [entry("b")]}
        sources.configuration = replace(sources.configuration, definitions=(defined("s"), defined("t")))
        written(tmp_path / "sources.yaml", "two")
        await until(lambda: sources.catalog.snapshot.names == ["a", "b"])
        sources.configuration = replace(sources.configuration, definitions=(defined("t"),))
        written(tmp_path / "sources.yaml", "one")
        await until(lambda: sources.catalog.snapshot.names == ["b"])


async def test_a_source_that_is_elsewhere_is_asked_again_after_its_interval(sources: Sources, tmp_path: Path) -> None:
    sources.configuration = replace(sources.configuration, definitions=(defined("s", type="hf"),))
    loads = counted(sources, "s", entry("a"))
    async with running(sources, tmp_path, interval=0.2):
        await until(lambda: len(loads) >= 3)
    sources.catalog = sources.opened()
    before = len(loads)
    async with running(sources, tmp_path, interval=3600):
        await asyncio.sleep(0.3)
    assert len(loads) == before


async def test_one_that_failed_is_asked_again_sooner(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "_RETRY_SECONDS", 0.3)
    sources.configuration = replace(sources.configuration, definitions=(defined("s", type="hf"),))
    loads = counted(sources, "s", failing("The hub does not answer."))
    async with running(sources, tmp_path, interval=3600):
        await until(lambda: len(loads) == 2)
        sources.given["s"] = [entry("a")]
        await until(lambda: sources.catalog.snapshot.names == ["a"])


async def test_whoever_asks_has_it_loaded_whatever_its_file_is_like(sources: Sources, tmp_path: Path) -> None:
    written(tmp_path / "s", "one")
    sources.configuration = replace(sources.configuration, definitions=(defined("s"),))
    loads = counted(sources, "s", entry("a"))
    async with running(sources, tmp_path) as refresher:
        await until(lambda: len(loads) == 1 and not sources.catalog.loading)
        await asyncio.to_thread(refresher.ask, "s")
        await until(lambda: len(loads) == 2)
        refresher.ask("unknown")
        await asyncio.sleep(0.2)
        assert len(loads) == 2


async def test_whoever_asks_while_it_is_loaded_has_it_loaded_once_more(sources: Sources, tmp_path: Path) -> None:
    """What is asked for is a load that begins from then on: the one that is going on may have read the file before."""
    goes_on, catalog = threading.Event(), sources.catalog
    sources.configuration = replace(sources.configuration, definitions=(defined("s", type="hf"),))
    loads = counted(sources, "s", lambda _: goes_on.wait(10), entry("a"))
    async with running(sources, tmp_path, interval=3600) as refresher:
        await until(lambda: len(loads) == 1)
        refresher.ask("s")
        await asyncio.sleep(0.2)
        assert catalog.asked == {"s"} and len(loads) == 1
        goes_on.set()
        await until(lambda: "s" in catalog.tried)
        assert catalog.asked or catalog.loading or len(loads) == 2  # at no moment does it look as if it were over
        await until(lambda: len(loads) == 2 and not catalog.loading)
        assert catalog.asked == set()


async def test_a_source_that_is_hidden_is_loaded_when_it_is_shown(sources: Sources, tmp_path: Path) -> None:
    sources.configuration = replace(sources.configuration, definitions=(defined("s", enabled=False),))
    loads = counted(sources, "s", entry("a"))
    async with running(sources, tmp_path):
        await until(lambda: bool(sources.catalog.sources))
        await asyncio.sleep(0.2)
        assert loads == []
        await asyncio.to_thread(sources.catalog.enable, "s", True)
        await until(lambda: sources.catalog.snapshot.names == ["a"])


async def test_what_breaks_on_the_way_does_not_end_it(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise OSError("the disk is away")

    monkeypatch.setattr(sources.catalog, "configure", broken)
    written(tmp_path / "sources.yaml", "one")
    async with running(sources, tmp_path):
        await asyncio.sleep(0.2)
        monkeypatch.undo()
        monkeypatch.setattr(refreshing, "_LOOK_SECONDS", 0.05)
        sources.given["s"] = [entry("a")]
        sources.configuration = replace(sources.configuration, definitions=(defined("s"),))
        written(tmp_path / "sources.yaml", "two")
        await until(lambda: sources.catalog.snapshot.names == ["a"])


async def test_a_source_that_is_removed_while_it_is_loaded_ends_nothing(sources: Sources, tmp_path: Path) -> None:
    sources.catalog.add(defined("gone", type="hf"))
    sources.given["gone"] = [lambda _: sources.catalog.remove("gone"), entry("a")]
    async with running(sources, tmp_path):
        await until(lambda: not sources.catalog.sources)
        sources.catalog.add(defined("new", type="hf"))
        sources.given["new"] = [entry("b")]
        await until(lambda: sources.catalog.snapshot.names == ["b"])
    assert store.states(sources.database).keys() == {"new"}
