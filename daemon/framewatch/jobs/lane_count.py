"""How many segments of one video are rendered at once, by how many workers, and how many are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

from framewatch.media.containers import rules
from framewatch.media.plan import Plan
from framewatch.render.spec import DeviceReport
from framewatch.upscale import cpu

# Encoders of several segments use many cores better than one does. At 4K, on 16 cores (benchmarks.encoders), libx264
# veryfast made 52 frames a second with four and 65 to 70 with eight, libx265 12 with one and 16 with four, libsvtav1
# 24 and 46. Beyond that, each only has frames of its own in memory.
_MOST = 8  # for each device
_CORES_A_LANE = 2
# Bytes that one encoder takes for each pixel of 8 bits (benchmarks.encoders tells). At 4K libx264 took 1.3, 2.6 and
# 5.3 GB with 6, 24 and 72 threads, libx265 1.3 GB; libsvtav1 with many cores takes about 1 GB at 1080p already.
_LANE_BYTES = {"libx264": 120, "libsvtav1": 480, "vp9": 210}
_USUAL_LANE_BYTES = 160
_THREAD_BYTES = {"libx264": 9}  # besides, for each of the threads that it is given
_MEMORY_SHARE = 0.5
# Together more than libx264 takes for itself (1.5 a core): when other lanes are done, the last can use their cores.
_ENCODER_THREADS_A_CORE = 2
# On 16 cores four inspectors of 6 threads decoded 290 frames of 4K a second, and one of 16 threads 115.
_CORES_AN_INSPECTOR, _INSPECTOR_THREADS = 4, 6
_MOST_INSPECTORS = 8
_INSPECTOR_BYTES = (
    20  # for each pixel: a frame for each thread, and those that the stream refers to; two bytes if deep
)
_INSPECTORS_SHARE = 0.125  # of the memory


@dataclass(frozen=True, slots=True)
class Host:
    """What this machine has for all that is not the network."""

    cores: int
    memory_gb: float

    @classmethod
    def here(cls) -> Host:
        """This one."""
        return cls(cpu.cores(), cpu.allowed_memory_gb())

    @property
    def memory(self) -> float:
        """Bytes."""
        return self.memory_gb * 2**30


@dataclass(frozen=True, slots=True)
class Encoding:
    """What an encoder is given to do."""

    codec: str  # of the preset
    pixels: int  # of a frame
    deep: bool = False  # more than 8 bits

    @classmethod
    def of(cls, plan: Plan) -> Encoding:
        """That of an upscaled video."""
        pixels = plan.frame_width * plan.frame_height
        return cls(plan.preset.video_codec, pixels, plan.pixel_format.endswith("10le"))

    def bytes(self, threads: int) -> int:
        """The memory that it is counted with, if it is given so many threads."""
        each = _LANE_BYTES.get(self.codec, _USUAL_LANE_BYTES) + threads * _THREAD_BYTES.get(self.codec, 0)
        return self.samples * each

    @property
    def samples(self) -> int:
        """Pixels; those of more than 8 bits count twice, for they take two bytes."""
        return self.pixels * (2 if self.deep else 1)


def side_by_side(
    wish: int | Literal["auto"], encoding: Encoding, device: DeviceReport, host: Host, devices: int = 1
) -> int:
    """The lanes of a render.

    Args:
        wish: of the settings; a number holds.
        encoding: what each lane's encoder does. Those in hardware have few sessions, and are not slow; the others are
            to take no more than half of the host's memory.
        device: what the network runs on. Where that is the processor, the encoder waits for it and not it for the
            encoder, so that one lane is enough.
        host: what the encoders share.
        devices: how many like `device` there are.
    """
    if wish != "auto":
        return wish
    if not device.gpu or rules().video_encoders[encoding.codec].hardware:
        return 1
    most, room = min(_MOST * devices, host.cores // _CORES_A_LANE), _MEMORY_SHARE * host.memory
    fitting = (n for n in range(most, 1, -1) if n * encoding.bytes(encoder_threads(n, host.cores)) <= room)
    return next(fitting, 1)


def encoder_threads(lanes: int, cores: int) -> int:
    """The threads that each lane's encoder is given; 0: its own choice.

    Left to themselves eight of libx264 have 24 each on 16 cores, and 2.4 instead of 1.2 GB at 4K.
    """
    return ceil(_ENCODER_THREADS_A_CORE * cores / lanes) if lanes > 1 else 0


def inspectors(encoding: Encoding, host: Host) -> tuple[int, int]:
    """How many segments are decoded at once, and the threads for each; 0: as many as there are cores."""
    fitting = int(_INSPECTORS_SHARE * host.memory // (encoding.samples * _INSPECTOR_BYTES))
    most = max(1, min(_MOST_INSPECTORS, host.cores // _CORES_AN_INSPECTOR, fitting))
    return most, _INSPECTOR_THREADS if most > 1 else 0


def shared_out(lanes: int, devices: int) -> tuple[int, ...]:
    """The lanes of each device: they are for encoders, and thus the host's. Each gets one at least."""
    return tuple(max(1, lanes // devices + (place < lanes % devices)) for place in range(devices))
