"""Pickles are found by what they are, and by what they are called where that cannot be told."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
from tiny_models import write_gguf

from forecourt.errors import UnsafeContent
from forecourt.modelcar import formats, source


def check(directory: Path, *allow: str) -> list[str]:
    files = source.find(directory)
    formats.refuse_pickles(files, allow)
    return formats.formats(files)


def torch_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("value", [{}, [1, "a"], (1.5,), Path("/"), None, b"bytes", 2**70, {"a": object}])
def test_a_pickle_is_found_whatever_it_is_called(tmp_path: Path, protocol: int, value: object) -> None:
    (tmp_path / "weights.dat").write_bytes(pickle.dumps(value, protocol))
    with pytest.raises(UnsafeContent, match=r"weights\.dat \(a pickle\)"):
        check(tmp_path)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "model.pth", "model.ckpt", "archive", "x.safetensors"]
)
def test_a_zip_with_a_pickle_is_found(tmp_path: Path, name: str) -> None:
    torch_zip(tmp_path / name)
    with pytest.raises(UnsafeContent, match="a zip file with a pickle inside"):
        check(tmp_path)


@pytest.mark.parametrize(
    "name", ["model.bin", "model.pt", "MODEL.PTH", "m.ckpt", "m.pkl", "m.pickle", "m.joblib", "sub/pytorch_model.bin"]
)
def test_what_cannot_be_told_from_a_pickle_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")  # a pickle of protocol 0
    with pytest.raises(UnsafeContent) as raised:
        check(tmp_path)
    assert name in raised.value.message and f"--allow '{name}'" in raised.value.hint


def test_what_is_allowed_by_name_passes(tmp_path: Path) -> None:
    torch_zip(tmp_path / "pytorch_model-00001-of-00002.bin")
    torch_zip(tmp_path / "pytorch_model-00002-of-00002.bin")
    torch_zip(tmp_path / "training_args.bin")
    with pytest.raises(UnsafeContent) as raised:
        check(tmp_path, "pytorch_model-*.bin")
    assert "training_args.bin" in raised.value.message and "pytorch_model" not in raised.value.message
    assert check(tmp_path, "pytorch_model-*.bin", "training_args.bin") == ["pytorch"]


def test_only_some_of_many_are_listed(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"{number}.pkl").write_bytes(b"\x80\x04N.")
    with pytest.raises(UnsafeContent, match="and 3 more"):
        check(tmp_path)


def test_openvino_is_no_pickle(tmp_path: Path) -> None:
    (tmp_path / "openvino_model.bin").write_bytes(bytes(range(256)))
    with pytest.raises(UnsafeContent):
        check(tmp_path)
    (tmp_path / "openvino_model.xml").write_text('<?xml version="1.0"?>\n<net name="x" version="11"></net>')
    assert check(tmp_path) == ["openvino"]
    (tmp_path / "openvino_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(UnsafeContent):
        check(tmp_path)


def test_another_xml_beside_it_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"weights")
    (tmp_path / "pytorch_model.xml").write_text("<html/>")
    with pytest.raises(UnsafeContent):
        check(tmp_path)


def test_gguf_and_ctranslate2_binaries_are_no_pickles(tmp_path: Path) -> None:
    write_gguf(tmp_path / "gguf" / "ggml-model.bin")
    assert check(tmp_path / "gguf") == ["gguf"]
    (tmp_path / "ct2").mkdir()
    (tmp_path / "ct2" / "model.bin").write_bytes(b"\6\0\0\0\5\0Spec\0")
    (tmp_path / "ct2" / "vocabulary.json").write_text("[]")
    assert check(tmp_path / "ct2") == ["ctranslate2"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model.onnx", "onnx"),
        ("saved_model.pb", "tensorflow"),
        ("model.keras", "keras"),
        ("model.bst", "xgboost"),
        ("model.txt", "lightgbm"),
        ("model.skops", "sklearn"),
        ("MLmodel", "mlflow"),
        ("config.json", ""),
        ("page.xml", ""),
    ],
)
def test_formats_go_by_names(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"something")
    assert check(tmp_path) == ([kind] if kind else [])


def test_weights_that_are_loaded_first_name_the_model(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    (tmp_path / "model.safetensors").write_bytes(b"x")
    assert check(tmp_path) == ["safetensors", "onnx"]
