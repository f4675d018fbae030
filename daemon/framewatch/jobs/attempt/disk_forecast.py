"""How much room a job still needs, and whether it is there. Pure, but for `free_bytes` and `same_disk`.

A wrong hold annoys more than a hold that comes late, since room is looked for again after every finished segment:
what has to be guessed is guessed low.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from framewatch.domain import Record
from framewatch.errors import Need, Place, StorageError
from framewatch.media.containers import rules
from framewatch.media.plan.plan import Plan
from framewatch.media.preset.preset import Preset
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.free_space import SPARE, free_bytes, human, same_disk
from framewatch.storage.os_errors import shown, storage_faults


class _Prior(NamedTuple):
    bits: float  # a pixel
    crf: float = 0.0  # at this quality
    halved: float = 0.0  # each time that crf grows by so much; 0 where quality does not matter


# A third of what the demo clip (Big Buck Bunny, scaled from 320x180 to 1280x720 with lanczos) came to with ffmpeg's
# encoders: x264 0.057 bits a pixel at crf 23, x265 0.021 at 28, SVT-AV1 0.023 and VP9 0.037 at 35, MPEG-2 0.156 at
# scale 3, ProRes 422 HQ 3.8, gif 1.1; x264 and x265 halved with 6 steps of crf, the others with 10. A third of it,
# since flat pictures take less.
_PRIORS = {
    "h264": _Prior(0.019, 23, 6),
    "hevc": _Prior(0.007, 28, 6),
    "av1": _Prior(0.008, 35, 10),
    "vp9": _Prior(0.012, 35, 10),
    "mpeg2video": _Prior(0.05, 23, 6),
    "prores": _Prior(1.25),
    "gif": _Prior(0.35),
}


class FinishedSegments(Record):
    """What finished segments came to."""

    frames: int = 0
    size: int = 0  # bytes


def forecast(
    plan: Plan,
    source: Path,
    source_size: int,
    made: FinishedSegments,
    folders: Mapping[Place, Path],
    disk: Callable[[Path], int],
) -> tuple[Need, ...]:
    """The free space that a job still needs in each place.

    In the work folder: the missing segments, and the result beside all of them. On the disk of the output the result,
    and on that of done/ the source, each if it is another disk, since the file is then copied.

    Args:
        plan: of the output.
        source: the file.
        source_size: bytes.
        made: the finished segments, which are in the work folder already.
        folders: the work folder, and those of output and done whose disks are mounted.
        disk: gives a number for the disk of a folder; `same_disk` outside of tests.
    """
    picture = made.size + segments_to_come(plan, source_size, made)
    result = picture + beside_picture(plan, source_size)
    joined = result if plan.mode != "upscale" else picture - made.size + result
    needs = [Need("work", round(joined))]
    if "output" in folders and disk(folders["output"]) != disk(folders["work"]):
        needs.append(Need("output", round(result)))
    if "done" in folders and disk(folders["done"]) != disk(source.parent):
        needs.append(Need("done", source_size))
    return tuple(needs)


def segments_to_come(plan: Plan, source_size: int, made: FinishedSegments) -> float:
    """Bytes of the picture that is not made yet: as measured so far, else guessed."""
    if not plan.has_video:
        return 0.0
    left = max(plan.frames - made.frames, 0)
    if made.frames:
        return left * made.size / made.frames
    if plan.mode == "copy":
        return float(source_size)
    return left * frame_size(plan.preset, plan.width * plan.height, float(plan.average_rate))


def frame_size(preset: Preset, pixels: int, rate: float) -> float:
    """Bytes that a frame of the output may take, before any is made; rather too few (`_PRIORS` has the source).

    Args:
        preset: the encoder and its quality.
        pixels: of a frame.
        rate: frames per second.
    """
    encoder = rules().video_encoders[preset.video_codec]
    if preset.video_bitrate_mode == "bitrate" and rate > 0:
        return preset.video_bitrate * 1000 / 8 / rate
    prior = _PRIORS[encoder.codec]
    # The middle of a hardware encoder's quality, 50, is nvenc's 27, on the scale of x264.
    coarser = (52 - preset.quality / 2 if encoder.hardware else preset.crf) - prior.crf
    return prior.bits * pixels / 8 * (2 ** (-coarser / prior.halved) if prior.halved else 1.0)


def beside_picture(plan: Plan, source_size: int) -> float:
    """Bytes of the sound; the rest is small, or not known. What is copied counts as nothing, which is low."""
    if plan.mode == "copy":
        return 0.0  # in the picture's size already
    kbps = [stream.audio.kbps or 0 for stream in plan.of_kind("audio") if stream.audio and stream.action == "encode"]
    return min(sum(kbps) * 1000 / 8 * plan.expected.duration, 4.0 * source_size)


def by_disk(needs: Iterable[Need], folders: Mapping[Place, Path], disk: Callable[[Path], int]) -> dict[Path, int]:
    """Bytes that are needed on each disk; the first need's folder stands for it."""
    first: dict[int, Path] = {}
    found: dict[Path, int] = {}
    for need in needs:
        folder = folders[need.place]
        folder = first.setdefault(disk(folder), folder)
        found[folder] = found.get(folder, 0) + need.size
    return found


# --- whether it is there -----------------------------------------------------------------------------------


def require_room(
    needs: Iterable[Need],
    folders: Mapping[Place, Path],
    reserve: int,
    disk: Callable[[Path], int] | None = None,
    free: Callable[[Path], int] | None = None,
) -> None:
    """Go on if all of the needs are met in these folders, and `reserve` bytes are left on each disk.

    Raises:
        StorageError: `storage.will_not_fit`; its job is held until there is room.
    """
    needs = tuple(needs)
    for folder, size in by_disk(needs, folders, disk or same_disk).items():
        have = (free or free_bytes)(folder)
        if have < size + reserve:
            kept = f", and {human(reserve)} are to stay free" if reserve else ""
            message = f"{human(size)} are needed here and {human(have)} are free{kept}"
            hint = "free some space; the job goes on by itself"
            error = StorageError(message, code="storage.will_not_fit", hint=hint, where=shown(folder))
            raise error.with_needs(*needs)


def require_room_for(
    plan: Plan,
    source: Path,
    source_size: int,
    places: FolderPlaces | None,
    made: FinishedSegments | None = None,
) -> None:
    """Check that a job's result will fit beside its finished segments (`made`). Without `places`, nothing is checked.

    A disk that is not mounted now is checked when it is written to.

    Raises:
        StorageError: `storage.will_not_fit`, or a folder cannot be read.
    """
    if places is not None:
        with storage_faults(places.work):
            folders = places.mounted
            needs = forecast(plan, source, source_size, made or FinishedSegments(), folders, same_disk)
            require_room(needs, folders, places.reserve)


def require_room_left(result: Path, share: float, places: FolderPlaces | None) -> None:
    """Stop what writes `result` where it begins to take the reserve, whoever else fills the disk.

    Args:
        result: what is being written in the work folder.
        share: how much of it there is, 0 to 1, by which is told what all of it needs.
        places: of the watch folder; None: nothing is checked.

    Raises:
        StorageError: `storage.will_not_fit`, or the work folder cannot be looked at.
    """
    if places is None:
        return
    with storage_faults(places.work):
        if free_bytes(places.work) >= places.reserve:
            return
        size = result.stat().st_size if result.exists() else 0
    message = f"less than the {human(places.reserve)} are free that are to stay so"
    hint = "free some space; the job goes on by itself"
    error = StorageError(message, code="storage.will_not_fit", hint=hint, where=shown(places.work))
    raise error.with_needs(Need("work", round(size / max(share, 0.01)) + SPARE))


def fits(needs: Iterable[Need], folders: Mapping[Place, Path], reserve: int) -> bool:
    """Whether there is room by now. A folder that cannot be looked at has none."""
    try:
        require_room(needs, folders, reserve)
    except (StorageError, OSError):
        return False
    return True
