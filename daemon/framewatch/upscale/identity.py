"""A diagnostic engine without a network: each pixel becomes scale x scale equal pixels.

The output of a job that uses it was changed by decoding, colour conversion and encoding alone, which is how those are
tested. It must be asked for by name; `auto` never chooses it.
"""

from __future__ import annotations

from framewatch.upscale import host
from framewatch.upscale.engine import Device, Session, SessionRequest
from framewatch.upscale.frames.frame import Frame


class IdentityEngine:
    """Opens sessions that repeat pixels."""

    name = "identity"

    def devices(self) -> list[Device]:
        """Return the CPU: the engine runs everywhere."""
        return [Device(self.name, "CPU", "repeats pixels", host.memory_gb(), note="for diagnosis")]

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:  # noqa: ARG002
        """Return no limit: a session holds the frame and nothing else."""
        return None

    def open(self, device: str, request: SessionRequest) -> Session:  # noqa: ARG002
        """Open a session; this never fails."""
        return _IdentitySession(self.name, request.shape, request.scale, request.concurrency)


class _IdentitySession(Session):
    def _run(self, frame: Frame) -> Frame:
        repeated: Frame = frame.repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        return repeated
