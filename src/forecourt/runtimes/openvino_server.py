"""OpenVINO GenAI reference server of Forecourt: a subset of OpenVINO Model Server's API, as a process on this machine.

    python openvino_server.py --model_path DIRECTORY --model_name NAME --rest_port 8888 [options]

OpenVINO Model Server (https://docs.openvino.ai/2026/model-server/ovms_what_is_openvino_model_server.html) comes as an
image and as an archive, not as a package, so where neither can be had this stands in for it. It is not that server: it
takes that one's options as far as they are listed by ``--help``, serves one model, and answers

- for a language model (exported by optimum-cli, or one GGUF file): OpenAI's ``/v1`` and ``/v3`` ``chat/completions``,
  ``completions`` and ``models``, in JSON and as events;
- for a model that predicts (OpenVINO IR, ONNX and what else OpenVINO reads): KServe's V2 protocol, in JSON;
- for both ``/v2/health/live`` and ``/ready``, ``/v2/models/NAME`` and ``/ready``, ``/health``, ``/metrics``.

No gRPC, no images, no tools, no model but the one. It listens on 127.0.0.1 unless told otherwise, and needs
``openvino``, ``openvino-genai``, ``fastapi`` and ``uvicorn``.

Exit codes: 0 after SIGTERM or SIGINT, 1 where the model cannot be served or the port is taken, 2 for options that
cannot be right.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from openvino_models import Found, find_model

if TYPE_CHECKING:
    from fastapi import FastAPI

GRACE_SECONDS = 5  # for requests that are being answered when it is told to end


def main(arguments: list[str]) -> int:
    """Serve until told to end; return the exit code where that cannot be."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # while the model is loaded
    options = parse(arguments)
    try:
        listener = _listen(options.rest_bind_address, options.rest_port)
        found = find_model(Path(options.model_path))
        app = load(options, found)
    except (LookupError, OSError) as error:
        return _fail(str(error))
    except (RuntimeError, ValueError) as error:
        return _fail(f"{options.model_path} cannot be served: {_reason(error)}")
    import uvicorn

    host, port = listener.getsockname()[:2]
    sys.stderr.write(f"openvino_server: serving {found.path} on http://{host}:{port}\n")
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS, timeout_keep_alive=75)
    uvicorn.Server(config).run([listener])
    os._exit(0)  # a step that is under way would be waited for


# Options


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in two lines: the full usage is longer than any reason."""
        sys.stderr.write(f"{self.prog}: {message}\n{self.prog}: --help lists the options that there are\n")
        raise SystemExit(2)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options; those that are wrong are said on standard error, and the process ends with exit code 2."""
    parser = _Parser(prog="openvino_server", description=(__doc__ or "").partition("\n")[0], allow_abbrev=False)
    add = parser.add_argument
    add("--model_path", required=True, metavar="PATH", help="directory with the model")
    add("--model_name", required=True, metavar="NAME", help="what the API calls it")
    add("--rest_port", type=int, default=8888, help="port to listen on (8888)")
    add("--rest_bind_address", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--target_device", default="CPU", metavar="DEVICE", help="CPU, GPU, NPU, AUTO ... (CPU)")
    add("--plugin_config", type=_object, default={}, metavar="JSON", help="properties of the device")
    add("--cache_dir", metavar="PATH", help="where compiled models are kept for the next start")
    add("--cache_size", type=int, default=0, metavar="GB", help="memory for the KV cache (0: as it is needed)")
    add("--kv_cache_precision", metavar="TYPE", help="u8, f16 ...")
    add("--max_num_seqs", type=int, default=256, metavar="N", help="requests that are computed at once (256)")
    add("--max_num_batched_tokens", type=int, default=256, metavar="N", help="tokens computed in a step (256)")
    add("--enable_prefix_caching", type=_flag, default=True, metavar="true|false", help="reuse common prompts (true)")
    add("--dynamic_split_fuse", type=_flag, default=True, metavar="true|false", help="mix prompts and answers (true)")
    add("--api_key_file", type=_first_line_of, metavar="FILE", help="file with the key that /v1 and /v3 ask for")
    add("--metrics_enable", action="store_true", help="serve Prometheus metrics at /metrics (they are served)")
    for name in ("--port", "--grpc_bind_address", "--file_system_poll_wait_seconds", "--log_level", "--rest_workers"):
        add(name, metavar="VALUE", help="taken, and without meaning here")
    add("--task", choices=["text_generation"], help="taken, and without meaning here")
    options = parser.parse_args(arguments)
    if not 0 <= options.rest_port <= 65535:
        parser.error(f"--rest_port {options.rest_port} is no port")
    return options


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("it is no JSON object")
    return dict(value)


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _first_line_of(path: str) -> str:
    try:
        return Path(path).read_text().split("\n", 1)[0].strip()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be read: {error.strerror}") from None


def properties(options: argparse.Namespace) -> dict[str, Any]:
    """Return what is asked of the device; the threads are those of the container's limit, or one less than cores."""
    chosen: dict[str, Any] = {}
    if options.target_device in ("CPU", "AUTO"):
        chosen["INFERENCE_NUM_THREADS"] = int(os.environ.get("FORECOURT_CPUS") or 0) or max(1, _processors() - 1)
    if options.cache_dir:
        chosen["CACHE_DIR"] = options.cache_dir
    if options.kv_cache_precision:
        chosen["KV_CACHE_PRECISION"] = options.kv_cache_precision
    return {**chosen, **options.plugin_config}


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Linux only
        return os.cpu_count() or 1


# The server


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before the model is loaded, and refuse connections until it is."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise OSError(f"it cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def load(options: argparse.Namespace, found: Found) -> FastAPI:
    """Load the model and return what answers for it."""
    from openvino_app import application

    device = "CPU" if options.target_device == "AUTO" else options.target_device
    told = options.model_name, found.version, options.api_key_file
    app: FastAPI
    if not found.generative:
        from openvino_inference import Predictor

        app = application(*told, predictor=Predictor(found.path, device=device, properties=properties(options)))
        return app
    import openvino_genai
    from openvino_generation import Generator

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = options.cache_size
    for name in ("max_num_seqs", "max_num_batched_tokens", "enable_prefix_caching", "dynamic_split_fuse"):
        setattr(scheduler, name, getattr(options, name))

    def broken(error: Exception) -> None:
        """End the process: the pipeline is in no state to go on, and whoever watches starts it again."""
        _fail(f"the pipeline broke: {_reason(error)}")
        os._exit(1)

    generator = Generator(found.path, device=device, scheduler=scheduler, properties=properties(options), broken=broken)
    app = application(*told, generator=generator)
    return app


# The end


def _fail(why: str) -> int:
    sys.stderr.write(f"openvino_server: {why}\n")
    return 1


def _reason(error: BaseException) -> str:
    """Return the line of OpenVINO's exceptions that says something: the first ones say where in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (said or lines or [type(error).__name__])[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
