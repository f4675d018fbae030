"""Queues settled files as jobs: the preset of each, its planned output, and the job itself."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from framewatch.domain import FileIdentity, Job, JobState
from framewatch.errors import ConfigError, ErrorRecord, Finding, FramewatchError, Remedy, StorageError, limited
from framewatch.intake.collector import Answer, LeftAlone, Settled
from framewatch.jobs.known_files import KnownFiles
from framewatch.jobs.lifecycle.events import Broke, Requeued, RetryAsked, SourceRenewed
from framewatch.jobs.lifecycle.transitions import is_waiting, require_redoable
from framewatch.jobs.naming import free_path, numbered, planned_output, portable, progress_path
from framewatch.jobs.progress_file import other_owner
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.source_check import retry_source, sample_of
from framewatch.jobs.store.ids import is_job_id
from framewatch.jobs.store.store import StoreError
from framewatch.jobs.stored_preset import preset_text, stored_preset
from framewatch.library.discs import named_like
from framewatch.library.kinds import Kind
from framewatch.library.own_files import FOLDER_PRESET
from framewatch.media.preset.library import SHIPPED, PresetLibrary
from framewatch.media.preset.loader import NamedPreset, load_folder_preset
from framewatch.media.preset.preset_file import UNREADABLE
from framewatch.media.preset.selection import wanted_kinds
from framewatch.media.rules.preset_rules import check_preset
from framewatch.settings import FolderSettings, Settings
from framewatch.storage import beneath, files
from framewatch.storage.os_errors import storage_faults
from framewatch.storage.root import UNGUARDED, Guard, Root

MOST_NUMBERED = 100  # "name (2)", "name (3)" … that count as the same name

_log = structlog.get_logger("framewatch.intake")


class Admission:
    """Makes jobs of the files of one watch folder."""

    def __init__(
        self,
        folder: FolderSettings,
        configured: NamedPreset | None,
        manager: JobManager,
        library: PresetLibrary = SHIPPED,
        guard: Guard = UNGUARDED,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            folder: with absolute paths.
            configured: the preset; None if it lies in the folder itself, where it may change at any time, or if
                `use` follows.
            manager: stores the jobs.
            library: the presets that it may extend.
            guard: knows whether the folder's disk is mounted.
        """
        self._guard = guard
        self._input = Root(folder.input, guard)
        self._output = Root(folder.output, guard)
        self._folder = folder
        self._configured = configured
        self._manager = manager
        stay = folder.keeps_sources or folder.replace  # with `replace`, those that were skipped
        self._known = KnownFiles(
            manager.store, folder.name, self._input, sources=stay, progress_files=folder.progress_files
        )
        self._library = library
        self._wanted: frozenset[Kind] | None = None

    def use(self, preset: NamedPreset) -> None:
        """Use this preset from now on. No file is taken before."""
        self._configured = preset

    def wanted_kinds(self) -> frozenset[Kind] | None:
        """Return the kinds of files that the preset is for; None if no preset could be read so far."""
        with suppress(FramewatchError):
            preset, _ = self._preset()
            self._wanted = wanted_kinds(preset.preset) if preset else self._wanted
        return self._wanted

    def admit(self, settled: Sequence[Settled]) -> dict[Path, Answer]:
        """Queue settled files. Returns those that cannot be queued now, with the reason if there is one.

        A file that an earlier job found to be of another kind than the preset is for is left alone.

        A file is not queued while another version of it is being processed. If the folder's own preset is missing or
        wrong, the job fails, not the daemon: whoever dropped the file sees the share, not the log.

        Raises:
            ConfigError: the folder's own preset cannot be read.
        """
        left = self._known.left_alone(settled, self.wanted_kinds() or frozenset())
        settled = [each for each in settled if each.relative not in left]
        return {**dict.fromkeys(left, LeftAlone()), **self._admitted(settled)}

    def _admitted(self, settled: Sequence[Settled]) -> dict[Path, str | None]:
        known, strangers = self._known.recognise(settled)
        refused, new = self._sorted([each for each in settled if each.relative not in known])
        if not new:
            return refused
        preset, findings = self._preset()
        done = self._done_before(set(strangers) & set(new), preset)
        new = [each for each in new if each.relative not in done]
        if findings:
            self._input.require()  # else a disk that was just unplugged would fail the file
        event = Broke(ErrorRecord(tuple(findings), Remedy.NONE)) if findings else None
        new = self._sampled(new)
        added, without_job = self._manager.add(self._folder.output, lambda: self._jobs(new, preset, findings), event)
        taken = {job.relative for job in added}
        return {each.relative: None for each in new if each.relative not in taken} | refused | without_job

    def _done_before(self, strangers: Collection[tuple[Path, FileIdentity]], preset: NamedPreset | None) -> set[Path]:
        """Return the files that count as processed, since outputs are there already, or are outputs themselves."""
        found: set[Path] = set()
        if self._folder.replace:
            found = self._known.own_outputs(strangers)
        elif self._folder.keeps_sources and preset is not None:
            found = self._known.with_output(sorted(strangers), partial(self._planned, preset=preset), self._output)
        if found:
            example = min(found)
            _log.info("folder.output_exists", folder=self._folder.name, files=len(found), example=example)
        return found

    def _planned(self, relative: Path, preset: NamedPreset | None) -> Path:
        name = preset.name if preset else FOLDER_PRESET
        container = preset.preset.container if preset else relative.suffix.lstrip(".") or "mp4"
        template = self._folder.output_name
        planned = planned_output(self._folder.output, named_like(relative), template, name, container)
        return portable(planned, self._folder.output, self._folder.replace_characters)

    def _sorted(self, settled: Sequence[Settled]) -> tuple[dict[Path, str | None], list[Settled]]:
        """Return the files of which another version is being processed, and the new ones."""
        refused: dict[Path, str | None] = {}
        new: list[Settled] = []
        for each in settled:
            path = self._folder.input / each.relative
            known = self._manager.store.unfinished_with_source(path)
            if known is None and self._folder.replace and self._manager.store.output_claimed(path):
                refused[each.relative] = None  # an output that is being put into its source's place
            elif known is None:
                new.append(each)
            elif not self._is_version_of(known, each) and not self._renew(known, each):
                refused[each.relative] = None
        return refused, new

    def _is_version_of(self, job: Job, settled: Settled) -> bool:
        return files.unchanged(job.identity, settled.identity, lambda: sample_of(job.source, self._input))

    def _renew(self, job: Job, settled: Settled) -> bool:
        """Give a job the new version of its file, if its work has not begun; returns whether it has."""
        (sampled,) = self._sampled([settled])
        event = SourceRenewed(sampled.identity)
        if self._manager.change(job.id, lambda now: event if is_waiting(now) else None) is None:
            return False
        _log.info("job.source_renewed", **job.log_context())
        return True

    def _sampled(self, settled: Sequence[Settled]) -> list[Settled]:
        """Return files with samples of their content, which decide if their times move by whole hours."""
        with self._input.opened() as top:
            return [each._replace(identity=each.identity.evolve(sample=_sample(top, each))) for each in settled]

    def _jobs(
        self,
        settled: Sequence[Settled],
        preset: NamedPreset | None,
        findings: tuple[Finding, ...],
    ) -> tuple[list[Job], dict[Path, str]]:
        """Return a job for each file, with an output name of its own, and why the other files got none."""
        refused: dict[Path, str] = {}
        jobs: list[Job] = []
        names: set[Path] = set()
        for relative, identity in settled:
            try:
                jobs.append(self._job(relative, identity, preset, findings, names))
                names.add(jobs[-1].output)
            except (FramewatchError, OSError) as error:
                refused[relative] = str(error)
        return jobs, refused

    def readmit(self, job: Job, *, same_preset: bool = False) -> RetryAsked:
        """Return the event for a retry: with the source where it is now, and the preset as it is now.

        With `same_preset`, the preset that the job had, if it had one.

        Raises:
            ConfigError: the source is gone, or the preset is still wrong.
        """
        source, identity = retry_source(job, self._guard)
        if same_preset and job.preset:
            return RetryAsked(source, identity, job.output, gpu=job.gpu)
        fresh = self._job(job.relative, identity, self._valid_preset(), ())
        return RetryAsked(source, identity, fresh.output, fresh.preset_name, fresh.preset, fresh.gpu)

    def redo(self, job: Job, *, same_preset: bool = False) -> Job:
        """Queue a job for the source of one that is done or was skipped. The earlier output stays.

        Raises:
            ConfigError: the source is gone, or the preset is wrong.
            ImpossibleTransitionError: `job.not_redoable`.
            StoreError: `job.source_taken`: a job for this source is unfinished.
        """
        require_redoable(job)
        source, identity = retry_source(job, self._guard)
        given = self._own_preset(job) if same_preset and job.preset else self._valid_preset()

        def plan() -> tuple[list[Job], None]:
            fresh = self._job(job.relative, identity, given, ())
            return [fresh.evolve(source=source, length=job.length)], None

        added, _ = self._manager.add(self._folder.output, plan)
        if not added:
            message, hint = f"another job for the source of {job.id} is unfinished", "wait for it"
            raise StoreError(message, code="job.source_taken", hint=hint, where=str(source))
        if job.state == JobState.SKIPPED:  # its progress file lies beside the source
            self._manager.reporter.remove(job)
        return added[0]

    def requeue(self, job_id: str) -> None:
        """Give a waiting job the folder's preset as it is now.

        Raises:
            ConfigError: the preset is wrong.
            ImpossibleTransitionError: `job.not_queued`.
        """
        preset = self._valid_preset()

        def select() -> list[tuple[Job, Requeued]]:
            job = self._manager.store.get(job_id)
            if job is None:
                return []
            fresh = self._job(job.relative, job.identity, preset, ())
            output = job.output if self._keeps_name(job, preset) else fresh.output
            return [(job, Requeued(output, fresh.preset_name, fresh.preset, fresh.gpu))]

        self._manager.change_all(select, self._folder.output)

    def _keeps_name(self, job: Job, preset: NamedPreset) -> bool:
        """Return whether the output that is planned for a job would have the same name, but for its number."""
        wanted = self._planned(job.relative, preset)
        names = (numbered(wanted.name, number) for number in range(1, MOST_NUMBERED))
        return job.output.parent == wanted.parent and job.output.name in names

    def _own_preset(self, job: Job) -> NamedPreset:
        return NamedPreset(job.preset_name, stored_preset(job, "leave out --same-preset"), job.id)

    def _valid_preset(self) -> NamedPreset:
        preset, findings = self._preset()
        if findings or preset is None:
            raise ConfigError.of(findings)
        return preset

    def _preset(self) -> tuple[NamedPreset | None, tuple[Finding, ...]]:
        if self._configured is not None:
            return self._configured, ()
        if self._folder.preset is not None:  # a file in the folder must not take its place
            message, hint = "the folder's preset is missing or wrong", "see `framewatch status`"
            raise ConfigError(message, code="preset.unavailable", hint=hint, where=self._folder.name)
        try:
            preset = folder_preset(self._input, self._library)
        except ConfigError as error:
            if error.finding.code == UNREADABLE:  # now; a later attempt may succeed
                raise
            return None, error.findings
        return preset, limited(check_preset(preset.preset))

    def _job(
        self,
        relative: Path,
        identity: FileIdentity,
        preset: NamedPreset | None,
        findings: tuple[Finding, ...],
        names: Collection[Path] = (),
    ) -> Job:
        folder, store = self._folder, self._manager.store
        wanted = self._planned(relative, preset)

        job_id, source = store.new_id(), folder.input / relative

        def taken(path: Path) -> bool:
            own = folder.replace and self._is(path, identity)
            if not folder.overwrite and not own and self._is_taken(path, job_id, source):
                return True
            return path in names or store.output_claimed(path)

        return Job(
            id=job_id,
            folder=folder.name,
            relative=relative,
            source=source,
            identity=identity,
            preset_name=preset.name if preset else FOLDER_PRESET,
            preset=preset_text(preset.preset) if preset and not findings else "",
            output=free_path(wanted, taken),
            gpu=preset is not None and preset.preset.needs_gpu,
            created_at=time.time(),
        )

    def _is(self, path: Path, identity: FileIdentity) -> bool:
        """Return whether a path is that of the source itself, perhaps spelled in another case."""
        with suppress(StorageError):
            found = self._output.identity(path)
            return found is not None and (found.device, found.inode) == (identity.device, identity.inode)
        return False

    def _is_taken(self, path: Path, job_id: str, source: Path) -> bool:
        """Return whether there is an output of this name, or a job of another daemon that will make one."""
        root, shown_at = self._output.path, progress_path(self._output.path, path, self._folder.progress_files)
        # An output that is away now: publishing finds a free name when it is back.
        with suppress(StorageError), self._output.opened() as top, storage_faults(path):
            if beneath.find(top, path.relative_to(root).parts) is not None:
                return True
            folder = beneath.open_beneath(top, shown_at.parent.relative_to(root).parts, beneath.PASSED)
            try:
                owner = other_owner(folder, shown_at.name, job_id, source)
            finally:
                os.close(folder)
            return owner is not None and not self._has_ended(owner.job_id)
        return False

    def _has_ended(self, job_id: str) -> bool:
        """Return whether a job of this daemon has ended: it left its progress file, as its share was away then."""
        job = self._manager.store.get(job_id) if is_job_id(job_id) else None
        return job is not None and job.state.ended


def _sample(top: int, settled: Settled) -> str | None:
    """Return a sample of a file below the open input; None of one that cannot be read now, and of a disc."""
    with suppress(OSError):
        file = beneath.open_beneath(top, settled.relative.parts, files.READ)
        try:
            return files.content_sample(file)
        finally:
            os.close(file)
    return None


def preset_library(settings: Settings, guard: Guard = UNGUARDED) -> PresetLibrary:
    """Return the presets that a configuration has by name; those that lie in its roots are not trusted."""
    roots = (root for places in settings.places.values() for root in places.roots.values())
    return PresetLibrary([settings.presets_dir], [Root(root, guard) for root in roots])


def folder_preset(folder: Root, library: PresetLibrary = SHIPPED) -> NamedPreset:
    """Return the preset that lies in a watch folder.

    Raises:
        ConfigError: there is none, or it is wrong.
        StorageError: the folder cannot be opened.
    """
    preset = load_folder_preset(folder, library)
    if preset is None:
        raise ConfigError(
            f"the folder has no preset: neither `preset:` in the configuration nor {FOLDER_PRESET} in it",
            code="preset.missing",
            hint=f"name one, or put a file {FOLDER_PRESET} into the folder",
            where=str(folder.path),
        )
    return preset
