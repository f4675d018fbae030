"""The command that encodes one still image."""

from __future__ import annotations

from pathlib import Path

from framewatch.media.commands.output_args import file_url
from framewatch.media.plan.image_plan import ImagePlan
from framewatch.media.siting import siting_options


def image_command(plan: ImagePlan, ffmpeg: Path, out: Path) -> list[str]:
    """One raw image on stdin becomes the file `out`, which is overwritten."""
    return [
        str(ffmpeg), "-hide_banner", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1",
        "-f", "rawvideo", "-pixel_format", plan.pixel_format, "-video_size", f"{plan.width}x{plan.height}",
        "-framerate", "1", "-protocol_whitelist", "pipe", "-i", "pipe:0", "-map", "0:v:0", "-frames:v", "1",
        *_encoder(plan), "-f", "image2", "-update", "1", "-y", file_url(out),
    ]  # fmt: skip


def _encoder(plan: ImagePlan) -> list[str]:
    quality = plan.preset.image_quality
    match plan.container:
        case "jpg":
            # 4:4:4 for high quality; JFIF is always BT.601 at full range, and its chroma centred.
            chroma = "yuvj444p" if quality >= 90 else "yuvj420p"
            options = f"flags=bicubic+accurate_rnd{siting_options('out', 'center', chroma)}"
            to_yuv = f"scale=in_range=full:out_range=full:out_color_matrix=bt601:{options},format={chroma}"
            scale = str(jpeg_scale(quality))
            return ["-vf", to_yuv, "-c:v", "mjpeg", "-qmin", "1", "-q:v", scale, "-color_range", "pc"]
        case "webp":
            lossless = "1" if plan.preset.image_lossless else "0"
            return ["-vf", "format=bgra", "-c:v", "libwebp", "-lossless", lossless, "-quality", str(quality)]
        case "tiff":
            return ["-c:v", "tiff", "-compression_algo", "lzw"]
        case "bmp":
            return ["-vf", "format=bgr24", "-c:v", "bmp"]
    return ["-c:v", "png", "-pred", "mixed"]


def jpeg_scale(quality: int) -> int:
    """Return the quantiser of ffmpeg for a JPEG quality of 1 to 100.

    The usual quality Q means quantiser tables of S percent, S = 5000 / Q below 50, else 200 - 2 Q (libjpeg). ffmpeg's
    q means tables of q / 8.
    """
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    return min(max(round(percent * 8 / 100), 1), 31)
