"""The keys of the daemon file. `framewatch schema config` shows their descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ByteSize, Field, JsonValue, model_validator

from framewatch.documents import Section
from framewatch.errors import Place
from framewatch.library.retention import Limit
from framewatch.media.limits import Limits
from framewatch.settings.active_hours import ActiveHours
from framewatch.settings.default_places import STORE_NAME, default_folder, default_log_file
from framewatch.settings.fields import (
    DEFAULT_NAME,
    Amount,
    ConfigPath,
    CountOrAuto,
    DoneFolder,
    EngineName,
    FailedFolder,
    FileMode,
    FileSize,
    FolderName,
    LogLevel,
    NonEmpty,
    OrderName,
    OutputName,
    Patterns,
    PrecisionName,
    PresetSpec,
    ProgramPath,
    Replacement,
    Seconds,
    absolute,
    folder_conflict,
    is_word,
    path_problem,
)
from framewatch.storage.folder_places import CompanionsMode, FolderPlaces, ProgressFiles

PATIENCE = 10.0  # times the settle time


def _no_default(schema: dict[str, JsonValue]) -> None:
    """Leave out a default that depends on another field. The description states it."""
    schema.pop("default", None)


def _seconds(days: float | None) -> float | None:
    return None if days is None else days * 86_400


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else round(gigabytes * 1e9)


class FolderSettings(Section):
    """A watch folder, and where its files go."""

    name: FolderName = Field(
        description="Unique name for logs and commands: letters, digits, '.', '_' and '-', at most 64."
    )
    input: ConfigPath = Field(description="The folder to watch. It must exist; framewatch never creates it.")
    preset: PresetSpec = Field(
        default=None,
        description="The name of a preset, a path to one, or its keys. Default: the file framewatch-preset.yaml in "
        "the input folder.",
    )
    output: ConfigPath = Field(
        default=Path("../out"),
        json_schema_extra=_no_default,
        description="Folder for finished videos. Default: <input>/../out.",
    )
    done: DoneFolder = Field(
        default=Path("done"),
        json_schema_extra=_no_default,
        description="Folder for sources that were processed. Default: <input>/done. keep: every source stays where "
        "it is, whatever becomes of it, and is remembered; nothing is written to the input. A file whose output "
        "exists already counts as processed. A folder of the name keep is written ./keep.",
    )
    failed: FailedFolder = Field(
        default=None,
        json_schema_extra=_no_default,
        description="Folder for sources that could not be processed. Default: <input>/failed. With `done: keep` it "
        "gets only the progress files that say why, and by default these stay in the output folder.",
    )
    replace: bool = Field(
        default=False,
        description="Let each output take its source's place: the same folder and name, with the output's ending. "
        "The source goes to done/. A file that is skipped stays where it is. Goes with neither `output`, "
        "`output_name` nor `done: keep`.",
    )
    recursive: bool = Field(
        default=True,
        description="Also process subfolders. Their tree is mirrored in output, done and failed.",
    )
    settle_seconds: Seconds = Field(
        default=5.0,
        ge=0.1,
        le=86_400,
        description="A file is taken once it has not changed for this time. An empty file is left alone.",
    )
    incomplete_seconds: Seconds | None = Field(
        default=None,
        ge=0,
        le=604_800,
        json_schema_extra=_no_default,
        description="How long a file is given that may still be being written, after its last change. A new one with "
        "long runs of zeros is taken then. Where other machines may write (NFS, SMB, FUSE), one that is truncated or "
        "damaged fails then, and none is moved to another disk before. Default: 10 times settle_seconds.",
    )
    watch: Literal["auto", "events", "poll"] = Field(
        default="auto",
        description="How changes are detected. auto: by events if the file system supports them and a self-test "
        "passes, else by polling. events: only the self-test decides. poll: every poll_seconds.",
    )
    poll_seconds: Seconds = Field(
        default=10.0,
        ge=0.1,
        le=3_600,
        description="Interval between two scans when polling, and between two attempts to take a file.",
    )
    ignore: Patterns = Field(
        default=(),
        max_length=256,
        description="Patterns (* ? [abc]) of file names, or of paths below input, to ignore, in addition to the "
        "built-in list. Case does not matter.",
    )
    only: Patterns = Field(
        default=(),
        max_length=256,
        description="Patterns as for ignore: only files whose name or path below input matches one of them are "
        "processed. Default: all.",
    )
    min_size: FileSize = Field(
        default=ByteSize(0),
        ge=0,
        description="Smaller files are left alone: bytes, or a number with a unit (500 KB, 50 MB, 1.5 GiB).",
    )
    skip_samples: bool = Field(
        default=True,
        description="Leave samples alone: in subfolders, files named sample-* or *-sample, and whatever lies in a "
        "folder named Sample, Samples or Proof. They move to done with the last video of their folder.",
    )
    priority: int = Field(
        default=0, ge=-1000, le=1000, description="Files of a folder with a higher priority are processed first."
    )
    active_hours: ActiveHours | None = Field(
        default=None,
        description="Hours in which the folder's jobs are begun, as `active_hours` of the daemon file says. "
        "Default: as there; [] for always.",
    )
    order: OrderName | None = Field(
        default=None,
        description="Which of the folder's files comes first, as `order` of the daemon file says. Default: as there.",
    )
    output_name: OutputName = Field(
        default=DEFAULT_NAME, description="Name of the output, with the fields {stem}, {preset} and {ext}."
    )
    remove_empty_dirs: bool = Field(
        default=True,
        description="Remove subfolders of the input that are empty once their videos were moved, and nothing in them "
        "has changed for settle_seconds. Folders that framewatch has moved nothing from stay.",
    )
    keep_done_days: Amount = Field(
        default=None,
        ge=0,
        description="Days after which a file that framewatch moved to done/ is deleted, with its companions there. "
        "Files that somebody else put there, or changed, stay. Default: never.",
    )
    keep_failed_days: Amount = Field(
        default=None, ge=0, description="As keep_done_days, for failed/. Default: never."
    )
    max_done_gb: Amount = Field(
        default=None,
        ge=0,
        description="Size in GB (10^9 bytes) of what framewatch moved to done/, beyond which the oldest files there "
        "are deleted. Default: without a bound.",
    )
    max_failed_gb: Amount = Field(default=None, ge=0, description="As max_done_gb, for failed/.")
    progress_files: ProgressFiles = Field(
        default="keep",
        description="keep: the progress file stays beside its output, or beside the source if there is none. "
        "while_running: it is removed when the job is done; one that says why a job failed stays. folder: all of "
        "them are in the hidden folder .framewatch-progress at the top of output, done and failed.",
    )
    keep_mtime: bool = Field(
        default=False, description="Give each output its source's time of change, by which media servers sort."
    )
    replace_characters: Replacement | None = Field(
        default=None,
        description="What replaces characters in names of outputs that file systems of Windows do not allow "
        r"""(< > : " \ | ? *), such as "_". Default: they stay, and a file whose name the output's file system """
        "does not take fails.",
    )
    output_mode: FileMode | None = Field(
        default=None,
        description="Mode of outputs, companions beside them and progress files as octal digits in quotes, such as "
        '"0664"; folders that are made can be entered by all who may read. Default: by the umask of the daemon.',
    )
    companions: CompanionsMode = Field(
        default="copy",
        description="Subtitles, descriptions, pictures and other files that belong to a video or its folder. copy: "
        "they are copied next to the output, under its name, and move with the source to done or failed. move: they "
        "move next to the output; those of a video without output move with the source. leave: they stay where they "
        "are.",
    )
    overwrite: bool = Field(
        default=False,
        description="Replace an existing file of the same name. If false, a free name is used: 'name (2).mp4'.",
    )

    @model_validator(mode="before")
    @classmethod
    def _default_to_input(cls, data: Any) -> Any:
        given = data.get("input") if isinstance(data, Mapping) else None
        if not isinstance(given, str | Path) or path_problem(given):
            return data
        if conflict := folder_conflict(data):
            raise conflict
        relative = {"output": "../out", "done": "done", "failed": "failed"}
        if data.get("replace") is True:
            relative["output"] = "."
        if is_word(data.get("done"), "keep"):
            del relative["failed"]
        defaults = {key: Path(given) / path for key, path in relative.items()}
        return defaults | {key: value for key, value in data.items() if value is not None}

    @property
    def patience(self) -> float:
        """Seconds that a file is given that may still be being written."""
        return PATIENCE * self.settle_seconds if self.incomplete_seconds is None else self.incomplete_seconds

    @property
    def keeps_sources(self) -> bool:
        """Whether sources stay where they are."""
        return self.done == "keep"

    @property
    def done_folder(self) -> Path | None:
        """The folder for sources that were processed; None if they stay where they are."""
        return self.done if isinstance(self.done, Path) else None

    @property
    def limits(self) -> dict[Place, Limit]:
        """What of done/ and failed/ is deleted."""
        return {
            "done": Limit(_seconds(self.keep_done_days), _bytes(self.max_done_gb)),
            "failed": Limit(_seconds(self.keep_failed_days), _bytes(self.max_failed_gb)),
        }

    @property
    def targets(self) -> dict[str, Path]:
        """The folders besides the input, by their keys, without those that there are not."""
        output = None if self.replace else self.output
        targets = {"output": output, "done": self.done_folder, "failed": self.failed}
        return {key: path for key, path in targets.items() if path is not None}

    def with_absolute_paths(self, base: Path) -> FolderSettings:
        """Return a copy with absolute paths. Relative ones start from `base`."""
        paths = {"input": self.input, "output": self.output, **self.targets}
        return self.evolve(**{key: absolute(path, base) for key, path in paths.items()})


class GpuSettings(Section):
    """How jobs share the GPUs."""

    slots: CountOrAuto = Field(
        default="auto", description="Jobs that run on each GPU at the same time: a number, or auto (one)."
    )
    devices: CountOrAuto = Field(
        default="auto",
        description="Maximum number of GPUs that render one video: a number, or auto (all that are equal).",
    )

    @property
    def jobs(self) -> int:
        """Jobs that run on each GPU at the same time."""
        return 1 if self.slots == "auto" else self.slots


class LimitSettings(Section, Limits):
    """Limits of a source. Beyond them its job fails before any work is done."""


class LogSettings(Section):
    """What is logged, in which format, and where."""

    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: coloured text on a terminal, else one JSON object per line (json)."
    )
    level: LogLevel = Field(default="info", description="Least important level to log.")
    file: ConfigPath | None = Field(
        default_factory=default_log_file,
        json_schema_extra=_no_default,
        description="Also log to this file, as JSON lines. Default: framewatch.log in $LOGS_DIRECTORY if systemd "
        "sets that, else only to stderr.",
    )
    max_bytes: int = Field(
        default=10_000_000,
        ge=10_000,
        le=10_000_000_000,
        description="Size in bytes at which the log file is rotated.",
    )
    backups: int = Field(default=5, ge=1, le=100, description="Number of rotated log files to keep.")


class WebSettings(Section):
    """The web page, which is not part of this version: these settings are validated and have no effect yet."""

    enabled: bool = Field(default=True, description="Serve the web page (no effect in this version).")
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on (no effect in this version)."
    )
    port: int = Field(default=8420, ge=1, le=65_535, description="Port to listen on (no effect in this version).")
    token: str | None = Field(
        default=None, min_length=1, description="Secret that visitors need (no effect in this version)."
    )


class Settings(Section):
    """framewatch.yaml. Relative paths start from the folder that the file lies in; `~` is the user's home.

    Environment variables replace keys: FRAMEWATCH_STATE_DIR, FRAMEWATCH_LOG__LEVEL, or as JSON FRAMEWATCH_FOLDERS.
    """

    state_dir: ConfigPath = Field(
        default_factory=lambda: default_folder("state"),
        description="Folder for job store and locks, on a local disk. Default: $STATE_DIRECTORY, which systemd sets; "
        "/var/lib/framewatch for root; else $XDG_STATE_HOME/framewatch.",
    )
    work_dir: ConfigPath = Field(
        default_factory=lambda: default_folder("cache"),
        description="Folder for unfinished videos, with space for the largest output. Default: $CACHE_DIRECTORY, "
        "which systemd sets; /var/cache/framewatch for root; else $XDG_CACHE_HOME/framewatch.",
    )
    presets_dir: ConfigPath = Field(
        default=Path("presets"),
        json_schema_extra=_no_default,
        description="Folder of your own presets, searched before those that ship. Default: presets/ beside this "
        "file.",
    )
    folders: Annotated[tuple[FolderSettings, ...], NonEmpty] = Field(
        json_schema_extra={"minItems": 1}, description="Watch folders, at least one."
    )
    order: OrderName = Field(
        default="arrival",
        description="Which file of a folder comes first: arrival, name (E2 before E10), oldest or newest (by its "
        "time), smallest, largest, or shortest (those whose length cannot be told last). `priority` of the folder "
        "comes before, and so do `framewatch next` and `framewatch priority`.",
    )
    active_hours: ActiveHours = Field(
        default=(),
        description='Hours in which jobs are begun, by the clock of the daemon: "22:00-07:00", with days '
        '("sat-sun 00:00-24:00"), or a list of such. At their end, running segments are finished. Default: always.',
    )
    pause_on_battery: bool = Field(
        default=False, description="Begin nothing while the machine runs on battery; running segments are finished."
    )
    pause_above_celsius: Annotated[Seconds, Field(ge=30, le=120)] | None = Field(
        default=None,
        description="Begin nothing while a processor or GPU with a sensor that psutil can read is hotter than this, "
        "until it is 5 degrees cooler; running segments are finished. Default: whatever the temperature.",
    )
    gpu: GpuSettings = Field(default=GpuSettings(), description="Use of the GPUs.")
    engine: EngineName = Field(
        default="auto",
        description="Engine that runs the network. auto: the fastest that passes its self-test. identity: scales "
        "without the network, for diagnosis only.",
    )
    precision: PrecisionName = Field(
        default="exact",
        description="exact: full precision. fast: 8 bits on CPUs where that is faster (openvino), at about 42 dB "
        "PSNR to the exact result; other engines are not affected. A change restarts jobs that have begun.",
    )
    ffmpeg: ProgramPath | None = Field(
        default=None,
        description="Path of the ffmpeg program, 5.1 or newer, or system for the one on PATH. Default: the one that "
        "is installed with framewatch, which also stands in while another is missing.",
    )
    retries: int = Field(
        default=2, ge=0, le=20, description="Further attempts after a failure that may be temporary, such as a crash."
    )
    reserve_gb: Seconds = Field(
        default=1.0,
        ge=0,
        le=100_000,
        description="Space in GB (10^9 bytes) to keep free on the disks of work_dir, output and done. A job that "
        "needs more than the rest is held until there is enough. Space is estimated before and during each job but "
        "not allocated, so other jobs and programs may still use some of the reserve.",
    )
    segment_seconds: Seconds = Field(
        default=30.0,
        ge=1,
        le=3_600,
        description="Length of the segments in which a video is rendered. After a crash or a power cut, each lane "
        "renders at most one segment again. A change restarts jobs that have begun.",
    )
    lanes: CountOrAuto = Field(
        default="auto",
        description="Segments of one video that are rendered at the same time: a number, or auto. Several keep many "
        "cores busy if the encoder is slower than the GPU, but a crash costs as many segments.",
    )
    stall_seconds: Seconds = Field(
        default=600.0,
        ge=1,
        le=86_400,
        description="A worker, or its ffmpeg, that made no progress for this time is stopped, and the job attempted "
        "again. It must be longer than one frame takes on this machine.",
    )
    limits: LimitSettings = Field(default=LimitSettings(), description="Limits of a source.")
    log: LogSettings = Field(default=LogSettings(), description="Logging.")
    web: WebSettings = Field(default=WebSettings(), description="The web page (no effect in this version).")

    @property
    def places(self) -> dict[str, FolderPlaces]:
        """Where the files of each watch folder are, by its name."""
        return {
            folder.name: FolderPlaces(
                input=folder.input,
                output=folder.output,
                done=folder.done_folder,
                replace=folder.replace,
                failed=folder.failed,
                work=self.work_dir,
                companions=folder.companions,
                progress_files=folder.progress_files,
                keep_mtime=folder.keep_mtime,
                remove_empty_dirs=folder.remove_empty_dirs,
                patience=folder.patience,
                overwrite=folder.overwrite,
                output_mode=None if folder.output_mode is None else int(folder.output_mode, 8),
                reserve=self.reserve,
            )
            for folder in self.folders
        }

    @property
    def reserve(self) -> int:
        """Bytes to keep free."""
        return round(self.reserve_gb * 1e9)

    @property
    def store_path(self) -> Path:
        """The job store's database file."""
        return self.state_dir / STORE_NAME

    def with_absolute_paths(self, base: Path) -> Settings:
        """Return a copy with absolute paths. Relative ones start from `base`."""
        paths = {key: absolute(getattr(self, key), base) for key in ("state_dir", "work_dir", "presets_dir")}
        return self.evolve(
            **paths,
            folders=tuple(folder.with_absolute_paths(base) for folder in self.folders),
            log=self.log.evolve(file=self.log.file and absolute(self.log.file, base)),
            ffmpeg=absolute(self.ffmpeg, base) if isinstance(self.ffmpeg, Path) else self.ffmpeg,
        )
