"""Which engine upscales here: the first in order that opens, and computes what the reference computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from framewatch.errors import EngineError, EngineMissingError, Finding, WrongPixelsError
from framewatch.upscale import host
from framewatch.upscale.checks import selftest
from framewatch.upscale.checks.checked_session import CheckedSession
from framewatch.upscale.cuda.engine import CudaEngine
from framewatch.upscale.engine import Device, Engine
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.identity import IdentityEngine
from framewatch.upscale.ncnn.engine import NcnnCpuEngine, NcnnVulkanEngine
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino.engine import OpenVinoEngine
from framewatch.upscale.tiled_session import open_tiled
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
"""Every engine of this version."""

_ORDERS = MappingProxyType(
    {
        "auto": ("cuda", "torch", "ncnn-vulkan", "openvino", "ncnn"),
        "cuda": ("cuda", "torch"),
        "openvino": ("openvino",),
        "ncnn": ("ncnn-vulkan", "ncnn"),
        "identity": ("identity",),
    }
)
# In float32 ncnn's Winograd convolutions are half as fast again as OpenVINO's (docs/performance.md, CPU).
_FLOATS_FIRST = ("cuda", "torch", "ncnn-vulkan", "ncnn", "openvino")
ENGINE_NAMES = tuple(_ORDERS)
"""What `engine:` in the configuration may say. `identity` is a diagnostic that `auto` never chooses."""

# Engines that see a card once, each by an id of its own. A Vulkan loader may list one card twice.
_ONE_ID_A_CARD = ("cuda", "torch", "identity")
_SAME_IDS: Mapping[str, tuple[str, ...]] = MappingProxyType({"cuda": ("cuda", "torch")})
"""Engines that know a device by the same id, and may take each other's place there."""

OnFallback = Callable[[Finding], None]

Distrusted = Mapping[str, str]
"""Names of engines that are not to be used, each with the reason."""

_NOBODY: Distrusted = MappingProxyType({})


def devices(engines: Mapping[str, Engine] = ENGINES) -> list[Device]:
    """What each engine sees here; an engine that does not load is one unusable device with the reason."""
    found: list[Device] = []
    for engine in engines.values():
        try:
            found += engine.devices()
        except EngineError as error:
            found.append(Device(engine.name, "", usable=False, note=error.finding.message))
    return found


def first_device(engine: str = "auto", engines: Mapping[str, Engine] = ENGINES, *, fast: bool = False) -> Device:
    """The device on which `open_session` begins; `fast` where the network may be computed in 8 bits.

    Raises:
        EngineError: as `open_session`, where no engine sees any.
    """
    return _first_devices(engine, engines, fast=fast)[0]


def equal_devices(
    engine: str = "auto", engines: Mapping[str, Engine] = ENGINES, *, fast: bool = False
) -> list[Device]:
    """The device on which `open_session` begins, and all others of its engine that are just like it.

    Only where an engine's ids are one a card (cuda and torch) there are others: a Vulkan loader may list the same
    card twice, by two drivers, and two workers on one card would only be in each other's way.

    Raises:
        EngineError: as `first_device`.
    """
    found = _first_devices(engine, engines, fast=fast)
    return found if found[0].engine in _ONE_ID_A_CARD else found[:1]


def _first_devices(engine: str, engines: Mapping[str, Engine], *, fast: bool) -> list[Device]:
    """The equal devices of the first engine that sees any; raises as `first_device`."""
    reasons: list[Finding] = []
    for name in _order(engine, fast=fast):
        try:
            return _devices(_find(engines, name), None)
        except EngineError as error:
            reasons.append(error.finding.at(name))
    raise _none_works(engine, reasons)


def open_session(
    network: Network,
    shape: FrameShape,
    scale: int,
    concurrency: int,
    *,
    planes: FrameShape | None = None,
    engine: str = "auto",
    device: str | None = None,
    on_fallback: OnFallback = lambda _: None,
    engines: Mapping[str, Engine] = ENGINES,
    distrusted: Distrusted = _NOBODY,
) -> CheckedSession:
    """Open the first engine that works, after its golden self-test. Each of its frames is held against its input.

    An engine with no usable device here, or that this version does not have, is passed over in silence. One
    that does not load or open, or computes wrong pixels, is reported and the next is tried.

    Args:
        network: what to compute.
        shape: of the frames, in RGB; of any size, tiles are cut where the device needs them.
        planes: of the same frames as planes of YUV, for a device that takes them; the session's shape tells.
        scale: 2, 3 or 4.
        concurrency: most frames that are computed at once.
        engine: one of `ENGINE_NAMES`; with a `device`, the name of the engine that sees it.
        device: a device's id, where it should not be the engine's first usable one that works, or one just like
            that. Only engines that mean the same device by it are tried: where `cuda` fails, that is torch.
        on_fallback: gets a finding for each engine that failed.
        engines: what there is to choose from.
        distrusted: engines to pass over; the reasons stand in the error when none is left.

    Raises:
        EngineError: `engine.unknown`: no such name; `engine.unavailable`: none works, with every reason.
        WrongPixelsError: those that work are all distrusted.
    """
    reasons: list[Finding] = []
    order = _order(engine, fast=bool(network.int8)) if device is None else _SAME_IDS.get(engine, (engine,))
    for name in order:
        if name in distrusted:
            reasons.append(Finding("engine.distrusted", distrusted[name], where=name))
            continue
        try:
            candidate = _find(engines, name)
            usable = _devices(candidate, device)
        except EngineError as error:
            reasons.append(error.finding.at(name))
            if name in engines and error.finding.code != "engine.no_device":
                on_fallback(reasons[-1])
            continue
        for chosen in usable:
            taken = planes if planes and chosen.planes else shape
            try:
                return _opened(candidate, chosen, network, shape=taken, scale=scale, concurrency=concurrency)
            except EngineError as error:
                reasons.append(error.finding.at(name if len(usable) == 1 else f"{name} {chosen.id}"))
                on_fallback(reasons[-1])
    if distrusted and all(reason.code in ("engine.distrusted", "engine.no_device") for reason in reasons):
        raise _none_trusted(reasons)
    raise _none_works(engine, reasons)


def _order(engine: str, *, fast: bool) -> tuple[str, ...]:
    if engine not in _ORDERS:
        hint = f"one of: {', '.join(ENGINE_NAMES)}"
        raise EngineError(f'there is no engine "{engine}"', code="engine.unknown", hint=hint)
    return _FLOATS_FIRST if engine == "auto" and host.has_floats_only(fast=fast) else _ORDERS[engine]


def _find(engines: Mapping[str, Engine], name: str) -> Engine:
    if name not in engines:
        raise EngineError("this version does not have it", code="engine.no_device")
    return engines[name]


def _devices(engine: Engine, wanted: str | None) -> list[Device]:
    """The wanted device of an engine; or its first usable one, and those that are just like it: one may be broken."""
    seen = engine.devices()
    usable = [one for one in seen if one.usable and wanted in (None, one.id)]
    if usable:
        first = usable[0]
        return [one for one in usable if (one.gpu, one.description) == (first.gpu, first.description)]
    what = "; ".join(f"{one.description}: {one.note}" for one in seen if not one.usable) or "none was found"
    name = f"device {wanted}" if wanted else "usable device"
    raise EngineError(f"no {name} for it here ({what})", code="engine.no_device")


def _opened(
    engine: Engine, device: Device, network: Network, *, shape: FrameShape, scale: int, concurrency: int
) -> CheckedSession:
    session = open_tiled(engine, network, device.id, shape=shape, scale=scale, concurrency=concurrency)
    try:
        selftest.check(session, None if engine.name == "identity" else network)
    except EngineError:
        session.close()
        raise
    return CheckedSession(session, engine.name)


def _none_trusted(reasons: list[Finding]) -> WrongPixelsError:
    story = "; ".join(f"{reason.where}: {reason.message}" for reason in reasons if reason.code == "engine.distrusted")
    return WrongPixelsError(f"no engine gives right pixels here: {story}")


def _none_works(engine: str, reasons: list[Finding]) -> EngineMissingError:
    what = "no engine works here" if engine == "auto" else f'the engine "{engine}" does not work here'
    story = "; ".join(f"{reason.where}: {reason.message}" for reason in reasons)
    hint = "run `framewatch doctor` for what each engine sees"
    if engine != "auto":
        hint += ', or set engine to "auto"'
    return EngineMissingError(f"{what}: {story}", hint=hint)
