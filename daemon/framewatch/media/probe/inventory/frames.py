"""What a decoder attaches to frames, as entries of the inventory."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction

from av.video.frame import VideoFrame

from framewatch.domain import Entry
from framewatch.domain.inventory import UNKNOWN
from framewatch.media.filter_graph import Filter, FilterChain
from framewatch.media.inventory.kinds import by_number, kinds
from framewatch.media.inventory.segment_boxes import can_be_written
from framewatch.media.probe.side_data import TYPES, SideDataType, side_data

# Which libav makes up, or which say how a frame was coded or is to be coded.
_NO_PROPERTIES = (8, 10, 18, 19, 22, 27)  # motion vectors, service type, regions, encoder parameters, boxes, hints
# Encoders of x264 and x265 state their version and options as "user data" that begins with these.
_ENCODERS = tuple(map(bytes.fromhex, ("dc45e9bde6d948b7962cd820d923eeef", "2ca2de09b51747dbbb55a4fe7fc2fc4e")))

_PAN_SCAN = struct.Struct("3i6h")  # AVPanScan: id, width and height in sixteenths, the offsets of three fields
_TWO_DIMENSIONS = bytes(4)  # AV_STEREO3D_2D


def frame_entries(frames: Iterable[VideoFrame], stream: int) -> tuple[Entry, ...]:
    """List what is attached to any of these frames of one stream, each kind once."""
    found: dict[int, Entry] = {}
    for frame in frames:
        for number in attached_types(frame):
            if number not in found and (entry := _entry(frame, number)) is not None:
                found[number] = entry.evolve(stream=stream)
    return tuple(found.values())


def attached_types(frame: VideoFrame) -> Iterator[int]:
    """Yield the numbers of the types of side data that a frame has; it stays as it is."""
    for number in TYPES:
        chain = FilterChain([Filter("sidedata", f"mode=select:type={number}")], Fraction(1), threads=1)
        if any(True for part in (chain.push(frame), chain.drain()) for _ in part):
            yield number


def _entry(frame: VideoFrame, number: int) -> Entry | None:
    if number in _NO_PROPERTIES:
        return None
    if number == SideDataType.SEI_UNREGISTERED and _read(frame, number).startswith(_ENCODERS):
        return None
    kind = by_number().get(number)
    if kind is None:
        return Entry(kind=UNKNOWN, detail=f"side data of frames of type {number}")
    if number == SideDataType.PANSCAN and _shows_everything(frame):
        return None
    data = _read(frame, number) if kinds()[kind].rewritten else b""
    if kind in ("stereo3d", "spherical") and not can_be_written(kind, data):
        return None if kind == "stereo3d" and data.startswith(_TWO_DIMENSIONS) else Entry(kind=f"{kind}_other")
    return Entry(kind=kind, data=data.hex())


def _shows_everything(frame: VideoFrame) -> bool:
    """Say whether the rectangle is none: libav attaches one to each frame of MPEG-2, mostly all of the picture."""
    try:
        _, width, height, *offsets = _PAN_SCAN.unpack_from(_read(frame, SideDataType.PANSCAN))
    except struct.error:
        return False
    if not width or not height:
        return True
    return width >= 16 * frame.width and height >= 16 * frame.height and not any(offsets)


def _read(frame: VideoFrame, number: int) -> bytes:
    return side_data(frame, SideDataType(number)).get(SideDataType(number), b"")
