"""Has a real worker do with a file what a job does before and while its frames are decoded."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import imageio_ffmpeg
import psutil

from framewatch.domain import InputFile
from framewatch.errors import CancelledError, FramewatchError, VerificationError
from framewatch.jobs.attempt.concurrency import Host
from framewatch.jobs.attempt.forecast.memory import job_bounds
from framewatch.jobs.attempt.planning import Planned, plan_file
from framewatch.jobs.attempt.request import AttemptRequest, Tools
from framewatch.media.commands.video_filters import source_filters
from framewatch.media.ffmpeg.discovery import encoders
from framewatch.media.plan.image_plan import ImagePlan
from framewatch.media.plan.plan import VideoPlan
from framewatch.media.preset.preset import Preset
from framewatch.render.tasks import ImageTask, RenderTask, SegmentOutput
from framewatch.render.worker_client import Worker
from framewatch.storage.files import named_by_user

SECONDS = 30.0  # for one file of a few kilobytes, on a slow machine
MAPPED_BYTES = 512 << 20  # of libraries and weights, which count as used memory and not for the bound
FRAMES = 200  # what the timeline of a file that is decoded may hold

FFMPEG = Path(imageio_ffmpeg.get_ffmpeg_exe())
_PRESETS = {
    "video": Preset(ml_upscale="esrgan-2x", preset="ultrafast"),
    "image": Preset(ml_upscale="esrgan-2x", container="png"),
    "audio": Preset(container="flac", audio_codec="flac"),
}
_PYTHON_ERROR = re.compile(r"cannot be read as media: \w*[Ee]rror: ")
_OTHER_KIND = {"media.picture": "image", "media.no_video": "audio"}
# Takes the place of an encoder: this is about the reading of files.
_DISCARD = ("sh", "-c", "exec cat > /dev/null")


class Outcome(NamedTuple):
    """What became of a file."""

    code: str  # of the error; "planned" or "decoded" without one
    message: str
    seconds: float
    peak_bytes: int
    bound_bytes: int | None  # of the worker's memory; None: it had no bound
    lines: tuple[str, ...]  # what the worker printed

    @property
    def flaw(self) -> str | None:
        """What must not happen, whatever the file."""
        if self.code in ("worker.bug", "worker.died", "internal.bug", "hang") or not self.code:
            return f"{self.code}: {self.message}"
        if _PYTHON_ERROR.search(self.message):  # for users it is the file's fault, for us it is worth a look
            return f"{self.code}: {self.message}"
        if any("Traceback" in line for line in self.lines):
            return f"a traceback: {self.lines[-1]}"
        if self.bound_bytes is None:
            return "the worker's memory was not bounded"
        if self.peak_bytes > self.bound_bytes + MAPPED_BYTES:
            return f"{self.peak_bytes >> 20} MiB of memory, with a bound of {self.bound_bytes >> 20}"
        return None


class Examiner:
    """A worker process and the tasks for it."""

    def __init__(self, work: Path) -> None:
        self._lines: list[str] = []
        self._work = work
        self._worker = Worker(on_stderr=self._lines.append)
        self._tools = Tools(ffmpeg=FFMPEG, encoders=encoders(FFMPEG), engine="identity")

    def close(self) -> None:
        self._worker.kill()

    def examine(self, path: Path) -> Outcome:
        """Probe a file, scan its packets, plan a job for it, and decode it if it is short."""
        self._lines.clear()
        begun = time.monotonic()
        with self._deadline() as stop:
            code, message = self._outcome(path, stop)
        seconds = time.monotonic() - begun
        return Outcome(code, message, seconds, self._peak(), memory_bound(self._worker.pid), tuple(self._lines))

    def _outcome(self, path: Path, stop: threading.Event) -> tuple[str, str]:
        try:
            return self._process(path, "video", stop), ""
        except CancelledError:
            return "hang", f"it took more than {SECONDS:g} s"
        except FramewatchError as error:
            return error.finding.code, error.finding.message

    def _process(self, path: Path, kind: str, stop: threading.Event) -> str:
        def run(task: Any) -> Any:
            return self._worker.run(task, self._note, stop)

        request = AttemptRequest(source=named_by_user(path), preset=_PRESETS[kind], preset_name=kind, work=self._work)
        try:
            planned = plan_file(request, self._tools, run)
        except FramewatchError as error:
            other = _OTHER_KIND.get(error.finding.code)
            if kind == "video" and other:
                return self._process(path, other, stop)
            raise
        task = self._decoding(request.source, planned)
        if task is None or planned.plan is None:
            return "planned"
        bounds = job_bounds(planned.plan, planned.probed.info, self._tools.limits, Host.here(), None)
        with suppress(VerificationError):  # all frames came, and no encoder wrote them
            run(task.evolve(bounds=bounds))
        return "decoded"

    def _decoding(self, source: InputFile, planned: Planned) -> ImageTask | RenderTask | None:
        plan, probed = planned.plan, planned.probed
        if isinstance(plan, ImagePlan):
            return ImageTask(
                source=source,
                still=plan.source,
                scale=1,
                width=plan.decoded_width,
                height=plan.decoded_height,
                working_format=plan.working_format,
                keep_alpha=plan.alpha == "kept",
                encoder=_DISCARD,
            )
        main = probed.info.main_video
        if not isinstance(plan, VideoPlan) or main is None or probed.timeline is None or plan.frames > FRAMES:
            return None
        outputs = tuple(
            SegmentOutput(segment=segment, encoder=_DISCARD, path=self._work / f"{segment.number}.mkv")
            for segment in probed.segments
        )
        return RenderTask(
            source=source,
            video=main,
            timeline=probed.timeline,
            seekable=probed.seekable,
            outputs=outputs,
            scale=plan.scale,
            width=plan.decoded_width,
            height=plan.decoded_height,
            working_format=plan.working_format,
            max_pixels=plan.max_pixels,
            filters=source_filters(plan.preset),
            engine="identity",
        )

    def _note(self, message: Any) -> None:
        if message.event == "logged":
            self._lines.append(message.line)

    def _peak(self) -> int:
        """Return the worker's peak of memory since the last call; 0 after it died."""
        try:
            status = Path(f"/proc/{self._worker.pid}/status").read_text()
            Path(f"/proc/{self._worker.pid}/clear_refs").write_text("5")  # proc(5): resets the peak
        except OSError:
            return 0
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))

    @contextmanager
    def _deadline(self) -> Iterator[threading.Event]:
        stop = threading.Event()
        timer = threading.Timer(SECONDS, stop.set)
        timer.start()
        try:
            yield stop
        finally:
            timer.cancel()

    def children(self) -> list[psutil.Process]:
        """Return what the worker has started and not ended."""
        return psutil.Process(self._worker.pid).children(recursive=True) if self._worker.pid else []


def memory_bound(pid: int | None) -> int | None:
    """Return the bytes of private memory that a process may use; None if unlimited, or if the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    except OSError:
        return None
    bound = next(line.split()[3] for line in lines if line.startswith("Max data size"))
    return None if bound == "unlimited" else int(bound)
