"""The trial that tells whether an ffmpeg can do what jobs need, and the oldest version that passes it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from framewatch.errors import ConfigError
from framewatch.media.ffmpeg.trial import OLDEST, able_ffmpeg, flushes_subtitles, keeps_hidden_edges, require_able
from media_samples import FFMPEG, program


def without(path: Path, option: str) -> Path:
    """Make a program that is the real one, but does not know an option."""
    unknown = f"echo \"Unrecognized option '{option}'.\" >&2; exit 1"
    return program(path, f'case " $* " in *" -{option}"[\\ :]*) {unknown};; esac\nexec "{FFMPEG}" "$@"')


@pytest.mark.parametrize("option", ["fps_mode", "movie_timescale", "time_base"])
def test_a_program_without_an_option_that_jobs_use_is_too_old(option: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        require_able(without(tmp_path / "ffmpeg", option))
    found = caught.value.finding
    assert (found.code, found.where) == ("ffmpeg.too_old", str(tmp_path / "ffmpeg"))
    assert OLDEST in found.hint
    assert option in found.message


WRONG_TIMES = """
for each; do shift; case "$each" in -time_base:*|1:1000) ;; *) set -- "$@" "$each";; esac; done
exec "{}" "$@" """


@pytest.mark.parametrize("script", ["exit 0", "exit 1", WRONG_TIMES.replace("{}", str(FFMPEG))])
def test_a_program_that_fails_or_gives_wrong_times_is_refused(script: str, tmp_path: Path) -> None:
    listing = 'case "$*" in *-version*) echo "ffmpeg version 12.3"; exit 0;; esac'
    with pytest.raises(ConfigError) as caught:
        require_able(program(tmp_path / "ffmpeg", f"{listing}\n{script}"))
    assert caught.value.finding.code == "ffmpeg.unsuitable"
    assert "12.3" in caught.value.finding.message


def test_a_program_is_tried_once_until_it_is_replaced(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    good = program(tmp_path / "ffmpeg", f'case "$*" in *setts*) echo >> {runs};; esac\nexec "{FFMPEG}" "$@"')
    assert able_ffmpeg(good) == able_ffmpeg(good)
    assert runs.read_text() == "\n"
    without(good, "fps_mode")
    with pytest.raises(ConfigError):
        able_ffmpeg(good)
    good.unlink()
    with pytest.raises(ConfigError) as caught:
        require_able(good)
    assert caught.value.finding.code == "ffmpeg.missing"


def test_the_packaged_program_passes_every_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    packaged = able_ffmpeg(None)
    assert "libx264" in packaged.encoders
    assert keeps_hidden_edges(packaged.path)
    assert flushes_subtitles(packaged.path)


def test_what_only_some_files_need_is_tried_apart(tmp_path: Path) -> None:
    old = without(tmp_path / "ffmpeg", "apply_cropping")
    require_able(old)
    assert not keeps_hidden_edges(old)
    silent = program(tmp_path / "silent", f'case "$*" in *text/plain*) exit 0;; esac\nexec "{FFMPEG}" "$@"')
    assert not flushes_subtitles(silent)
