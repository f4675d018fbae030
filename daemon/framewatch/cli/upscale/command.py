"""`framewatch upscale`: process one file at once, without a daemon."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from framewatch import domain
from framewatch.cli import completion
from framewatch.cli.options import (
    EngineOption,
    FfmpegOption,
    JsonOption,
    PrecisionOption,
    check_engine,
    check_precision,
)
from framewatch.cli.output import interruptible, print_json, print_line, progress_bar
from framewatch.cli.upscale.kept_work import kept_work, work_key
from framewatch.cli.upscale.output_path import output_path, require_absent
from framewatch.errors import ConfigError, Finding, MediaError
from framewatch.jobs.attempt.context import Observer
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, AttemptResult, NotForThisFile, Tools
from framewatch.jobs.gpu.gate import HostGate
from framewatch.jobs.naming import with_container
from framewatch.jobs.work_folder import cleaned_up
from framewatch.media.ffmpeg.discovery import program_named
from framewatch.media.ffmpeg.trial import able_ffmpeg
from framewatch.media.plan.image_plan import Plan
from framewatch.media.plan.plan import AudioPlan
from framewatch.media.preset.library import PresetLibrary
from framewatch.media.preset.loader import NamedPreset, load_preset
from framewatch.render.worker_client import Worker
from framewatch.storage import files
from framewatch.storage.move import Move, Moved, move
from framewatch.storage.root import Root
from framewatch.text import printable

FileArgument = Annotated[Path, typer.Argument(help="The video.", show_default=False)]
PresetOption = Annotated[
    str,
    typer.Option(
        "--preset",
        "-p",
        help="A preset's name or path.",
        show_default=False,
        autocompletion=completion.presets,
    ),
]


def upscale(  # one parameter per option: see options.py
    file: FileArgument,
    preset: PresetOption,
    output: Annotated[
        str, typer.Option("--output", "-o", help="The file to write, or a folder for it.", show_default=False)
    ],
    engine: EngineOption = "auto",
    precision: PrecisionOption = "exact",
    ffmpeg: FfmpegOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with kept segments; fails if there are none.")
    ] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Remove kept segments, and begin anew.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Process one file now, with a progress bar. The source stays as it is, and nothing is overwritten.

    If it is stopped or fails, finished segments are kept in a hidden folder beside the output, and the same command
    goes on with them. The file, the preset, --engine, --precision and the output's folder have to be the same.

    \b
    Examples:
      framewatch upscale film.mkv --preset upscale-4k -o film-4k.mp4
      framewatch upscale film.mkv --preset upscale-4k -o film-4k.mp4 --resume
      framewatch upscale film.mkv --preset ./mine.yaml -o out.mkv --json
    """
    if resume and restart:
        raise typer.BadParameter("give --resume or --restart, not both")
    wanted = check_precision(precision)
    named, tools = preset_and_tools(file, preset, ffmpeg, check_engine(engine))
    tools = tools.evolve(precision=wanted)
    path = output_path(output, file, named)
    key = work_key(file, named, tools)
    with (
        kept_work(path.parent, key, resume=resume, restart=restart) as work,
        worker_process() as worker,
        interruptible() as stop,
        progress_bar(transient=True, disable=not sys.stderr.isatty()) as bar,
        cleaned_up(work, 0, worker.kill_orphans),
    ):
        observer = _BarObserver(bar)
        made = Pipeline(worker, tools, HostGate(1, state_dir=work), observer, stop).run(
            attempt_request(file, named, work)
        )
        if isinstance(made, AttemptResult):
            path = with_container(path, made.plan.container)  # `else` may have chosen another container
            _publish(made, path)
    if isinstance(made, NotForThisFile):
        _print_skipped(made, as_json)
    elif as_json:
        print_json(_result(made, path))
    else:
        size = _output_size(made.plan)
        print_line(f"{path}  {size[0]}x{size[1]}, {made.frames} frames" if size else f"{path}  audio only")


# --- shared with `plan` --------------------------------------------------------------------------------------------


def preset_and_tools(file: Path, preset: str, ffmpeg: str | None, engine: str) -> tuple[NamedPreset, Tools]:
    """Return the preset and the programs for a file that is named on the command line.

    Raises:
        ConfigError: there is no such file, preset or ffmpeg, or this ffmpeg cannot do what is needed.
    """
    try:
        file.stat()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        message = "there is no such file" if missing else f"the file cannot be opened: {error.strerror}"
        raise ConfigError(message, code="file.not_found", where=printable(file)) from None
    named = load_preset(preset, library=PresetLibrary([Path("presets")]), base=Path(), where="--preset")
    program = able_ffmpeg(None if ffmpeg is None else program_named(ffmpeg))
    return named, Tools.of(program).evolve(engine=engine)


def attempt_request(file: Path, named: NamedPreset, work: Path) -> AttemptRequest:
    """Return the request to process that file."""
    # A link that the user names is followed. In a watched folder it is not, because anybody may have put it there.
    return AttemptRequest(source=files.named_by_user(file), preset=named.preset, preset_name=named.name, work=work)


@contextmanager
def worker_process() -> Iterator[Worker]:
    """Yield a worker process, which is killed afterwards."""
    worker = Worker()
    try:
        yield worker
    finally:
        worker.kill()


# --- upscale -----------------------------------------------------------------------------------------------


class _BarObserver(Observer):
    """Shows a progress bar, with warnings above it."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("reading", total=100.0, fps=0.0, engine="")
        self._said: set[str] = set()

    def planned(self, plan: Plan, source_size: int) -> None:  # noqa: ARG002 - a part of the interface
        for warning in plan.warnings:
            self.warned(warning)

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

    def resumed(self, kept: int, segments: int) -> None:
        self._bar.console.print(f"going on: {kept} of {segments} segments are finished already")

    def warned(self, warning: Finding) -> None:
        text = printable(f"warning: {warning}")
        if text not in self._said:
            self._said.add(text)
            self._bar.console.print(text, markup=False, soft_wrap=True)


def _publish(made: AttemptResult, output: Path) -> None:
    work, folder = made.result.parent.resolve(), output.parent.resolve()  # links that the user names are followed
    result = work / made.result.name
    found = Root(work).identity(result)
    request = Move(
        source=result,
        source_root=Root(work),
        destination=folder / output.name,
        root=Root(folder),
        part=f".{made.result.parent.name}.part",
        size=found.size if found else 0,
        shared=True,
    )
    if move(request) is not Moved.DONE:
        require_absent(output)
        raise MediaError("the result could not be moved to its place", code="output.lost", where=printable(output))


def _print_skipped(made: NotForThisFile, as_json: bool) -> None:
    if as_json:
        print_json({"status": "skipped", "output": None, "reasons": [asdict(reason) for reason in made.reasons]})
        return
    for reason in made.reasons:
        print_line(f"skipped: {reason.message} [{reason.code}]")


def _output_size(plan: Plan) -> tuple[int, int] | None:
    return None if isinstance(plan, AudioPlan) else (plan.width, plan.height)


def _result(made: AttemptResult, output: Path) -> dict[str, Any]:
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
