"""A worker stops using an engine that gives wrong pixels, and repeats its work with the next one."""

from __future__ import annotations

from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from fake_engines import FaultAfter, FaultyEngine
from framewatch.domain import Record
from framewatch.errors import EngineError, Remedy, WrongPixelsError
from framewatch.media.decode.image_file import with_image_details
from framewatch.media.plan.segments import SegmentOptions
from framewatch.media.probe.probe import probe
from framewatch.render.messages import EngineOpened, SegmentRendered, Warned
from framewatch.render.task_handlers import RenderHandlers
from framewatch.render.tasks import ImageTask, ProbeTask, RenderTask, SegmentOutput, Sizing
from framewatch.render.warm_engine import WarmEngine
from framewatch.storage.files import named_by_user
from framewatch.upscale.checks.checked_session import CheckedSession
from framewatch.upscale.engine import Engine, Session, SessionRequest
from framewatch.upscale.openvino.engine import OpenVinoEngine
from media_factory import ffmpeg


class WrongAfter(FaultyEngine):
    """OpenVINO with another name; each session returns black frames after `right` correct ones."""

    def __init__(self, name: str, right: int) -> None:
        super().__init__(name, np.zeros_like)
        self.right = right

    def open(self, device: str, request: SessionRequest) -> Session:
        self.fault = FaultAfter(self.right, np.zeros_like)
        return super().open(device, request)


def image_task(folder: Path) -> ImageTask:
    """An image with transparency: its colours and its alpha are two frames for the engine."""
    source = folder / "a.png"
    half = "geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(gt(X,31),255,0)'"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48", "-frames:v", "1", "-vf", f"format=rgba,{half}", source)
    raw = ("-f", "rawvideo", "-pix_fmt", "rgba", "-s", "128x96", "-i", "pipe:0")
    program = imageio_ffmpeg.get_ffmpeg_exe()
    return ImageTask(
        source=named_by_user(source),
        still=with_image_details(source, probe(source)).streams[0],
        scale=2,
        width=64,
        height=48,
        working_format="rgb24",
        keep_alpha=True,
        encoder=(program, "-v", "error", *raw, "-y", f"file:{folder / 'out.png'}"),
    )


def handlers_with(*engines: Engine) -> tuple[RenderHandlers, list[Record]]:
    sent: list[Record] = []
    return RenderHandlers(sent.append, {engine.name: engine for engine in engines}), sent


@pytest.mark.parametrize("right", [1, 2])
def test_the_next_engine_repeats_an_image_that_came_out_wrong(tmp_path: Path, right: int) -> None:
    """The self-test takes the first correct frame; then the colours go wrong, or the transparency."""
    bad = WrongAfter("ncnn-vulkan", right)
    handlers, sent = handlers_with(bad, OpenVinoEngine("f32"))
    task = image_task(tmp_path)
    assert handlers.run(task).engine == "openvino/f32"
    assert [each.engine for each in sent if isinstance(each, EngineOpened)] == ["ncnn-vulkan", "openvino/f32"]
    (warning,) = [each.warning for each in sent if isinstance(each, Warned)]
    assert (warning.code, warning.where) == ("engine.wrong_pixels", "ncnn-vulkan")
    assert all(session._closed for session in bad.sessions)
    assert probe(tmp_path / "out.png").streams[0].video.width == 128  # type: ignore[union-attr]
    assert handlers.run(task).engine == "openvino/f32"
    assert len(bad.sessions) == 1  # it was not tried again


def test_with_no_engine_left_the_error_names_each_and_the_next_task_tries_all_again(tmp_path: Path) -> None:
    bad = [WrongAfter("ncnn-vulkan", 1), WrongAfter("openvino", 1)]
    handlers, _ = handlers_with(*bad)
    task = image_task(tmp_path)
    with pytest.raises(EngineError) as caught:
        handlers.run(task)
    message = caught.value.finding.message
    assert (caught.value.finding.code, caught.value.remedy) == ("engine.wrong_pixels", Remedy.RETRY)
    for name in ("ncnn-vulkan", "openvino"):
        assert f"{name}: {name} began to return wrong pixels" in message
    for engine in bad:
        engine.right = 10
    assert handlers.run(task).engine == "ncnn-vulkan"


def video_task(handlers: RenderHandlers, folder: Path) -> RenderTask:
    """Four segments of five frames."""
    source = folder / "a.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=2", "-c:v", "libx264", "-g", "5", source)
    probed = handlers.run(ProbeTask(source=source, segment_options=SegmentOptions(seconds=0.5)))
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "128x96", "-i", "pipe:0")
    program = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *raw, "-y")
    parts = [(segment, folder / f"part-{segment.number}.mp4") for segment in probed.segments]
    outputs = [
        SegmentOutput(segment=segment, encoder=(*program, f"file:{part}"), path=part) for segment, part in parts
    ]
    return RenderTask(
        source=named_by_user(source),
        video=probed.info.main_video,
        timeline=probed.timeline,
        outputs=tuple(outputs),
        scale=2,
        width=64,
        height=48,
        working_format="rgb24",
        sizing=Sizing(),
    )


def test_the_next_engine_repeats_only_the_segment_that_went_wrong(tmp_path: Path) -> None:
    bad = WrongAfter("ncnn-vulkan", 13)  # the self-test, two segments, and two frames of the third
    handlers, sent = handlers_with(bad, OpenVinoEngine("f32"))
    task = video_task(handlers, tmp_path)
    assert handlers.run(task).engine == "openvino/f32"
    made = {each.number: each for each in sent if isinstance(each, SegmentRendered)}
    assert [made[number].engine for number in range(4)] == ["ncnn-vulkan"] * 2 + ["openvino/f32"] * 2
    assert sum(isinstance(each, SegmentRendered) for each in sent) == 4
    assert all(output.path.exists() for output in task.outputs)
    assert [each.upscaled for each in made.values()] == [5] * 4


def test_an_engine_that_fails_otherwise_is_used_again(tmp_path: Path) -> None:
    sent: list[Record] = []
    engine = WarmEngine(sent.append, {"openvino": OpenVinoEngine("f32")})

    def fail(_: CheckedSession) -> None:
        raise EngineError("the device is gone")

    task = image_task(tmp_path)
    with pytest.raises(EngineError, match="the device is gone"):
        engine.run(task, fail)
    assert engine.session(task).engine == "openvino"
    assert not any(isinstance(message, Warned) for message in sent)
    engine.distrust(WrongPixelsError("black"))
    findings = [message.warning for message in sent if isinstance(message, Warned)]
    assert [(finding.code, finding.where) for finding in findings] == [("engine.wrong_pixels", "openvino")]
    engine.close()
