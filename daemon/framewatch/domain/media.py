"""What a file is: its streams, its frame geometry and its colour."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from framewatch.domain.record import Record


class Colour(Record):
    """Colour tags in ffmpeg's words; None where the source does not say."""

    matrix: str | None = None  # bt709, smpte170m, bt470bg, bt2020nc, gbr …
    range: Literal["limited", "full"] | None = None
    primaries: str | None = None  # bt709, smpte170m, bt2020 …
    transfer: str | None = None  # bt709, smpte2084, arib-std-b67 …


class Edges(Record):
    """Pixels at each side of a coded picture, before rotation."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


class MasteringDisplay(Record):
    """The display that a film was graded on (SMPTE ST 2086); a source may tell either part alone."""

    colours: tuple[tuple[Fraction, Fraction], ...] = ()  # x and y of CIE 1931: red, green, blue, white; or none
    luminance: tuple[Fraction, Fraction] | None = None  # cd/m²: the darkest, the brightest


class Hdr(Record):
    """HDR10's static metadata: how players fit the picture to their own display."""

    mastering: MasteringDisplay | None = None
    light: tuple[int, int] | None = None  # cd/m²: MaxCLL and MaxFALL (CTA-861.3), 0 where not known


class Video(Record):
    """What is special to a video stream. Sizes are coded pixels, before SAR and rotation."""

    width: int
    height: int
    pixel_format: str
    bit_depth: int  # of a component: 8, 10, 12 …
    rate: Fraction | None  # average frame rate, frames per second
    sar: Fraction = Fraction(1)  # sample aspect ratio; 1 where unknown
    rotation: Literal[0, 90, 180, 270] = 0  # degrees clockwise that a player turns the picture
    mirrored: bool = False  # a player also mirrors it left to right, before it turns it
    interlaced: bool = False
    colour: Colour = Colour()
    hdr: Hdr | None = None
    alpha: bool = False
    hidden: Edges = Edges()  # what the container says that no player shows: `clap` of MOV, PixelCrop of Matroska

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height of what is shown, before SAR and rotation."""
        edges = self.hidden
        return self.width - edges.left - edges.right, self.height - edges.top - edges.bottom

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height of what is shown, as a player turns it."""
        return self.shown[::-1] if self.rotation in (90, 270) else self.shown


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
