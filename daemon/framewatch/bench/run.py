"""A benchmark from beginning to end: the whole way first, since it tells what the stages alone are made of."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from framewatch.bench import baseline, end_to_end
from framewatch.bench.clip import Size, clip_command, usual_seconds, usual_size
from framewatch.bench.engine_speed import CANDIDATES, better
from framewatch.bench.machine import machine
from framewatch.bench.recommendation import advise
from framewatch.bench.report import Baseline, BenchReport, Clip, EngineRow, WholeWay
from framewatch.bench.tasks import EngineReport, EngineTask, StagesReport, StagesTask, Stepped
from framewatch.bench.worker import measuring_worker
from framewatch.domain import Record, StageName
from framewatch.errors import (
    CancelledError,
    EngineError,
    EngineMissingError,
    FramewatchError,
    ModelMissingError,
    WorkerError,
)
from framewatch.jobs.attempt.concurrency import EncoderLoad, Host, lane_count
from framewatch.jobs.attempt.request import Tools
from framewatch.media.ffmpeg.discovery import encoders, hwaccels
from framewatch.media.preset.preset import Preset
from framewatch.render.messages import FramesCounted
from framewatch.render.tasks import CommandTask, DeviceReport, DeviceTask
from framewatch.render.worker_client import Worker
from framewatch.upscale.network.weights import Precision

_SEED_PROGRAM = "realesrgan-ncnn-vulkan"
_ROUND_SECONDS = 2.0  # and not more than a quarter of the clip
_PIECES_A_LANE = 2  # so that each lane ends one piece and begins the next
_LEAST_PIECE_SECONDS = 1.0
_USUAL_COUNTS = 3  # of lanes: 1, half of what auto takes, and that
_GPU_FRAMES, _CPU_FRAMES = 96, 10  # of the baseline

OnStep = Callable[[str, float], None]


class Wishes(Record):
    """What is to be measured."""

    preset: Preset
    engine: str = "auto"
    precision: Precision = "exact"
    ffmpeg: Path
    clip: Path | None = None  # None: the shipped one
    size: Size | None = None  # None: the clip's own, or what suits the device
    seconds: float | None = None
    lanes: tuple[int, ...] = ()  # (): 1, what `lanes: auto` takes, and half of that
    baseline: bool = True
    baseline_frames: int | None = None
    baseline_program: Path | None = None


class Bench:
    """One benchmark. Everything that runs in its name is gone when it ends, however it ends."""

    def __init__(self, wishes: Wishes, on_step: OnStep, stop: threading.Event) -> None:
        """`on_step` is told what is being done, and how much of all is done, 0 to 1; `stop` ends it."""
        self._wishes = wishes
        self._tell = on_step
        self._stop = stop
        self._begun, self._share, self._what = 0.0, 0.0, ""
        self._working, self._measuring = Worker(), measuring_worker()

    def run(self) -> BenchReport:
        """Measure everything.

        Raises:
            CancelledError: the stop was set.
            FramewatchError: the clip, the engine or the encoder does not work. An engine beside the one that
                is used may fail: its row says why.
        """
        with tempfile.TemporaryDirectory(prefix="framewatch-bench-") as folder:
            try:
                return self._run(Path(folder))
            finally:  # before the folder goes that they write into
                self._working.kill()
                self._measuring.kill()

    def _run(self, folder: Path) -> BenchReport:
        wishes = self._wishes
        with self._step("looks around", 0.02):
            device: DeviceReport = self._work(DeviceTask(engine=wishes.engine, precision=wishes.precision))
        seconds = wishes.seconds or usual_seconds(gpu=device.gpu)
        with self._step("makes the clip", 0.03):
            source = self._clip(folder, device, seconds)
        travelled, auto = self._ways(source, device, seconds, folder)
        first = next(iter(travelled.values()))
        rounds = min(_ROUND_SECONDS, seconds / 4)
        with self._step("stages", 0.15):
            pieces = {lanes: found.task.outputs[0] for lanes, found in travelled.items()}
            task = StagesTask(render=first.task, pieces=pieces, folder=folder, seconds=rounds)
            stages: StagesReport = self._measure(task)
        self._give_back(gpu=device.gpu)
        ways = tuple(_way(lanes, found, stages) for lanes, found in travelled.items())
        names = [name for name in CANDIDATES if wishes.engine in ("auto", CANDIDATES[name].word)]
        tasks = [EngineTask(engine=name, render=first.task, seconds=rounds) for name in names]
        rows = self._engines(tasks)
        base = (
            self._baseline(source, first, folder, device, max(way.fps for way in ways)) if wishes.baseline else None
        )
        clip = _clip_facts(wishes, first)
        gpus = tuple(sorted({row.found.device for row in rows if row.found and row.found.gpu}))
        return BenchReport(
            machine=machine(wishes.ffmpeg, gpus),
            clip=clip,
            engines=rows,
            stages=stages,
            whole=ways,
            baseline=base,
            advice=advise(clip, rows, ways, auto, wishes.engine),
        )

    # --- the parts -------------------------------------------------------------------------------------------------

    def _clip(self, folder: Path, device: DeviceReport, seconds: float) -> Path:
        wishes = self._wishes
        size = wishes.size or (usual_size(gpu=device.gpu) if wishes.clip is None else None)
        made = folder / "clip.mkv"
        self._work(CommandTask(argv=clip_command(wishes.ffmpeg, wishes.clip, size, seconds, made)))
        return made

    def _ways(
        self, source: Path, device: DeviceReport, seconds: float, folder: Path
    ) -> tuple[dict[int, end_to_end.Travelled], int]:
        """The whole way by lanes, and how many of them `lanes: auto` takes, as follows from the first plan."""
        wished = self._wishes.lanes
        weight = 0.35 / (len(wished) or _USUAL_COUNTS)
        count = next(iter(wished), 1)
        found = {count: self._travel(source, count, seconds, folder, weight)}
        auto = self._auto(found[count], device)
        for lanes in wished or sorted({max(1, auto // 2), auto}):
            if lanes not in found:
                found[lanes] = self._travel(source, lanes, seconds, folder, weight)
        return found, auto

    def _auto(self, found: end_to_end.Travelled, device: DeviceReport) -> int:
        """The lanes of a film, which has more segments than there are lanes."""
        return lane_count("auto", EncoderLoad.of(found.plan), device, Host.here(), segments=sys.maxsize)

    def _travel(self, source: Path, lanes: int, seconds: float, folder: Path, weight: float) -> end_to_end.Travelled:
        work = folder / f"lanes-{lanes}"
        work.mkdir()
        with self._step(f"file to file, {lanes} {'lane' if lanes == 1 else 'lanes'}", weight):
            tools = self._tools(lanes, max(_LEAST_PIECE_SECONDS, seconds / lanes / _PIECES_A_LANE))
            preset = self._wishes.preset
            return end_to_end.travel(source, preset, work, tools, self._stop, self._within, self._waits)

    def _tools(self, lanes: int, segment_seconds: float) -> Tools:
        program = self._wishes.ffmpeg
        return Tools(
            ffmpeg=program,
            encoders=encoders(program),
            hwaccels=hwaccels(program),
            engine=self._wishes.engine,
            precision=self._wishes.precision,
            gpus=1,  # the stages alone are measured on one, too
            lanes=lanes,
            segment_seconds=segment_seconds,
        )

    def _engines(self, tasks: list[EngineTask]) -> tuple[EngineRow, ...]:
        """Each alone. On a processor twice, in turns: what else runs there comes and goes."""
        rows = [self._engine(task, 0.15 / len(tasks)) for task in tasks]
        for place, (task, row) in enumerate(zip(tasks, rows, strict=True)):
            if row.found and not row.found.gpu:
                again = self._engine(task, 0.1 / len(tasks))
                rows[place] = again.evolve(found=better(row.found, again.found)) if again.found else row
        return tuple(rows)

    def _engine(self, task: EngineTask, weight: float) -> EngineRow:
        with self._step(f"{task.engine} alone", weight):
            try:
                found: EngineReport = self._measure(task)
            except (EngineError, WorkerError, ModelMissingError) as error:  # a crashed driver takes a worker, no more
                self._give_back(gpu=not isinstance(error, EngineMissingError))
                return EngineRow(engine=task.engine, found=None, why=error.finding.message)
        self._give_back(gpu=found.gpu)
        return EngineRow(engine=task.engine, found=found)

    def _baseline(
        self, source: Path, first: end_to_end.Travelled, folder: Path, device: DeviceReport, fps: float
    ) -> Baseline:
        wishes, plan = self._wishes, first.plan
        program = wishes.baseline_program or _on_path()
        frames = wishes.baseline_frames or (_GPU_FRAMES if device.gpu else _CPU_FRAMES)
        place = folder / "baseline"
        place.mkdir()
        with self._step("the seed's way", 0.2):
            try:
                found = baseline.travel(
                    source, plan, wishes.ffmpeg, place,
                    frames=frames, program=program, work=self._work, measure=self._measure,
                )  # fmt: skip
            except CancelledError:
                raise
            except FramewatchError as error:  # all else was measured
                return Baseline(why=error.finding.message)
        return found.evolve(times=fps / found.fps)

    # --- workers and progress --------------------------------------------------------------------------------------

    def _work(self, task: Record) -> Any:
        return self._ask(self._working, task)

    def _measure(self, task: Record) -> Any:
        return self._ask(self._measuring, task)

    def _ask(self, worker: Worker, task: Record) -> Any:
        return worker.run(task, self._heard, self._stop, stall_seconds=None)

    def _give_back(self, *, gpu: bool) -> None:
        """Let the next measurement have what the last one took of the GPU, and of its driver's state."""
        if gpu:
            self._measuring.kill()

    def _heard(self, message: Any) -> None:
        if isinstance(message, Stepped):
            self._tell(f"{self._what}: {message.what}", self._begun + self._share * message.done)
        elif not isinstance(message, FramesCounted):
            self._within(0.0)

    @contextmanager
    def _step(self, what: str, share: float) -> Iterator[None]:
        self._what, self._share = what, share
        self._within(0.0)
        yield
        self._begun += share

    def _waits(self, device: str) -> None:
        """A daemon may have it: then this lasts until its segment, or its job, is over."""
        self._tell(f"{self._what}: waits for a share of {device}", self._begun)

    def _within(self, done: float) -> None:
        self._tell(self._what, min(self._begun + self._share * done, 1.0))


def _on_path() -> Path | None:
    found = shutil.which(_SEED_PROGRAM)
    return Path(found) if found else None


def _way(lanes: int, found: end_to_end.Travelled, stages: StagesReport) -> WholeWay:
    """One run, held against the slowest stage alone."""
    frames, rendering = found.frames, found.phases["render"]
    alone: dict[StageName, float] = {
        "decode": stages.decode_fps,
        "upscale": stages.upscale_fps,
        # An encoder that gives nothing for a minute is the slowest of all: rendering was as fast as it is.
        "encode": stages.encode_fps[lanes] or frames / rendering,
    }
    slowest = min(alone, key=lambda stage: alone[stage])
    return WholeWay(
        lanes=lanes,
        engine=found.report.engine,
        frames=frames,
        seconds=found.seconds,
        fps=frames / found.seconds,
        render_fps=frames / rendering,
        phases=found.phases,
        busy=found.report.busy_seconds,
        slowest=slowest,
        slowest_fps=alone[slowest],
        share=frames / found.seconds / alone[slowest],
    )


def _clip_facts(wishes: Wishes, found: end_to_end.Travelled) -> Clip:
    plan = found.plan
    return Clip(
        name=wishes.clip.name if wishes.clip else "the shipped clip",
        width=found.task.width,
        height=found.task.height,
        frames=found.frames,
        fps=float(plan.average_rate),
        scale=plan.scale,
        encoder=f"{wishes.preset.video_codec} {wishes.preset.preset}",
    )
