"""Several lanes where the encoder is the slowest, one where the network needs the cores itself."""

from __future__ import annotations

import pytest

from framewatch.jobs.lane_count import shared_out, side_by_side
from framewatch.render.spec import DeviceReport

GPU = DeviceReport(name="cuda 0", description="a GPU", memory_gb=24, gpu=True, in_flight=3)
CPU = DeviceReport(name="openvino CPU", description="a processor", memory_gb=64)


@pytest.mark.parametrize(
    ("device", "codec", "cpus", "lanes"),
    [
        (GPU, "libx264", 64, 4),
        (GPU, "libx264", 16, 4),
        (GPU, "libx265", 8, 2),
        (GPU, "libx264", 4, 1),
        (GPU, "libx264", 2, 1),
        (GPU, "hevc_nvenc", 64, 1),
        (CPU, "libx264", 64, 1),
    ],
)
def test_lanes_follow_device_encoder_and_cores(device: DeviceReport, codec: str, cpus: int, lanes: int) -> None:
    assert side_by_side("auto", device, codec, cpus) == lanes


@pytest.mark.parametrize("device", [GPU, CPU])
def test_a_number_that_was_set_holds(device: DeviceReport) -> None:
    assert side_by_side(3, device, "libx264", 2) == 3


@pytest.mark.parametrize(("cpus", "devices", "lanes"), [(16, 2, 4), (64, 2, 8), (64, 8, 16), (8, 4, 2), (2, 2, 1)])
def test_several_devices_have_more_lanes_where_there_are_cores_for_them(cpus: int, devices: int, lanes: int) -> None:
    assert side_by_side("auto", GPU, "libx264", cpus, devices) == lanes


@pytest.mark.parametrize(
    ("lanes", "devices", "each"), [(4, 1, (4,)), (4, 2, (2, 2)), (5, 2, (3, 2)), (1, 3, (1, 1, 1)), (4, 3, (2, 1, 1))]
)
def test_lanes_are_shared_out_and_each_device_has_one(lanes: int, devices: int, each: tuple[int, ...]) -> None:
    assert shared_out(lanes, devices) == each
