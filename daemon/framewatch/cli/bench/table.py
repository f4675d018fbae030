"""The result of a benchmark as tables for people."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from framewatch.bench.report import BenchReport, EndToEnd, Phase
from framewatch.text import printable

_PHASES: dict[Phase, str] = {
    "start": "starting the worker",
    "probe": "reading the source",
    "rehearsal": "rehearsal of the mux",
    "open": "opening the engine",
    "render": "rendering",
    "inspect": "checking the last segments",
    "join": "joining the segments and muxing",
    "verify": "verifying the result",
    "other": "everything else",
}


def show(report: BenchReport, screen: Console) -> None:
    """Print everything, the machine first and the recommendation last."""
    for line in (*_machine(report), ""):
        screen.print(line)
    screen.print(_engines(report))
    for row in report.engines:
        if row.result is None:
            screen.print(printable(f"  {row.engine}: {row.reason}"), soft_wrap=True)
    for table in (_stages(report), _end_to_end(report), _phases(report)):
        screen.print("")
        screen.print(table)
    for line in ("", *_recommendation(report), "", *_duration(report)):
        screen.print(printable(line))


def _machine(report: BenchReport) -> list[str]:
    facts, clip = report.machine, report.clip
    versions = ", ".join(f"{name} {number}" for name, number in facts.runtimes.items())
    gpus = "; ".join(facts.gpus) or "no GPU"
    flags = " ".join(facts.flags) or "no vector instructions that matter"
    lines = [
        f"machine   {facts.processor}, {facts.cores} cores ({flags}), {facts.memory_gb:.0f} GB; {gpus}",
        f"software  {facts.system}; framewatch {facts.framewatch}, Python {facts.python}, ffmpeg {facts.ffmpeg}, "
        f"{versions}",
        f"clip      {clip.name}, {clip.width}x{clip.height} to {clip.scale}x, {clip.frames} frames, {clip.encoder}",
    ]
    return [printable(line) for line in lines]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    table.add_column(columns[0], no_wrap=True)
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _engines(report: BenchReport) -> Table:
    table = _table(
        "Each engine alone, upscaling frames in memory",
        "engine",
        "input",
        "frames a second",
        "ms a frame",
        "TFLOP/s",
        "PSNR to the exact result",
    )
    for row in report.engines:
        result = row.result
        if result is not None:
            table.add_row(
                result.name,
                f"{result.width}x{result.height}",
                _number(result.fps),
                _number(result.milliseconds),
                f"{result.tflops:.3g}",
                f"{result.psnr_db:.1f} dB" if result.psnr_db < 120 else "equal",
            )
    return table


def _stages(report: BenchReport) -> Table:
    table = _table("Each stage of a job alone", "stage", "frames a second")
    stages = report.stages
    table.add_row("decoding", _number(stages.decode_fps))
    table.add_row(f"upscaling ({stages.engine}), each frame checked", _number(stages.upscale_fps))
    for lanes, fps in stages.encode_fps.items():
        speed = _number(fps) if fps else "no frame within 20 s"
        table.add_row("encoding" if lanes == 1 else f"encoding, {lanes} at once", speed)
    return table


def _end_to_end(report: BenchReport) -> Table:
    table = _table(
        "A whole job, from file to verified file",
        "segments at once (lanes)",
        "frames a second",
        "share of the slowest stage",
        "while rendering",
        "seconds",
    )
    for run in report.end_to_end:
        share = f"{run.share:.0%} ({run.slowest})"
        rendering = f"{_number(run.render_fps)} a second"
        table.add_row(str(run.lanes), _number(run.fps), share, rendering, f"{run.seconds:.1f}")
    return table


def _phases(report: BenchReport) -> Table:
    run = report.best
    table = _table(f"Where the time of that job goes{_at_once(run)}", "step", "seconds", "share")
    for phase, seconds in run.phases.items():
        table.add_row(_PHASES[phase], f"{seconds:.2f}", f"{seconds / run.seconds:.0%}")
    for stage, seconds in run.busy.items():
        table.add_row(f"  while rendering: busy with {stage}", f"{seconds:.2f}", f"{seconds / run.seconds:.0%}")
    table.add_row("once, when the daemon starts", f"{report.start_seconds:.2f}", "")
    return table


def _at_once(run: EndToEnd) -> str:
    return f", {run.lanes} segments at once" if run.lanes > 1 else ""


def _recommendation(report: BenchReport) -> list[str]:
    lines = list(report.recommendation.reasons)
    for episode in report.recommendation.episodes:
        size = f"{episode.width}x{episode.height}"
        estimate = " (estimated by the number of pixels)" if episode.extrapolated else ""
        lines.append(f"An episode of 24 minutes at {size} needs about {episode.text}{estimate}.")
    return lines


def _duration(report: BenchReport) -> list[str]:
    duration = report.duration
    took = f"This took {duration.seconds:.0f} s; about {duration.announced_seconds:.0f} s were announced."
    return [*duration.notes, took]


def _number(value: float) -> str:
    """Format with three significant digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
