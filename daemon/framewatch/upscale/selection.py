"""Which engine upscales here: the first in order that opens and computes what the reference computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from framewatch.errors import EngineError, EngineMissingError, Finding, WrongPixelsError
from framewatch.upscale import host
from framewatch.upscale.checks import selftest
from framewatch.upscale.checks.checked_session import CheckedSession
from framewatch.upscale.cuda.engine import CudaEngine
from framewatch.upscale.engine import Device, Engine, SessionRequest, UnusableDevice
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.identity import IdentityEngine
from framewatch.upscale.ncnn.engine import NcnnCpuEngine, NcnnVulkanEngine
from framewatch.upscale.openvino.engine import OpenVinoEngine
from framewatch.upscale.tiled_session import TiledSession
from framewatch.upscale.torch.engine import TorchEngine

_ALL: tuple[Engine, ...] = (
    CudaEngine(),
    TorchEngine(),
    NcnnVulkanEngine(),
    OpenVinoEngine(),
    NcnnCpuEngine(),
    IdentityEngine(),
)

ENGINES: Mapping[str, Engine] = MappingProxyType({engine.name: engine for engine in _ALL})
"""Every engine of this version, by name."""

# torch's operators follow our kernels, so that a GPU which those do not support, or fail on, is still used as a GPU.
_ORDERS = MappingProxyType(
    {
        "auto": ("cuda", "torch", "ncnn-vulkan", "openvino", "ncnn"),
        "cuda": ("cuda", "torch"),
        "openvino": ("openvino",),
        "ncnn": ("ncnn-vulkan", "ncnn"),
        "identity": ("identity",),
    }
)
# In float32, ncnn's Winograd convolutions are 1.5 times as fast as OpenVINO's (docs/performance.md, CPU).
_FLOAT32_ORDER = ("cuda", "torch", "ncnn-vulkan", "ncnn", "openvino")
ENGINE_NAMES = tuple(_ORDERS)
"""What `engine:` in the configuration may say. `identity` is a diagnostic that `auto` never chooses."""

# Engines whose ids name each card once. A Vulkan loader may list one card twice, for two drivers.
_UNIQUE_IDS = ("cuda", "torch", "identity")
# Engines that know a device by the same id, and may replace each other there.
_SHARED_IDS: Mapping[str, tuple[str, ...]] = MappingProxyType({"cuda": ("cuda", "torch")})

OnFallback = Callable[[Finding], None]


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine and device may be used, and in which layout the frames may go there."""

    engine: str = "auto"  # one of `ENGINE_NAMES`; with a `device`, the name of the engine that listed it
    device: str | None = None  # an id; None: the engine's first usable device that works, or one equal to it
    planes: FrameShape | None = (
        None  # the request's frames as YUV planes, for a device that takes them; None: RGB only
    )
    distrusted: Mapping[str, str] = field(default_factory=dict)  # engines not to use, by name, each with the reason


ANY_ENGINE = EngineChoice()


def devices(engines: Mapping[str, Engine] = ENGINES) -> list[Device | UnusableDevice]:
    """Return what each engine sees here; an engine that does not load is one unusable device with the reason."""
    found: list[Device | UnusableDevice] = []
    for engine in engines.values():
        try:
            found += engine.devices()
        except EngineError as error:
            found.append(UnusableDevice(engine.name, "", error.finding.message))
    return found


def equal_devices(
    engine: str = "auto", engines: Mapping[str, Engine] = ENGINES, *, fast: bool = False
) -> list[Device]:
    """Return the device that `open_session` tries first, and all others of its engine that are equal to it.

    Only engines whose ids name each card once (cuda and torch) have others. A Vulkan loader may list the same card
    twice, and two workers on one card would only slow each other down.

    Args:
        engine: one of `ENGINE_NAMES`.
        engines: what there is to choose from.
        fast: whether the network may be computed in 8 bits.

    Raises:
        EngineError: as `open_session`, where no engine sees a usable device.
    """
    reasons: list[Finding] = []
    for name in _order(engine, fast=fast):
        try:
            found = _usable_devices(_find(engines, name))
        except EngineError as error:
            reasons.append(error.finding.at(name))
            continue
        return found if name in _UNIQUE_IDS else found[:1]
    raise _none_works(engine, reasons)


def open_session(
    request: SessionRequest,
    choice: EngineChoice = ANY_ENGINE,
    *,
    on_fallback: OnFallback = lambda _: None,
    engines: Mapping[str, Engine] = ENGINES,
) -> CheckedSession:
    """Open the first engine that works and passes its self-test. Each output frame is compared with its input.

    An engine with no usable device here, or that this version does not have, is skipped silently. One that does not
    load or open, or computes wrong pixels, is reported and the next is tried.

    Args:
        request: for RGB frames of any size; they are cut into tiles where the device needs it.
        choice: what may be used. With a `device`, only engines that mean the same device by its id are tried: where
            `cuda` fails, that is torch.
        on_fallback: gets a finding for each engine that failed.
        engines: what there is to choose from.

    Returns:
        A session for `choice.planes` where the device takes planes, else for `request.shape`; its `shape` says which.

    Raises:
        EngineError: `engine.unknown`: no such name; `engine.unavailable`: none works, with every reason.
        WrongPixelsError: those that work are all distrusted.
    """
    reasons: list[Finding] = []
    for name in _candidates(request, choice):
        if name in choice.distrusted:
            reasons.append(Finding("engine.distrusted", choice.distrusted[name], where=name))
            continue
        try:
            engine = _find(engines, name)
            usable = _usable_devices(engine, choice.device)
        except EngineError as error:
            reasons.append(error.finding.at(name))
            if name in engines and error.finding.code != "engine.no_device":
                on_fallback(reasons[-1])
            continue
        for device in usable:
            try:
                return _opened(engine, device, request, choice.planes, on_fallback)
            except EngineError as error:
                reasons.append(error.finding.at(name if len(usable) == 1 else f"{name} {device.id}"))
                on_fallback(reasons[-1])
    if choice.distrusted and all(reason.code in ("engine.distrusted", "engine.no_device") for reason in reasons):
        raise _none_trusted(reasons)
    raise _none_works(choice.engine, reasons)


def _candidates(request: SessionRequest, choice: EngineChoice) -> tuple[str, ...]:
    """Return the names of the engines to try, in order."""
    if choice.device is None:
        return _order(choice.engine, fast=bool(request.network.int8))
    return _SHARED_IDS.get(choice.engine, (choice.engine,))


def _order(engine: str, *, fast: bool) -> tuple[str, ...]:
    if engine not in _ORDERS:
        hint = f"one of: {', '.join(ENGINE_NAMES)}"
        raise EngineError(f'there is no engine "{engine}"', code="engine.unknown", hint=hint)
    return _FLOAT32_ORDER if engine == "auto" and host.is_float32_only(fast=fast) else _ORDERS[engine]


def _find(engines: Mapping[str, Engine], name: str) -> Engine:
    if name not in engines:
        raise EngineError("this version does not have it", code="engine.no_device")
    return engines[name]


def _usable_devices(engine: Engine, wanted: str | None = None) -> list[Device]:
    """Return the wanted device of an engine; or its first usable one and those equal to it: one may be broken."""
    seen = engine.devices()
    usable = [device for device in seen if isinstance(device, Device) and wanted in (None, device.id)]
    if usable:
        first = usable[0]
        return [device for device in usable if (device.gpu, device.description) == (first.gpu, first.description)]
    unusable = (device for device in seen if not device.usable)
    what = "; ".join(f"{device.description}: {device.note}" for device in unusable) or "none was found"
    name = "usable device" if wanted is None else f"device {wanted}"
    raise EngineError(f"no {name} for it here ({what})", code="engine.no_device")


def _opened(
    engine: Engine, device: Device, request: SessionRequest, planes: FrameShape | None, on_fallback: OnFallback
) -> CheckedSession:
    """Return a session that has passed its self-test: for planes, if the device takes them.

    Where chroma does not lie as usual, a device that gets that wrong may still be right for RGB.
    """
    if planes is None or planes.yuv is None or not device.planes:
        return _tested(engine, device, request)
    try:
        return _tested(engine, device, replace(request, shape=planes))
    except EngineError as error:
        if planes.yuv.left_sited or error.finding.code != "engine.golden_mismatch":
            raise
        on_fallback(error.finding.at(engine.name))
        return _tested(engine, device, request)


def _tested(engine: Engine, device: Device, request: SessionRequest) -> CheckedSession:
    session = TiledSession(engine, device.id, request)
    try:
        selftest.check(session, None if engine.name == IdentityEngine.name else request.network)
    except EngineError:
        session.close()
        raise
    return CheckedSession(session, engine.name)


def _none_trusted(reasons: list[Finding]) -> WrongPixelsError:
    distrusted = [reason for reason in reasons if reason.code == "engine.distrusted"]
    return WrongPixelsError(f"no engine returns correct pixels here: {_listed(distrusted)}")


def _none_works(engine: str, reasons: list[Finding]) -> EngineMissingError:
    what = "no engine works here" if engine == "auto" else f'the engine "{engine}" does not work here'
    hint = "run `framewatch doctor` for what each engine sees"
    if engine != "auto":
        hint += ', or set engine to "auto"'
    return EngineMissingError(f"{what}: {_listed(reasons)}", hint=hint)


def _listed(reasons: list[Finding]) -> str:
    return "; ".join(f"{reason.where}: {reason.message}" for reason in reasons)
