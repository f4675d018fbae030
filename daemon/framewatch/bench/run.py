"""A benchmark from beginning to end.

1. A few frames go from file to file. That run gives the render task that the other measurements use, says how fast
   this machine is about, and leaves the worker warm.
2. The clip goes from file to file once for each number of lanes, with as many frames as there is time for.
3. Each stage of that render is measured alone, and then each engine.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framewatch import resources
from framewatch.bench import budget as shares
from framewatch.bench import end_to_end
from framewatch.bench.budget import Budget
from framewatch.bench.clip import KEYFRAME_DISTANCE, Size, clip_command, default_size
from framewatch.bench.end_to_end import Run, TimedWorker, Watcher
from framewatch.bench.engine_speed import CANDIDATES, faster
from framewatch.bench.machine import machine
from framewatch.bench.recommendation import in_words, recommend
from framewatch.bench.report import BenchReport, Clip, Duration, EndToEnd, EngineRow
from framewatch.bench.tasks import EngineReport, EngineTask, StagesReport, StagesTask, Stepped
from framewatch.bench.worker import measuring_worker
from framewatch.domain import InputFile, Record, StageName, Video
from framewatch.errors import EngineError, EngineMissingError, ModelMissingError, WorkerError
from framewatch.jobs.attempt.concurrency import EncoderLoad, Host, lane_count
from framewatch.jobs.attempt.request import AttemptRequest, Tools
from framewatch.media.ffmpeg.discovery import encoders, hwaccels
from framewatch.media.preset.preset import Preset
from framewatch.render.messages import FramesCounted
from framewatch.render.tasks import (
    CommandTask,
    DeviceReport,
    DeviceTask,
    ProbeReport,
    ProbeTask,
    TrialReport,
    TrialTask,
)
from framewatch.render.worker_client import Worker
from framewatch.storage import files
from framewatch.upscale.network.weights import Precision

_TRIAL_PIXELS = 320 * 180  # of a `TrialTask`
_GPU_FRAMES = 50  # of the first run: enough to fill an encoder
_CPU_FRAMES = (2, 12)  # at least and at most
_MIN_UPSCALED = 5  # frames that all steps together upscale at full size on the slowest machine
_MAX_CLIP_SECONDS = 60.0
_LANES_GAIN = 2.0
_USUAL_RATE = 25.0  # frames a second, for a clip that does not say
_SEGMENTS_PER_LANE = 2  # so that each lane ends one segment and begins the next
_MIN_SEGMENT_SECONDS = 1.0
_FEW_FRAMES = 25  # below which the result is called rough
_MIN_ENGINE_SECONDS = 0.3  # of computing, for one measurement
_ENGINE_SHARE, _STAGES_SHARE = 0.04, 0.25  # of the budget, at most: one engine measured once, and all stages
_OPEN_SECONDS = 1.5  # for an engine to open and be checked, about
_LEFT_OUT = "not measured, because no time was left; --budget 300 measures it"
_HANG_SECONDS = 20.0  # without a sign of life, after which an engine is given up


class BenchRequest(Record):
    """What to measure."""

    preset: Preset
    engine: str = "auto"
    precision: Precision = "exact"
    ffmpeg: Path
    clip: Path | None = None  # None: the shipped one
    size: Size | None = None  # None: the clip's own, or what suits the device
    seconds: float | None = None  # of video that goes from file to file; None: as much as there is time for
    lanes: tuple[int, ...] = ()  # (): what `lanes: auto` uses, and half of that
    budget: float | None = None  # seconds for everything; None: what suits the device


@dataclass(frozen=True)
class Listener:
    """Where progress goes."""

    on_step: Callable[[str, float], None]  # what is done now, and how much of everything is done, 0 to 1
    on_note: Callable[[str], None]  # a sentence to show at once


class Bench:
    """One benchmark. Everything it starts is gone when it ends, however it ends."""

    def __init__(self, request: BenchRequest, listener: Listener, stop: threading.Event) -> None:
        """`stop` ends it."""
        self._request = request
        self._listener = listener
        self._stop = stop
        self._budget = Budget(request.budget or shares.CPU_SECONDS)
        self._notes: list[str] = []
        self._step_name, self._step_end = "", 0.0
        self._worker, self._measuring = TimedWorker(), measuring_worker()

    def run(self) -> BenchReport:
        """Measure everything.

        Raises:
            CancelledError: the stop was set.
            FramewatchError: the clip, the engine or the encoder does not work. An engine that is not the one in use
                may fail: its row says why.
        """
        with tempfile.TemporaryDirectory(prefix="framewatch-bench-") as folder:
            try:
                return self._run(Path(folder))
            finally:  # before the folder that they write into goes
                self._worker.kill()
                self._measuring.kill()

    def _run(self, folder: Path) -> BenchReport:
        request = self._request
        with self._step("looking at this machine", 0.0):
            device: DeviceReport = self._do(DeviceTask(engine=request.engine, precision=request.precision))
            if device.gpu and request.budget is None:
                self._budget.seconds = shares.GPU_SECONDS
            frames = _GPU_FRAMES if device.gpu else self._frames_for_cpu()
        self._announce()
        first = self._first_run(folder, device, frames)
        auto = _auto_lanes(first, device)
        runs = self._runs(folder, device, first, request.lanes or tuple(sorted({max(1, auto // 2), auto})))
        self._release(self._worker, gpu=device.gpu)
        stages = self._stages(folder, runs)
        self._release(self._measuring, gpu=device.gpu)
        rows = self._engines(next(iter(runs.values())))
        clip = _clip_facts(request, next(iter(runs.values())))
        measured = tuple(_compared(lanes, run, stages) for lanes, run in runs.items())
        gpus = tuple(sorted({row.result.device for row in rows if row.result and row.result.gpu}))
        return BenchReport(
            machine=machine(request.ffmpeg, gpus),
            clip=clip,
            duration=Duration(
                announced_seconds=self._budget.total, seconds=self._budget.elapsed, notes=tuple(self._notes)
            ),
            start_seconds=first.start,
            end_to_end=measured,
            stages=stages,
            engines=rows,
            recommendation=recommend(clip, rows, measured, auto, request.engine),
        )

    # --- how much --------------------------------------------------------------------------------------------------

    def _frames_for_cpu(self) -> int:
        """Return how many frames the first run can have, by the time that the engine takes for one.

        A CPU may take minutes for a frame of a large clip. Then there is more time, because less than a few frames
        cannot be measured.
        """
        request = self._request
        trial: TrialReport = self._do(TrialTask(engine=request.engine, precision=request.precision))
        width, height = request.size or default_size(gpu=False)
        if request.clip and not request.size and (video := self._video_of_clip()):
            width, height = video.width, video.height
        frame_seconds = trial.milliseconds / 1000 * width * height / _TRIAL_PIXELS
        least, most = _CPU_FRAMES
        needed = _MIN_UPSCALED * frame_seconds - shares.RUNS_END * self._budget.seconds
        if needed > 0:
            self._budget.extend(needed)
            self._note(
                f"A frame of {width}x{height} takes about {frame_seconds:.1f} s here; --size 320x180 is quicker."
            )
        return max(least, min(most, int(self._budget.until(shares.FIRST_RUN_ENDS) / frame_seconds)))

    def _video_of_clip(self) -> Video | None:
        source = files.named_by_user(self._request.clip or resources.demo_clip())
        report: ProbeReport = self._do(ProbeTask(source=source, timeline=False))
        stream = report.info.main_video
        return stream.video if stream else None

    def _announce(self) -> None:
        self._listener.on_note(f"This takes about {in_words(self._budget.total)}.")

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._listener.on_note(text)

    # --- from file to file -----------------------------------------------------------------------------------------

    def _first_run(self, folder: Path, device: DeviceReport, frames: int) -> Run:
        lanes = next(iter(self._request.lanes), 1)
        video = self._video_of_clip()
        rate = float(video.rate) if video and video.rate else _USUAL_RATE
        seconds = min(self._request.seconds or _MAX_CLIP_SECONDS, frames / rate)
        with self._step("a first run from file to file", shares.FIRST_RUN_ENDS):
            source = self._make_clip(folder / "first.mkv", device, seconds)
            return self._travel(source, folder / "first", lanes, seconds)

    def _runs(self, folder: Path, device: DeviceReport, first: Run, counts: Sequence[int]) -> dict[int, Run]:
        """Return a run for each number of lanes, all with the same frames."""
        rate = float(first.plan.average_rate)
        # The first run has one lane, and hardly fills its encoder: several lanes are about twice as fast.
        speed = first.render_fps * (_LANES_GAIN if max(counts) > 1 else 1)
        seconds = self._request.seconds
        if seconds is None:
            each = self._budget.until(shares.RUNS_END) / len(counts) - first.overhead
            affordable = min(each * speed, _MAX_CLIP_SECONDS * rate)
            least = max(first.frames, KEYFRAME_DISTANCE * max(counts) if max(counts) > 1 else 0)
            if affordable <= least and tuple(counts) == (1,):
                self._rough(first.frames)
                return {1: first}
            seconds = max(affordable, least) / rate
        needed = len(counts) * (seconds * rate / speed + first.overhead)
        longer = needed - self._budget.until(shares.RUNS_END)
        if longer > 1:
            self._budget.extend(longer)
            self._note(f"{seconds:.1f} s of video from file to file make it {in_words(longer)} longer.")
        with self._step("making the clip", shares.FIRST_RUN_ENDS):
            source = self._make_clip(folder / "clip.mkv", device, seconds)
        found = {}
        begin, width = shares.FIRST_RUN_ENDS, (shares.RUNS_END - shares.FIRST_RUN_ENDS) / len(counts)
        for place, lanes in enumerate(counts, 1):
            with self._step(f"file to file, {_counted(lanes, 'lane')}", begin + place * width):
                found[lanes] = self._travel(source, folder / f"lanes-{lanes}", lanes, seconds)
        self._rough(next(iter(found.values())).frames)
        return found

    def _rough(self, frames: int) -> None:
        if frames < _FEW_FRAMES and self._request.seconds is None:
            self._note(f"Only {_counted(frames, 'frame')} went from file to file; --budget 300 measures more.")

    def _make_clip(self, out: Path, device: DeviceReport, seconds: float) -> InputFile:
        request = self._request
        size = request.size or (default_size(gpu=device.gpu) if request.clip is None else None)
        clip = files.named_by_user(request.clip) if request.clip else None
        argv = clip_command(request.ffmpeg, clip.path if clip else None, size, seconds, out)
        self._do(CommandTask(argv=argv, inputs=(clip,) if clip else ()))
        return files.named_by_user(out)

    def _travel(self, source: InputFile, work: Path, lanes: int, seconds: float) -> Run:
        work.mkdir()
        request = AttemptRequest(source=source, preset=self._request.preset, preset_name="bench", work=work)
        tools = self._tools(lanes, max(_MIN_SEGMENT_SECONDS, seconds / lanes / _SEGMENTS_PER_LANE))
        run = end_to_end.run(request, tools, self._worker, Watcher(self._within, self._waits, self._stop))
        if run.waited > 1:
            self._budget.extend(run.waited)
            self._note(f"Another process had the device for {in_words(run.waited)}, which are not counted.")
        return run

    def _tools(self, lanes: int, segment_seconds: float) -> Tools:
        program = self._request.ffmpeg
        return Tools(
            ffmpeg=program,
            encoders=encoders(program),
            hwaccels=hwaccels(program),
            engine=self._request.engine,
            precision=self._request.precision,
            gpus=1,  # because the stages alone are measured on one GPU
            lanes=lanes,
            segment_seconds=segment_seconds,
        )

    # --- alone -----------------------------------------------------------------------------------------------------

    def _stages(self, folder: Path, runs: dict[int, Run]) -> StagesReport:
        first, most = next(iter(runs.values())), _STAGES_SHARE * self._budget.seconds
        with self._step("each stage alone", shares.STAGES_END):
            task = StagesTask(
                render=first.task,
                segments={lanes: run.task.outputs[0] for lanes, run in runs.items()},
                folder=folder,
                seconds=max(1.0, min(most, self._budget.until(shares.STAGES_END) - _OPEN_SECONDS)),
            )
            report: StagesReport = self._ask(self._measuring, task)
            return report

    def _engines(self, run: Run) -> tuple[EngineRow, ...]:
        """Measure each engine alone; on a CPU twice, in turns, because the load of the machine changes."""
        wanted = self._request.engine
        names = [name for name in CANDIDATES if wanted in ("auto", CANDIDATES[name].setting)]
        rows: list[EngineRow] = []
        for place, name in enumerate(names):
            left = self._budget.until(shares.ENGINES_END)
            if rows and left < _OPEN_SECONDS:  # the first one is measured in any case
                rows.append(EngineRow(engine=name, result=None, reason=_LEFT_OUT))
                continue
            with self._step(f"{name} alone", shares.ENGINES_END):
                # Half of its part, because there may be a second round.
                seconds = left / (len(names) - place) / 2 - _OPEN_SECONDS
                rows.append(self._engine(self._engine_task(name, run, seconds, check=True)))
        again = [place for place, row in enumerate(rows) if row.result and not row.result.gpu]
        for number, place in enumerate(again):
            seconds = self._budget.until(shares.ENGINES_END) / (len(again) - number) - _OPEN_SECONDS / 2
            if seconds < _MIN_ENGINE_SECONDS:
                break
            with self._step(f"{rows[place].engine} alone, again", shares.ENGINES_END):
                rows[place] = _better(rows[place], self._engine(self._engine_task(rows[place].engine, run, seconds)))
        return tuple(rows)

    def _engine_task(self, name: str, run: Run, seconds: float, *, check: bool = False) -> EngineTask:
        most = _ENGINE_SHARE * self._budget.seconds
        return EngineTask(
            engine=name, render=run.task, seconds=max(_MIN_ENGINE_SECONDS, min(most, seconds)), check=check
        )

    def _engine(self, task: EngineTask) -> EngineRow:
        try:
            result: EngineReport = self._ask(self._measuring, task, stall_seconds=_HANG_SECONDS)
        except (EngineError, WorkerError, ModelMissingError) as error:  # a driver that crashed took a worker, no more
            self._release(self._measuring, gpu=not isinstance(error, EngineMissingError))
            return EngineRow(engine=task.engine, result=None, reason=error.finding.message)
        self._release(self._measuring, gpu=result.gpu)
        return EngineRow(engine=task.engine, result=result)

    # --- workers and progress --------------------------------------------------------------------------------------

    def _do(self, task: Record) -> Any:
        return self._ask(self._worker, task)

    def _ask(self, worker: Worker, task: Record, *, stall_seconds: float | None = None) -> Any:
        return worker.run(task, self._heard, self._stop, stall_seconds=stall_seconds)

    def _release(self, worker: Worker, *, gpu: bool) -> None:
        """End a worker that has used a GPU, so that the next measurement finds its memory free."""
        if gpu:
            worker.kill()

    def _heard(self, message: Any) -> None:
        if isinstance(message, Stepped):
            self._show(f"{self._step_name}: {message.what}", message.done)
        elif not isinstance(message, FramesCounted):
            self._within(0.0)

    @contextmanager
    def _step(self, name: str, end: float) -> Iterator[None]:
        """Name what is measured in this block, and where in the budget it should end."""
        self._step_name, self._step_end = name, end
        self._within(0.0)
        yield

    def _waits(self, device: str) -> None:
        """Tell that a daemon uses the device: this lasts until its segment, or its job, is done."""
        self._show(f"{self._step_name}: waiting for a share of {device}", 0.0)

    def _within(self, done: float) -> None:
        self._show(self._step_name, done)

    def _show(self, what: str, done: float) -> None:
        self._listener.on_step(what, self._budget.done(self._step_end, done))


def _auto_lanes(run: Run, device: DeviceReport) -> int:
    """Return the lanes of a film, which has more segments than there are lanes."""
    return lane_count("auto", EncoderLoad.of(run.plan), device, Host.here(), segments=sys.maxsize)


def _better(first: EngineRow, second: EngineRow) -> EngineRow:
    if first.result is None or second.result is None:
        return first
    return first.evolve(result=faster(first.result, second.result))


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _compared(lanes: int, run: Run, stages: StagesReport) -> EndToEnd:
    """Compare a run with the slowest stage alone."""
    alone: dict[StageName, float] = {
        "decode": stages.decode_fps,
        "upscale": stages.upscale_fps,
        # An encoder that wrote nothing in time is the slowest stage, and as fast as rendering was.
        "encode": stages.encode_fps[lanes] or run.render_fps,
    }
    slowest = min(alone, key=lambda stage: alone[stage])
    fps = run.frames / run.seconds
    return EndToEnd(
        lanes=lanes,
        engine=run.report.engine,
        frames=run.frames,
        seconds=run.seconds,
        fps=fps,
        render_fps=run.render_fps,
        phases=run.phases,
        busy=run.report.busy_seconds,
        slowest=slowest,
        slowest_fps=alone[slowest],
        share=fps / alone[slowest],
    )


def _clip_facts(request: BenchRequest, run: Run) -> Clip:
    return Clip(
        name=request.clip.name if request.clip else "the shipped clip",
        width=run.task.width,
        height=run.task.height,
        frames=run.frames,
        fps=float(run.plan.average_rate),
        scale=run.plan.scale,
        encoder=f"{request.preset.video_codec} {request.preset.preset}",
    )
