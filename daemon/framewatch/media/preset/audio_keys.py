"""What a preset may ask of the sound, besides its encoder: loudness, channels and filters; all off by default."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from framewatch.documents import FindingError
from framewatch.domain import Record


def _number(value: Any) -> Any:
    """YAML's yes and no are no amounts."""
    if isinstance(value, bool):
        raise FindingError("config.bad_value", "a number is expected here, not true or false")
    return value


def _switch(value: Any) -> Any:
    """`true` is the filter as it stands, `false` is none."""
    return {"enabled": value} if isinstance(value, bool) else value


Amount = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_number)]


class Compressor(Record):
    """Makes what is loud quieter, so that whispers and explosions come nearer to each other."""

    enabled: bool = Field(True, description="false keeps the numbers for later and changes nothing.")
    threshold: Amount = Field(-18.0, ge=-60, le=0, description="dBFS above which it works.")
    ratio: Amount = Field(3.0, ge=1, le=20, description="4: of each 4 dB above the threshold 1 is left.")
    attack: Amount = Field(20.0, ge=0.01, le=2000, description="Milliseconds until it takes hold.")
    release: Amount = Field(250.0, ge=0.01, le=9000, description="Milliseconds until it lets go.")
    makeup: Amount = Field(0.0, ge=0, le=36, description="dB by which all is raised afterwards.")


class Limiter(Record):
    """Lets no sample rise above a ceiling."""

    enabled: bool = Field(True, description="false keeps the numbers for later and changes nothing.")
    ceiling: Amount = Field(-1.0, ge=-24, le=0, description="dBFS that no sample goes beyond.")
    attack: Amount = Field(5.0, ge=0.1, le=80, description="Milliseconds that it looks ahead.")
    release: Amount = Field(50.0, ge=1, le=8000, description="Milliseconds until it lets go.")


CompressorChoice = Annotated[Compressor, BeforeValidator(_switch)]
LimiterChoice = Annotated[Limiter, BeforeValidator(_switch)]


class AudioWishes(Record):
    """The keys of a preset that change how the sound is."""

    audio_bitrate_mode: Literal["bitrate", "vbr"] = Field(
        "bitrate", description="vbr: `audio_quality` instead of `audio_bitrate`; mp3 and libfdk_aac only."
    )
    audio_quality: Whole = Field(4, ge=0, le=9, description="For vbr. mp3: 0 (best) to 9; libfdk_aac: 1 to 5 (best).")
    audio_channels: Literal["original", "stereo", "mono"] = Field(
        "original", description="Mixed to so many channels."
    )
    audio_volume: Amount = Field(100.0, ge=0, le=400, description="Per cent; 100 changes nothing, 200 is 6 dB more.")
    audio_normalize: bool = Field(
        False,
        description="Loudness after EBU R128: -16 LUFS, peaks at most -1.5 dBTP, measured first; before volume.",
    )
    audio_high_pass: Annotated[Amount, Field(ge=10, le=5000)] | None = Field(
        None, description="Hz below which the sound is cut, 10 to 5000."
    )
    audio_low_pass: Annotated[Amount, Field(ge=200, le=20000)] | None = Field(
        None, description="Hz above which the sound is cut, 200 to 20000."
    )
    audio_noise_reduction: Amount = Field(
        0.0, ge=0, le=40, description="dB by which steady noise is lowered; 0 is off."
    )
    audio_noise_floor: Amount = Field(-50.0, ge=-80, le=-20, description="dBFS of the noise that is to be lowered.")
    audio_de_esser: Amount = Field(
        0.0, ge=0, le=100, description="Per cent; how readily sharp s sounds are softened."
    )
    audio_bass: Amount = Field(0.0, ge=-20, le=20, description="dB more, or less, around and below 100 Hz.")
    audio_treble: Amount = Field(0.0, ge=-20, le=20, description="dB more, or less, around and above 3 kHz.")
    audio_compressor: CompressorChoice = Field(
        Compressor(enabled=False), description="true, or its numbers: threshold, ratio, attack, release, makeup."
    )
    audio_stereo_width: Amount = Field(
        100.0, ge=0, le=300, description="Per cent; 0 is mono, 100 changes nothing. Of stereo tracks only."
    )
    audio_limiter: LimiterChoice = Field(
        Limiter(enabled=False), description="true, or its numbers: ceiling, attack, release. After all else."
    )

    @property
    def sound_filters(self) -> tuple[str, ...]:
        """The keys of the filters that are on; volume, loudness and channels are none."""
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
        return tuple(key for key, wished in on.items() if wished)
