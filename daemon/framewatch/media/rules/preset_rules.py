"""What a preset asks for that cannot be done, found before any work starts and reported all at once.

`check_preset` needs the preset alone, `media.plan.file_rules.check_file` the file too, `check_tools` the ffmpeg of
this machine too. Each finding has a stable code and a hint that says what would work. The facts are in
container_rules.yaml.
"""

from __future__ import annotations

from dataclasses import replace

from framewatch.errors import Finding
from framewatch.media.containers import HARDWARE, CodecSet, Container, rules
from framewatch.media.preset.preset import Preset
from framewatch.media.rules.audio_rules import check_audio
from framewatch.media.rules.flow_rules import check_flow
from framewatch.media.rules.image_rules import check_image, check_image_tools, is_image_preset
from framewatch.media.rules.video_rules import check_hardware_decoding, check_video

# The wording of the first release, which scripts and people know.
UPSCALE_NEEDS_VIDEO = "ML upscaling requires an audio-capable video container"
UPSCALE_NEEDS_REENCODE = "ML upscaling requires re-encoding mode"

_X264 = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip
_SPEEDS = {"x264": _X264, "svtav1": (*map(str, range(14)), *_X264)}  # the names are mapped to the numbers

_ALL_HWACCELS = frozenset(each.hwaccel for each in HARDWARE.values())


def check_preset(preset: Preset) -> list[Finding]:
    """Return what is wrong with a preset, whatever the file; `else` is checked too."""
    other = check_preset(preset.else_) if preset.else_ else []
    in_else = [replace(finding, where=f"else.{finding.where}") for finding in other]
    return [*_check_output(preset), *check_flow(preset), *in_else]


def _check_output(preset: Preset) -> list[Finding]:
    """Return what is wrong with the output that a preset describes."""
    if is_image_preset(preset):
        return check_image(preset)
    findings = _container(preset)
    others = [*(check_audio(preset) if not findings else []), *check_video(preset)]
    if preset.processing_mode == "copy":
        return findings + _copy_mode(preset) + others
    if not findings:
        findings += _video_encoder(preset) + _audio_encoder(preset)
    return findings + others


def check_tools(preset: Preset, encoders: frozenset[str], hwaccels: frozenset[str] = _ALL_HWACCELS) -> list[Finding]:
    """Return what this machine's ffmpeg cannot do.

    Args:
        preset: what the user wants.
        encoders: names of the encoders that work here, from `framewatch.media.ffmpeg.discovery.encoders`.
        hwaccels: ffmpeg's names of the hardware that can decode, from `framewatch.media.ffmpeg.discovery.hwaccels`.
    """
    if is_image_preset(preset):
        return check_image_tools(preset, encoders)
    if preset.processing_mode == "copy":
        return []
    video = rules().video_encoders[preset.video_codec]
    audio = rules().audio_encoders.get(preset.audio_codec)  # "copy" is not an encoder
    findings = check_hardware_decoding(preset, hwaccels)
    if video.program not in encoders and not rules().containers[preset.container].audio_only:
        findings.append(_no_video_encoder(preset, encoders))
    silent = rules().containers[preset.container].kind == "animation"
    if audio and not silent and preset.selected_audio_tracks != "none" and audio.program not in encoders:
        hint = _available(
            rules().containers[preset.container].audio.encode,
            {name: each.program for name, each in rules().audio_encoders.items()},
            encoders,
        )
        message = f"this ffmpeg was built without {audio.program}"
        findings.append(Finding("encoder.missing", message, hint, "audio_codec"))
    return findings


def _container(preset: Preset) -> list[Finding]:
    container = rules().containers[preset.container]
    if container.kind != "video" and preset.upscales:
        video = [name for name in rules().moving() if rules().containers[name].kind == "video"]
        hint = f"use container {_listed(video)}"
        return [Finding("container.upscale_needs_video", UPSCALE_NEEDS_VIDEO, hint, "container")]
    return []


def _copy_mode(preset: Preset) -> list[Finding]:
    findings = []
    if preset.upscales:
        hint = 'use processing_mode "reencode", or ml_upscale "none"'
        findings.append(Finding("mode.upscale_needs_reencode", UPSCALE_NEEDS_REENCODE, hint, "processing_mode"))
    if preset.pixel_format != "auto" and rules().containers[preset.container].kind == "video":
        message = "copied video keeps its pixel format"
        hint = 'remove pixel_format, or use processing_mode "reencode"'
        findings.append(Finding("mode.copy_pixel_format", message, hint, "pixel_format"))
    return findings


def _video_encoder(preset: Preset) -> list[Finding]:
    name, codec = preset.container, preset.video_codec
    container, encoder = rules().containers[name], rules().video_encoders[codec]
    if container.audio_only:
        return []  # Frame's presets name a video encoder here too
    if codec not in container.video.encode:
        return [_encoder_not_taken("video", preset, codec, container.video.encode)]
    findings = []
    allowed = rules().pixel_formats(name, codec)
    if container.kind == "video" and preset.pixel_format not in ("auto", *allowed):
        message = f"{codec} in {name} does not take {preset.pixel_format}"
        hint = f"it takes {_listed(allowed)}, or auto"
        findings.append(Finding("video.pixel_format", message, hint, "pixel_format"))
    if preset.preset not in _SPEEDS.get(encoder.speed, (preset.preset,)):
        message = f'{codec} has no preset "{preset.preset}"'
        findings.append(Finding("video.preset", message, f"it has {', '.join(_SPEEDS[encoder.speed])}", "preset"))
    return findings + _video_rate(preset)


def _video_rate(preset: Preset) -> list[Finding]:
    codec, encoder = preset.video_codec, rules().video_encoders[preset.video_codec]
    if preset.video_bitrate_mode == "bitrate" and not encoder.bitrate:
        message = f"{codec} has a fixed quality and no bit rate"
        return [Finding("video.bitrate_mode", message, "use video_bitrate_mode crf", "video_bitrate_mode")]
    if preset.video_bitrate_mode == "bitrate" and not preset.video_bitrate:
        message, hint = "a bit rate must be above 0", "such as 5000 kbit/s, or use video_bitrate_mode crf"
        return [Finding("video.bitrate", message, hint, "video_bitrate")]
    if preset.video_bitrate_mode == "crf" and encoder.crf and not encoder.crf[0] <= preset.crf <= encoder.crf[1]:
        message = f"crf {preset.crf} is outside the range of {codec}"
        return [Finding("video.crf_range", message, f"{encoder.crf[0]} to {encoder.crf[1]}", "crf")]
    return []


def _audio_encoder(preset: Preset) -> list[Finding]:
    codec, container = preset.audio_codec, rules().containers[preset.container]
    silent = container.kind == "animation" or preset.selected_audio_tracks == "none"
    if silent or codec == "copy" or codec in container.audio.encode:
        return []
    return [_encoder_not_taken("audio", preset, codec, container.audio.encode)]


def _encoder_not_taken(kind: str, preset: Preset, codec: str, allowed: CodecSet) -> Finding:
    """Return the finding for an encoder that the container does not take; the hint names what fits."""
    fitting = [name for name in rules().moving() if codec in _encoders(kind, rules().containers[name])]
    elsewhere = f"; {codec} works in {_listed(fitting)}" if fitting else ""
    hint = f"{preset.container} takes {allowed}{elsewhere}"
    message = f"{preset.container} does not take {codec}"
    return Finding(f"container.{kind}_codec", message, hint, f"{kind}_codec")


def _encoders(kind: str, container: Container) -> CodecSet:
    return container.video.encode if kind == "video" else container.audio.encode


def _no_video_encoder(preset: Preset, encoders: frozenset[str]) -> Finding:
    known = rules().video_encoders
    wanted, container = known[preset.video_codec], rules().containers[preset.container]
    software = {name: each.program for name, each in known.items() if each.hardware is None}
    hint = _available(container.video.encode, software, encoders)
    if wanted.hardware:
        reason = f"no {wanted.hardware} hardware, driver, or support in ffmpeg"
        message = f"{wanted.program} does not work here: {reason}"
        return Finding("encoder.no_hardware", message, hint, "video_codec")
    return Finding("encoder.missing", f"this ffmpeg was built without {wanted.program}", hint, "video_codec")


def _available(allowed: CodecSet, programs: dict[str, str], encoders: frozenset[str]) -> str:
    """Return a hint that names encoders which the container takes and this ffmpeg has."""
    names = [name for name, program in programs.items() if name in allowed and program in encoders]
    return f"use {_listed(names)}" if names else "use another ffmpeg"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + (" or " if len(names) > 1 else "") + names[-1] if names else "none"
