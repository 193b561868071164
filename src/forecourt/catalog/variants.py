"""Which models are variants of one another: the same base, quantised in several ways or not at all.

What a source says comes first: Kubeflow's ``variant_group_id``, then from which model a quantised one was made
(``base_model`` with its ``base_model_relation``, or the tag ``base_model:quantized:…``,
https://huggingface.co/docs/hub/model-cards#specifying-a-base-model). Where nobody says anything, the name does
(`forecourt.catalog.naming`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from forecourt.catalog.model import Document
from forecourt.catalog.naming import NOT_QUANTIZED, ModelName, read_name

_MADE_FROM = "base_model:quantized:"
_QUANTIZED = "quantized"  # of Hugging Face's relations to a base model; the others are finetune, adapter and merge
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s?([TBM])\b", re.IGNORECASE)
_BILLIONS = {"T": 1000, "B": 1, "M": 0.001}


def variant_key(name: str, document: Document) -> str:
    """Return what all variants of one base have in common, and models of other bases do not."""
    if given := text(document, "variant_group_id"):
        return given
    return read_name(_made_from(name, document) or name).base


def described(name: str, document: Document) -> ModelName:
    """Return what a model's properties say of it, and where those are silent its name and tags.

    They are ``quantization``, ``tensor_type``, ``parameters_b`` and ``size``.
    """
    said, tensor_type = text(document, "quantization"), text(document, "tensor_type")
    found = read_name(name, _tags(document), tensor_type)
    if said:
        known = read_name("", [said])
        scheme = known.quantization or said.casefold()
        found = replace(found, quantization=scheme, tensor_type=tensor_type or known.tensor_type or found.tensor_type)
    parameters = number(document, "parameters_b") or _billions(text(document, "size"))
    return replace(found, parameters_b=parameters) if parameters else found


def is_quantized(name: str, document: Document) -> bool:
    """Say whether a model is known to be quantised."""
    return described(name, document).quantization not in (None, NOT_QUANTIZED)


def text(document: Mapping[str, Any], name: str) -> str:
    """Return a custom property that is text; empty where there is none."""
    value = _property(document, name).get("string_value")
    return value.strip() if isinstance(value, str) else ""


def number(document: Mapping[str, Any], name: str) -> float | None:
    """Return a custom property that is a number; None where there is none."""
    value = _property(document, name)
    try:
        return float(value.get("double_value", value.get("int_value")))
    except (TypeError, ValueError):
        return None


def _billions(size: str) -> float | None:
    """Return how many billions a size is that begins with a number: ``8B params``, ``1T (32B active)``, ``135M``."""
    said = _SIZE.match(size)
    return float(said[1]) * _BILLIONS[said[2].upper()] if said else None


def _property(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = (document.get("customProperties") or {}).get(name)
    return value if isinstance(value, Mapping) else {}


def _made_from(name: str, document: Document) -> str:
    """Return the model from which a quantised one was made; empty where nobody says so.

    Of a model that is not quantised, ``base_model`` is what it was trained from, which makes it no variant.
    """
    for tag in _tags(document):
        if tag.startswith(_MADE_FROM):
            return tag.removeprefix(_MADE_FROM)
    said, relation = text(document, "base_model"), text(document, "base_model_relation")
    return said if said and (relation == _QUANTIZED or (not relation and is_quantized(name, document))) else ""


def _tags(document: Document) -> list[str]:
    """Return a model's tags: properties without a value, as Kubeflow has labels, and those of Hugging Face."""
    properties = document.get("customProperties") or {}
    tags = [name for name in properties if _property(document, name).get("string_value") == ""]
    try:
        more = json.loads(text(document, "hf_tags") or "[]")
    except ValueError:
        more = []
    return tags + [tag for tag in more if isinstance(tag, str)] if isinstance(more, list) else tags
