"""Cuts, rates and frame times from source to output, in sync with the sound, with and without the network."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from full_run import frame_times, process, rgb_frames
from media_factory import ffmpeg, make_video, remux

MODES = pytest.mark.parametrize("mode", ["none", "esrgan-2x"])
CONTAINERS = pytest.mark.parametrize("container", ["mp4", "mkv"])

RATE = 25
MOMENT = 1.2  # seconds at which a frame is white and a beep starts
CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=One
[CHAPTER]
TIMEBASE=1/1000
START=1000
END=2000
title=Two
[CHAPTER]
TIMEBASE=1/1000
START=2000
END=3000
title=Three
"""
TEXTS = """1
00:00:00,100 --> 00:00:00,300
before

2
00:00:00,500 --> 00:00:01,000
across

3
00:00:01,400 --> 00:00:01,600
inside

4
00:00:02,500 --> 00:00:02,900
after
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds: frame n has the grey 20 + 2 n; the one at MOMENT is white, and a beep starts with it."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "c.txt").write_text(CHAPTERS)
    (folder / "s.srt").write_text(TEXTS)
    grey = f"geq=lum='if(eq(N,{round(MOMENT * RATE)}),235,20+2*N)':cb=128:cr=128"
    beep = f"aevalsrc='if(between(t,{MOMENT},{MOMENT + 0.1}),sin(6283*t),0)':s=48000:d=3"
    ffmpeg("-f", "lavfi", "-i", f"color=black:s=64x48:r={RATE}:d=3,{grey}", "-f", "lavfi", "-i", beep,
           "-i", folder / "s.srt", "-i", folder / "c.txt", "-map", "0", "-map", "1", "-map", "2",
           "-map_chapters", "3", "-c:v", "libx264", "-crf", "5", "-preset", "veryfast", "-bf", "2", "-g", "10",
           "-c:a", "flac", "-c:s", "srt", folder / "film.mkv")  # fmt: skip
    return folder / "film.mkv"


def numbers(path: Path) -> list[int]:
    """The numbers of the source frames that are shown; the white one is -1."""
    found = [(float(frame.mean()) / 255 * 219 + 16 - 20) / 2 for frame in rgb_frames(path)]
    return [-1 if number > 105 else round(number) for number in found]


def flash(path: Path) -> float:
    """Seconds at which the white frame is shown."""
    return frame_times(path)[numbers(path).index(-1)]


def beep(path: Path) -> float:
    """Seconds at which the sound starts."""
    for start, samples, rate in sound(path):
        loud = np.flatnonzero(np.abs(samples) > 0.1)
        if len(loud):
            return start + float(loud[0]) / rate
    raise AssertionError("no beep")


def sound(path: Path) -> list[tuple[float, Any, int]]:
    """Start, samples and rate of each frame of sound."""
    with av.open(str(path)) as container:
        even = av.AudioResampler(format="fltp", layout="mono")
        decoded = [(frame.time, each) for frame in container.decode(audio=0) for each in even.resample(frame)]
    return [(time, each.to_ndarray()[0], each.sample_rate) for time, each in decoded]


def chapters(path: Path) -> list[tuple[str, float, float]]:
    """Title, start and end in seconds."""
    with av.open(str(path)) as container:
        found = container.chapters()
        ends = [(float(each["start"] * each["time_base"]), float(each["end"] * each["time_base"])) for each in found]
        return [(each["metadata"]["title"], *both) for each, both in zip(found, ends, strict=True)]


def texts(path: Path) -> str:
    return ffmpeg("-i", path, "-map", "0:s:0", "-f", "srt", "-").decode()


# --- the cut -------------------------------------------------------------------------------------------------


@MODES
@CONTAINERS
@pytest.mark.parametrize("timing", ["cfr", "preserve"])
def test_a_cut_is_exact_to_the_frame_and_everything_is_cut_with_it(
    mode: str, container: str, timing: str, film: Path, tmp_path: Path
) -> None:
    cut = {"start_time": 0.7, "end_time": "0:02.1", "frame_timing": timing}
    preset_keys = {"container": container, "audio_codec": "alac", "ml_upscale": mode, "preset": "veryfast", "crf": 5}
    made = process(film, tmp_path, **preset_keys, **cut).result
    # The first frame at or after 0.7 s is number 18, at 0.72, where the output starts; the last before 2.1 is 52.
    assert numbers(made) == [*range(18, 30), -1, *range(31, 53)]
    assert flash(made) == pytest.approx(MOMENT - 0.72, abs=0.001)
    assert beep(made) == pytest.approx(flash(made), abs=0.001)
    heard = sound(made)
    assert heard[0][0] == pytest.approx(0, abs=0.001)
    assert sum(len(samples) for _, samples, _ in heard) == round(1.38 * 48000)
    wanted = [("One", 0, 0.28), ("Two", 0.28, 1.28), ("Three", 1.28, 1.38)]
    for (title, begin, end), (name, first, last) in zip(chapters(made), wanted, strict=True):
        assert (title, begin) == (name, pytest.approx(first, abs=0.002))
        assert end == pytest.approx(last, abs=0.03)
    assert "before" not in texts(made)
    assert "00:00:00,000 --> 00:00:00,280\nacross" in texts(made)
    assert "00:00:00,680 --> 00:00:00,880\ninside" in texts(made)
    assert "after" not in texts(made)


@MODES
def test_a_cut_may_have_only_a_start_or_an_end(mode: str, film: Path, tmp_path: Path) -> None:
    preset_keys = {"container": "mkv", "ml_upscale": mode}
    late = process(film, tmp_path / "a", **preset_keys, audio_codec="flac", start_time="0:02").result
    early = process(film, tmp_path / "b", **preset_keys, audio_codec="copy", end_time=1).result
    assert (numbers(late), numbers(early)) == (list(range(50, 75)), list(range(25)))
    assert frame_times(late)[0] == frame_times(early)[0] == 0


def test_copied_audio_is_cut_between_packets_and_stays_in_sync(film: Path, tmp_path: Path) -> None:
    made = process(film, tmp_path, container="mkv", audio_codec="copy", start_time=0.7, end_time=2.1).result
    assert beep(made) == pytest.approx(flash(made), abs=0.002)
    assert sum(len(samples) for _, samples, _ in sound(made)) == pytest.approx(1.38 * 48000, abs=2 * 4608)


@CONTAINERS
def test_a_copy_starts_at_the_key_frame_before_the_cut_with_a_warning(
    container: str, film: Path, tmp_path: Path
) -> None:
    preset_keys = {"processing_mode": "copy", "selected_subtitle_tracks": "none", "selected_audio_tracks": "none"}
    made = process(film, tmp_path, container=container, start_time=0.7, end_time=2.1, **preset_keys)
    assert [warning.code for warning in made.warnings] == ["cut.at_key_frame"]
    assert numbers(made.result)[:3] == [10, 11, 12]
    assert 53 <= numbers(made.result)[-1] + 1 <= 56
    assert frame_times(made.result)[0] == 0


def test_a_cut_late_in_a_film_is_exact(tmp_path: Path) -> None:
    source, grey = tmp_path / "long.mkv", "geq=lum='20+2*mod(N,100)':cb=128:cr=128"
    ffmpeg("-f", "lavfi", "-i", f"color=black:s=32x32:r=5:d=60,{grey}", "-f", "lavfi", "-i", "sine=d=60",
           "-g", "20", "-c:v", "libx264", "-qp", "0", "-c:a", "flac", source)  # fmt: skip
    for mode in ("none", "esrgan-2x"):
        preset_keys = {"container": "mkv", "ml_upscale": mode, "crf": 0}
        made = process(source, tmp_path / mode, start_time=50, end_time=51, **preset_keys)
        assert [number % 100 for number in numbers(made.result)] == [50, 51, 52, 53, 54]


# --- the rate ------------------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize(("rate", "fps"), [("25", 50), ("50", 25), ("25", "29.97"), ("24000/1001", 24)])
def test_another_rate_does_not_change_the_speed(mode: str, rate: str, fps: Any, tmp_path: Path) -> None:
    flashed = f"geq=lum='if(gte(T,{MOMENT}),235,16)':cb=128:cr=128"
    source = make_video(tmp_path / "s.mkv", rate=rate, seconds=2, source="color=black", filters=flashed)
    made = process(source, tmp_path / "w", container="mp4", ml_upscale=mode, fps=fps)
    wanted = float(made.plan.preset.fps)
    found = frame_times(made.result)
    assert len(found) == round(2 * wanted)
    assert found == pytest.approx([number / wanted for number in range(len(found))], abs=0.0001)
    bright = next(time for time, frame in zip(found, rgb_frames(made.result), strict=True) if frame.mean() > 128)
    assert bright == pytest.approx(MOMENT, abs=0.5 / wanted + 0.021)


DELAYS = (3, 3, 30, 4, 60, 200)  # of the frames of a GIF, in hundredths of a second


@pytest.fixture(scope="module")
def animation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GIF of six frames that stay from 30 to 2000 ms."""
    path = tmp_path_factory.mktemp("animation") / "a.gif"
    starts = [sum(DELAYS[:number]) for number in range(len(DELAYS))]
    times = "+".join(f"eq(N,{number})*{start}" for number, start in enumerate(starts))
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=64x48:r=6:d=1,settb=1/100,setpts='{times}'", "-fps_mode", "passthrough",
           "-enc_time_base", "1/100", "-final_delay", str(DELAYS[-1]), path)  # fmt: skip
    return path


@MODES
def test_frames_that_a_constant_rate_drops_are_counted_in_a_warning(
    mode: str, animation: Path, tmp_path: Path
) -> None:
    made = process(animation, tmp_path / "cfr", container="mkv", ml_upscale=mode)
    (warning,) = [each for each in made.warnings if each.code == "timing.frames_dropped"]
    step = made.plan.scale
    drawn = np.stack(rgb_frames(animation)).astype(np.int16)
    shown = {int(np.abs(drawn - each[::step, ::step]).mean((1, 2, 3)).argmin()) for each in rgb_frames(made.result)}
    dropped = len(DELAYS) - len(shown)
    assert dropped > 0
    assert warning.message.startswith(f"{dropped} frames are dropped of {len(DELAYS)}")
    assert "frame_timing: preserve" in warning.hint


@MODES
def test_a_gif_of_uneven_delays_keeps_its_times_where_that_is_asked_for(
    mode: str, animation: Path, tmp_path: Path
) -> None:
    made = process(animation, tmp_path / "own", container="mkv", ml_upscale=mode, frame_timing="preserve")
    assert frame_times(made.result) == pytest.approx(frame_times(animation), abs=0.001)
    assert "timing.frames_dropped" not in [each.code for each in made.warnings]


@MODES
def test_of_frames_with_the_same_time_one_is_shown_and_the_others_are_counted(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "s.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.8,setpts=N*N*0.004/TB", "-fps_mode", "passthrough",
           "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", path)  # fmt: skip
    made = process(path, tmp_path / "w", container="mkv", ml_upscale=mode, frame_timing="preserve")
    before = frame_times(path)
    assert len(set(before)) == 17 < len(before) == 20
    assert frame_times(made.result) == pytest.approx(sorted(set(before)), abs=0.001)
    (warning,) = [each for each in made.warnings if each.code == "timing.frames_dropped"]
    assert warning.message.startswith("3 of 20 frames are dropped")


@pytest.mark.parametrize("preset_keys", [{"fps": 5}, {"processing_mode": "copy"}])
def test_frames_that_a_preset_asks_to_drop_are_no_loss_and_a_copy_drops_none(
    preset_keys: Any, animation: Path, tmp_path: Path
) -> None:
    made = process(animation, tmp_path, container="mkv", **preset_keys)
    assert "timing.frames_dropped" not in [each.code for each in made.warnings]


# --- own times -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames at uneven times, from 0.2 s on, with B-frames and sound; the last one is long."""
    path = tmp_path_factory.mktemp("uneven") / "s.mkv"
    choice = "select='not(between(mod(n,13),3,6))*lt(n,60)+eq(n,90)',setpts=PTS+0.207/TB"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=64x48:r=50:d=3,{choice}", "-f", "lavfi", "-i", "sine=d=3",
           "-fps_mode", "passthrough", "-enc_time_base", "1/1000", "-pix_fmt", "yuv420p", "-c:v", "libx264",
           "-bf", "3", "-c:a", "aac", path)  # fmt: skip
    return path


@MODES
@CONTAINERS
def test_each_frame_keeps_its_own_time_to_the_millisecond(
    mode: str, container: str, uneven: Path, tmp_path: Path
) -> None:
    made = process(uneven, tmp_path, container=container, ml_upscale=mode, frame_timing="preserve", preset="veryfast")
    before, after = frame_times(uneven), frame_times(made.result)
    assert len({round(later - earlier, 3) for earlier, later in pairwise(before)}) > 2
    assert after == pytest.approx(before, abs=0.001)
    assert made.frames == len(before)


@MODES
def test_times_in_ticks_of_90_khz_are_kept_in_mp4(mode: str, tmp_path: Path) -> None:
    source = tmp_path / "s.mp4"
    jitter = "setpts=PTS+mod(N*37\\,11)*0.0013/TB"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=64x48:r=24000/1001:d=1,settb=1/90000,{jitter}",
           "-fps_mode", "passthrough", "-enc_time_base", "1/90000", "-pix_fmt", "yuv420p", "-c:v", "libx264",
           "-video_track_timescale", "90000", source)  # fmt: skip
    made = process(source, tmp_path / "w", container="mp4", ml_upscale=mode, frame_timing="preserve")
    assert frame_times(made.result) == pytest.approx(frame_times(source), abs=0.0001)


def test_where_times_do_not_ascend_around_a_gap_the_frame_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "s.mkv"
    make_video(tmp_path / "even.mkv", seconds=4, codec=("-c:v", "libx264", "-bf", "2", "-g", "25"))
    with av.open(str(tmp_path / "even.mkv")) as container:
        shown = [packet.pts for packet in container.demux(video=0) if packet.size]
    first = next(number for number in range(50, 100) if shown[number] < shown[number - 1])
    later = f"gte(N\\,{first})*20/TB"  # a frame that is shown before another one, and decoded after it
    remux(tmp_path / "even.mkv", path, "-bsf:v", f"setts=pts=PTS+{later}:dts=DTS+{later}")
    made = process(path, tmp_path / "w", 2.0, container="mkv", ml_upscale="esrgan-2x")
    assert len(frame_times(made.result)) == made.frames
    assert made.plan.expected.duration == pytest.approx(24, abs=0.1)


# --- in combination ------------------------------------------------------------------------------


@pytest.mark.parametrize(("container", "codec"), [("flac", "flac"), ("wav", "pcm_s16le"), ("m4a", "alac")])
def test_extracted_audio_is_cut_to_the_sample(container: str, codec: str, film: Path, tmp_path: Path) -> None:
    made = process(film, tmp_path, container=container, audio_codec=codec, start_time=0.7, end_time=2.1).result
    assert sum(len(samples) for _, samples, _ in sound(made)) == round(1.4 * 48000)
    assert beep(made) == pytest.approx(MOMENT - 0.7, abs=0.001)


@MODES
def test_a_cover_does_not_shift_a_cut(mode: str, film: Path, tmp_path: Path) -> None:
    source, picture = tmp_path / "covered.mp4", tmp_path / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32", "-frames:v", "1", picture)
    ffmpeg("-i", film, "-i", picture, "-map", "0:v", "-map", "0:a", "-map", "1", "-c:v", "copy", "-c:a", "alac",
           "-disposition:v:1", "attached_pic", source)  # fmt: skip
    made = process(source, tmp_path / "w", ml_upscale=mode, audio_codec="alac", start_time=0.7, end_time=2.1)
    assert [stream.cover for stream in made.plan.expected.streams] == [False, False, True]
    assert flash(made.result) == pytest.approx(MOMENT - 0.72, abs=0.001)
    assert beep(made.result) == pytest.approx(MOMENT - 0.72, abs=0.001)


@MODES
@pytest.mark.parametrize("container", ["m2t", "mts"])
def test_a_transport_stream_is_cut_in_sync(mode: str, container: str, film: Path, tmp_path: Path) -> None:
    preset_keys = {"container": container, "audio_codec": "ac3", "selected_subtitle_tracks": "none", "crf": 5}
    made = process(film, tmp_path, ml_upscale=mode, start_time=0.7, end_time=2.1, **preset_keys).result
    assert numbers(made) == [*range(18, 30), -1, *range(31, 53)]
    assert beep(made) == pytest.approx(flash(made), abs=0.01)


def test_loudness_is_measured_in_the_part_that_is_kept(tmp_path: Path) -> None:
    source = tmp_path / "s.mkv"
    louder = "aevalsrc='sin(2764*t)*if(lt(t,3),1,0.02)':s=48000:d=6"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=32x32:r=5:d=6", "-f", "lavfi", "-i", louder, "-c:v", "libx264",
           "-c:a", "flac", source)  # fmt: skip
    made = process(source, tmp_path / "w", container="mkv", audio_codec="flac", audio_normalize=True, start_time=3)
    loudest = max(float(np.abs(samples).max()) for _, samples, _ in sound(made.result))
    assert loudest > 0.1  # -16 LUFS; measured with the loud part, the quiet one would stay at 0.02 or less
