"""Which format a file of weights has, by its name and its first bytes, and whether it is a pickle.

Loading a pickle runs whatever code it holds (https://docs.python.org/3/library/pickle.html), so a file that is one,
or has a name that pickles go by and cannot be told from one, is not packed unless it is allowed by name.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath

from forecourt.errors import UnsafeContent, from_os_error
from forecourt.modelcar.model import SourceFile

_SUFFIXES = {
    ".gguf": "gguf",
    ".safetensors": "safetensors",
    ".onnx": "onnx",
    ".xml": "openvino",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".ckpt": "pytorch",
    ".bin": "pytorch",
    ".joblib": "sklearn",
    ".pkl": "sklearn",
    ".pickle": "sklearn",
    ".skops": "sklearn",
    ".bst": "xgboost",
    ".ubj": "xgboost",
    ".cbm": "catboost",
    ".pmml": "pmml",
    ".pb": "tensorflow",
    ".keras": "keras",
    ".h5": "keras",
    ".tflite": "tflite",
    ".mlmodel": "coreml",
    ".engine": "tensorrt",
    ".plan": "tensorrt",
    ".pdmodel": "paddle",
    ".mar": "pytorch",
}
_NAMES = {"MLmodel": "mlflow", "model.txt": "lightgbm"}
_ORDER = (
    "gguf", "safetensors", "openvino", "onnx", "mlflow", "tensorflow", "keras", "tflite", "xgboost", "lightgbm",
    "catboost", "ctranslate2", "pmml", "coreml", "tensorrt", "paddle", "pytorch", "sklearn",
)  # fmt: skip
"""Where files of several formats lie together, the model is of the first."""

_SUSPECT = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".pdparams", ".pdopt", ".mar"}
_CTRANSLATE2 = ("vocabulary.json", "vocabulary.txt", "shared_vocabulary.json", "shared_vocabulary.txt")
_HARMLESS_MAGIC = (b"GGUF", b"ggml", b"ggmf", b"ggjt", b"lmgg", b"fmgg", b"tjgg")


def formats(files: Sequence[SourceFile]) -> list[str]:
    """Return the formats of the weights among `files`, the one to name the model by first."""
    named = {file.name: file for file in files}
    return sorted({format_of(file, named) for file in files} - {""}, key=_ORDER.index)


def format_of(file: SourceFile, named: Mapping[str, SourceFile]) -> str:
    """Return the format of one of the files `named` by their names, or nothing where it is no file of weights."""
    path = PurePosixPath(file.name)
    if path.name in _NAMES:
        return _NAMES[path.name]
    found = _SUFFIXES.get(path.suffix.lower(), "")
    if found == "openvino":
        return found if _is_openvino(file, named) else ""
    if path.suffix == ".bin":
        head = _head(file)
        return "gguf" if head.startswith(b"GGUF") else "" if head.startswith(_HARMLESS_MAGIC) else _binary(path, named)
    return found


def refuse_pickles(files: Sequence[SourceFile], allow: Iterable[str]) -> None:
    """Raise `UnsafeContent`, which lists them, where there are pickles other than those that `allow` names.

    `allow` are names or patterns (``pytorch_model-*.bin``) of paths or of files.
    """
    named = {file.name: file for file in files}
    patterns = tuple(allow)
    found = [
        (file.name, why)
        for file in files
        if not any(fnmatch(file.name, each) or fnmatch(PurePosixPath(file.name).name, each) for each in patterns)
        and (why := pickled(file, named))
    ]
    if found:
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise UnsafeContent(
            "Pickled weights can run code on the machine that loads them: "
            + ", ".join(f"{name} ({why})" for name, why in found[:5])
            + f"{more}.",
            hint=f"Convert them to safetensors; or, if you trust them, allow them by name: --allow '{found[0][0]}'.",
        )


def pickled(file: SourceFile, named: Mapping[str, SourceFile]) -> str:
    """Say why a file is, or may be, a pickle; nothing where it is none. `named` are all files by their names."""
    head = _head(file)
    if head.startswith(b"PK\x03\x04") and _zip_with_pickle(file):
        return "a zip file with a pickle inside"
    if _pickle_begins(head):
        return "a pickle"
    path = PurePosixPath(file.name)
    suffix = path.suffix.lower()
    if suffix not in _SUSPECT or not head or head.startswith(_HARMLESS_MAGIC):
        return ""
    if suffix == ".bin" and _binary(path, named) != "pytorch":
        return ""
    return "cannot be told from a pickle"


def _is_openvino(file: SourceFile, named: Mapping[str, SourceFile]) -> bool:
    """Say whether an ``.xml`` file is OpenVINO's: a network, with its weights beside it."""
    return str(PurePosixPath(file.name).with_suffix(".bin")) in named and b"<net" in _head(file)


def _binary(path: PurePosixPath, named: Mapping[str, SourceFile]) -> str:
    """Say whose a ``.bin`` file is; pytorch's, unless its neighbours are another's."""
    network = named.get(str(path.with_suffix(".xml")))
    if network and _is_openvino(network, named):
        return "openvino"
    if path.name == "model.bin" and any(str(path.with_name(name)) in named for name in _CTRANSLATE2):
        return "ctranslate2"
    return "pytorch"


def _head(file: SourceFile) -> bytes:
    try:
        with file.path.open("rb") as opened:
            return opened.read(4096)
    except OSError as error:
        raise from_os_error(error, file.path) or error from error


def _pickle_begins(head: bytes) -> bool:
    """Say whether bytes begin as a pickle of protocol 2 to 5 does: PROTO, its number, and an opcode that may follow."""
    if len(head) < 3 or head[0] != 0x80 or not 2 <= head[1] <= 5:
        return False
    # FRAME; or what begins a value: containers, numbers, strings, globals (pickletools.opcodes).
    return head[2:3] in b"\x95" + b"](}){NIKLMJFGUTXVBCSc" + b"\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x96"


def _zip_with_pickle(file: SourceFile) -> bool:
    try:
        with zipfile.ZipFile(file.path) as archive:
            return any(name.endswith((".pkl", ".pickle", ".joblib")) for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
