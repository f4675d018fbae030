"""How much of a video is worked on at once: segments that are rendered or inspected, and frames in each stage."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

from framewatch.media.containers import rules
from framewatch.media.plan.plan import VideoPlan
from framewatch.render.tasks import DeviceReport
from framewatch.upscale import host as cpu

# Encoders of several segments use many cores better than one does. At 4K, on 16 cores (docs/performance.md), libx264
# veryfast made 50 to 55 frames a second with four and 55 to 70 with eight, libx265 12 with one and 16 with four,
# libsvtav1 24 and 46. More encoders would only hold more frames in memory.
MAX_LANES = 8  # for each device
_CORES_PER_LANE = 2
# Bytes that one encoder takes for each pixel of 8-bit 4:2:0 (benchmarks/encoders.py). libx264 holds frames for its
# preset's lookahead and references, and for each thread: at 1080p with 4 threads 0.3, 0.5, 0.6 and 0.9 GB at
# veryfast, medium, slow and veryslow; at 4K with 6, 24 and 72 threads 1.3, 2.6 and 5.3 GB at veryfast. At 1080p
# libx265 took 0.5 GB at medium on 2 cores, and libsvtav1 1 GB at its highest level of parallelism.
_X264_BYTES = {"faster": 240, "fast": 240, "medium": 240, "slow": 290, "slower": 290, "veryslow": 450, "placebo": 450}
_X264_FAST_BYTES = 130  # at faster presets
_X264_THREAD_BYTES = 9  # for each thread, on top
_ENCODER_BYTES = {"libsvtav1": 480, "vp9": 210}
_OTHER_ENCODER_BYTES = 300
_ENCODER_MEMORY = 0.5  # the share of the memory that all encoders may take
_X264_THREADS_PER_CORE = 1.5  # libx264's own choice (x264_threads in its encoder/encoder.c)
_LANE_THREADS_PER_CORE = 3  # of all lanes together: the last segments of a video have the cores to themselves
# One decoder is no faster with 16 threads than with 8: on 16 cores four inspectors of 6 threads decoded 290 frames of
# 4K a second, and one of 16 threads 115.
_CORES_PER_INSPECTOR, _INSPECTOR_THREADS = 4, 6
_MAX_INSPECTORS = 8
_INSPECTOR_BYTES = 20  # for each pixel: a frame for each thread, and reference frames
_INSPECTOR_MEMORY = 0.125  # the share of the memory that all inspectors may take
_UHD = 3840 * 2160
_HD = 1920 * 1080
_VALUES_PER_PIXEL = {"444": 3.0, "422": 2.0, "420": 1.5}


@dataclass(frozen=True, slots=True)
class Host:
    """What this machine has for everything but the network."""

    cores: int
    memory_gb: float

    @classmethod
    def here(cls, jobs: int = 1) -> Host:
        """Return the part of this machine that each of `jobs` concurrent jobs has."""
        return cls(max(1, cpu.cores() // jobs), cpu.allowed_memory_gb() / jobs)

    @property
    def memory(self) -> float:
        """Memory in bytes."""
        return self.memory_gb * 2**30


@dataclass(frozen=True, slots=True)
class EncoderLoad:
    """What an encoder is given to do."""

    codec: str  # of the preset
    pixels: int  # of a frame
    speed: str = "veryfast"  # libx264's preset
    weight: float = 1.0  # bytes of a frame, relative to 8-bit 4:2:0

    @classmethod
    def of(cls, plan: VideoPlan) -> EncoderLoad:
        """Return the load of an upscaled video."""
        chroma = next((chroma for chroma in _VALUES_PER_PIXEL if chroma in plan.pixel_format), "420")
        depth = 2 if plan.pixel_format.endswith("10le") else 1
        weight = _VALUES_PER_PIXEL[chroma] / _VALUES_PER_PIXEL["420"] * depth
        return cls(plan.preset.video_codec, plan.frame_width * plan.frame_height, plan.preset.preset, weight)

    def bytes(self, threads: int | None) -> int:
        """Return the memory to reserve for an encoder with so many threads; None: the encoder's own choice."""
        if self.codec == "libx264":
            each = _X264_BYTES.get(self.speed, _X264_FAST_BYTES) + (threads or 0) * _X264_THREAD_BYTES
        else:
            each = _ENCODER_BYTES.get(self.codec, _OTHER_ENCODER_BYTES)
        return int(self.pixels * self.weight * each)


@dataclass(frozen=True, slots=True)
class Stages:
    """How many frames each stage of the pipeline works on at once: `load:proc:save`."""

    load: int
    proc: int
    save: int


def lane_count(
    setting: int | Literal["auto"],
    load: EncoderLoad,
    device: DeviceReport,
    host: Host,
    *,
    segments: int,
    devices: int = 1,
) -> int:
    """Return the number of lanes for a render.

    Args:
        setting: `lanes` of the configuration; a number is used as it is.
        load: what each lane's encoder does. Hardware encoders allow few sessions, and are not slow; all others
            together may take half of the host's memory.
        device: what the network runs on. On a CPU the encoder waits for the network, so that one lane is enough.
        host: what the encoders share.
        segments: how many are to be rendered; there are no more lanes.
        devices: how many devices like `device` render.
    """
    if setting != "auto":
        return min(setting, segments)
    if not device.gpu or rules().video_encoders[load.codec].hardware:
        return 1
    most = min(MAX_LANES * devices, host.cores // _CORES_PER_LANE, segments)
    memory = _ENCODER_MEMORY * host.memory
    fitting = (n for n in range(most, 1, -1) if n * load.bytes(encoder_threads(n, host.cores)) <= memory)
    return next(fitting, 1)


def encoder_threads(lanes: int, cores: int) -> int | None:
    """Return the threads for each lane's encoder; None: the encoder's own choice.

    With their own choice, eight of libx264 have 24 threads each on 16 cores, and take 2.4 instead of 1.3 GB at 4K.
    Since the number follows from that of the lanes, the same job has other bytes with other lanes, at the same rate
    factor.
    """
    if lanes == 1:
        return None
    return min(ceil(_X264_THREADS_PER_CORE * cores), ceil(_LANE_THREADS_PER_CORE * cores / lanes))


def inspector_workers(load: EncoderLoad, host: Host) -> tuple[int, int | None]:
    """Return how many segments are inspected at once, and the threads for each; None: as many as there are cores."""
    fitting = int(_INSPECTOR_MEMORY * host.memory // (load.pixels * load.weight * _INSPECTOR_BYTES))
    most = max(1, min(_MAX_INSPECTORS, host.cores // _CORES_PER_INSPECTOR, fitting))
    return most, _INSPECTOR_THREADS if most > 1 else None


def lanes_per_device(lanes: int, devices: int) -> tuple[int, ...]:
    """Divide the lanes among the devices, at least one each: encoders run on the host, and lanes are the host's."""
    return tuple(max(1, lanes // devices + (index < lanes % devices)) for index in range(devices))


def stages(width: int, height: int, cpus: int) -> Stages:
    """Return the stages for an output of `width` x `height` pixels on a machine with `cpus` cores.

    Upscaled at once: 1 above 4K output, 2 above 1080p, else 4. Decoded and encoded at once: half of the cores,
    rounded up, from 1 to 4.
    """
    pixels = width * height
    proc = 1 if pixels > _UHD else 2 if pixels > _HD else 4
    around = min(max(ceil(cpus / 2), 1), 4)
    return Stages(around, proc, around)
