"""A job keeps its preset, also for versions of framewatch that cannot read it."""

from __future__ import annotations

import json

import pytest

from framewatch.errors import ConfigError
from framewatch.jobs.stored_preset import burned_names, preset_text, stored_preset
from framewatch.media.preset.preset import Preset
from job_factory import MakeJob


def test_a_preset_is_read_as_it_was_stored(make_job: MakeJob) -> None:
    preset = Preset(ml_upscale="esrgan-2x", container="mkv", crf=18)
    assert stored_preset(make_job(preset=preset_text(preset))) == preset


def test_a_preset_of_another_version_is_an_error_that_says_what_to_do(make_job: MakeJob) -> None:
    for text in ('{"container": "betamax"}', "not JSON"):
        with pytest.raises(ConfigError) as raised:
            stored_preset(make_job(preset=text), "use another")
        assert (raised.value.finding.code, raised.value.finding.hint) == ("preset.outdated", "use another")


def test_files_that_are_burned_in_are_found_in_every_alternative(make_job: MakeJob) -> None:
    other = {"subtitle_burn_path": "subs/b.srt", "unknown": 1}
    job = make_job(preset=json.dumps({"subtitle_burn_path": "a.ass", "else_": other}))
    assert list(burned_names(job)) == ["a.ass", "b.srt"]
    assert list(burned_names(make_job(preset=""))) == []
