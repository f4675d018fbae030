"""Encoder options: a preset's wishes in the words of each ffmpeg encoder. Pure."""

from __future__ import annotations

from framewatch.domain import Hdr
from framewatch.media.containers import rules
from framewatch.media.encoders.extra_args import encoder_args
from framewatch.media.encoders.hdr_args import with_hdr
from framewatch.media.preset.preset import Preset

# x264's ten words from fastest to slowest, on the scales of encoders that have their own.
_WORDS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
_SVTAV1 = dict(zip(_WORDS, (12, 11, 10, 9, 8, 6, 4, 3, 2, 1), strict=True))
_VP9 = dict(
    zip(
        _WORDS,
        (
            ("realtime", 8), ("realtime", 7), ("realtime", 6), ("good", 5), ("good", 4),
            ("good", 2), ("good", 1), ("good", 0), ("best", 0), ("best", 0),
        ),
        strict=True,
    )
)  # fmt: skip
_PRORES_PROFILES = {"yuv422p10le": "3", "yuv444p10le": "4"}  # 422 HQ and 4444
_TEN_BIT_SURFACE = "p010le"  # the 10-bit 4:2:0 of nvenc and videotoolbox


def video_args(preset: Preset, pixel_format: str, threads: int = 0, hdr: Hdr | None = None) -> list[str]:
    """The options of the preset's video encoder: which, how fast, how good.

    `threads` is what it is to have of those encoders whose memory grows with their threads; 0: its own choice. Other
    encoders choose for themselves. `hdr` is what those that can are to say of the picture, where the frames do not
    tell them. What the preset's own options say holds.
    """
    encoder = rules().video_encoders[preset.video_codec]
    extra = encoder_args(preset.extra_encoder_args)
    few = ["-threads:v:0", str(threads)] if threads and preset.video_codec == "libx264" else []
    args = ["-c:v:0", encoder.program, *_speed(preset, pixel_format), *_quality(preset), *few, *extra]
    return with_hdr(args, preset.video_codec, hdr)


def encoder_format(preset: Preset, pixel_format: str) -> str:
    """What the encoder is handed so that the output is in `pixel_format`."""
    hardware = rules().video_encoders[preset.video_codec].hardware
    return _TEN_BIT_SURFACE if hardware and pixel_format == "yuv420p10le" else pixel_format


def tag_args(container: str, codec: str) -> list[str]:
    """The four letters that Apple's players want for HEVC."""
    return ["-tag:v:0", "hvc1"] if codec == "hevc" and container in ("mp4", "mov") else []


def nvenc_preset(word: str) -> str:
    """Frame's mapping of the x264 words."""
    if word in ("ultrafast", "superfast", "veryfast", "faster"):
        return "fast"
    if word in ("slower", "veryslow"):
        return "slow"
    kept = (*(f"p{number}" for number in range(1, 8)), "fast", "medium", "slow")
    return word if word in kept else "medium"


def nvenc_cq(quality: int) -> int:
    """Frame's mapping of 0-100 onto nvenc's constant quality, where lower is better."""
    return min(max(52 - quality // 2, 1), 51)


def mpeg2_scale(crf: int) -> float:
    """The quantiser scale of MPEG-2, 1 to 31, that is as coarse as x264's at this rate factor.

    x264 puts them on one scale as `qscale = 0.85 * 2 ** ((qp - 12) / 6)` (qp2qscale in its rate control).
    """
    return round(min(max(0.85 * 2 ** ((crf - 12) / 6), 1.0), 31.0), 2)


def _speed(preset: Preset, pixel_format: str) -> list[str]:
    word = preset.preset
    match preset.video_codec:
        case "libx264":
            return ["-preset", word]
        case "libx265":
            return ["-preset", word, "-x265-params", "log-level=error"]
        case "libsvtav1":
            return ["-preset", str(_SVTAV1.get(word, word))]
        case "vp9":
            deadline, cpu_used = _VP9[word]
            return ["-deadline", deadline, "-cpu-used", str(cpu_used), "-row-mt", "1"]
        case "prores":
            return ["-profile:v:0", _PRORES_PROFILES[pixel_format], "-vendor", "apl0"]
        case "h264_nvenc" | "hevc_nvenc" | "av1_nvenc":
            flags = {"-spatial-aq": preset.nvenc_spatial_aq, "-temporal-aq": preset.nvenc_temporal_aq}
            return [
                "-preset",
                nvenc_preset(word),
                *(part for flag, on in flags.items() if on for part in (flag, "1")),
            ]
        case "h264_videotoolbox" | "hevc_videotoolbox":
            return ["-allow_sw", "1"] if preset.videotoolbox_allow_sw else []
    return []


def _quality(preset: Preset) -> list[str]:
    encoder = rules().video_encoders[preset.video_codec]
    if preset.video_bitrate_mode == "bitrate":
        return ["-b:v:0", f"{preset.video_bitrate}k"]
    if encoder.hardware == "nvenc":  # without a rate of 0 nvenc keeps to its default of 2 Mbit/s
        return ["-rc:v", "vbr", "-cq:v", str(nvenc_cq(preset.quality)), "-b:v:0", "0"]
    if encoder.hardware == "videotoolbox":
        return ["-q:v:0", str(preset.quality)]
    if encoder.crf is None:
        return []
    if preset.video_codec == "mpeg2video":
        return ["-q:v:0", str(mpeg2_scale(preset.crf))]
    constant = ["-crf", str(preset.crf)]
    return [*constant, "-b:v:0", "0"] if preset.video_codec == "vp9" else constant
