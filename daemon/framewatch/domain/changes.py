"""What of a file's picture and sound changes between its beginning and its end."""

from __future__ import annotations

from fractions import Fraction

from framewatch.domain.colour import Colour
from framewatch.domain.record import Record


class Picture(Record):
    """How frames are made that are decoded with the same parameters. The size is coded pixels, as in `Video`."""

    width: int
    height: int
    sar: Fraction
    pixel_format: str
    bit_depth: int = 8
    colour: Colour = Colour()  # as the frames state it

    def __str__(self) -> str:
        """Return what a user knows it by: the size and, if the pixels are not square, their shape."""
        shape = "" if self.sar == 1 else f" (SAR {self.sar.numerator}:{self.sar.denominator})"
        return f"{self.width}x{self.height}{shape}"


class PictureSpan(Record):
    """A picture, and where it begins."""

    pts: int  # of the first frame, in ticks of the video's time base
    seconds: float  # the same on the container's clock
    picture: Picture


class Sound(Record):
    """How the samples of a sound track come out of its decoder."""

    sample_rate: int  # Hz
    layout: str
    channels: int

    def __str__(self) -> str:
        """Return it as a user knows it."""
        return f"{self.layout} at {self.sample_rate} Hz"


class SoundSpan(Record):
    """A sound, and where it begins."""

    stream: int
    seconds: float  # on the container's clock
    sound: Sound


class Changes(Record):
    """What a file's main video and its sound tracks are made of, in order of time; empty where nothing changes.

    The first entry of the pictures, and the first of each sound track, say how it begins. What is beyond `MOST_SPANS`
    is only counted.
    """

    pictures: tuple[PictureSpan, ...] = ()
    more_pictures: int = 0
    sounds: tuple[SoundSpan, ...] = ()
    more_sounds: int = 0
    # New parameters may come beside the packets: MP4 can hold several descriptions, FLV sends another one. Most
    # containers hold one.
    apart: bool = False  # those of the video
    sounds_apart: tuple[int, ...] = ()  # the sound tracks whose do
    sounds_resent: tuple[int, ...] = ()  # the sound tracks that are sent the same parameters again


NO_CHANGES = Changes()

MOST_SPANS = 1000
"""As many spans are known of each stream. A file with more is hostile; its frames are fitted all the same."""


def picture_at(spans: tuple[PictureSpan, ...], pts: int) -> Picture | None:
    """Return the picture that a frame has; None where none is known to change."""
    low, high = 0, len(spans)
    while low < high:
        middle = (low + high) // 2
        if spans[middle].pts <= pts:
            low = middle + 1
        else:
            high = middle
    return spans[max(low - 1, 0)].picture if spans else None
