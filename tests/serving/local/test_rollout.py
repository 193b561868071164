"""Canaries and sleeping deployments: real processes, asked through a real gateway."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp.test_utils import unused_port
from prometheus_client import CollectorRegistry
from serving.gateway.parts import until
from serving.local.places import KEY, Place, a_place, runtime, service

from forecourt.serving.gateway import UVICORN_SETTINGS, Gateway
from forecourt.serving.model import InferenceService
from forecourt.settings import Settings


class Asked:
    """A place, and a gateway in front of it."""

    def __init__(self, place: Place, url: str, session: aiohttp.ClientSession) -> None:
        self.place = place
        self.url = url
        self.session = session

    async def say(self, path: str = "/") -> str:
        async with self.session.get(f"{self.url}/serving/default/m{path}") as answer:
            assert answer.status == 200, await answer.text()
            said: str = (await answer.json())["say"]
            return said

    async def says(self, count: int) -> Counter[str]:
        return Counter([await self.say() for _ in range(count)])


@pytest.fixture
async def asked(settings: Settings, tmp_path: Path) -> AsyncIterator[Asked]:
    async with a_place(settings, tmp_path) as place, _gateway(place) as url, aiohttp.ClientSession() as session:
        await place.driver.start([])
        yield Asked(place, url, session)
        await place.driver.close(stop=True)


@asynccontextmanager
async def _gateway(place: Place) -> AsyncIterator[str]:
    gateway = Gateway(place.endpoints, hold_seconds=10, registry=CollectorRegistry())
    port = unused_port()
    config = uvicorn.Config(gateway, port=port, lifespan="on", log_config=None, **UVICORN_SETTINGS)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


def canary(percent: int | None) -> InferenceService:
    more = {} if percent is None else {"canaryTrafficPercent": percent}
    return service("--say=new", **more)


async def test_a_canary_has_its_share_and_then_all_or_nothing(asked: Asked) -> None:
    place = asked.place
    place.driver.apply(service("--say=old"), runtime())
    await place.ready()
    stable = service("--say=old"), runtime()
    place.driver.apply(canary(25), runtime(), stable)
    await place.until(lambda: place.seen[KEY].ready == 1 and place.seen[KEY].serving == 2)
    said = await asked.says(200)
    assert 20 <= said["new"] <= 85  # 25 % of 200, five standard deviations about it
    assert said["new"] + said["old"] == 200
    assert place.seen[KEY].percent == 25

    place.driver.apply(canary(0), runtime(), stable)
    await place.until(lambda: place.seen[KEY].percent == 0)
    assert await asked.says(50) == {"old": 50}

    place.driver.apply(canary(None), runtime())
    await place.until(lambda: place.seen[KEY].serving == place.seen[KEY].ready == 1)
    assert await asked.says(20) == {"new": 20}
    await place.until(lambda: len(place.pids()) == 1)


async def test_a_canary_that_fails_costs_nobody_a_request(asked: Asked) -> None:
    place = asked.place
    place.driver.apply(service("--say=old"), runtime())
    await place.ready()
    place.driver.apply(
        service("--say=new", "--exit=3", canaryTrafficPercent=50), runtime(), (service("--say=old"), runtime())
    )
    await place.until(lambda: place.seen[KEY].failure is not None)
    assert await asked.says(50) == {"old": 50}


async def test_a_canary_can_be_taken_back(asked: Asked) -> None:
    place = asked.place
    place.driver.apply(service("--say=old"), runtime())
    await place.ready()
    before = place.pids()
    place.driver.apply(canary(50), runtime(), (service("--say=old"), runtime()))
    await place.until(lambda: place.seen[KEY].serving == 2)
    place.driver.apply(service("--say=old"), runtime())
    await place.until(lambda: place.pids() == before)
    assert await asked.says(20) == {"old": 20}


def sleepy(*args: str, most: int = 1, window: str = "2s", **predictor: Any) -> InferenceService:
    made = service(*args, replicas=0, maxReplicas=most, **predictor)
    return made.with_metadata(annotations={"autoscaling.knative.dev/window": window})


async def test_a_deployment_without_requests_falls_asleep_and_the_next_one_wakes_it(asked: Asked) -> None:
    place = asked.place
    place.driver.apply(sleepy(), runtime())
    await place.ready()
    assert await asked.say() == "hello"
    await place.until(lambda: place.seen[KEY].asleep)
    await place.until(lambda: not place.pids())
    assert place.seen[KEY].available
    assert place.seen[KEY].message == "asleep: the next request wakes it"
    assert await asyncio.gather(*(asked.say() for _ in range(5))) == ["hello"] * 5  # held, all of them
    assert len(place.pids()) == 1
    assert place.fetches == 1


async def test_one_that_slept_sleeps_on_when_the_server_starts_again(settings: Settings, tmp_path: Path) -> None:
    async with a_place(settings, tmp_path) as place:
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        slept = InferenceService.from_dict(sleepy().to_dict() | {"status": ready})
        await place.driver.start([slept])
        place.driver.apply(slept, runtime())
        await place.until(lambda: KEY in place.seen)
        assert place.seen[KEY].asleep
        assert place.pids() == set()
        await place.driver.close(stop=True)


async def test_more_requests_at_a_time_bring_more_replicas_and_none_is_lost(asked: Asked) -> None:
    place = asked.place
    place.driver.apply(sleepy("--say=x", most=3, window="10s", scaleTarget=1), runtime())
    await place.ready()
    asking = asyncio.gather(*(asked.say("/slow") for _ in range(30)))
    await place.until(lambda: place.seen[KEY].serving == 3)
    assert await asking == ["x"] * 30


async def test_one_that_is_exposed_says_where_others_reach_it(settings: Settings, tmp_path: Path) -> None:
    async with a_place(settings, tmp_path, external="https://models.example.org") as place:
        await place.driver.start([])
        shown = service().with_metadata(labels={"networking.kserve.io/visibility": "exposed"})
        place.driver.apply(shown, runtime())
        seen = await place.ready()
        assert seen.url == "https://models.example.org/serving/default/m"
        assert seen.address == "http://127.0.0.1:8080/serving/default/m"
        place.driver.apply(service(), runtime())
        await place.until(lambda: place.seen[KEY].url == "http://127.0.0.1:8080/serving/default/m")
        await place.driver.close(stop=True)


async def test_a_stopped_deployment_is_not_woken(asked: Asked) -> None:
    place = asked.place
    place.driver.apply(sleepy(), runtime())
    await place.ready()
    stopped = sleepy()
    stopped = stopped.with_metadata(
        annotations={**(stopped.metadata.annotations or {}), "serving.kserve.io/stop": "true"}
    )
    place.driver.apply(stopped, runtime())
    await place.until(lambda: place.seen[KEY].stopped and not place.pids())
    async with asked.session.get(f"{asked.url}/serving/default/m/") as answer:
        assert answer.status == 503
    assert place.pids() == set()
