"""Formats that few have: processed as they are shown, or refused under their own name."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import pytest

from framewatch.errors import FramewatchError
from framewatch.jobs.attempt import planning
from framewatch.media.ffmpeg.trial import keeps_hidden_edges
from framewatch.media.probe.packet_scan import scan
from framewatch.media.probe.probe import probe
from full_run import frame_times, process, rgb_frames
from heif import tiled
from hostile_media import box, element
from media_factory import ffmpeg, make_video
from media_samples import FFMPEG

UPSCALED = {"ml_upscale": "esrgan-2x", "container": "mp4"}
REENCODED = {"ml_upscale": "none", "processing_mode": "reencode", "container": "mp4", "preset": "ultrafast"}
COPIED = {"ml_upscale": "none", "processing_mode": "copy", "container": "mkv"}
B_FRAMES = ("-preset", "fast", "-bf", "2", "-g", "12")
NTSC = Fraction(30000, 1001)
RATE = {"ntsc.264": NTSC, "ntsc.y4m": NTSC, "ntsc.m4v": NTSC}
STEP = 10  # code values between two frames
BRIGHTER = f"geq=lum=20+{STEP}*N:cb=128:cr=128"
KINDS: dict[str, tuple[str, ...]] = {
    "a.nut": ("-c:v", "libx264", *B_FRAMES),
    "a.y4m": (),
    "ntsc.y4m": (),
    "deep.y4m": ("-pix_fmt", "yuv420p10le", "-strict", "-1"),
    "ntsc.264": ("-c:v", "libx264", *B_FRAMES),
    "a.hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=2"),
    "a.m2v": ("-c:v", "mpeg2video", "-bf", "2", "-q:v", "2"),
    "a.m1v": ("-c:v", "mpeg1video", "-q:v", "2"),
    "ntsc.m4v": ("-c:v", "mpeg4", "-bf", "2", "-q:v", "2", "-f", "m4v"),
    "a.obu": ("-c:v", "libaom-av1", "-cpu-used", "8"),
    "a.avif": ("-c:v", "libaom-av1", "-cpu-used", "8"),
    "a.apng": ("-pix_fmt", "rgb24"),
}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for name, options in KINDS.items():
        rate = str(RATE.get(name, 25))
        make_video(folder / name, source="color", filters=BRIGHTER, rate=rate, seconds=0.6, codec=options)
    return folder


def code_of(run: Callable[[], object]) -> str:
    with pytest.raises(FramewatchError) as caught:
        run()
    return caught.value.finding.code


@pytest.mark.parametrize("keys", [UPSCALED, REENCODED], ids=["upscaled", "reencoded"])
@pytest.mark.parametrize("name", KINDS)
def test_all_frames_are_processed_in_their_order_and_in_time(
    films: Path, tmp_path: Path, name: str, keys: dict[str, str]
) -> None:
    if name == "a.avif" and keys is REENCODED and not keeps_hidden_edges(FFMPEG):
        assert code_of(partial(process, films / name, tmp_path, **keys)) == "ffmpeg.too_old"
        return
    made = process(films / name, tmp_path, **keys)
    rate = RATE.get(name, 25)
    times = frame_times(tmp_path / "result.mp4")
    assert times == pytest.approx([float(number / rate) for number in range(len(times))], abs=0.002)
    with av.open(str(films / name)) as container:
        moving = max(container.streams.video, key=lambda stream: stream.index)
        source = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(moving)]
    assert len(source) == round(0.6 * rate)
    assert [frame.mean() for frame in rgb_frames(tmp_path / "result.mp4")] == pytest.approx(source, abs=STEP / 4)
    warned = {warning.code for warning in made.plan.warnings if warning.code.startswith("media.")}
    assert warned == ({"media.assumed_rate"} if name == "a.obu" else set())


def test_an_old_ffmpeg_is_not_sent_to_streams_that_it_counts_otherwise(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "keeps_hidden_edges", lambda _: False)
    assert code_of(partial(process, films / "a.avif", tmp_path / "a", **REENCODED)) == "ffmpeg.too_old"
    assert process(films / "a.avif", tmp_path / "b", **UPSCALED).frames == 15


def test_a_copy_of_a_raw_stream_is_refused_before_the_work(films: Path, tmp_path: Path) -> None:
    assert code_of(lambda: process(films / "ntsc.264", tmp_path, **COPIED)) == "copy.untimed"
    assert code_of(lambda: process(films / "deep.y4m", tmp_path, **COPIED)) == "copy.video_codec"
    assert code_of(lambda: process(films / "a.apng", tmp_path, **COPIED)) == "copy.video_codec"
    assert process(films / "a.y4m", tmp_path / "plain", **COPIED).frames == 15


@pytest.mark.parametrize("container", ["mkv", "mp4"])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.264", ("libx264", "-preset", "ultrafast")),
        ("a.265", ("libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0")),
        ("raw.m4v", ("mpeg4", "-bf", "2", "-f", "m4v")),
    ],
)
def test_a_raw_stream_whose_packets_ffmpeg_can_count_is_copied(
    tmp_path: Path, name: str, codec: tuple[str, ...], container: str
) -> None:
    source = make_video(tmp_path / name, rate=str(NTSC), codec=("-c:v", *codec))
    process(source, tmp_path / "work", **COPIED | {"container": container})
    times = frame_times(tmp_path / "work" / f"result.{container}")
    assert times == pytest.approx([float(number / NTSC) for number in range(30)], abs=0.001)


@pytest.mark.parametrize("name", ["a.y4m", "a.obu", "a.apng"])
def test_a_frame_that_is_cut_off_means_truncation(films: Path, tmp_path: Path, name: str) -> None:
    whole = (films / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[: len(whole) * 9 // 10])
    main = probe(path).main_video
    assert main
    assert code_of(lambda: scan(path, main.index)) == "media.truncated"


def test_a_nut_file_without_its_end_is_named(films: Path, tmp_path: Path) -> None:
    whole = (films / "a.nut").read_bytes()
    (tmp_path / "cut.nut").write_bytes(whole[: len(whole) * 9 // 10])
    made = process(tmp_path / "cut.nut", tmp_path / "work", **UPSCALED)
    assert "media.no_index" in {warning.code for warning in made.plan.warnings}


def test_each_format_that_cannot_be_read_is_refused_under_its_own_name(films: Path, tmp_path: Path) -> None:
    film = make_video(tmp_path / "film.mov", seconds=0.2)
    still = tmp_path / "still.avif"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", still)
    tiled(still, tmp_path / "tiles.avif", shown=[box(b"clap", bytes(32))])
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", "-c:v", "libwebp_anim", tmp_path / "moving.webp")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", "-c:v", "flv1", tmp_path / "flash.swf")
    for name, tag in {"raw.mov": b"aprn", "braw.mov": b"braw", "drm.mov": b"encv", "odd.mov": b"Xy1z"}.items():
        (tmp_path / name).write_bytes(film.read_bytes().replace(b"avc1", tag))
    linked = element("b6", element("91", b"\0") + element("92", b"\1") + element("6e67", b"o" * 16))
    chapters = element("1043a770", element("45b9", element("45dd", b"\1") + linked))
    matroska = make_video(tmp_path / "film.mkv", seconds=0.2).read_bytes()
    size, at = matroska.index(bytes.fromhex("18538067")) + 4, matroska.rindex(bytes.fromhex("1654ae6b"))
    whole = (len(matroska) - size - 8 + len(chapters)) | 1 << 56
    changed = matroska[:size] + whole.to_bytes(8) + matroska[size + 8 : at] + chapters + matroska[at:]
    (tmp_path / "linked.mkv").write_bytes(changed)
    names = ("tiles.avif", "moving.webp", "flash.swf", "raw.mov", "braw.mov", "drm.mov", "odd.mov", "linked.mkv")
    found = {name: code_of(partial(process, tmp_path / name, tmp_path / "work", **UPSCALED)) for name in names}
    assert found == {
        "tiles.avif": "media.unsupported",
        "moving.webp": "media.unsupported",
        "flash.swf": "media.unsupported",
        "raw.mov": "media.unsupported",
        "braw.mov": "media.unsupported",
        "drm.mov": "media.protected",
        "odd.mov": "media.no_decoder",
        "linked.mkv": "media.linked_files",
    }
