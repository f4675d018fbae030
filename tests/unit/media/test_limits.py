"""A source beyond the limits is refused by its headers, and no stream can grow beyond them in the middle."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import pytest

from framewatch.domain import MediaInfo, Stream, Timeline
from framewatch.errors import MediaError
from framewatch.media.commands.ffmpeg_commands import transcode_command
from framewatch.media.decode.decoder import DecodeOptions, Decoder, VideoSource
from framewatch.media.ffmpeg.discovery import find_ffmpeg
from framewatch.media.ffmpeg.process import run_ffmpeg
from framewatch.media.limits import Limits, check_length, check_limits
from framewatch.media.plan.plan import make_plan
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.packet_scan import scan
from framewatch.media.probe.probe import probe
from framewatch.media.probe.safe_open import open_file, open_media
from framewatch.media.timeline import plan_timeline
from framewatch.render.task_handlers import RenderHandlers
from framewatch.render.tasks import ProbeTask
from media_factory import ffmpeg, make_video
from media_samples import audio, cover, media, other, video


def codes(info: MediaInfo, **limits: float) -> list[str]:
    return [finding.code for finding in check_limits(info, Limits.model_validate(limits))]


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (media(), []),
        (media(video(width=8192, height=8192)), []),
        (media(video(width=8193, height=8192)), ["media.too_large"]),
        (media(video(), cover(1).evolve(video=video(width=20_000, height=20_000).video)), []),
        (media(duration=24 * 3600.0), []),
        (media(duration=24 * 3600 + 1.0), ["media.too_long"]),
        (media(*[audio(number) for number in range(100)]), []),
        (media(*[audio(number) for number in range(101)]), ["media.too_many_streams"]),
        (media(*[other(number, "attachment") for number in range(300)]), []),
        (
            media(*[video(number, width=2**14, height=2**14) for number in range(101)], duration=1e9),
            ["media.too_many_streams", "media.too_large", "media.too_long"],
        ),
    ],
)
def test_each_exceeded_limit_is_one_finding_and_limits_are_inclusive(info: MediaInfo, expected: list[str]) -> None:
    assert codes(info) == expected


def test_every_hint_names_the_setting_to_raise() -> None:
    info = media(*[video(number) for number in range(3)], duration=7200)
    findings = check_limits(info, Limits(max_pixels=100, max_hours=1, max_streams=2))
    keys = {finding.code: finding.hint.rsplit(" ")[-1] for finding in findings}
    assert keys == {
        "media.too_many_streams": "limits.max_streams",
        "media.too_large": "limits.max_pixels",
        "media.too_long": "limits.max_hours",
    }
    assert check_length(3600, Limits(max_hours=1)) == []


# --- real files --------------------------------------------------------------------------------------------


def vast_png(width: int, height: int) -> bytes:
    """A grey image of a few kilobytes that decodes to width * height bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def png_video(path: Path, pictures: list[bytes], width: int, height: int) -> Path:
    """A video whose frames are these images, and whose headers state this size."""
    with av.open(str(path), "w", format="mov") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "gray"
        for number, data in enumerate(pictures):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            packet.is_keyframe = True
            container.mux(packet)
    return path


def timeline_of(path: Path, main: Stream) -> Timeline:
    found = scan(path, main.index)
    assert main.video is not None
    return plan_timeline(found.pts, found.time_base, main.video.rate, found.last_duration)


def refused(path: Path, limits: Limits) -> list[str]:
    with pytest.raises(MediaError) as caught:
        probe(path, limits)
    return [finding.code for finding in caught.value.findings]


@pytest.mark.parametrize("side", [3500, 5000])
def test_a_frame_above_the_limit_is_refused_even_beyond_what_decoders_allow(tmp_path: Path, side: int) -> None:
    """One frame is above the limit, the other also above the limit for decoders."""
    limits = Limits(max_pixels=10_000_000)
    assert (side * side > limits.decoder_pixels) == (side == 5000)
    path = png_video(tmp_path / "vast.mov", [vast_png(side, side)] * 2, side, side)
    assert refused(path, limits) == ["media.too_large"]
    assert probe(path, Limits()).main_video is not None


def test_a_frame_that_grows_in_the_middle_counts_as_damage_and_costs_no_memory(tmp_path: Path) -> None:
    """6000x6000 is less than a megabyte as a file, and 36 MB when decoded."""
    small, vast = vast_png(64, 48), vast_png(6000, 6000)
    path = png_video(tmp_path / "grows.mov", [small, small, vast, small], 64, 48)
    limits = Limits(max_pixels=1_000_000)
    main = probe(path, limits).main_video
    assert main is not None
    timeline = timeline_of(path, main)
    decoder = Decoder(VideoSource(path, main, timeline), DecodeOptions(max_pixels=limits.decoder_pixels))
    frames = list(decoder)
    assert sum(frame.repeat for frame in frames) == 4
    assert {frame.pixels.shape for frame in frames} == {(48, 64, 3)}
    assert decoder.damaged == 1
    unbounded = Decoder(VideoSource(path, main, timeline))
    assert [frame.pixels.shape for frame in unbounded] == [(48, 64, 3)] * 4
    assert unbounded.damaged == 0


def test_frames_at_the_limit_are_decoded_although_their_coded_size_is_larger(tmp_path: Path) -> None:
    """1918x1078 is coded as 1920x1088."""
    path = make_video(tmp_path / "a.mp4", size="1918x1078", seconds=0.08)
    limits = Limits(max_pixels=1918 * 1078)
    main = probe(path, limits).main_video
    assert main is not None
    timeline = timeline_of(path, main)
    decoder = Decoder(VideoSource(path, main, timeline), DecodeOptions(max_pixels=limits.decoder_pixels))
    assert len(list(decoder)) == 2
    assert decoder.damaged == 0


def test_a_hundred_and_twenty_tracks_are_too_many(tmp_path: Path) -> None:
    path = tmp_path / "many.mkv"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.05", *["-map", "0"] * 120, "-c:a", "pcm_s16le", path)
    assert refused(path, Limits()) == ["media.too_many_streams"]


def test_probing_stops_at_the_time_limit(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=0.2)
    assert refused(path, Limits(probe_seconds=0)) == ["media.probe_too_long"]
    with open_file(path, seconds=60) as file:
        assert file.read(4)


def test_a_jump_of_the_timestamps_makes_a_video_too_long(tmp_path: Path) -> None:
    """The header states no length; the last frame is five days away."""
    path = tmp_path / "jump.mkv"
    jump = "setpts=if(eq(N\\,9)\\,5*86400/TB\\,N/25/TB)"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-vf", jump, "-frames:v", "10",
        "-fps_mode", "passthrough", "-c:v", "libx264", "-bf", "0", "-f", "matroska", "-live", "1", path,
    )  # fmt: skip
    with open_media(path) as container:
        assert not container.duration
    with pytest.raises(MediaError) as caught:
        RenderHandlers(lambda _: None).run(ProbeTask(source=path, limits=Limits()))
    assert caught.value.finding.code == "media.too_long"
    report = RenderHandlers(lambda _: None).run(ProbeTask(source=path, limits=Limits(max_hours=1000)))
    assert report.timeline.duration > 4 * 86400


def test_the_length_of_audio_is_checked_by_its_packets_too(tmp_path: Path) -> None:
    """The header states no length; the last second is five days away."""
    path = tmp_path / "jump.mka"
    tone = ("-f", "lavfi", "-i", "sine=duration=2")
    jump = "asetpts=PTS+if(gte(T\\,1)\\,5*86400/TB\\,0)"
    ffmpeg(*tone, "-af", jump, "-c:a", "pcm_s16le", "-f", "matroska", "-live", "1", path)
    task = ProbeTask(source=path, timeline=False, limits=Limits())
    with pytest.raises(MediaError) as caught:
        RenderHandlers(lambda _: None).run(task)
    assert caught.value.finding.code == "media.too_long"
    report = RenderHandlers(lambda _: None).run(task.evolve(limits=Limits(max_hours=1000)))
    assert max(report.lengths.values()) > 4 * 86400


@pytest.mark.parametrize("bounded", [True, False])
def test_ffmpeg_too_refuses_a_frame_that_grows_in_the_middle(tmp_path: Path, bounded: bool) -> None:
    small, vast = vast_png(64, 48), vast_png(6000, 6000)
    path = png_video(tmp_path / "grows.mov", [small, small, vast, small], 64, 48)
    info = probe(path, Limits())
    main = info.main_video
    assert main is not None
    plan = make_plan(Preset(preset="ultrafast"), "test", info, timeline_of(path, main))
    limit = Limits(max_pixels=1_000_000).decoder_pixels if bounded else None
    said: list[str] = []
    argv = transcode_command(plan.evolve(max_pixels=limit), find_ffmpeg(None), path, tmp_path / "o.mp4")
    run_ffmpeg(argv, on_log=lambda _, line: said.append(line))
    assert any("max pixel count" in line for line in said) == bounded
    assert not any("AVOption" in line for line in said)


def test_a_cover_may_be_larger_than_a_video(tmp_path: Path) -> None:
    picture, path, out = tmp_path / "cover.png", tmp_path / "a.mp4", tmp_path / "o.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=size=2000x2000", "-frames:v", "1", picture)
    clip = make_video(tmp_path / "clip.mp4", seconds=0.2, audio=True)
    attached = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic")
    ffmpeg("-i", clip, "-i", picture, *attached, path)
    info = probe(path)
    plan = make_plan(
        Preset(container="mp4", preset="ultrafast"), "test", info, timeline_of(path, info.of_kind("video")[0])
    )
    said: list[str] = []
    argv = transcode_command(plan.evolve(max_pixels=2**20), find_ffmpeg(None), path, out)
    run_ffmpeg(argv, on_log=lambda _, line: said.append(line))
    assert not any("pixel" in line or "AVOption" in line for line in said)
    assert [stream.cover for stream in probe(out).streams] == [False, False, True]
