"""Safetensors files, as the `safetensors` package writes and reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from tiny_models import write_safetensors

from forecourt.errors import InvalidModel
from forecourt.modelcar import safetensors


def write_raw(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(raw) if length is None else length).to_bytes(8, "little") + raw + data)
    return path


def one(dtype: str = "U8", shape: object = (4,), offsets: object = (0, 4)) -> Mapping[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_safetensors(tmp_path_factory.mktemp("st") / "model.safetensors").read_bytes()


def test_what_the_library_wrote_is_read(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "model.safetensors")
    read = safetensors.read(path)
    assert read.metadata == {"format": "pt"}
    assert read.parameters == 64 + 16 + 3
    assert read.types == {"F16": 80, "F32": 3}
    raw = path.read_bytes()
    with safe_open(path, "numpy") as theirs:
        assert sorted(theirs.keys()) == sorted(tensor.name for tensor in read.tensors)
        for tensor in read.tensors:
            expected = theirs.get_tensor(tensor.name)
            assert tensor.shape == expected.shape
            assert raw[tensor.offset : tensor.offset + tensor.size] == expected.tobytes()


def test_a_file_without_tensors_and_scalars_are_read(tmp_path: Path) -> None:
    assert safetensors.read(write_raw(tmp_path / "none.safetensors", {})).tensors == ()
    scalar = safetensors.read(write_raw(tmp_path / "scalar.safetensors", {"a": one(shape=[], offsets=[0, 1])}, b"1"))
    assert scalar.parameters == 1


@pytest.mark.parametrize(
    ("header", "data", "says"),
    [
        (b"[]", b"", "not a JSON object"),
        (b"{", b"", "not JSON"),
        (b'{"a":' * 100_000, b"", "not JSON"),
        (b'{"a":' + b"1" * 5000 + b"}", b"", "not JSON"),
        (b'{"a":{},"a":{}}', b"", "there twice"),
        ({"a": 1}, b"", "no proper dtype"),
        ({"a": {}}, b"", "no proper dtype"),
        ({"a": one(shape=[-1])}, b"1234", "no proper dtype"),
        ({"a": one(shape=[True])}, b"1234", "no proper dtype"),
        ({"a": one(offsets=[0])}, b"1234", "no proper dtype"),
        ({"a": one(offsets=[0, 4.0])}, b"1234", "no proper dtype"),
        ({"a": one(offsets=[4, 0])}, b"1234", "from 4 to 0"),
        ({"a": one(offsets=[0, 5])}, b"1234", "from 0 to 5, and 4 bytes are there"),
        ({"a": one(shape=[5])}, b"1234", "cannot have 4 bytes"),
        ({"a": one("F32", [4])}, b"1234", "cannot have 4 bytes"),
        ({"a": one(shape=[2**62, 2**62])}, b"1234", "cannot have 4 bytes"),
        ({"a": one(shape=[2], offsets=[1, 3])}, b"123", "and should at"),
        ({"a": one(), "b": one()}, b"1234", "and should at"),
        ({"a": one()}, b"12345", "its tensors end at"),
        ({"__metadata__": [1]}, b"", "__metadata__"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, header: object, data: bytes, says: str) -> None:
    path = write_raw(tmp_path / "model.safetensors", header, data)
    with pytest.raises(InvalidModel) as raised:
        safetensors.read(path)
    assert says in raised.value.message
    assert raised.value.message.startswith("model.safetensors is not a sound safetensors file of ")
    with pytest.raises(SafetensorError), safe_open(path, "numpy"):
        pass


@pytest.mark.parametrize("length", [2**63, 100_000_001, 1000])
def test_a_header_that_cannot_be_is_not_read_into_memory(tmp_path: Path, length: int) -> None:
    with pytest.raises(InvalidModel, match="header"):
        safetensors.read(write_raw(tmp_path / "model.safetensors", {}, length=length))


def test_every_truncation_is_noticed(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    for length in range(len(sound)):
        path.write_bytes(sound[:length])
        with pytest.raises(InvalidModel):
            safetensors.read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(data=st.data())
def test_what_the_library_accepts_after_damage_is_accepted_and_nothing_else_is_raised(
    sound: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    raw = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(raw)
    try:
        with safe_open(path, "numpy") as theirs:
            expected = set(theirs.keys())
    except SafetensorError:
        expected = None
    try:
        mine = {tensor.name for tensor in safetensors.read(path).tensors}
    except InvalidModel:
        mine = None
    # The library refuses types that it does not know, which is the only difference.
    assert mine == expected or expected is None


class TestIndex:
    def shards(self, directory: Path) -> dict[str, safetensors.Safetensors]:
        array = numpy.zeros(2, numpy.float32)
        for number, names in enumerate((["a", "b"], ["c"]), 1):
            write_safetensors(directory / f"model-{number}.safetensors", dict.fromkeys(names, array))
        return {path.name: safetensors.read(path) for path in directory.glob("*.safetensors")}

    def index(self, directory: Path, weights: object) -> Path:
        path = directory / "model.safetensors.index.json"
        path.write_text(json.dumps({"weight_map": weights}))
        return path

    def test_shards_that_are_whole_pass(self, tmp_path: Path) -> None:
        weights = {"a": "model-1.safetensors", "b": "model-1.safetensors", "c": "model-2.safetensors"}
        safetensors.check_index(self.index(tmp_path, weights), self.shards(tmp_path))

    def test_a_missing_shard_is_named(self, tmp_path: Path) -> None:
        weights = {"a": "model-1.safetensors", "d": "model-3.safetensors"}
        with pytest.raises(InvalidModel, match=r"names files that are not there: model-3\.safetensors\."):
            safetensors.check_index(self.index(tmp_path, weights), self.shards(tmp_path))

    def test_a_tensor_that_is_not_in_its_shard_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidModel, match=r"says that model-1\.safetensors holds c, and it does not"):
            safetensors.check_index(self.index(tmp_path, {"c": "model-1.safetensors"}), self.shards(tmp_path))

    @pytest.mark.parametrize("weights", [None, [], {"a": 1}])
    def test_an_index_without_a_map_is_refused(self, tmp_path: Path, weights: object) -> None:
        with pytest.raises(InvalidModel, match="no weight_map"):
            safetensors.check_index(self.index(tmp_path, weights), {})

    @pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
    def test_an_index_that_is_no_json_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "i.json").write_text(text)
        with pytest.raises(InvalidModel, match="is not JSON"):
            safetensors.check_index(tmp_path / "i.json", {})
