"""A preset's video encoder as options of ffmpeg. Pure."""

from __future__ import annotations

from framewatch.domain import Hdr
from framewatch.media.containers import rules
from framewatch.media.encoders.extra_args import for_first_video
from framewatch.media.encoders.hdr_args import with_hdr
from framewatch.media.encoders.parameter_lists import with_parameters
from framewatch.media.preset.preset import Preset

# x264's ten preset names from fastest to slowest, on the scales of encoders that have their own: SVT-AV1's number,
# and libvpx's deadline with its cpu-used.
_SVTAV1 = {
    "ultrafast": 12,
    "superfast": 11,
    "veryfast": 10,
    "faster": 9,
    "fast": 8,
    "medium": 6,
    "slow": 4,
    "slower": 3,
    "veryslow": 2,
    "placebo": 1,
}
_VP9 = {
    "ultrafast": ("realtime", 8),
    "superfast": ("realtime", 7),
    "veryfast": ("realtime", 6),
    "faster": ("good", 5),
    "fast": ("good", 4),
    "medium": ("good", 2),
    "slow": ("good", 1),
    "slower": ("good", 0),
    "veryslow": ("best", 0),
    "placebo": ("best", 0),
}
_NVENC_NAMES = (*(f"p{number}" for number in range(1, 8)), "fast", "medium", "slow")
_PRORES_PROFILES = {"yuv422p10le": "3", "yuv444p10le": "4"}  # 422 HQ and 4444
_TEN_BIT_SURFACE = "p010le"  # the 10-bit 4:2:0 of nvenc and videotoolbox


# libx265 4.3 writes beyond its cost tables ("free(): invalid next size") in frames that are fewer than four blocks of
# its lookahead wide, each of 16 pixels. valgrind shows it for widths up to 48, and not for 50, 64, 80, 636 and 720.
_X265_LEAST_CUTREE_WIDTH = 49


def video_args(
    preset: Preset, pixel_format: str, width: int, threads: int | None = None, hdr: Hdr | None = None
) -> list[str]:
    """Return the options of the preset's video encoder: which one, how fast, how good.

    The preset's `extra_encoder_args` take precedence over all of them.

    Args:
        preset: what the user wants.
        pixel_format: of the output.
        width: of the output, in pixels.
        threads: for encoders whose memory grows with their threads (libx264); None: the encoder's own choice.
        hdr: to signal, where the frames themselves do not carry it.
    """
    encoder = rules().video_encoders[preset.video_codec]
    limit = ["-threads:v:0", str(threads)] if threads and preset.video_codec == "libx264" else []
    extra = for_first_video(preset.extra_encoder_args)
    args = ["-c:v:0", encoder.program, *_speed(preset, pixel_format), *_quality(preset), *limit, *extra]
    args = with_hdr(args, preset.video_codec, hdr)
    if preset.video_codec == "libx265" and width < _X265_LEAST_CUTREE_WIDTH:
        return with_parameters(args, preset.video_codec, ["cutree=0"])
    return args


def encoder_format(preset: Preset, pixel_format: str) -> str:
    """Return the pixel format to give the encoder for an output in `pixel_format`."""
    hardware = rules().video_encoders[preset.video_codec].hardware
    return _TEN_BIT_SURFACE if hardware and pixel_format == "yuv420p10le" else pixel_format


def tag_args(container: str, codec: str | None) -> list[str]:
    """Return the codec tag that Apple's players require for HEVC."""
    return ["-tag:v:0", "hvc1"] if codec == "hevc" and container in ("mp4", "mov") else []


def nvenc_preset(name: str) -> str:
    """Frame's mapping of x264's preset names."""
    if name in ("ultrafast", "superfast", "veryfast", "faster"):
        return "fast"
    if name in ("slower", "veryslow"):
        return "slow"
    return name if name in _NVENC_NAMES else "medium"


def nvenc_cq(quality: int) -> int:
    """Frame's mapping of 0-100 to nvenc's constant quality, where lower is better."""
    return min(max(52 - quality // 2, 1), 51)


def mpeg2_scale(crf: int) -> float:
    """Return the quantiser scale of MPEG-2, 1 to 31, that is as coarse as x264's at this rate factor.

    x264 relates the two as `qscale = 0.85 * 2 ** ((qp - 12) / 6)` (qp2qscale in its rate control).
    """
    return round(min(max(0.85 * 2 ** ((crf - 12) / 6), 1.0), 31.0), 2)


def _speed(preset: Preset, pixel_format: str) -> list[str]:
    name = preset.preset
    match preset.video_codec:
        case "libx264":
            return ["-preset", name]
        case "libx265":
            return ["-preset", name, "-x265-params", "log-level=error"]
        case "libsvtav1":
            return ["-preset", str(_SVTAV1.get(name, name))]
        case "vp9":
            deadline, cpu_used = _VP9[name]
            return ["-deadline", deadline, "-cpu-used", str(cpu_used), "-row-mt", "1"]
        case "prores":
            return ["-profile:v:0", _PRORES_PROFILES[pixel_format], "-vendor", "apl0"]
        case "h264_nvenc" | "hevc_nvenc" | "av1_nvenc":
            spatial = ["-spatial-aq", "1"] if preset.nvenc_spatial_aq else []
            temporal = ["-temporal-aq", "1"] if preset.nvenc_temporal_aq else []
            return ["-preset", nvenc_preset(name), *spatial, *temporal]
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
