"""Accelerators are seen by what their drivers show in the file system."""

from __future__ import annotations

from pathlib import Path

from forecourt.projects import AMD, GAUDI, NVIDIA, Accelerator, accelerators


def put(root: Path, name: str, text: str = "") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_a_machine_without_any_has_none(tmp_path: Path) -> None:
    assert list(accelerators(tmp_path)) == []


def test_what_is_there_is_named(tmp_path: Path) -> None:
    put(tmp_path, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA L4\nIRQ: 5\n")
    put(tmp_path, "dev/kfd")
    put(tmp_path, "sys/class/kfd/kfd/topology/nodes/0/gpu_id", "0\n")
    put(tmp_path, "sys/class/kfd/kfd/topology/nodes/1/gpu_id", "33367\n")
    put(tmp_path, "sys/class/drm/card0/device/mem_info_vram_total", "17163091968\n")
    put(tmp_path, "sys/class/drm/card0/device/product_name", "AMD Radeon PRO W7800\n")
    put(tmp_path, "sys/class/accel/accel0/device/vendor", "0x1da3\n")
    assert list(accelerators(tmp_path)) == [
        Accelerator(NVIDIA, 0, "NVIDIA L4"),
        Accelerator(AMD, 0, "AMD Radeon PRO W7800", 17163091968),
        Accelerator(GAUDI, 0, "Intel Gaudi"),
    ]


def test_a_processor_is_no_gpu_and_an_accelerator_may_be_another_makers(tmp_path: Path) -> None:
    put(tmp_path, "dev/kfd")
    put(tmp_path, "sys/class/kfd/kfd/topology/nodes/0/gpu_id", "0\n")
    put(tmp_path, "sys/class/accel/accel0/device/vendor", "0x8086\n")
    assert list(accelerators(tmp_path)) == []


def test_a_gpu_whose_driver_says_little_is_one_all_the_same(tmp_path: Path) -> None:
    put(tmp_path, "proc/driver/nvidia/gpus/0000:01:00.0/information")
    put(tmp_path, "dev/kfd")
    put(tmp_path, "sys/class/kfd/kfd/topology/nodes/1/gpu_id", "1\n")
    assert [one.name for one in accelerators(tmp_path)] == ["NVIDIA GPU", "AMD GPU"]
