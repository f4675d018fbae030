"""How many segments of one video are rendered at once. Pure."""

from __future__ import annotations

from typing import Literal

from framewatch.media.containers import rules
from framewatch.render.spec import DeviceReport

# Encoders of several segments use many cores better than one does: libx264 veryfast at 4K on 16 cores made 37
# frames a second alone, 46 with two and 50 with four (docs/performance.md). Each has frames of its own in memory.
_MOST = 4
_CORES_A_LANE = 4


def side_by_side(wish: int | Literal["auto"], device: DeviceReport, video_codec: str, cpus: int) -> int:
    """The lanes of a render.

    Args:
        wish: of the settings; a number holds.
        device: what the network runs on. Where that is the processor, the encoder waits for it and not it for the
            encoder, so that one lane is enough.
        video_codec: of the preset. Encoders in hardware have few sessions, and are not slow.
        cpus: cores of this machine.
    """
    if wish != "auto":
        return wish
    if not device.gpu or rules().video_encoders[video_codec].hardware:
        return 1
    return max(1, min(_MOST, cpus // _CORES_A_LANE))
