"""The main road, measured: disk, deploy to first answer, and the start. Run ``python benchmarks/main_road.py``.

- *disk*: the bytes that packing, pushing and deploying a model take, over the model's own size (goal: 1.00 to 1.02);
- *deploy*: from ``POST`` of the `InferenceService` to the first answer, over the runtime's own bare start and answer
  (goal: at most 1.15), in turns, the environment and the page cache warm on both sides;
- *up*: seconds until ``forecourt up`` is ready, and its resident memory (goals: 1.5 s, 120 MB).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from running import FORECOURT, Running, a_directory, environment, running, smollm2, wait_for_record

import forecourt

QUESTION = {"messages": [{"role": "user", "content": "Say one word."}], "max_tokens": 1, "temperature": 0}


def measured_disk(server: Running, model: Path) -> float:
    """Pack, push and deploy; return bytes on disk, of the source directory and the home together, over the model's."""
    size = sum(file.stat().st_size for file in model.iterdir())
    before = on_disk(model, server.home)
    image = f"{server.record['registry']}/demo/smollm2:1.0"
    server.run("modelcar", "pack", str(model), "-t", image)
    server.run("modelcar", "push", image)
    server.run("deploy", f"oci://{image}", "--name", "disk", "--wait")
    after = on_disk(model, server.home)
    server.run("delete", "disk", "--yes")
    return (size + after - before) / size


def on_disk(*directories: Path) -> int:
    """Return the bytes allocated below the directories, each inode once, without environments, caches and logs."""
    blocks = {}
    for directory in directories:
        for folder, folders, names in os.walk(directory):
            if Path(folder) == directory:
                folders[:] = [name for name in folders if name not in ("environments", "cache", "processes")]
            for name in names:
                seen = os.lstat(Path(folder) / name)
                blocks[seen.st_dev, seen.st_ino] = seen.st_blocks * 512
    return sum(blocks.values())


def bare(python: Path, model: Path, port: int) -> float:
    """Start the runtime by hand; return the seconds to its first answer."""
    script = Path(forecourt.__file__).parent / "runtimes" / "llamacpp_server.py"
    words = [str(python), str(script), "--host=127.0.0.1", f"--port={port}", "--alias=bare", f"--model={model}"]
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not answers(f"http://127.0.0.1:{port}/health", None):
            time.sleep(0.02)
        assert answers(f"http://127.0.0.1:{port}/v1/chat/completions", QUESTION | {"model": "bare"})
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def deployed(server: Running, name: str) -> float:
    """Deploy, and return the seconds from the request to the first answer through the gateway, which holds it."""
    base = f"{server.record['url']}/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
    model = {"modelFormat": {"name": "gguf"}, "storageUri": f"oci://{server.record['registry']}/demo/smollm2:1.0"}
    service: dict[str, Any] = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name},
        "spec": {"predictor": {"model": model}},
    }
    began = time.perf_counter()
    assert answers(base, service)
    url = f"{server.record['url']}/serving/default/{name}/v1/chat/completions"
    while not answers(url, QUESTION | {"model": name}):
        time.sleep(0.02)
    took = time.perf_counter() - began
    server.run("delete", name, "--yes")
    return took


def answers(url: str, body: dict[str, Any] | None) -> bool:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return bool(200 <= answer.status < 300)
    except (urllib.error.URLError, OSError):
        return False


def started(home: Path) -> tuple[float, float]:
    """Start a server on a home that was used before; return the seconds until it is ready and its memory (MB)."""
    words = [*FORECOURT, "up", "--port", "0", "--registry-port", "0"]
    began = time.perf_counter()
    process = subprocess.Popen(words, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    record = wait_for_record(home, process)
    took = time.perf_counter() - began
    assert answers(f"{record['url']}/healthz", None)
    memory = psutil.Process(process.pid).memory_info().rss / 1e6
    process.send_signal(2)
    process.wait(60)
    return took, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with a_directory() as directory:
        home, model = directory / "home", directory / "model"
        model.mkdir()
        shutil.copy(smollm2(), model)
        with running(home) as server:
            disk = measured_disk(server, model)
            python = next((home / "environments").glob("*/bin/python"))
            ours, theirs = [], []
            for turn in range(rounds):
                theirs.append(bare(python, model / smollm2().name, 20000 + turn))
                ours.append(deployed(server, f"turn-{turn}"))
        ups = [started(home) for _ in range(rounds)]
    deploy, start = statistics.median(ours), statistics.median(theirs)
    print(f"{'':28}{'measured':>10}{'peer':>10}{'ratio':>8}{'goal':>10}")
    print(f"{'disk / model size':28}{'':>10}{'':>10}{disk:>8.3f}{'<= 1.02':>10}")
    print(f"{'deploy to first answer (s)':28}{deploy:>10.2f}{start:>10.2f}{deploy / start:>8.2f}{'<= 1.15':>10}")
    print(f"{'up until ready (s)':28}{statistics.median(up[0] for up in ups):>10.2f}{'':>18}{'< 1.5':>10}")
    print(f"{'up, resident (MB)':28}{statistics.median(up[1] for up in ups):>10.0f}{'':>18}{'< 120':>10}")


if __name__ == "__main__":
    main()
