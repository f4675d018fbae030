"""Pixels in, pixels out: the network's weights, the engines that run it, tiles, and the choice of an engine.

Nothing here knows of files with video in them, of jobs or of settings. A worker opens a session and feeds it:

    network = models.load("esrgan-2x")
    with open_session(network, FrameShape(1920, 1080), scale=2, concurrency=2) as session:
        for frame in session.upscale(frames): ...

An engine's runtime (torch, openvino, ncnn) is imported when that engine is first asked for, so that this package can
be imported with numpy alone.
"""

from __future__ import annotations

from framewatch.upscale.engine import Device, Session
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network.network import Network
from framewatch.upscale.selection import ENGINE_NAMES, devices, open_session

__all__ = ["ENGINE_NAMES", "Device", "Frame", "FrameShape", "Network", "Session", "devices", "open_session"]
