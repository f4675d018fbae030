"""A libavfilter chain: frames in, frames out, set up anew when the frames' shape or format changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import av
from av.filter import Graph
from av.video.frame import VideoFrame


class Filter(NamedTuple):
    """One libavfilter filter with its arguments, as in `scale=w=2:h=2`."""

    name: str
    args: str = ""

    def __str__(self) -> str:
        """The filter as a piece of ffmpeg's `-vf`."""
        return f"{self.name}={self.args}" if self.args else self.name


class FilterChain:
    """Pushes frames through filters; each frame keeps its PTS.

    A stream may change its size or pixel format in its middle. The chain is then drained and made anew,
    with a `scale` to one size in front, so that what comes out never changes its shape.
    """

    def __init__(
        self,
        filters: Iterable[Filter],
        time_base: Fraction,
        threads: int = 0,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Set up nothing yet: the first frame tells the format.

        Args:
            filters: in order; an empty chain passes frames on.
            time_base: seconds per PTS tick of the frames.
            threads: of slice-threaded filters; 0: as many as there are cores.
            size: width and height that all frames are brought to; None: those of the first.
        """
        self._filters = tuple(filters)
        self._time_base = time_base
        self._threads = threads
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None
        self._size = size

    def push(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """Put a frame in; what is ready comes out."""
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:
            yield from self.drain()
            self._graph, self._shape = self._made_for(frame), shape
        if self._graph is not None:
            self._graph.vpush(frame)
            yield from self._ready()

    def drain(self) -> Iterator[VideoFrame]:
        """Say that no more frames come; what was held back comes out."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._ready()
            self._graph = self._shape = None

    def _ready(self) -> Iterator[VideoFrame]:
        while self._graph is not None:
            try:
                yield self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return

    def _made_for(self, frame: VideoFrame) -> Graph:
        size = self._size = self._size or (frame.width, frame.height)
        refit = (frame.width, frame.height) != size
        filters = (Filter("scale", f"{size[0]}:{size[1]}:flags=bicubic"), *self._filters)
        graph = Graph()
        graph.threads = self._threads
        source = graph.add(
            "buffer",
            f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}"
            f":time_base={self._time_base.numerator}/{self._time_base.denominator}:pixel_aspect=1/1",
        )
        middle = [graph.add(name, args or None) for name, args in (filters if refit else self._filters)]
        # Some filters count in ticks of their own (bwdif in halves): back to the stream's.
        ticks = graph.add("settb", f"{self._time_base.numerator}/{self._time_base.denominator}")
        graph.link_nodes(source, *middle, ticks, graph.add("buffersink")).configure()
        return graph
