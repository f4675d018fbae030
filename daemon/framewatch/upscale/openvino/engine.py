"""The network on OpenVINO's CPU plugin: bf16 where the CPU has it, else float32.

bf16 serves 16-bit frames as well. The input goes in exactly and is added to the output in float32, so that bf16 only
adds noise to what the network adds: 64 dB against float32 were measured, and in smooth areas half a step of 10 bits
(RMS). Rounding to 8 bits alone is 59 dB; any lossy encoder costs far more.

With `precision: fast`, the network's middle layers use 8 bits where the CPU is faster in them. The rest stays the
same.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, Literal

from framewatch.errors import EngineError, OutOfMemoryError
from framewatch.upscale import host
from framewatch.upscale.engine import INT8, Device, Session, SessionRequest
from framewatch.upscale.frames.frame import Frame
from framewatch.upscale.openvino import graph

Precision = Literal["bf16", "f32"]

_CPU = "CPU"
_BYTES_PER_CHANNEL = 8  # two layers' outputs in float32; 460 to 770 bytes a pixel were measured, 896 are allowed


class OpenVinoEngine:
    """Opens sessions on the CPU.

    Args:
        precision: of what is not computed in 8 bits; None: bf16 where the CPU computes in it.
        int8: whether 8 bits are used where the network allows them; None: where the CPU is faster in them.
    """

    name = "openvino"

    def __init__(self, precision: Precision | None = None, int8: bool | None = None) -> None:
        self.precision = precision
        self.int8 = host.int8_is_faster() if int8 is None else int8

    def devices(self) -> list[Device]:
        """Return the CPU, with the precision of `exact` and, where 8 bits are used, of `fast`.

        Raises:
            EngineError: openvino is not installed or does not load.
        """
        core = _core()
        description = str(core.get_property(_CPU, "FULL_DEVICE_NAME")).strip()
        note = f"{self._precision(core)}, fast: int8" if self.int8 else self._precision(core)
        return [Device(self.name, _CPU, description, host.memory_gb(), note=note)]

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:  # noqa: ARG002
        """Return the largest tile whose activations take a share of the free memory."""
        network = request.network
        channels = network.features + network.layers[-1].biases.size
        return host.max_tile_pixels(channels * _BYTES_PER_CHANNEL, request.concurrency)

    def open(self, device: str, request: SessionRequest) -> Session:
        """Compile the network for frames of one shape. It takes 0.1 to 0.3 s, so that nothing is cached on disk.

        Raises:
            EngineError: openvino is missing or refuses the network.
            OutOfMemoryError: there is too little memory.
        """
        core = _core()
        precision = self._precision(core)
        network = request.network if self.int8 else replace(request.network, int8=())
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "NUM_STREAMS": host.parallel_frames(request.concurrency),
            "INFERENCE_NUM_THREADS": host.cores(),
            "ENABLE_CPU_PINNING": False,  # other workers and the encoder may use every core
        }
        try:
            compiled = core.compile_model(graph.build(network, request.shape, request.scale), device, options)
            infer_requests = [compiled.create_infer_request() for _ in range(max(1, request.concurrency))]
        except RuntimeError as error:
            raise _project_error(error) from error
        return _OpenVinoSession(self.name + (INT8 if network.int8 else f"/{precision}"), request, infer_requests)

    def _precision(self, core: Any) -> Precision:
        if self.precision:
            return self.precision
        return "bf16" if "BF16" in core.get_property(_CPU, "OPTIMIZATION_CAPABILITIES") else "f32"


class _OpenVinoSession(Session):
    """One infer request for each frame in flight; the plugin's streams take them in turn."""

    def __init__(self, name: str, request: SessionRequest, infer_requests: list[Any]) -> None:
        super().__init__(name, request.shape, request.scale, request.concurrency)
        self._infer_requests: SimpleQueue[Any] = SimpleQueue()
        for infer_request in infer_requests:
            self._infer_requests.put(infer_request)

    def _run(self, frame: Frame) -> Frame:
        infer_request = self._infer_requests.get()
        try:
            results = infer_request.infer({0: graph.as_bytes(frame)}, share_inputs=True, share_outputs=True)
            upscaled: Frame = results[0][0].copy()
        except (RuntimeError, MemoryError) as error:
            raise _project_error(error) from error
        finally:
            self._infer_requests.put(infer_request)
        return upscaled

    def _release(self) -> None:
        self._infer_requests = SimpleQueue()


def _core() -> Any:
    # openvino imports its model converter, which sends a usage event over the network. The runtime does not need it.
    # With None here that import fails, which openvino expects and ignores.
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    try:
        import openvino  # noqa: PLC0415 - loaded when this engine is first asked for
    except ImportError as error:
        hint = "pip install openvino"
        raise EngineError(f"openvino does not load: {error}", code="engine.unavailable", hint=hint) from error
    return openvino.Core()


def _project_error(error: BaseException) -> EngineError:
    text = str(error).strip().splitlines()
    what = text[-1].strip() if text else type(error).__name__
    lowered = str(error).lower()
    if isinstance(error, MemoryError) or "alloc" in lowered or "memory" in lowered:
        return OutOfMemoryError(f"openvino ran out of memory: {what}")
    return EngineError(f"openvino failed: {what}")
