"""A chain of libavfilter filters: frames in, frames out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
        """Return the filter as a part of ffmpeg's `-vf`."""
        return f"{self.name}={self.args}" if self.args else self.name


FiltersFor = Callable[[VideoFrame], tuple[Filter, ...]]
"""Returns the filters for a frame: those that a stream needs may change with its frames."""


class FilterChain:
    """Pushes frames through filters; each frame keeps its PTS.

    A stream may change its size or pixel format in the middle. The graph is then drained and built again.
    """

    def __init__(
        self,
        filters: Iterable[Filter] | FiltersFor,
        time_base: Fraction,
        threads: int = 0,
    ) -> None:
        """Build nothing yet: the first frame tells the format.

        Args:
            filters: in order, the same for all frames or for each; an empty chain passes frames through.
            time_base: seconds per PTS tick of the frames.
            threads: of slice-threaded filters; 0, as in libavfilter: as many as there are cores.
        """
        self._filters: FiltersFor
        if callable(filters):
            self._filters = filters
        else:
            same = tuple(filters)
            self._filters = lambda _: same
        self._time_base = time_base
        self._threads = threads
        self._graph: Graph | None = None
        self._input: tuple[int, int, str, tuple[Filter, ...]] | None = None  # that the graph is built for

    def push(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """Put a frame in; yields the frames that are ready."""
        given = (frame.width, frame.height, frame.format.name, self._filters(frame))
        if given != self._input:
            yield from self.drain()
            self._graph, self._input = self._build(*given), given
        if self._graph is not None:
            self._graph.vpush(frame)
            yield from self._ready()

    def drain(self) -> Iterator[VideoFrame]:
        """End the input; yields the frames that were held back."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._ready()
            self._graph = self._input = None

    def _ready(self) -> Iterator[VideoFrame]:
        while self._graph is not None:
            try:
                yield self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return

    def _build(self, width: int, height: int, pixel_format: str, filters: tuple[Filter, ...]) -> Graph:
        """Return the graph for frames like these."""
        ticks = f"{self._time_base.numerator}/{self._time_base.denominator}"
        graph = Graph()
        graph.threads = self._threads
        source = graph.add(
            "buffer",
            f"video_size={width}x{height}:pix_fmt={pixel_format}:time_base={ticks}:pixel_aspect=1/1",
        )
        nodes = [graph.add(name, args or None) for name, args in filters]
        # Some filters change the time base (bwdif halves it): convert back to the stream's.
        settb = graph.add("settb", ticks)
        graph.link_nodes(source, *nodes, settb, graph.add("buffersink")).configure()
        return graph
