"""Which chroma siting an output has, and how the source's chroma gets there. Pure.

An output has its source's siting where its encoder states that in the stream itself. Otherwise its chroma is moved to
the left of two columns, where every decoder expects it.
"""

from __future__ import annotations

from typing import get_args

from framewatch.domain import ChromaSiting, Record, Stream, Video
from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.encoders.parameter_lists import stated_value
from framewatch.media.plan.stream_table import location
from framewatch.media.preset.preset import Preset
from framewatch.media.siting import FULL, LEFT_TO_CONTAINERS, Position, position, shown_position, subsampling

# H.264 and H.265 have a number for each, AV1 for two of them. MPEG-2 defines one, VP9 and ProRes say nothing; of the
# encoders of hardware it is not known.
_STATED: dict[str, tuple[ChromaSiting, ...]] = {
    "libx264": get_args(ChromaSiting),
    "libx265": get_args(ChromaSiting),
    "libsvtav1": ("left", "topleft"),
}
# What a preset may state by `extra_encoder_args`: the name of the parameter, and what its values mean (H.265, E.3.1;
# AV1, 6.4.2). Any other value means nothing, and so left-sited chroma.
_IN_PARAMETERS: dict[str, tuple[str, dict[str, ChromaSiting]]] = {
    "libx265": (
        "chromaloc",
        {"0": "left", "1": "center", "2": "topleft", "3": "top", "4": "bottomleft", "5": "bottom"},
    ),
    "libsvtav1": ("chroma-sample-position", {"2": "topleft", "colocated": "topleft", "topleft": "topleft"}),
}
# The muxers that write what streams leave to the container.
_STATING_MUXERS = ("matroska", "webm")
_GREY = ("gray", "mono", "ya")


class ChromaPlan(Record):
    """Where chroma lies in the source's frames and in the output."""

    source: ChromaSiting  # as the source states it
    source_format: str  # pixel format of the source
    shown: Position  # in frames as ffmpeg decodes, mirrors and turns them
    siting: ChromaSiting  # of the output
    output_format: str  # pixel format of the output

    @property
    def output(self) -> Position:
        """The position in the output's frames."""
        return position(self.siting, self.output_format)

    @property
    def grey(self) -> bool:
        """Whether the source has no chroma."""
        return self.source_format.startswith(_GREY)

    @property
    def moves(self) -> bool:
        """Whether chroma has to be resampled although size and depth stay."""
        if self.grey:
            return False
        given, wanted = subsampling(self.source_format), subsampling(self.output_format)
        return given != wanted or (given != FULL and self.shown != self.output)


def chroma_plan(preset: Preset, video: Video, pixel_format: str) -> ChromaPlan:
    """Return the chroma's way from a video to an output in `pixel_format`."""
    given = video.pixel_format
    uneven = len(set(subsampling(given))) > 1 and video.rotation in (90, 270)
    return ChromaPlan(
        source=video.siting,
        # ffmpeg cannot turn frames with fewer columns than rows of chroma: it converts them first.
        source_format="yuv444p" if uneven else given,
        shown=Position(0, 0) if uneven else shown_position(video),
        siting=_output_siting(preset, video, pixel_format),
        output_format=pixel_format,
    )


def copied_siting_warnings(preset: Preset, main: Stream, video: Video) -> list[Finding]:
    """Return a warning where a copy loses what its container said of the chroma."""
    kept = main.codec not in LEFT_TO_CONTAINERS or rules().containers[preset.container].muxer in _STATING_MUXERS
    if kept or video.siting == "left":
        return []
    message = f"{preset.container} cannot state that {main.codec} has its chroma sited {video.siting}"
    hint = "players will show its colours up to half a pixel off; mkv keeps it"
    return [Finding("video.siting_dropped", message, hint, location(main))]


def _output_siting(preset: Preset, video: Video, pixel_format: str) -> ChromaSiting:
    """Return what the preset states, else the source's siting, if 4:2:0 remains and the encoder states it."""
    if (own := _of_preset(preset)) and pixel_format.startswith("yuv420"):
        return own
    same = subsampling(pixel_format) == subsampling(video.pixel_format)
    stated = _STATED.get(preset.video_codec, ())
    return video.siting if same and pixel_format.startswith("yuv420") and video.siting in stated else "left"


def _of_preset(preset: Preset) -> ChromaSiting | None:
    """Return what the preset's own options for the encoder will state: then chroma has to lie there."""
    if preset.video_codec not in _IN_PARAMETERS:
        return None
    name, meanings = _IN_PARAMETERS[preset.video_codec]
    stated = stated_value(preset.extra_encoder_args, preset.video_codec, name)
    return None if stated is None else meanings.get(stated, "left")
