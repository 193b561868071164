"""``forecourt metrics``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import RUNTIMES, SERVICES, TINY_RUNTIME, Server, serving, tiny_service

from forecourt.cli.metrics import sparkline
from forecourt.db import Database
from forecourt.serving.measuring import Measurements
from forecourt.serving.measuring.sample import Distribution, Sample


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    model = tmp_path_factory.mktemp("model")
    (model / "model.bin").write_bytes(b"tiny")
    with serving(tmp_path_factory.mktemp("home")) as running:
        running.call("POST", RUNTIMES, TINY_RUNTIME)
        for name in ("asked", "stopped"):
            running.call("POST", SERVICES, tiny_service(name, Path(model), replicas=1))
        uid = running.call("GET", f"{SERVICES}/asked")[1]["metadata"]["uid"]
        database = Database(f"sqlite:///{running.home}/forecourt.db")
        start = int(time.time()) // 10 * 10 - 600
        sample = Sample(
            10, 20, 1, Distribution(4.0, {0.25: 20, 0.5: 1}), tokens=900.0, cpu=15.0, memory=2e10, replicas=10
        )
        for each in range(start, start + 300, 10):
            Measurements(database).add(each, {uid: sample})
        database.close()
        yield running


def test_a_table_tells_how_it_went(server: Server) -> None:
    done = server.run("metrics", "asked")
    assert done.returncode == 0
    lines = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert "600/5min" in lines["Requests, succeeded"]
    assert "90" in lines["Tokens per second"]
    assert "2.0 GB" in lines["Memory"]
    assert "█" in lines["CPU"]
    assert "·" in lines["CPU"]


def test_json_is_what_the_api_says(server: Server) -> None:
    told = json.loads(server.run("metrics", "asked", "--range", "24h", "--json").stdout)
    assert told["range"] == "24h"
    assert told["totals"]["requestsSucceeded"] == 600
    assert {one["name"]: one["unit"] for one in told["series"]}["memory"] == "bytes"


def test_where_nothing_was_measured_it_says_what_to_do(server: Server) -> None:
    done = server.run("metrics", "stopped", "--range", "7d")
    assert done.returncode == 0
    assert done.stdout == "" or "Requests, succeeded" in done.stdout
    assert server.run("metrics", "nothing").returncode == 3
    assert server.run("metrics", "asked", "--range", "century").returncode == 2


def test_a_line_of_bars_begins_at_nothing() -> None:
    assert sparkline([0, 4, 8]) == "▁▄█"
    assert sparkline([None, 1]) == "·█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""
    assert len(sparkline(list(range(100)), 10)) == 10
