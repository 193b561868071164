"""What a model's name says of it: the base that it was made from, how it was quantised, how large it is.

Names are read by their words, which ``-``, ``_``, ``.`` or a space separates; no model is known by its name.

1. Of ``RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16`` the last part counts.
2. A word that names a scheme of quantisation says how the model was quantised: ``w4a16`` (4-bit weights, 16-bit
   activations), ``FP8-dynamic``, ``NVFP4``. ``BF16``, ``FP16`` and ``FP32`` say that it was not.
3. ``8B`` and ``300m`` are numbers of parameters, ``A3B`` is how many of them are active. ``17B-16E`` has 16 experts, so
   17B are active, and how many there are in all the name does not say; nor do ``8x7B``, whose experts share layers, and
   ``E4B``, which stands for "as good as 4B".
4. The base is what is left without the words of 2., words for a format (``GGUF``, ``HF``) and the maker's name in front
   (``Meta-Llama``), in lower case, with ``-`` for whatever separated the words.

What a name does not say, its tags or tensor type may. Schemes are named as in vLLM's and LLM Compressor's documentation
(https://docs.vllm.ai/projects/llm-compressor).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

NOT_QUANTIZED = "none"
"""The quantisation of a model of which it is known that it has none."""

_WHOLE = {"bf16": "BF16", "fp16": "FP16", "f16": "FP16", "fp32": "FP32", "f32": "FP32"}
_SCHEMES = (
    r"(?:nv|mx)?fp4(?:a16)?",
    r"mxfp8",
    r"fp8(?:-(?:dynamic|block|static|per-tensor|e4m3(?:fn)?|kv))?",
    r"w\d{1,2}a(?:fp)?\d{1,2}",
    r"nf4|bnb-4-?bit",
    r"int-?[2-8]|[2-8]-?bits?",
    r"i?q[1-8](?:-(?:[01]|k|xxs|xs|s|m|l|xl|nl))*",
    r"awq|gptq",
    "|".join(_WHOLE),
)
"""Those that say more come first: ``GPTQ-Int4`` is int4."""
_FORMATS = r"quantized|gguf|mlx|onnx|unsloth|bnb|autoround|hf|g(?:32|64|128)|(?:32|64|128)g"
_START, _END = r"(?:^|(?<=[-.]))", r"(?=[-.]|$)"
_PATTERNS = tuple(re.compile(f"{_START}(?:{scheme}){_END}") for scheme in _SCHEMES)
_DROPPED = re.compile(f"[-.](?:{'|'.join((*_SCHEMES, _FORMATS))}){_END}")
_MAKER = re.compile(
    r"(?:modelcar-)?"
    r"(?:(?:meta-llama|ibm-granite|mistralai|qwen|deepseek-ai|openai|google|microsoft|nvidia|redhatai)_"
    r"|(?:meta|ibm|mistralai|openai|google|microsoft|nvidia|redhatai)-)?(?=[a-z])"
)
_BILLIONS = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)b(?![a-z0-9])")
_MILLIONS = re.compile(r"(?<![a-z0-9.])(\d{2,4})m(?![a-z0-9])")
_ACTIVE = re.compile(r"(?<![a-z0-9.])a(\d+(?:\.\d+)?)b(?![a-z0-9])")
_EXPERTS = re.compile(r"(?<![a-z0-9.])\d+e(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class ModelName:
    """What a name says; None for what it does not.

    `base` is the same for all that were made from one model. `quantization` is a scheme in lower case, or
    `NOT_QUANTIZED`. `tensor_type` is that of most weights: BF16, FP16, FP32, FP8, INT8, INT4, FP4 or MXFP4. Parameters
    are in billions: how many there are, and how many are active for a token where that is fewer.
    """

    base: str
    quantization: str | None = None
    tensor_type: str | None = None
    parameters_b: float | None = None
    active_b: float | None = None


def read_name(name: str, tags: Iterable[str] = (), tensor_type: str = "") -> ModelName:
    """Return what a model's name says, and where it is silent its tags, and then its tensor type."""
    last = re.split(r"[:@]", name.casefold().strip().rstrip("/").rpartition("/")[2])[0]
    made_by = _MAKER.match(last)
    words = _words(last[made_by.end() :] if made_by else last)
    scheme, of_scheme = _scheme([words])
    if scheme is None:
        scheme, of_scheme = _scheme([_words(tag.casefold()) for tag in tags], whole=True)
    if scheme is None:
        scheme, of_scheme = _scheme([tensor_type.casefold()], whole=True)
    base = _DROPPED.sub("", words).replace(".", "-") or last
    return ModelName(base, scheme, tensor_type.upper() or of_scheme, *_parameters(words))


def _words(text: str) -> str:
    """Return a text with ``-`` between its words; a ``.`` stays within them, for it is in numbers too."""
    words = (word.strip(".") for word in re.sub(r"[^\w.+]|_", "-", text).split("-"))
    return "-".join(filter(None, words))


def _scheme(texts: list[str], *, whole: bool = False) -> tuple[str | None, str | None]:
    """Return the scheme that texts name, with its tensor type; `whole` where a text has to be nothing else."""
    for pattern in _PATTERNS:
        for text in texts:
            if found := pattern.fullmatch(text) if whole else pattern.search(text):
                return _canonical(found[0])
    return None, None


def _canonical(word: str) -> tuple[str, str | None]:
    """Return how a scheme is written, and the type of most weights where the scheme has one."""
    if word in _WHOLE:
        return NOT_QUANTIZED, _WHOLE[word]
    if word.startswith("fp8"):
        return (word if word in ("fp8-dynamic", "fp8-block") else "fp8"), "FP8"
    if "fp4" in word:
        return word, "MXFP4" if word.startswith("mx") else "FP4"
    if word == "mxfp8":
        return word, "FP8"
    if bits := re.fullmatch(r"w(\d+)a.*|int-?(\d)|(\d)-?bits?", word):
        count = bits[1] or bits[2] or bits[3]
        return (word if bits[1] else f"int{count}"), f"INT{count}"
    return ("nf4" if word.startswith("bnb") else word.replace("-", "_")), None


def _parameters(words: str) -> tuple[float | None, float | None]:
    """Return how many billions of parameters a name gives, and how many are active."""
    found = _BILLIONS.search(words)
    total = float(found[1]) if found else None
    if total is not None and _EXPERTS.search(words):
        return None, total
    if total is None and (millions := _MILLIONS.search(words)):
        total = int(millions[1]) / 1000
    active = _ACTIVE.search(words)
    return total, float(active[1]) if active else None
