"""A diagnostic engine without a network: each pixel becomes scale x scale equal pixels.

What comes out of a job that uses it was changed by decoding, colour conversion and encoding alone, which is
how those are tested. It must be asked for by name; `auto` never chooses it.
"""

from __future__ import annotations

from framewatch.upscale import host
from framewatch.upscale.engine import Device, Session
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network.network import Network

_ID = "CPU"


class IdentityEngine:
    """Opens sessions that repeat pixels."""

    name = "identity"

    def devices(self) -> list[Device]:
        """It runs everywhere."""
        return [Device(self.name, _ID, "repeats pixels", note="for diagnosis", memory_gb=host.memory_gb())]

    def most_pixels(self, device: str, network: Network, scale: int, concurrency: int) -> int | None:  # noqa: ARG002
        """No limit: it holds the frame and nothing else."""
        return None

    def open(
        self,
        network: Network,  # noqa: ARG002 - repeats pixels whatever the network
        device: str,  # noqa: ARG002
        shape: FrameShape,
        scale: int,
        concurrency: int,
    ) -> Session:
        """Always succeeds."""
        return _IdentitySession(self.name, shape, scale, concurrency)


class _IdentitySession(Session):
    def _run(self, frame: Frame) -> Frame:
        repeated: Frame = frame.repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        return repeated
