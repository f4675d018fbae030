"""What becomes of the messages that a source attaches to single frames, where the video is encoded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from framewatch.domain import FrameMessageKind, FrameMessages, MediaInfo, Record
from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.inventory.carriage import Carriage
from framewatch.media.inventory.kinds import kinds
from framewatch.media.plan.stream_table import location
from framewatch.media.preset.preset import Preset

_WRITTEN = ("captions_a53", "afd", "hdr10plus")  # the kinds that are put into an output
_COPY_HINT = 'processing_mode "copy" keeps the video as it is'


class CarriedMessages(Record):
    """Which messages an output is to have, and until when."""

    kinds: tuple[FrameMessageKind, ...]
    end: float | None = None  # seconds on the source's clock: the first time that is cut off


def carried_messages(preset: Preset, info: MediaInfo, pixel_format: str) -> tuple[FrameMessageKind, ...]:
    """Return the kinds of messages that an output that is encoded in `pixel_format` is to have."""
    found = info.extras.frame_messages
    return tuple(
        each.kind for each in found if each.kind in _WRITTEN and _obstacle(preset, info, pixel_format, each) is None
    )


def message_warnings(preset: Preset, info: MediaInfo, pixel_format: str) -> Iterator[Finding]:
    """Yield a warning for each of these kinds that an output that is encoded in `pixel_format` cannot have."""
    main = info.main_video
    entries = {each.kind: each for each in info.inventory if main is not None and each.stream == main.index}
    found = {each.kind: each for each in info.extras.frame_messages}
    for kind in _WRITTEN:
        if main is None or kind not in entries:
            continue
        messages = next((each for name, each in found.items() if name == kind), None)
        reason = "it is coded in a way that only a decoder reads"
        if messages is not None:
            reason = _obstacle(preset, info, pixel_format, messages) or ""
        if reason:
            detail = f" ({entries[kind].detail})" if entries[kind].detail else ""
            message = f"{kinds()[kind].title}{detail} is dropped: {reason}"
            yield Finding(kinds()[kind].told_by, message, _hint(kind, preset), location(main))


def with_messages(found: Iterable[Carriage], carried: Sequence[str]) -> tuple[Carriage, ...]:
    """Return what becomes of an inventory, where the output is to have just these kinds of messages."""
    return tuple(
        each.evolve(outcome="carried" if each.kind in carried else "dropped") if each.kind in _WRITTEN else each
        for each in found
    )


def check_dolby_vision(preset: Preset, info: MediaInfo) -> list[Finding]:
    """Return a finding where frames have colours that only a player with Dolby Vision shows right.

    Profile 5, and profile 10 without compatibility, have no base layer in any common colour space (IPT-PQ-c2).
    """
    main = info.main_video
    said = next((each.vision for each in info.extras.frame_messages if each.vision), None)
    found = main.video.dolby_vision or said if main and main.video else None
    if main is None or found is None or not found.is_incompatible:
        return []
    if preset.processing_mode == "copy" or rules().containers[preset.container].audio_only:
        return []
    message = f"this video is Dolby Vision of {found.title}, whose colours nothing here can convert"
    hint = f"{_COPY_HINT}; else a file of profile 8.1, or of HDR10, is needed"
    return [Finding("media.dolby_vision", message, hint, location(main))]


def _hint(kind: str, preset: Preset) -> str:
    allowed = rules().containers[preset.container].video.encode
    fitting = [name for name in rules().video_encoders if name in allowed and kinds()[kind].has_place(name)]
    return f"video_codec {' or '.join(fitting)} can keep it; {_COPY_HINT}" if fitting else _COPY_HINT


def _obstacle(preset: Preset, info: MediaInfo, pixel_format: str, found: FrameMessages) -> str | None:
    """Return why an output cannot have messages; None where it can."""
    if not kinds()[found.kind].has_place(preset.video_codec):
        return f"{preset.video_codec} has no place for it"
    if found.flaw is not None:
        return found.flaw
    if found.kind == "hdr10plus":
        return _hdr10plus_obstacle(preset, info, pixel_format, found)
    if found.kind == "afd" and (preset.active_crop or preset.reorients or preset.resolution == "custom"):
        return "the preset changes the shape of the frame that it describes"
    return None


def _hdr10plus_obstacle(preset: Preset, info: MediaInfo, pixel_format: str, found: FrameMessages) -> str | None:
    video = info.main_video.video if info.main_video else None
    if video is None or video.colour.transfer != "smpte2084":
        return "the video is not PQ"
    if "10" not in pixel_format:
        return f"the output is {pixel_format}, and it needs 10 bits"
    if preset.active_crop:
        return "it describes the frame without the crop"
    if found.local and (preset.upscales or preset.reorients):
        return "it treats parts of the frame differently, by their places in pixels"
    return None
