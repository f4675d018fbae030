"""What happens on every home server: folders that are shared, emptied, renamed, mounted twice, or away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Harness
from waiting import eventually

PLAIN = {"preset": "ultrafast", "crf": 30}  # without the network: nothing here is about pixels


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[Harness]:
    """A second daemon, with a store and a configuration of its own."""
    root = tmp_path / "neighbour"
    root.mkdir()
    harness = Harness(root)
    yield harness
    if harness.daemon is not None and harness.daemon.poll() is None:
        harness.daemon.kill()
        harness.daemon.wait()


def test_two_daemons_with_one_output_folder_keep_a_progress_file_for_each_output(
    harness: Harness, neighbour: Harness, clip: Path
) -> None:
    out = harness.root / "out"
    out.mkdir()
    names = [f"{number}.mp4" for number in range(6)]
    shares = [each.folder(preset=PLAIN, output=str(out)) for each in (harness, neighbour)]
    for share in shares:
        for name in names:
            shutil.copy(clip, share / name)
    for each in (harness, neighbour):
        each.launch()
    for share in shares:
        eventually(
            lambda share=share: len(list(share.glob("done/*.mp4"))) == len(names),
            what="both daemons' work",
            details=lambda: harness.log() + neighbour.log(),
        )
    assert (harness.stop(), neighbour.stop()) == (0, 0)
    outputs = sorted(path.name for path in out.glob("*.mp4"))
    assert outputs == sorted([*names, *(name.replace(".", " (2).") for name in names)])
    shown = [harness.sidecar(out / name) for name in outputs]
    assert [(each["status"], Path(each["output"]).name) for each in shown] == [("done", name) for name in outputs]
    assert len({each["job_id"] for each in shown}) == len(outputs)
