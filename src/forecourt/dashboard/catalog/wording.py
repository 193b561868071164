"""How the catalog's pages write what is known of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from forecourt.catalog.filters import METRICS, PERCENTILES

API = "/api/forecourt/v1/catalog"
SECTION = "catalog"
_LONGEST = 180  # characters of a description on a card: four lines
_WORKLOADS = {
    "chatbot": "Chatbot (512 input | 256 output tokens)",
    "code_fixing": "Code fixing (1024 input | 1024 output tokens)",
    "long_rag": "Long RAG (10240 input | 1536 output tokens)",
    "rag": "RAG (4096 input | 512 output tokens)",
}


def address_of(model: Mapping[str, Any]) -> str:
    """Return where a model's page is."""
    return f"/catalog/{quote(model['source'], safe='')}/{quote(model['name'])}"


def uri_of(model: Mapping[str, Any]) -> str:
    """Return the URI that stands for a model."""
    return f"catalog://{model['source']}/{model['name']}"


def short(name: str) -> str:
    """Return a model's name without its maker."""
    return name.rpartition("/")[2]


def monogram(model: Mapping[str, Any]) -> str:
    """Return two letters that stand for a model's maker where it has no logo."""
    words = (model.get("provider") or short(model["name"])).split()
    letters = [word[0] for word in words if word[:1].isalnum()]
    return "".join(letters[:2]).upper() or "M"


def parameters(billions: float | None, size: str | None = "") -> str:
    """Return how large a model is: as its source says, or ``8B``, ``135M``."""
    if size:
        return size
    if billions is None:
        return ""
    return f"{billions:g}B" if billions >= 1 else f"{billions * 1000:g}M"


def latency_title(metric: str) -> str:
    """Return what a latency is of: ``TTFT P90``."""
    kind, _, percentile = metric.partition("_")
    return f"{kind.upper()} {PERCENTILES.get(percentile, percentile)}"


def latency_words(metric: str) -> str:
    """Return what a latency is of in words: ``Time to first token, P90``."""
    kind, _, percentile = metric.partition("_")
    return f"{METRICS.get(kind, kind)}, {PERCENTILES.get(percentile, percentile)}"


def workload(name: str) -> str:
    """Return what a workload is called."""
    return _WORKLOADS.get(name) or (name.replace("_", " ").capitalize() if name.islower() else name) or "Not said"


def milliseconds(value: float | None) -> str:
    """Return a latency with as many digits as matter."""
    if value is None:
        return "–"
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def figure(value: Any) -> str:
    """Return a measured number with as many digits as matter, and anything else as it is."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    size = abs(value)
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def cut(text: str) -> str:
    """Return a description as a card has it."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST].rsplit(' ', 1)[0].rstrip()}…"


def badge(model: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, str]:
    """Return what a card says of where a model is from; `labels` are the titles of sources."""
    if model.get("validated"):
        return {"kind": "validated", "text": "Validated"}
    if model.get("provider") == "Red Hat":
        return {"kind": "redhat", "text": "Red Hat"}
    return {"kind": "source", "text": labels.get(model["source"], model["source"])}


def benchmark(one: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a measured point as a card shows it."""
    if not one:
        return None
    return {
        "hardware": one["hardware"] or "hardware that is not named",
        "latency": milliseconds(one["latency"]) if one["latency"] is not None else "",
        "metric": latency_title(one["latencyMetric"]),
        "metricWords": latency_words(one["latencyMetric"]),
        "rps": figure(one["rps"]) if one["rps"] is not None else "",
        "replicas": one["replicas"],
        "totalRps": figure(one["totalRps"]) if one["totalRps"] is not None else "",
        "workload": workload(str(one.get("use_case") or "")),
        "doubt": one.get("doubt") or "",
        "tier": one.get("tier") or "",
    }


def card(model: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return a model as its card shows it."""
    return {
        "id": model["id"],
        "name": model["name"],
        "short": short(model["name"]),
        "key": f"{model['source']}/{model['name']}",
        "href": address_of(model),
        "logo": bool(model.get("logo")),
        "source": model["source"],
        "monogram": monogram(model),
        "badge": badge(model, labels),
        "provider": model["provider"],
        "description": cut(model["description"]),
        "recovery": model["averageRecovery"],
        "recoveryTasks": model.get("recoveryTasks"),
        "contradicted": model.get("contradictedClaims") or 0,
        "accuracy": model["accuracy"],
        "quantization": model["quantization"] or "",
        "parameters": parameters(model["parametersB"], model["size"]),
        "license": model["license"],
        "tasks": model["tasks"],
        "toolCalling": model["toolCalling"],
        "benchmarks": model.get("benchmarks", 0),
        "benchmark": benchmark(model.get("benchmark")),
    }
