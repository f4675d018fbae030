"""A joined file counts as decoded exactly where each of its packets was decoded in a segment."""

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
from full_run import Inline, pictures, process
from media_factory import ffmpeg

QUICK: dict[str, Any] = {"ml_upscale": "esrgan-2x", "crf": 20}
PIECES = 4


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a moving picture with B-frames, and sound."""
    path = tmp_path_factory.mktemp("proven") / "clip.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=2", "-f", "lavfi", "-i", "sine=d=2",
           "-c:v", "libx264", "-bf", "3", "-g", "12", "-c:a", "aac", path)  # fmt: skip
    return path


class Watched(Inline):
    """Remembers which files were inspected how, and may damage a piece before anybody has seen it."""

    def __init__(self, damage: Callable[[Path], None] | None = None) -> None:
        self.inspected: list[tuple[str, bool]] = []
        self.rendered: list[int] = []
        self._damage = damage

    def run(self, task: Record, heard: Callable[[Any], None], stop: threading.Event, **more: Any) -> Any:
        def hear(message: Any) -> None:
            if isinstance(message, SegmentRendered):
                self.rendered.append(message.number)
                if message.number == 1 and self._damage:
                    self._damage(task.outputs[1].path)  # type: ignore[attr-defined]
            heard(message)

        if isinstance(task, InspectTask):
            self.inspected.append((task.path.stem, task.decode))
        return super().run(task, hear, stop, **more)


PIECES_DECODED = [(f"segment-{number:05}", True) for number in range(PIECES)]


@pytest.mark.parametrize(
    ("wishes", "proves"),
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
def test_what_is_proven_is_what_decoding_finds(
    clip: Path, tmp_path: Path, wishes: dict[str, Any], proves: bool
) -> None:
    worker = Watched()
    made = process(clip, tmp_path, 0.5, worker=worker, **(QUICK | wishes))
    assert sorted(worker.inspected[:PIECES]) == PIECES_DECODED
    assert worker.inspected[PIECES:] == [("result", False)] + ([] if proves else [("result", True)])
    pieces = [inspect_output(path, groups=()) for path in sorted(tmp_path.glob("segment-*"))]
    read = inspect_output(made.result, decode=False, groups=packet_groups(pieces))
    found = prove_decoded(read, pieces)
    if proves:
        assert found is not None
        assert found.evolve(payload=None) == inspect_output(made.result)
    else:
        assert found is None


def test_one_segment_alone_is_decoded_once(clip: Path, tmp_path: Path) -> None:
    worker = Watched()
    process(clip, tmp_path, worker=worker, **QUICK)
    assert worker.inspected == [("result", True)]


@pytest.fixture(scope="module")
def joined(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    folder = tmp_path_factory.mktemp("joined")
    made = process(clip, folder, 0.5, **QUICK)
    return made.result, sorted(folder.glob("segment-*"))


def held(result: Path, paths: list[Path]) -> Inspection | None:
    pieces = [inspect_output(path, groups=()) for path in paths]
    return prove_decoded(inspect_output(result, decode=False, groups=packet_groups(pieces)), pieces)


def test_segments_in_another_order_or_too_few_prove_nothing(joined: tuple[Path, list[Path]]) -> None:
    result, paths = joined
    assert held(result, paths) is not None
    assert held(result, [paths[1], paths[0], *paths[2:]]) is None
    assert held(result, paths[:-1]) is None
    assert held(result, [*paths, paths[-1]]) is None
    assert held(result, []) is None


def test_one_other_byte_or_a_lost_packet_in_the_joined_file_proves_nothing(
    joined: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    result, paths = joined
    whole = bytearray(result.read_bytes())
    piece = paths[2].read_bytes()
    picture = piece[piece.index(b"mdat") + 600 :][:40]
    whole[whole.index(picture) + 20] ^= 1
    (tmp_path / "changed.mp4").write_bytes(whole)
    assert held(tmp_path / "changed.mp4", paths) is None
    ffmpeg("-i", result, "-c", "copy", "-bsf:v", "noise=drop=eq(n\\,20)", tmp_path / "lost.mp4")
    assert held(tmp_path / "lost.mp4", paths) is None


def test_a_joined_file_whose_decoder_is_set_up_otherwise_is_not_proven(
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


def rot(path: Path) -> None:
    """Zeros over a part of the pictures: the index is whole, and so is the number of packets."""
    whole = bytearray(path.read_bytes())
    begin = whole.index(b"mdat") + 1000
    whole[begin : begin + 400] = bytes(400)
    path.write_bytes(whole)


def test_a_segment_that_cannot_be_decoded_is_struck_out_and_alone_rendered_anew(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(VerificationError) as caught:
        process(clip, tmp_path, 0.5, worker=Watched(rot), **QUICK)
    assert caught.value.finding.code == "verify.segment"
    assert "segment 1 is bad" in caught.value.finding.message
    assert not (tmp_path / "segment-00001.mp4").exists()
    left = {path.name for path in tmp_path.glob("segment-*")}
    again = Watched()
    made = process(clip, tmp_path, 0.5, worker=again, **QUICK)
    assert again.rendered == [number for number in range(PIECES) if f"segment-{number:05}.mp4" not in left]
    assert sorted(again.inspected[:PIECES]) == PIECES_DECODED  # those that were kept, too
    assert len(pictures(made.result)) == 50


@pytest.mark.parametrize(("frames", "word"), [(25, ""), (24, "25 of 24"), (26, "25 of 26")])
def test_a_segment_has_the_frames_that_it_should_have(tmp_path: Path, frames: int, word: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1", "-c:v", "libx264", tmp_path / "a.mp4")
    segment = Segment(number=0, first_pts=None, end_pts=None, first_frame=0, frames=frames)
    wrong = find_flaw(segment, inspect_output(tmp_path / "a.mp4"))
    assert (wrong is None) == (word == "")
    assert word in (wrong or "")


class Sleepy(Inline):
    """Its helper looks at a piece until it is stopped, which it then is."""

    def __init__(self, over: threading.Event) -> None:
        self.sleeper = _Sleeper(over)

    def helper(self, niceness: int) -> Inline:
        return self.sleeper


class _Sleeper(Inline):
    def __init__(self, over: threading.Event) -> None:
        self._over = over
        self.thread: threading.Thread | None = None

    def run(self, task: Record, heard: Callable[[Any], None], stop: threading.Event, **_: Any) -> Any:
        self.thread = threading.current_thread()
        self._over.set()  # the job's; `stop` is the inspector's own
        assert stop.wait(30)
        raise CancelledError("stopped")


def test_a_job_that_waits_for_its_inspection_can_be_stopped(clip: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    worker = Sleepy(stop)
    with pytest.raises(CancelledError):
        process(clip, tmp_path, 0.5, worker=worker, stop=stop, **QUICK)
    assert worker.sleeper.thread is not None
    assert not worker.sleeper.thread.is_alive()
