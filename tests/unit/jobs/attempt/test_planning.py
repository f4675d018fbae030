"""Planning a file: which preset it takes, and with which timeline."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from framewatch.domain import InputFile
from framewatch.errors import MediaError
from framewatch.jobs.attempt.planning import plan_file
from framewatch.jobs.attempt.request import AttemptRequest, Tools
from framewatch.media.plan.image_plan import ImagePlan
from framewatch.media.plan.plan import AudioPlan, VideoPlan
from framewatch.media.preset.only_if import OnlyIf
from framewatch.media.preset.preset import Preset
from framewatch.render.tasks import ProbeReport, ProbeTask
from media_samples import audio, cfr, cover, media, video

TOOLS = Tools(ffmpeg=Path("ffmpeg"), encoders=frozenset({"libx264", "aac", "flac", "png"}))
HIGH = OnlyIf(min_height=1000)


class FakeProbe:
    """Reports a video of 25 frames per second, or at the rate that is asked for."""

    def __init__(self, *streams: object, container: str = "matroska,webm") -> None:
        self.tasks: list[ProbeTask] = []
        self._info = media(*streams, container=container)  # type: ignore[arg-type]

    def __call__(self, task: ProbeTask) -> ProbeReport:
        self.tasks.append(task)
        timeline = cfr(rate=task.timeline_request.rate or Fraction(25)) if task.timeline else None
        return ProbeReport(info=self._info, timeline=timeline)


def request(preset: Preset) -> AttemptRequest:
    return AttemptRequest(
        source=InputFile(root=Path("/in"), relative=Path("a.mkv")),
        preset=preset,
        preset_name="test",
        work=Path("/work"),
    )


@pytest.mark.parametrize(
    ("container", "probe", "kind"),
    [
        ("mp4", FakeProbe(), VideoPlan),
        ("flac", FakeProbe(audio(0)), AudioPlan),
        ("png", FakeProbe(cover(0).evolve(video=video().video), container="png_pipe"), ImagePlan),
    ],
)
def test_the_container_decides_the_kind_of_plan(container: str, probe: FakeProbe, kind: type) -> None:
    codec = "flac" if container == "flac" else "aac"
    planned = plan_file(request(Preset(container=container, audio_codec=codec)), TOOLS, probe)
    assert isinstance(planned.plan, kind)
    assert len(probe.tasks) == 1


def test_a_file_that_takes_the_else_preset_is_probed_again_with_its_rate() -> None:
    probe = FakeProbe()
    planned = plan_file(request(Preset(only_if=HIGH, **{"else": Preset(fps=50)})), TOOLS, probe)
    assert isinstance(planned.plan, VideoPlan)
    assert planned.plan.rate == planned.request.preset.fps == 50
    assert [task.timeline_request.rate for task in probe.tasks] == [None, 50]
    assert len(planned.reasons) == 1


def test_a_file_that_no_preset_matches_has_no_plan_and_a_reason() -> None:
    planned = plan_file(request(Preset(only_if=HIGH)), TOOLS, FakeProbe())
    assert planned.plan is None
    assert [reason.code for reason in planned.reasons] == ["only_if.no_match"]


def test_sound_alone_is_refused_where_video_is_wanted() -> None:
    with pytest.raises(MediaError) as caught:
        plan_file(request(Preset()), TOOLS, FakeProbe(audio(0)))
    assert caught.value.finding.code == "media.no_video"
