"""Sessions on torch: frames from the host's memory through the GPU and back."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from typing import Any

import numpy as np

from framewatch.upscale.engine import Session, SessionRequest
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.torch.network import DeviceNetwork
from framewatch.upscale.torch.runtime import TorchDevice, project_errors


class TorchSession(Session):
    """What sessions on torch share.

    Args:
        name: as `Session`.
        request: what the session is for.
        network: on the device; closed with the session, and where it does not open.
        on: the device.

    Raises:
        EngineError, OutOfMemoryError: it does not open.
    """

    def __init__(self, name: str, request: SessionRequest, network: DeviceNetwork, on: TorchDevice) -> None:
        super().__init__(name, request.shape, request.scale, request.concurrency)
        self._torch = on.torch
        self._device = on.device
        self._network = network
        self._output_shape = request.shape.upscaled(request.scale)


class GraphSession(TorchSession):
    """Frames on a CUDA (or ROCm) device: copies run beside the computation, and a graph is a whole frame's work.

    Each frame in flight has its own buffers, graph and stream for copies. All compute on one stream, one frame after
    another, so that they share the network's buffers. Starting a graph costs microseconds, where queueing the kernels
    one by one would leave the GPU idle.
    """

    def __init__(self, name: str, request: SessionRequest, network: DeviceNetwork, on: TorchDevice) -> None:
        super().__init__(name, request, network, on)
        self._queueing = threading.Lock()
        self._in_flight: SimpleQueue[_InFlight] = SimpleQueue()
        with ExitStack() as undo, project_errors(on.torch), on.torch.cuda.device(on.device):
            undo.callback(network.close)
            self._compute = on.torch.cuda.Stream(on.device)
            pool = None
            for _ in range(self.concurrency):
                buffers = _InFlight(on, self.shape, self._output_shape)
                pool = buffers.record(network, self._compute, pool)
                self._in_flight.put(buffers)
            undo.pop_all()

    def _run(self, frame: Frame) -> Frame:
        buffers = self._in_flight.get()
        try:
            with project_errors(self._torch), self._torch.cuda.device(self._device):
                return self._upscaled(buffers, frame)
        finally:
            self._in_flight.put(buffers)

    def _upscaled(self, buffers: _InFlight, frame: Frame) -> Frame:
        cuda = self._torch.cuda
        np.copyto(buffers.host.numpy(), frame.reshape(-1).view(np.uint8))
        result = self._torch.empty(buffers.out.shape, dtype=self._torch.uint8, pin_memory=True)
        with cuda.stream(buffers.stream):
            buffers.frame.copy_(buffers.host, non_blocking=True)
            arrived = buffers.stream.record_event()
        with self._queueing, cuda.stream(self._compute):
            self._compute.wait_event(arrived)
            buffers.graph.replay()
            computed = self._compute.record_event()
        with cuda.stream(buffers.stream):
            buffers.stream.wait_event(computed)
            result.copy_(buffers.out, non_blocking=True)
            buffers.stream.record_event(buffers.done)
        buffers.done.synchronize()
        return _as_frame(result, self._output_shape)

    def _release(self) -> None:
        self._in_flight = SimpleQueue()
        # A GPU that has failed cannot be waited for, and has nothing left to free.
        with suppress(RuntimeError), self._torch.cuda.device(self._device):
            self._torch.cuda.synchronize(self._device)
            self._network.close()
            self._torch.cuda.empty_cache()


class _InFlight:
    """The buffers, the graph and the copying stream of one frame in flight."""

    def __init__(self, on: TorchDevice, shape: FrameShape, output_shape: FrameShape) -> None:
        torch, device = on.torch, on.device
        self._torch = torch
        self.stream = torch.cuda.Stream(device)
        self.host = torch.empty(shape.bytes, dtype=torch.uint8, pin_memory=True)
        self.frame = torch.zeros(shape.bytes, dtype=torch.uint8, device=device)
        self.out = torch.empty(output_shape.bytes, dtype=torch.uint8, device=device)
        self.graph = torch.cuda.CUDAGraph()
        # Without `blocking`, the waiting thread spins on a core that encoders could use.
        self.done = torch.cuda.Event(blocking=True)

    def record(self, network: DeviceNetwork, compute: Any, pool: Any) -> Any:
        """Run the network once, so that everything is set up, then record its graph; return the pool to share."""
        cuda = self._torch.cuda
        cuda.synchronize()
        with cuda.stream(compute):
            network.run(self.frame, self.out)
        compute.synchronize()
        with cuda.graph(self.graph, pool=pool, stream=compute):
            network.run(self.frame, self.out)
        return self.graph.pool()


class PlainSession(TorchSession):
    """One frame after another, without streams: for torch's devices that are not CUDA's, such as Apple's GPUs."""

    def __init__(self, name: str, request: SessionRequest, network: DeviceNetwork, on: TorchDevice) -> None:
        super().__init__(name, request, network, on)
        self._one_at_a_time = threading.Lock()

    def _run(self, frame: Frame) -> Frame:
        torch = self._torch
        with project_errors(torch), self._one_at_a_time:
            source = torch.from_numpy(frame.reshape(-1).view(np.uint8)).to(self._device)
            out = torch.empty(self._output_shape.bytes, dtype=torch.uint8, device=self._device)
            self._network.run(source, out)
            return _as_frame(out.cpu(), self._output_shape)

    def _release(self) -> None:
        self._network.close()


def _as_frame(values: Any, shape: FrameShape) -> Frame:
    """Return a view of a tensor's bytes as a frame."""
    frame: Frame = values.numpy().view(shape.dtype).reshape(shape.array)
    return frame
