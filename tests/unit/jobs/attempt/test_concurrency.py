"""Several lanes where the encoder is the slowest stage, one where the network needs the cores itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Literal, cast

import pytest

from framewatch.jobs.attempt.concurrency import (
    EncoderLoad,
    Host,
    Stages,
    encoder_threads,
    inspector_workers,
    lane_count,
    lanes_per_device,
    stages,
)
from framewatch.media.plan.plan import VideoPlan
from framewatch.media.preset.preset import Preset
from framewatch.render.tasks import DeviceReport

GPU = DeviceReport(engine="cuda", id="0", description="a GPU", memory_gb=24, gpu=True, in_flight=3)
CPU = DeviceReport(engine="openvino", id="CPU", description="a processor", memory_gb=64)


UHD = 3840 * 2160


def host(cores: int, memory_gb: float = 256) -> Host:
    return Host(cores, memory_gb)


@pytest.mark.parametrize(
    ("device", "codec", "cores", "lanes"),
    [
        (GPU, "libx264", 64, 8),
        (GPU, "libx264", 16, 8),
        (GPU, "libx265", 8, 4),
        (GPU, "libx264", 4, 2),
        (GPU, "libx264", 2, 1),
        (GPU, "hevc_nvenc", 64, 1),
        (CPU, "libx264", 64, 1),
    ],
)
def test_lanes_follow_device_encoder_and_cores(device: DeviceReport, codec: str, cores: int, lanes: int) -> None:
    assert lane_count("auto", EncoderLoad(codec, UHD), device, host(cores), segments=99) == lanes


@pytest.mark.parametrize(
    ("load", "memory_gb", "lanes"),
    [
        (EncoderLoad("libx264", UHD), 16, 4),
        (EncoderLoad("libx264", UHD), 24, 8),
        (EncoderLoad("libx264", UHD, "medium"), 16, 2),
        (EncoderLoad("libx264", UHD, "veryslow"), 16, 1),
        (EncoderLoad("libx264", UHD, weight=2), 32, 4),
        (EncoderLoad("libx264", UHD // 4), 16, 8),
        (EncoderLoad("libx264", 4 * UHD), 16, 1),
        (EncoderLoad("libx264", 4 * UHD), 2, 1),
        (EncoderLoad("libsvtav1", UHD), 16, 2),
        (EncoderLoad("libx265", UHD), 16, 3),
    ],
)
def test_encoders_take_at_most_half_of_the_memory(load: EncoderLoad, memory_gb: float, lanes: int) -> None:
    assert lane_count("auto", load, GPU, host(16, memory_gb), segments=99) == lanes


@pytest.mark.parametrize("cores", [2, 8, 16, 64, 128, 512])
@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1", "vp9"])
def test_encoders_take_at_most_half_of_the_memory_with_any_number_of_threads(codec: str, cores: int) -> None:
    for memory_gb in (4, 8, 24, 64, 512):
        load = EncoderLoad(codec, UHD)
        lanes = lane_count("auto", load, GPU, host(cores, memory_gb), segments=99)
        used = lanes * load.bytes(encoder_threads(lanes, cores))
        assert lanes == 1 or used <= memory_gb * 2**30 / 2


@pytest.mark.parametrize("device", [GPU, CPU])
def test_a_configured_number_of_lanes_is_used(device: DeviceReport) -> None:
    assert lane_count(3, EncoderLoad("libx264", 4 * UHD), device, host(2, 2), segments=4) == 3


@pytest.mark.parametrize("setting", [8, "auto"])
def test_there_are_no_more_lanes_than_segments(setting: int | Literal["auto"]) -> None:
    assert lane_count(setting, EncoderLoad("libx264", UHD), GPU, host(16), segments=2) == 2


@pytest.mark.parametrize(
    ("cores", "devices", "lanes"), [(16, 2, 8), (64, 2, 16), (64, 8, 32), (256, 8, 64), (8, 4, 4), (2, 2, 1)]
)
def test_several_devices_have_more_lanes_where_there_are_enough_cores(cores: int, devices: int, lanes: int) -> None:
    found = lane_count("auto", EncoderLoad("libx264", UHD), GPU, host(cores), segments=99, devices=devices)
    assert found == lanes


@pytest.mark.parametrize(
    ("lanes", "cores", "threads"), [(1, 16, None), (2, 16, 24), (4, 16, 12), (8, 16, 6), (8, 64, 24), (3, 2, 2)]
)
def test_concurrent_encoders_share_the_cores(lanes: int, cores: int, threads: int | None) -> None:
    assert encoder_threads(lanes, cores) == threads


@pytest.mark.parametrize(
    ("load", "here", "most"),
    [
        (EncoderLoad("libx264", UHD), host(2), (1, None)),
        (EncoderLoad("libx264", UHD), host(7), (1, None)),
        (EncoderLoad("libx264", UHD), host(8), (2, 6)),
        (EncoderLoad("libx264", UHD), host(16), (4, 6)),
        (EncoderLoad("libx264", UHD), host(192), (8, 6)),
        (EncoderLoad("libx264", 4 * UHD), host(64, 16), (3, 6)),
        (EncoderLoad("libx264", 4 * UHD, weight=2), host(64, 8), (1, None)),
    ],
)
def test_several_segments_are_inspected_at_once_where_there_are_cores_and_memory(
    load: EncoderLoad, here: Host, most: tuple[int, int | None]
) -> None:
    assert inspector_workers(load, here) == most


@pytest.mark.parametrize(
    ("lanes", "devices", "each"), [(4, 1, (4,)), (4, 2, (2, 2)), (5, 2, (3, 2)), (1, 3, (1, 1, 1)), (4, 3, (2, 1, 1))]
)
def test_lanes_are_divided_and_each_device_has_one(lanes: int, devices: int, each: tuple[int, ...]) -> None:
    assert lanes_per_device(lanes, devices) == each


@pytest.mark.parametrize(
    ("pixel_format", "weight"), [("yuv420p", 1), ("yuv420p10le", 2), ("yuv422p10le", 8 / 3), ("yuv444p", 2)]
)
def test_the_weight_of_a_frame_follows_from_its_format(pixel_format: str, weight: float) -> None:
    preset = Preset(ml_upscale="esrgan-2x", preset="slow")
    plan = SimpleNamespace(preset=preset, pixel_format=pixel_format, frame_width=1920, frame_height=1080)
    found = EncoderLoad.of(cast("VideoPlan", plan))
    assert found == EncoderLoad("libx264", 1920 * 1080, "slow", weight)


def test_concurrent_jobs_have_equal_parts_of_the_machine() -> None:
    whole, half = Host.here(), Host.here(2)
    assert half == Host(max(1, whole.cores // 2), whole.memory_gb / 2)


@pytest.mark.parametrize(
    ("size", "proc"),
    [((1920, 1080), 4), ((1921, 1080), 2), ((3840, 2160), 2), ((3841, 2160), 1), ((2, 2), 4)],
)
def test_the_output_size_decides_how_many_frames_are_upscaled_at_once(size: tuple[int, int], proc: int) -> None:
    assert stages(*size, cpus=8).proc == proc


@pytest.mark.parametrize(("cpus", "around"), [(0, 1), (1, 1), (2, 1), (3, 2), (7, 4), (64, 4)])
def test_decoding_and_encoding_get_half_of_the_cores(cpus: int, around: int) -> None:
    assert stages(640, 360, cpus) == Stages(around, 4, around)
