"""An MP4 with larger samples is the same file in everything else."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import pytest

from framewatch.media.iso_files.boxes import UnexpectedFileError
from framewatch.media.iso_files.sample_sizes import Sample, rewrite
from media_factory import ffmpeg, make_video, remux

FILLER = b"\x00\x00\x00\x0a\x0c" + b"\xff" * 8 + b"\x80"  # a NAL unit of H.264 that decoders skip


def samples_of(path: Path) -> list[tuple[Sample, int | None, int | None, bytes]]:
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        return [(Sample(each.pos or 0, each.size), each.pts, each.dts, bytes(each)) for each in packets]


def rewritten(path: Path, *, to: Path) -> Path:
    samples = [sample for sample, *_ in samples_of(path)]
    with path.open("rb") as old, to.open("w+b") as new:
        rewrite(old, new, samples, lambda number, data: FILLER * (number % 3) + data)
    return to


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("film") / "film.mp4", codec=("-c:v", "libx264", "-bf", "3", "-g", "8"))


def test_samples_grow_and_nothing_else_changes(film: Path, tmp_path: Path) -> None:
    made = rewritten(film, to=tmp_path / "made.mp4")
    before, after = samples_of(film), samples_of(made)
    assert [each[1:3] for each in after] == [each[1:3] for each in before]
    assert [each[3] for each in after] == [FILLER * (number % 3) + each[3] for number, each in enumerate(before)]
    assert ffmpeg("-i", made, "-f", "framemd5", "-") == ffmpeg("-i", film, "-f", "framemd5", "-")


def test_another_track_stays_as_it_is(film: Path, tmp_path: Path) -> None:
    timed = remux(film, tmp_path / "timed.mov", "-metadata:s:v:0", "timecode=01:02:03:04")
    made = rewritten(timed, to=tmp_path / "made.mov")
    with av.open(str(made)) as container:
        assert container.streams.video[0].metadata["timecode"] == "01:02:03:04"
    assert ffmpeg("-i", made, "-f", "framemd5", "-") == ffmpeg("-i", timed, "-f", "framemd5", "-")


def test_long_offsets_stay_long(film: Path, tmp_path: Path) -> None:
    data = film.read_bytes()
    at = data.index(b"stco")
    (size,) = struct.unpack_from(">I", data, at - 4)
    (count,) = struct.unpack_from(">I", data, at + 8)
    offsets = struct.unpack_from(f">{count}I", data, at + 12)
    long = struct.pack(">I4sII", size + 4 * count, b"co64", 0, count) + struct.pack(f">{count}Q", *offsets)
    changed = bytearray(data[: at - 4] + long + data[at - 4 + size :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        where = changed.index(kind) - 4
        (old,) = struct.unpack_from(">I", changed, where)
        struct.pack_into(">I", changed, where, old + 4 * count)
    (tmp_path / "long.mp4").write_bytes(changed)
    made = rewritten(tmp_path / "long.mp4", to=tmp_path / "made.mp4")
    assert b"co64" in made.read_bytes()
    assert len(samples_of(made)) == len(samples_of(film))


def test_another_layout_is_an_error_of_its_own(film: Path, tmp_path: Path) -> None:
    first = remux(film, tmp_path / "first.mp4", "-movflags", "+faststart")
    with pytest.raises(UnexpectedFileError):
        rewritten(first, to=tmp_path / "made.mp4")
    fragmented = remux(film, tmp_path / "fragmented.mp4", "-movflags", "+frag_keyframe+empty_moov")
    with pytest.raises(UnexpectedFileError):
        rewritten(fragmented, to=tmp_path / "made.mp4")


@pytest.mark.parametrize("content", [b"", b"\0\0\0\x01mdat", b"\0\0\0\x08moov", b"\0\0\0\x08mdat\xff\0\0\0moov"])
def test_a_broken_file_is_an_error_of_its_own(content: bytes) -> None:
    with pytest.raises(UnexpectedFileError):
        rewrite(io.BytesIO(content), io.BytesIO(), [], lambda _, data: data)
