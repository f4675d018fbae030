"""`framewatch bench`: how fast this machine is, against the seed's way, and what to set."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from framewatch.bench.clip import Size
from framewatch.bench.report import BenchReport
from framewatch.bench.run import Bench, OnStep, Wishes
from framewatch.cli.bench_table import show
from framewatch.cli.common import (
    EngineOption,
    JsonOption,
    PrecisionOption,
    console,
    interruptible,
    known_precision,
    print_json,
    require_engine,
)
from framewatch.errors import ConfigError
from framewatch.media.ffmpeg.discovery import find_ffmpeg, find_program
from framewatch.media.preset.loader import load_preset
from framewatch.media.preset.preset import Preset
from framewatch.text import printable

_SCALES = (2, 3, 4)
_LEAST_SIDE, _LARGEST_SIDE = 32, 8192  # pixels
_LEAST_SECONDS, _MOST_SECONDS = 0.1, 600.0  # of the clip
_MOST_LANES = 64
_LANES = re.compile(r"[0-9]{1,3}")
Number = TypeVar("Number", int, float)

_SIZE = re.compile(r"([0-9]{2,4})x([0-9]{2,4})")


def bench(
    clip: Annotated[
        Path | None, typer.Option("--clip", help="A video of yours. Default: the shipped one.", show_default=False)
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH",
            help="Scale the clip to this first. Default: 1920x1080 on a GPU, 320x180 on a processor, which takes a "
            "minute or two; a video of yours keeps its size.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", help="Length of the clip. Default: 24 on a GPU, else 4.", show_default=False),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            "-p",
            help="A preset's name, or a path. Default: libx264 veryfast, crf 20.",
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
            "--lanes", metavar="N,N", help="Segments at once. Default: 1, what auto takes, and half of that."
        ),
    ] = None,
    ffmpeg: Annotated[
        Path | None, typer.Option("--ffmpeg", help="The ffmpeg program to use.", show_default=False)
    ] = None,
    no_baseline: Annotated[bool, typer.Option("--no-baseline", help="Leave the seed's way out.")] = False,
    baseline_frames: Annotated[
        int | None, typer.Option("--baseline-frames", help="Frames that go the seed's way.", show_default=False)
    ] = None,
    baseline_program: Annotated[
        Path | None,
        typer.Option(
            "--baseline-program",
            help="realesrgan-ncnn-vulkan, where it is not on PATH. Without it the ncnn package stands in.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure this machine: engines, stages, file to file, and the same with PNG files as others do it.

    It ends with the settings to take, and how long an episode of 24 minutes will need.

    \b
    Examples:
      framewatch bench
      framewatch bench --clip film.mkv --seconds 10 --preset anime-2x --lanes 1,2,4
      framewatch bench --size 1280x720 --scale 4 --no-baseline --json
    """
    require_engine(engine)
    wishes = Wishes(
        preset=_preset(preset, scale),
        engine=engine,
        precision=known_precision(precision),
        ffmpeg=find_ffmpeg(ffmpeg),
        clip=_file(clip),
        size=_size(size),
        seconds=_seconds(seconds),
        lanes=_lanes(lanes),
        baseline=not no_baseline,
        baseline_frames=_positive(baseline_frames, "--baseline-frames"),
        baseline_program=_program(baseline_program),
    )
    with interruptible() as stop, _bar() as told:
        report = Bench(wishes, told, stop).run()
    _print(report, as_json)


def _print(report: BenchReport, as_json: bool) -> None:
    if as_json:
        print_json(report.model_dump(mode="json", by_alias=True))
    else:
        show(report, console())


@contextmanager
def _bar() -> Iterator[OnStep]:
    """A bar on stderr that says what is being measured; none where nobody looks."""
    columns = (
        TextColumn("{task.percentage:>3.0f}%"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    stderr = console(stderr=True)
    with Progress(*columns, console=stderr, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("starts", total=1.0)
        yield lambda what, done: bar.update(task, description=printable(what), completed=done)


# --- what is asked for ---------------------------------------------------------------------------------------------


def _wrong(message: str, hint: str) -> ConfigError:
    return ConfigError(message, code="bench.bad_wish", hint=hint)


def _preset(name: str | None, scale: int | None) -> Preset:
    if scale is not None and scale not in _SCALES:
        raise _wrong(f"--scale {scale} is not a scale of the network", "2, 3 or 4")
    if name is None:
        return Preset.model_validate(
            {"container": "mkv", "preset": "veryfast", "crf": 20, "ml_upscale": f"esrgan-{scale or 2}x"}
        )
    preset = load_preset(name, search=[Path("presets")], base=Path(), where="--preset").preset
    changes = {"frame_timing": "cfr"} | ({"ml_upscale": f"esrgan-{scale}x"} if scale else {})
    preset = preset.evolve(**changes)
    if preset.ml_upscale == "none":
        raise _wrong(f'the preset "{name}" does not upscale', "name another, or add --scale")
    return preset


def _file(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise ConfigError("there is no such file", code="file.not_found", where=printable(path))
    return path.resolve() if path else None


def _program(path: Path | None) -> Path | None:
    if path is None:
        return None
    found = find_program(path)
    if found is None:
        hint = "name realesrgan-ncnn-vulkan, or leave it out"
        raise ConfigError("this is not a program", code="bench.no_program", hint=hint, where=printable(path))
    return found


def _size(text: str | None) -> Size | None:
    if text is None:
        return None
    found = _SIZE.fullmatch(text)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(_LEAST_SIDE <= side <= _LARGEST_SIDE and side % 2 == 0 for side in size):
        hint = f"two even numbers from {_LEAST_SIDE} to {_LARGEST_SIDE}, such as 1280x720"
        raise _wrong(f'--size "{printable(text)}" is not a size', hint)
    return size


def _positive(value: Number | None, option: str) -> Number | None:
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise _wrong(f"{option} {value} is not possible", "a number above 0")
    return value


def _seconds(value: float | None) -> float | None:
    if value is not None and not _LEAST_SECONDS <= value <= _MOST_SECONDS:
        raise _wrong(f"--seconds {value} is not possible", f"a number from {_LEAST_SECONDS} to {_MOST_SECONDS}")
    return value


def _lanes(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    parts = text.split(",")
    if not all(_LANES.fullmatch(part) and 1 <= int(part) <= _MOST_LANES for part in parts):
        raise _wrong(
            f'--lanes "{printable(text[:40])}" is not a list of lanes', f"numbers from 1 to {_MOST_LANES}: 1,2,4"
        )
    return tuple(sorted({int(part) for part in parts}))
