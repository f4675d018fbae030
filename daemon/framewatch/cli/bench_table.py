"""What a benchmark found, as tables for people."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from framewatch.bench.report import BenchReport, WholeWay
from framewatch.text import printable

_PHASES = {
    "start": "the worker starts",
    "probe": "the file is read once",
    "rehearsal": "rehearsal",
    "open": "the engine opens",
    "render": "rendering",
    "inspect": "segments still inspected",
    "join": "join and mux",
    "verify": "verification",
    "other": "the rest",
}


def show(report: BenchReport, screen: Console) -> None:
    """Print everything, in sentences and tables."""
    for line in (*_machine(report), ""):
        screen.print(line)
    screen.print(_engines(report))
    for row in report.engines:
        if row.found is None:
            screen.print(printable(f"  {row.engine}: {row.why}"), soft_wrap=True)
    for table in (_stages(report), _whole(report), _phases(report.best)):
        screen.print("")
        screen.print(table)
    screen.print("")
    for line in (*_against(report), "", *_advice(report)):
        screen.print(line)


def _machine(report: BenchReport) -> list[str]:
    facts, clip = report.machine, report.clip
    versions = ", ".join(f"{name} {number}" for name, number in facts.runtimes.items())
    gpus = "; ".join(facts.gpus) or "no GPU"
    flags = " ".join(facts.flags) or "none that matter here"
    lines = [
        f"{facts.processor}, {facts.cores} cores ({flags}), {facts.memory_gb:.0f} GB; {gpus}",
        f"{facts.system}; framewatch {facts.framewatch}, Python {facts.python}, ffmpeg {facts.ffmpeg}, {versions}",
        f"{clip.name}, {clip.width}x{clip.height} to {clip.scale}x, {clip.frames} frames, {clip.encoder}",
    ]
    return [printable(line) for line in lines]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    table.add_column(columns[0], no_wrap=True)
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _engines(report: BenchReport) -> Table:
    table = _table("Engines alone", "engine", "frame", "fps", "ms", "TFLOP/s", "of the peak", "PSNR")
    for row in report.engines:
        found = row.found
        if found is None:
            continue
        share = f"{found.share:.0%} of {found.peak_tflops:.2f}" if found.share and found.peak_tflops else ""
        table.add_row(
            found.name,
            f"{found.width}x{found.height}",
            _number(found.fps),
            _number(found.milliseconds),
            f"{found.tflops:.3g}",
            share,
            f"{found.psnr_db:.1f} dB",
        )
    return table


def _stages(report: BenchReport) -> Table:
    table = _table("Stages alone", "stage", "fps")
    stages = report.stages
    table.add_row("decode", _number(stages.decode_fps))
    table.add_row(f"upscale ({stages.engine}, each frame checked)", _number(stages.upscale_fps))
    for lanes, fps in stages.encode_fps.items():
        said = _number(fps) if fps else "none in a minute"
        table.add_row("encode" if lanes == 1 else f"encode, {lanes} at once", said)
    return table


def _whole(report: BenchReport) -> Table:
    table = _table("File to file, verified", "lanes", "fps", "of the slowest stage", "rendering alone", "seconds")
    for way in report.whole:
        slowest = f"{way.share:.0%} ({way.slowest})"
        table.add_row(
            str(way.lanes), _number(way.fps), slowest, f"{_number(way.render_fps)} fps", f"{way.seconds:.1f}"
        )
    return table


def _phases(way: WholeWay) -> Table:
    table = _table(
        f"Where the time goes, {way.lanes} at once" if way.lanes > 1 else "Where the time goes", "", "s", ""
    )
    for phase, seconds in way.phases.items():
        table.add_row(_PHASES[phase], f"{seconds:.2f}", f"{seconds / way.seconds:.0%}")
    for stage, seconds in way.busy.items():
        table.add_row(f"  at work while rendering: {stage}", f"{seconds:.2f}", f"{seconds / way.seconds:.0%}")
    return table


def _against(report: BenchReport) -> list[str]:
    base = report.baseline
    if base is None:
        return []
    if base.why:
        return [f"The seed's way failed: {base.why}"]
    parts = (
        f"frames to PNG {_number(base.extract_fps)}, network {_number(base.upscale_fps)}, "
        f"PNG to video {_number(base.encode_fps)}"
    )
    return [
        f"The seed's way, {base.frames} frames, with {base.engine}: {_number(base.fps)} fps",
        f"  ({parts}, one after another)",
        f"framewatch: {_number(report.best.fps)} fps, {base.times:.1f} times the seed's way",
    ]


def _advice(report: BenchReport) -> list[str]:
    lines = list(report.advice.said)
    for episode in report.advice.episodes:
        by = " (by pixels, from what was measured)" if episode.extrapolated else ""
        lines.append(f"An episode of 24 minutes at {episode.width}x{episode.height} needs about {episode.words}{by}.")
    return lines


def _number(value: float) -> str:
    """Three digits that say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
