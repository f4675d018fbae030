"""A joined file counts as decoded only if each of its packets was decoded in a segment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framewatch.domain import Record, Segment
from framewatch.errors import CancelledError, VerificationError
from framewatch.jobs.attempt.join_proof import find_flaw, packet_groups, prove_decoded, share_decoder_setup
from framewatch.media.decode.output_inspection import Inspection, inspect_output
from framewatch.render.messages import SegmentRendered
from framewatch.render.tasks import InspectTask
from full_run import InlineWorker, process, rgb_frames
from media_factory import ffmpeg

QUICK: dict[str, Any] = {"ml_upscale": "esrgan-2x", "crf": 20}
SEGMENTS = 4


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of video with motion and B-frames, and audio."""
    path = tmp_path_factory.mktemp("proven") / "clip.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=2", "-f", "lavfi", "-i", "sine=d=2",
           "-c:v", "libx264", "-bf", "3", "-g", "12", "-c:a", "aac", path)  # fmt: skip
    return path


class RecordingWorker(InlineWorker):
    """Records which files were inspected and how, and may damage a segment before it is inspected."""

    def __init__(self, damage: Callable[[Path], None] | None = None) -> None:
        self.inspected: list[tuple[str, bool]] = []
        self.rendered: list[int] = []
        self._damage = damage

    def run(self, task: Record, handle: Callable[[Any], None], stop: threading.Event, **more: Any) -> Any:
        def on_message(message: Any) -> None:
            if isinstance(message, SegmentRendered):
                self.rendered.append(message.number)
                if message.number == 1 and self._damage:
                    self._damage(task.outputs[1].path)  # type: ignore[attr-defined]
            handle(message)

        if isinstance(task, InspectTask):
            self.inspected.append((task.path.stem, task.decode))
        return super().run(task, on_message, stop, **more)


SEGMENTS_DECODED = [(f"segment-{number:05}", True) for number in range(SEGMENTS)]


@pytest.mark.parametrize(
    ("keys", "proves"),
    [
        ({"container": "mp4"}, True),
        ({"container": "mkv"}, True),
        ({"container": "mov", "video_codec": "libx265"}, True),
        ({"container": "webm", "video_codec": "vp9", "audio_codec": "libopus"}, True),
        ({"container": "mkv", "video_codec": "libsvtav1"}, True),
        ({"container": "mp4", "frame_timing": "preserve"}, True),
        ({"container": "m2t"}, False),  # its packets have start codes instead of lengths
    ],
    ids=str,
)
def test_what_is_proven_equals_what_decoding_finds(
    clip: Path, tmp_path: Path, keys: dict[str, Any], proves: bool
) -> None:
    worker = RecordingWorker()
    made = process(clip, tmp_path, 0.5, worker=worker, **(QUICK | keys))
    assert sorted(worker.inspected[:SEGMENTS]) == SEGMENTS_DECODED
    assert worker.inspected[SEGMENTS:] == [("result", False)] + ([] if proves else [("result", True)])
    segments = [inspect_output(path, groups=()) for path in sorted(tmp_path.glob("segment-*"))]
    read = inspect_output(made.result, decode=False, groups=packet_groups(segments))
    found = prove_decoded(read, segments)
    if proves:
        assert found is not None
        assert found.evolve(payload=None) == inspect_output(made.result)
    else:
        assert found is None


def test_a_single_segment_is_decoded_once(clip: Path, tmp_path: Path) -> None:
    worker = RecordingWorker()
    process(clip, tmp_path, worker=worker, **QUICK)
    assert worker.inspected == [("result", True)]


@pytest.fixture(scope="module")
def joined(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    folder = tmp_path_factory.mktemp("joined")
    made = process(clip, folder, 0.5, **QUICK)
    return made.result, sorted(folder.glob("segment-*"))


def proven(result: Path, paths: list[Path]) -> Inspection | None:
    segments = [inspect_output(path, groups=()) for path in paths]
    return prove_decoded(inspect_output(result, decode=False, groups=packet_groups(segments)), segments)


def test_segments_in_another_order_or_too_few_prove_nothing(joined: tuple[Path, list[Path]]) -> None:
    result, paths = joined
    assert proven(result, paths) is not None
    assert proven(result, [paths[1], paths[0], *paths[2:]]) is None
    assert proven(result, paths[:-1]) is None
    assert proven(result, [*paths, paths[-1]]) is None
    assert proven(result, []) is None


def test_a_changed_byte_or_a_lost_packet_in_the_joined_file_is_not_proven(
    joined: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    result, paths = joined
    whole = bytearray(result.read_bytes())
    segment = paths[2].read_bytes()
    picture = segment[segment.index(b"mdat") + 600 :][:40]
    whole[whole.index(picture) + 20] ^= 1
    (tmp_path / "changed.mp4").write_bytes(whole)
    assert proven(tmp_path / "changed.mp4", paths) is None
    ffmpeg("-i", result, "-c", "copy", "-bsf:v", "noise=drop=eq(n\\,20)", tmp_path / "lost.mp4")
    assert proven(tmp_path / "lost.mp4", paths) is None


def test_segments_with_another_decoder_setup_prove_nothing(
    joined: tuple[Path, list[Path]], clip: Path, tmp_path: Path
) -> None:
    _, paths = joined
    process(clip, tmp_path, 0.5, **(QUICK | {"crf": 40}))
    other = sorted(tmp_path.glob("segment-*"))
    one, two = (inspect_output(path, groups=()) for path in (paths[0], other[0]))
    assert share_decoder_setup([one, one])
    assert not share_decoder_setup([one, two])
    assert not share_decoder_setup([one, one.evolve(payload=None)])
    assert not share_decoder_setup([])


def damage_data(path: Path) -> None:
    """Zero a part of the packets' data; the index and the number of packets stay right."""
    whole = bytearray(path.read_bytes())
    begin = whole.index(b"mdat") + 1000
    whole[begin : begin + 400] = bytes(400)
    path.write_bytes(whole)


def test_only_a_segment_that_cannot_be_decoded_is_dropped_and_rendered_again(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(VerificationError) as caught:
        process(clip, tmp_path, 0.5, worker=RecordingWorker(damage_data), **QUICK)
    assert caught.value.finding.code == "verify.segment"
    assert "segment 1 is bad" in caught.value.finding.message
    assert not (tmp_path / "segment-00001.mp4").exists()
    left = {path.name for path in tmp_path.glob("segment-*")}
    again = RecordingWorker()
    made = process(clip, tmp_path, 0.5, worker=again, **QUICK)
    assert again.rendered == [number for number in range(SEGMENTS) if f"segment-{number:05}.mp4" not in left]
    assert sorted(again.inspected[:SEGMENTS]) == SEGMENTS_DECODED  # the kept ones are inspected as well
    assert len(rgb_frames(made.result)) == 50


@pytest.mark.parametrize(("frames", "word"), [(25, ""), (24, "25 of 24"), (26, "25 of 26")])
def test_a_segment_with_missing_or_extra_frames_has_a_flaw(tmp_path: Path, frames: int, word: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1", "-c:v", "libx264", tmp_path / "a.mp4")
    segment = Segment(number=0, first_pts=None, end_pts=None, first_frame=0, frames=frames)
    wrong = find_flaw(segment, inspect_output(tmp_path / "a.mp4"))
    assert (wrong is None) == (word == "")
    assert word in (wrong or "")


class StuckInspection(InlineWorker):
    """A worker whose helper never finishes an inspection, and stops the job as it begins."""

    def __init__(self, job_stop: threading.Event) -> None:
        self.stuck = _StuckHelper(job_stop)

    def helper(self, niceness: int) -> InlineWorker:
        return self.stuck


class _StuckHelper(InlineWorker):
    def __init__(self, job_stop: threading.Event) -> None:
        self._job_stop = job_stop
        self.thread: threading.Thread | None = None

    def run(self, task: Record, handle: Callable[[Any], None], stop: threading.Event, **_: Any) -> Any:
        self.thread = threading.current_thread()
        self._job_stop.set()  # `stop` is the inspector's own
        assert stop.wait(30)
        raise CancelledError("stopped")


def test_a_job_that_waits_for_its_inspection_can_be_stopped(clip: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    worker = StuckInspection(stop)
    with pytest.raises(CancelledError):
        process(clip, tmp_path, 0.5, worker=worker, stop=stop, **QUICK)
    assert worker.stuck.thread is not None
    assert not worker.stuck.thread.is_alive()
