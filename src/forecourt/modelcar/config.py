"""Reads ``config.json``, as transformers writes it: architecture, context length, quantisation.

https://huggingface.co/docs/transformers/main_classes/configuration. Its text part is what counts in a model that also
sees or hears (``text_config``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecourt.errors import InvalidModel, from_os_error

_MOST = 16 * 1024 * 1024
_LENGTHS = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length", "max_seq_len")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What ``config.json`` says; empty or None where it does not."""

    architecture: str = ""
    model_type: str = ""
    context_length: int | None = None
    dtype: str = ""
    """``bfloat16``, ``float16``…"""
    quantization: str = ""
    """``W4A16``, ``FP8``, ``GPTQ 4-bit``…; empty for a model that is not quantised."""
    packed_bits: int | None = None
    """The bits of each weight where several are packed into one integer."""
    name: str = ""


def read(path: Path, name: str = "") -> ModelConfig:
    """Read the file at `path`, which errors call `name`; raises `InvalidModel` where it is no JSON object."""
    name = name or path.name
    try:
        raw = path.read_bytes() if path.stat().st_size <= _MOST else b""
    except OSError as error:
        raise from_os_error(error, path) or error from error
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidModel(f"{name} is not JSON: {error}.", hint="It may be truncated: download it again.") from None
    if not isinstance(document, dict):
        raise InvalidModel(f"{name} is not a JSON object.")
    inner = document.get("text_config")
    text: dict[str, Any] = inner if isinstance(inner, dict) else {}
    architectures = document.get("architectures")
    quantization = _dict(document.get("quantization_config") or text.get("quantization_config"))
    said_name = _text(document.get("_name_or_path"))
    return ModelConfig(
        architecture=_text(architectures[0]) if isinstance(architectures, list) and architectures else "",
        model_type=_text(document.get("model_type")),
        context_length=_count(document, _LENGTHS) or _count(text, _LENGTHS),
        dtype=_dtype(document) or _dtype(text),
        quantization=_quantization(quantization),
        packed_bits=_bits(quantization),
        # A path of the machine that saved it says nothing; a repository does.
        name=said_name.rpartition("/")[2] if said_name.count("/") == 1 and not said_name.startswith(("/", ".")) else "",
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(document: dict[str, Any], keys: tuple[str, ...]) -> int | None:
    return next((v for key in keys if type(v := document.get(key)) is int and v > 0), None)


def _dtype(document: dict[str, Any]) -> str:
    return (_text(document.get("dtype")) or _text(document.get("torch_dtype"))).removeprefix("torch.")


def _groups(config: dict[str, Any]) -> dict[str, Any]:
    """Return the first of compressed-tensors' groups, which say how weights and activations are kept."""
    groups = _dict(config.get("config_groups"))
    return _dict(next(iter(groups.values()), None))


def _bits(config: dict[str, Any]) -> int | None:
    bits = config.get("bits") or config.get("w_bit") or _dict(_groups(config).get("weights")).get("num_bits")
    return bits if type(bits) is int and 0 < bits <= 32 else None


def _quantization(config: dict[str, Any]) -> str:
    method = _text(config.get("quant_method")) or _text(config.get("quant_algo"))
    if not method:
        return ""
    if method == "bitsandbytes":
        return f"bitsandbytes {4 if config.get('load_in_4bit') else 8}-bit"
    if method == "compressed-tensors":
        weights, activations = (_dict(_groups(config).get(key)) for key in ("weights", "input_activations"))
        bits, kind = _bits(config), _text(weights.get("type"))
        if not bits:
            return method
        if "nvfp4" in _text(config.get("format")):
            return "NVFP4"
        if kind == "float" and bits == 8:
            return "FP8"
        return f"W{bits}A{activations.get('num_bits') or 16}"
    bits = _bits(config)
    return f"{method.upper()} {bits}-bit" if bits else method.upper()
