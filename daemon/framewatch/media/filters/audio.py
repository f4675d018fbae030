"""What is done to an audio track on its way into an encoder, as ffmpeg's filters and options. Pure.

The order: gaps filled, high-pass, low-pass, noise reduction, de-esser, bass, treble, compressor, stereo width,
channels, loudness, volume, limiter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from framewatch.domain import Audio, Record, Stream
from framewatch.errors import Finding
from framewatch.media.containers import AudioEncoder
from framewatch.media.filters.loudness import Loudness, measuring_filter, normalizing_filter
from framewatch.media.preset.preset import Preset

_CHANNELS = {"mono": 1, "stereo": 2}
_MOST_CHANNELS = 64  # SWR_CH_MAX of libswresample, which every filter chain needs
# Numbers of channels that libswresample knows a layout for, where a source names none (av_channel_layout_default).
_ASSUMED_LAYOUTS = (*range(1, 9), 10, 12, 14, 16, 24)
# The layouts that libav takes channels for where a file names none (av_channel_layout_default).
_PLAYED_AS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1", 24: "22.2"}
_DOWNMIX = "downmix"  # stereo that says that it was made of more channels
_LEAST_NOISE_REDUCTION = 0.01  # dB: the filter's own limit
_UNKNOWN = Audio(sample_rate=48000, channels=2)  # assumed for a track that has no decoder


class VariableQuality(Record):
    """A variable bit rate: ffmpeg's option, and its value."""

    option: str
    value: int


class AudioTarget(Record):
    """How an audio track is encoded. None keeps what the source has."""

    kbps: int | None = None
    quality: VariableQuality | None = None
    channels: int | None = None
    sample_rate: int | None = None  # Hz
    uniform: str | None = None  # the source's sound changes, and is made like this first (arguments of aformat)
    layout: str | None = None  # of the channels, where the encoder does not take all layouts
    before: tuple[str, ...] = ()  # filters, up to the mix of the channels
    normalize: bool = False
    loudness: Loudness | None = None  # as it was measured
    source_rate: int  # Hz
    after: tuple[str, ...] = ()  # filters, after the loudness is right
    block: int | None = None  # samples per channel that the encoder gets at a time


def audio_target(preset: Preset, encoder: AudioEncoder, audio: Audio | None) -> AudioTarget:
    """Return how a preset encodes a track; `audio` is None where the source has no decoder for it."""
    source = audio if audio and audio.channels else _UNKNOWN
    kept = channels_kept(preset, encoder, source.channels)
    vbr = encoder.vbr if preset.audio_bitrate_mode == "vbr" else None
    return AudioTarget(
        kbps=None if vbr else encoder.kbps(preset.audio_bitrate, kept),
        quality=VariableQuality(option=vbr.option, value=preset.audio_quality) if vbr else None,
        channels=kept if kept != source.channels else None,
        sample_rate=encoder.sample_rate,
        layout=encoder.layouts[kept - 1] if encoder.layouts else None,
        before=(*_centred(source), *_before(preset, source.channels)),
        normalize=preset.audio_normalize,
        source_rate=source.sample_rate or _UNKNOWN.sample_rate,
        after=_after(preset),
        block=encoder.block,
    )


def audio_obstacle(preset: Preset, encoder: AudioEncoder, stream: Stream, name: str) -> Finding | None:
    """Return why a track, called `name` in messages, cannot be encoded; None: it can."""
    hint = "convert it to stereo first, or copy it (audio_codec: copy)"
    if stream.codec.startswith("pcm_") and stream.audio and not stream.audio.channels:
        # Only the header says how many there are, and libav drops a number that it cannot take.
        message = f"{name} states no number of channels, or more than ffmpeg reads"
        return Finding("audio.too_many_channels", message, hint)
    source = stream.audio if stream.audio and stream.audio.channels else _UNKNOWN
    if source.channels > _MOST_CHANNELS:
        message = f"{name} has {source.channels} channels; ffmpeg converts {_MOST_CHANNELS} at the most"
        return Finding("audio.too_many_channels", message, hint)
    kept = channels_kept(preset, encoder, source.channels)
    if kept == source.channels or source.layout or source.channels in _ASSUMED_LAYOUTS:
        return None
    message = f"{name} has {source.channels} channels and does not say which: they cannot be mixed to {kept}"
    return Finding("audio.unknown_layout", message, hint)


def audio_warnings(
    preset: Preset, encoder: AudioEncoder, audio: Audio | None, target: AudioTarget, name: str
) -> Iterator[Finding]:
    """What a track, called `name` in messages, loses, and which of the preset's keys have no effect on it."""
    source = audio if audio and audio.channels else _UNKNOWN
    kept = target.channels or source.channels
    if preset.audio_stereo_width != 100 and not widens(preset, source.channels):
        message = f"{name} is not stereo: audio_stereo_width has no effect on it"
        yield Finding("audio.not_stereo", message)
    if preset.audio_channels == "original":
        yield from _mix_warnings(encoder, source, kept, name)
    if target.kbps not in (None, preset.audio_bitrate):
        message = f"{encoder.program} has no {preset.audio_bitrate} kbit/s for {kept} channels; {target.kbps} is used"
        yield Finding("audio.bitrate_changed", message)


def _mix_warnings(encoder: AudioEncoder, source: Audio, kept: int, name: str) -> Iterator[Finding]:
    if kept < source.channels:
        message = (
            f"{name} has {source.channels} channels and is mixed down to {kept}, the most {encoder.program} takes"
        )
        yield Finding("audio.mixed_down", message)
    elif source.layout == _DOWNMIX:
        message = f"{name} is stereo that was mixed down from more channels, and becomes stereo that does not say so"
        yield Finding("audio.layout_changed", message, "audio_codec copy into mov keeps it")
    elif encoder.whole and source.layout and source.layout not in encoder.whole:
        message = f"{name} is {source.layout}, which {encoder.program} does not have: some of its channels are mixed"
        yield Finding("audio.layout_changed", message, "flac and aac keep it")


def lost_layout(codec: str, audio: Audio | None, name: str, where: str) -> Iterator[Finding]:
    """Warn of a copy of PCM, called `name`, into Matroska, which does not store where its channels are."""
    if not codec.startswith("pcm_") or audio is None or not audio.layout:
        return
    if audio.layout != _PLAYED_AS.get(audio.channels):
        message = f"{name} is {audio.layout}, which Matroska does not store: players take it for another layout"
        yield Finding("audio.layout_lost", message, 'container "mov", or audio_codec "flac", keeps it', where)


def _centred(source: Audio) -> tuple[str, ...]:
    """Make mono of a single channel that is somewhere else, and stereo of a downmix: encoders take no other names."""
    if source.layout == _DOWNMIX:
        return ("pan=stereo|c0=c0|c1=c1",)
    return ("pan=mono|c0=c0",) if source.channels == 1 and source.layout not in ("", "mono") else ()


def channels_kept(preset: Preset, encoder: AudioEncoder, channels: int) -> int:
    """Return the number of channels that the output has of a track with `channels`."""
    return min(_CHANNELS.get(preset.audio_channels, channels), encoder.channels)


def widens(preset: Preset, channels: int) -> bool:
    """Return whether the stereo width is changed: of stereo only, since the filter would mix anything else down."""
    return preset.audio_stereo_width != 100 and channels == 2


def measure_args(target: AudioTarget, first: Sequence[str] = ()) -> list[str]:
    """Options that measure a command's only track, through the same filters that come before `normalize`."""
    return ["-filter:a:0", ",".join([*first, *_until_loudness(target), measuring_filter()])]


def audio_args(number: int, encoder: str, target: AudioTarget, first: Sequence[str] = ()) -> list[str]:
    """Return the options for output audio track `number`, counted from 0; `first` are filters that cut it."""
    args = [f"-c:a:{number}", encoder, f"-filter:a:{number}", ",".join([*first, *_chain(target)])]
    if target.quality:
        args += [f"-{target.quality.option}:a:{number}", str(target.quality.value)]
    if target.kbps:
        args += [f"-b:a:{number}", f"{target.kbps}k"]
    if target.sample_rate:
        args += [f"-ar:a:{number}", str(target.sample_rate)]
    return args


def _chain(target: AudioTarget) -> list[str]:
    normalizing = []
    if target.normalize:  # loudnorm works, and would continue, at 192 kHz
        normalizing = [normalizing_filter(target.loudness), f"aresample={target.source_rate}"]
    blocks = [f"asetnsamples={target.block}:p=0"] if target.block else []
    return [*_until_loudness(target), *normalizing, *target.after, *blocks]


def _until_loudness(target: AudioTarget) -> list[str]:
    """Return the filters up to `normalize`.

    `aresample=async=1` fills gaps in the source's sound with silence and cuts overlaps, so that it stays in sync with
    the video; it does not stretch. `min_hard_comp` makes it do so from 10 ms on; swresample's default ignores
    everything below 100 ms.
    """
    chain = ["aresample=async=1:min_hard_comp=0.01", *target.before]
    layout = target.layout or (f"{target.channels}c" if target.channels else "")
    return [*chain, f"aformat=channel_layouts={layout}"] if layout else chain


def _before(preset: Preset, channels: int) -> tuple[str, ...]:
    compressor = preset.audio_compressor
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
            compressor.enabled,
            f"acompressor=threshold={_factor(compressor.threshold)}:ratio={_plain(compressor.ratio)}"
            f":attack={_plain(compressor.attack)}:release={_plain(compressor.release)}"
            f":makeup={_factor(compressor.makeup)}",
        ),
        (widens(preset, channels), f"extrastereo=m={_plain(preset.audio_stereo_width / 100)}:c=0"),
    )
    return tuple(text for used, text in filters if used)


def _after(preset: Preset) -> tuple[str, ...]:
    limiter = preset.audio_limiter
    filters = (
        (preset.audio_volume != 100, f"volume={_plain(preset.audio_volume / 100)}"),
        (
            limiter.enabled,  # `level` would amplify to full scale; `latency` compensates the delay of looking ahead
            f"alimiter=limit={_factor(limiter.ceiling)}:attack={_plain(limiter.attack)}"
            f":release={_plain(limiter.release)}:level=0:latency=1",
        ),
    )
    return tuple(text for used, text in filters if used)


def _factor(decibels: float) -> str:
    return _plain(10 ** (decibels / 20))


def _plain(number: float) -> str:
    """Return the number without an exponent."""
    return f"{number:.6f}".rstrip("0").rstrip(".")
