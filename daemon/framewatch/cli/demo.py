"""`framewatch demo`: a watched folder, a daemon and a real clip, with a before/after image at the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from framewatch.cli.output import print_line, progress_bar
from framewatch.errors import ConfigError, WorkerError
from framewatch.jobs.naming import sidecar_path
from framewatch.media.ffmpeg.discovery import find_ffmpeg
from framewatch.resources import demo_clip

_MARKER = ".framewatch-demo"  # a folder with this file was made by a demo, and may be overwritten by the next one
_PRESET = {"ml_upscale": "esrgan-2x", "video_codec": "libx264", "crf": 18, "preset": "fast"}


def demo(
    folder: Annotated[
        Path, typer.Option("--dir", help="The folder to use; an earlier demo in it is removed.")
    ] = Path("demo"),
) -> None:
    """Upscale a real clip in a watched folder, and show the result.

    \b
    Examples:
      framewatch demo
      framewatch demo --dir /tmp/framewatch-demo
    """
    folder = folder.absolute()
    config = _prepare(folder)
    clip = demo_clip()
    output = folder / "out" / clip.name
    print_line(f"watching  {folder / 'in'}")
    print_line(f"dropping  {clip.name} into it (4 s, 320x180)")
    shutil.copy(clip, folder / "in" / clip.name)
    log = folder / "framewatch.log"
    _run_daemon(config, log, output)
    image = folder / "before-after.png"
    _before_and_after(clip, output, image)
    print_line(f"output    {output}")
    print_line(f"image     {image} (left: enlarged pixels, right: upscaled)")
    print_line(f"source    {folder / 'in' / 'done' / clip.name}")
    print_line(f"log       {log}")


def _prepare(folder: Path) -> Path:
    """Create the folders and the configuration, and return its path. Remove what an earlier demo left.

    Raises:
        ConfigError: `demo.folder_in_use`: the folder holds something else.
    """
    config, marker = folder / "framewatch.yaml", folder / _MARKER
    if os.path.lexists(folder) and not (folder.is_dir() and (marker.is_file() or not any(folder.iterdir()))):
        raise ConfigError(
            "this is not an empty folder, and no demo made it: it is left alone",
            code="demo.folder_in_use",
            hint="name another folder with --dir",
            where=str(folder),
        )
    for name in ("in", "out", "state", "work"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "in").mkdir(parents=True)
    marker.touch()
    settings = {
        "state_dir": "state",
        "work_dir": "work",
        "folders": [{"name": "demo", "input": "in", "preset": _PRESET, "settle_seconds": 0.5, "poll_seconds": 1}],
    }
    config.write_text(yaml.safe_dump(settings, sort_keys=False))
    return config


def _run_daemon(config: Path, log: Path, output: Path) -> None:
    command = [sys.executable, "-m", "framewatch", "run", "--once", "--config", str(config)]
    with log.open("wb") as file, subprocess.Popen(command, stderr=file, process_group=0) as daemon:
        try:
            _show_progress(daemon, sidecar_path(output))
        except BaseException:
            os.kill(daemon.pid, signal.SIGTERM)
            daemon.wait()
            raise
    if daemon.returncode:
        raise WorkerError(
            f"the daemon ended with status {daemon.returncode}: {_last_error(log)}",
            code="demo.failed",
            hint=f"see {log}",
        )


def _show_progress(daemon: subprocess.Popen[bytes], sidecar: Path) -> None:
    with progress_bar() as bar:
        fps = 0.0
        task = bar.add_task("waiting", total=100.0, fps=fps, engine="")
        for state in _progress_states(daemon, sidecar):
            fps = state["fps"] or fps  # an ended job has none
            bar.update(
                task,
                completed=state["progress"],
                description=state["stage"] or state["status"],
                fps=fps,
                engine=state["engine"] or "",
            )


def _progress_states(daemon: subprocess.Popen[bytes], sidecar: Path) -> Iterator[dict[str, Any]]:
    """Yield the content of the progress file until the daemon has ended, and once after that."""
    running = True
    while running:
        running = daemon.poll() is None
        with suppress(FileNotFoundError):  # not written yet
            yield json.loads(sidecar.read_text())
        if running:
            time.sleep(0.2)


def _last_error(log: Path) -> str:
    for line in reversed(log.read_text(errors="replace").splitlines()):
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("level") in ("error", "warning"):
            return str(event.get("message") or event["event"])
    return "it logged nothing"


def _before_and_after(source: Path, output: Path, image: Path) -> None:
    """Write one frame of both side by side. The source's pixels are repeated up to the output's size."""
    moment = ["-ss", "2"]
    compare = "[0:v]scale=640:360:flags=neighbor[before];[before][1:v]hstack"
    command = [str(find_ffmpeg(None)), "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    command += [*moment, "-i", f"file:{source}", *moment, "-i", f"file:{output}"]
    command += ["-filter_complex", compare, "-frames:v", "1", "-update", "1", f"file:{image}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise WorkerError(f"the image could not be made: {result.stderr.strip()}", code="demo.no_picture")
