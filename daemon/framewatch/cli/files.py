"""`framewatch plan` and `framewatch upscale`: one file, here and now, without a daemon."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from framewatch import domain
from framewatch.cli.common import JsonOption, console, print_json, say, say_finding
from framewatch.domain import Failure, StageName
from framewatch.errors import ConfigError, Finding, MediaError
from framewatch.jobs import files
from framewatch.jobs.gate import HostGate
from framewatch.jobs.moving import Move, Moved, move
from framewatch.jobs.pipeline import Order, Pipeline, Rendered, Tools, decide
from framewatch.media import commands
from framewatch.media.plan import Plan
from framewatch.media.presets import NamedPreset, load_preset
from framewatch.media.tools import encoders, find_ffmpeg, hwaccels
from framewatch.render.client import Worker
from framewatch.text import printable
from framewatch.upscale.choice import ENGINE_NAMES

FileArgument = Annotated[Path, typer.Argument(help="The video.", show_default=False)]
PresetOption = Annotated[
    str,
    typer.Option("--preset", "-p", help="A preset's name, or a path to one.", show_default=False),
]
FfmpegOption = Annotated[Path | None, typer.Option("--ffmpeg", help="The ffmpeg program to use.", show_default=False)]
EngineOption = Annotated[str, typer.Option("--engine", help=f"One of {', '.join(ENGINE_NAMES)}.")]


def plan(
    file: FileArgument,
    preset: PresetOption,
    ffmpeg: FfmpegOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what would be done with a file, stream by stream, and with which commands. Nothing is done.

    \b
    Examples:
      framewatch plan film.mkv --preset upscale-4k
      framewatch plan film.mkv --preset ./mine.yaml --json
    """
    named, tools = _prepared(file, preset, ffmpeg, "auto")
    with _worker() as worker:
        pipeline = Pipeline(worker, tools, HostGate(1), _Quiet(), threading.Event())
        order = _order(file, named, Path("work"))
        made = decide(order, pipeline.probe(order), tools)
    steps = _steps(made, tools.ffmpeg, order.source)
    if as_json:
        shown = [{"step": step, "argv": argv} for step, argv in steps]
        print_json({"plan": made.model_dump(mode="json"), "commands": shown})
    else:
        _show_plan(made, steps)


def upscale(
    file: FileArgument,
    preset: PresetOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the result goes.", show_default=False)],
    engine: EngineOption = "auto",
    ffmpeg: FfmpegOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one file now, with a progress bar. The source is left as it is; nothing is overwritten.

    \b
    Examples:
      framewatch upscale film.mkv --preset upscale-4k -o film-4k.mp4
      framewatch upscale film.mkv --preset ./mine.yaml -o out.mkv --json
    """
    output = output.absolute()
    _require_free(output)
    if engine not in ENGINE_NAMES:
        hint = f"one of: {', '.join(ENGINE_NAMES)}"
        raise ConfigError(f'there is no engine "{engine}"', code="engine.unknown", hint=hint)
    named, tools = _prepared(file, preset, ffmpeg, engine)
    _require_ending(output, named)
    with _work_folder(output.parent) as work, _worker() as worker, _interruptible() as stop, _bar() as bar:
        observer = _OnScreen(bar)
        made = Pipeline(worker, tools, HostGate(1), observer, stop).run(_order(file, named, work))
        _place(made, output)
    if as_json:
        print_json(_result(made, output))
    else:
        what = f"{made.plan.width}x{made.plan.height}, {made.frames} frames" if made.plan.has_video else "sound"
        say(f"{output}  {what}")


# --- what both do ------------------------------------------------------------------------------------------


def _prepared(file: Path, preset: str, ffmpeg: Path | None, engine: str) -> tuple[NamedPreset, Tools]:
    if not file.exists():
        raise ConfigError("there is no such file", code="file.not_found", where=printable(file))
    named = load_preset(preset, search=[Path("presets")], base=Path(), where="--preset")
    program = find_ffmpeg(ffmpeg)
    return named, Tools(ffmpeg=program, encoders=encoders(program), hwaccels=hwaccels(program), engine=engine)


def _order(file: Path, named: NamedPreset, work: Path) -> Order:
    # A link that the user names is followed, unlike one in a watched folder.
    return Order(source=file.resolve(), preset=named.preset, preset_name=named.name, work=work)


@contextmanager
def _worker() -> Iterator[Worker]:
    worker = Worker()
    try:
        yield worker
    finally:
        worker.kill()


class _Quiet:
    """An observer that shows nothing."""

    def progressed(self, progress: domain.Progress) -> None:
        """Show nothing."""

    def logged(self, stage: StageName, line: str, level: str) -> None:
        """Show nothing."""

    def warned(self, warning: Failure) -> None:
        """Show nothing."""

    def waits(self, device: str) -> None:
        """Show nothing."""


# --- plan --------------------------------------------------------------------------------------------------


def _steps(plan: Plan, ffmpeg: Path, source: Path) -> list[tuple[str, list[str]]]:
    """The commands as they will be run, with names in an imaginary work folder."""
    result = Path("work") / f"result.{plan.extension}"
    steps = [("cover", argv) for argv in commands.cover_commands(plan, ffmpeg, source, result)]
    steps += [("measure", argv) for argv in commands.measure_commands(plan, ffmpeg, source).values()]
    steps += [("subtitles", argv) for argv in commands.burn_commands(plan, ffmpeg, result)]
    if plan.mode != "upscale":
        return [*steps, (plan.mode, commands.transcode_command(plan, ffmpeg, source, result))]
    piece = Path("work") / f"piece-00000.{commands.piece_extension(plan)}"
    rehearsal = commands.rehearsal_command(plan, ffmpeg, source, Path("work") / f"rehearsal.{plan.extension}")
    encode = commands.piece_command(plan, ffmpeg, piece)
    mux = commands.mux_command(plan, ffmpeg, [piece], source, result)
    return [*steps, ("rehearse", rehearsal), ("encode", encode), ("mux", mux)]


def _show_plan(plan: Plan, steps: list[tuple[str, list[str]]]) -> None:
    show = console()
    size = f"{plan.decoded_width}x{plan.decoded_height} -> {plan.width}x{plan.height}"
    rate = f"{float(plan.rate):.3f} fps" if plan.rate else "as the source"
    picture = f"{size}, {plan.frames} frames, {rate}, {plan.pixel_format}, " if plan.has_video else "sound alone, "
    say(f"{plan.mode}: {picture}{plan.container}")
    table = Table(box=None, pad_edge=False)
    for heading in ("stream", "kind", "codec", "action", "becomes", "note"):
        table.add_column(heading)
    for row in plan.streams:
        cells = (str(row.index), row.kind, row.codec, row.action, row.codec_out, row.note)
        table.add_row(*map(printable, cells))
    show.print(table)
    for warning in plan.warnings:
        say_finding(Finding(warning.code, warning.message, warning.hint, warning.where), kind="warning")
    for step, argv in steps:
        show.print()
        say(f"[{step}]")
        say(_shell(argv))


def _shell(argv: list[str]) -> str:
    import shlex  # noqa: PLC0415 - for display only; no shell ever runs it

    return shlex.join(argv)


# --- upscale -----------------------------------------------------------------------------------------------


class _OnScreen(_Quiet):
    """Shows progress as a bar, and warnings above it."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("reading", total=100.0, fps=0.0, engine="")

    def progressed(self, progress: domain.Progress) -> None:
        self._bar.update(
            self._task,
            completed=progress.percent,
            description=progress.stage or "opening",
            fps=progress.fps,
            engine=progress.engine or "",
        )

    def waits(self, device: str) -> None:
        self._bar.update(self._task, description=f"waiting for {device}")

    def warned(self, warning: Failure) -> None:
        text = printable(f"warning: {warning.message} ({warning.hint}) [{warning.code}]")
        self._bar.console.print(text)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description:8}"),
        BarColumn(),
        TextColumn("{task.percentage:>5.1f}%  {task.fields[fps]:.1f} fps  {task.fields[engine]}"),
        TimeRemainingColumn(),
        console=(show := console(stderr=True)),
        transient=True,
        disable=not show.is_terminal,
    )


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """A stop event that Ctrl-C and SIGTERM set, so that the work is ended in good order."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _work_folder(parent: Path) -> Iterator[Path]:
    """A hidden folder beside the output, gone when the work is over: the result is then only renamed."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".framewatch-", dir=parent))
    except OSError as error:
        message = f"the output's folder cannot be written: {error.strerror}"
        hint = "make the folder first" if not parent.exists() else "let this user write there"
        raise ConfigError(message, code="output.not_writable", hint=hint, where=printable(parent)) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _require_free(output: Path) -> None:
    if os.path.lexists(output):
        raise ConfigError(
            "the output exists already; nothing is overwritten",
            code="output.exists",
            hint="name another, or move it away",
            where=printable(output),
        )


def _require_ending(output: Path, named: NamedPreset) -> None:
    ending = f".{named.preset.container}"
    if output.suffix.lower() != ending:
        raise ConfigError(
            f'the preset "{named.name}" makes {named.preset.container}',
            code="output.wrong_ending",
            hint=f"name it {output.with_suffix(ending).name}, or use a preset with another container",
            where=printable(output),
        )


def _place(made: Rendered, output: Path) -> None:
    found = files.identity(made.result)
    size = found.size if found else 0
    order = Move(made.result, output, root=output.parent, part=f".{made.result.parent.name}.part", size=size)
    if move(order) is not Moved.DONE:
        _require_free(output)
        raise MediaError("the result could not be put in its place", code="output.lost", where=printable(output))


def _result(made: Rendered, output: Path) -> dict[str, Any]:
    return {
        "status": "done",
        "output": printable(output),
        "frames": made.frames,
        "width": made.plan.width,
        "height": made.plan.height,
        "engine": made.engine,
        "warnings": [warning.model_dump() for warning in made.warnings],
    }
