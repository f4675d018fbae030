"""Frame rates that an encoder cannot write. Pure."""

from __future__ import annotations

from fractions import Fraction

from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.preset import Preset

# frame_rate_extension_n and _d of MPEG-2 (ISO/IEC 13818-2, section 6.3.5): the rate is multiplied by (n+1)/(d+1).
_TIMES, _PARTS = range(1, 5), range(1, 33)


def check_rate(preset: Preset, rate: Fraction) -> list[Finding]:
    """What is wrong with `rate`, the output's frames a second, for the preset's encoder."""
    container, encoder = rules().containers[preset.container], rules().video_encoders[preset.video_codec]
    if preset.processing_mode == "copy" or container.audio_only or not encoder.rates:
        return []
    if any(rate == base * times / parts for base in encoder.rates for times in _TIMES for parts in _PARTS):
        return []
    message = f"{preset.video_codec} cannot write {float(rate):.3f} frames a second"
    hint = f"it takes {', '.join(map(str, encoder.rates))}; other encoders take every rate"
    return [Finding("video.frame_rate", message, hint, "video_codec")]
