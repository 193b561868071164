"""A runtime through Forecourt against the same process started bare."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from running import Running, running, smollm2
from runtimes import smollm2_as_hf
from serving_parts import STREAMS, Bare, Deployment, rate, say

READY, RATE = 1.10, 0.97
FORMATS = {"llamacpp": "gguf", "openvino-genai-runtime": "gguf"}
MODELS: dict[str, dict[str, Any]] = {
    "vllm-cpu-x86-runtime": {
        "args": ["--max-model-len=2048"],
        "env": [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "1"}],
    }
}


def table(directory: Path, runtimes: list[str], rounds: int, tokens: int, model: Path | None) -> list[str]:
    lines = [
        "Through Forecourt and bare, medians (goals: ready within 10 %, tokens/s within 3 %)",
        f"{'runtime':28}{'':12}{'bare':>10}{'Forecourt':>12}{'ratio':>8}   verdict",
    ]
    models = _models(directory, model)
    with running(directory / "home-speed") as server:
        for runtime in runtimes:
            lines += _of(server, runtime, models[FORMATS.get(runtime, "vLLM")], rounds, tokens)
    return lines


def _of(server: Running, runtime: str, model: Path, rounds: int, tokens: int) -> list[str]:
    deployment = Deployment(server, "speed")
    spec: dict[str, Any] = {
        "modelFormat": {"name": FORMATS.get(runtime, "vLLM")},
        "runtime": runtime,
        "storageUri": f"file://{model}",
    } | MODELS.get(runtime, {})
    first = deployment.create(spec)
    say(f"{runtime}: deployed for the first time, ready after {first:.1f} s (its environment was made)")
    bare = Bare.of(deployment)
    starts: dict[str, list[float]] = {"bare": [], "ours": []}
    rates: dict[tuple[str, int], list[float]] = {}
    for turn in range(rounds):
        deployment.stop()
        with bare.running("/health") as (url, seconds):
            starts["bare"].append(seconds)
            for count in (1, STREAMS):
                asyncio.run(rate(url, "speed", count, 8))
                rates.setdefault(("bare", count), []).append(asyncio.run(rate(url, "speed", count, tokens)))
        starts["ours"].append(deployment.start("/health"))
        for count in (1, STREAMS):
            asyncio.run(rate(deployment.url, "speed", count, 8))
            rates.setdefault(("ours", count), []).append(asyncio.run(rate(deployment.url, "speed", count, tokens)))
        say(
            f"{runtime}, turn {turn + 1}: ready {starts['bare'][-1]:.2f} and {starts['ours'][-1]:.2f} s; "
            + ", ".join(f"{side} {count}: {values[-1]:.1f}/s" for (side, count), values in rates.items())
        )
    deployment.delete()
    lines = [_row(runtime, "ready, s", starts["bare"], starts["ours"], most=READY)]
    for count in (1, STREAMS):
        what = f"{count} stream{'s' if count > 1 else ''}"
        lines.append(_row("", f"{what}, /s", rates["bare", count], rates["ours", count], least=RATE))
    return lines


def _row(
    runtime: str,
    what: str,
    bare: list[float],
    ours: list[float],
    *,
    most: float | None = None,
    least: float | None = None,
) -> str:
    ratio = statistics.median(ours) / statistics.median(bare)
    met = (most is None or ratio <= most) and (least is None or ratio >= least)
    numbers = f"{statistics.median(bare):>10.2f}{statistics.median(ours):>12.2f}{ratio:>8.3f}"
    return f"{runtime:28}{what:12}{numbers}   {'met' if met else 'missed'}"


def _models(directory: Path, hf: Path | None) -> dict[str, Path]:
    """Return a directory with the model for each format."""
    gguf = directory / "gguf"
    gguf.mkdir()
    shutil.copy(smollm2(), gguf)
    hf = hf or smollm2_as_hf.write(smollm2(), directory / "hf")
    return {"gguf": gguf, "vLLM": hf, "caikit": hf}
