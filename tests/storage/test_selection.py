"""Of a repository that holds a model several times, the one that a person expects comes."""

from __future__ import annotations

import pytest

from forecourt.storage.selection import Patterns, of_a_hub


def chosen(*names: str, allow: tuple[str, ...] = (), ignore: tuple[str, ...] = ()) -> list[str]:
    return of_a_hub(names, Patterns(allow, ignore))


def test_a_model_is_taken_whole_and_without_what_git_needs() -> None:
    names = ("config.json", "tokenizer.json", "model.safetensors", "README.md", "modeling_x.py")
    assert chosen(".gitattributes", *names) == list(names)


@pytest.mark.parametrize(
    "other",
    [
        "pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json", "tf_model.h5",
        "flax_model.msgpack", "rust_model.ot", "training_args.bin", "model.ckpt", "original/consolidated.00.pth",
        "original/params.json", "onnx/model.onnx", "onnx/model_q4.onnx_data", "openvino/openvino_model.bin",
        "consolidated.safetensors", "model-q4_k_m.gguf", "optimizer.pt",
    ],
)  # fmt: skip
def test_the_same_weights_in_another_form_are_left_out(other: str) -> None:
    assert chosen("config.json", "model.safetensors", other) == ["config.json", "model.safetensors"]
    assert chosen("config.json", "model.safetensors", other, allow=("*",)) == [
        "config.json",
        "model.safetensors",
        other,
    ]


def test_without_safetensors_they_are_the_model() -> None:
    names = ["config.json", "pytorch_model.bin", "onnx/model.onnx"]
    assert chosen(*names) == names
    assert chosen("params.json", "consolidated.safetensors") == ["params.json", "consolidated.safetensors"]


def test_each_directory_is_looked_at_alone() -> None:
    """A sentence transformer has modules of its own below it, and diffusers a model in each directory."""
    names = ["1_Pooling/config.json", "2_Dense/pytorch_model.bin", "model.safetensors", "modules.json"]
    assert chosen(*names) == names
    assert chosen("unet/x.safetensors", "unet/x.bin", "vae/x.bin") == ["unet/x.safetensors", "vae/x.bin"]


class TestQuantizations:
    NAMES = tuple(f"Tiny-{kind}.gguf" for kind in ("Q2_K", "Q4_0", "Q4_K_M", "Q4_K_S", "Q8_0", "F16", "IQ4_XS"))

    def test_one_comes_and_not_all(self) -> None:
        assert chosen("README.md", *self.NAMES) == ["README.md", "Tiny-Q4_K_M.gguf"]

    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (["t-Q8_0.gguf", "t-F16.gguf"], ["t-Q8_0.gguf"]),
            (["t.q4_k_m.gguf", "t.q5_k_m.gguf"], ["t.q4_k_m.gguf"]),
            (["t-F16.gguf", "t-BF16.gguf"], ["t-BF16.gguf"]),
            (["only.gguf"], ["only.gguf"]),
            (["t-UD-Q4_K_XL.gguf", "t-Q2_K.gguf"], ["t-UD-Q4_K_XL.gguf"]),
        ],
    )
    def test_the_nearest_where_there_is_no_q4_k_m(self, names: list[str], expected: list[str]) -> None:
        assert chosen(*names) == expected

    def test_all_shards_of_it(self) -> None:
        shards = [f"Q4_K_M/t-Q4_K_M-0000{number}-of-00002.gguf" for number in (1, 2)]
        others = [f"Q8_0/t-Q8_0-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
        assert chosen(*shards, *others) == shards

    def test_one_projector_stays(self) -> None:
        names = ["t-Q4_K_M.gguf", "t-Q8_0.gguf", "mmproj-BF16.gguf", "mmproj-F16.gguf", "mmproj-F32.gguf"]
        assert chosen(*names) == ["t-Q4_K_M.gguf", "mmproj-F16.gguf"]

    def test_another_is_had_by_asking(self) -> None:
        assert chosen(*self.NAMES, allow=("*Q8_0*",)) == ["Tiny-Q8_0.gguf"]
        assert chosen(*self.NAMES, allow=("*.gguf",)) == list(self.NAMES)
        assert chosen(*self.NAMES, ignore=("*Q4_K*",)) == ["Tiny-Q4_0.gguf"]


def test_patterns_are_kserves() -> None:
    patterns = Patterns(("*.json", "sub/"), ("*secret*",))
    assert [name for name in ("a.json", "x/a.json", "sub/w.bin", "secret.json", "b.bin") if patterns.allows(name)] == [
        "a.json",
        "x/a.json",
        "sub/w.bin",
    ]
