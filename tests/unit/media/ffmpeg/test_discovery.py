"""Finding ffmpeg, and what it can do."""

from __future__ import annotations

import os
from pathlib import Path

import imageio_ffmpeg
import pytest

from framewatch.errors import ConfigError
from framewatch.media.ffmpeg.discovery import encoders, find_ffmpeg, program_named, version
from media_samples import FFMPEG, PACKAGED, program


def test_the_configured_program_is_used(tmp_path: Path) -> None:
    own = program(tmp_path / "own", "exit 0")
    assert find_ffmpeg(own) == own


@pytest.mark.parametrize("name", ["absent", "folder", "text"])
def test_a_configured_path_that_is_not_a_program_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no program")
    with pytest.raises(ConfigError) as caught:
        find_ffmpeg(tmp_path / name)
    assert (caught.value.finding.code, caught.value.finding.where) == ("ffmpeg.missing", str(tmp_path / name))


def test_the_packaged_program_comes_before_one_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = program(tmp_path / "ffmpeg", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(on_path))
    assert find_ffmpeg(None) == Path(imageio_ffmpeg.__file__).parent / "binaries" / PACKAGED.name


def test_the_program_of_the_system_is_used_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        find_ffmpeg("system")
    assert caught.value.finding.code == "ffmpeg.missing"
    on_path = program(tmp_path / "ffmpeg", "exit 0")
    assert find_ffmpeg(program_named("system")) == on_path
    assert program_named("./system/ffmpeg") == Path("system/ffmpeg")


def test_an_upgrade_of_the_package_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imageio_ffmpeg, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setenv("PATH", str(tmp_path))
    binaries = tmp_path / "binaries"
    binaries.mkdir()
    (binaries / "ffmpeg-notes.txt").write_text("no program")
    with pytest.raises(ConfigError) as caught:
        find_ffmpeg(None)
    assert caught.value.finding.code == "ffmpeg.missing"
    old = program(binaries / "ffmpeg-linux-v1", "exit 0")
    assert find_ffmpeg(None) == old
    new = old.rename(binaries / "ffmpeg-linux-v2")
    assert find_ffmpeg(None) == new


def test_version_and_software_encoders_are_read_from_the_program() -> None:
    assert any(letter.isdigit() for letter in version(FFMPEG))
    assert {"libx264", "libx265", "libvpx-vp9", "prores_ks", "aac", "libopus", "flac"} <= encoders(FFMPEG)


LISTING = """
case "$*" in
*-encoders*) printf ' ------\\n V....D libx264  x\\n V....D h264_nvenc  x\\n V....D hevc_nvenc  x\\n' ;;
*hevc_nvenc*) exit 0 ;;
*) exit 1 ;;
esac"""


def test_a_hardware_encoder_counts_only_if_it_encodes_a_frame(tmp_path: Path) -> None:
    fake = program(tmp_path / "ffmpeg", LISTING)
    assert encoders(fake) == {"libx264", "hevc_nvenc"}


def test_a_replaced_program_is_asked_again(tmp_path: Path) -> None:
    fake = program(tmp_path / "ffmpeg", "echo ' ------'; echo ' V..... libx264 x'")
    assert encoders(fake) == {"libx264"}
    program(fake, "echo ' ------'; echo ' V..... libx265 x'")
    os.utime(fake, ns=(1, 1))
    assert encoders(fake) == {"libx265"}


@pytest.mark.parametrize("script", ["exit 3", None])
def test_a_program_that_does_not_run_is_an_error(script: str | None, tmp_path: Path) -> None:
    path = tmp_path / "ffmpeg"
    if script:
        program(path, script)
    for ask in (version, encoders):
        with pytest.raises(ConfigError) as caught:
            ask(path)
        assert caught.value.finding.code == "ffmpeg.missing"
