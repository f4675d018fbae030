"""How much memory, and how large files, the processes of a job can need: the bounds that the kernel enforces. Pure.

Unlike the forecast of disk space, which is guessed low because a job that waits for nothing annoys, these are upper
bounds: each is several times what was measured, so that no job that can be done fails by them.
"""

from __future__ import annotations

from framewatch.domain import MediaInfo
from framewatch.jobs.attempt.concurrency import MAX_LANES, EncoderLoad, Host, stages
from framewatch.media.limits import Limits
from framewatch.media.plan.image_plan import ImagePlan, Plan
from framewatch.media.plan.plan import AudioPlan, VideoPlan
from framewatch.media.process_bounds import Bounds
from framewatch.media.reading_cost import decoding_bytes, frames_bytes, opening_bytes, scanning_bytes
from framewatch.media.rules.video_rules import GIF_BYTES
from framewatch.render.tasks import DeviceReport
from framewatch.upscale.frames.tiling import MAX_TILE_PIXELS

_GIB = 2**30
_BASE = _GIB  # program, libraries, buffers
_THREAD_BYTES = 64 * 2**20  # for each core: several pools have a thread for each, with a stack of 8 MiB and buffers
_FILTERED_FRAMES = 24  # in a chain of filters, which has about ten at the most, in two threads each
_SAMPLE_BYTES = 8  # of a pixel: four components of 16 bits
# libx264 takes most of all encoders: 450 bytes at `placebo`, 3 for each of up to 250 frames of lookahead that a
# preset may ask for, and 9 for each of at most 128 threads (concurrency.py has the sources).
_ENCODER_BYTES = 2 * (450 + 3 * 250 + 9 * 128)
# A tile takes up to 2,800 bytes a pixel on a CPU (upscale/ncnn/engine.py), and engines use a quarter of what is free.
_CPU_ENGINE_BYTES = 6000
_GPU_ENGINE_BYTES = 32 * _GIB  # what CUDA and drivers map privately on the host, several times over
_LEAST_BOUND = 4 * _GIB  # on small machines: their kernel ends a worker before that, and the attempt is repeated
_MOST_QUEUED = 16 * _GIB  # packets that wait for the first one of another stream: at most the whole file
_RAW_AUDIO = 8 * 192_000 * 4  # bytes of a second: eight channels at 192 kHz, four bytes each


def reading_bounds(limits: Limits) -> Bounds:
    """Return the bounds of the probe, whose worker takes more as it learns the sizes of file and frames."""
    return _with_setting(limits, Bounds(worker=opening_bytes(limits, 0)))


def job_bounds(
    plan: Plan, info: MediaInfo, limits: Limits, host: Host, device: DeviceReport | None, lanes: int | None = None
) -> Bounds:
    """Return the bounds for everything that is done after the probe.

    Args:
        plan: of the output.
        info: what the probe found.
        limits: with the user's own bound, if there is one.
        host: the whole machine: no bound but that for a GPU is beyond its memory, or 4 GiB where it has less.
        device: of the network; None where none is used.
        lanes: that render at once; None: as many as this version uses at most.
    """
    if isinstance(plan, ImagePlan):
        bounds = _image_bounds(plan, host, device)
    elif isinstance(plan, AudioPlan):
        bounds = Bounds(worker=_reading(info, host), ffmpeg=_muxing(info, host), file=_file(plan, info))
    else:
        bounds = _video_bounds(plan, info, host, device, lanes)
    assert bounds.worker is not None and bounds.ffmpeg is not None  # noqa: S101, PT018 - both are forecasts
    most = max(int(host.memory), _LEAST_BOUND)
    on_gpu = _GPU_ENGINE_BYTES if device is not None and device.gpu else 0
    bounded = bounds.evolve(worker=min(bounds.worker, most) + on_gpu, ffmpeg=min(bounds.ffmpeg, most))
    return _with_setting(limits, bounded, on_gpu)


def _with_setting(limits: Limits, bounds: Bounds, on_gpu: int = 0) -> Bounds:
    """Return the user's own bounds, if there are any. What a GPU's drivers map comes on top of them."""
    if limits.worker_gb == "auto":
        return bounds
    size = round(limits.worker_gb * 1e9)
    return bounds.evolve(worker=size + on_gpu, beyond_held=False, ffmpeg=size)


def _reading(info: MediaInfo, host: Host) -> int:
    return _BASE + _THREAD_BYTES * host.cores + scanning_bytes(info.size)


def _muxing(info: MediaInfo, host: Host) -> int:
    """Return what an ffmpeg takes that copies streams, beside its decoders and encoders."""
    return 2 * _BASE + _THREAD_BYTES * host.cores + scanning_bytes(info.size) + min(4 * info.size, _MOST_QUEUED)


def _image_bounds(plan: ImagePlan, host: Host, device: DeviceReport | None) -> Bounds:
    pixels_in, pixels_out = plan.decoded_width * plan.decoded_height, plan.width * plan.height
    still = plan.source.video
    frames = _FILTERED_FRAMES * _SAMPLE_BYTES * (pixels_in + pixels_out)
    decoder = decoding_bytes(still, 0) if still else 0
    worker = _BASE + _THREAD_BYTES * host.cores + frames + decoder + _engine(pixels_in, host, device)
    ffmpeg = 2 * _BASE + _FILTERED_FRAMES * _SAMPLE_BYTES * pixels_out
    return Bounds(worker=worker, ffmpeg=ffmpeg, file=_GIB + 2 * _SAMPLE_BYTES * pixels_out)


def _video_bounds(
    plan: VideoPlan, info: MediaInfo, host: Host, device: DeviceReport | None, lanes: int | None
) -> Bounds:
    main = info.main_video
    source = decoding_bytes(main.video, host.cores + 1) if main and main.video else 0
    pixels = max(
        plan.decoded_width * plan.decoded_height,
        plan.frame_width * plan.frame_height,
        plan.scaled_width * plan.scaled_height,
        plan.width * plan.height,
    )
    filters = _FILTERED_FRAMES * _SAMPLE_BYTES * pixels
    encoder = _encoder(plan, pixels) if plan.mode != "copy" else 0
    gif = 2 * GIF_BYTES if plan.container == "gif" else 0
    # Each lane decodes, and one more decodes ahead; the finished file is decoded as well.
    worker = _reading(info, host) + frames_bytes(pixels, _SAMPLE_BYTES, host.cores + 1)
    if plan.mode == "upscale":
        most = lanes or (MAX_LANES if device is not None and device.gpu else 1)
        lane = source + filters + _in_lane(plan, host, device)
        worker += (most + 1) * lane + _engine(plan.decoded_width * plan.decoded_height, host, device)
    ffmpeg = _muxing(info, host) + source + filters + encoder + gif
    return Bounds(worker=worker, ffmpeg=ffmpeg, file=_file(plan, info))


def _in_lane(plan: VideoPlan, host: Host, device: DeviceReport | None) -> int:
    """Return the bytes of the frames that wait or are worked on in a lane, each in a few forms."""
    sizes = stages(plan.frame_width, plan.frame_height, host.cores)
    upscaled = max(sizes.proc, device.in_flight if device else 1)
    before, after = sizes.load + upscaled, upscaled + sizes.save
    pixels_in, pixels_out = plan.decoded_width * plan.decoded_height, plan.frame_width * plan.frame_height
    return 3 * _SAMPLE_BYTES * (before * pixels_in + after * pixels_out)


def _engine(pixels: int, host: Host, device: DeviceReport | None) -> int:
    """Return what a CPU engine takes; one may have to replace a GPU's."""
    if device is None:
        return 0
    return max(_GIB + _CPU_ENGINE_BYTES * min(pixels, MAX_TILE_PIXELS) * device.in_flight, int(host.memory / 2))


def _encoder(plan: VideoPlan, pixels: int) -> int:
    return int(pixels * EncoderLoad.of(plan).weight * _ENCODER_BYTES)


def _file(plan: VideoPlan | AudioPlan, info: MediaInfo) -> int:
    """Return the most bytes that a file can have that is made for a job: no encoder writes more than raw frames."""
    tracks = len(plan.of_kind("audio"))
    sound = round(tracks * _RAW_AUDIO * max(plan.expected.duration, 1.0))
    video = 0
    if isinstance(plan, VideoPlan) and plan.mode != "copy":
        video = 2 * plan.frames * plan.width * plan.height * _SAMPLE_BYTES  # their number may be an estimate
    return _GIB + 4 * info.size + sound + video
