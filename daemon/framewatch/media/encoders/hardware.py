"""Which hardware decodes for a preset."""

from __future__ import annotations

import sys

from framewatch.media.containers import HWACCELS, rules
from framewatch.media.preset.preset import Preset

# With a software encoder nothing in the preset names the hardware: the one that this system's GPUs mostly have.
_USUAL = HWACCELS["videotoolbox" if sys.platform == "darwin" else "nvenc"]


def decoding_hardware(preset: Preset) -> str:
    """Ffmpeg's name of it: that of the hardware that encodes, or this system's where it upscales; "" for none."""
    if not preset.hw_decode:
        return ""
    named = encoding_hardware(preset)
    if named:
        return HWACCELS[named]
    return _USUAL if preset.upscales else ""


def encoding_hardware(preset: Preset) -> str | None:
    """The hardware that encodes; None where the processor does. Then no hardware is known to be here."""
    return rules().video_encoders[preset.video_codec].hardware
