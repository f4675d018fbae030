"""Preset keys for audio: bitrate mode, loudness, channels and filters. All filters are off by default."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from framewatch.media.preset.values import Integer, Number, PresetSection


def _enabled_or_settings(value: Any) -> Any:
    """Read `true` as the filter with its default settings, and `false` as no filter."""
    return {"enabled": value} if isinstance(value, bool) else value


class Compressor(PresetSection):
    """A compressor: brings quiet and loud passages closer together."""

    enabled: bool = Field(True, description="false turns the compressor off and keeps its numbers.")
    threshold: Number = Field(-18.0, ge=-60, le=0, description="Level in dBFS above which it works.")
    ratio: Number = Field(3.0, ge=1, le=20, description="With 4, each 4 dB above the threshold become 1 dB.")
    attack: Number = Field(20.0, ge=0.01, le=2000, description="Attack time in milliseconds.")
    release: Number = Field(250.0, ge=0.01, le=9000, description="Release time in milliseconds.")
    makeup: Number = Field(0.0, ge=0, le=36, description="Gain in dB after compression.")


class Limiter(PresetSection):
    """A limiter: lets no sample exceed a ceiling."""

    enabled: bool = Field(True, description="false turns the limiter off and keeps its numbers.")
    ceiling: Number = Field(-1.0, ge=-24, le=0, description="Maximum sample level in dBFS.")
    attack: Number = Field(5.0, ge=0.1, le=80, description="Look-ahead in milliseconds.")
    release: Number = Field(50.0, ge=1, le=8000, description="Release time in milliseconds.")


CompressorChoice = Annotated[Compressor, BeforeValidator(_enabled_or_settings)]
LimiterChoice = Annotated[Limiter, BeforeValidator(_enabled_or_settings)]


class AudioKeys(PresetSection):
    """Preset keys that change how the audio sounds."""

    audio_bitrate_mode: Literal["bitrate", "vbr"] = Field(
        "bitrate", description="vbr: use `audio_quality` in place of `audio_bitrate`; mp3 and libfdk_aac only."
    )
    audio_quality: Integer = Field(
        4, ge=0, le=9, description="Quality for vbr. mp3: 0 (best) to 9; libfdk_aac: 1 to 5 (best)."
    )
    audio_channels: Literal["original", "stereo", "mono"] = Field(
        "original", description="Mix to this number of channels."
    )
    audio_volume: Number = Field(
        100.0, ge=0, le=400, description="Volume in per cent; 100 changes nothing, 200 adds 6 dB."
    )
    audio_normalize: bool = Field(
        False,
        description="Normalise loudness after EBU R128 to -16 LUFS, with peaks of at most -1.5 dBTP. Measured first, "
        "applied before the volume.",
    )
    audio_high_pass: Annotated[Number, Field(ge=10, le=5000)] | None = Field(
        None, description="Cut-off frequency of a high-pass filter, 10 to 5000 Hz."
    )
    audio_low_pass: Annotated[Number, Field(ge=200, le=20000)] | None = Field(
        None, description="Cut-off frequency of a low-pass filter, 200 to 20000 Hz."
    )
    audio_noise_reduction: Number = Field(0.0, ge=0, le=40, description="Reduction of steady noise in dB; 0 is off.")
    audio_noise_floor: Number = Field(-50.0, ge=-80, le=-20, description="Level in dBFS of the noise to reduce.")
    audio_de_esser: Number = Field(
        0.0, ge=0, le=100, description="Strength in per cent of a de-esser for sharp s sounds; 0 is off."
    )
    audio_bass: Number = Field(0.0, ge=-20, le=20, description="Gain in dB around and below 100 Hz.")
    audio_treble: Number = Field(0.0, ge=-20, le=20, description="Gain in dB around and above 3 kHz.")
    audio_compressor: CompressorChoice = Field(
        Compressor(enabled=False), description="true, or its settings: threshold, ratio, attack, release, makeup."
    )
    audio_stereo_width: Number = Field(
        100.0,
        ge=0,
        le=300,
        description="Stereo width in per cent; 0 is mono, 100 changes nothing. Stereo tracks only.",
    )
    audio_limiter: LimiterChoice = Field(
        Limiter(enabled=False), description="true, or its settings: ceiling, attack, release. The last filter."
    )

    @property
    def audio_filters(self) -> tuple[str, ...]:
        """The keys of the filters that are on. Volume, loudness and channels do not count as filters."""
        on = {
            "audio_high_pass": self.audio_high_pass is not None,
            "audio_low_pass": self.audio_low_pass is not None,
            "audio_noise_reduction": self.audio_noise_reduction > 0,
            "audio_de_esser": self.audio_de_esser > 0,
            "audio_bass": self.audio_bass != 0,
            "audio_treble": self.audio_treble != 0,
            "audio_compressor": self.audio_compressor.enabled,
            "audio_stereo_width": self.audio_stereo_width != 100,
            "audio_limiter": self.audio_limiter.enabled,
        }
        return tuple(key for key, is_on in on.items() if is_on)
