"""Makes the upgrade fixture; README.md beside this file says how and from what.

This script drives the daemon of one old commit. Every name that it imports is a name of that commit: leave it as it
is when code or test helpers are renamed.

With `run` as the first argument it is that daemon: it halts where the fixture needs a job to be halted.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

ROOT = Path("/srv/framewatch")  # everything lies below it, and the fixture holds its absolute paths
MTIME = 1_760_000_000  # of every source: whole seconds, which a tar archive keeps
KEPT = ("framewatch.yaml", "ffmpeg", "status.json", "state", "work", "anime", "small", "strict", "usb", "usb.disk")
QUEUED = "caf\udce9.mp4"  # a name that is not UTF-8

# Fingerprints of segments hold the size and the mtime of ffmpeg, so the fixture brings a program of its own.
FFMPEG = '#!/bin/sh\nexec "$FRAMEWATCH_UPGRADE_FFMPEG" "$@"\n'

PRESET = {
    "ml_upscale": "esrgan-2x",
    "preset": "ultrafast",
    "crf": 24,
    "audio_volume": 90,
    "metadata": {"title": "An old title"},
    "only_if": {"min_duration": 0.5},
}
REFUSED = {
    "ml_upscale": "esrgan-2x",
    "crop": {"width": 4000, "height": 10},
    "selected_audio_tracks": [7],
    "selected_subtitle_tracks": [9],
}


# --- the daemon ----------------------------------------------------------------------------------------------


def daemon() -> None:
    """`framewatch run`, which halts two jobs in the middle of publishing and loses a disk before publishing two."""
    import framewatch.jobs.publish as publishing
    import framewatch.service.house as service

    from framewatch.cli import main
    from mounts import move_mount

    knobs = ROOT / "knobs"
    real_move, real_publish = publishing.move, service.publish
    pulled = threading.Event()

    def halt(name: str) -> None:
        (knobs / name).touch()
        threading.Event().wait()

    def move(order: Any, *rest: Any) -> Any:
        if order.destination == ROOT / "anime/out/half output.mp4":
            halt("output halted")
        moved = real_move(order, *rest)
        if order.source == ROOT / "anime/in/half source.mp4":
            halt("source halted")
        return moved

    def publish(job: Any, *rest: Any, **options: Any) -> Any:
        if job.relative.name == "held failure.mp4" and not pulled.is_set():
            move_mount(ROOT / "usb", ROOT / "usb.disk")
            pulled.set()
        if job.relative.name == "held result.mp4":
            pulled.wait()
        return real_publish(job, *rest, **options)

    publishing.move, service.publish = move, publish
    main()


# --- the fixture ---------------------------------------------------------------------------------------------


def make(target: Path) -> None:
    """Bring jobs into every state, kill the daemon, and pack what it leaves."""
    import house as driver
    import imageio_ffmpeg
    from fault_house import FaultHouse

    from mounts import mount, unmount

    ROOT.mkdir(parents=True)
    os.environ["FRAMEWATCH_UPGRADE_FFMPEG"] = imageio_ffmpeg.get_ffmpeg_exe()
    harness = FaultHouse(ROOT)
    driver.COMMAND = _command(harness.knobs / "framewatch")
    _write_ffmpeg(ROOT / "ffmpeg")
    harness.settings["ffmpeg"] = str(ROOT / "ffmpeg")
    harness.folder("anime", preset=PRESET)
    harness.folder("strict", preset=REFUSED)
    mount(ROOT / "usb", 4)
    harness.folder("usb", preset=PRESET)
    mount(ROOT / "small/out", 0.25)
    harness.folder("small", preset=PRESET)
    try:
        harness.turn("delay", 0)
        harness.start()
        _ended_jobs(harness)
        _held_jobs(harness)
        _begun_jobs(harness)
        _asked_and_killed(harness)
        (ROOT / "small/out/film.bin").unlink()
        _write_status(harness)
        _pack(target)
    finally:
        harness.end()
        for place in ("small/out", "usb", "usb.disk"):
            unmount(ROOT / place)


def _ended_jobs(harness: Any) -> None:
    _drop(harness, "anime", "season 1/M\u00e4rchen 01.mp4", clip=1)
    _drop(harness, "anime", "short.mp4", clip=2, seconds=0.2)
    _drop(harness, "anime", "broken.mp4", content=b"this is no video\n" * 200)
    _drop(harness, "strict", "many findings.mp4", clip=3)
    harness.wait_event("job.done")
    harness.wait_event("job.skipped")
    harness.wait_event("job.failed", count=2)
    harness.turn("delay", 0.2)
    for number, name in enumerate(("cancelled.mp4", "retried.mp4", "to retry.mp4"), 4):
        _drop(harness, "anime", name, clip=number)
        _ask(harness, "cancel", _taken_in(harness, "anime", name))
        harness.wait_event("job.cancelled", source=str(ROOT / "anime/in" / name))
    harness.turn("delay", 0)


def _held_jobs(harness: Any) -> None:
    _fill(ROOT / "small/out/film.bin")
    _drop(harness, "small", "held room.mp4", clip=7)
    harness.wait_event("job.held", code="storage.will_not_fit")
    harness.turn("delay", 0.1)  # so that all three are taken in before the first is rendered
    _drop(harness, "usb", "held result.mp4", clip=8)
    _taken_in(harness, "usb", "held result.mp4")
    _drop(harness, "usb", "held failure.mp4", content=b"nor is this\n" * 200)
    _drop(harness, "usb", "held queued.mp4", clip=9)
    harness.wait_event("job.held", count=3, code="storage.not_mounted")
    harness.turn("delay", 0)


def _begun_jobs(harness: Any) -> None:
    _drop(harness, "anime", "half output.mp4", clip=10)
    _drop(harness, "anime", "half source.mp4", clip=11)
    harness.wait_for(harness.knobs / "output halted")
    harness.wait_for(harness.knobs / "source halted")
    harness.turn("delay", 0.04)
    _drop(harness, "anime", "running.mp4", clip=12, seconds=8)
    running = _taken_in(harness, "anime", "running.mp4")
    _drop(harness, "anime", QUEUED, clip=13)
    _drop(harness, "anime", "to cancel.mp4", clip=14)
    _taken_in(harness, "anime", "to cancel.mp4")
    _ask(harness, "retry", _event(harness, "job.cancelled", "retried.mp4")["job_id"])
    harness.wait_event("job.queued", source=str(ROOT / "anime/in/failed/retried.mp4"))
    harness.wait_event("segment.done", count=4, job_id=running)
    frames = len(harness.upscaled())
    harness.wait_frames(frames + 8)


def _asked_and_killed(harness: Any) -> None:
    """Two requests that the daemon does not take any more, and its end."""
    assert harness.daemon is not None
    harness.daemon.send_signal(signal.SIGSTOP)
    _ask(harness, "cancel", _event(harness, "job.queued", "to cancel.mp4")["job_id"])
    _ask(harness, "retry", _event(harness, "job.cancelled", "to retry.mp4")["job_id"])
    harness.stop(signal.SIGKILL)


def _write_status(harness: Any) -> None:
    """What the old `framewatch status` says. It reads a copy: opening the store would fold SQLite's log into it."""
    import yaml
    from house import framewatch

    shutil.copytree(ROOT / "state", harness.knobs / "state")
    copied = harness.knobs / "framewatch.yaml"
    copied.write_text(yaml.safe_dump(harness.settings | {"state_dir": str(harness.knobs / "state")}))
    told = framewatch("status", "--json", "--config", copied, "--limit", 1000)
    (ROOT / "status.json").write_text(told.stdout)


def _pack(target: Path) -> None:
    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    for lock in ROOT.rglob(".framewatch.lock"):
        lock.write_text(json.dumps(json.loads(lock.read_text()) | {"host": "nas"}) + "\n")
    with tarfile.open(target, "w:xz", format=tarfile.GNU_FORMAT) as archive:
        for name in KEPT:
            archive.add(ROOT / name, name, filter=plain)


# --- parts ---------------------------------------------------------------------------------------------------


def _command(path: Path) -> Path:
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).absolute()} "$@"\n')
    path.chmod(0o755)
    return path


def _write_ffmpeg(path: Path) -> None:
    path.write_text(FFMPEG)
    path.chmod(0o755)
    os.utime(path, (MTIME, MTIME))


def _drop(
    harness: Any, folder: str, name: str, *, clip: int = 0, seconds: float = 1, content: bytes | None = None
) -> None:
    """A source, whole at once; the subfolder that it lies in is made."""
    from sources import make_source

    path = ROOT / folder / "in" / name
    path.parent.mkdir(exist_ok=True)
    hidden = harness.knobs / "source.mp4"
    if content is None:
        make_source(hidden, clip, seconds)
    else:
        hidden.write_bytes(content)
    os.utime(hidden, (MTIME + clip, MTIME + clip))
    shutil.copy2(hidden, path.with_name(".hidden"))
    path.with_name(".hidden").rename(path)


def _taken_in(harness: Any, folder: str, name: str) -> str:
    """Wait until a file is taken in; its job's id."""
    return str(harness.wait_event("job.queued", source=str(ROOT / folder / "in" / name))["job_id"])


def _event(harness: Any, event: str, name: str) -> dict[str, Any]:
    return next(each for each in harness.events(event) if Path(each["source"]).name == name)


def _ask(harness: Any, *request: str) -> None:
    from house import framewatch

    done = framewatch(*request, "--config", harness.config, **harness.process_options)
    assert done.returncode == 0, done.stderr


def _fill(path: Path) -> None:
    """Take all the room that a small disk has."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


if __name__ == "__main__":
    if sys.argv[1].endswith(".tar.xz"):
        make(Path(sys.argv[1]))
    else:
        daemon()
