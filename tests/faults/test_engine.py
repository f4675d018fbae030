"""An engine passes its self-test and fails later."""

from __future__ import annotations

import pytest

from fault_harness import FaultHarness
from invariants import check
from report import Survived
from sources import MakeSource

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("what", ["black", "swapped"])
def test_an_engine_that_gives_wrong_frames_is_replaced_and_no_wrong_frame_is_output(
    harness: FaultHarness, source: MakeSource, survived: Survived, what: str
) -> None:
    harness.settings["engine"] = "auto"
    harness.open()
    harness.turn("engine", {"engine": "openvino", "from": 40, "what": what})
    harness.drop(source(1, 3))
    with harness.watcher:
        harness.start()
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    used = [event["engine"].split("/")[0] for event in harness.events("segment.done")]
    assert used == ["openvino", "ncnn", "ncnn"]
    frames = {"black": "black frames", "swapped": "frames with parts in wrong places"}[what]
    survived(
        "engine gives wrong frames", f"{frames} from frame 40 on", "the next engine took over; segment rendered again"
    )


def test_an_engine_that_runs_out_of_memory_continues_with_smaller_tiles(
    harness: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    harness.open()
    harness.turn("engine", {"engine": "identity", "from": 40, "what": "memory"})
    harness.drop(source(1, 3))
    with harness.watcher:
        harness.start()
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived("engine out of memory", "from frame 40 on, for whole frames", "the frame was repeated in smaller tiles")
