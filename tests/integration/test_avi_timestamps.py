"""Sources whose packets do not state when frames are shown: each frame once, at its time, in sync with the sound."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_marks import HEIGHT, WIDTH, Mark, drawn, read
from framewatch.errors import RuleError
from full_run import frame_times, process, rgb_frames
from media_factory import ffmpeg, remux

SOUND = ("-f", "lavfi", "-i", "sine=d=1")
FILM = ("-f", "rawvideo", "-pixel_format", "gray", "-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", "25", "-i", "-")
MP3 = ("-c:a", "libmp3lame")
MPEG4 = ("-c:v", "mpeg4", "-b:v", "2M", "-bf", "2", *MP3)
XVID = ("-c:v", "libxvid", "-q:v", "1", "-bf", "2", *MP3)  # packs two frames into one packet
H264 = ("-c:v", "libx264", "-bf", "3", *MP3)
MPEG2 = ("-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2", "-c:a")
AVIS = {"mpeg4": MPEG4, "xvid": XVID, "h264": H264}


def made_of(codec: tuple[str, ...], path: Path) -> Path:
    film = b"".join(drawn(Mark(1, number)).tobytes() for number in range(25))
    ffmpeg(*FILM, *SOUND, "-pix_fmt", "yuv420p", *codec, f"file:{path}", stdin=film)
    return path


def unpacked(path: Path) -> Path:
    """An XviD whose packets hold one frame each."""
    packed = made_of(XVID, path.with_stem("packed"))
    return remux(packed, path, "-bsf:v", "mpeg4_unpack_bframes")


def which(path: Path) -> list[int | None]:
    """The number that is marked on each frame."""
    return [mark and mark.frame for mark in map(read, rgb_frames(path))]


def nearest(result: Path, film: Path) -> list[int]:
    """For each frame, the number of the most similar frame of the film: XviD blurs some marks beyond recognition."""
    known = np.array(rgb_frames(film)).astype(int)
    shown = rgb_frames(result)
    scale = len(shown[0]) // known.shape[1]
    shown = [each[::scale, ::scale] for each in shown]
    return [int(np.abs(known - each).mean((1, 2, 3)).argmin()) for each in shown]


def lead(path: Path) -> float:
    """Seconds from the first sound to the first frame."""
    with av.open(str(path)) as film:
        sound = next(packet for packet in film.demux(audio=0) if packet.pts is not None)
        return frame_times(path)[0] - float(sound.pts * sound.time_base)


def even(path: Path) -> bool:
    return all(abs(after - before - 0.04) < 0.0021 for before, after in pairwise(frame_times(path)))


@pytest.mark.parametrize("preset", [{}, {"frame_timing": "preserve"}, {"deinterlace": "auto"}], ids=str)
@pytest.mark.parametrize("codec", ["mpeg4", "h264"])
def test_a_transcoded_avi_keeps_the_time_of_each_frame(codec: str, preset: dict[str, Any], tmp_path: Path) -> None:
    film = made_of(AVIS[codec], tmp_path / "film.avi")
    preset_keys = {"container": "mkv", "audio_codec": "copy"} | preset
    made = process(film, tmp_path / "work", **preset_keys)
    assert which(made.result) == list(range(25))
    assert even(made.result)
    upscaled = process(film, tmp_path / "larger", ml_upscale="esrgan-2x", **preset_keys)
    assert lead(made.result) == pytest.approx(lead(upscaled.result), abs=0.002)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("timing", ["cfr", "preserve"])
def test_a_transcoded_xvid_shows_the_same_frames_as_an_upscaled_one(
    packed: bool, timing: str, tmp_path: Path
) -> None:
    path = tmp_path / "film.avi"
    film = made_of(XVID, path) if packed else unpacked(path)
    preset_keys = {"container": "mkv", "audio_codec": "copy", "frame_timing": timing}
    made = process(film, tmp_path / "work", **preset_keys)
    upscaled = process(film, tmp_path / "larger", ml_upscale="esrgan-2x", **preset_keys)
    assert nearest(made.result, film) == nearest(upscaled.result, film)
    assert frame_times(made.result) == pytest.approx(frame_times(upscaled.result), abs=0.002)
    assert lead(made.result) == pytest.approx(lead(upscaled.result), abs=0.002)


def test_a_cut_of_a_transcoded_avi_starts_with_the_right_frame(tmp_path: Path) -> None:
    film = made_of(H264, tmp_path / "film.avi")
    made = process(film, tmp_path / "work", container="mkv", start_time=0.4, end_time=0.8)
    assert which(made.result) == list(range(10, 20))


@pytest.mark.parametrize(
    ("name", "container"),
    [
        *(("film.avi", each) for each in ("mkv", "mp4", "m2t")),
        *((name, each) for name in ("film.mpg", "film.vob") for each in ("mkv", "m2t")),
    ],
)
def test_a_copy_keeps_the_time_of_each_frame(name: str, container: str, tmp_path: Path) -> None:
    codecs = {"film.avi": MPEG4, "film.mpg": (*MPEG2, "mp2"), "film.vob": (*MPEG2, "ac3")}
    film = made_of(codecs[name], tmp_path / name)
    made = process(film, tmp_path / "work", processing_mode="copy", container=container)
    assert which(made.result) == list(range(25))
    assert even(made.result)
    upscaled = process(film, tmp_path / "larger", ml_upscale="esrgan-2x", container="mkv", audio_codec="copy")
    assert lead(made.result) == pytest.approx(lead(upscaled.result), abs=0.002)


@pytest.mark.parametrize("way", [{"processing_mode": "copy"}, {"audio_codec": "copy", "frame_timing": "preserve"}])
@pytest.mark.parametrize("codec", ["mpeg4", "xvid"])
def test_an_avi_with_missing_numbers_keeps_its_times(codec: str, way: dict[str, Any], tmp_path: Path) -> None:
    if codec == "xvid":
        film = unpacked(tmp_path / "film.avi")
    else:
        gaps = ("-vf", "select='not(between(n,7,9)+eq(n,15))'", "-fps_mode", "vfr")
        film = made_of((*gaps, *AVIS[codec]), tmp_path / "film.avi")
    made = process(film, tmp_path / "work", container="mkv", **way)
    preset_keys = {"audio_codec": "copy", "frame_timing": "preserve"}
    upscaled = process(film, tmp_path / "larger", ml_upscale="esrgan-2x", container="mkv", **preset_keys)
    assert nearest(made.result, film) == nearest(upscaled.result, film)
    assert len({round(1000 * (after - before)) for before, after in pairwise(frame_times(made.result))}) > 1
    assert [each - frame_times(made.result)[0] for each in frame_times(made.result)] == pytest.approx(
        [each - frame_times(upscaled.result)[0] for each in frame_times(upscaled.result)], abs=0.002
    )
    assert lead(made.result) == pytest.approx(lead(upscaled.result), abs=0.002)


@pytest.mark.parametrize(("codec", "code"), [(H264, "copy.untimed"), (XVID, "copy.packed_frames")])
def test_a_copy_that_would_show_frames_at_wrong_times_is_refused(
    codec: tuple[str, ...], code: str, tmp_path: Path
) -> None:
    film = made_of(codec, tmp_path / "film.avi")
    with pytest.raises(RuleError) as refused:
        process(film, tmp_path / "work", processing_mode="copy", container="mkv")
    assert [finding.code for finding in refused.value.findings] == [code]
    assert "reencode" in refused.value.findings[0].hint


def test_an_avi_without_reordered_frames_is_copied(tmp_path: Path) -> None:
    film = made_of((*H264[:-3], "0", *MP3), tmp_path / "film.avi")
    made = process(film, tmp_path / "work", processing_mode="copy", container="mp4")
    assert which(made.result) == list(range(25))
    preset_keys = {"container": "mkv", "frame_timing": "preserve"}
    upscaled = process(film, tmp_path / "larger", ml_upscale="esrgan-2x", **preset_keys)
    # In Matroska, ffmpeg 5.1 moves everything by the samples with which an AAC encoder begins.
    copied, encoded = frame_times(made.result), frame_times(upscaled.result)
    assert [each - copied[0] for each in copied] == pytest.approx([each - encoded[0] for each in encoded], abs=0.002)


@pytest.mark.parametrize("scaled", ["none", "esrgan-2x"])
def test_repeated_frames_are_not_counted_where_each_frame_keeps_its_time(scaled: str, tmp_path: Path) -> None:
    moving = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1")
    film, whole = tmp_path / "film.ogv", tmp_path / "whole.mkv"
    theora = ("-c:v", "libtheora", "-b:v", "2M", "-c:a", "libvorbis")
    ffmpeg(*moving, *SOUND, *theora, f"file:{film}")
    ffmpeg(*moving, "-c:v", "ffv1", f"file:{whole}")
    with av.open(str(film)) as packets:
        shown = [packet.pts for packet in packets.demux(video=0) if packet.size]
    assert 2 < len(shown) < 25  # libtheora has left the others empty
    made = process(film, tmp_path / "work", ml_upscale=scaled, container="mp4", frame_timing="preserve")
    begin = frame_times(made.result)[0]
    assert [each - begin for each in frame_times(made.result)] == pytest.approx(
        [tick / 25 for tick in shown], abs=0.002
    )
    # Some frames are nearly equal.
    assert all(abs(found - wanted) <= 1 for found, wanted in zip(nearest(made.result, whole), shown, strict=True))


def test_frames_that_are_not_coded_do_not_shift_those_that_are(tmp_path: Path) -> None:
    film = tmp_path / "film.avi"
    moving = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1")
    ffmpeg(*moving, *SOUND, "-c:v", "libxvid", "-b:v", "2M", "-bf", "2", "-bsf:v", "mpeg4_unpack_bframes", *MP3, film)
    with av.open(str(film)) as packets:
        sizes = {packet.dts: packet.size for packet in packets.demux(video=0) if packet.size}
    shown = [dts for dts, size in sizes.items() if size > 8]
    assert len(shown) < len(sizes)
    ways = [{"ml_upscale": "none"}, {"ml_upscale": "esrgan-2x"}]
    preset_keys: dict[str, Any] = {"container": "mkv", "audio_codec": "copy", "frame_timing": "preserve"}
    made = [process(film, tmp_path / str(number), **preset_keys, **way) for number, way in enumerate(ways)]
    for each in made:
        assert frame_times(each.result) == pytest.approx([tick / 25 for tick in shown], abs=0.002)
        # The first frames are nearly equal.
        assert all(abs(found - number) <= 1 for number, found in enumerate(nearest(each.result, film)))
    with pytest.raises(RuleError, match=r"copy\.untimed"):
        process(film, tmp_path / "copy", processing_mode="copy", container="mkv")


@pytest.mark.parametrize("scale", ["none", "esrgan-2x"])
def test_uneven_frames_of_asf_keep_their_times(scale: str, tmp_path: Path) -> None:
    uneven, film = "settb=1/1000,setpts=40*N+40*trunc(N*N/8)", tmp_path / "film.wmv"
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.8", "-vf", uneven, *coded, "-f", "asf", film)
    wanted = [0.04 * (number + number * number // 8) for number in range(20)]
    keys = {"container": "mkv", "frame_timing": "preserve", "ml_upscale": scale}
    assert frame_times(process(film, tmp_path / "work", **keys).result) == pytest.approx(wanted, abs=0.02)
