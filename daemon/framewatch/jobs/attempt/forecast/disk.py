"""How much free space a job still needs, and whether it is there.

The forecast is pure; the checks at the end read the disks.

Space is checked again after every finished segment. So a wrong hold annoys more than one that comes late, and what
has to be guessed is guessed low.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from framewatch.domain import Record
from framewatch.errors import Need, Place, StorageError
from framewatch.media.containers import rules
from framewatch.media.plan.plan import AudioPlan, VideoPlan
from framewatch.media.preset.preset import Preset
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.free_space import SPARE, free_bytes, human
from framewatch.storage.os_errors import shown, storage_faults
from framewatch.storage.root import Root

_SOUND_BYTES = 6 * 4  # of a sample: six channels, four bytes each
_HINT = "free some space; the job then continues automatically"


class _Prior(NamedTuple):
    """The size that a codec's output is assumed to have before any is made."""

    bits: float  # for each pixel
    crf: float = 0.0  # the quality at which that holds
    halving: float | None = None  # the size halves each time that crf grows by this; None: quality does not matter


# A third of what the demo clip (Big Buck Bunny, scaled from 320x180 to 1280x720 with lanczos) came to with ffmpeg's
# encoders: x264 0.057 bits a pixel at crf 23, x265 0.021 at 28, SVT-AV1 0.023 and VP9 0.037 at 35, MPEG-2 0.156 at
# scale 3, ProRes 422 HQ 3.8, gif 1.1; x264 and x265 halved with 6 steps of crf, the others with 10. Flat images take
# less, hence the third.
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
    """The finished segments of a job, together."""

    frames: int = 0
    size: int = 0  # bytes


# --- how much ----------------------------------------------------------------------------------------------


def forecast(
    plan: VideoPlan | AudioPlan,
    source_root: Root,
    source_size: int,
    finished: FinishedSegments,
    folders: Mapping[Place, Root],
    disk_of: Callable[[Root], int] = Root.disk,
) -> tuple[Need, ...]:
    """Return the free space that a job still needs in each place.

    The work folder takes the missing segments, and the result beside all of them. Where the output lies on another
    disk, that takes the result, and where done/ lies on another disk than the source, that takes the source: across
    disks a file is copied whole.

    Args:
        plan: of the output.
        source_root: the root that the source is in; folders below it may be anybody's, and are not looked up.
        source_size: bytes.
        finished: the segments that lie in the work folder already.
        folders: the work folder, and those of output and done whose disks are mounted.
        disk_of: returns a number that is equal for folders on the same disk.

    Raises:
        StorageError: a folder cannot be opened.
    """
    video = finished.size + missing_video_size(plan, source_size, finished)
    result = video + audio_size(plan, source_size)
    needs = [Need("work", round(work_size(plan, video - finished.size, result)))]
    if "output" in folders and disk_of(folders["output"]) != disk_of(folders["work"]):
        needs.append(Need("output", round(result)))
    if "done" in folders and disk_of(folders["done"]) != disk_of(source_root):
        needs.append(Need("done", source_size))
    return tuple(needs)


def work_size(plan: VideoPlan | AudioPlan, missing: float, result: float) -> float:
    """Return the bytes that the work folder still takes: the missing segments, and the result beside them."""
    is_joined = plan.mode == "upscale" or (isinstance(plan, VideoPlan) and plan.is_encoded_apart)
    return (missing + result if is_joined else result) + _sound_beside(plan)


def _sound_beside(plan: VideoPlan | AudioPlan) -> float:
    """Return the bytes of the tracks that are decoded first, because their sound changes."""
    rates = [row.audio.source_rate * _SOUND_BYTES for row in plan.of_kind("audio") if row.audio and row.audio.uniform]
    return sum(rates) * plan.expected.duration


def missing_video_size(plan: VideoPlan | AudioPlan, source_size: int, finished: FinishedSegments) -> float:
    """Return the bytes of the video that is not made yet: by what finished segments take, else by a guess."""
    if isinstance(plan, AudioPlan):
        return 0.0
    left = max(plan.frames - finished.frames, 0)
    if finished.frames:
        return left * finished.size / finished.frames
    if plan.mode == "copy":
        return float(source_size)
    return left * frame_size(plan.preset, plan.width * plan.height, float(plan.average_rate))


def frame_size(preset: Preset, pixels: int, rate: float) -> float:
    """Guess the bytes of an output frame before any is made, rather low; `_PRIORS` has the source of the figures.

    Args:
        preset: the encoder and its quality.
        pixels: of a frame.
        rate: frames per second.
    """
    encoder = rules().video_encoders[preset.video_codec]
    if preset.video_bitrate_mode == "bitrate" and rate > 0:
        return preset.video_bitrate * 1000 / 8 / rate
    prior = _PRIORS[encoder.codec]
    size = prior.bits * pixels / 8
    if prior.halving is None:
        return size
    # The middle of a hardware encoder's quality scale, 50, is nvenc's 27, which corresponds to x264's crf 27.
    crf = 52 - preset.quality / 2 if encoder.hardware else preset.crf
    return float(size * 2 ** (-(crf - prior.crf) / prior.halving))


def audio_size(plan: VideoPlan | AudioPlan, source_size: int) -> float:
    """Return the bytes of the encoded audio. Other streams are small or unknown, and copied ones count as nothing."""
    if plan.mode == "copy":
        return 0.0  # the source's size, which stands for the video, includes it
    kbps = [stream.audio.kbps or 0 for stream in plan.of_kind("audio") if stream.audio and stream.action == "encode"]
    return min(sum(kbps) * 1000 / 8 * plan.expected.duration, 4.0 * source_size)


def by_disk(needs: Iterable[Need], folders: Mapping[Place, Root], disk_of: Callable[[Root], int]) -> dict[Root, int]:
    """Return the bytes that are needed on each disk, which is named by the folder of its first need."""
    first: dict[int, Root] = {}
    found: dict[Root, int] = {}
    for need in needs:
        folder = folders[need.place]
        folder = first.setdefault(disk_of(folder), folder)
        found[folder] = found.get(folder, 0) + need.size
    return found


# --- whether it is there -----------------------------------------------------------------------------------


def require_room(
    needs: Iterable[Need],
    folders: Mapping[Place, Root],
    reserve: int,
    disk_of: Callable[[Root], int] = Root.disk,
    free: Callable[[Root], int] = Root.free_bytes,
) -> None:
    """Return if all needs are met in these folders, with `reserve` bytes left on each disk.

    Raises:
        StorageError: `storage.will_not_fit`; the job is held until there is enough space.
    """
    needs = tuple(needs)
    for folder, size in by_disk(needs, folders, disk_of).items():
        have = free(folder)
        if have < size + reserve:
            kept = f", of which {human(reserve)} must stay free" if reserve else ""
            message = f"{human(size)} are needed here, and {human(have)} are free{kept}"
            error = StorageError(message, code="storage.will_not_fit", hint=_HINT, where=shown(folder.path))
            raise error.with_needs(*needs)


def require_room_for(
    plan: VideoPlan | AudioPlan,
    source_root: Path,
    source_size: int,
    places: FolderPlaces | None,
    finished: FinishedSegments | None = None,
) -> None:
    """Return if a job's result will fit beside its finished segments. Without `places`, nothing is checked.

    A disk that is not mounted now is checked when it is written to.

    Raises:
        StorageError: `storage.will_not_fit`, or a folder cannot be read.
    """
    if places is not None:
        folders = places.mounted
        needs = forecast(plan, Root(source_root), source_size, finished or FinishedSegments(), folders)
        require_room(needs, folders, places.reserve)


def require_room_left(result: Path, done: float, places: FolderPlaces | None) -> None:
    """Return while the disk of the work folder has its reserve free, whoever fills it.

    Args:
        result: the file that is being written in the work folder.
        done: the fraction of it that is written, 0 to 1; it tells how much space the whole file needs.
        places: of the watch folder; None: nothing is checked.

    Raises:
        StorageError: `storage.will_not_fit`, or the work folder cannot be read.
    """
    if places is None:
        return
    with storage_faults(places.work):
        free = free_bytes(places.work)
        if free >= places.reserve:
            return
        size = result.stat().st_size if result.exists() else 0
    message = f"{human(free)} are free, and {human(places.reserve)} must stay free"
    error = StorageError(message, code="storage.will_not_fit", hint=_HINT, where=shown(places.work))
    raise error.with_needs(Need("work", round(size / max(done, 0.01)) + SPARE))


def fits(needs: Iterable[Need], folders: Mapping[Place, Root], reserve: int) -> bool:
    """Return whether there is enough space now; a folder that cannot be read has none."""
    try:
        require_room(needs, folders, reserve)
    except StorageError:
        return False
    return True
