"""Bounded workers: what the kernel keeps them from taking, and what becomes of files that ask for more."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from clips import make_clip
from harness import CLIP, Harness
from hostile_media import claiming_packets
from waiting import eventually


def limits_of(pid: int) -> dict[str, str]:
    """The soft limits of a process, by name."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[26:].split()[0] for line in lines}


def memory_of(process: psutil.Process) -> int:
    """The memory of a process and all that it started, in bytes."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds memory")
def test_workers_and_their_ffmpegs_run_under_limits_of_the_kernel(harness: Harness) -> None:
    share = harness.folder(preset={"ml_upscale": "esrgan-2x", "preset": "slow"})
    daemon = psutil.Process(harness.start().pid)
    (share / "a.mp4").write_bytes(CLIP.read_bytes())
    workers = eventually(lambda: [each for each in daemon.children() if each.children()], what="a worker's ffmpeg")
    encoder = workers[0].children()[0]
    for process in (workers[0], encoder):
        limits = limits_of(process.pid)
        assert limits["Max data size"].isdecimal()
        assert limits["Max file size"].isdecimal()
        assert limits["Max core file size"] == "0"
        assert int(limits["Max open files"]) <= 1024
        score = int(Path(f"/proc/{process.pid}/oom_score_adj").read_text())
        assert score > int(Path(f"/proc/{daemon.pid}/oom_score_adj").read_text())
    assert limits_of(daemon.pid)["Max data size"] == "unlimited"
    harness.wait_status(harness.root / "anime" / "out" / "a.mp4", "done")
    assert harness.stop() == 0


def test_a_small_file_that_claims_to_be_huge_fails_at_once_and_the_next_one_is_processed(harness: Harness) -> None:
    share = harness.folder()
    daemon = psutil.Process(harness.start().pid)
    claiming_packets(share / "bomb.mov", 80_000_000, tracks=3)
    peak = 0

    def failed() -> bool:
        nonlocal peak
        peak = max(peak, memory_of(daemon))
        return harness.sidecar(share / "failed" / "bomb.mov").get("status") == "failed"

    eventually(failed, timeout=20, what="the failed job", details=harness.log)
    error = harness.sidecar(share / "failed" / "bomb.mov")["error"]
    assert error["code"] == "media.too_costly"
    assert "8.6 GB" in error["message"]
    assert peak < 600_000_000
    make_clip(share / "good.mp4", frames=3)
    harness.wait_status(harness.root / "anime" / "out" / "good.mp4", "done")
    assert harness.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds memory")
def test_a_job_beyond_the_memory_that_the_configuration_allows_fails_once_with_a_hint(harness: Harness) -> None:
    harness.settings["limits"] = {"worker_gb": 0.5}
    share = harness.folder()
    make_clip(share / "large.mp4", frames=3, size="4096x2304")
    assert harness.once().returncode == 1
    found = harness.sidecar(share / "failed" / "large.mp4")
    assert found["error"]["code"] == "media.too_costly"
    assert "0.5 GB" in found["error"]["message"]
    assert "limits.worker_gb" in found["error"]["hint"]
    assert found["attempt"] == 1


def test_an_output_beyond_the_limit_is_refused_before_any_work(harness: Harness) -> None:
    share = harness.folder(preset={"resolution": "custom", "custom_width": 12_000, "custom_height": 12_000})
    make_clip(share / "a.mp4", frames=3)
    assert harness.once().returncode == 1
    error = harness.sidecar(share / "failed" / "a.mp4")["error"]
    assert error["code"] == "output.too_large"
    assert "limits.max_output_pixels" in error["hint"]
