"""What the reference server around OpenVINO answers: health, metrics, KServe's V2 protocol, and OpenAI's for text."""

from __future__ import annotations

import hmac
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

if TYPE_CHECKING:  # each takes seconds to load, and a model needs one of them
    from openvino_generation import Generator
    from openvino_inference import Predictor

BODY_LIMIT = 64 * 1024**2  # bytes


def application(
    name: str, version: str, key: str | None, *, generator: Generator | None = None, predictor: Predictor | None = None
) -> FastAPI:
    """Return what answers for the model `name`, which is one that generates or one that predicts.

    Where there is a `key`, OpenAI's paths ask for it.
    """
    app = FastAPI(title="OpenVINO GenAI reference server of Forecourt", openapi_url=None, docs_url=None, redoc_url=None)
    answered: Counter[tuple[str, int]] = Counter()
    if generator:
        from openvino_openai import add_routes

        add_routes(app, generator, name)
    _add_v2(app, name, version, predictor)

    @app.exception_handler(HTTPException)
    async def say(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        why = "Nothing is served here; /v2 and /v1/models say what is." if error.status_code == 404 else error.detail
        return JSONResponse({"error": why}, error.status_code)

    @app.middleware("http")
    async def guard(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        path = request.url.path
        response: Response
        if not _may(key, request.headers.get("authorization", ""), path):
            error = {"message": "This model asks for a key: Authorization: Bearer KEY.", "type": "authentication_error"}
            response = JSONResponse({"error": error | {"param": None, "code": None}}, 401)
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

    return app


def _add_v2(app: FastAPI, name: str, version: str, predictor: Predictor | None) -> None:
    """Serve KServe's V2 protocol; a model that makes text is ready, and infers nothing."""

    def refused(model: str, asked: str | None) -> Response | None:
        if model != name:
            return JSONResponse({"error": f"There is no model {model!r} here; its name is {name!r}."}, 404)
        if asked not in (None, version):
            why = f"The model {name!r} has no version {asked}; its version is {version}."
            return JSONResponse({"error": why}, 404)
        return None

    @app.get("/v2")
    async def server() -> dict[str, Any]:
        return {"name": "forecourt-openvino-reference-server", "version": "1", "extensions": []}

    @app.get("/v2/models/{model}", response_model=None)
    @app.get("/v2/models/{model}/versions/{asked}", response_model=None)
    async def metadata(model: str, asked: str | None = None) -> Response:
        document: dict[str, Any] = {"name": name, "versions": [version], "platform": "openvino_genai"}
        document |= {"inputs": [], "outputs": []}
        if predictor:
            document |= {"platform": predictor.platform, "inputs": predictor.inputs, "outputs": predictor.outputs}
        return refused(model, asked) or JSONResponse(document)

    @app.get("/v2/models/{model}/ready", response_model=None)
    @app.get("/v2/models/{model}/versions/{asked}/ready", response_model=None)
    async def ready(model: str, asked: str | None = None) -> Response:
        return refused(model, asked) or JSONResponse({"name": name, "ready": True})

    @app.post("/v2/models/{model}/infer", response_model=None)
    @app.post("/v2/models/{model}/versions/{asked}/infer", response_model=None)
    async def infer(request: Request, model: str, asked: str | None = None) -> Response:
        if answer := refused(model, asked):
            return answer
        if predictor is None:
            return JSONResponse({"error": f"The model {name!r} makes text: POST /v1/chat/completions."}, 400)
        if "inference-header-content-length" in request.headers:
            return JSONResponse({"error": "Tensors in binary are not served; send them as JSON."}, 400)
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError) as error:
            return JSONResponse({"error": f"The body is no JSON: {error}."}, 400)
        try:
            outputs = await predictor.infer(body)
        except ValueError as error:  # it does not fit the model
            return JSONResponse({"error": str(error)}, 400)
        document = {"model_name": name, "model_version": version, "outputs": outputs}
        return JSONResponse(document | ({"id": body["id"]} if isinstance(body.get("id"), str) else {}))


def _may(key: str | None, authorization: str, path: str) -> bool:
    """Say whether a request may pass, where there is a key."""
    if not key or not path.startswith(("/v1/", "/v3/")):
        return True
    return hmac.compare_digest(authorization.encode(), f"Bearer {key}".encode())


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
