"""Damaged files: damage is concealed and counted, and too much of it is an error with a code."""

from __future__ import annotations

import re
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framewatch.errors import FramewatchError, MediaError
from framewatch.media.decode.decoder import DecodeOptions, Decoder
from framewatch.media.decode.output_inspection import inspect_output
from media_factory import make_video, remux
from media_samples import video_source


def damaged_copy(clip: Path, target: Path) -> Path:
    """H.264 in a transport stream with a hole in the middle of its packets."""
    whole = remux(clip, target, "-an").read_bytes()
    middle = 188 * (len(whole) // 376)
    target.write_bytes(whole[:middle] + whole[middle + 188 * 4 :])
    return target


def test_damage_is_counted_reported_and_concealed(tmp_path: Path) -> None:
    source = make_video(tmp_path / "s.mp4", seconds=4, codec=("-c:v", "libx264", "-bf", "2", "-g", "25"))
    path = damaged_copy(source, tmp_path / "holes.ts")
    source, _ = video_source(path)
    reported: list[str] = []
    decoder = Decoder(source, on_damage=reported.append)
    assert sum(frame.repeat for frame in decoder) == source.timeline.frames == 100
    assert decoder.damaged == len(reported) > 0


def test_a_whole_frame_in_front_of_a_join_is_no_damage(tmp_path: Path) -> None:
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25")
    first = make_video(tmp_path / "first.ts", seconds=1, codec=codec)
    second = remux(first, tmp_path / "second.ts", "-output_ts_offset", "1")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    with av.open(str(joined)) as file:
        assert any(packet.is_corrupt for packet in file.demux(video=0))
    source, _ = video_source(joined)
    decoder = Decoder(source)
    assert sum(frame.repeat for frame in decoder) == 50
    assert decoder.damaged == 0


def test_too_much_damage_is_an_error(tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "v.mkv", seconds=4, codec=("-c:v", "ffv1", "-level", "3", "-slicecrc", "1", "-g", "1")
    )
    source, _ = video_source(path)
    whole = bytearray(path.read_bytes())
    for cluster in re.finditer(rb"\xa3[\x40-\x7f].\x81..\x80", bytes(whole), re.DOTALL):  # a SimpleBlock of video
        whole[cluster.end() : cluster.end() + 40] = bytes(40)
    path.write_bytes(whole)
    with pytest.raises(MediaError) as caught:
        list(Decoder(source))
    assert caught.value.finding.code in ("media.corrupt", "media.unreadable")


FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "avi"])
@FUZZ
@given(data=st.data())
def test_a_mutated_file_gives_all_frames_or_an_error_with_a_code(
    clip: Path, media: Path, container: str, data: st.DataObject
) -> None:
    origin = media / f"fuzz.{container}"
    whole = bytearray((origin if origin.exists() else remux(clip, origin)).read_bytes())
    places = st.integers(0, len(whole) - 1)
    flips = data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=12))
    for at, value in flips:
        whole[at] = value
    end = data.draw(st.sampled_from([len(whole), len(whole), len(whole) // 2]))
    path = media / f"fuzzed.{container}"
    path.write_bytes(whole[:end])
    code, planned, given_out = "", 0, 0
    try:
        source, _ = video_source(path)
        planned = source.timeline.frames
        given_out = sum(frame.repeat for frame in Decoder(source, DecodeOptions(threads=1)))
        inspect_output(path, threads=1)
    except FramewatchError as error:
        code = error.finding.code
    assert code.startswith("media.") or planned == given_out > 0
