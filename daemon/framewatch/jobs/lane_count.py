"""How many segments of one video are rendered at once, and by how many workers. Pure."""

from __future__ import annotations

from typing import Literal

from framewatch.media.containers import rules
from framewatch.render.spec import DeviceReport

# Encoders of several segments use many cores better than one does: libx264 veryfast at 4K on 16 cores made 37
# frames a second alone, 46 with two and 50 with four (docs/performance.md). Each has frames of its own in memory.
_MOST = 4  # for each device
_CORES_A_LANE = 4


def side_by_side(
    wish: int | Literal["auto"], device: DeviceReport, video_codec: str, cpus: int, devices: int = 1
) -> int:
    """The lanes of a render.

    Args:
        wish: of the settings; a number holds.
        device: what the network runs on. Where that is the processor, the encoder waits for it and not it for the
            encoder, so that one lane is enough.
        video_codec: of the preset. Encoders in hardware have few sessions, and are not slow.
        cpus: cores of this machine.
        devices: how many like `device` there are.
    """
    if wish != "auto":
        return wish
    if not device.gpu or rules().video_encoders[video_codec].hardware:
        return 1
    return max(1, min(_MOST * devices, cpus // _CORES_A_LANE))


def shared_out(lanes: int, devices: int) -> tuple[int, ...]:
    """The lanes of each device: they are for encoders, and thus the host's. Each gets one at least."""
    return tuple(max(1, lanes // devices + (place < lanes % devices)) for place in range(devices))
