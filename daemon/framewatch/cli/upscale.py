"""`framewatch upscale`: one file, here and now, without a daemon."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from framewatch import domain
from framewatch.cli.common import (
    EngineOption,
    FfmpegOption,
    JsonOption,
    PrecisionOption,
    check_engine,
    check_precision,
    interruptible,
    print_json,
    progress_bar,
    say,
)
from framewatch.domain import StageName
from framewatch.errors import ConfigError, Finding, MediaError
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, Rendered, Skipped, Tools
from framewatch.jobs.attempt.segment_ledger import LedgerEntry
from framewatch.jobs.gpu.gate import HostGate
from framewatch.jobs.naming import with_container
from framewatch.media.ffmpeg.discovery import encoders, find_ffmpeg, hwaccels
from framewatch.media.plan.image_plan import ImagePlan
from framewatch.media.plan.plan import AudioPlan, VideoPlan
from framewatch.media.preset.loader import NamedPreset, load_preset
from framewatch.render.worker_client import Worker
from framewatch.storage import files
from framewatch.storage.move import Move, Moved, move
from framewatch.text import printable

FileArgument = Annotated[Path, typer.Argument(help="The video.", show_default=False)]
PresetOption = Annotated[
    str,
    typer.Option("--preset", "-p", help="A preset's name, or a path to one.", show_default=False),
]


def upscale(
    file: FileArgument,
    preset: PresetOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the result goes.", show_default=False)],
    engine: EngineOption = "auto",
    precision: PrecisionOption = "exact",
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
    wanted = check_precision(precision)
    named, tools = prepared(file, preset, ffmpeg, check_engine(engine))
    tools = tools.evolve(precision=wanted)
    _require_ending(output, named)
    with (
        _work_folder(output.parent) as work,
        a_worker() as worker,
        interruptible() as stop,
        progress_bar(transient=True, disable=not sys.stderr.isatty()) as bar,
    ):
        observer = _OnScreen(bar)
        made = Pipeline(worker, tools, HostGate(1), observer, stop).run(order_of(file, named, work))
        if isinstance(made, Rendered):
            output = with_container(output, made.plan.container)  # it is another one where `else` had its turn
            _place(made, output)
    if isinstance(made, Skipped):
        _say_skipped(made, as_json)
    elif as_json:
        print_json(_result(made, output))
    else:
        size = _output_size(made.plan)
        say(f"{output}  {size[0]}x{size[1]}, {made.frames} frames" if size else f"{output}  sound")


# --- what `plan` does too ------------------------------------------------------------------------------------------


def prepared(file: Path, preset: str, ffmpeg: Path | None, engine: str) -> tuple[NamedPreset, Tools]:
    """The preset and the programs for a file that is named on the command line.

    Raises:
        ConfigError: there is no such file, preset or ffmpeg.
    """
    if not file.exists():
        raise ConfigError("there is no such file", code="file.not_found", where=printable(file))
    named = load_preset(preset, search=[Path("presets")], base=Path(), where="--preset")
    program = find_ffmpeg(ffmpeg)
    return named, Tools(ffmpeg=program, encoders=encoders(program), hwaccels=hwaccels(program), engine=engine)


def order_of(file: Path, named: NamedPreset, work: Path) -> AttemptRequest:
    """What is to be made of that file."""
    # A link that the user names is followed, unlike one in a watched folder.
    return AttemptRequest(source=file.resolve(), preset=named.preset, preset_name=named.name, work=work)


@contextmanager
def a_worker() -> Iterator[Worker]:
    """A worker process that is gone afterwards."""
    worker = Worker()
    try:
        yield worker
    finally:
        worker.kill()


class Quiet:
    """An observer that shows nothing."""

    def progressed(self, progress: domain.Progress) -> None:
        """Show nothing."""

    def logged(self, stage: StageName, line: str, level: str) -> None:
        """Show nothing."""

    def command_started(self, command: str) -> None:
        """Show nothing."""

    def warned(self, warning: Finding) -> None:
        """Show nothing."""

    def waiting_for(self, device: str) -> None:
        """Show nothing."""

    def resumed(self, kept: int, segments: int) -> None:
        """Show nothing."""

    def segment_done(self, entry: LedgerEntry, segments: int, *, made_progress: bool) -> None:
        """Show nothing."""


# --- upscale -----------------------------------------------------------------------------------------------


class _OnScreen(Quiet):
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

    def waiting_for(self, device: str) -> None:
        self._bar.update(self._task, description=f"waiting for {device}")

    def warned(self, warning: Finding) -> None:
        text = printable(f"warning: {warning.message} ({warning.hint}) [{warning.code}]")
        self._bar.console.print(text)


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


def _say_skipped(made: Skipped, as_json: bool) -> None:
    if as_json:
        print_json({"status": "skipped", "output": None, "reasons": [asdict(reason) for reason in made.reasons]})
        return
    for reason in made.reasons:
        say(f"skipped: {reason.message} [{reason.code}]")


def _output_size(plan: VideoPlan | AudioPlan | ImagePlan) -> tuple[int, int] | None:
    return None if isinstance(plan, AudioPlan) else (plan.width, plan.height)


def _result(made: Rendered, output: Path) -> dict[str, Any]:
    width, height = _output_size(made.plan) or (0, 0)
    return {
        "status": "done",
        "output": printable(output),
        "frames": made.frames,
        "width": width,
        "height": height,
        "engine": made.engine,
        "warnings": [asdict(warning) for warning in made.warnings],
    }
