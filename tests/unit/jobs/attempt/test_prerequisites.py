"""Which ffmpeg an attempt runs with when the one that the settings name is gone."""

from __future__ import annotations

from pathlib import Path

import imageio_ffmpeg
import pytest

from framewatch.errors import Remedy, ToolMissingError
from framewatch.jobs.attempt.prerequisites import require_stand_in, with_present_ffmpeg
from framewatch.jobs.attempt.request import Tools
from framewatch.media.preset.preset import Preset
from media_samples import PACKAGED, program


def test_the_packaged_program_stands_in_until_the_named_one_is_back(tmp_path: Path) -> None:
    named = tmp_path / "ffmpeg"
    tools = Tools(ffmpeg=named, named_ffmpeg=named, encoders=frozenset())
    found = with_present_ffmpeg(tools)
    assert (found.ffmpeg, [each.code for each in found.ffmpeg_missing]) == (PACKAGED, ["ffmpeg.missing"])
    assert "libx264" in found.encoders
    program(named, f'exec "{PACKAGED}" "$@"')
    found = with_present_ffmpeg(tools)
    assert (found.ffmpeg, found.ffmpeg_missing) == (named, ())


def test_a_job_waits_if_the_packaged_program_lacks_its_encoder(tmp_path: Path) -> None:
    named = tmp_path / "ffmpeg"
    tools = with_present_ffmpeg(Tools(ffmpeg=named, named_ffmpeg=named, encoders=frozenset()))
    require_stand_in(Preset(video_codec="libx265"), tools)
    with pytest.raises(ToolMissingError) as caught:
        require_stand_in(Preset(video_codec="h264_videotoolbox"), tools)
    assert (caught.value.finding.where, caught.value.remedy) == (str(named), Remedy.WAIT)
    require_stand_in(Preset(video_codec="h264_videotoolbox"), tools.evolve(ffmpeg_missing=()))


def test_a_job_waits_if_there_is_no_program_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imageio_ffmpeg, "__file__", str(tmp_path / "__init__.py"))
    tools = Tools(ffmpeg=tmp_path / "ffmpeg", named_ffmpeg=tmp_path / "ffmpeg", encoders=frozenset())
    with pytest.raises(ToolMissingError) as caught:
        with_present_ffmpeg(tools)
    assert (caught.value.finding.code, caught.value.remedy) == ("ffmpeg.missing", Remedy.WAIT)
