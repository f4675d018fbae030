"""Index files of discs, as small as they can be."""

from __future__ import annotations

import struct


def playlist(*clips: tuple[str, float]) -> bytes:
    """Return a .mpls file that plays clips, by their names of five digits and their seconds."""
    ends = [(name.encode(), round(45_000 * seconds)) for name, seconds in clips]
    items = b"".join(struct.pack(">H5s4sHBII", 20, name, b"M2TS", 1, 0, 0, end) for name, end in ends)
    body = struct.pack(">IHHH", 6 + len(items), 0, len(clips), 0) + items
    return b"MPLS0200" + struct.pack(">III20x", 40, 40 + len(body), 0) + body


def title_set(*times: tuple[int, int, int]) -> bytes:
    """Return a VTS_xx_0.IFO file with titles of these hours, minutes and seconds."""
    chains = [struct.pack("4B", 0, 0, 1, 1) + bytes(int(str(part), 16) for part in time) + b"\x40" for time in times]
    entries = b"".join(struct.pack(">II", 0, 8 + 8 * len(chains) + 8 * number) for number in range(len(chains)))
    table = struct.pack(">HHI", len(chains), 0, 0) + entries + b"".join(chains)
    head = b"DVDVIDEO-VTS".ljust(0xCC, b"\0") + struct.pack(">I", 1)
    return head.ljust(2048, b"\0") + table
