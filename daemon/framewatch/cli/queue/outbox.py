"""Requests to the daemon, and what the user is told about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from framewatch.cli.options import load_configuration
from framewatch.cli.output import print_json, print_line, print_note
from framewatch.cli.status.elsewhere import (
    foreign_daemon,
    has_store,
    missing_daemon,
    other_daemons,
    other_stores,
)
from framewatch.cli.status.state import daemon_of
from framewatch.domain import Job
from framewatch.errors import ConfigError, FramewatchError
from framewatch.jobs.store.store import Store, StoreError
from framewatch.settings import Settings

_FIRST_KINDS = ("cancel", "retry", "trust")  # of daemons that do not say which requests they know


class Outbox:
    """Leaves requests in the store, where the daemon takes them."""

    def __init__(self, command: str, settings: Settings, store: Store, *, as_json: bool) -> None:
        """`command` is told to the user with each request."""
        self.settings = settings
        self.store = store
        self._command = command
        self._as_json = as_json
        self._daemon = daemon_of(store)
        self._sent: list[dict[str, Any]] = []

    def send(self, kind: str, subject: str | None, about: str, argument: Any = None, job: Job | None = None) -> None:
        """Leave a request; `about` tells the user what it concerns.

        Raises:
            ConfigError: `daemon.too_old`: the running daemon does not know such requests.
        """
        self._require_known(kind, argument)
        self.store.request(kind, subject, argument)
        self.tell(about, job)

    def tell(self, about: str, job: Job | None = None) -> None:
        """Tell the user of one thing that was asked for; all of them once everything is sent."""
        named = {"job_id": job.id, "source": str(job.source)} if job else {}
        self._sent.append({"about": about} | named)

    def finish(self) -> None:
        """Tell the user what was sent.

        Raises:
            typer.Exit: with 1: no daemon runs.
        """
        what = (
            "sent to the daemon" if self._daemon else "no daemon is running; the request is kept for its next start"
        )
        if self._as_json:
            print_json({"command": self._command, "daemon": self._daemon is not None, "requests": self._sent})
        else:
            for each in self._sent:
                print_line(f"{self._command} {each['about']}: {what}")
            if not self._sent:
                print_note(f"{self._command}: there are no such jobs; nothing was sent")
        if self._daemon is None:
            for note in missing_daemon(other_daemons(self.settings), ()):
                print_note(note)
            raise typer.Exit(1)
        if foreign := foreign_daemon(self._daemon["pid"]):
            print_note(foreign)

    def require_folder(self, name: str) -> None:
        """Check that the configuration has a folder of this name.

        Raises:
            ConfigError: `folders.unknown`.
        """
        known = [folder.name for folder in self.settings.folders]
        if name not in known:
            hint = f"use one of: {', '.join(known)}"
            raise ConfigError(f'there is no folder "{name}"', code="folders.unknown", hint=hint)

    def _require_known(self, kind: str, argument: Any) -> None:
        if self._daemon is None:
            return
        known = self._daemon.get("requests")
        if kind not in (known or _FIRST_KINDS) or (argument is not None and known is None):
            message = f"the running daemon (version {self._daemon['version']}) does not know this request"
            raise ConfigError(message, code="daemon.too_old", hint="restart the daemon")


@contextmanager
def outbox(command: str, config: Path | None, *, as_json: bool = False) -> Iterator[Outbox]:
    """Open the store for requests; when the block ends, the user is told what was sent.

    Raises:
        StoreError: there is no store, or no such job.
        typer.Exit: with 1: no daemon runs.
    """
    settings = load_configuration(config).settings
    print_note(f"the store is {settings.store_path}")
    if not has_store(settings):
        raise _with_places(StoreError(f"there are no jobs yet: {settings.store_path} does not exist"), settings)
    with Store.open(settings.store_path) as store:
        box = Outbox(command, settings, store, as_json=as_json)
        try:
            yield box
        except StoreError as error:
            raise _with_places(error, settings, daemon_runs=daemon_of(store) is not None) from None
        box.finish()


def each_job(box: Outbox, kind: str, jobs: list[Job], argument: Any = None) -> None:
    """Leave a request for each of these jobs."""
    for job in jobs:
        box.send(kind, job.id, f"{job.id} ({job.relative})", argument, job)


def only_if(check: Callable[[Job], object], job: Job) -> bool:
    """Return whether a command can do what it does with a job; tell the user why not."""
    try:
        check(job)
    except FramewatchError as error:
        print_note(f"left out {job.id} ({job.relative}): {error.finding}")
        return False
    return True


def _with_places(error: StoreError, settings: Settings, *, daemon_runs: bool = False) -> FramewatchError:
    """Return an error that also says which store was read and, if no daemon uses it, where others are."""
    missing = [finding for finding in error.findings if finding.code == StoreError.code and not finding.hint]
    if not missing:
        return error
    elsewhere = () if daemon_runs else missing_daemon(other_daemons(settings), other_stores(settings))
    hint = "; ".join(("`framewatch status` lists the jobs", *elsewhere))
    place = str(settings.store_path)
    return StoreError.of(
        [
            finding if finding not in missing else replace(finding, hint=hint, where=place)
            for finding in error.findings
        ]
    )
