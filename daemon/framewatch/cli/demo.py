"""`framewatch demo`: the whole way once, on a real clip: a watched folder, the daemon, a progress bar, a picture."""

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

from framewatch.cli.common import progress_bar, say
from framewatch.errors import ConfigError, WorkerError
from framewatch.jobs.naming import sidecar_path
from framewatch.media.ffmpeg.discovery import find_ffmpeg
from framewatch.resources import demo_clip

MARK = ".framewatch-demo"  # only what carries it was made by a demo, and may be made anew by the next
PRESET = {"ml_upscale": "esrgan-2x", "video_codec": "libx264", "crf": 18, "preset": "fast"}


def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where to play; it is made anew.")] = Path("demo"),
) -> None:
    """Drop a real clip into a watched folder and see it come out at twice the size.

    \b
    Examples:
      framewatch demo
      framewatch demo --dir /tmp/framewatch-demo
    """
    folder = folder.absolute()
    config = _lay_out(folder)
    clip = demo_clip()
    output = folder / "out" / clip.name
    say(f"watching  {folder / 'in'}")
    say(f"dropping  {clip.name} into it (4 s, 320x180)")
    shutil.copy(clip, folder / "in" / clip.name)
    log = folder / "framewatch.log"
    _run_daemon(config, log, output)
    picture = folder / "before-after.png"
    _before_and_after(clip, output, picture)
    say(f"output    {output}")
    say(f"picture   {picture} (left: enlarged pixels, right: upscaled)")
    say(f"source    {folder / 'in' / 'done' / clip.name}")
    say(f"log       {log}")


def _lay_out(folder: Path) -> Path:
    """The folders and the configuration; what an earlier demo made goes, anything else is left alone."""
    config, mark = folder / "framewatch.yaml", folder / MARK
    if os.path.lexists(folder) and not (folder.is_dir() and (mark.is_file() or not any(folder.iterdir()))):
        raise ConfigError(
            "this is not a folder that an earlier demo made, nor an empty one: it is left alone",
            code="demo.folder_in_use",
            hint="name another one with --dir",
            where=str(folder),
        )
    for name in ("in", "out", "state", "work"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "in").mkdir(parents=True)
    mark.touch()
    settings = {
        "state_dir": "state",
        "work_dir": "work",
        "folders": [{"name": "demo", "input": "in", "preset": PRESET, "settle_seconds": 0.5, "poll_seconds": 1}],
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
            hint=f"the whole story is in {log}",
        )


def _show_progress(daemon: subprocess.Popen[bytes], sidecar: Path) -> None:
    with progress_bar() as bar:
        fps = 0.0
        task = bar.add_task("waiting", total=100.0, fps=fps, engine="")
        for state in _sidecar_states(daemon, sidecar):
            fps = state["fps"] or fps  # a job that is over has none
            bar.update(
                task,
                completed=state["progress"],
                description=state["stage"] or state["status"],
                fps=fps,
                engine=state["engine"] or "",
            )


def _sidecar_states(daemon: subprocess.Popen[bytes], sidecar: Path) -> Iterator[dict[str, Any]]:
    """What the progress file says, until the daemon ends; the last state too."""
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
    return "it said nothing"


def _before_and_after(source: Path, output: Path, picture: Path) -> None:
    """One frame of both, side by side; the source's pixels are repeated to the output's size."""
    moment = ["-ss", "2"]
    compare = "[0:v]scale=640:360:flags=neighbor[before];[before][1:v]hstack"
    command = [str(find_ffmpeg(None)), "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    command += [*moment, "-i", f"file:{source}", *moment, "-i", f"file:{output}"]
    command += ["-filter_complex", compare, "-frames:v", "1", "-update", "1", f"file:{picture}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise WorkerError(f"the picture could not be made: {result.stderr.strip()}", code="demo.no_picture")
