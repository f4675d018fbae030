"""The records that the rooms hand to each other. They are frozen; a change is a new record, made by `evolve`."""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from framewatch.errors import Finding, Need
from framewatch.records import Colour, Edges, Hdr, MasteringDisplay, Record, Video

__all__ = ["Colour", "Edges", "Hdr", "MasteringDisplay", "Record", "Video"]  # given on, beside those that stand here

# --- what a file is ------------------------------------------------------------------------------------------


class Audio(Record):
    """What is special to an audio stream."""

    sample_rate: int  # Hz
    channels: int
    layout: str = ""


StreamKind = Literal["video", "audio", "subtitle", "attachment", "data"]


class Stream(Record):
    """One stream of a container."""

    index: int  # absolute, as ffmpeg counts
    kind: StreamKind
    codec: str  # ffmpeg's name: h264, aac, subrip, hdmv_pgs_subtitle; "unknown" where it has none
    start: float | None = None  # seconds on the container's clock
    duration: float | None = None  # seconds
    language: str = ""
    title: str = ""
    default: bool = False
    forced: bool = False
    cover: bool = False  # a still picture that travels with the file, not its video
    video: Video | None = None
    audio: Audio | None = None


class MediaInfo(Record):
    """What the probe found in a file."""

    container: str  # ffmpeg's demuxer name: "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"
    size: int  # bytes
    start: float  # seconds: the earliest timestamp, which ffmpeg maps to zero
    duration: float  # seconds
    streams: tuple[Stream, ...]
    chapters: int = 0

    @property
    def main_video(self) -> Stream | None:
        """The video that is upscaled: the first that is no cover picture."""
        return next((stream for stream in self.streams if stream.kind == "video" and not stream.cover), None)

    def of_kind(self, kind: StreamKind) -> tuple[Stream, ...]:
        """The streams of one kind, cover pictures left out."""
        return tuple(stream for stream in self.streams if stream.kind == kind and not stream.cover)


class Timeline(Record):
    """Which output frames a source's frames become; made by `framewatch.media.timeline`.

    Output frame n is shown from n / rate seconds after `origin`. A source frame with presentation time stamp p
    is shown from output frame `index(p)` until the next one's index: 0 times, once, or repeated. With `times` the
    rate is only the average: output frame n is the one that the source shows at `times[n]`.
    """

    time_base: Fraction  # seconds per PTS tick
    rate: Fraction  # output frames per second
    origin: int  # PTS of the first frame that is shown
    frames: int  # output frames in all
    source_frames: int  # source frames that are shown at least once
    times: tuple[int, ...] = ()  # a variable rate that is kept: the PTS of each frame; else empty
    end: int = 0  # with `times`: the PTS at which the last of them goes

    def index(self, pts: int) -> int:
        """The output frame from which a source frame is shown: nearest, halves up (round half up)."""
        if self.times:
            return self.frames if pts >= self.end else bisect_right(self.times, pts) - 1
        exact = (pts - self.origin) * self.time_base * self.rate
        return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)

    def time_of(self, frame: int) -> float:
        """Seconds from the output's first frame to this one; exact to the microsecond, however late."""
        if self.times:
            return float((self.times[frame] - self.origin) * self.time_base)
        return float(frame / self.rate)

    @property
    def duration(self) -> float:
        """Length of the output in seconds."""
        if self.times:
            return float((self.end - self.origin) * self.time_base)
        return float(self.frames / self.rate)


# --- what becomes of it --------------------------------------------------------------------------------------


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"  # waits for its turn
    RUNNING = "running"  # a worker has it
    PUBLISHING = "publishing"  # verified; being moved to its place, step by journaled step
    HELD = "held"  # waits for a cause outside to go away; released by itself
    DONE = "done"  # output in place, source in done/
    SKIPPED = "skipped"  # the preset is not for this file: no output, source in done/ as it was
    FAILED = "failed"  # source in failed/, the reason beside it
    CANCELLED = "cancelled"  # stopped by the user; the source in failed/

    @property
    def ended(self) -> bool:
        """True where nothing more happens by itself."""
        return self in (JobState.DONE, JobState.SKIPPED, JobState.FAILED, JobState.CANCELLED)

    @property
    def keeps_source(self) -> bool:
        """True where the source goes to done/: nothing is wrong with it."""
        return self in (JobState.DONE, JobState.SKIPPED)


class FileIdentity(Record):
    """What tells one version of a file from another."""

    device: int
    inode: int
    size: int
    mtime_ns: int


class Journal(Record):
    """How far publishing has come. Each path is decided and stored before the step that uses it."""

    result: Path | None = None  # the verified file in the work folder; None where there is no output
    output: Path | None = None  # the final name that was chosen for it
    output_size: int | None = None  # bytes: tells our file from another one under the same name
    output_done: bool = False
    source_to: Path | None = None  # the name that was chosen in done/ or failed/
    source_done: bool = False


class Failure(Record):
    """Findings in a form that is stored and shown."""

    code: str
    message: str
    hint: str = ""
    where: str = ""

    @classmethod
    def of(cls, finding: Finding) -> Failure:
        """The stored form of a finding."""
        return cls(code=finding.code, message=finding.message, hint=finding.hint, where=finding.where)


class Job(Record):
    """One source file on its way through framewatch."""

    id: str
    folder: str  # the watch folder's name
    relative: Path  # its path below the folder's input; mirrored into output, done and failed
    source: Path  # absolute: where it lies until publishing moves it
    identity: FileIdentity
    preset_name: str
    preset: str  # the preset as JSON, as it was when the file was taken in; "" where it could not be read
    output: Path  # the planned final name
    gpu: bool = True  # takes a share of a GPU: to upscale, or for an encoder that runs there
    priority: int = 0
    state: JobState = JobState.QUEUED
    attempt: int = 0  # tries begun; those that were interrupted or put on hold do not count
    stuck: int = 0  # tries in a row that failed before a segment more was done
    holds: int = 0  # how often in a row it was put on hold
    crashes: int = 0  # how often in a row the daemon died while it ran
    held_state: JobState | None = None  # where a HELD job goes on: QUEUED or PUBLISHING
    not_before: float = 0.0  # Unix time before which it is not tried again
    outcome: JobState | None = None  # what PUBLISHING ends in: DONE, SKIPPED, FAILED or CANCELLED
    journal: Journal = Journal()
    findings: tuple[Failure, ...] = ()  # why it failed, is held or was skipped
    needs: tuple[Need, ...] = ()  # the room that a HELD job waits for, where it is known
    parked: tuple[Failure, ...] = ()  # why it failed, while `findings` tell why putting it away is held
    warnings: tuple[Failure, ...] = ()
    engine: str | None = None
    frames: int = 0  # of the output
    created_at: float = 0.0  # Unix time
    started_at: float | None = None
    ended_at: float | None = None
    revision: int = 0  # counted up with each change that is stored

    def log_context(self) -> dict[str, Any]:
        """What each log line about this job carries."""
        return {"job_id": self.id, "folder": self.folder, "source": str(self.source)}


StageName = Literal["decode", "upscale", "encode"]


class Progress(Record):
    """How far a job has come, in frames; sound alone has none, and comes by its share."""

    stage: StageName | None = None
    total: int = 0
    decoded: int = 0
    upscaled: int = 0
    encoded: int = 0
    fps: float = 0.0
    share: float | None = None  # of sound alone: 0 to 1
    eta_seconds: float | None = None
    engine: str | None = None

    @property
    def percent(self) -> float:
        """The seed's bands, decode 0-5, upscale 5-90, encode 90-100, at most 99 until published."""
        if self.share is not None:
            return min(100 * self.share, 99.0)
        if self.total <= 0:
            return 0.0
        decoded, upscaled, encoded = (
            min(count / self.total, 1.0) for count in (self.decoded, self.upscaled, self.encoded)
        )
        return min(5 * decoded + 85 * upscaled + 10 * encoded, 99.0)


class Segment(Record):
    """A piece of the output that is rendered on its own; made by `framewatch.media.segments`."""

    number: int
    first_pts: int | None  # source frames from this PTS on; None: from the first
    end_pts: int | None  # up to, not including, this PTS; None: to the last
    first_frame: int  # output frame numbers, on the timeline
    frames: int
    lead: int = 0  # output frames before the first that are rendered, too, and thrown away by the encoder

    @property
    def rendered(self) -> Segment:
        """What goes through the network for it: the lead, too."""
        return self.evolve(first_frame=self.first_frame - self.lead, frames=self.frames + self.lead, lead=0)
