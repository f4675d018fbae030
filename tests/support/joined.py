"""Makes recordings whose picture or sound changes in the middle, as broadcasts and joined files do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from media_factory import ffmpeg

RATE = 25
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-qp", "4", "-pix_fmt", "yuv420p")


def part(
    path: Path,
    start: float,
    *,
    size: str = "64x48",
    frames: int = 10,
    source: str = "testsrc2",
    filters: str = "null",
    codec: Sequence[str] = X264,
    sound: tuple[int, str] | None = None,
    tone: int = 440,
) -> Path:
    """Make one part, in MPEG-TS, whose first frame is shown at `start`; `sound`: rate and channels."""
    join = ":" if "=" in source else "="
    seconds = frames / RATE
    inputs = ["-f", "lavfi", "-i", f"{source}{join}size={size}:rate={RATE}:duration={seconds}"]
    mapped = ["-map", "0:v"]
    if sound:
        inputs += ["-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate={sound[0]}:duration={seconds}"]
        mapped += ["-map", "1:a", "-af", f"aformat=channel_layouts={sound[1]}", "-c:a", "ac3"]
    times = ["-output_ts_offset", str(start), "-muxdelay", "0", "-muxpreload", "0"]
    ffmpeg(*inputs, *mapped, "-vf", filters, *codec, *times, "-f", "mpegts", f"file:{path}")
    return path


def resent(path: Path, *codec: str, sounds: Sequence[tuple[int, int]] = ()) -> Path:
    """Make an FLV as a live stream that was sent anew: it gets other parameters beside its packets after 0.4 s.

    `codec` are the encoder's options; `sounds` the rate and the number of channels of both parts, if they have sound.
    """
    whole = b""
    for number, size in enumerate(("64x64", "128x64")):
        made = path.with_name(f"{number}.flv")
        picture = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={RATE}:duration=0.4")
        sound: tuple[str, ...] = ()
        if sounds:
            rate, channels = sounds[number]
            tone = f"sine=sample_rate={rate}:duration=0.4"
            sound = ("-f", "lavfi", "-i", tone, "-ac", str(channels), "-c:a", "aac")
        ffmpeg(*picture, *sound, *codec, "-output_ts_offset", str(0.4 * number), "-f", "flv", made)
        whole += made.read_bytes()[13 if number else 0 :]  # without the header, and the length of what is before it
    path.write_bytes(whole)
    return path


def joined(path: Path, *parts: Path) -> Path:
    """Put the parts one after another, byte by byte."""
    path.write_bytes(b"".join(each.read_bytes() for each in parts))
    return path
