"""Sound: what is done to an audio track on its way into an encoder, as ffmpeg's filters and options. Pure.

The order: gaps filled, high-pass, low-pass, noise, s sounds, bass, treble, compressor, stereo width, channels,
loudness, volume, limiter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from framewatch.domain import Audio, Record
from framewatch.errors import Finding
from framewatch.media.containers import AudioEncoder
from framewatch.media.filters.loudness import Loudness, measuring_filter, normalizing_filter
from framewatch.media.preset.preset import Preset

_CHANNELS = {"mono": 1, "stereo": 2}
_LEAST_NOISE_REDUCTION = 0.01  # dB: the filter's own
_UNKNOWN = Audio(sample_rate=48000, channels=2)  # of a track for which there is no decoder to ask


class AudioTarget(Record):
    """How an audio track is encoded. None keeps what the source has."""

    kbps: int | None = None
    quality: str = ""  # option and number of a variable rate, such as "q 4"
    channels: int | None = None
    sample_rate: int | None = None  # Hz
    layout: str = ""  # of the channels, where the encoder does not take every one
    before: tuple[str, ...] = ()  # filters, up to the mix of the channels
    normalize: bool = False
    loudness: Loudness | None = None  # as it was measured
    source_rate: int = 0  # Hz
    after: tuple[str, ...] = ()  # filters, after the loudness is right
    block: int | None = None  # samples of a channel that go to the encoder at a time


def audio_target(preset: Preset, encoder: AudioEncoder, audio: Audio | None) -> AudioTarget:
    """What becomes of a track with these facts."""
    source = audio if audio and audio.channels else _UNKNOWN
    kept = channels_kept(preset, encoder, source.channels)
    vbr = encoder.vbr if preset.audio_bitrate_mode == "vbr" else None
    return AudioTarget(
        kbps=None if vbr else encoder.kbps(preset.audio_bitrate, kept),
        quality=f"{vbr.option} {preset.audio_quality}" if vbr else "",
        channels=kept if kept != source.channels else None,
        sample_rate=encoder.sample_rate,
        layout=encoder.layouts[kept - 1] if encoder.layouts else "",
        before=_before(preset, source.channels),
        normalize=preset.audio_normalize,
        source_rate=source.sample_rate or _UNKNOWN.sample_rate,
        after=_after(preset),
        block=encoder.block,
    )


def audio_warnings(
    preset: Preset, encoder: AudioEncoder, audio: Audio | None, target: AudioTarget, name: str
) -> Iterator[Finding]:
    """What a track, called `name`, loses on its way to `target`, and what of the preset's wishes it does not get."""
    source = audio if audio and audio.channels else _UNKNOWN
    kept = target.channels or source.channels
    if preset.audio_stereo_width != 100 and not widens(preset, source.channels):
        message = f"{name} is not stereo: audio_stereo_width leaves it as it is"
        yield Finding("audio.not_stereo", message)
    if preset.audio_channels == "original":
        yield from _mixed(encoder, source, kept, name)
    if target.kbps not in (None, preset.audio_bitrate):
        asked = f"{preset.audio_bitrate} kbit/s is not a rate of {encoder.program}"
        yield Finding("audio.bitrate_changed", f"{asked} for {kept} channels; {target.kbps} is used")


def _mixed(encoder: AudioEncoder, source: Audio, kept: int, name: str) -> Iterator[Finding]:
    if kept < source.channels:
        message = f"{name} has {source.channels} channels, {encoder.program} takes {kept}: mixed down"
        yield Finding("audio.mixed_down", message)
    elif encoder.whole and source.layout and source.layout not in encoder.whole:
        message = f"{name} is {source.layout}, which {encoder.program} cannot say: some of its channels are mixed"
        yield Finding("audio.layout_changed", message, "flac and aac keep it")


def channels_kept(preset: Preset, encoder: AudioEncoder, channels: int) -> int:
    """How many channels the output has of a track with so many."""
    return min(_CHANNELS.get(preset.audio_channels, channels), encoder.channels)


def widens(preset: Preset, channels: int) -> bool:
    """Whether the stereo width is changed: of stereo alone, since the filter would mix anything else down to it."""
    return preset.audio_stereo_width != 100 and channels == 2


def measure_args(target: AudioTarget, first: Sequence[str] = ()) -> list[str]:
    """Options that measure the only track of a command, as loud as it is just before `normalize`."""
    return ["-filter:a:0", ",".join([*first, *_until_loudness(target), measuring_filter()])]


def audio_args(number: int, encoder: str, target: AudioTarget, first: Sequence[str] = ()) -> list[str]:
    """The options for output audio track `number`, counted from 0; filters that come `first` cut it."""
    args = [f"-c:a:{number}", encoder, f"-filter:a:{number}", ",".join([*first, *_chain(target)])]
    if target.quality:
        option, value = target.quality.split()
        args += [f"-{option}:a:{number}", value]
    if target.kbps:
        args += [f"-b:a:{number}", f"{target.kbps}k"]
    if target.sample_rate:
        args += [f"-ar:a:{number}", str(target.sample_rate)]
    return args


def _chain(target: AudioTarget) -> list[str]:
    loud = []
    if target.normalize:  # it works at 192 kHz, and would hand that on
        loud = [normalizing_filter(target.loudness), f"aresample={target.source_rate}"]
    blocks = [f"asetnsamples={target.block}:p=0"] if target.block else []
    return [*_until_loudness(target), *loud, *target.after, *blocks]


def _until_loudness(target: AudioTarget) -> list[str]:
    """The filters up to `normalize`.

    `aresample=async=1` fills gaps in the source's sound with silence and cuts overlaps, so that it stays in
    time with the picture; it does not stretch. `min_hard_comp`: from 10 ms on, where swresample by itself leaves
    everything below 100 ms as it is.
    """
    chain = ["aresample=async=1:min_hard_comp=0.01", *target.before]
    layout = target.layout or (f"{target.channels}c" if target.channels else "")
    return [*chain, f"aformat=channel_layouts={layout}"] if layout else chain


def _before(preset: Preset, channels: int) -> tuple[str, ...]:
    squeeze = preset.audio_compressor
    filters = (
        (preset.audio_high_pass is not None, f"highpass=f={_plain(preset.audio_high_pass or 0)}"),
        (preset.audio_low_pass is not None, f"lowpass=f={_plain(preset.audio_low_pass or 0)}"),
        (
            preset.audio_noise_reduction > 0,
            f"afftdn=nr={_plain(max(preset.audio_noise_reduction, _LEAST_NOISE_REDUCTION))}"
            f":nf={_plain(preset.audio_noise_floor)}",
        ),
        (preset.audio_de_esser > 0, f"deesser=i={_plain(preset.audio_de_esser / 100)}"),
        (preset.audio_bass != 0, f"bass=g={_plain(preset.audio_bass)}"),
        (preset.audio_treble != 0, f"treble=g={_plain(preset.audio_treble)}"),
        (
            squeeze.enabled,
            f"acompressor=threshold={_factor(squeeze.threshold)}:ratio={_plain(squeeze.ratio)}"
            f":attack={_plain(squeeze.attack)}:release={_plain(squeeze.release)}:makeup={_factor(squeeze.makeup)}",
        ),
        (widens(preset, channels), f"extrastereo=m={_plain(preset.audio_stereo_width / 100)}:c=0"),
    )
    return tuple(text for on, text in filters if on)


def _after(preset: Preset) -> tuple[str, ...]:
    limit = preset.audio_limiter
    filters = (
        (preset.audio_volume != 100, f"volume={_plain(preset.audio_volume / 100)}"),
        (
            limit.enabled,  # `level` would raise all to full scale; `latency` takes back what looking ahead delays
            f"alimiter=limit={_factor(limit.ceiling)}:attack={_plain(limit.attack)}"
            f":release={_plain(limit.release)}:level=0:latency=1",
        ),
    )
    return tuple(text for on, text in filters if on)


def _factor(decibels: float) -> str:
    return _plain(10 ** (decibels / 20))


def _plain(number: float) -> str:
    """Never with an exponent."""
    return f"{number:.6f}".rstrip("0").rstrip(".")
