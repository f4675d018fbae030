"""Frame times of real files, read without decoding, and the timelines that they give."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from framewatch.domain import Timeline
from framewatch.errors import MediaError
from framewatch.media.decode.decoder import Decoder
from framewatch.media.heartbeat import Heartbeat
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.packet_scan import ScanResult, scan, stream_spans
from framewatch.media.probe.probe import probe
from framewatch.media.probe.safe_open import BUFFER_BYTES
from framewatch.media.timeline import cadence, plan_timeline
from media_factory import ffmpeg, make_video, remux
from media_samples import video_source

NTSC_FILM = Fraction(24000, 1001)


def planned(path: Path) -> tuple[Timeline, ScanResult]:
    stream = require_video(probe(path))
    assert stream.video
    found = scan(path, stream.index)
    return plan_timeline(found.pts, found.time_base, stream.video.rate, found.last_duration), found


@pytest.fixture(scope="module")
def film(media: Path) -> Path:
    codec = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3")
    return make_video(media / "film.mp4", rate="24000/1001", seconds=2, codec=codec)


@pytest.mark.parametrize("name", ["film.mkv", "film.ts", "film.mov", "film.flv", "film.avi", "film.m2ts"])
def test_a_b_frame_source_keeps_its_frames_and_rate_in_every_container(film: Path, media: Path, name: str) -> None:
    line, found = planned(remux(film, media / name))
    assert (line.rate, line.frames, line.source_frames, len(found.pts)) == (NTSC_FILM, 48, 48, 48)


def test_mpeg4_with_b_frames_in_avi_is_timed_by_dts(media: Path, film: Path) -> None:
    path = media / "old.avi"
    ffmpeg("-i", film, "-c:v", "mpeg4", "-bf", "2", path)
    line, _ = planned(path)
    assert (line.rate, line.frames) == (NTSC_FILM, 48)


def test_fifty_frames_per_second_are_kept(media: Path) -> None:
    line, _ = planned(make_video(media / "50.mkv", rate="50"))
    assert (line.rate, line.frames) == (50, 50)


def test_frames_that_an_edit_list_removes_are_not_shown(film: Path, media: Path) -> None:
    path = remux(film, media / "edited.mp4", before=["-ss", "0.5"])
    line, found = planned(path)
    assert line.frames == len(found.pts) == 36
    assert found.keyframes[0] < found.pts[0] == line.origin


@pytest.mark.parametrize(
    "codec",
    [
        ("-c:v", "mpeg2video", "-g", "12", "-bf", "2"),
        ("-c:v", "libx264", "-x264-params", "open-gop=1:keyint=12:min-keyint=12:bframes=3:scenecut=0"),
    ],
)
def test_a_recording_that_begins_inside_an_open_gop_starts_at_its_first_key_frame(
    media: Path, tmp_path: Path, codec: tuple[str, ...]
) -> None:
    whole = make_video(tmp_path / "whole.ts", seconds=2, codec=codec)
    begun = tmp_path / "begun.ts"
    packets = whole.read_bytes()
    begun.write_bytes(packets[188 * (len(packets) // 188 // 4) :])
    line, found = planned(begun)
    assert found.pts[0] == found.keyframes[0]
    assert 20 <= line.frames == len(found.pts) < 50


def test_pictures_that_lead_the_first_key_frame_count_where_decoders_return_them(tmp_path: Path) -> None:
    options = "radl=2:keyint=10:min-keyint=10:scenecut=0:bframes=3:b-adapt=0:open-gop=0:log-level=none"
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", options)
    whole = make_video(tmp_path / "whole.ts", seconds=1, codec=codec)
    with av.open(str(whole)) as file:
        second = [packet.pos for packet in file.demux(video=0) if packet.is_keyframe][1]
    data, cut = whole.read_bytes(), tmp_path / "cut.ts"
    cut.write_bytes(data[: 3 * 188] + data[second:])  # with its tables
    _, found = planned(cut)
    with av.open(str(cut)) as file:
        assert list(found.pts) == [frame.pts for frame in file.decode(video=0)]
    assert found.pts[0] < found.keyframes[0]


def test_an_mxf_that_states_no_times_is_decoded_in_the_order_of_its_frames(tmp_path: Path) -> None:
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "10", "-pix_fmt", "yuv420p")
    origin = make_video(tmp_path / "origin.mp4", seconds=1, codec=codec)
    path = tmp_path / "h264.mxf"
    ffmpeg("-i", origin, "-an", "-c", "copy", path)
    _, found = planned(path)
    assert (found.reordered, found.seekable) == (True, False)
    source = replace(video_source(path)[0], seekable=found.seekable)
    frames = [(frame.pts, frame.pixels.tobytes()) for frame in Decoder(source)]
    wanted = [frame.pixels.tobytes() for frame in Decoder(video_source(origin)[0])]
    assert frames == list(enumerate(wanted))


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_variable_rate_becomes_its_average_and_keeps_its_duration(media: Path, container: str) -> None:
    path = make_video(
        media / f"vfr.{container}", rate="50", seconds=2, filters="select='not(mod(n,3))+lt(n,40)'",
        output=("-fps_mode", "vfr"),
    )  # fmt: skip
    line, found = planned(path)
    assert len(found.pts) == 60
    assert line.rate == pytest.approx(59 / 1.98, abs=0.1)
    assert line.duration == pytest.approx(2.04, abs=float(1 / line.rate))
    assert sum(repeat for _, repeat in cadence(line, found.pts)) == line.frames


def test_concatenated_rates_keep_their_duration(media: Path) -> None:
    path = media / "joined.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1", "-f", "lavfi",
        "-i", "testsrc2=size=64x48:rate=60:duration=1", "-filter_complex",
        "[0]settb=1/600[a];[1]settb=1/600[b];[a][b]concat=n=2", "-fps_mode", "vfr", "-c:v", "libx264", path,
    )  # fmt: skip
    line, found = planned(path)
    assert len(found.pts) == 85
    assert line.duration == pytest.approx(2.0, abs=0.03)


def test_a_start_offset_is_the_origin(film: Path, media: Path) -> None:
    line, found = planned(remux(film, media / "late.ts", "-output_ts_offset", "50"))
    assert line.origin == found.pts[0] > 50 * 90_000


def test_an_index_that_states_more_frames_means_truncation(clip: Path, tmp_path: Path) -> None:
    whole = remux(clip, tmp_path / "f.mp4", "-movflags", "+faststart", "-an").read_bytes()
    cut = tmp_path / "cut.mp4"
    at = whole.index(b"mdat")
    size = (len(whole) - at) // 2
    # The box states the size that is there, so that only the sample table shows the truncation.
    cut.write_bytes(whole[: at - 4] + (size + 4).to_bytes(4, "big") + whole[at : at + size])
    with pytest.raises(MediaError) as caught:
        scan(cut, 0)
    assert caught.value.finding.code == "media.truncated"


def test_a_streamed_matroska_that_ends_early_is_truncated(tmp_path: Path) -> None:
    live = make_video(tmp_path / "live.mkv", seconds=30, rate="5")
    whole = bytearray(live.read_bytes())
    at = whole.index(b"\x18\x53\x80\x67") + 4
    whole[at : at + 8] = b"\x01" + b"\xff" * 7  # an unknown length, as in a stream
    live.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(MediaError) as caught:
        scan(live, require_video(probe(live)).index)
    assert caught.value.finding.code == "media.truncated"


@pytest.mark.parametrize("offset", ["20", "500"])
def test_a_clock_that_jumps_back_is_refused(clip: Path, tmp_path: Path, offset: str) -> None:
    late = remux(clip, tmp_path / "late.ts", "-output_ts_offset", offset, "-an")
    early = remux(clip, tmp_path / "early.ts", "-an")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(late.read_bytes() + early.read_bytes())
    with pytest.raises(MediaError) as caught:
        planned(joined)
    assert caught.value.finding.code == "media.timestamps"


def test_a_scan_beats_with_each_read(media: Path) -> None:
    """A hundred frames of raw video are hundreds of megabytes, which take minutes on a slow share."""
    raw = make_video(media / "raw.avi", size="320x240", rate="25", seconds=2, codec=("-c:v", "rawvideo"))
    heartbeat = Heartbeat()
    found = scan(raw, 0, heartbeat)
    assert len(found.pts) == 50
    assert heartbeat.beats >= raw.stat().st_size / BUFFER_BYTES
    before = heartbeat.beats
    stream_spans(raw, 0, heartbeat)
    assert heartbeat.beats >= 2 * before - 5


def test_streams_that_appear_while_reading_are_left_out(tmp_path: Path) -> None:
    """FLV announces no streams: sound may begin after everything that libav reads while it opens the file."""
    video = make_video(tmp_path / "a.flv", seconds=7, codec=("-c:v", "flv1"))
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "libmp3lame", "-ar", "44100", tmp_path / "sound.flv")
    video.write_bytes(video.read_bytes() + (tmp_path / "sound.flv").read_bytes()[13:])
    imports = "from pathlib import Path; from framewatch.media.probe.packet_scan import scan"
    code = f"{imports}; scan(Path({str(video)!r}), 0)"
    # PyAV reads behind the end of an array: with bytes that are not 0 there, which chance decides otherwise.
    environment = os.environ | {"MALLOC_PERTURB_": "165"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
