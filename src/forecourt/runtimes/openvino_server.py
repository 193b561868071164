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
import hmac
import json
import os
import re
import signal
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from openvino_models import Found, find_model

if TYPE_CHECKING:
    from fastapi import FastAPI
    from openvino_generation import Generator
    from openvino_inference import Predictor

GRACE_SECONDS = 5  # for requests that are being answered when it is told to end
BODY_LIMIT = 64 * 1024**2  # bytes


def main(arguments: list[str]) -> int:
    """Serve until told to end; return the exit code where that cannot be."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # while the model is loaded
    options = parse(arguments)
    try:
        listener = _listen(options.rest_bind_address, options.rest_port)
        found = find_model(Path(options.model_path))
        app = _app(options, found)
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
    add("--cache_size", type=float, default=0, metavar="GB", help="memory for the KV cache (0: as it is needed)")
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


def _app(options: argparse.Namespace, found: Found) -> FastAPI:
    """Load the model and return what answers for it."""
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse, PlainTextResponse, Response
    from starlette.exceptions import HTTPException

    name: str = options.model_name
    app = FastAPI(title="OpenVINO GenAI reference server of Forecourt", openapi_url=None, docs_url=None, redoc_url=None)
    answered: Counter[tuple[str, int]] = Counter()
    device = "CPU" if options.target_device == "AUTO" else options.target_device
    predictor: Predictor | None = None
    generator: Generator | None = None
    if found.generative:
        generator = _generator(options, found, device)
        from openvino_openai import Refused, add_routes

        add_routes(app, generator, name)

        @app.exception_handler(Refused)
        async def refuse(_: Request, error: Exception) -> Response:
            assert isinstance(error, Refused)
            return JSONResponse(error.document, error.status)
    else:
        from openvino_inference import Predictor as Loading

        predictor = Loading(found.path, device=device, properties=properties(options))

    @app.exception_handler(HTTPException)
    async def say(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        why = "Nothing is served here; /v2 and /v1/models say what is." if error.status_code == 404 else error.detail
        return JSONResponse({"error": why}, error.status_code)

    @app.middleware("http")
    async def guard(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        path = request.url.path
        response: Response
        if not _may(options.api_key_file, request.headers.get("authorization", ""), path):
            response = _openai_error("This model asks for a key: Authorization: Bearer KEY.", 401)
        elif int(request.headers.get("content-length") or 0) > BODY_LIMIT:
            response = JSONResponse({"error": f"The body is longer than {BODY_LIMIT} bytes."}, 413)
        else:
            response = await call(request)
        answered[_kind(path), response.status_code] += 1
        return response

    @app.get("/health")
    @app.get("/v2/health/live")
    @app.get("/v2/health/ready")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "live": True, "ready": True}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> str:
        return _metrics(name, answered, generator, predictor)

    @app.get("/v2")
    async def server() -> dict[str, Any]:
        return {"name": "forecourt-openvino-reference-server", "version": found.version, "extensions": []}

    def known(model: str, version: str | None) -> str:
        """Say why a model is not this one."""
        if model != name:
            return f"There is no model {model!r} here; its name is {name!r}."
        if version not in (None, found.version):
            return f"The model {name!r} has no version {version}; its version is {found.version}."
        return ""

    @app.get("/v2/models/{model}", response_model=None)
    @app.get("/v2/models/{model}/versions/{version}", response_model=None)
    async def metadata(model: str, version: str | None = None) -> Response:
        if why := known(model, version):
            return JSONResponse({"error": why}, 404)
        document = {
            "name": name,
            "versions": [found.version],
            "platform": "openvino_genai",
            "inputs": [],
            "outputs": [],
        }
        if predictor:
            document |= {"platform": predictor.platform, "inputs": predictor.inputs, "outputs": predictor.outputs}
        return JSONResponse(document)

    @app.get("/v2/models/{model}/ready", response_model=None)
    @app.get("/v2/models/{model}/versions/{version}/ready", response_model=None)
    async def ready(model: str, version: str | None = None) -> Response:
        if why := known(model, version):
            return JSONResponse({"error": why}, 404)
        return JSONResponse({"name": name, "ready": True})

    @app.post("/v2/models/{model}/infer", response_model=None)
    @app.post("/v2/models/{model}/versions/{version}/infer", response_model=None)
    async def infer(request: Request, model: str, version: str | None = None) -> Response:
        if why := known(model, version):
            return JSONResponse({"error": why}, 404)
        if predictor is None:
            return JSONResponse({"error": f"The model {name!r} makes text: POST /v1/chat/completions."}, 400)
        from openvino_inference import BadRequest

        if "inference-header-content-length" in request.headers:
            return JSONResponse({"error": "Tensors in binary are not served; send them as JSON."}, 400)
        try:
            body = json.loads(await request.body())
            outputs = await predictor.infer(body)
        except BadRequest as error:
            return JSONResponse({"error": str(error)}, 400)
        except (ValueError, RecursionError) as error:
            return JSONResponse({"error": f"The body is no JSON: {error}."}, 400)
        document = {"model_name": name, "model_version": found.version, "outputs": outputs}
        if isinstance(body.get("id"), str):
            document["id"] = body["id"]
        return JSONResponse(document)

    return app


def _generator(options: argparse.Namespace, found: Found, device: str) -> Generator:
    import openvino_genai
    from openvino_generation import Generator

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = int(options.cache_size)
    scheduler.max_num_seqs = options.max_num_seqs
    scheduler.max_num_batched_tokens = options.max_num_batched_tokens
    scheduler.enable_prefix_caching = options.enable_prefix_caching
    scheduler.dynamic_split_fuse = options.dynamic_split_fuse

    def broken(error: Exception) -> None:
        """End the process: the pipeline is in no state to go on, and whoever watches starts it again."""
        _fail(f"the pipeline broke: {_reason(error)}")
        os._exit(1)

    return Generator(found.path, device=device, scheduler=scheduler, properties=properties(options), broken=broken)


def _may(key: str | None, authorization: str, path: str) -> bool:
    """Say whether a request may pass, where there is a key."""
    if not key or not path.startswith(("/v1/", "/v3/")):
        return True
    return hmac.compare_digest(authorization.encode(), f"Bearer {key}".encode())


def _openai_error(message: str, status: int) -> Any:
    from fastapi.responses import JSONResponse

    error = {"message": message, "type": "authentication_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status)


def _kind(path: str) -> str:
    """Return what is counted as one: the path without names, and nothing of paths that are not served."""
    found = re.fullmatch(r"/v[13]/((?:chat/)?completions)|/v2/models/[^/]+(?:/versions/[^/]+)?/(infer)", path)
    return next(filter(None, found.groups()), "other") if found else "other"


def _metrics(
    name: str, answered: Counter[tuple[str, int]], generator: Generator | None, predictor: Predictor | None
) -> str:
    """Write the metrics as Prometheus reads them."""
    label = f"model_name={json.dumps(name)}"
    lines = ["# TYPE openvino_requests_total counter"]
    lines += [
        f'openvino_requests_total{{{label},endpoint="{kind}",code="{code}"}} {count}'
        for (kind, code), count in sorted(answered.items())
    ]
    values: list[tuple[str, str, float]] = []
    if generator:
        counts = generator.counts
        values += [
            ("openvino_prompt_tokens_total", "counter", counts.prompt_tokens),
            ("openvino_generation_tokens_total", "counter", counts.generated_tokens),
            ("openvino_requests_cancelled_total", "counter", counts.cancelled),
            ("openvino_requests_running", "gauge", counts.running),
            ("openvino_cache_usage_percent", "gauge", generator.cache_usage),
        ]
    if predictor:
        values.append(("openvino_inferences_total", "counter", predictor.computed))
    for metric, kind, value in values:
        lines += [f"# TYPE {metric} {kind}", f"{metric}{{{label}}} {value}"]
    return "\n".join(lines) + "\n"


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
