"""The bounds of a job: no job that can be done may fail by them, and the user's own number counts."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from clips import make_clip
from framewatch.domain import MediaInfo, Timeline
from framewatch.jobs.attempt.concurrency import EncoderLoad, Host
from framewatch.jobs.attempt.forecast.memory import job_bounds, reading_bounds
from framewatch.media.limits import Limits
from framewatch.media.plan.plan import VideoPlan, make_plan
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.packet_scan import scan
from framewatch.media.probe.probe import probe
from framewatch.media.timeline import plan_timeline
from framewatch.render.tasks import DeviceReport

GIB = 2**30
BIG = Host(128, 1024.0)  # cores and GiB
CPU = DeviceReport(engine="openvino", id="CPU", description="", memory_gb=1024)
GPU = DeviceReport(engine="cuda", id="0", description="", memory_gb=80, gpu=True, in_flight=3)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[MediaInfo, Timeline]:
    path = make_clip(tmp_path_factory.mktemp("memory") / "a.mp4", frames=3)
    info = probe(path)
    found = scan(path, 0)
    return info, plan_timeline(found.pts, found.time_base, None, found.last_duration)


def plan(source: tuple[MediaInfo, Timeline], width: int, height: int, **keys: Any) -> tuple[VideoPlan, MediaInfo]:
    """An upscale of frames of this size."""
    info, timeline = source
    main = info.streams[0]
    assert main.video
    large = main.evolve(video=main.video.evolve(width=width, height=height))
    info = info.evolve(streams=(large, *info.streams[1:]))
    made = make_plan(Preset(ml_upscale="esrgan-2x", **keys), "test", info, timeline)
    assert isinstance(made, VideoPlan)
    return made, info


@pytest.mark.parametrize(
    ("size", "codec", "speed", "depth"),
    [
        *product(
            [(640, 360), (1920, 1080), (3840, 2160), (7680, 4320)],
            ["libx264", "libx265", "libsvtav1"],
            ["ultrafast", "medium", "placebo"],
            ["auto", "yuv420p10le"],
        )
    ],
)
def test_an_encoder_has_twice_the_memory_that_was_measured(
    source: tuple[MediaInfo, Timeline], size: tuple[int, int], codec: str, speed: str, depth: str
) -> None:
    made, info = plan(source, *size, video_codec=codec, preset=speed, pixel_format=depth)
    bounds = job_bounds(made, info, Limits(), BIG, CPU)
    assert bounds.ffmpeg is not None
    assert bounds.ffmpeg > 2 * EncoderLoad.of(made).bytes(threads=128)


@pytest.mark.parametrize("device", [CPU, GPU], ids=["CPU", "GPU"])
@pytest.mark.parametrize("lanes", [1, 8, 32])
def test_a_worker_has_room_for_all_lanes_and_its_engine(
    source: tuple[MediaInfo, Timeline], device: DeviceReport, lanes: int
) -> None:
    made, info = plan(source, 3840, 2160)
    bounds = job_bounds(made, info, Limits(), BIG, device, lanes)
    assert bounds.worker is not None
    frames = 3840 * 2160 * 3 * 20 + 7680 * 4320 * 3 * 6  # decoded with references, and upscaled, as 8-bit RGB
    tile = 2800 * 3840 * 2160 * device.in_flight  # the most that an engine was seen to take
    assert bounds.worker > lanes * frames + tile + (32 * GIB if device.gpu else 0)


def test_no_bound_but_that_for_a_gpu_is_beyond_the_machine(source: tuple[MediaInfo, Timeline]) -> None:
    made, info = plan(source, 7680, 4320)
    small = Host(4, 8.0)
    on_cpu, on_gpu = (job_bounds(made, info, Limits(), small, device) for device in (CPU, GPU))
    assert (on_cpu.worker, on_cpu.ffmpeg, on_gpu.ffmpeg) == (8 * GIB, 8 * GIB, 8 * GIB)
    assert on_gpu.worker == 40 * GIB


def test_a_file_may_have_as_many_bytes_as_its_raw_frames(source: tuple[MediaInfo, Timeline]) -> None:
    made, info = plan(source, 1920, 1080)
    bounds = job_bounds(made, info, Limits(), BIG, CPU)
    assert bounds.file is not None
    assert made.frames * 3840 * 2160 * 8 < bounds.file < 10 * GIB


def test_the_number_of_the_configuration_is_the_bound_of_every_process(source: tuple[MediaInfo, Timeline]) -> None:
    made, info = plan(source, 1920, 1080)
    limits = Limits(worker_gb=3)
    for bounds in (reading_bounds(limits), job_bounds(made, info, limits, BIG, CPU)):
        assert (bounds.worker, bounds.beyond_held, bounds.ffmpeg) == (3_000_000_000, False, 3_000_000_000)
    on_gpu = job_bounds(made, info, limits, BIG, GPU)
    assert (on_gpu.worker, on_gpu.ffmpeg) == (3_000_000_000 + 32 * GIB, 3_000_000_000)


def test_opening_a_file_is_bounded_by_the_largest_frame_that_is_allowed() -> None:
    small, large = (reading_bounds(Limits(max_pixels=pixels)).worker for pixels in (1920 * 1080, 8192 * 8192))
    assert small is not None
    assert large is not None
    assert small < 2**29 < large < 2 * GIB
