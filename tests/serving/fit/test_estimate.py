"""What replicas need with their runtime's settings, held against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forecourt.serving.fit import Estimate, Item, Launch, Layer, Room, Structure, estimate, family_of, judge, needs

GIB = 1024**3
LLAMA = Structure(
    format="gguf",
    weights={"F16": 16_060_000_000},
    layers=(Layer(1024, 1024),) * 32,
    embedding=4096,
    feed_forward=14336,
    heads=32,
    vocabulary=128256,
    context=131072,
)
GEMMA = replace(LLAMA, layers=((Layer(1024, 1024, 1024),) * 5 + (Layer(1024, 1024),)) * 5)


def llamacpp(*args: str, model: Structure = LLAMA, **launch: int) -> Estimate:
    return estimate(model, "llamacpp", Launch(args, **launch))  # type: ignore[arg-type]


def vllm(*args: str, model: Structure = LLAMA, env: dict[str, str] | None = None, **launch: int) -> Estimate:
    return estimate(model, "vllm", Launch(args, env or {}, **launch))


# llama.cpp


def test_the_context_is_for_all_requests_together() -> None:
    assert llamacpp("--ctx-size=8192", "--parallel=8", "--kv-unified").of("KV cache") == 8192 * 131072 == GIB
    assert llamacpp("--ctx-size=8192", "--parallel=8").of("KV cache") == GIB
    assert llamacpp("-c", "8192").of("KV cache") == GIB


def test_without_a_context_it_is_the_models_own() -> None:
    assert llamacpp().of("KV cache") == llamacpp("--ctx-size=0").of("KV cache") == 16 * GIB


def test_the_last_of_an_option_holds() -> None:
    assert llamacpp("--ctx-size=8192", "--ctx-size", "4096").of("KV cache") == GIB // 2


def test_a_cache_of_eight_bits_and_a_half() -> None:
    both = llamacpp("--ctx-size=8192", "--cache-type-k=q8_0", "-ctv", "q8_0")
    keys = llamacpp("--ctx-size=8192", "--cache-type-k=q8_0")
    assert both.of("KV cache") == round(GIB * 8.5 / 16)
    assert keys.of("KV cache") == round(GIB * (8.5 + 16) / 32)


def test_a_window_is_as_long_as_all_requests_need_and_a_batch() -> None:
    per_layer = 2048 * 2  # bytes of a token
    one = llamacpp("--ctx-size=32768", "--parallel=1", "--kv-unified", model=GEMMA)
    assert one.of("KV cache") == per_layer * (5 * 32768 + 25 * 1536)
    eight = llamacpp("--ctx-size=32768", "--parallel=8", "--kv-unified", model=GEMMA)
    assert eight.of("KV cache") == per_layer * (5 * 32768 + 25 * (8 * 1024 + 512))
    apart = llamacpp("--ctx-size=32768", "--parallel=8", model=GEMMA)
    assert apart.of("KV cache") == per_layer * (5 * 32768 + 25 * 8 * 1536)
    assert llamacpp("--ctx-size=32768", "--swa-full", model=GEMMA).of("KV cache") == per_layer * 30 * 32768
    short = llamacpp("--ctx-size=1024", "--parallel=1", model=GEMMA)
    assert short.of("KV cache") == per_layer * 30 * 1024


def test_types_with_faster_kernels_are_there_twice() -> None:
    model = replace(LLAMA, weights={"Q4_0": 4_000, "F32": 50}, repackable={"Q4_0": 3_500})
    need = llamacpp("--ctx-size=256", model=model)
    assert (need.of("weights"), need.of("weights in another order"), need.mapped) == (4_050, 3_500, 4_050)


def test_weights_that_are_read_are_not_shared() -> None:
    assert llamacpp("--no-mmap").mapped == 0
    assert llamacpp().mapped == LLAMA.size


def test_remembered_prompts_are_growth_not_need() -> None:
    assert llamacpp().growth == 8 * GIB
    assert llamacpp("--cache-ram=0").growth == 0
    assert llamacpp("--no-cache-prompt").growth == 0


# vLLM


def test_vllm_takes_its_cache_whole() -> None:
    need = vllm("--max-model-len=8192", env={"VLLM_CPU_KVCACHE_SPACE": "4"})
    assert need.of("KV cache") == 4 * GIB
    assert not need.refuses
    assert vllm("--max-model-len=8192", free=40 * GIB).of("KV cache") == 8 * GIB
    assert vllm("--max-model-len=8192", free=40 * GIB, limit=12 * GIB).of("KV cache") == 3 * GIB


def test_vllm_has_one_process_more_where_its_engine_does_not_compute_itself() -> None:
    one = vllm().of("runtime")
    bound = vllm(env={"VLLM_CPU_OMP_THREADS_BIND": "0-3"}).of("runtime")
    assert one < bound == vllm("--tensor-parallel-size=2").of("runtime")
    assert bound == vllm("--distributed-executor-backend=mp").of("runtime")
    assert one == vllm(env={"VLLM_CPU_OMP_THREADS_BIND": "nobind"}).of("runtime")


def test_vllm_would_not_start_with_a_cache_too_small_for_one_request() -> None:
    need = vllm(env={"VLLM_CPU_KVCACHE_SPACE": "4"})
    assert "one request of 131072 tokens needs 16.0 GiB" in need.refuses
    verdict = judge(need, Room(free=100 * GIB, total=100 * GIB))
    assert (verdict.fits, verdict.ever) == (False, False)
    assert "a smaller --max-model-len" in verdict.hint


def test_weights_are_loaded_in_the_type_that_is_asked_for() -> None:
    model = replace(LLAMA, weights={"BF16": 16_000, "I32": 700})
    assert vllm(model=model).of("weights") == 16_700
    assert vllm("--dtype=float32", model=model).of("weights") == 32_700
    assert vllm(model=replace(LLAMA, weights={"F32": 32_000})).of("weights") == 16_000


def test_four_bit_weights_stay_packed() -> None:
    """Llama-3.1-8B W4A16: 6.98 billion parameters in four bits, their scales, and embeddings as they were."""
    packed, scales, rest = 6_979_321_856 // 2, 6_979_321_856 // 128 * 2, 2 * 128256 * 4096 * 2
    model = replace(LLAMA, weights={"I32": packed, "BF16": scales + rest}, quantized=True)
    assert vllm(model=model).of("weights") == packed + scales + rest == 5_700_059_136


def test_on_an_accelerator_it_is_what_the_share_leaves() -> None:
    fits = vllm("--max-model-len=8192", devices=1, device=24 * 10**9)
    assert fits.on_device
    assert not fits.refuses
    assert fits.of("KV cache") == GIB
    assert vllm("--max-model-len=8192", devices=1, device=16 * 10**9).refuses
    assert not vllm("--max-model-len=8192", "--tensor-parallel-size=2", devices=2, device=16 * 10**9).refuses


# Others


def test_runtimes_are_told_by_the_words_that_start_them() -> None:
    assert family_of(["python", "$(FORECOURT_RUNTIMES)/llamacpp_server.py"]) == "llamacpp"
    assert family_of(["docker.io/vllm/vllm-openai-cpu:v0.29.0"]) == "vllm"
    assert family_of(["python", "x/openvino_server.py"]) == "openvino"
    assert family_of(["python", "serve.py"]) == ""


def test_of_a_runtime_that_is_not_known_the_weights_are_the_least() -> None:
    need = estimate(LLAMA, "", Launch())
    assert (need.total, need.known) == (LLAMA.size, False)
    assert needs(need).startswith("needs at least 16.1 GB: weights 16.1 GB")


@pytest.mark.parametrize("family", ["llamacpp", "vllm", "openvino", "caikit", "mlserver", ""])
@pytest.mark.parametrize(
    "args", [["--ctx-size=much"], ["--parallel"], ["--max-model-len=-1"], ["--cache_size=9e99"], ["--ctx-size=nan"]]
)
def test_arguments_that_are_no_numbers_are_the_runtimes_to_refuse(family: str, args: list[str]) -> None:
    assert estimate(LLAMA, family, Launch(args, {"VLLM_CPU_KVCACHE_SPACE": "x"})).total > 0


# The verdict

NEED = Estimate(
    (
        Item("weights", 2_000_000_000, mapped=True),
        Item("KV cache", 900_000_000, "8192 tokens"),
        Item("runtime", 200_000_000),
    ),
    tokens=8192,
    per_token=109863,
    context_option="--ctx-size",
)


def test_what_does_not_fit_is_said_with_the_numbers() -> None:
    verdict = judge(NEED, Room(free=1_900_000_000, total=24 * GIB, others=("a uses 4.0 GB",)))
    assert (verdict.fits, verdict.ever) == (False, True)
    assert verdict.message == (
        "It needs about 3.1 GB: weights 2.0 GB, KV cache 900 MB for 8192 tokens, runtime 200 MB; free are 1.9 GB."
    )
    assert "stop another: a uses 4.0 GB" in verdict.hint


def test_a_context_that_would_fit_is_proposed() -> None:
    verdict = judge(NEED, Room(free=2_700_000_000, total=24 * GIB))
    assert "--ctx-size=4352" in verdict.hint
    left = replace(NEED, items=(NEED.items[0], Item("KV cache", 4352 * 109863), NEED.items[2]))
    assert judge(left, Room(free=2_700_000_000, total=24 * GIB)).fits


def test_nine_tenths_are_tight() -> None:
    assert judge(NEED, Room(free=3_400_000_000, total=24 * GIB)).tight
    assert judge(NEED, Room(free=3_400_000_000, total=24 * GIB)).fits
    assert not judge(NEED, Room(free=3_500_000_000, total=24 * GIB)).tight


def test_weights_that_another_replica_has_mapped_are_not_needed_twice() -> None:
    assert judge(NEED, Room(free=1_900_000_000, total=24 * GIB, shared=2_000_000_000)).fits


def test_more_than_the_machine_or_the_limit_never_fits() -> None:
    assert not judge(NEED, Room(free=1_000, total=3_000_000_000)).ever
    verdict = judge(NEED, Room(free=20 * GIB, total=24 * GIB, limit=3_000_000_000))
    assert (verdict.fits, verdict.ever) == (False, False)
    assert "its limit is 3.0 GB" in verdict.message


def test_a_rollout_names_what_runs_beside() -> None:
    assert "Recreate" in judge(NEED, Room(free=1, total=24 * GIB), beside=1).hint
