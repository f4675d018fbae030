"""How many segments of one video are rendered at once, by how many workers, and how many are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

from framewatch.media.containers import rules
from framewatch.media.plan.plan import Plan
from framewatch.render.tasks import DeviceReport
from framewatch.upscale import host as cpu

# Encoders of several segments use many cores better than one does. At 4K, on 16 cores (docs/performance.md), libx264
# veryfast made 50 to 55 frames a second with four and 55 to 70 with eight, libx265 12 with one and 16 with four,
# libsvtav1 24 and 46. Beyond that, each only has frames of its own in memory.
_MOST = 8  # for each device
_CORES_A_LANE = 2
# Bytes that one encoder takes for each pixel of 4:2:0 in 8 bits (benchmarks.encoders tells). libx264 has frames for
# its preset's lookahead and references, and for each thread: at 1080p with 4 threads 0.3, 0.5, 0.6 and 0.9 GB at
# veryfast, medium, slow and veryslow; at 4K with 6, 24 and 72 threads 1.3, 2.6 and 5.3 GB at veryfast. At 1080p
# libx265 had 0.5 GB at medium on 2 cores, and libsvtav1 1 GB at its highest level of parallelism.
_X264_BYTES = {"faster": 240, "fast": 240, "medium": 240, "slow": 290, "slower": 290, "veryslow": 450, "placebo": 450}
_X264_LEAST_BYTES = 130  # of the presets that are faster
_X264_THREAD_BYTES = 9  # besides
_LANE_BYTES = {"libsvtav1": 480, "vp9": 210}
_USUAL_LANE_BYTES = 300
_MEMORY_SHARE = 0.5
_X264_THREADS_A_CORE = 1.5  # that it takes for itself (x264_threads in its encoder/encoder.c)
_LANES_THREADS_A_CORE = 3  # all lanes together: when others are done, the last can use their cores
# On 16 cores four inspectors of 6 threads decoded 290 frames of 4K a second, and one of 16 threads 115.
_CORES_AN_INSPECTOR, _INSPECTOR_THREADS = 4, 6
_MOST_INSPECTORS = 8
_INSPECTOR_BYTES = 20  # for each pixel: a frame for each thread, and those that the stream refers to
_INSPECTORS_SHARE = 0.125  # of the memory
_VALUES = {"444": 3.0, "422": 2.0, "420": 1.5}  # for each pixel, by chroma


@dataclass(frozen=True, slots=True)
class Host:
    """What this machine has for all that is not the network."""

    cores: int
    memory_gb: float

    @classmethod
    def here(cls, jobs: int = 1) -> Host:
        """What one of so many jobs at once has of this machine."""
        return cls(max(1, cpu.cores() // jobs), cpu.allowed_memory_gb() / jobs)

    @property
    def memory(self) -> float:
        """Bytes."""
        return self.memory_gb * 2**30


@dataclass(frozen=True, slots=True)
class EncoderLoad:
    """What an encoder is given to do."""

    codec: str  # of the preset
    pixels: int  # of a frame
    speed: str = "veryfast"  # of libx264: the preset's word
    weight: float = 1.0  # bytes of a frame, against those of 4:2:0 in 8 bits

    @classmethod
    def of(cls, plan: Plan) -> EncoderLoad:
        """That of an upscaled video."""
        chroma = next((part for part in _VALUES if part in plan.pixel_format), "420")
        weight = _VALUES[chroma] / _VALUES["420"] * (2 if plan.pixel_format.endswith("10le") else 1)
        return cls(plan.preset.video_codec, plan.frame_width * plan.frame_height, plan.preset.preset, weight)

    def bytes(self, threads: int) -> int:
        """The memory that it is counted with, if it is given so many threads."""
        if self.codec == "libx264":
            each = _X264_BYTES.get(self.speed, _X264_LEAST_BYTES) + threads * _X264_THREAD_BYTES
        else:
            each = _LANE_BYTES.get(self.codec, _USUAL_LANE_BYTES)
        return int(self.pixels * self.weight * each)


def lane_count(
    wish: int | Literal["auto"],
    encoding: EncoderLoad,
    device: DeviceReport,
    host: Host,
    *,
    segments: int,
    devices: int = 1,
) -> int:
    """The lanes of a render.

    Args:
        wish: of the settings; a number holds.
        encoding: what each lane's encoder does. Those in hardware have few sessions, and are not slow; the others are
            to take no more than half of the host's memory.
        device: what the network runs on. Where that is the processor, the encoder waits for it and not it for the
            encoder, so that one lane is enough.
        host: what the encoders share.
        segments: that are to be rendered; there are no more lanes.
        devices: how many like `device` there are.
    """
    if wish != "auto":
        return min(wish, segments)
    if not device.gpu or rules().video_encoders[encoding.codec].hardware:
        return 1
    most, room = min(_MOST * devices, host.cores // _CORES_A_LANE, segments), _MEMORY_SHARE * host.memory
    fitting = (n for n in range(most, 1, -1) if n * encoding.bytes(encoder_threads(n, host.cores)) <= room)
    return next(fitting, 1)


def encoder_threads(lanes: int, cores: int) -> int:
    """The threads that each lane's encoder is given; 0: its own choice.

    Left to themselves eight of libx264 have 24 each on 16 cores, and 2.4 instead of 1.3 GB at 4K.
    """
    if lanes == 1:
        return 0
    return min(ceil(_X264_THREADS_A_CORE * cores), ceil(_LANES_THREADS_A_CORE * cores / lanes))


def inspectors(encoding: EncoderLoad, host: Host) -> tuple[int, int]:
    """How many segments are decoded at once, and the threads for each; 0: as many as there are cores."""
    fitting = int(_INSPECTORS_SHARE * host.memory // (encoding.pixels * encoding.weight * _INSPECTOR_BYTES))
    most = max(1, min(_MOST_INSPECTORS, host.cores // _CORES_AN_INSPECTOR, fitting))
    return most, _INSPECTOR_THREADS if most > 1 else 0


def lanes_per_device(lanes: int, devices: int) -> tuple[int, ...]:
    """The lanes of each device: they are for encoders, and thus the host's. Each gets one at least."""
    return tuple(max(1, lanes // devices + (place < lanes % devices)) for place in range(devices))
