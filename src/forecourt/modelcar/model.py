"""What is known of a model, of its files, and of the image that carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forecourt.oci import Digest, Manifest, Platform, Reference


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model's own files say of it; empty, None or 0 where they do not."""

    format: str = ""
    """The format of its weights, in the words of KServe's `modelFormat`: gguf, safetensors, onnx, openvino…"""
    architecture: str = ""
    """``llama``, or the class that implements it: ``LlamaForCausalLM``."""
    parameters: int | None = None
    quantization: str = ""
    """``Q4_K_M``, ``BF16``, ``W4A16``…"""
    context_length: int | None = None
    """In tokens."""
    license: str = ""
    """An SPDX identifier where there is one."""
    size: int = 0
    """The bytes of all files."""
    title: str = ""
    description: str = ""
    source: str = ""
    """The URL where it comes from."""
    revision: str = ""
    base_model: str = ""
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that is to be packed: where it is, what it is called in the model (a POSIX path), its size in bytes."""

    path: Path
    name: str
    size: int
    executable: bool = False


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file in an image: its path below ``models/``, its size (bytes), and the layer that it comes from.

    `size` is None where only the layers' descriptors are known, and they do not say it. `alone` says that the layer
    holds this file and nothing else.
    """

    path: str
    size: int | None
    layer: Digest
    executable: bool = False
    alone: bool = True


@dataclass(frozen=True, slots=True)
class ModelCar:
    """An image that carries a model."""

    reference: Reference
    digest: Digest
    manifest: Manifest = field(repr=False)
    info: ModelInfo
    platform: Platform
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def size(self) -> int:
        """The bytes of config and layers, as they move."""
        return self.manifest.size
