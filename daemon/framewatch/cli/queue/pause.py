"""`framewatch pause` and `resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from framewatch.cli import completion
from framewatch.cli.options import ConfigOption, JsonOption
from framewatch.cli.output import print_note
from framewatch.cli.queue.order import WAITING
from framewatch.cli.queue.outbox import each_job, outbox
from framewatch.cli.queue.targets import JobsArgument, find_jobs
from framewatch.jobs.lifecycle.transitions import require_arrangeable
from framewatch.jobs.scheduling.pauses import FACT, Pause, PauseMode
from framewatch.jobs.store.store import Store

FolderOption = Annotated[
    str | None,
    typer.Option(
        "--folder",
        metavar="NAME",
        help="The jobs of this watch folder.",
        show_default=False,
        autocompletion=completion.folders,
    ),
]


def pause(  # one parameter per option: see options.py
    jobs: JobsArgument = None,
    folder: FolderOption = None,
    now: Annotated[
        bool,
        typer.Option("--now", help="Stop running jobs at once; what they are in is done again (default)."),
    ] = False,
    after_segment: Annotated[
        bool, typer.Option("--after-segment", help="Finish the segments that are begun; nothing is done again.")
    ] = False,
    after_job: Annotated[bool, typer.Option("--after-job", help="Finish the jobs that are begun.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pause all jobs, those of a folder, or single ones.

    No other job is begun until `framewatch resume`, also after a restart. Finished segments are always kept, and new
    files are still queued. --after-segment finishes a job that has no segments, such as a plain transcode.
    Exits with 1 if no daemon runs; its next start takes the request.

    \b
    Examples:
      framewatch pause
      framewatch pause --folder anime --after-segment
      framewatch pause k3f film.mkv
    """
    mode = _mode(now=now, after_segment=after_segment, after_job=after_job)
    _require_one_kind(jobs, folder)
    if jobs and mode == "after-job":
        raise typer.BadParameter("--after-job is for a folder or for all jobs: a job that is finished needs no pause")
    with outbox("pause", config, as_json=as_json) as box:
        if jobs:
            found = find_jobs(box.store, jobs, WAITING, require_arrangeable)
            each_job(box, "pause", found, {"of": "job", "mode": mode})
        elif folder is not None:
            box.require_folder(folder)
            box.send("pause", folder, f"folder {folder}", {"of": "folder", "mode": mode})
        else:
            box.send("pause", None, "all jobs", {"of": "all", "mode": mode})


def resume(
    jobs: JobsArgument = None,
    folder: FolderOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also end the pauses of folders and of single jobs.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a pause: that of all jobs, of a folder, or of single jobs.

    Pauses by active_hours, battery and temperature end by themselves.
    Exits with 1 if no daemon runs; its next start takes the request.

    \b
    Examples:
      framewatch resume
      framewatch resume --folder anime
      framewatch resume --all
    """
    _require_one_kind(jobs, folder or everything or None)
    if folder is not None and everything:
        raise typer.BadParameter("give --folder or --all, not both")
    with outbox("resume", config, as_json=as_json) as box:
        if jobs:
            each_job(box, "resume", find_jobs(box.store, jobs, WAITING, require_arrangeable), {"of": "job"})
        elif folder is not None:
            box.require_folder(folder)
            box.send("resume", folder, f"folder {folder}", {"of": "folder"})
        else:
            about = "all jobs, all folders" if everything else "all jobs"
            if not everything and (left := _still_paused(box.store)):
                print_note(f"still paused: {left}; `framewatch resume --all` ends these pauses, too")
            box.send("resume", None, about, {"of": "all", "everything": everything})


def _still_paused(store: Store) -> str:
    """Return the folders and jobs that the user paused apart from the rest, in words."""
    pauses = [Pause(**pause) for pause in store.get_facts().get(FACT, [])]
    folders = [f"folder {pause.folder}" for pause in pauses if pause.by == "user" and pause.folder is not None]
    jobs = len(store.paused_jobs())
    return ", ".join([*folders, *([f"{jobs} single job{'s' if jobs > 1 else ''}"] if jobs else [])])


def _mode(*, now: bool, after_segment: bool, after_job: bool) -> PauseMode:
    if now + after_segment + after_job > 1:
        raise typer.BadParameter("give one of --now, --after-segment and --after-job")
    if after_job:
        return "after-job"
    return "after-segment" if after_segment else "now"


def _require_one_kind(jobs: list[str] | None, other: object) -> None:
    if jobs and other:
        raise typer.BadParameter("name jobs or a folder, not both")
