"""MLServer as a process on this machine: what stands in for the image ``docker.io/seldonio/mlserver``.

    python mlserver_server.py --model DIRECTORY --name NAME --host 127.0.0.1 --port 8080 [--implementation CLASS]

It starts MLServer (https://mlserver.readthedocs.io) with the model in a directory: as its ``model-settings.json`` says,
or, where it has none, by the files that are there. MLServer's settings can be given as variables (``MLSERVER_...``),
except where it listens: that is ``--host`` alone, for HTTP, gRPC and metrics. The last two take free ports, which the
log names. Models are computed in the server's own process (``MLSERVER_PARALLEL_WORKERS`` is 0 unless it is set).

Loading a scikit-learn model unpickles it, which runs whatever code it holds.

Exit codes: 0 after SIGTERM or SIGINT, 1 where the model cannot be served or a port is taken, 2 for options that cannot
be right.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
import tempfile
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn

_IMPLEMENTATIONS = {
    ".joblib": "mlserver_sklearn.SKLearnModel",
    ".pkl": "mlserver_sklearn.SKLearnModel",
    ".pickle": "mlserver_sklearn.SKLearnModel",
    ".bst": "mlserver_xgboost.XGBoostModel",
    ".ubj": "mlserver_xgboost.XGBoostModel",
    ".onnx": "mlserver_onnx.OnnxModel",
    ".lgb": "mlserver_lightgbm.LightGBMModel",
}
_NAMES = {"model.json": "mlserver_xgboost.XGBoostModel", "model.txt": "mlserver_lightgbm.LightGBMModel"}
_SETTINGS = "model-settings.json"

Infer = Callable[..., Awaitable[Any]]


def main(arguments: list[str]) -> int:
    """Serve until told to end; return the exit code where that cannot be."""
    options = parse(arguments)
    model = Path(options.model).absolute()
    try:
        defaults = {"PARALLEL_WORKERS": "0", "DEBUG": "false"} | describe(model, options)
    except LookupError as error:
        return _fail(str(error))
    for name, value in defaults.items():
        if not os.environ.get(f"MLSERVER_{name}"):
            os.environ[f"MLSERVER_{name}"] = value
    with tempfile.TemporaryDirectory(prefix="mlserver-") as scratch:
        os.chdir(scratch)  # MLServer reads an .env where it is started, and keeps its metrics there
        failures = _Failures()
        try:
            why = asyncio.run(_serve(model, str(model if model.is_dir() else model.parent), options, failures))
        except SystemExit as ended:  # of uvicorn, MLServer's server for HTTP, where it cannot listen
            why = failures.reason or _why(ended)
            _be_silent()
    return _fail(f"{model} cannot be served: {why}") if why else 0


# The model


def describe(model: Path, options: argparse.Namespace) -> dict[str, str]:
    """Return MLServer's settings for a model, without their prefix; none where it brings its own.

    Raises `LookupError`, which says what is there, where no model can be told.
    """
    if not model.exists():
        raise LookupError(f"there is no model at {model}")
    if model.is_dir() and any(model.rglob(_SETTINGS)):
        return {}
    files = [model] if model.is_file() else sorted(path for path in model.iterdir() if path.is_file())
    known = [path for path in files if implementation_of(path)]
    said = options.implementation or os.environ.get("MLSERVER_MODEL_IMPLEMENTATION", "")
    if said:
        known = [path for path in known if implementation_of(path) == said]
    elif len({implementation_of(path) for path in known}) > 1:
        several = ", ".join(path.name for path in known)
        raise LookupError(f"there are several models in {model}: {several}; choose a class with --implementation")
    if not known and said in ("", *_IMPLEMENTATIONS.values(), *_NAMES.values()):
        names = sorted(path.name for path in model.iterdir()) if model.is_dir() else [model.name]
        there = f"it has {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}" if names else "it is empty"
        raise LookupError(
            f"there is no model in {model} that MLServer knows by its name ({there}): "
            f"model.joblib, model.bst, model.ubj, model.txt, model.onnx, or a {_SETTINGS} that names another"
        )
    path = known[0] if known else model
    return {
        "MODEL_IMPLEMENTATION": said or implementation_of(path),
        "MODEL_NAME": options.name,
        "MODEL_URI": str(path),
    }


def implementation_of(path: Path) -> str:
    """Return the class of MLServer's that loads a file, by its name; nothing where none is known."""
    return _NAMES.get(path.name) or _IMPLEMENTATIONS.get(path.suffix.lower(), "")


# The server


async def _serve(model: Path, folder: str, options: argparse.Namespace, failures: _Failures) -> str:
    """Serve, and say why that ended where nobody asked for it."""
    from mlserver.cli.serve import load_settings
    from mlserver.handlers import DataPlane
    from mlserver.logging import logger
    from mlserver.server import MLServer

    DataPlane.infer = _with_bad_requests_told(DataPlane.infer)
    logger.addHandler(failures)
    settings, models = await load_settings(folder)
    # Whatever a settings.json beside the model says, it listens where it was told to.
    settings.host, settings.http_port = options.host, options.port
    settings.grpc_port, settings.metrics_port = _free_ports(options.host, 2)
    if not models:
        return "MLServer found no model there"
    server = MLServer(settings)
    names = ", ".join(str(each.name) for each in models)
    sys.stderr.write(
        f"mlserver_server: serving {names} on http://{options.host}:{options.port}, "
        f"metrics on http://{options.host}:{settings.metrics_port}/metrics, gRPC on port {settings.grpc_port}\n"
    )
    await server.start(models)
    return failures.reason


def _with_bad_requests_told(infer: Infer) -> Infer:
    """Answer what does not fit the model with 400 and what the library says of it, where MLServer says 500 and nothing.

    The libraries raise `ValueError` for that, or classes of their own with no other in common.
    """
    from mlserver.errors import InferenceError, MLServerError

    async def told(*args: Any, **named: Any) -> Any:
        try:
            return await infer(*args, **named)
        except MLServerError:
            raise
        except Exception as error:
            if isinstance(error, ValueError) or type(error).__module__.startswith(("xgboost", "lightgbm")):
                raise InferenceError(f"The model cannot compute this: {str(error).strip().splitlines()[0]}") from error
            raise

    return told


class _Failures(logging.Handler):
    """Remembers why a model could not be loaded: MLServer says so in its log alone, and then ends with exit code 0."""

    reason = ""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error and "failed to load during startup" in record.getMessage():
            self.reason = f"{type(error).__name__}: {error}"


def _why(ended: BaseException) -> str:
    """Return the error of the system in which an end began."""
    error: BaseException | None = ended
    while error and not isinstance(error, OSError):
        error = error.__context__
    return str(error or "one of its servers could not start. The reason is in the lines above.")


def _be_silent() -> None:
    """Hide what Python has to say of tasks that were broken off: the reason is to be the log's last line."""
    logging.disable()
    sys.unraisablehook = lambda _: None
    warnings.simplefilter("ignore")


def _free_ports(host: str, count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind((host, 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


# Options and the end


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in two lines: the full usage is longer than any reason."""
        sys.stderr.write(f"{self.prog}: {message}\n{self.prog}: --help lists the options that there are\n")
        raise SystemExit(2)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options; those that are wrong are said on standard error, and the process ends with exit code 2."""
    parser = _Parser(prog="mlserver_server", description="Serves a model with MLServer.", allow_abbrev=False)
    add: Any = parser.add_argument
    add("--model", required=True, metavar="PATH", help="directory with the model")
    add("--name", required=True, help="what the API calls it")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=8080, help="port of the HTTP API (8080)")
    add(
        "--implementation",
        default="",
        metavar="CLASS",
        help="MLServer's class for it, as mlserver_sklearn.SKLearnModel",
    )
    return parser.parse_args(arguments)


def _fail(why: str) -> int:
    sys.stderr.write(f"mlserver_server: {why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
