"""The index of an MP4 or MOV is counted as libav counts it, so that no ordinary file is refused."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import av
import pytest

from framewatch.errors import MediaError
from framewatch.media.probe.sample_tables import check_index, index_sizes
from hostile_media import claiming_packets
from media_factory import ffmpeg

SOUND = ("-f", "lavfi", "-i", "sine=sample_rate=48000:duration=3")
PICTURES = ("-f", "lavfi", "-i", "testsrc2=size=256x128:rate=25:duration=0.4")
BOTH = (*PICTURES, *SOUND, "-map", "0", "-map", "1", "-map", "1", "-c:v", "mpeg4", "-c:a", "pcm_s16le")
LONG = ("-f", "lavfi", "-i", "color=size=16x16:rate=9:duration=1800", "-f", "lavfi", "-i", "anullsrc=r=8000:d=1800")


def entries(path: Path) -> list[int]:
    """Return the entries of each track, after a check that the file is not refused."""
    with path.open("rb") as file:
        tracks = index_sizes(file)
    check_index(tracks, path.stat().st_size, room=10**8)
    return [track.entries for track in tracks]


def of_libav(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [len(stream.index_entries) for stream in container.streams]


@pytest.mark.parametrize(
    "options",
    [
        (*SOUND, "-c:a", "pcm_s16le"),
        (*SOUND, "-c:a", "pcm_f64be", "-ac", "8"),
        (*SOUND, "-c:a", "pcm_u8", "-ar", "8000"),
        (*SOUND, "-c:a", "pcm_mulaw"),
        (*SOUND, "-c:a", "adpcm_ima_qt"),
        (*SOUND, "-c:a", "alac"),
        (*SOUND, "-c:a", "aac"),
        BOTH,
        (*PICTURES, "-c:v", "prores_ks", "-timecode", "01:00:00:00"),
        (*PICTURES, "-c:v", "dnxhd", "-profile:v", "dnxhr_lb", "-pix_fmt", "yuv422p"),
        (*PICTURES, "-c:v", "mjpeg"),
        (*PICTURES, "-c:v", "libx264", "-preset", "ultrafast"),
        (*LONG, "-c:v", "mpeg4", "-g", "600", "-c:a", "pcm_mulaw"),
    ],
    ids=["s16", "f64", "u8", "mulaw", "ima4", "alac", "aac", "tracks", "prores", "dnxhd", "mjpeg", "h264", "long"],
)
def test_each_track_has_as_many_entries_as_libav_makes(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "a.mov"
    ffmpeg(*options, path)
    assert entries(path) == of_libav(path)


@pytest.mark.parametrize("flags", ["empty_moov+frag_keyframe", "empty_moov+frag_every_frame+default_base_moof"])
def test_fragments_have_as_many_entries_as_libav_makes(tmp_path: Path, flags: str) -> None:
    path = tmp_path / "a.mov"
    ffmpeg(*BOTH, "-movflags", flags, path)
    assert sum(entries(path)) == sum(of_libav(path))


@pytest.mark.parametrize(("codec", "frames"), [(b"ima4", 64), (b"agsm", 160), (b"QDM2", 2048), (b"MAC6", 6)])
def test_compressed_sound_counted_in_frames_is_no_harm(tmp_path: Path, codec: bytes, frames: int) -> None:
    """As QuickTime wrote it until version 7: the tables count audio frames, of which a packet has many."""
    path = tmp_path / "a.mov"
    ffmpeg(*SOUND, "-c:a", "adpcm_ima_qt", path)
    data = path.read_bytes().replace(b"ima4", codec)
    (packets,) = struct.unpack_from(">I", data, data.index(b"stsz") + 12)
    counted = packets * 64
    for kind, offset, numbers in (
        (b"stsz", 12, (counted,)),
        (b"stts", 12, (counted, 1)),
        (b"stsc", 16, (counted,)),
        (b"stsd", 48, (frames, 34, 34)),
    ):
        at = data.index(kind) + offset
        new = struct.pack(f">{len(numbers)}I", *numbers)
        data = data[:at] + new + data[at + len(new) :]
    path.write_bytes(data)
    (known,) = of_libav(path)
    assert 0 < known <= entries(path)[0] <= 2 * known + 1


def test_a_movie_that_lists_more_than_it_can_hold_is_refused(tmp_path: Path) -> None:
    path = claiming_packets(tmp_path / "a.mov", 80_000_000)
    with pytest.raises(MediaError, match=re.escape("lists 80000000 packets, which could need 2.9 GB")) as caught:
        entries(path)
    assert caught.value.finding.code == "media.too_costly"
