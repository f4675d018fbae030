"""What a source attaches to single frames reaches the output, frame by frame, or a warning names it."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from frame_messages import (
    AFD,
    Attached,
    attached,
    caption,
    caption_bytes,
    hdr10plus,
    hdr_film,
    spelled,
    texts,
    with_dolby_vision,
    with_messages,
    with_stereo,
)
from framewatch.domain import Segment
from framewatch.errors import RuleError, VerificationError
from framewatch.jobs.attempt.context import Observer
from framewatch.media.decode.frame_messages import FilmMessages, messages_of, put_messages
from framewatch.media.frame_messages.bitstreams import FrameMessage
from framewatch.media.plan.frame_messages import CarriedMessages
from full_run import process
from kinds.bitstreams import nal, write_paff
from media_factory import ffmpeg, make_video, remux
from media_samples import video_source

UPSCALED: dict[str, Any] = {"ml_upscale": "esrgan-2x"}
AV1: dict[str, Any] = {"video_codec": "libsvtav1", "preset": "12", "crf": 30}
MPEG2: dict[str, Any] = {"video_codec": "mpeg2video", "container": "m2t", "audio_codec": "mp2"}
FRAMES = 25
AFD_MESSAGE = FrameMessage("afd", bytes(4000))
CAPTIONS = [caption_bytes(number) for number in range(FRAMES)]
B_FRAMES = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "8")


@pytest.fixture(scope="module")
def captioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of H.264 with B-frames, each frame with captions of its own."""
    folder = tmp_path_factory.mktemp("captions")
    plain = make_video(folder / "plain.mp4", size="64x64", codec=B_FRAMES)
    return with_messages(plain, folder / "film.mp4", lambda number: [caption(number)])


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames of H.265 in PQ with HDR10+, each with other values."""
    folder = tmp_path_factory.mktemp("hdr10plus")
    return with_messages(
        hdr_film(folder / "plain.mp4"), folder / "film.mp4", lambda number: [hdr10plus(number), caption(number)]
    )


def codes(made: Any) -> list[str]:
    return [warning.code for warning in made.warnings]


@pytest.mark.parametrize(
    "keys",
    [
        {"video_codec": "libx264", "container": "mkv"},
        {"video_codec": "libx265", "container": "mp4"},
        {"container": "mkv"} | AV1,
        MPEG2,
    ],
    ids=str,
)
def test_captions_stay_with_their_frames(captioned: Path, keys: dict[str, Any], tmp_path: Path) -> None:
    assert attached(captioned, Attached.A53_CC) == CAPTIONS
    made = process(captioned, tmp_path, 0.3, **(UPSCALED | keys))
    assert len(list(tmp_path.glob("segment-*"))) == 3
    assert attached(made.result, Attached.A53_CC) == CAPTIONS
    assert codes(made) == []


@pytest.mark.parametrize("name", ["film.ts", "film.mkv", "film.flv"])
def test_captions_are_read_from_each_container(captioned: Path, name: str, tmp_path: Path) -> None:
    source = remux(captioned, tmp_path / name)
    made = process(source, tmp_path / "work", 0.3, container="mp4", video_codec="libx264", **UPSCALED)
    assert attached(made.result, Attached.A53_CC) == CAPTIONS


def test_captions_are_read_from_mpeg_2(captioned: Path, tmp_path: Path) -> None:
    ffmpeg("-i", captioned, "-c:v", "mpeg2video", "-bf", "2", "-q:v", "2", tmp_path / "film.ts")
    assert attached(tmp_path / "film.ts", Attached.A53_CC) == CAPTIONS
    made = process(tmp_path / "film.ts", tmp_path / "work", 0.3, container="mkv", video_codec="libx264", **UPSCALED)
    assert attached(made.result, Attached.A53_CC) == CAPTIONS


def test_a_repeated_frame_has_its_captions_once(captioned: Path, tmp_path: Path) -> None:
    made = process(captioned, tmp_path, 0.3, container="mkv", video_codec="libx264", fps="50", **UPSCALED)
    found = attached(made.result, Attached.A53_CC)
    assert len(found) == 2 * FRAMES
    assert (found[::2], set(found[1::2])) == (CAPTIONS, {None})


def test_captions_of_frames_that_are_not_shown_go_to_the_next(captioned: Path, tmp_path: Path) -> None:
    made = process(captioned, tmp_path, 0.3, container="mkv", video_codec="libx264", fps="10", **UPSCALED)
    assert len(attached(made.result, Attached.A53_CC)) == 10
    assert texts(made.result) == b"".join(CAPTIONS)


@pytest.mark.parametrize("fps", ["original", "15", "60"])
def test_ffmpeg_reads_the_same_text_at_the_same_time(fps: str, tmp_path: Path) -> None:
    plain = make_video(tmp_path / "plain.mp4", rate="30000/1001", seconds=2, codec=B_FRAMES)
    source = with_messages(plain, tmp_path / "film.mp4", lambda number: [spelled(number)])
    made = process(source, tmp_path / "work", 0.5, container="mkv", video_codec="libx264", fps=fps, **UPSCALED)
    (text, begin, end), (source_text, *times) = shown_text(made.result), shown_text(source)
    assert "HELLO" in text
    assert text == source_text
    assert [begin, end] == pytest.approx(times, abs=0.04)  # half a frame of the slowest output


def shown_text(path: Path) -> tuple[str, float, float]:
    """The first text that ffmpeg's decoder of captions shows, and its begin and end in seconds."""
    source = ("-f", "lavfi", "-i", f"movie={path}[out0+subcc]")
    lines = ffmpeg(*source, "-map", "0:s", "-f", "srt", "-").decode().splitlines()
    begin, end = (each.strip().replace(",", ".").split(":") for each in lines[1].split("-->"))
    return lines[2], float(begin[2]), float(end[2])


def test_only_captions_of_the_cut_are_kept(captioned: Path, tmp_path: Path) -> None:
    keys = {"container": "mkv", "video_codec": "libx264", "start_time": 0.2, "end_time": 0.8}
    made = process(captioned, tmp_path, 0.3, **(UPSCALED | keys))
    assert attached(made.result, Attached.A53_CC) == CAPTIONS[5:20]


def test_captions_stay_with_frames_at_their_own_times(captioned: Path, tmp_path: Path) -> None:
    uneven = tmp_path / "uneven.mkv"
    ffmpeg("-i", captioned, "-vf", "select=not(eq(mod(n\\,5)\\,3))", "-fps_mode", "vfr", "-c:v", "libx264", uneven)
    kept = [each for number, each in enumerate(CAPTIONS) if number % 5 != 3]
    assert attached(uneven, Attached.A53_CC) == kept
    keys = {"container": "mkv", "video_codec": "libx264", "frame_timing": "preserve"}
    made = process(uneven, tmp_path / "work", 0.3, **(UPSCALED | keys))
    assert attached(made.result, Attached.A53_CC) == kept


@pytest.mark.parametrize(
    "keys", [{"container": "mp4", "video_codec": "libx265"}, {"container": "mkv"} | AV1], ids=str
)
def test_dynamic_metadata_stays_with_its_frames(dynamic: Path, keys: dict[str, Any], tmp_path: Path) -> None:
    source = attached(dynamic, Attached.DYNAMIC_HDR_PLUS)
    assert len({*source}) == 10
    made = process(dynamic, tmp_path, 0.2, **(UPSCALED | keys))
    assert attached(made.result, Attached.DYNAMIC_HDR_PLUS) == source
    assert attached(made.result, Attached.A53_CC) == CAPTIONS[:10]
    assert codes(made) == []


def test_repeated_frames_repeat_their_dynamic_metadata(dynamic: Path, tmp_path: Path) -> None:
    source = attached(dynamic, Attached.DYNAMIC_HDR_PLUS)
    made = process(dynamic, tmp_path, 0.2, container="mkv", video_codec="libx265", fps="50", **UPSCALED)
    assert attached(made.result, Attached.DYNAMIC_HDR_PLUS) == [each for each in source for _ in range(2)]


def test_dynamic_metadata_is_read_from_vp9(dynamic: Path, tmp_path: Path) -> None:
    ffmpeg("-i", dynamic, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-pix_fmt", "yuv420p10le", tmp_path / "film.webm")
    source = attached(dynamic, Attached.DYNAMIC_HDR_PLUS)
    made = process(tmp_path / "film.webm", tmp_path / "work", 0.2, container="mkv", video_codec="libx265", **UPSCALED)
    assert without_country(attached(made.result, Attached.DYNAMIC_HDR_PLUS)) == without_country(source)


def without_country(found: list[bytes | None]) -> list[bytes]:
    """The structures without their first byte, which libav sets in some codecs only."""
    return [(each or b"")[1:] for each in found]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"video_codec": "libx265", "pixel_format": "yuv420p"}, "10 bits"),
        ({"video_codec": "libx265", "crop": {"x": 0, "y": 0, "width": 32, "height": 32}}, "crop"),
        ({"video_codec": "libx264"}, "libx264"),
    ],
    ids=str,
)
def test_dynamic_metadata_that_would_be_wrong_is_a_warning(
    dynamic: Path, keys: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    made = process(dynamic, tmp_path, **(UPSCALED | {"container": "mkv"} | keys))
    assert {*attached(made.result, Attached.DYNAMIC_HDR_PLUS)} == {None}
    (warning,) = [each for each in made.warnings if each.code == "video.hdr10plus_dropped"]
    assert reason in warning.message
    assert "10 frames" in warning.message
    assert warning.hint
    assert warning.where == "stream 0"


def test_captions_that_an_output_cannot_have_are_a_warning(captioned: Path, tmp_path: Path) -> None:
    made = process(captioned, tmp_path, container="mov", video_codec="prores", **UPSCALED)
    (warning,) = [each for each in made.warnings if each.code == "video.captions_dropped"]
    assert "25 frames" in warning.message
    assert "libx264" in warning.hint


def test_a_resumed_job_keeps_segments_with_their_captions(captioned: Path, tmp_path: Path) -> None:
    class Resumed(Observer):
        kept = 0

        def resumed(self, kept: int, segments: int) -> None:
            self.kept = kept

    keys = {"container": "mkv", "video_codec": "libx264"} | UPSCALED
    process(captioned, tmp_path, 0.3, **keys)
    again = process(captioned, tmp_path, 0.3, observer=(seen := Resumed()), **keys)
    assert (seen.kept, attached(again.result, Attached.A53_CC)) == (3, CAPTIONS)


def test_segments_from_before_captions_were_kept_are_made_again(
    captioned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"container": "mkv", "video_codec": "libx264"} | UPSCALED
    with monkeypatch.context() as patched:
        patched.setattr("framewatch.media.plan.plan.carried_messages", lambda *_: ())
        made = process(captioned, tmp_path, 0.3, **keys)
    assert texts(made.result) == b""
    again = process(captioned, tmp_path, 0.3, **keys)
    assert attached(again.result, Attached.A53_CC) == CAPTIONS


def test_captions_of_avi_are_kept_where_frames_are_not_reordered(captioned: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.avi"
    ffmpeg("-i", captioned, "-c:v", "libx264", "-bf", "0", plain)
    made = process(plain, tmp_path / "kept", 0.3, container="mkv", video_codec="libx264", **UPSCALED)
    assert (attached(made.result, Attached.A53_CC), codes(made)) == (CAPTIONS, [])
    reordered = remux(captioned, tmp_path / "reordered.avi")
    made = process(reordered, tmp_path / "dropped", 0.3, container="mkv", video_codec="libx264", **UPSCALED)
    assert (texts(made.result), codes(made)) == (b"", ["video.captions_dropped"])


def test_the_active_format_is_kept_unless_the_frame_changes_its_shape(captioned: Path, tmp_path: Path) -> None:
    source = with_messages(captioned, tmp_path / "film.mp4", lambda _: [AFD])
    keys = {"container": "mkv", "video_codec": "libx264"} | UPSCALED
    made = process(source, tmp_path / "kept", 0.3, **keys)
    assert attached(made.result, Attached.AFD) == [b"\x0a"] * FRAMES
    assert attached(made.result, Attached.A53_CC) == CAPTIONS
    made = process(source, tmp_path / "dropped", 0.3, crop={"x": 0, "y": 0, "width": 32, "height": 32}, **keys)
    assert ({*attached(made.result, Attached.AFD)}, codes(made)) == ({None}, ["video.afd_dropped"])


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"\xb5\x00\x31GA94\x06\xc0\xff\xff\xff\xff", "black bars"),
        (b"\x26\x00\x04\x00\x05\x01\x02\x03", "HDR Vivid"),
        (b"\xb4\x00\x50\x01\x02", "LCEVC"),
        (b"\xb5\x00\x99\x01\x02", "other kinds"),
    ],
    ids=str,
)
def test_messages_that_fit_the_source_alone_are_a_warning(message: bytes, said: str, tmp_path: Path) -> None:
    plain = make_video(tmp_path / "plain.mp4", seconds=0.4)
    source = with_messages(plain, tmp_path / "film.mp4", lambda number: [message] if number > 5 else [])
    made = process(source, tmp_path / "work", container="mkv", video_codec="libx264", **UPSCALED)
    (warning,) = made.warnings
    assert said in warning.message
    assert "4 frames from 0.24 s on" in warning.message
    assert warning.where == "stream 0"


# --- without the network -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        {"video_codec": "libx264", "container": "mkv"},
        {"video_codec": "libx265", "container": "mp4"},
        {"container": "webm", "audio_codec": "libopus"} | AV1,
        MPEG2,
    ],
    ids=str,
)
def test_a_transcode_keeps_captions(captioned: Path, keys: dict[str, Any], tmp_path: Path) -> None:
    made = process(captioned, tmp_path, 0.3, ml_upscale="none", **keys)
    assert attached(made.result, Attached.A53_CC) == CAPTIONS
    assert codes(made) == []


@pytest.mark.parametrize(
    "keys", [{"video_codec": "libx265", "container": "mp4"}, AV1 | {"container": "mkv"}], ids=str
)
def test_a_transcode_keeps_dynamic_metadata(dynamic: Path, keys: dict[str, Any], tmp_path: Path) -> None:
    made = process(dynamic, tmp_path, 0.2, ml_upscale="none", **keys)
    assert attached(made.result, Attached.DYNAMIC_HDR_PLUS) == attached(dynamic, Attached.DYNAMIC_HDR_PLUS)
    assert attached(made.result, Attached.A53_CC) == CAPTIONS[:10]
    assert codes(made) == []


def test_a_transcode_keeps_captions_of_frames_that_it_drops(captioned: Path, tmp_path: Path) -> None:
    made = process(captioned, tmp_path, 0.3, ml_upscale="none", container="mkv", video_codec="libx264", fps="10")
    assert texts(made.result) == b"".join(CAPTIONS)


def test_a_transcode_with_captions_keeps_sound_and_picture_together(captioned: Path, tmp_path: Path) -> None:
    source = tmp_path / "film.mkv"
    sound = ["-f", "lavfi", "-i", "sine=duration=1.2:sample_rate=48000", "-map", "0", "-map", "1", "-c:a", "flac"]
    ffmpeg("-itsoffset", "0.21", "-i", captioned, *sound, "-c:v", "copy", source)
    keys = {"ml_upscale": "none", "container": "mkv", "video_codec": "libx264", "audio_codec": "flac"}
    made = process(source, tmp_path / "work", **keys)
    assert attached(made.result, Attached.A53_CC) == CAPTIONS
    assert first_times(made.result) == pytest.approx(first_times(source), abs=0.001)


def first_times(path: Path) -> tuple[float, ...]:
    """The seconds at which the first frame and the first sound come."""
    found = []
    for kind in ("video", "audio"):
        with av.open(str(path)) as container:
            frame = next(container.decode(container.streams.get({kind: 0})))
            found.append(float((frame.pts or 0) * (frame.time_base or 0)))
    return tuple(found)


def test_a_transcode_does_not_state_dolby_vision_that_is_gone(tmp_path: Path) -> None:
    source = with_dolby_vision(hdr_film(tmp_path / "plain.mp4"), tmp_path / "film.mp4", 8, 1)
    made = process(source, tmp_path / "work", ml_upscale="none", container="mkv", video_codec="libx265")
    assert "video.dolby_vision_dropped" in codes(made)
    assert b"dvvC" not in made.result.read_bytes()


# --- Dolby Vision ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [UPSCALED, {"ml_upscale": "none"}], ids=str)
def test_colours_of_dolby_vision_that_nothing_can_convert_are_refused(keys: dict[str, Any], tmp_path: Path) -> None:
    source = with_dolby_vision(hdr_film(tmp_path / "plain.mp4"), tmp_path / "film.mp4", 5, 0)
    with pytest.raises(RuleError) as caught:
        process(source, tmp_path / "work", container="mkv", video_codec="libx265", **keys)
    (finding,) = caught.value.findings
    assert (finding.code, finding.where) == ("media.dolby_vision", "stream 0")
    assert "profile 5" in finding.message
    assert "copy" in finding.hint
    process(source, tmp_path / "copy", container="mkv", processing_mode="copy")


@pytest.mark.parametrize(("profile", "compatibility", "said"), [(8, 1, "8.1"), (8, 4, "8.4"), (7, 6, "two layers")])
def test_dolby_vision_with_a_base_layer_is_a_warning(
    profile: int, compatibility: int, said: str, tmp_path: Path
) -> None:
    source = with_dolby_vision(hdr_film(tmp_path / "plain.mp4"), tmp_path / "film.mp4", profile, compatibility)
    made = process(source, tmp_path / "work", container="mkv", video_codec="libx265", **UPSCALED)
    (warning,) = [each for each in made.warnings if each.code == "video.dolby_vision_dropped"]
    assert said in warning.message
    assert b"dvvC" not in made.result.read_bytes()


def test_colours_of_profile_5_are_refused_though_the_container_does_not_tell(tmp_path: Path) -> None:
    rpu = bytes.fromhex("7c01190809004061ff80")
    source = with_messages(hdr_film(tmp_path / "plain.mp4"), tmp_path / "film.mp4", lambda _: [], after=rpu)
    with pytest.raises(RuleError) as caught:
        process(source, tmp_path / "work", container="mkv", video_codec="libx265", **UPSCALED)
    assert [finding.code for finding in caught.value.findings] == ["media.dolby_vision"]


@pytest.mark.parametrize("keys", [UPSCALED, {"ml_upscale": "none"}], ids=str)
def test_captions_and_a_stereo_layout_are_kept_together(
    captioned: Path, keys: dict[str, Any], tmp_path: Path
) -> None:
    source = with_stereo(captioned, tmp_path / "film.mp4")
    made = process(source, tmp_path / "work", 0.3, container="mkv", video_codec="libx265", **keys)
    assert attached(made.result, Attached.A53_CC) == CAPTIONS
    with av.open(str(made.result)) as container:
        assert container.streams.video[0].metadata["stereo_mode"] == "top_bottom"


# --- limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [UPSCALED, {"ml_upscale": "none"}], ids=str)
def test_more_messages_than_any_film_has_are_left_out_with_a_warning(
    captioned: Path, keys: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framewatch.media.decode.frame_messages._MAX_BYTES", 10 * len(caption(0)))
    made = process(captioned, tmp_path, container="mkv", video_codec="libx264", **keys)
    assert sum(each is not None for each in attached(made.result, Attached.A53_CC)) == 10
    (warning,) = made.warnings
    assert warning.code == "video.frame_messages_dropped"
    assert "15 messages" in warning.message


def test_a_full_disk_leaves_the_video_as_it_was(
    captioned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = remux(captioned, tmp_path / "segment.mp4")
    before = path.read_bytes()

    def fill(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("framewatch.media.decode.frame_messages.rewrite", fill)
    with pytest.raises(OSError, match="no space"):
        put_messages(path, lambda frame: [caption(frame)])
    assert [each.name for each in tmp_path.iterdir()] == ["segment.mp4"]
    assert path.read_bytes() == before


def test_a_segment_without_a_video_is_an_error_of_ours_and_not_of_the_source(tmp_path: Path) -> None:
    path = tmp_path / "segment.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.1", "-c:a", "aac", path)
    with pytest.raises(VerificationError, match="holds no video"):
        put_messages(path, lambda frame: [caption(frame)])


def test_the_messages_of_a_long_film_are_read_in_parts(captioned: Path) -> None:
    source, _ = video_source(captioned)
    segments = tuple(
        Segment(number=n, first_pts=None, end_pts=None, first_frame=5 * n, frames=5) for n in range(FRAMES // 5)
    )
    messages = FilmMessages(source, segments, CarriedMessages(kinds=("captions_a53",)))
    for frame in range(FRAMES):
        assert messages(frame) == [caption(frame)]
        assert len(messages._parts) <= 2


def test_interlaced_frames_keep_their_captions(captioned: Path, tmp_path: Path) -> None:
    interlaced = tmp_path / "film.ts"
    fields = ["-vf", "setfield=tff", "-flags", "+ildct+ilme", "-c:v", "mpeg2video", "-bf", "2"]
    ffmpeg("-i", captioned, *fields, interlaced)
    keys = {"container": "mkv", "video_codec": "libx264", "deinterlace": "auto"} | UPSCALED
    made = process(interlaced, tmp_path / "work", 0.3, **keys)
    assert attached(made.result, Attached.A53_CC) == CAPTIONS


def test_both_fields_of_a_frame_give_it_their_captions(tmp_path: Path) -> None:
    write_paff(tmp_path)
    plain = (tmp_path / "paff.h264").read_bytes()
    pictures = [part for part in plain.split(b"\0\0\0\1")[1:] if part[0] & 31 in (1, 5)]
    parameters = plain[: plain.index(b"\0\0\0\1" + pictures[0])]
    fields = [nal(6, bytes([4, len(caption(n)), *caption(n), 0x80])) for n in range(len(pictures))]
    units = [sei + b"\0\0\0\1" + picture for sei, picture in zip(fields, pictures, strict=True)]
    (tmp_path / "film.h264").write_bytes(parameters + b"".join(units))
    ffmpeg("-fflags", "+genpts", "-r", "50", "-i", tmp_path / "film.h264", "-c", "copy", tmp_path / "film.ts")
    keys = {"container": "mkv", "video_codec": "libx264"} | UPSCALED
    made = process(tmp_path / "film.ts", tmp_path / "work", 0.15, **keys)
    both = [caption_bytes(number) + caption_bytes(number + 1) for number in range(0, len(pictures), 2)]
    assert attached(made.result, Attached.A53_CC) == both


def test_messages_of_a_frame_that_stays_do_not_fill_the_disk(
    captioned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = video_source(captioned)
    film = Segment(number=0, first_pts=None, end_pts=None, first_frame=0, frames=5000)
    timeline = source.timeline.evolve(rate=source.timeline.rate * 200, frames=5000)
    monkeypatch.setattr("framewatch.media.decode.frame_messages.reader", lambda *_: lambda _: [AFD_MESSAGE] * 32)
    found = messages_of(replace(source, timeline=timeline), film, CarriedMessages(kinds=("afd",)))
    size = sum(len(each) for messages in found.by_frame.values() for each in messages)
    assert 0 < size <= 64 << 20
    assert found.lost
