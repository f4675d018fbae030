"""Finds the streams that ffmpeg fails with, so that none of them fails its job.

What a container takes is known for codecs, not for each file: a track may be damaged from its first packet on, lack
what a muxer needs, or be of a variant that no table has. When a command fails, or its result is not as planned, each
stream beside the main video is tried alone, and those that fail are dropped with a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from framewatch.domain import InputFile
from framewatch.errors import Finding, FramewatchError, MediaError, RuleError, VerificationError, WorkerError
from framewatch.jobs.attempt.context import AttemptContext
from framewatch.jobs.attempt.request import AttemptRequest
from framewatch.jobs.attempt.verify import compare, compare_texts
from framewatch.jobs.work_folder import rehearsal_path
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.plan.plan import AudioPlan, MuxPlan, alone
from framewatch.media.plan.stream_table import StreamPlan
from framewatch.render.tasks import InspectReport, InspectTask, ProbeReport
from framewatch.storage.os_errors import storage_faults

AnyPlan = TypeVar("AnyPlan", bound=MuxPlan)

# Findings that another stream than the main video may be the reason of.
_SUSPICIOUS = ("ffmpeg.failed", "encoder.refused", "verify.streams", "verify.audio", "verify.unreadable")


class StreamTrials:
    """Repeats what fails without the streams that it fails for."""

    def __init__(self, context: AttemptContext, request: AttemptRequest, probed: ProbeReport) -> None:
        """Try nothing yet."""
        self._context = context
        self._source: InputFile = request.source
        self._work = request.work
        self._lengths = probed.lengths

    def without_failing(self, plan: AnyPlan, action: Callable[[AnyPlan], AnyPlan]) -> AnyPlan:
        """Return what `action` returns for the plan or, where that fails for a stream, for one without it.

        Raises:
            FramewatchError: what `action` raises, if no stream is the reason or the preset is strict about streams.
        """
        try:
            return action(plan)
        except (RuleError, VerificationError, WorkerError) as error:
            reduced = self._reduced(plan, error)
        return action(reduced)

    def _reduced(self, plan: AnyPlan, error: FramewatchError) -> AnyPlan:
        others = [row for row in plan.kept if row.action in ("copy", "encode") and _is_tried(row, plan)]
        if plan.preset.strict_streams or not any(each.code in _SUSPICIOUS for each in error.findings):
            raise error
        failing = {row.index: reason for row in others if (reason := self._failure(plan, row))}
        if not failing or (isinstance(plan, AudioPlan) and len(failing) == len(plan.of_kind("audio"))):
            raise error
        for row in others:
            if row.index in failing:
                self._context.warn(_dropped_warning(row, failing[row.index]))
        return plan.without(failing)

    def _failure(self, plan: MuxPlan, row: StreamPlan) -> str | None:
        """Return why a stream cannot be written, converted or read again; None: it can."""
        out = rehearsal_path(self._work, plan.extension)
        single = alone(plan, row)
        ffmpeg, source = self._context.tools.ffmpeg, self._source
        commands = ffmpeg_commands.cover_commands(single, ffmpeg, source.path, out)
        if not row.cover:
            commands += ffmpeg_commands.sound_commands(single, ffmpeg, source.path, out)
            commands.append(ffmpeg_commands.transcode_command(single, ffmpeg, source.path, out))
        try:
            for argv in commands:
                self._context.run_command(argv, source)
            return None if row.cover else self._flaw(single, row)
        except (MediaError, WorkerError) as error:
            if error.finding.code not in ("ffmpeg.failed", MediaError.code):
                raise
            return error.finding.message
        finally:
            with storage_faults(out):
                out.unlink(missing_ok=True)

    def _flaw(self, single: AudioPlan, row: StreamPlan) -> str | None:
        report: InspectReport = self._context.run(InspectTask(path=rehearsal_path(self._work, single.extension)))
        lengths = [self._lengths.get(row.index)] if row.kind == "audio" else []
        found = report.inspection
        flaws = [*compare(single.expected, found, lengths), *compare_texts(single, found, self._lengths)]
        return f"what is written of it cannot be read again ({flaws[0].message})" if flaws else None


def _is_tried(row: StreamPlan, plan: MuxPlan) -> bool:
    """Return whether a stream can be written alone, and is not the one that the output is about."""
    if row.kind == "attachment":
        return False
    return row.kind != "video" or row.cover or row.index not in [each.index for each in plan.of_kind("video")[:1]]


def _dropped_warning(row: StreamPlan, reason: str) -> Finding:
    facts = ", ".join(part for part in (row.codec, row.language) if part)
    kind = "cover image" if row.cover else f"{row.kind} stream"
    message = f"{kind} {row.index} ({facts}) is dropped: {reason}"
    hint = "another container, or another audio_codec, may take it"
    return Finding("streams.refused", message, hint, f"stream {row.index}")
