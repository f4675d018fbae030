"""`framewatch bench`: how fast this machine is, and which settings to use on it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from framewatch.bench.clip import Size
from framewatch.bench.run import Bench, BenchRequest, Listener
from framewatch.cli import completion
from framewatch.cli.bench.table import show
from framewatch.cli.options import (
    ConfigOption,
    EngineOption,
    FfmpegOption,
    JsonOption,
    PrecisionOption,
    check_engine,
    check_precision,
)
from framewatch.cli.output import console, interruptible, print_json, print_line
from framewatch.cli.status.measured import keep_bench, state_folder
from framewatch.errors import ConfigError
from framewatch.media.ffmpeg.discovery import program_named
from framewatch.media.ffmpeg.trial import able_ffmpeg
from framewatch.media.preset.library import PresetLibrary
from framewatch.media.preset.loader import load_preset
from framewatch.media.preset.preset import Preset
from framewatch.text import printable

_SCALES = (2, 3, 4)
_MIN_SIDE, _MAX_SIDE = 32, 8192  # pixels
_MIN_SECONDS, _MAX_SECONDS = 0.1, 600.0  # of video
_MIN_BUDGET, _MAX_BUDGET = 10.0, 3600.0  # seconds
_MAX_LANES = 64
_LANES = re.compile(r"[0-9]{1,3}")
_SIZE = re.compile(r"([0-9]{2,4})x([0-9]{2,4})")


def bench(  # one parameter per option: see options.py
    clip: Annotated[
        Path | None, typer.Option("--clip", help="Your own video. Default: the shipped clip.", show_default=False)
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH",
            help="Scale the clip to this size first. Default: 1920x1080 on a GPU, 320x180 on a CPU; your own video "
            "keeps its size.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            help="Seconds of video to process from file to file, however long it takes. Default: as much as there is "
            "time for.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget",
            metavar="SECONDS",
            help="How long to measure. More time gives steadier figures. Default: 50 on a CPU, 80 on a GPU.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            "-p",
            help="A preset's name or path. Default: libx264 veryfast, crf 20.",
            autocompletion=completion.presets,
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        int | None, typer.Option("--scale", help="2, 3 or 4. Default: the preset's, or 2.", show_default=False)
    ] = None,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "exact",
    lanes: Annotated[
        str | None,
        typer.Option(
            "--lanes",
            metavar="N,N",
            help="Segments to render at once. Default: what auto uses, and half of that.",
            show_default=False,
        ),
    ] = None,
    ffmpeg: FfmpegOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Measure how fast this machine is, and recommend settings.

    Each engine and each stage is measured alone, and then a whole job from file to file. That takes about 50 seconds
    on a CPU and 80 on a GPU. It ends with the recommended settings, and how long an episode of 24 minutes will take.
    `framewatch schema bench` describes the JSON. The result is kept in the state folder, for `framewatch plan`.

    \b
    Examples:
      framewatch bench
      framewatch bench --clip film.mkv --preset anime-2x --lanes 1,2,4
      framewatch bench --size 1280x720 --scale 4 --budget 300 --json
    """
    request = BenchRequest(
        preset=_preset(preset, scale),
        engine=check_engine(engine),
        precision=check_precision(precision),
        ffmpeg=able_ffmpeg(None if ffmpeg is None else program_named(ffmpeg)).path,
        clip=_file(clip),
        size=_size(size),
        seconds=_in_range(seconds, "--seconds", _MIN_SECONDS, _MAX_SECONDS),
        lanes=_lanes(lanes),
        budget=_in_range(budget, "--budget", _MIN_BUDGET, _MAX_BUDGET),
    )
    state = state_folder(config)
    with interruptible() as stop, _progress() as listener:
        report = Bench(request, listener, stop).run()
    document = report.model_dump(mode="json", by_alias=True)
    kept = keep_bench(state, document)
    if as_json:
        print_json(document)
    else:
        show(report, console())
        if kept:
            print_line("`framewatch plan` now expects times by this, until jobs have been done.")


@contextmanager
def _progress() -> Iterator[Listener]:
    """Notes and a progress bar on stderr; no bar where stderr is not a terminal."""
    columns = (
        TextColumn("{task.percentage:>3.0f}%"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    stderr = console(stderr=True)
    with Progress(*columns, console=stderr, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("starting", total=1.0)
        yield Listener(
            on_step=lambda what, done: bar.update(task, description=printable(what), completed=done),
            on_note=lambda text: stderr.print(printable(text)),
        )


# --- what is asked for ---------------------------------------------------------------------------------------------


def _wrong(message: str, hint: str) -> ConfigError:
    return ConfigError(message, code="bench.bad_wish", hint=hint)


def _preset(name: str | None, scale: int | None) -> Preset:
    if scale is not None and scale not in _SCALES:
        raise _wrong(f"--scale {scale} is not a scale of the network", "use 2, 3 or 4")
    if name is None:
        return Preset.model_validate(
            {"container": "mkv", "preset": "veryfast", "crf": 20, "ml_upscale": f"esrgan-{scale or 2}x"}
        )
    preset = load_preset(name, library=PresetLibrary([Path("presets")]), base=Path(), where="--preset").preset
    changes = {"frame_timing": "cfr"} | ({"ml_upscale": f"esrgan-{scale}x"} if scale else {})
    preset = preset.evolve(**changes)
    if preset.ml_upscale == "none":
        raise _wrong(f'the preset "{name}" does not upscale', "name another one, or add --scale")
    return preset


def _file(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise ConfigError("there is no such file", code="file.not_found", where=printable(path))
    return path.resolve() if path else None


def _size(text: str | None) -> Size | None:
    if text is None:
        return None
    found = _SIZE.fullmatch(text)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(_MIN_SIDE <= side <= _MAX_SIDE and side % 2 == 0 for side in size):
        hint = f"use two even numbers from {_MIN_SIDE} to {_MAX_SIDE}, such as 1280x720"
        raise _wrong(f'--size "{printable(text)}" is not a frame size', hint)
    return size


def _in_range(value: float | None, option: str, least: float, most: float) -> float | None:
    # Written so that nan, which compares as False with everything, is refused too.
    if value is not None and not least <= value <= most:
        raise _wrong(f"{option} {value} is out of range", f"use a number from {least:g} to {most:g}")
    return value


def _lanes(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    parts = text.split(",")
    if not all(_LANES.fullmatch(part) and 1 <= int(part) <= _MAX_LANES for part in parts):
        message = f'--lanes "{printable(text[:40])}" is not a list of numbers'
        raise _wrong(message, f"use numbers from 1 to {_MAX_LANES}, such as 1,2,4")
    return tuple(sorted({int(part) for part in parts}))
