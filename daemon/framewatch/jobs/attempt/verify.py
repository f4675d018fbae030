"""Is a finished file what was planned? Pure: the plan's expectation against what an inspection found.

Every mismatch is a finding of its own. Data streams are left out on both sides: mp4 and mov write the names
of chapters as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from framewatch.errors import Finding
from framewatch.media.decode.output_inspection import Inspection, StreamInspection
from framewatch.media.plan.expectation import Expected
from framewatch.media.plan.geometry import alike

AUDIO_SLACK = 0.040  # seconds, on top of one video frame: two AAC frames of 1024 samples at 48 kHz are 43 ms
AUDIO_SAMPLES = 1920  # the same in samples: below 48 kHz they last longer
ESTIMATE_SLACK = 1.0  # seconds, where the plan knows only what the source's container claims
SOUND_SLACK = 0.080  # seconds, on top, for sound alone: an mp3 states 2,257 samples that no decoder gives out
_EPSILON = 0.001  # seconds: time stamps of mkv are whole milliseconds

_HINT = "the source was not touched; look into the log for what ffmpeg said"


def compare(expected: Expected, found: Inspection, audio_seconds: Sequence[float | None] = ()) -> list[Finding]:
    """All that is not as planned; empty where the file is good.

    Args:
        expected: what was planned.
        found: what lies in the file, which was decoded to its end.
        audio_seconds: lengths that the audio streams must have, in their order; None where one is not known.
    """
    if not expected.has_video:
        return [*_readable(found), *_streams(expected, found), *_audio(found, audio_seconds, SOUND_SLACK)]
    video = found.video
    if video is None or video.stream.video is None:
        return [_finding("streams", "there is no video in it")]
    return [
        *_decoded(expected, found, video),
        *_picture(expected, video),
        *_timing(expected, found, video),
        *_streams(expected, found),
        *_audio(found, audio_seconds, _frame_seconds(expected, video)),
    ]


def _decoded(expected: Expected, found: Inspection, video: StreamInspection) -> Iterator[Finding]:
    yield from _readable(found)
    made_here = expected.pixel_format is not None  # a copied stream brings its damage along
    if made_here and video.errors:
        yield _finding("decode", f"{video.errors} frames of the video cannot be decoded")


def _readable(found: Inspection) -> Iterator[Finding]:
    if found.broken_off:
        yield _finding("decode", f"it cannot be read to its end: {found.broken_off}")


def _picture(expected: Expected, video: StreamInspection) -> Iterator[Finding]:
    picture = video.stream.video
    assert picture is not None  # noqa: S101 - `compare` has looked
    if (picture.width, picture.height) != (expected.width, expected.height):
        yield _wrong("size", "size", f"{expected.width}x{expected.height}", f"{picture.width}x{picture.height}")
    if not alike(picture.sar, expected.sar, expected.width):
        yield _wrong("sar", "sample aspect ratio", expected.sar, picture.sar)
    if picture.rotation != expected.rotation:
        yield _wrong("rotation", "rotation", expected.rotation, picture.rotation)
    # libav calls full-range 8-bit YUV by an older name, yuvj420p; the range itself is a tag.
    if expected.pixel_format not in (None, picture.pixel_format.replace("yuvj", "yuv")):
        yield _wrong("pixel_format", "pixel format", expected.pixel_format, picture.pixel_format)


def _timing(expected: Expected, found: Inspection, video: StreamInspection) -> Iterator[Finding]:
    if expected.frames is not None and video.frames != expected.frames:
        yield _wrong("frames", "number of frames", expected.frames, video.frames)
    if expected.distinct and video.disordered:
        yield _finding("times", f"{video.disordered} frames are not shown later than the one before them")
    if expected.last is not None:  # each frame keeps its time: how long the last one stays, not every container says
        spread = (video.last or 0.0) - (video.first or 0.0)
        if abs(spread - expected.last) > 2 * _EPSILON:
            yield _wrong("duration", "time of the last frame", f"{expected.last:.3f} s", f"{spread:.3f} s")
        return
    lengths, slack = [video.duration], _frame_seconds(expected, video) + _EPSILON
    if expected.frames is None:
        lengths, slack = [video.duration, found.info.duration], slack + ESTIMATE_SLACK
    if min(abs(length - expected.duration) for length in lengths) > slack:
        yield _wrong("duration", "length", f"{expected.duration:.3f} s", f"{video.duration:.3f} s")


def _streams(expected: Expected, found: Inspection) -> Iterator[Finding]:
    wanted = [(each.kind, each.cover, each.codec) for each in expected.streams]
    there = [(each.stream.kind, each.stream.cover, each.stream.codec) for each in found.streams]
    for kind, cover in dict.fromkeys((kind, cover) for kind, cover, _ in wanted + there if kind != "data"):
        planned, present = ([codec for *key, codec in streams if key == [kind, cover]] for streams in (wanted, there))
        if planned != present:
            name = f"{kind} streams{' (covers)' if cover else ''}"
            yield _wrong("streams", name, _listed(planned), _listed(present))
    if expected.chapters and not found.info.chapters:
        yield _finding("chapters", "the chapters are missing")


def _audio(found: Inspection, seconds: Sequence[float | None], frame: float) -> Iterator[Finding]:
    audio = [each for each in found.streams if each.stream.kind == "audio"]
    for number, stream in enumerate(audio):
        if not stream.frames:
            yield _finding("audio", f"audio stream {number + 1} is empty")
    for number, (stream, wanted) in enumerate(zip(audio, seconds, strict=False)):
        if wanted is None:
            continue
        rate = stream.stream.audio.sample_rate if stream.stream.audio else 0
        slack = max(AUDIO_SLACK, AUDIO_SAMPLES / rate) if rate else AUDIO_SLACK
        # As decoded, or as packets say: WMA's decoder keeps two blocks to itself, and they are not lost.
        off = min(abs(length - wanted) for length in (stream.duration, stream.span))
        if off > frame + slack + _EPSILON:
            name = f"length of audio stream {number + 1}"
            yield _wrong("audio", name, f"{wanted:.3f} s", f"{stream.duration:.3f} s")


def _frame_seconds(expected: Expected, video: StreamInspection) -> float:
    rate = expected.rate or (video.stream.video.rate if video.stream.video else None) or Fraction(25)
    return float(1 / rate)


def _listed(codecs: list[str]) -> str:
    return ", ".join(codecs) or "none"


def _wrong(code: str, what: str, planned: object, found: object) -> Finding:
    return _finding(code, f"{what}: {planned} planned, {found} found")


def _finding(code: str, message: str) -> Finding:
    return Finding(f"verify.{code}", message, _HINT)


def silent_track_warning(index: int) -> Finding:
    """A track that has no loudness to be normalized; `index` is the stream's."""
    message = "the track is silent: it is not normalized"
    return Finding("audio.silent", message, where=f"stream {index}")


def damaged_frames_warning(frames: int) -> Finding:
    """Frames for which their neighbours stand in."""
    message = f"{frames} frames could not be decoded; the ones before them are shown longer"
    hint = "the rest is complete; find a better source if it shows"
    return Finding("media.damaged_frames", message, hint)
