"""The error tree: every failure carries a stable code, what is wrong, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Literal


class Remedy(StrEnum):
    """What can be done about a failure without changing the input."""

    NONE = "none"  # the same input fails the same way: FAILED at once
    RETRY = "retry"  # another try may succeed: a crash, a stall; bounded by `retries`
    WAIT = "wait"  # the cause lies outside and goes away: disk full, mount gone; HELD until then


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (or, as a warning, worth knowing), fit to be shown to a user."""

    code: str  # stable and dotted, for scripts: "container.upscale_needs_video"
    message: str  # what is wrong
    hint: str = ""  # what to do about it
    where: str = ""  # key path, file and line, or stream

    def at(self, where: str) -> Finding:
        """The same finding, located at `where` unless it already says where it is."""
        return self if self.where else replace(self, where=where)

    def __str__(self) -> str:
        """One line: where, what, what to do, code."""
        where = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{hint} [{self.code}]"


Place = Literal["work", "output", "done", "failed"]
"""A folder by what it is for: where it lies, the configuration says, and may say anew."""


@dataclass(frozen=True, slots=True)
class Need:
    """Room that has to be free before work goes on."""

    place: Place  # on whose disk
    size: int  # bytes


class FramewatchError(Exception):
    """Something went wrong that a user can be told about.

    A subclass sets its default `code`, `hint` and `remedy`; the place that raises knows the facts and writes
    the message. An error that stands for many findings is made with `of`.
    """

    code: ClassVar[str] = "internal.error"
    hint: ClassVar[str] = ""
    remedy: ClassVar[Remedy] = Remedy.NONE

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None, where: str = "") -> None:
        finding = Finding(code or self.code, message, self.hint if hint is None else hint, where)
        self.findings: tuple[Finding, ...] = (finding,)
        super().__init__(message)

    @classmethod
    def of(cls, findings: tuple[Finding, ...] | list[Finding]) -> FramewatchError:
        """One error for one or more findings; the first gives code, message and hint."""
        first = findings[0]
        error = cls(first.message, code=first.code, hint=first.hint, where=first.where)
        error.findings = tuple(findings)
        return error

    @property
    def finding(self) -> Finding:
        """The first finding: what a place with room for one error shows."""
        return self.findings[0]

    def __str__(self) -> str:
        return "\n".join(str(finding) for finding in self.findings)


class ConfigError(FramewatchError):
    """The configuration or a preset does not say something that can be done."""

    code = "config.invalid"


class RuleError(FramewatchError):
    """The preset's wishes and this file do not fit together."""

    code = "rules.refused"


class MediaError(FramewatchError):
    """The file is not something that can be read as video."""

    code = "media.unreadable"


class ModelMissingError(FramewatchError):
    """The network's weights are not installed, or are not the ones that the manifest names."""

    code = "models.missing"
    hint = "run `framewatch models install`"
    remedy = Remedy.WAIT


class EngineError(FramewatchError):
    """No engine could be opened, or the one in use stopped working."""

    code = "engine.failed"
    remedy = Remedy.RETRY


class EngineMissingError(EngineError):
    """No engine works here now: a device, its driver or its runtime is gone, and may come back."""

    code = "engine.unavailable"
    remedy = Remedy.WAIT


class OutOfMemoryError(EngineError):
    """Device or machine have too little memory for this frame size; others may be using it."""

    code = "engine.out_of_memory"
    remedy = Remedy.WAIT
    hint = "use esrgan-2x, a lower source resolution, close other GPU programs, or use a larger GPU"


class WrongPixelsError(EngineError):
    """An engine that had passed its self-test gave a frame that does not show its input."""

    code = "engine.wrong_pixels"
    hint = "update this device's driver or runtime; another engine is used meanwhile where there is one"


class WorkerError(FramewatchError):
    """The worker process, or the ffmpeg it ran, ended without finishing its work."""

    code = "worker.failed"
    remedy = Remedy.RETRY


class ToolMissingError(WorkerError):
    """A program that is needed cannot be started now."""

    code = "ffmpeg.missing"
    remedy = Remedy.WAIT


class VerificationError(FramewatchError):
    """The finished file is not what was planned; the source was not touched."""

    code = "verify.failed"
    remedy = Remedy.RETRY


class StorageError(FramewatchError):
    """A folder cannot be read or written now: full, read-only, gone.

    `needs` is what has to be free before another try makes sense, where that is known.
    """

    code = "storage.unavailable"
    remedy = Remedy.WAIT
    needs: tuple[Need, ...] = ()

    def with_needs(self, *needs: Need) -> StorageError:
        """The same error, which now says what room it waits for."""
        self.needs = needs
        return self


class AlreadyRunningError(FramewatchError):
    """Another daemon holds this state or this folder."""

    code = "daemon.already_running"


class CancelledError(FramewatchError):
    """The user, or the end of the daemon, stopped this job."""

    code = "job.cancelled"
