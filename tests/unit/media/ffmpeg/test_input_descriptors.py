"""Inputs of a command become descriptors, which are checked as they are opened, and which nobody else inherits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from framewatch.domain import InputFile
from framewatch.errors import FramewatchError, WorkerError
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.commands.output_args import file_url
from framewatch.media.ffmpeg.input_descriptors import open_inputs
from framewatch.media.ffmpeg.process import run_ffmpeg
from framewatch.media.probe.probe import probe
from framewatch.storage.files import identity_of, named_by_user
from media_factory import ffmpeg
from media_samples import FFMPEG, plan_of


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.fixture
def source(clip: Path) -> InputFile:
    return named_by_user(clip)


def test_each_argument_that_names_an_input_gets_a_descriptor_of_its_own(source: InputFile) -> None:
    url, before = file_url(source.path), descriptors()
    with open_inputs(["ffmpeg", "-i", url, "-i", url, "-map", "0", "file:/out.mp4"], [source]) as command:
        _, _, one, _, other, *rest = command.argv
        assert rest == ["-map", "0", "file:/out.mp4"]
        assert {one, other} == {f"file:/dev/fd/{each}" for each in command.names}
        for descriptor in command.names:
            assert os.path.samestat(os.fstat(descriptor), source.path.stat())
            assert not os.get_inheritable(descriptor)
    assert descriptors() == before


def test_a_command_that_does_not_name_an_input_is_a_mistake(source: InputFile) -> None:
    with pytest.raises(ValueError, match="inputs"), open_inputs(["ffmpeg", "-i", str(source.path)], [source]):
        pass


def link_in_its_place(path: Path) -> None:
    path.rename(path.with_name("real.mp4"))
    path.symlink_to("real.mp4")


def link_on_the_way(path: Path) -> None:
    path.parent.rename(path.parent.with_name("real"))
    path.parent.symlink_to("real")


def other_version(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (link_in_its_place, "media.not_a_file"),
        (link_on_the_way, "media.not_a_file"),
        (other_version, "source.changed"),
        (Path.unlink, "storage.unavailable"),
    ],
)
def test_ffmpeg_does_not_start_with_an_input_that_is_not_the_file_any_more(
    change: Callable[[Path], None], code: str, clip: Path, tmp_path: Path
) -> None:
    path, first = tmp_path / "in" / "a.mp4", tmp_path / "first.mp4"
    path.parent.mkdir()
    for each in (path, first):
        each.write_bytes(clip.read_bytes())
    file = named_by_user(path).evolve(identity=identity_of(path.stat()))
    argv = [sys.executable, "-c", "raise SystemExit", file_url(first), file_url(path)]
    change(path)
    before = descriptors()
    with pytest.raises(FramewatchError) as caught:
        run_ffmpeg(argv, [named_by_user(first), file])
    assert caught.value.finding.code == code
    assert descriptors() == before  # that of the first input, too


def test_a_process_inherits_its_inputs_and_nothing_else(source: InputFile, tmp_path: Path) -> None:
    listed = tmp_path / "listed"
    script = f"import os; found = os.listdir('/dev/fd'); open({str(listed)!r}, 'w').write(' '.join(found))"
    with source.path.open("rb"):  # what the worker reads itself
        run_ffmpeg([sys.executable, "-I", "-S", "-c", script, file_url(source.path)], [source])
        assert len(listed.read_text().split()) == 5  # the standard streams, the input, and the listing itself


def test_the_log_names_the_file_and_not_its_descriptor(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0\0\0\x18ftypisom" + bytes(3000))
    lines: list[str] = []
    with pytest.raises(WorkerError, match=r"bad\.mp4"):
        run_ffmpeg(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-loglevel", "level+verbose",
             "-i", file_url(bad), "-f", "null", "-"],
            [named_by_user(bad)], on_log=lambda _, line: lines.append(line),
        )  # fmt: skip
    assert not any("/dev/fd" in line for line in lines)


@pytest.mark.parametrize("suffix", ["mp3", "aac", "ac3", "dts", "ogg", "mpg", "dv"])
def test_a_container_is_recognised_without_its_name_and_read_from_the_middle(suffix: str, tmp_path: Path) -> None:
    """Those whose demuxers count on a file's extension among them."""
    path, listed = tmp_path / f"a.{suffix}", tmp_path / "listed"
    pictures = (
        ["-f", "lavfi", "-i", "testsrc2=s=720x576:r=25:d=1"] if suffix in ("mpg", "ts", "dv", "gif", "mxf") else []
    )
    tone = ["-f", "lavfi", "-i", "sine=d=1:r=48000", "-ac", "2", "-strict", "-2"] if not pictures else []
    ffmpeg(*pictures, *tone, path)
    demuxer = ["-protocol_whitelist", "file", "-format_whitelist", probe(path).container]
    found = []
    for inputs in ([], [named_by_user(path)]):
        for begin in ("0", "0.5"):
            argv = [str(FFMPEG), "-nostdin", "-loglevel", "level+error", "-ss", begin, *demuxer, "-i", file_url(path)]
            run_ffmpeg([*argv, "-c", "copy", "-f", "framemd5", "-y", file_url(listed)], inputs)
            found.append([line for line in listed.read_text().splitlines() if not line.startswith("#")])
    whole, half = found[:2]
    assert found[2:] == [whole, half]
    assert whole
    assert half


@pytest.mark.parametrize(
    "preset_keys",
    [
        {"container": "mkv", "ml_upscale": "esrgan-2x", "audio_normalize": True},
        {"container": "mkv", "ml_upscale": "none", "audio_normalize": True},
        {"container": "mov", "processing_mode": "copy"},
        {"container": "flac", "audio_codec": "flac"},
    ],
)
def test_no_command_keeps_a_path_in_the_share(preset_keys: dict[str, object], clip: Path) -> None:
    source, out, words = named_by_user(clip), Path("/work/job/result.mkv"), clip.with_name("words.srt")
    words.touch()
    plan, burned = plan_of(clip, **preset_keys), named_by_user(words)
    commands = [
        *ffmpeg_commands.measure_commands(plan, FFMPEG, clip, out).values(),
        *ffmpeg_commands.cover_commands(plan, FFMPEG, clip, out),
    ]
    if plan.mode == "upscale":
        segments = [Path("/work/job/segment-00000.mp4"), Path("/work/job/segment-00001.mp4")]
        commands.append(ffmpeg_commands.mux_command(plan, FFMPEG, segments, clip, out))
        commands.append(ffmpeg_commands.rehearsal_command(plan, FFMPEG, clip, out))
        assert not any(str(clip.parent) in word for word in ffmpeg_commands.segment_command(plan, FFMPEG, out))
    else:
        commands.append(ffmpeg_commands.transcode_command(plan, FFMPEG, clip, out))
    pairs = [*((argv, source) for argv in commands), (ffmpeg_commands.burn_command(words, FFMPEG, out), burned)]
    for argv, file in pairs:
        with open_inputs(argv, [file]) as command:
            assert not any(str(clip.parent) in word for word in command.argv)
            assert [word for word in argv if str(clip.parent) in word] == [file_url(file.path)]
