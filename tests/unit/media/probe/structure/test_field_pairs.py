"""Packets that hold the second field of a frame."""

from __future__ import annotations

import time
from pathlib import Path

import av
import pytest

from framewatch.media.probe.structure.field_pairs import FieldPairs
from kinds.bitstreams import write_paff
from media_factory import ffmpeg


def seconds(path: Path) -> list[bool]:
    """Whether each packet only completes a frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pairs = FieldPairs(stream.codec_context)
        return [pairs.is_second(packet) for packet in container.demux(stream) if packet.size]


@pytest.mark.parametrize("name", ["paff.h264", "paff.ts", "paff.mp4"])
def test_of_two_packets_with_the_fields_of_a_frame_the_second_completes_it(name: str, tmp_path: Path) -> None:
    write_paff(tmp_path)
    if name != "paff.h264":
        timed = ("-fflags", "+genpts", "-r", "50")
        ffmpeg(*timed, "-i", tmp_path / "paff.h264", "-c", "copy", tmp_path / name)
    assert seconds(tmp_path / name) == [False, True] * 10


def test_two_fields_in_one_packet_are_a_frame(tmp_path: Path) -> None:
    write_paff(tmp_path)
    data = (tmp_path / "paff.h264").read_bytes()
    parts = data.split(b"\0\0\0\1")[1:]
    pairs = FieldPairs(av.CodecContext.create("h264", "r"))
    fields = [b"\0\0\0\1" + part for part in parts]
    packets = [b"".join(fields[:4]), *(b"".join(fields[at : at + 2]) for at in range(4, 22, 2))]
    first, *others = (av.Packet(each) for each in packets)
    first.is_keyframe = True
    assert [pairs.is_second(each) for each in (first, *others)] == [False] * 10


@pytest.mark.parametrize(
    "how", [("-flags", "+ildct+ilme", "-x264-params", "tff=1"), ("-x264-params", "fake-interlaced=1"), ("-bf", "2")]
)
@pytest.mark.parametrize("profile", ["yuv420p", "yuv444p"])
def test_frames_are_never_second_fields(how: tuple[str, ...], profile: str, tmp_path: Path) -> None:
    encoded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", profile, *how)
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.4", *encoded, tmp_path / "a.ts")
    assert seconds(tmp_path / "a.ts") == [False] * 10


def test_nothing_is_known_of_a_stream_without_a_decoder() -> None:
    assert not FieldPairs(None).is_second(av.Packet(b"\0\0\0\1\x65\x88"))


def test_a_parameter_set_is_not_read_beyond_its_end() -> None:
    # A high profile that announces 255 numbers and ends.
    bits = "01100100" + "0" * 16 + "1" + "1111001" + "010" + "0" + "1" + "1"
    bits += "0" * (-len(bits) % 8)
    unit = b"\0\0\1\x67" + int(bits, 2).to_bytes(len(bits) // 8)
    packet = av.Packet(unit * 250)
    packet.is_keyframe = True
    pairs = FieldPairs(av.CodecContext.create("h264", "r"))
    begun = time.process_time()
    for _ in range(20):
        assert not pairs.is_second(packet)
    assert time.process_time() - begun < 3  # it was ten seconds
