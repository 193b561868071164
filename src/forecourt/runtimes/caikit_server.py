"""Caikit as a process on this machine: what stands in for the image ``quay.io/opendatahub/caikit-nlp``.

    python caikit_server.py --model DIRECTORY --name NAME --host 127.0.0.1 --port 8080 [--dtype float32]

It starts Caikit's runtime (https://github.com/caikit/caikit) with the library ``caikit_nlp`` and one model: a directory
that Caikit has saved (it has a ``config.yml``), or a model as Hugging Face lays it out, around which a Caikit model is
put together in a scratch directory, of links, so that nothing of it is copied or changed.

Caikit's API is its own: POST ``/api/v1/task/text-generation`` with ``model_id``, ``inputs`` and ``parameters``. It
knows no chat templates and, for these models, no streaming; nothing here pretends that it does.

Caikit insists on listening to all of the machine's addresses, for its API and for its metrics. Both are held to
``--host`` here, by the functions that it calls to listen. Metrics are on a free port, which the log names.

Exit codes: 0 after SIGTERM or SIGINT, 1 where the model cannot be served, 2 for options that cannot be right.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

_TEXT_GENERATION = "f9181353-4ccf-4572-bd1e-f12bcda26792"  # caikit_nlp's module for models on this machine
_FOR_ALL = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "RUNTIME_LIBRARY": "caikit_nlp",
    "RUNTIME_GRPC_ENABLED": "false",
    "RUNTIME_HTTP_ENABLED": "true",
    "RUNTIME_LAZY_LOAD_LOCAL_MODELS": "false",
    "LOG_LEVEL": "info",
    "TOKENIZERS_PARALLELISM": "false",
}


def main(arguments: list[str]) -> int:
    """Serve until told to end; return the exit code where that cannot be."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # while the model is loaded
    options = parse(arguments)
    try:
        check(Path(options.model))
    except LookupError as error:
        return _fail(str(error))
    with tempfile.TemporaryDirectory(prefix="caikit-") as scratch:
        arrange(Path(options.model), Path(scratch) / options.name, options.dtype)
        metrics = _free_port(options.host)
        os.environ.update(
            RUNTIME_LOCAL_MODELS_DIR=scratch, RUNTIME_HTTP_PORT=str(options.port), RUNTIME_METRICS_PORT=str(metrics)
        )
        for name, value in (_FOR_ALL | {"OMP_NUM_THREADS": str(threads())}).items():
            os.environ.setdefault(name, value)
        return _serve(options, metrics)


# The model


def check(model: Path) -> None:
    """Raise `LookupError`, which says what is there, where a directory holds nothing that Caikit can load."""
    if not model.is_dir():
        raise LookupError(f"there is no model at {model}")
    if (model / "config.yml").exists() or (model / "config.json").exists():
        return
    names = sorted(path.name for path in model.iterdir())
    there = f"it has {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}" if names else "it is empty"
    raise LookupError(
        f"there is neither a config.yml nor a config.json in {model} ({there}): "
        "Caikit serves models that it has saved, or as Hugging Face lays them out"
    )


def arrange(model: Path, place: Path, dtype: str) -> None:
    """Put the model where Caikit looks for it, under the name it is to have."""
    if (model / "config.yml").exists():
        place.symlink_to(model.absolute(), target_is_directory=True)
        return
    artifacts = place / "artifacts"
    artifacts.mkdir(parents=True)
    for path in model.absolute().iterdir():
        (artifacts / path.name).symlink_to(path)
    document = {  # what TextGeneration.save() writes, in the part of YAML that JSON is
        "module_id": _TEXT_GENERATION,
        "module_class": "caikit_nlp.modules.text_generation.text_generation_local.TextGeneration",
        "name": "Text Generation",
        "version": "0.1.0",
        "artifact_path": "artifacts",
        "eos_token": _eos_token(model),
        "torch_dtype": f"torch.{dtype}",
    }
    (place / "config.yml").write_text(json.dumps(document, indent=1))


def _eos_token(model: Path) -> str | None:
    try:
        token = json.loads((model / "tokenizer_config.json").read_bytes()).get("eos_token")
    except (OSError, ValueError, AttributeError):
        return None
    return token.get("content") if isinstance(token, dict) else token


def threads() -> int:
    """Return how many threads compute: the container's limit of CPUs, or one less than there are cores."""
    return int(os.environ.get("FORECOURT_CPUS") or 0) or max(1, (os.cpu_count() or 1) - 1)


# The server


def _serve(options: argparse.Namespace, metrics: int) -> int:
    with _fenced(options.host):
        import caikit_nlp  # noqa: F401  # the library whose models are served
        from caikit.core.model_management import local_model_initializer  # noqa: F401
        from caikit.runtime.__main__ import main as runtime
        from caikit.runtime.model_management.model_manager import ModelManager

        failures = _Failures()
        logging.getLogger().addHandler(failures)
        manager = ModelManager.get_instance()  # loads the model, and tells a log alone where that failed
        if options.name not in manager.loaded_models:
            return _fail(f"{options.model} cannot be served: {failures.reason or 'the lines above say why'}")
        sys.stderr.write(
            f"caikit_server: serving {options.name} on http://{options.host}:{options.port}/api/v1, "
            f"metrics on http://{options.host}:{metrics}/metrics\n"
        )
        runtime()
    return 0


@contextlib.contextmanager
def _fenced(host: str) -> Iterator[None]:
    """Have what Caikit starts listen on `host`, not on every address of the machine."""
    import prometheus_client
    import uvicorn

    config, start = uvicorn.Config.__init__, prometheus_client.start_http_server

    def on_host(self: Any, *args: Any, **settings: Any) -> None:
        config(self, *args, **settings | {"host": host})

    def metrics_on_host(port: int, *args: Any, **settings: Any) -> Any:
        return start(port, addr=host)

    setattr(uvicorn.Config, "__init__", on_host)  # noqa: B010
    setattr(prometheus_client, "start_http_server", metrics_on_host)  # noqa: B010
    yield


class _Failures(logging.Handler):
    """Remembers the first error that was logged with its cause."""

    reason = ""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error and not self.reason:
            self.reason = f"{type(error).__name__}: {error}"


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


# Options and the end


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in two lines: the full usage is longer than any reason."""
        sys.stderr.write(f"{self.prog}: {message}\n{self.prog}: --help lists the options that there are\n")
        raise SystemExit(2)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options; those that are wrong are said on standard error, and the process ends with exit code 2."""
    parser = _Parser(prog="caikit_server", description="Serves a model with Caikit.", allow_abbrev=False)
    parser.add_argument("--model", required=True, metavar="PATH", help="directory with the model")
    parser.add_argument("--name", required=True, help="what the API calls it (model_id)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="port of the HTTP API (8080)")
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"], help="of the weights")
    return parser.parse_args(arguments)


def _fail(why: str) -> int:
    sys.stderr.write(f"caikit_server: {why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
