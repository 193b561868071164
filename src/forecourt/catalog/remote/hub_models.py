"""What a hub says of a model, as a model of the catalog.

What the hub's API gives: https://huggingface.co/docs/hub/api#get-apimodelsrepoid. The custom properties are those that
Kubeflow's catalog has for such models, texts all of them (lists as JSON text), and ours: ``hf_sha``, ``size`` and
``parameters_b`` (billions), ``tensor_type``, ``base_model``, ``base_model_relation``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from forecourt.catalog.model import MODEL_ARTIFACT, Document, Entry, double_value, string_value
from forecourt.catalog.remote import cards
from forecourt.catalog.remote.cards import Card
from forecourt.catalog.remote.wire import plain

_GENERATIVE = frozenset(
    {
        "any-to-any", "audio-text-to-text", "audio-to-audio", "image-text-to-text", "image-text-to-image",
        "image-to-3d", "image-to-image", "image-to-text", "image-to-video", "image-text-to-video", "summarization",
        "text-generation", "text-to-3d", "text-to-audio", "text-to-image", "text-to-speech", "text-to-video",
        "text2text-generation", "translation", "unconditional-image-generation", "video-text-to-text",
        "video-to-video",
    }
)  # fmt: skip
_PREDICTIVE = frozenset(
    {
        "depth-estimation", "document-question-answering", "feature-extraction", "fill-mask",
        "image-feature-extraction", "keypoint-detection", "mask-generation", "object-detection",
        "question-answering", "sentence-similarity", "table-question-answering", "text-ranking",
        "time-series-forecasting", "visual-document-retrieval", "visual-question-answering",
        "voice-activity-detection", "zero-shot-object-detection", "image-segmentation", "tabular-regression",
    }
)  # fmt: skip
"""Tasks, in the hub's words (https://huggingface.co/tasks), besides all that end with ``-classification``."""

_TENSORS = {"F16": "FP16", "F32": "FP32", "F64": "FP64", "F8_E4M3": "FP8", "F8_E5M2": "FP8", "I8": "INT8"}
_PACKED = frozenset({"I32", "U8", "I64", "U32"})
"""Types of tensors in which several weights are packed into one element, so that elements are no parameters."""

KEPT_DAYS = 30
"""For so long a model that has not changed is kept as it was read."""

_RELATIONS = ("adapter", "finetune", "merge", "quantized")


def entry_of(info: Mapping[str, Any], readme: str, *, hub: str, synced: int, complete: bool = True) -> Entry:
    """Return the model that the hub describes in `info`, its card being `readme`.

    `hub` is the hub's URL, `synced` the time in milliseconds. Where the card could not be had (`complete` is false),
    the model is not marked as known at its revision, so that the card is asked for again.
    """
    name = str(plain(info["id"]))
    card = cards.parse(readme)
    said = dict(card.data) | (info["cardData"] if isinstance(info.get("cardData"), dict) else {})
    tags = [tag for tag in _list(info.get("tags")) if isinstance(tag, str)]
    license_name, license_link = _license(said, tags, f"{hub}/{name}/blob/main/")
    task = _text(info.get("pipeline_tag")) or _text(said.get("pipeline_tag"))
    document: Document = {
        "externalId": name,
        "provider": _text(info.get("author")) or name.partition("/")[0],
        "description": _description(said, card),
        "license": license_name,
        "licenseLink": license_link,
        "language": cards.texts(said.get("language")),
        "tasks": [task] if task else [],
        "libraryName": _text(info.get("library_name")) or _text(said.get("library_name")),
        "createTimeSinceEpoch": _milliseconds(info.get("createdAt")),
        "lastUpdateTimeSinceEpoch": _milliseconds(info.get("lastModified")),
    }
    properties = {
        "model_type": model_type(task, _architectures(info)),
        "hf_private": _boolean(info.get("private")),
        "hf_gated": _boolean(info.get("gated")),
        "hf_tags": _json([tag for tag in tags if not tag.startswith("license:")]),
        "hf_architectures": _json(_architectures(info)),
        "hf_model_type": _text(_config(info).get("model_type")),
        "hf_sha": _text(info.get("sha")) if complete else "",
        "last_synced": str(synced),
        **_base_model(said, tags),
        "tensor_type": tensor_type(info),
    }
    custom = {key: string_value(value) for key, value in properties.items() if value}
    if parameters := parameter_count(info):
        custom |= {"size": string_value(size_text(parameters)), "parameters_b": double_value(parameters / 1e9)}
    document["customProperties"] = custom
    artifact = {"artifactType": MODEL_ARTIFACT, "uri": f"hf://{name}", "customProperties": _of_artifact(info)}
    artifact |= {key: document[key] for key in _TIMES if document[key]}
    kept = {key: value for key, value in document.items() if value}
    return Entry(name, plain(kept), plain(readme), (plain(artifact),))


_TIMES = ("createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")


def is_unchanged(info: Mapping[str, Any], known: Entry, *, now: int) -> bool:
    """Say whether the hub says the same of a model as it did when `known` was made of it, not long before `now`.

    After `KEPT_DAYS` it counts as changed, so that what is read of models today reaches those that never change.
    """
    then = {key: value.get("string_value") for key, value in known.document.get("customProperties", {}).items()}
    synced = then.get("last_synced") or ""
    same = {
        "hf_sha": _text(info.get("sha")),
        "hf_private": _boolean(info.get("private")),
        "hf_gated": _boolean(info.get("gated")),
    }
    return (
        bool(same["hf_sha"])
        and all(then.get(key) == value for key, value in same.items())
        and known.document.get("lastUpdateTimeSinceEpoch", "") == _milliseconds(info.get("lastModified"))
        and synced.isdecimal()
        and now - int(synced) < KEPT_DAYS * 86_400_000
    )


def model_type(task: str, architectures: list[str]) -> str:
    """Return ``generative``, ``predictive`` or ``unknown``: by its task, else by the class that implements it."""
    if task in _GENERATIVE:
        return "generative"
    if task in _PREDICTIVE or task.endswith("-classification"):
        return "predictive"
    if not task and any(name.endswith(("ForCausalLM", "ForConditionalGeneration")) for name in architectures):
        return "generative"
    return "unknown"


def parameter_count(info: Mapping[str, Any]) -> int:
    """Return how many parameters the model has, by its safetensors or its GGUF; 0 where that cannot be told.

    It cannot where weights are packed: the hub counts elements then, several weights in each.
    """
    total, types = _safetensors(info)
    if total and not _PACKED & {_most(types)}:
        return total
    gguf = info.get("gguf")
    count = gguf.get("total") if isinstance(gguf, dict) else 0
    return count if isinstance(count, int) and 0 < count < 10**15 else 0


def tensor_type(info: Mapping[str, Any]) -> str:
    """Return the type that most of the weights have, such as ``BF16``, ``FP8`` or ``INT4``."""
    _, types = _safetensors(info)
    common = _most(types)
    if common not in _PACKED:
        return _TENSORS.get(common, common)
    quantization = _config(info).get("quantization_config")
    said = quantization if isinstance(quantization, dict) else {}
    bits = said.get("bits") or (4 if said.get("load_in_4bit") else 0)
    if said.get("quant_method") == "mxfp4":
        return "MXFP4"
    return f"INT{bits}" if isinstance(bits, int) and 0 < bits <= 8 else ""


def size_text(parameters: int) -> str:
    """Return a number of parameters as people say it: ``8B``, ``1.2B``, ``135M``."""
    for unit, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M")):
        if parameters >= unit * 0.9995:
            number = parameters / unit
            return f"{number:.1f}".removesuffix(".0") + letter if number < 9.95 else f"{number:.0f}{letter}"
    return str(parameters)


def _description(said: Mapping[str, Any], card: Card) -> str:
    written = _text(said.get("description")) or _text(said.get("model_description"))
    return cards.cut(written) if written else cards.first_paragraph(card.body)


def _license(said: Mapping[str, Any], tags: list[str], files: str) -> tuple[str, str]:
    """Return the licence's name and where its text is."""
    named = cards.texts(said.get("license")) or [tag[8:] for tag in tags if tag.startswith("license:")]
    name, link = (named or [""])[0], _text(said.get("license_link"))
    if name in ("other", "unknown", ""):
        name = _text(said.get("license_name")) or name
    if link and "://" not in link and not link.startswith(("/", ".")):
        link = files + link.removeprefix("./")  # a file of the repository: LICENSE
    return name, link if link.startswith(("https://", "http://")) and " " not in link else ""


def _base_model(said: Mapping[str, Any], tags: list[str]) -> dict[str, str]:
    """Return which model it was made from, and how."""
    from_tags = [tag.split(":") for tag in tags if tag.startswith("base_model:")]
    bases = cards.texts(said.get("base_model")) or [parts[1] for parts in from_tags if len(parts) == 2]
    relation = _text(said.get("base_model_relation")) or next(
        (parts[1] for parts in from_tags if len(parts) == 3 and parts[1] in _RELATIONS), ""
    )
    if not bases:
        return {}
    return {
        "base_model": bases[0],
        "base_model_relation": relation,
        "base_models": _json(bases) if len(bases) > 1 else "",
    }


def _of_artifact(info: Mapping[str, Any]) -> Document:
    said = {"revision": _text(info.get("sha")), "hf_gated": _boolean(info.get("gated"))}
    return {key: string_value(value) for key, value in said.items() if value}


def _safetensors(info: Mapping[str, Any]) -> tuple[int, dict[str, int]]:
    said = info.get("safetensors")
    said = said if isinstance(said, dict) else {}
    total, types = said.get("total"), said.get("parameters")
    counts = types.items() if isinstance(types, dict) else ()
    return (
        total if isinstance(total, int) and 0 < total < 10**15 else 0,
        {str(key): count for key, count in counts if isinstance(count, int) and count > 0},
    )


def _most(types: Mapping[str, int]) -> str:
    return max(types, key=lambda key: types[key], default="")


def _config(info: Mapping[str, Any]) -> Mapping[str, Any]:
    config = info.get("config")
    return config if isinstance(config, dict) else {}


def _architectures(info: Mapping[str, Any]) -> list[str]:
    named = [each for each in _list(_config(info).get("architectures")) if isinstance(each, str)]
    gguf = info.get("gguf")
    own = _text(gguf.get("architecture")) if isinstance(gguf, dict) else ""
    return named or ([own] if own else [])


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _json(values: list[str]) -> str:
    return json.dumps(values, ensure_ascii=False) if values else ""


def _boolean(value: object) -> str:
    """Return false or true as Kubeflow has it, or how access is granted (``auto``, ``manual``)."""
    return _text(value) or str(bool(value)).lower()


def _milliseconds(value: object) -> str:
    with contextlib.suppress(ValueError, OverflowError):
        if isinstance(value, str):
            when = datetime.fromisoformat(value)
            return str(int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000))
    return ""
