"""llama.cpp's server as a process on this machine: what stands in for the image ``ghcr.io/ggml-org/llama.cpp:server``.

    python llamacpp_server.py --model DIRECTORY_OR_FILE --host 127.0.0.1 --port 8080 --alias NAME [options]

It takes llama-server's own options, in its own words (https://github.com/ggml-org/llama.cpp/tree/master/tools/server),
as far as the package `xllamacpp`, which carries the server, can set them; an option it does not know ends it with exit
code 2. It runs in an environment of its own and needs nothing but `xllamacpp`, the standard library and what is beside
it.

It differs from llama-server in three things. ``--model`` may be a directory, in which it looks for the one model. What
it remembers of prompts (``--cache-ram``, 8 GiB in llama-server) stays within ``FORECOURT_SPARE_MEMORY``, bytes, where
that is set: the memory that is there beyond what the model needs. And the number of threads (``--threads``) is one less
than the cores that this process may use, at least one. llama.cpp's threads wait for each other many times for each
token by spinning; when one of them has to share its core with another program, all the others burn theirs until it
comes back. On two cores, with other work on the machine, two threads gave 5 to 9 tokens a second where one gave 40 to
65. On a machine that is otherwise idle, ``--threads`` of as many as there are cores is faster: 76 to 95 instead of 52
to 58 on the same two.

Exit codes: 0 after SIGTERM or SIGINT, 1 where the model cannot be served or the port is taken, 2 for options that
cannot be right. A signal while the model is being loaded ends it at once, by that signal.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from printed_errors import PrintedErrors

SLOTS = 4
"""How many requests are answered at once, sharing one context, unless --parallel says: llama-server's default."""

_SHARD = re.compile(r"-(\d{5})-of-\d{5}\.gguf$")
_ERROR = re.compile(r"^[\d.]+ E +(?:\S+ +)??(?:[\w()]+: )+(?P<why>.+)$")


def main(arguments: list[str]) -> int:
    """Serve until told to end; return the exit code where that cannot be."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would wait until the model is loaded
    options = parse(arguments)
    printed = PrintedErrors()
    try:
        model = find_model(Path(options.model))
        import xllamacpp  # not before the options are known to be right: it takes a while

        server = xllamacpp.Server(parameters(xllamacpp, options, model))
    except (LookupError, OSError, ValueError) as error:
        return _fail(str(error))
    except RuntimeError as error:
        _print_all()
        why = next(printed.reasons(_ERROR), f"{error} The reason is in the lines above.")
        return _fail(f"{model} cannot be served: {why}")
    sys.stderr.write(f"llamacpp_server: serving {model} on {server.listening_address}\n")
    _wait_for_signal()
    # Closing the server would wait for requests that are being answered, up to half a minute, and be deaf to us.
    os._exit(0)


# The model


def find_model(path: Path) -> Path:
    """Return the GGUF file to load: `path`, or the one model in it (of a split one, the first part).

    Raises `LookupError` where there is none, or more than one.
    """
    if not path.exists():
        raise LookupError(f"there is no model at {path}")
    if not path.is_dir():
        return path
    found = sorted(file for file in path.rglob("*.gguf") if not file.name.startswith(("mmproj", ".")))
    models = [file for file in found if (shard := _SHARD.search(file.name)) is None or int(shard[1]) == 1]
    if len(models) == 1:
        return models[0]
    if not models:
        raise LookupError(f"there is no GGUF model in {path}")
    names = ", ".join(str(model.relative_to(path)) for model in models)
    raise LookupError(f"there are several models in {path}: {names}; choose one with --model={path}/NAME")


# Threads


def default_threads() -> int:
    """Return how many threads compute: the cores that this process may use, less one for everything else."""
    cores = min(filter(None, (_physical_cores(), _allowed_processors(), _quota())), default=1)
    return max(1, cores - 1)


def _physical_cores() -> int:
    """Count cores, not hyperthreads; on Apple silicon the fast ones. 0 where that cannot be known."""
    if sys.platform == "darwin":
        for name in ("hw.perflevel0.physicalcpu", "hw.physicalcpu"):
            said = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, check=False)
            if said.returncode == 0:
                return int(said.stdout)
        return 0
    topology = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    with contextlib.suppress(OSError, AttributeError):
        return len({Path(topology.format(processor)).read_text() for processor in os.sched_getaffinity(0)})
    return 0


def _allowed_processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Linux only
        return os.cpu_count() or 0


def _quota() -> int:
    """Return how many processors' time a container may use; 0 where there is no such limit."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return 0 if limit == "max" else max(1, int(limit) // int(period))
    except (OSError, ValueError):
        return 0


# Options

_NUMBERS: tuple[tuple[str, str, Callable[[str], int | float], str], ...] = (
    ("-c --ctx-size", "n_ctx", int, "tokens of context, all requests together; 0: as the model was trained"),
    ("-b --batch-size", "n_batch", int, "tokens of prompt that are submitted at once"),
    ("-ub --ubatch-size", "n_ubatch", int, "tokens of prompt that are computed at once"),
    ("-n --predict --n-predict", "n_predict", int, "tokens to answer with at most; -1: no limit"),
    ("--keep", "n_keep", int, "tokens of the prompt to keep when the context is shifted"),
    ("-mg --main-gpu", "main_gpu", int, "the GPU to use"),
    ("--threads-http", "n_threads_http", int, "threads that speak HTTP"),
    ("--cache-reuse", "n_cache_reuse", int, "shortest stretch of the cache to use again by shifting, in tokens"),
    ("-cram --cache-ram", "cache_ram_mib", int, "memory for prompts to remember, in MiB; -1: no limit, 0: none"),
    ("-sps --slot-prompt-similarity", "slot_prompt_similarity", float, "how like a prompt must be to reuse its slot"),
    ("--sleep-idle-seconds", "sleep_idle_seconds", int, "unload the model after so many seconds without requests"),
    ("-lv --verbosity --log-verbosity", "verbosity", int, "how much to log"),
    ("--rope-freq-base", "rope_freq_base", float, "base frequency of RoPE"),
    ("--rope-freq-scale", "rope_freq_scale", float, "frequency scale of RoPE"),
    ("--yarn-orig-ctx", "yarn_orig_ctx", int, "context that the model was trained with, for YaRN"),
    ("--yarn-ext-factor", "yarn_ext_factor", float, "extrapolation mix factor of YaRN"),
    ("--yarn-attn-factor", "yarn_attn_factor", float, "attention magnitude of YaRN"),
    ("--yarn-beta-slow", "yarn_beta_slow", float, "high correction dimension of YaRN"),
    ("--yarn-beta-fast", "yarn_beta_fast", float, "low correction dimension of YaRN"),
    ("--poll", "cpuparams.poll", int, "how hard threads poll for work, 0 to 100"),
    ("-s --seed", "sampling.seed", int, "seed; -1: a random one"),
    ("--temp --temperature", "sampling.temp", float, "temperature"),
    ("--top-k", "sampling.top_k", int, "top-k"),
    ("--top-p", "sampling.top_p", float, "top-p"),
    ("--min-p", "sampling.min_p", float, "min-p"),
    ("--typical --typical-p", "sampling.typ_p", float, "locally typical sampling"),
    ("--repeat-last-n", "sampling.penalty_last_n", int, "tokens that the penalties look back on"),
    ("--repeat-penalty", "sampling.penalty_repeat", float, "penalty for repeated tokens"),
    ("--presence-penalty", "sampling.penalty_present", float, "penalty for tokens that are present"),
    ("--frequency-penalty", "sampling.penalty_freq", float, "penalty by frequency"),
)
_TEXTS = (
    ("--api-prefix", "api_prefix", "path that all of the API is below"),
    ("--chat-template", "chat_template", "Jinja template to use instead of the model's"),
    ("-mm --mmproj", "mmproj.path", "the projector of a model that sees or hears"),
    ("--slot-save-path", "slot_save_path", "directory for saved slots"),
    ("--ssl-key-file", "ssl_file_key", "private key, for HTTPS"),
    ("--ssl-cert-file", "ssl_file_cert", "certificate, for HTTPS"),
)
_SWITCHES = (
    ("--metrics", "endpoint_metrics", True, "serve Prometheus metrics at /metrics"),
    ("--props", "endpoint_props", True, "let POST /props change properties"),
    ("--slots", "endpoint_slots", True, "serve /slots (it is served)"),
    ("--no-slots", "endpoint_slots", False, "do not serve /slots"),
    ("--jinja", "use_jinja", True, "use the chat template's Jinja engine (it is used)"),
    ("--no-jinja", "use_jinja", False, "do not"),
    ("--embedding --embeddings", "embedding", True, "serve embeddings only"),
    ("--context-shift", "ctx_shift", True, "drop the oldest tokens when the context is full"),
    ("--no-context-shift", "ctx_shift", False, "stop there instead"),
    ("-cb --cont-batching", "cont_batching", True, "take up requests while others are answered"),
    ("-nocb --no-cont-batching", "cont_batching", False, "do not"),
    ("-kvu --kv-unified", "kv_unified", True, "let all requests share one context"),
    ("-no-kvu --no-kv-unified", "kv_unified", False, "give each request its part of the context"),
    ("--cache-prompt", "cache_prompt", True, "remember prompts"),
    ("--no-cache-prompt", "cache_prompt", False, "do not"),
    ("--swa-full", "swa_full", True, "keep the full cache of sliding windows"),
    ("-nkvo --no-kv-offload", "no_kv_offload", True, "keep the context off the GPU"),
    ("--no-mmproj-offload", "mmproj_use_gpu", False, "keep the projector off the GPU"),
    ("--check-tensors", "check_tensors", True, "look for invalid values in the model"),
    ("--warmup", "warmup", True, "run the model once before serving"),
    ("--no-warmup", "warmup", False, "do not"),
    (
        "--no-prefill-assistant",
        "prefill_assistant",
        False,
        "answer a last message of the assistant's, do not continue it",
    ),
    ("--webui", "ui", True, "serve llama.cpp's pages"),
    ("--no-webui", "ui", False, "do not"),
    ("--no-perf", "no_perf", True, "keep no timings"),
)
_CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
_REASONING = ("none", "auto", "deepseek", "deepseek-legacy")
_CHOICES = (
    ("--pooling", "pooling_type", "llama_pooling_type", ("none", "mean", "cls", "last", "rank")),
    ("-fa --flash-attn", "flash_attn_type", "llama_flash_attn_type", ("auto", "on", "off")),
    ("--rope-scaling", "rope_scaling_type", "llama_rope_scaling_type", ("none", "linear", "yarn")),
    ("-sm --split-mode", "split_mode", "llama_split_mode", ("none", "layer", "row")),
    ("--numa", "numa", "ggml_numa_strategy", ("distribute", "isolate", "numactl")),
    ("--reasoning-format", "reasoning_format", "common_reasoning_format", _REASONING),
    ("-ctk --cache-type-k", "cache_type_k", "ggml_type", _CACHE_TYPES),
    ("-ctv --cache-type-v", "cache_type_v", "ggml_type", _CACHE_TYPES),
)
_SPELLED = {"on": "enabled", "off": "disabled"}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options; those that are wrong are said on standard error, and the process ends with exit code 2."""
    parser = _Parser(prog="llamacpp_server", description="Serves a GGUF model with llama.cpp.", allow_abbrev=False)
    add = parser.add_argument
    add("-m", "--model", required=True, metavar="PATH", help="a GGUF file, or a directory that holds one model")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=8080, help="port to listen on (8080)")
    add("-a", "--alias", type=_list, default=[], metavar="NAME,...", help="what the API calls the model")
    add("--api-key", type=_list, default=[], metavar="KEY,...", help="keys that requests must bring one of")
    add("--api-key-file", type=_lines, default=[], metavar="FILE", help="file with such keys, one a line")
    add("-t", "--threads", type=int, metavar="N", help="threads that compute; see below")
    add("-tb", "--threads-batch", type=int, metavar="N", help="threads that compute prompts (as --threads)")
    add("-np", "--parallel", type=int, default=-1, metavar="N", help=f"requests answered at once ({SLOTS}, unified)")
    add("-ngl", "--gpu-layers", "--n-gpu-layers", type=_layers, metavar="N", help="layers on GPUs: N, auto or all")
    add("-ts", "--tensor-split", type=_shares, metavar="N,...", help="shares of the model for each GPU")
    add("-to", "--timeout", type=int, metavar="SECONDS", help="longest read or write")
    add("--lora", type=_list, default=[], metavar="FILE,...", help="LoRA adapters")
    add("--chat-template-file", metavar="FILE", help="file with a template to use instead of the model's")
    add("--chat-template-kwargs", type=json.loads, metavar="JSON", help="variables for the template")
    add("--rerank", "--reranking", action="store_true", help="serve reranking only")
    add("--mmap", dest="load", action="store_const", const="MMAP", help="map the model's file")
    add("--no-mmap", dest="load", action="store_const", const="NONE", help="read it into memory instead")
    add("--mlock", dest="load", action="store_const", const="MLOCK", help="keep the model from being swapped out")
    add("-v", "--verbose", "--log-verbose", action="store_true", help="log everything")
    unset = argparse.SUPPRESS  # what is not said is left as llama.cpp has it
    for names, field, number, meaning in _NUMBERS:
        add(*names.split(), dest=field, type=number, default=unset, metavar="N", help=meaning)
    for names, field, meaning in _TEXTS:
        add(*names.split(), dest=field, default=unset, metavar="TEXT", help=meaning)
    for names, field, value, meaning in _SWITCHES:
        add(*names.split(), dest=field, action="store_const", const=value, default=unset, help=meaning)
    for names, field, _, choices in _CHOICES:
        add(*names.split(), dest=field, choices=choices, default=unset)
    parser.epilog = f"Threads by default: {default_threads()} here, one less than the cores that may be used."
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= 65535:
        parser.error(f"--port {options.port} is no port")
    return options


def parameters(xllamacpp: Any, options: argparse.Namespace, model: Path) -> Any:
    """Make of the options what the server takes."""
    chosen = vars(options)
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.hostnames = [options.host]
    params.port = options.port
    params.model_alias = set(options.alias)  # a set: of a text the letters would be names
    params.api_keys = [*options.api_key, *options.api_key_file]
    params.cpuparams.n_threads = options.threads or default_threads()
    params.cpuparams_batch.n_threads = options.threads_batch or params.cpuparams.n_threads
    params.n_parallel = options.parallel if options.parallel > 0 else SLOTS
    params.kv_unified = options.parallel <= 0
    for _, field, *_ in (*_NUMBERS, *_TEXTS, *_SWITCHES):
        if field in chosen:
            _set(params, field, chosen[field])
    for _, field, enumeration, _ in _CHOICES:
        if field in chosen:
            name = _SPELLED.get(chosen[field], chosen[field]).upper().replace("-", "_")
            members = getattr(xllamacpp, enumeration)
            _set(params, field, next(member for member in members if member.name.endswith(f"_{name}")))
    if spare := os.environ.get("FORECOURT_SPARE_MEMORY", ""):
        chosen.setdefault("cache_ram_mib", min(params.cache_ram_mib, int(spare) // 2**20))
        params.cache_ram_mib = chosen["cache_ram_mib"]
    if options.gpu_layers is not None:
        params.n_gpu_layers = options.gpu_layers
    if options.tensor_split:
        params.tensor_split = options.tensor_split + params.tensor_split[len(options.tensor_split) :]
    if options.timeout is not None:
        params.timeout_read = params.timeout_write = options.timeout
    if options.lora:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 1.0) for path in options.lora]
    if options.chat_template_file:
        params.chat_template = Path(options.chat_template_file).read_text()
    if options.chat_template_kwargs:
        params.default_template_kwargs = {name: json.dumps(v) for name, v in options.chat_template_kwargs.items()}
    if options.rerank:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    if options.load:
        params.load_mode = getattr(xllamacpp.llama_load_mode, f"LLAMA_LOAD_MODE_{options.load}")
    if options.verbose:
        params.verbosity = 2**31 - 1
    if params.embedding:  # a text is embedded in one go, as llama-server has it
        params.n_batch = min(params.n_batch, params.n_ubatch)
    return params


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in two lines: the full usage is longer than any reason."""
        sys.stderr.write(f"{self.prog}: {message}\n{self.prog}: --help lists the options that there are\n")
        raise SystemExit(2)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _lines(path: str) -> list[str]:
    try:
        return [line.strip() for line in Path(path).read_text().splitlines() if line.strip()]
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be read: {error.strerror}") from None


def _layers(text: str) -> int:
    return {"auto": -1, "all": 1_000_000}.get(text) or int(text)


def _shares(text: str) -> list[float]:
    return [float(share) for share in re.split(r"[,/]", text)]


def _set(params: Any, field: str, value: Any) -> None:
    *path, name = field.split(".")
    for step in path:
        params = getattr(params, step)
    setattr(params, name, value)


# The end


def _wait_for_signal() -> None:
    """Wait until we are told to end.

    The signal may reach a thread of llama.cpp's rather than ours, which would not wake us from `signal.pause`.
    """
    waking, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    os.read(waking, 1)


def _print_all() -> None:
    """Have llama.cpp print what it has to say: a thread of its own does, and may be behind (common/log.h)."""
    library = sys.modules.get("xllamacpp.xllamacpp")  # not there where it could not be imported
    with contextlib.suppress(OSError, AttributeError):  # the names are those that compilers other than MSVC make
        llama = ctypes.CDLL(getattr(library, "__file__", ""))
        log_of_process = llama._Z15common_log_mainv
        log_of_process.restype = ctypes.c_void_p
        llama._Z16common_log_flushP10common_log(ctypes.c_void_p(log_of_process()))


def _fail(why: str) -> int:
    sys.stderr.write(f"llamacpp_server: {why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
