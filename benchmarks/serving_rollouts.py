"""Waking a deployment that sleeps, and replacing one under load."""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import time
import urllib.request
from pathlib import Path
from typing import Any

from running import running, smollm2
from serving_parts import STREAMS, Bare, Deployment, say, stream

WAKE = 1.2
_WINDOW = "3s"


def table(directory: Path, rounds: int, tokens: int) -> list[str]:
    model = directory / "rollouts"
    model.mkdir()
    shutil.copy(smollm2(), model)
    spec: dict[str, Any] = {"modelFormat": {"name": "gguf"}, "storageUri": f"file://{model}"}
    with running(directory / "home-rollouts") as server:
        woken, bare = _wake(Deployment(server, "sleepy"), spec, rounds)
        counts = _replace(Deployment(server, "steady"), spec, tokens)
    mine, theirs = statistics.median(woken), statistics.median(bare)
    return [
        f"{'':44}{'bare':>10}{'Forecourt':>12}{'ratio':>8}   verdict",
        f"{'asleep to first answer, s':44}{theirs:>10.2f}{mine:>12.2f}{mine / theirs:>8.2f}"
        f"   {'met' if mine <= WAKE * theirs else 'missed'} (goal: within {WAKE})",
        f"a rolling update under {STREAMS} streams: {counts['whole']} whole streams, {counts['broken']} broken; "
        f"{'met' if not counts['broken'] else 'missed'} (goal: none broken)",
    ]


def _wake(deployment: Deployment, spec: dict[str, Any], rounds: int) -> tuple[list[float], list[float]]:
    deployment.create(spec, {"autoscaling.knative.dev/window": _WINDOW}, minReplicas=0, maxReplicas=1)
    server = Bare.of(deployment)
    woken, bare = [], []
    for turn in range(rounds):
        while deployment.replicas():
            time.sleep(0.1)
        with server.running("/health") as (url, seconds):
            began = time.perf_counter()
            _ask(url, deployment.name)
            bare.append(seconds + time.perf_counter() - began)
        began = time.perf_counter()
        _ask(deployment.url, deployment.name)
        woken.append(time.perf_counter() - began)
        say(f"woken, turn {turn + 1}: {woken[-1]:.2f} s, bare {bare[-1]:.2f} s")
    deployment.delete()
    return woken, bare


def _ask(url: str, model: str) -> None:
    question = {"model": model, "messages": [{"role": "user", "content": "Say one word."}], "max_tokens": 1}
    data = json.dumps(question).encode()
    request = urllib.request.Request(f"{url}/v1/chat/completions", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        answer.read()


def _replace(deployment: Deployment, spec: dict[str, Any], tokens: int) -> dict[str, int]:
    """Have streams follow each other while the deployment is replaced twice; count those that came whole."""
    deployment.create(spec)
    counts = {"whole": 0, "broken": 0}
    ends = asyncio.Event()

    async def one(number: int) -> None:
        while not ends.is_set():
            try:
                await stream(deployment.url, deployment.name, number, tokens)
                counts["whole"] += 1
            except (OSError, RuntimeError) as error:
                counts["broken"] += 1
                say(str(error))

    async def run() -> None:
        streams = [asyncio.create_task(one(number)) for number in range(STREAMS)]
        for threads in ("2", "1"):
            await asyncio.sleep(5)
            before = {process.pid for process in deployment.replicas()}
            model = {"model": spec | {"env": [{"name": "LLAMA_ARG_THREADS", "value": threads}]}}
            await asyncio.to_thread(deployment.patch, {"spec": {"predictor": model}})
            while before & {process.pid for process in deployment.replicas()}:
                await asyncio.sleep(0.2)
            say(f"replaced; {counts['whole']} streams came whole so far")
        await asyncio.sleep(5)
        ends.set()
        await asyncio.gather(*streams)

    asyncio.run(run())
    deployment.delete()
    return counts
