"""What a file contains: its streams, their frame geometry and colour."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from pydantic import Field

from framewatch.domain.changes import NO_CHANGES, Changes
from framewatch.domain.colour import Colour
from framewatch.domain.inventory import Entry
from framewatch.domain.record import Record

ChromaSiting = Literal["left", "center", "topleft", "top", "bottomleft", "bottom"]
"""Where a chroma sample lies among the luma samples that share it (ITU-T H.273, figure 1), by ffmpeg's names."""


class Edges(Record):
    """Pixels at each side of a coded frame, before rotation."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


class Rectangle(Record):
    """A part of a frame, in pixels."""

    left: int
    top: int
    width: int
    height: int


class MasteringDisplay(Record):
    """The display that a film was graded on (SMPTE ST 2086); a source may have only one of the parts."""

    colours: tuple[tuple[Fraction, Fraction], ...] = ()  # x and y of CIE 1931: red, green, blue, white; or none
    luminance: tuple[Fraction, Fraction] | None = None  # cd/m²: the darkest, the brightest


class Hdr(Record):
    """The static metadata of HDR10, by which players adapt frames to their display."""

    mastering: MasteringDisplay | None = None
    light: tuple[int, int] | None = None  # cd/m²: MaxCLL and MaxFALL (CTA-861.3), 0 where not known


class IccProfile(Record):
    """The ICC profile of an image."""

    size: int  # bytes
    flaw: str | None = None  # why it cannot stay with an image that becomes RGB


class DolbyVision(Record):
    """What a container says of a video's Dolby Vision."""

    profile: int  # 5, 7, 8 …
    compatibility: int  # how its frames look without Dolby Vision: 1 HDR10, 2 SDR, 4 HLG …; 0: wrong
    enhanced: bool = False  # a second layer completes the frames

    @property
    def is_incompatible(self) -> bool:
        """Whether only a player with Dolby Vision shows the colours right: they are of no common colour space."""
        return self.profile == 5 or (self.profile in (10, 20) and self.compatibility == 0)

    @property
    def title(self) -> str:
        """The profile as it is usually named, such as "profile 8.1"."""
        kind = f".{self.compatibility}" if self.profile in (8, 10) else ""
        layers = ", two layers" if self.enhanced else ""
        return f"profile {self.profile}{kind}{layers}"


class Video(Record):
    """The properties of a video stream. Sizes are coded pixels, before SAR and rotation."""

    width: int
    height: int
    pixel_format: str
    bit_depth: int  # of a component: 8, 10, 12 …
    rate: Fraction | None  # average frame rate, frames per second
    sar: Fraction = Fraction(1)  # sample aspect ratio; 1 where unknown
    rotation: Literal[0, 90, 180, 270] = 0  # degrees clockwise by which a player rotates each frame
    mirrored: bool = False  # a player also mirrors each frame left to right, before the rotation
    interlaced: bool = False
    colour: Colour = Colour()
    siting: ChromaSiting = "left"  # where chroma is not subsampled, left
    hdr: Hdr | None = None
    alpha: bool = False
    icc: IccProfile | None = None  # images only
    dolby_vision: DolbyVision | None = None
    hidden: Edges = Edges()  # cropped by players because of `clap` in MOV or PixelCrop in Matroska

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height after cropping, before SAR and rotation."""
        edges = self.hidden
        return self.width - edges.left - edges.right, self.height - edges.top - edges.bottom

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height after cropping and rotation, before SAR."""
        return self.shown[::-1] if self.rotation in (90, 270) else self.shown

    @property
    def visible(self) -> Rectangle | None:
        """What is left without the hidden edges of a frame that was mirrored and rotated; None: all of it."""
        if self.hidden == Edges():
            return None
        left, right, top, bottom = self.hidden.left, self.hidden.right, self.hidden.top, self.hidden.bottom
        if self.mirrored:
            left, right = right, left
        for _ in range(self.rotation // 90):
            left, right, top, bottom = bottom, top, left, right
        width, height = self.upright
        return Rectangle(left=left, top=top, width=width, height=height)


class Audio(Record):
    """The properties of an audio stream."""

    sample_rate: int  # Hz
    channels: int
    layout: str = ""


StreamKind = Literal["video", "audio", "subtitle", "attachment", "data"]


class Stream(Record):
    """One stream of a container."""

    index: int  # in the file, counted as by ffmpeg
    kind: StreamKind
    codec: str  # ffmpeg's name: h264, aac, subrip, hdmv_pgs_subtitle; "unknown" if it has none
    start: float | None = None  # seconds on the container's clock
    duration: float | None = None  # seconds
    language: str = ""
    title: str = ""
    default: bool = False
    forced: bool = False
    cover: bool = False  # a still image attached to the file
    empty: bool = False  # no packet of it is in the file
    pages: tuple[int, ...] = ()  # of teletext: those with subtitles, as viewers know them; none: not known
    video: Video | None = None
    audio: Audio | None = None


FrameMessageKind = Literal[
    "captions_a53",  # CTA-608 and CTA-708
    "afd",  # active format description: which part of the frame is picture
    "bar_data",  # where black bars end
    "hdr10plus",  # dynamic metadata of SMPTE ST 2094-40
    "hdr_vivid",
    "dolby_vision",
    "frame_timecode",
    "lcevc",  # an enhancement layer
    "alpha_layer",  # of H.265: transparency, as pictures of their own
    "registered_data",  # of another kind
]


class FrameMessages(Record):
    """One kind of messages that the main video attaches to single frames; the kinds are those of the inventory."""

    kind: FrameMessageKind
    frames: int  # that have one
    first: float  # seconds on the source's clock: the first of them
    local: bool = False  # they give places in pixels
    flaw: str | None = None  # why they cannot be read frame by frame
    vision: DolbyVision | None = None  # what they say of Dolby Vision


class Extras(Record):
    """How much of a file is neither picture nor sound. It does not change what is rendered."""

    tags: int = 0  # of the file and its streams
    tag_characters: int = 0  # of their values, and of what chapters say
    title: str | None = None  # the file's own, shortened; None where it is not too long
    shortened: tuple[int, ...] = ()  # streams whose title or language is shortened
    reach: int | None = None  # bytes to look for streams in, where libav's own limit is too small
    attachments: dict[int, int] = Field(default_factory=dict)  # bytes of each, by stream
    frame_messages: tuple[FrameMessages, ...] = ()


def _prominence(stream: Stream) -> tuple[bool, bool, int]:
    video = stream.video
    return video is not None, stream.default, video.width * video.height if video else 0


class MediaInfo(Record):
    """What the probe found in a file."""

    container: str  # ffmpeg's demuxer name: "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"
    size: int  # bytes
    start: float  # seconds: the earliest timestamp, which ffmpeg maps to zero
    duration: float  # seconds
    streams: tuple[Stream, ...]
    chapters: int = 0
    extras: Extras = Extras()
    video_track: int | None = None  # index of the video that the user wants; None: the one that the file is about
    changes: Changes = NO_CHANGES
    inventory: tuple[Entry, ...] = ()  # what is attached to the file, its streams and its first frames

    @property
    def main_video(self) -> Stream | None:
        """The video that is processed: the user's, else the default one, and of several of those the largest.

        One that cannot be decoded comes after all others.
        """
        videos = self.of_kind("video")
        wanted = next((stream for stream in videos if stream.index == self.video_track), None)
        return wanted or max(videos, key=_prominence, default=None)

    def of_kind(self, kind: StreamKind) -> tuple[Stream, ...]:
        """Return the streams of one kind, without covers."""
        return tuple(stream for stream in self.streams if stream.kind == kind and not stream.cover)
