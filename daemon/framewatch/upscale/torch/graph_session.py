"""Frames from the host's memory through the GPU and back: copies run beside the computation."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np

from framewatch.upscale.engine import Session
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.torch.runtime import failures


class DeviceNetwork(Protocol):
    """The network on a device. Frames are uint8 tensors there, with the bytes of a session's frames."""

    name: str

    def run(self, frame: Any, out: Any) -> None:
        """Queue one frame on torch's current stream."""

    def close(self) -> None:
        """Give the memory back."""


class GraphSession(Session):
    """A lane for each frame in flight: its buffers, its graph and a stream for its copies.

    All lanes compute on one stream, one frame after another, so that the network's buffers are shared. The graph
    of a lane is the whole frame's work: starting it costs microseconds.

    Args:
        name, shape, scale, concurrency: as `Session`.
        network: on `device`; closed with the session, and when it does not open.
        torch: the module.
        device: a CUDA (or ROCm) device.

    Raises:
        EngineError, OutOfMemoryError: it does not open.
    """

    def __init__(
        self,
        name: str,
        shape: FrameShape,
        scale: int,
        concurrency: int,
        *,
        network: DeviceNetwork,
        torch: Any,
        device: Any,
    ) -> None:
        super().__init__(name, shape, scale, concurrency)
        self._torch = torch
        self._device = device
        self._network = network
        self._order = threading.Lock()
        self._lanes: SimpleQueue[_Lane] = SimpleQueue()
        with ExitStack() as undo, failures(torch), torch.cuda.device(device):
            undo.callback(network.close)
            self._compute = torch.cuda.Stream(device)
            pool = None
            for _ in range(self.concurrency):
                lane = _Lane(torch, device, shape, scale)
                pool = lane.record(network, self._compute, pool)
                self._lanes.put(lane)
            undo.pop_all()

    def _run(self, frame: Frame) -> Frame:
        lane = self._lanes.get()
        try:
            with failures(self._torch), self._torch.cuda.device(self._device):
                return self._through(lane, frame)
        finally:
            self._lanes.put(lane)

    def _through(self, lane: _Lane, frame: Frame) -> Frame:
        cuda = self._torch.cuda
        np.copyto(lane.host.numpy(), frame.reshape(-1).view(np.uint8))
        result = self._torch.empty(lane.out.shape, dtype=self._torch.uint8, pin_memory=True)
        with cuda.stream(lane.stream):
            lane.frame.copy_(lane.host, non_blocking=True)
            arrived = lane.stream.record_event()
        with self._order, cuda.stream(self._compute):
            self._compute.wait_event(arrived)
            lane.graph.replay()
            computed = self._compute.record_event()
        with cuda.stream(lane.stream):
            lane.stream.wait_event(computed)
            result.copy_(lane.out, non_blocking=True)
            lane.stream.record_event(lane.done)
        lane.done.synchronize()
        return _as_frame(result, self.shape.upscaled(self.scale))

    def _release(self) -> None:
        self._lanes = SimpleQueue()
        # A GPU that has failed cannot be waited for, and has nothing left to give back.
        with suppress(RuntimeError), self._torch.cuda.device(self._device):
            self._torch.cuda.synchronize(self._device)
            self._network.close()
            self._torch.cuda.empty_cache()


class _Lane:
    """What one frame in flight needs of its own."""

    def __init__(self, torch: Any, device: Any, shape: FrameShape, scale: int) -> None:
        self._torch = torch
        self.stream = torch.cuda.Stream(device)
        self.host = torch.empty(shape.bytes, dtype=torch.uint8, pin_memory=True)
        self.frame = torch.zeros(shape.bytes, dtype=torch.uint8, device=device)
        self.out = torch.empty(shape.upscaled(scale).bytes, dtype=torch.uint8, device=device)
        self.graph = torch.cuda.CUDAGraph()
        self.done = torch.cuda.Event(blocking=True)  # else the thread that waits takes a core, which encoders want

    def record(self, network: DeviceNetwork, compute: Any, pool: Any) -> Any:
        """Run the network once, so that all it sets up is set up, and record it; gives the pool to share."""
        cuda = self._torch.cuda
        cuda.synchronize()
        with cuda.stream(compute):
            network.run(self.frame, self.out)
        compute.synchronize()
        with cuda.graph(self.graph, pool=pool, stream=compute):
            network.run(self.frame, self.out)
        return self.graph.pool()


class PlainSession(Session):
    """One frame after another, without streams: for what torch runs on besides CUDA, such as Apple's GPUs."""

    def __init__(
        self,
        name: str,
        shape: FrameShape,
        scale: int,
        concurrency: int,
        *,
        network: DeviceNetwork,
        torch: Any,
        device: Any,
    ) -> None:
        super().__init__(name, shape, scale, concurrency)
        self._torch = torch
        self._device = device
        self._network = network
        self._turn = threading.Lock()

    def _run(self, frame: Frame) -> Frame:
        torch, shape = self._torch, self.shape.upscaled(self.scale)
        with failures(torch), self._turn:
            source = torch.from_numpy(frame.reshape(-1).view(np.uint8)).to(self._device)
            out = torch.empty(shape.bytes, dtype=torch.uint8, device=self._device)
            self._network.run(source, out)
            return _as_frame(out.cpu(), shape)

    def _release(self) -> None:
        self._network.close()


def _as_frame(values: Any, shape: FrameShape) -> Frame:
    """A tensor's bytes as a frame, without a copy."""
    frame: Frame = values.numpy().view(shape.dtype).reshape(shape.array)
    return frame
