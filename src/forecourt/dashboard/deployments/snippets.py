"""Code that asks a deployment, for people to copy: what it is asked depends on what it speaks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from forecourt.dashboard.calls import Document
from forecourt.dashboard.deployments.reading import annotation, at, runtime_name

_PREDICTIVE = ("onnx", "sklearn", "xgboost", "lightgbm", "openvino_ir", "tensorflow", "pytorch", "keras", "mlflow")


def snippets(item: Document, endpoints: Mapping[str, Any], *, protected: bool) -> list[dict[str, str]]:
    """Return pieces of code, each with its title; `protected` ones send a token."""
    url = str(endpoints["external"] or endpoints["internal"])
    if not url:
        return []
    if _is_predictive(item):
        return [
            {"id": "curl", "title": "curl", "code": _curl(f"{url}/v2/models/{item['metadata']['name']}", protected)}
        ]
    gateway = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
    model = name if namespace == "default" else f"{namespace}/{name}"
    body = {"model": model, "messages": [{"role": "user", "content": "The capital of France?"}]}
    key = 'os.environ["TOKEN"]' if protected else '"none"'
    lines = [
        *(["import os", ""] if protected else []),
        "from openai import OpenAI",
        "",
        f'client = OpenAI(base_url="{gateway}/v1", api_key={key})',
        "answer = client.chat.completions.create(",
        f"    model={json.dumps(model)},",
        '    messages=[{"role": "user", "content": "The capital of France?"}],',
        ")",
        "print(answer.choices[0].message.content)",
    ]
    return [
        {"id": "curl", "title": "curl", "code": _curl(f"{gateway}/v1/chat/completions", protected, body)},
        {"id": "python", "title": "Python", "code": "\n".join(lines)},
    ]


def _is_predictive(item: Document) -> bool:
    said = annotation(item, "opendatahub.io/model-type")
    form = str(at(item, "spec", "predictor", "model", "modelFormat", "name") or "")
    return said == "predictive" or form in _PREDICTIVE or runtime_name(item).startswith("mlserver")


def _curl(url: str, protected: bool, body: Document | None = None) -> str:
    parts = [f"curl {url}"]
    if protected:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if body is not None:
        parts += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(body)}'"]
    return " \\\n  ".join(parts)
