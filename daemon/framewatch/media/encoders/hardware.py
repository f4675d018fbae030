"""Which hardware decodes and encodes for a preset."""

from __future__ import annotations

import sys

from framewatch.media.containers import HARDWARE, HardwareName, rules
from framewatch.media.preset.preset import Preset

# With a software encoder nothing in the preset names the hardware, so take what GPUs on this system mostly have.
_USUAL = HARDWARE["videotoolbox" if sys.platform == "darwin" else "nvenc"].hwaccel


def decoding_hardware(preset: Preset) -> str | None:
    """Return the hardware that decodes, by ffmpeg's name; None where the CPU does.

    It is that of the encoder. With a software encoder it is this system's usual one, if the preset upscales.
    """
    if not preset.hw_decode:
        return None
    encoder = encoding_hardware(preset)
    if encoder:
        return HARDWARE[encoder].hwaccel
    return _USUAL if preset.upscales else None


def encoding_hardware(preset: Preset) -> HardwareName | None:
    """Return the hardware that encodes; None where the CPU does, which says nothing about this machine's hardware."""
    return rules().video_encoders[preset.video_codec].hardware
