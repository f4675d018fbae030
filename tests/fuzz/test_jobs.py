"""Mutated media files, dropped into watched folders of a real daemon beside a folder with a healthy one."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import psutil

from examine import MAPPED_BYTES, memory_bound
from fault_harness import OURS, FaultHarness
from figures import Fuzzed
from fuzz_settings import FIRST, JOBS, again
from harness import CLIP
from media_fuzz import PICTURES, mutated
from sources import digest
from waiting import eventually

SECONDS = 60 + 10 * JOBS  # for all jobs, on a slow machine
WATCH_SECONDS = 0.2
# None of them says what is in the file. One of another kind than the preset is for would get no job.
ENDINGS = {"pictures": ("png", "webp", "data")}
OTHER_ENDINGS = ("mp4", "mkv", "data")
PRESETS = {
    "films": {"ml_upscale": "esrgan-2x", "preset": "ultrafast"},
    "pictures": {"ml_upscale": "esrgan-2x", "container": "png"},
    "copies": {"processing_mode": "copy", "container": "mkv"},
    "sound": {"container": "flac", "audio_codec": "flac"},
}
BUGS = ("worker.bug", "internal.bug", "worker.died", "worker.stalled", "ffmpeg.killed")


def test_jobs_on_any_files_lose_nothing_and_leave_nothing(
    harness: FaultHarness, seeds: dict[str, bytes], fuzzed: Fuzzed
) -> None:
    harness.settings["retries"] = 0
    shares = {name: harness.folder(name, preset=preset) for name, preset in PRESETS.items()}
    healthy = harness.folder("healthy")
    (healthy / "a.mp4").write_bytes(CLIP.read_bytes())
    digests = {}
    for number in range(FIRST, FIRST + JOBS):
        name = list(PRESETS)[number % len(PRESETS)]
        chosen = [data for seed, data in seeds.items() if (seed in PICTURES) == (name == "pictures")]
        ending = ENDINGS.get(name, OTHER_ENDINGS)[number % 3]
        path = shares[name] / f"{number}.{ending}"
        path.write_bytes(mutated(chosen, number))
        digests[path] = digest(path)
    with _MemoryWatch(harness) as watch:
        harness.once(timeout=SECONDS)
    assert (healthy / "done" / "a.mp4").read_bytes() == CLIP.read_bytes()
    codes = _codes(harness)
    for path, content in digests.items():
        hint = again("test_jobs", "JOBS", int(path.stem))
        places = [place for place in path.parent.rglob(path.name) if digest(place) == content]
        assert len(places) == 1, f"{path.name} is in {places}\n{hint}"
        assert codes[path.stem] not in BUGS, f"{path.name}: {codes[path.stem]}\n{hint}"
    assert "Traceback" not in harness.log()
    assert not harness.leftovers()
    assert {path.name for share in shares.values() for path in share.parent.rglob(".*")} <= OURS
    eventually(lambda: not harness.processes(), timeout=5, what="the end of every process")
    assert not watch.beyond_bound
    fuzzed("media file, as a job of a daemon", Counter(codes.values()), _slowest(harness), watch.most)


def _codes(harness: FaultHarness) -> dict[str, str]:
    """Return how the job of each mutated file ended: "done", or the code of its error."""
    ended = [event for event in harness.events() if event["event"] in ("job.done", "job.failed", "job.skipped")]
    codes = {Path(event["source"]).stem: event.get("code") or "done" for event in ended}
    return {name: code for name, code in codes.items() if name.isdigit()}


def _slowest(harness: FaultHarness) -> float:
    """Return the seconds of the job that took longest."""
    return max((event.get("seconds") or 0.0 for event in harness.events("job.done")), default=0.0)


class _MemoryWatch:
    """Compares the memory of all processes of a harness with their bounds, again and again."""

    def __init__(self, harness: FaultHarness) -> None:
        self.most = 0  # bytes
        self.beyond_bound: set[str] = set()
        self._harness = harness
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_SECONDS):
            for process in self._harness.processes():
                try:
                    used = process.memory_info().rss
                except psutil.Error:
                    continue
                self.most = max(self.most, used)
                bound = memory_bound(process.pid)
                if bound is not None and used > bound + MAPPED_BYTES:
                    self.beyond_bound.add(f"{process}: {used} of {bound} bytes")
