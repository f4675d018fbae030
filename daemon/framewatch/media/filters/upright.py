"""Filters that make decoded frames upright and free of hidden edges, as a player shows them. Pure."""

from __future__ import annotations

from framewatch.domain import Edges, Video
from framewatch.media.filter_graph import Filter

_ROTATION_FILTERS = {
    0: (),
    90: (Filter("transpose", "clock"),),
    180: (Filter("hflip"), Filter("vflip")),
    270: (Filter("transpose", "cclock"),),
}


def upright_filters(video: Video) -> tuple[Filter, ...]:
    """Filters that cut off what the container hides, and then mirror and rotate as a player does."""
    (width, height), edges = video.shown, video.hidden
    crop = (Filter("crop", f"{width}:{height}:{edges.left}:{edges.top}:exact=1"),) if edges != Edges() else ()
    mirror = (Filter("hflip"),) if video.mirrored else ()
    return (*crop, *mirror, *_ROTATION_FILTERS[video.rotation])
