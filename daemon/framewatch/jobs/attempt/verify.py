"""Compares a finished file with its plan. Pure: what the plan expects against what an inspection found.

Every mismatch is a finding of its own. Data streams are left out on both sides, since mp4 and mov write the names of
chapters as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from framewatch.domain import MediaInfo
from framewatch.errors import Finding
from framewatch.media.decode.output_inspection import Inspection, StreamInspection
from framewatch.media.plan.expectation import Expectation, ExpectedAudio, ExpectedVideo
from framewatch.media.plan.geometry import same_shape
from framewatch.media.plan.image_plan import ImagePlan
from framewatch.media.plan.plan import MuxPlan

AUDIO_SLACK = 0.040  # seconds, on top of one video frame: two AAC frames of 1024 samples at 48 kHz are 43 ms
AUDIO_SAMPLES = 1920  # the same in samples: below 48 kHz they last longer
ESTIMATE_SLACK = 1.0  # seconds, where the plan knows only what the source's container claims
AUDIO_ONLY_SLACK = 0.080  # seconds, in place of a video frame: an mp3 states 2,257 samples that no decoder returns
_PAUSE = 2  # bytes of the packet that stands for a pause between two texts in MP4
_EPSILON = 0.001  # seconds: time stamps of mkv are whole milliseconds

HINT = "the source was not changed; look in the log for ffmpeg's messages"


def compare(
    expected: ExpectedVideo | ExpectedAudio, found: Inspection, audio_seconds: Sequence[float | None] = ()
) -> list[Finding]:
    """Return everything that is not as planned; empty where the file is good.

    Args:
        expected: what was planned.
        found: what the file holds; it was decoded to its end.
        audio_seconds: the lengths of the audio streams, in their order; None where one is unknown.
    """
    if isinstance(expected, ExpectedAudio):
        return [*_readable(found), *_streams(expected, found), *_audio(found, audio_seconds, AUDIO_ONLY_SLACK)]
    video = found.video
    if video is None or video.stream.video is None:
        return [_finding("streams", "the file holds no video")]
    return [
        *_decoded(expected, found, video),
        *_frame_geometry(expected, video),
        *_timing(expected, found, video),
        *_streams(expected, found),
        *_audio(found, audio_seconds, _frame_seconds(expected, video)),
    ]


def _decoded(expected: ExpectedVideo, found: Inspection, video: StreamInspection) -> Iterator[Finding]:
    yield from _readable(found)
    encoded_here = expected.pixel_format is not None  # a copied stream keeps its damage
    if encoded_here and video.errors:
        yield _finding("decode", f"{video.errors} frames of the video cannot be decoded")


def compare_texts(plan: MuxPlan, found: Inspection, lengths: Mapping[int, float]) -> list[Finding]:
    """Return the subtitle tracks that were converted to nothing: some versions of ffmpeg report no error for that.

    Args:
        plan: of the file. A cut may leave nothing of a track.
        found: what the file holds.
        lengths: seconds of the source's streams by index; those without packets are left out.
    """
    tracks = [each for each in found.streams if each.stream.kind == "subtitle"]
    return [
        _finding("streams", f"subtitle stream {row.index} was converted to nothing")
        for row, track in zip(plan.of_kind("subtitle"), tracks, strict=False)
        if row.encoder and not plan.cut and row.index in lengths and _is_silent(track)
    ]


def _is_silent(track: StreamInspection) -> bool:
    return track.size <= (_PAUSE * track.packets if track.stream.codec == "mov_text" else 0)


def _readable(found: Inspection) -> Iterator[Finding]:
    if found.broken_off:
        yield _finding("decode", f"it cannot be read to its end: {found.broken_off}")


def _frame_geometry(expected: ExpectedVideo, video: StreamInspection) -> Iterator[Finding]:
    frame = video.stream.video
    assert frame is not None  # noqa: S101 - checked by `compare`
    if (frame.width, frame.height) != (expected.width, expected.height):
        yield _wrong("size", "size", f"{expected.width}x{expected.height}", f"{frame.width}x{frame.height}")
    if not same_shape(frame.sar, expected.sar, expected.width):
        yield _wrong("sar", "sample aspect ratio", expected.sar, frame.sar)
    if frame.rotation != expected.rotation:
        yield _wrong("rotation", "rotation", expected.rotation, frame.rotation)
    # libav calls full-range 8-bit YUV by an older name, yuvj420p; the range itself is a tag.
    if expected.pixel_format not in (None, frame.pixel_format.replace("yuvj", "yuv")):
        yield _wrong("pixel_format", "pixel format", expected.pixel_format, frame.pixel_format)


def _timing(expected: ExpectedVideo, found: Inspection, video: StreamInspection) -> Iterator[Finding]:
    if expected.frames is not None and video.frames != expected.frames:
        yield _wrong("frames", "number of frames", expected.frames, video.frames)
    if expected.distinct and video.disordered:
        yield _finding("times", f"{video.disordered} frames are not shown later than the one before them")
    # Where each frame keeps its time, not every container says how long the last one is shown.
    if expected.last is not None:
        spread = (video.last or 0.0) - (video.first or 0.0)
        if abs(spread - expected.last) > 2 * _EPSILON:
            yield _wrong("duration", "time of the last frame", f"{expected.last:.3f} s", f"{spread:.3f} s")
        return
    lengths, slack = [video.duration], _frame_seconds(expected, video) + _EPSILON
    if expected.frames is None:
        lengths, slack = [video.duration, found.info.duration], slack + ESTIMATE_SLACK
    if min(abs(length - expected.duration) for length in lengths) > slack:
        yield _wrong("duration", "length", f"{expected.duration:.3f} s", f"{video.duration:.3f} s")


def _streams(expected: Expectation, found: Inspection) -> Iterator[Finding]:
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
        # As decoded, or as the packets say: WMA's decoder never returns its last two blocks, and they are not lost.
        off = min(abs(length - wanted) for length in (stream.duration, stream.span))
        if off > frame + slack + _EPSILON:
            name = f"length of audio stream {number + 1}"
            yield _wrong("audio", name, f"{wanted:.3f} s", f"{stream.duration:.3f} s")


def _frame_seconds(expected: ExpectedVideo, video: StreamInspection) -> float:
    rate = expected.rate or (video.stream.video.rate if video.stream.video else None) or Fraction(25)
    return float(1 / rate)


def _listed(codecs: list[str]) -> str:
    return ", ".join(codecs) or "none"


def _wrong(code: str, what: str, planned: object, found: object) -> Finding:
    return _finding(code, f"{what}: {planned} planned, {found} found")


def _finding(code: str, message: str) -> Finding:
    return Finding(f"verify.{code}", message, HINT)


def silent_track_warning(index: int) -> Finding:
    """Return the warning for a track without loudness; `index` is that of the stream."""
    message = "the track is silent, so it is not normalized"
    return Finding("audio.silent", message, where=f"stream {index}")


def damaged_frames_warning(frames: int) -> Finding:
    """Return the warning for frames that could not be decoded."""
    message = f"{frames} frames could not be decoded; the frames before them are shown longer"
    if frames == 1:
        message = "1 frame could not be decoded; the frame before it is shown longer"
    hint = "the rest is complete; if the damage is visible, look for a better source"
    return Finding("media.damaged_frames", message, hint)


def compare_image(plan: ImagePlan, found: MediaInfo) -> list[Finding]:
    """Return everything that is not as planned in a written image; empty where it is good."""
    return [Finding(f"verify.{code}", message, HINT) for code, message in _image_mismatches(plan, found)]


def _image_mismatches(plan: ImagePlan, found: MediaInfo) -> Iterator[tuple[str, str]]:
    video = found.streams[0].video
    if video is None:
        yield "streams", "the file holds no image"
        return
    size = video.upright
    if size != (plan.width, plan.height):
        yield "size", f"size: {plan.width}x{plan.height} planned, {size[0]}x{size[1]} found"
    if video.bit_depth != plan.bit_depth:
        yield "pixel_format", f"depth: {plan.bit_depth} bit planned, {video.bit_depth} found"
    if plan.keeps_icc and (video.icc is None or video.icc.flaw):
        yield "icc", "colour profile (ICC): planned, none found"
    # WebP omits an alpha channel that is opaque everywhere.
    if (plan.alpha == "kept") != video.alpha and plan.container != "webp":
        yield "alpha", f"transparency: {plan.alpha} planned, {'some' if video.alpha else 'none'} found"
