"""The base of all errors, and those that several packages raise.

`ErrorRecord` is what an error becomes where it leaves its process or is stored. A failure carries a stable code, what
is wrong, where, and what to do about it. This module imports nothing but the standard library: `upscale` uses it on
machines without pydantic, which in turn stores these dataclasses as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Literal

MAX_FINDINGS = 20  # of one document or job; nobody reads more, and a stranger may cause any number
MAX_TEXT = 1000  # characters of each part of a finding: a message and the few paths and words that it may quote
MORE = "findings.more"


def shorten(text: object, most: int = 60) -> str:
    """Return the text with at most `most` characters: of a long one, the beginning and the end."""
    word = str(text)
    if len(word) <= most:
        return word
    tail = (most - 1) // 3
    return f"{word[: most - 1 - tail]}…{word[len(word) - tail :]}"


class Remedy(StrEnum):
    """What can help, as long as the input stays as it is."""

    NONE = "none"  # nothing: the same input fails the same way, so the job fails at once
    RETRY = "retry"  # another attempt may succeed, as after a crash or a stall; `retries` limits them
    WAIT = "wait"  # an outside cause has to go away first, such as a full disk or a lost mount; the job is held


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or, as a warning, worth knowing; ready to be shown to a user."""

    code: str  # stable and dotted, for scripts: "container.upscale_needs_video"
    message: str  # what is wrong
    hint: str = ""  # what to do about it
    where: str = ""  # key path, file and line, or stream

    def __post_init__(self) -> None:
        for name in ("message", "hint", "where"):
            text = getattr(self, name)
            if len(text) > MAX_TEXT:
                object.__setattr__(self, name, shorten(text, MAX_TEXT))

    def at(self, where: str) -> Finding:
        """Return the finding with `where` filled in, unless it already names a location."""
        return self if self.where else replace(self, where=where)

    def inside(self, where: str) -> Finding:
        """Return the finding with `where` before the location that it names: the setting before its program."""
        return replace(self, where=f"{where}: {self.where}" if self.where else where)

    def __str__(self) -> str:
        """Return one line: where, message, hint, code."""
        where = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{hint} [{self.code}]"


def limited(findings: Iterable[Finding], hidden: int = 0) -> tuple[Finding, ...]:
    """Return the first `MAX_FINDINGS` findings and, if there are more, one that says how many.

    Args:
        findings: what was found.
        hidden: how many more there are, for which no finding was made.
    """
    found = tuple(findings)
    shown = [finding for finding in found if finding.code != MORE]
    hidden += sum(map(_number_hidden, found)) + max(0, len(shown) - MAX_FINDINGS)
    more = (Finding(MORE, f"and {hidden} more", "correct these first"),) if hidden else ()
    return (*shown[:MAX_FINDINGS], *more)


def unexpected(error: Exception) -> Finding:
    """Return the finding for an error that nobody expected: a bug, or something new in the system below."""
    return Finding("internal.bug", f"{type(error).__name__}: {error}", "please report this")


def _number_hidden(finding: Finding) -> int:
    """Return how many findings this one stands for, if it was made by `limited`."""
    words = finding.message.split()
    return int(words[1]) if finding.code == MORE and len(words) == 3 and words[1].isdecimal() else 0


Place = Literal["work", "output", "done", "failed"]
"""A folder by its purpose; the configuration says where it lies, and a reload may move it."""


@dataclass(frozen=True, slots=True)
class Need:
    """Free space that a job needs before it can continue."""

    place: Place  # on whose disk
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """An error as data: what a worker sends, and what an error means for its job.

    `FramewatchError.record` makes it, and `FramewatchError.from_record` makes the error again. Its findings and needs
    are stored with the job, and shown in the sidecar and on the screen.
    """

    findings: tuple[Finding, ...]  # at least one; the first is shown where there is room for one
    remedy: Remedy
    needs: tuple[Need, ...] = ()
    kind: str = "FramewatchError"  # the name that the error's class is registered under

    def __post_init__(self) -> None:
        object.__setattr__(self, "findings", limited(self.findings))


class FramewatchError(Exception):
    """The base of all errors that are reported to the user.

    A subclass sets its default `code`, `hint` and `remedy`. The place that raises it knows the facts and writes the
    message. An error that stands for several findings is made with `of`.

    Every subclass, in whichever module, is registered under its own name as it is defined; a second class of the same
    name is refused. A subclass takes the same arguments as this class, so that `from_record` can make one.
    """

    code: ClassVar[str] = "internal.error"
    hint: ClassVar[str] = ""
    remedy: Remedy = Remedy.NONE
    needs: tuple[Need, ...] = ()  # free space without which another attempt is useless, where that is known

    _registry: ClassVar[dict[str, type[FramewatchError]]] = {}

    def __init_subclass__(cls) -> None:
        if cls.__name__ in FramewatchError._registry:
            raise TypeError(f"two error classes are named {cls.__name__}")
        FramewatchError._registry[cls.__name__] = cls

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None, where: str = "") -> None:
        finding = Finding(code or self.code, message, self.hint if hint is None else hint, where)
        self.findings: tuple[Finding, ...] = (finding,)
        super().__init__(message)

    @classmethod
    def of(cls, findings: Sequence[Finding]) -> FramewatchError:
        """Make one error of one or more findings; the first gives code, message and hint."""
        first = findings[0]
        error = cls(first.message, code=first.code, hint=first.hint, where=first.where)
        error.findings = tuple(findings)
        return error

    @classmethod
    def from_record(cls, record: ErrorRecord) -> FramewatchError:
        """Make the error of a record again: the same class, with the same data.

        A class that is not known here, since another version of framewatch wrote the record, becomes a plain
        `FramewatchError`. It keeps its findings, needs and remedy, so that its job is treated as it should be.
        """
        error = cls._registry.get(record.kind, FramewatchError).of(record.findings)
        error.remedy = record.remedy
        error.needs = record.needs
        return error

    @property
    def record(self) -> ErrorRecord:
        """The error as data."""
        return ErrorRecord(self.findings, self.remedy, self.needs, type(self).__name__)

    @property
    def finding(self) -> Finding:
        """The first finding, for places with room for one."""
        return self.findings[0]

    def __str__(self) -> str:
        return "\n".join(str(finding) for finding in self.findings)


class ConfigError(FramewatchError):
    """The configuration or a preset is invalid."""

    code = "config.invalid"


class RuleError(FramewatchError):
    """The preset cannot be applied to this file."""

    code = "rules.refused"


class MediaError(FramewatchError):
    """The file cannot be read as media."""

    code = "media.unreadable"


class ModelMissingError(FramewatchError):
    """The network's weights are not installed, or differ from those that the manifest names."""

    code = "models.missing"
    hint = "run `framewatch models install`"
    remedy = Remedy.WAIT


class EngineError(FramewatchError):
    """No engine could be opened, or the open one stopped working."""

    code = "engine.failed"
    remedy = Remedy.RETRY


class EngineMissingError(EngineError):
    """No engine works here now: a device, its driver or its runtime is missing, and may come back."""

    code = "engine.unavailable"
    remedy = Remedy.WAIT


class OutOfMemoryError(EngineError):
    """The device or the machine has too little free memory for this frame size."""

    code = "engine.out_of_memory"
    remedy = Remedy.WAIT  # other programs may be using it
    hint = "use esrgan-2x, a lower source resolution, close other GPU programs, or use a larger GPU"


class WrongPixelsError(EngineError):
    """An engine that passed its self-test returned a frame that does not match its input."""

    code = "engine.wrong_pixels"
    hint = "update this device's driver or runtime; another engine is used meanwhile where there is one"


class WorkerError(FramewatchError):
    """The worker process, or the ffmpeg that it ran, ended without finishing its task."""

    code = "worker.failed"
    remedy = Remedy.RETRY


class CrashError(WorkerError):
    """The worker process, or the ffmpeg that it ran, died from a signal for what it did itself.

    A file can be the reason, so a job is not attempted a third time.
    """

    code = "worker.died"


class ToolMissingError(WorkerError):
    """A required program cannot be started now."""

    code = "ffmpeg.missing"
    remedy = Remedy.WAIT


class VerificationError(FramewatchError):
    """The finished file is not what was planned; the source was not touched."""

    code = "verify.failed"
    remedy = Remedy.RETRY


class StorageError(FramewatchError):
    """A folder cannot be read or written now: full, read-only, gone."""

    code = "storage.unavailable"
    remedy = Remedy.WAIT

    def with_needs(self, *needs: Need) -> StorageError:
        """Set the free space that has to be there before another attempt; returns the error itself."""
        self.needs = needs
        return self


class AlreadyRunningError(FramewatchError):
    """Another daemon uses this state folder or this watch folder."""

    code = "daemon.already_running"


class CancelledError(FramewatchError):
    """The user, or the end of the daemon, stopped this job."""

    code = "job.cancelled"
