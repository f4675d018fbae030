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
# Bytes that one encoder takes for each pixel of 8 bits (benchmarks.encoders tells): libx264 of 3 to 6 threads and
# libx265 1.1 to 1.3 GB at 4K, libsvtav1 with many cores about 1 GB at 1080p already.
_LANE_BYTES = {"libsvtav1": 480, "vp9": 210}
_USUAL_LANE_BYTES = 160
_MEMORY_SHARE = 0.5
# Twice as many as libx264 takes for itself (1.5 a core): when other lanes are done, the last can use their cores.
_ENCODER_THREADS_A_CORE = 3
_CORES_AN_INSPECTOR, _INSPECTOR_THREADS = (
    4,
    6,
)  # on 16 cores four decoded 290 frames of 4K a second, one of 16 threads 115


@dataclass(frozen=True, slots=True)
class Host:
    """What this machine has for all that is not the network."""

    cores: int
    memory_gb: float

    @classmethod
    def here(cls) -> Host:
        """This one."""
        return cls(cpu.cores(), cpu.memory_gb())


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

    @property
    def bytes(self) -> int:
        """The memory that it is counted with."""
        return self.pixels * _LANE_BYTES.get(self.codec, _USUAL_LANE_BYTES) * (2 if self.deep else 1)


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
    fitting = int(host.memory_gb * 2**30 * _MEMORY_SHARE // encoding.bytes)
    return max(1, min(_MOST * devices, host.cores // _CORES_A_LANE, fitting))


def encoder_threads(lanes: int, cores: int) -> int:
    """The threads of each lane's encoder, by its share of the cores; 0: its own choice.

    Left to itself each has those of one alone, and frames in memory for each of them: at 4K on 16 cores 2.4 instead
    of 1.3 GB.
    """
    return ceil(_ENCODER_THREADS_A_CORE * cores / lanes) if lanes > 1 else 0


def inspectors(cores: int) -> tuple[int, int]:
    """How many segments are decoded at once, and the threads for each; 0: as many as there are cores."""
    most = max(1, cores // _CORES_AN_INSPECTOR)
    return most, _INSPECTOR_THREADS if most > 1 else 0


def shared_out(lanes: int, devices: int) -> tuple[int, ...]:
    """The lanes of each device: they are for encoders, and thus the host's. Each gets one at least."""
    return tuple(max(1, lanes // devices + (place < lanes % devices)) for place in range(devices))
