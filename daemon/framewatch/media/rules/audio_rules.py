"""The rules about audio, and about tracks that a container cannot hold. Pure."""

from __future__ import annotations

from collections.abc import Callable

from framewatch.errors import Finding
from framewatch.media.containers import Container, rules
from framewatch.media.preset.preset import Preset

_AUDIO, _SUBTITLES = "selected_audio_tracks", "selected_subtitle_tracks"


def check_audio(preset: Preset) -> list[Finding]:
    """Return what is wrong with a preset's audio and its selection of tracks, whatever the file."""
    findings = _tracks(preset, rules().containers[preset.container])
    if preset.processing_mode == "copy":
        return findings + _copied(preset, "mode.copy", "copy mode", 'processing_mode "reencode"')
    if preset.selected_audio_tracks == "none":
        return findings
    if preset.audio_codec == "copy":
        return findings + _copied(preset, "audio.copy", "audio_codec copy", "an audio_codec that encodes")
    return findings + _rate(preset)


def _tracks(preset: Preset, container: Container) -> list[Finding]:
    findings, name = [], preset.container
    audio, subtitles = preset.selected_audio_tracks, preset.selected_subtitle_tracks
    if container.audio_only and audio == "none":
        message = f"{name} holds only audio, and none is selected"
        findings.append(Finding("container.audio_needed", message, "name a track, or [] for all", _AUDIO))
    if not container.has_audio and audio and audio != "none":
        hint = f"remove it, or use container {_containers(lambda each: each.has_audio)}"
        findings.append(Finding("container.no_audio", f"{name} cannot hold audio", hint, _AUDIO))
    if container.audio_tracks is not None and audio != "none" and len(audio) > container.audio_tracks:
        message = f"{name} holds {container.audio_tracks} track, and {len(audio)} are selected"
        hint = "name one, or use container m4a or mkv"
        findings.append(Finding("tracks.too_many", message, hint, _AUDIO))
    if not container.has_subtitles and subtitles and subtitles != "none":
        hint = f"remove it, or use container {_containers(lambda each: each.has_subtitles)}"
        findings.append(Finding("container.no_subtitles", f"{name} cannot hold subtitles", hint, _SUBTITLES))
    if container.audio_only and preset.pixel_format != "auto":
        message = f"{name} holds only audio, so it has no pixel format"
        findings.append(Finding("container.no_pixel_format", message, "remove pixel_format", "pixel_format"))
    return findings


def _copied(preset: Preset, code: str, what: str, remedy: str) -> list[Finding]:
    """Return the keys that need audio to be encoded."""
    keys = [
        ("volume", preset.audio_volume != 100, "audio_volume"),
        ("normalize", preset.audio_normalize, "audio_normalize"),
        ("channels", preset.audio_channels != "original", "audio_channels"),
        *(("audio_filter", True, key) for key in preset.audio_filters),
    ]
    return [
        Finding(f"{code}_{suffix}", f"{key} cannot be combined with {what}", f"remove it, or use {remedy}", key)
        for suffix, used, key in keys
        if used
    ]


def _rate(preset: Preset) -> list[Finding]:
    codec, known = preset.audio_codec, rules().audio_encoders
    if preset.audio_bitrate_mode != "vbr":
        needed = rules().containers[preset.container].has_audio and codec in known and not known[codec].lossless
        if preset.audio_bitrate or not needed:
            return []
        return [Finding("audio.bitrate", "a bit rate must be above 0", "such as 128 kbit/s", "audio_bitrate")]
    vbr = known[codec].vbr
    if vbr is None:
        able = [name for name, encoder in known.items() if encoder.vbr]
        hint = f"{' and '.join(able)} have one; else use audio_bitrate_mode bitrate"
        return [Finding("audio.vbr_unsupported", f"{codec} has no variable bit rate", hint, "audio_bitrate_mode")]
    if not vbr.least <= preset.audio_quality <= vbr.most:
        message = f"audio_quality {preset.audio_quality} is outside the range of {codec}"
        return [Finding("audio.quality_range", message, f"{vbr.least} to {vbr.most}", "audio_quality")]
    return []


def _containers(fits: Callable[[Container], bool]) -> str:
    return ", ".join(name for name in rules().moving() if fits(rules().containers[name]))
