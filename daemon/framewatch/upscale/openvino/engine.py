"""The network on OpenVINO's CPU plugin: bf16 where the processor has it, else float32.

bf16 serves 16-bit frames as well. The input goes in exactly and is added to the output in float32, so what
bf16 costs is noise on what the network adds: measured 64 dB against float32, and in smooth parts half a code
value of 10 bits (RMS). Rounding to 8 bits alone is 59 dB; any lossy encoder costs far more.

A network that may be computed in 8 bits is, where the processor is faster in them. The rest of it stays as above.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, Literal

from framewatch.errors import EngineError, OutOfMemoryError
from framewatch.upscale import host
from framewatch.upscale.engine import INT8, Device, Session
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino import graph as openvino_graph

Precision = Literal["bf16", "f32"]

_CPU = "CPU"
_BYTES_PER_CHANNEL = 8  # two layers' float32 outputs live at once; measured 460-770 bytes a pixel, 896 allowed


class OpenVinoEngine:
    """Opens sessions on the processor.

    Args:
        precision: "bf16" or "f32", of what is not computed in 8 bits; None: bf16 where the processor computes in it.
        int8: whether 8 bits are used where the network allows them; None: where the processor is faster in them.
    """

    name = "openvino"

    def __init__(self, precision: Precision | None = None, int8: bool | None = None) -> None:
        self.precision = precision
        self.int8 = host.int8_is_faster() if int8 is None else int8

    def devices(self) -> list[Device]:
        """The processor, with the precisions that it will be run with: exact, and where it has one, fast.

        Raises:
            EngineError: openvino is not installed or does not load.
        """
        core = _core()
        description = str(core.get_property(_CPU, "FULL_DEVICE_NAME")).strip()
        note = f"{self._precision(core)}, fast: int8" if self.int8 else self._precision(core)
        return [Device(self.name, _CPU, description, note=note, memory_gb=host.memory_gb())]

    def most_pixels(self, device: str, network: Network, scale: int, concurrency: int) -> int | None:  # noqa: ARG002
        """A window whose activations take a share of the free memory."""
        channels = network.features + network.layers[-1].biases.size
        return host.most_pixels(channels * _BYTES_PER_CHANNEL, concurrency)

    def open(self, network: Network, device: str, shape: FrameShape, scale: int, concurrency: int) -> Session:
        """Compile the network for frames of one shape: 0.1 to 0.3 s, so nothing is cached on disk.

        Raises:
            EngineError: openvino is missing or refuses.
            OutOfMemoryError: too little memory.
        """
        core = _core()
        precision = self._precision(core)
        if not self.int8:
            network = replace(network, int8=())
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "NUM_STREAMS": host.lanes(concurrency),
            "INFERENCE_NUM_THREADS": host.cores(),
            "ENABLE_CPU_PINNING": False,  # other workers and the encoder have a right to every core
        }
        try:
            compiled = core.compile_model(openvino_graph.build(network, shape, scale), device, options)
            requests = [compiled.create_infer_request() for _ in range(max(1, concurrency))]
        except RuntimeError as error:
            raise _failure(error) from error
        return _OpenVinoSession(self.name + (INT8 if network.int8 else f"/{precision}"), shape, scale, requests)

    def _precision(self, core: Any) -> Precision:
        if self.precision:
            return self.precision
        return "bf16" if "BF16" in core.get_property(_CPU, "OPTIMIZATION_CAPABILITIES") else "f32"


class _OpenVinoSession(Session):
    """One infer request for each frame in flight; the plugin's streams take them in turn."""

    def __init__(self, name: str, shape: FrameShape, scale: int, requests: list[Any]) -> None:
        super().__init__(name, shape, scale, len(requests))
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for request in requests:
            self._requests.put(request)

    def _run(self, frame: Frame) -> Frame:
        request = self._requests.get()
        try:
            results = request.infer({0: openvino_graph.as_bytes(frame)}, share_inputs=True, share_outputs=True)
            upscaled: Frame = results[0][0].copy()
        except (RuntimeError, MemoryError) as error:
            raise _failure(error) from error
        finally:
            self._requests.put(request)
        return upscaled

    def _release(self) -> None:
        self._requests = SimpleQueue()


def _core() -> Any:
    # openvino loads its model converter when it is imported, and that sends a usage event over the network.
    # The runtime does not need it. With None here that import fails, which openvino expects and passes over.
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    try:
        import openvino  # noqa: PLC0415 - loaded when this engine is first asked for
    except ImportError as error:
        hint = "pip install openvino"
        raise EngineError(f"openvino does not load: {error}", code="engine.unavailable", hint=hint) from error
    return openvino.Core()


def _failure(error: BaseException) -> EngineError:
    text = str(error).strip().splitlines()
    what = text[-1].strip() if text else type(error).__name__
    lowered = str(error).lower()
    if isinstance(error, MemoryError) or "alloc" in lowered or "memory" in lowered:
        return OutOfMemoryError(f"openvino ran out of memory: {what}")
    return EngineError(f"openvino failed: {what}")
