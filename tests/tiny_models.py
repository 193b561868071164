"""Small models, written by the formats' own libraries, and machines to keep them on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy
from safetensors.numpy import save_file

from forecourt.oci import ContentStore, Repositories

CARD = """\
---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M
language:
- en
tags: [chat, tiny]
---
# A **tiny** model

It says little.
"""


class Machine:
    """A content store, the images in it, and the embedded registry's repositories."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = ContentStore(root / "store")
        self.images = Repositories(root / "images", self.store)
        self.registry = Repositories(root / "registry", self.store)

    @property
    def here(self) -> dict[str, object]:
        return {"store": self.store, "images": self.images}


def write_gguf(path: Path, *, seed: int = 0, tensors: int = 3, endian: str = "little", **text: str) -> Path:
    """Write a llama with a few tensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order = gguf.GGUFEndian.LITTLE if endian == "little" else gguf.GGUFEndian.BIG
    writer = gguf.GGUFWriter(path, "llama", endianess=order)
    writer.add_name("Tiny")
    writer.add_license("mit")
    writer.add_context_length(2048)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_array("tokenizer.ggml.tokens", ["<s>", "</s>", "hello"])
    writer.add_array("tokenizer.ggml.scores", [0.0, 1.0, 2.0])
    for key, value in text.items():
        writer.add_string(f"general.{key}", value)
    random = numpy.random.default_rng(seed)
    for number in range(tensors):
        writer.add_tensor(f"blk.{number}.weight", random.random((4, 8), dtype=numpy.float32))
    quantized = gguf.quants.quantize(random.random((2, 64), dtype=numpy.float32), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("output.weight", quantized, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_safetensors(path: Path, tensors: Mapping[str, numpy.ndarray] | None = None, *, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(seed)
    save_file(
        dict(
            tensors
            or {
                "model.embed_tokens.weight": random.random((16, 4), dtype=numpy.float32).astype(numpy.float16),
                "model.layers.0.weight": random.random((4, 4), dtype=numpy.float32).astype(numpy.float16),
                "lm_head.bias": random.random(3, dtype=numpy.float32),
            }
        ),
        path,
        metadata={"format": "pt"},
    )
    return path


def write_transformers(directory: Path, **config: object) -> Path:
    """Write a model as transformers saves one: config, weights, tokenizer, card, and what git leaves beside them."""
    write_safetensors(directory / "model.safetensors")
    said = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "max_position_embeddings": 4096,
        "torch_dtype": "float16",
    } | config
    (directory / "config.json").write_text(json.dumps(said))
    (directory / "tokenizer").mkdir()
    (directory / "tokenizer" / "tokenizer.json").write_text("{}")
    (directory / "README.md").write_text(CARD)
    script = directory / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (directory / ".git").mkdir()
    (directory / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (directory / ".DS_Store").write_text("x")
    return directory
