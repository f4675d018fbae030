"""What may stand in the daemon file. `framewatch schema config` shows the descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, model_validator

from framewatch.documents import Section
from framewatch.media.limits import Limits
from framewatch.settings.fields import (
    ConfigPath,
    EngineName,
    FolderName,
    LogLevel,
    NonEmpty,
    OutputName,
    Patterns,
    PrecisionName,
    PresetSpec,
    Seconds,
    Slots,
    anchored,
    default_folder,
    path_problem,
)
from framewatch.storage.folder_places import FolderPlaces


def _no_default(schema: dict[str, JsonValue]) -> None:
    """The default depends on another field; the description tells it."""
    schema.pop("default", None)


class FolderSettings(Section):
    """One watch folder and where its files go."""

    name: FolderName = Field(
        description="Name in logs and commands; unique; letters, digits, '.', '_' and '-', at most 64."
    )
    input: ConfigPath = Field(description="The folder that is watched. It must exist: it is never created.")
    preset: PresetSpec = Field(
        default=None,
        description="A preset's name, a path to one, or an inline mapping. Without it, the file "
        "framewatch-preset.yaml lying in the input folder is used.",
    )
    output: ConfigPath = Field(
        default=Path("../out"),
        json_schema_extra=_no_default,
        description="Finished videos. Default: <input>/../out.",
    )
    done: ConfigPath = Field(
        default=Path("done"),
        json_schema_extra=_no_default,
        description="Sources that were processed. Default: <input>/done.",
    )
    failed: ConfigPath = Field(
        default=Path("failed"),
        json_schema_extra=_no_default,
        description="Sources that could not be processed. Default: <input>/failed.",
    )
    recursive: bool = Field(
        default=True,
        description="Also take what lies in subfolders; the tree is mirrored into output, done and failed.",
    )
    settle_seconds: Seconds = Field(
        default=5.0,
        ge=0.1,
        le=86_400,
        description="A file is taken once it has not changed for so long; an empty one, three times as long.",
    )
    watch: Literal["auto", "events", "poll"] = Field(
        default="auto",
        description="How changes are noticed. auto: by events where the file system gives them and a self-"
        "test passes, else by polling. events: the self-test alone decides. poll: look every poll_seconds.",
    )
    poll_seconds: Seconds = Field(
        default=10.0,
        ge=0.1,
        le=3_600,
        description="Time between two looks when polling, and until a file not taken is offered again.",
    )
    ignore: Patterns = Field(
        default=(),
        max_length=256,
        description="Patterns (* ? [abc]) of names, or of paths below input, to leave alone; upper and lower "
        "case are the same. They are added to the built-in list.",
    )
    priority: int = Field(default=0, ge=-1000, le=1000, description="Higher is processed first.")
    output_name: OutputName = Field(
        default="{stem}.{ext}", description="Name of the output, made of {stem}, {preset} and {ext}."
    )
    overwrite: bool = Field(
        default=False,
        description="Replace a file of the output's name. Else a free name is chosen: 'name (2).mp4'.",
    )

    @model_validator(mode="before")
    @classmethod
    def _beside_input(cls, data: Any) -> Any:
        given = data.get("input") if isinstance(data, Mapping) else None
        if not isinstance(given, str | Path) or path_problem(given):
            return data
        places = {"output": "../out", "done": "done", "failed": "failed"}
        defaults = {key: Path(given) / place for key, place in places.items()}
        return defaults | {key: value for key, value in data.items() if value is not None}

    def anchored(self, base: Path) -> FolderSettings:
        """The same folder with absolute paths; relative ones count from `base`."""
        keys = ("input", "output", "done", "failed")
        return self.evolve(**{key: anchored(getattr(self, key), base) for key in keys})


class GpuSettings(Section):
    """How much runs on a device at once."""

    slots: Slots = Field(default="auto", description="Jobs at once on each device: a number, or auto: one.")
    devices: Slots = Field(
        default="auto",
        description="Most GPUs that one video is rendered on: a number, or auto: all that are alike.",
    )

    @property
    def jobs(self) -> int:
        """Jobs at once on each device."""
        return 1 if self.slots == "auto" else self.slots


class LimitSettings(Section, Limits):
    """The most that a source may be; beyond, its job fails before anything is spent on it."""


class LogSettings(Section):
    """What is logged, how, and where to."""

    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: coloured text on a terminal, else one JSON object a line."
    )
    level: LogLevel = Field(default="info", description="The least important lines that are logged.")
    file: ConfigPath | None = Field(
        default=None, description="Also log to this file, as JSON lines. Default: to stderr alone."
    )
    max_bytes: int = Field(
        default=10_000_000, ge=10_000, le=10_000_000_000, description="Size at which the log file is rotated."
    )
    backups: int = Field(default=5, ge=1, le=100, description="Rotated log files that are kept.")


class WebSettings(Section):
    """The web page. It is not part of this version: these settings are checked and have no effect yet."""

    enabled: bool = Field(default=True, description="Serve the web page (no effect in this version).")
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on (no effect in this version)."
    )
    port: int = Field(default=8420, ge=1, le=65_535, description="Port to listen on (no effect in this version).")
    token: str | None = Field(
        default=None, min_length=1, description="Secret that visitors must know (no effect in this version)."
    )


class Settings(Section):
    """framewatch.yaml. Relative paths count from the folder that the file lies in; `~` is the user's home."""

    state_dir: ConfigPath = Field(
        default_factory=lambda: default_folder("state"),
        description="Job store and locks; on a local disk. Default: /var/lib/framewatch for root, else "
        "$XDG_STATE_HOME/framewatch.",
    )
    work_dir: ConfigPath = Field(
        default_factory=lambda: default_folder("cache"),
        description="Unfinished videos; needs room for the largest output. Default: /var/cache/framewatch "
        "for root, else $XDG_CACHE_HOME/framewatch.",
    )
    presets_dir: ConfigPath = Field(
        default=Path("presets"),
        json_schema_extra=_no_default,
        description="Your own presets, searched before those that ship. Default: presets/ beside this file.",
    )
    folders: Annotated[tuple[FolderSettings, ...], NonEmpty] = Field(
        json_schema_extra={"minItems": 1}, description="The watch folders, one or more."
    )
    gpu: GpuSettings = Field(default=GpuSettings(), description="How jobs share the devices.")
    engine: EngineName = Field(
        default="auto",
        description="What runs the network. auto: the fastest that passes its self-test. identity: enlarges "
        "without the network, for diagnosis only.",
    )
    precision: PrecisionName = Field(
        default="exact",
        description="exact: the network as its weights say. fast: in 8 bits where the processor is faster so "
        "(openvino), at about 42 dB of exact; other engines compute as ever. Changed, it makes jobs that are "
        "under way begin anew.",
    )
    ffmpeg: ConfigPath | None = Field(
        default=None,
        description="Path of the ffmpeg program. Default: the one on PATH, else the packaged one.",
    )
    retries: int = Field(
        default=2, ge=0, le=20, description="Further tries after a failure that may pass, such as a crash."
    )
    reserve_gb: Seconds = Field(
        default=1.0,
        ge=0,
        le=100_000,
        description="Room in GB (10^9 bytes) that is to stay free on the disks of work_dir, output and done. A job "
        "that does not fit beside it, as far as can be told, is held until it does. Room is looked for before and "
        "during each job, not set aside: jobs that run at once, and other programs, may still use some of it.",
    )
    segment_seconds: Seconds = Field(
        default=30.0,
        ge=1,
        le=3_600,
        description="Length of the pieces that a video is rendered in. After a crash or a power cut, at most one "
        "piece is rendered again. Changed, it makes jobs that are under way begin anew.",
    )
    lanes: Slots = Field(
        default="auto",
        description="Segments of one video that are rendered at once: a number, or auto. More than one keeps many "
        "cores busy where the encoder is slower than the GPU; a crash costs as many segments.",
    )
    stall_seconds: Seconds = Field(
        default=600.0,
        ge=1,
        le=86_400,
        description="A worker, or its ffmpeg, that has not got on for so long is ended, and the job tried again. "
        "Longer than one frame takes on this machine.",
    )
    limits: LimitSettings = Field(default=LimitSettings(), description="How large a source may be.")
    log: LogSettings = Field(default=LogSettings(), description="The log.")
    web: WebSettings = Field(default=WebSettings(), description="The web page (no effect in this version).")

    @property
    def places(self) -> dict[str, FolderPlaces]:
        """Where the files of each watch folder are, by its name."""
        return {
            folder.name: FolderPlaces(
                input=folder.input,
                output=folder.output,
                done=folder.done,
                failed=folder.failed,
                work=self.work_dir,
                overwrite=folder.overwrite,
                reserve=self.reserve,
            )
            for folder in self.folders
        }

    @property
    def reserve(self) -> int:
        """Bytes that are to stay free."""
        return round(self.reserve_gb * 1e9)

    @property
    def store_path(self) -> Path:
        """Where the jobs are kept."""
        return self.state_dir / "framewatch.db"

    def anchored(self, base: Path) -> Settings:
        """The same settings with absolute paths; relative ones count from `base`."""
        paths = {key: anchored(getattr(self, key), base) for key in ("state_dir", "work_dir", "presets_dir")}
        return self.evolve(
            **paths,
            folders=tuple(folder.anchored(base) for folder in self.folders),
            log=self.log.evolve(file=self.log.file and anchored(self.log.file, base)),
            ffmpeg=self.ffmpeg and anchored(self.ffmpeg, base),
        )
