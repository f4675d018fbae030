"""Renders one image: decode, upscale, encode."""

from __future__ import annotations

import os

import numpy as np

from framewatch.media import process_bounds
from framewatch.media.decode.image_file import DecodedImage, Pixels, bound_alpha, flatten_on_white, read_image
from framewatch.media.ffmpeg.process import Encoder
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.icc_embedding import embed_icc
from framewatch.media.probe.safe_open import open_file
from framewatch.media.reading_cost import image_bytes
from framewatch.render.messages import FramesCounted, Send, stage_log
from framewatch.render.tasks import ImageReport, ImageTask
from framewatch.upscale.engine import Session


def render_image(
    task: ImageTask,
    session: Session | None,
    send: Send,
    beat: Beat = no_beat,
) -> ImageReport:
    """Decode, upscale and encode an image.

    Args:
        task: what is to be done.
        session: the engine; None where the image keeps its size.
        send: takes the counts of each stage, and what ffmpeg prints.
        beat: called as data is read and written.

    Raises:
        MediaError: the image cannot be decoded.
        EngineError: the engine stopped working.
        WorkerError, StorageError: the encoder failed.
    """
    send(FramesCounted(stage="decode"))
    # What the engine may take is not for the tags of a stranger's file.
    with open_file(task.source) as file:
        size = file.seek(0, os.SEEK_END)
    with process_bounds.narrowed(image_bytes(task.still.video, size, os.cpu_count() or 1)):
        image = read_image(task.source, task.still, beat)
    if image.alpha is not None and not task.keep_alpha:
        image = image._replace(rgb=flatten_on_white(image.rgb, image.alpha), alpha=None)
    send(FramesCounted(stage="upscale", decoded=1))
    upscaled = image if session is None else _upscaled(image, session)
    send(FramesCounted(stage="encode", decoded=1, upscaled=1))
    with Encoder(task.encoder, on_log=stage_log(send, "encode"), beat=beat) as encoder:
        encoder.write(_interleaved(upscaled))
        encoder.finish()
    if task.icc_into is not None and image.icc is not None:
        embed_icc(task.icc_into, image.icc)
    send(FramesCounted(stage="encode", decoded=1, upscaled=1, encoded=1))
    return ImageReport(engine=session.name if session else None)


def _upscaled(image: DecodedImage, session: Session) -> DecodedImage:
    rgb = session.run(image.rgb)
    if image.alpha is None:
        return DecodedImage(rgb, None)
    # Alpha goes through the network as grey, and is then limited to the range of the 3x3 source pixels around it: its
    # edges are as sharp as the image's, and what was opaque stays opaque to the last code value.
    grey = np.ascontiguousarray(np.repeat(image.alpha[..., None], 3, axis=2))
    alpha = session.run(grey)[..., 1]  # the three channels are all but equal
    return DecodedImage(rgb, bound_alpha(alpha, image.alpha, session.scale))


def _interleaved(image: DecodedImage) -> Pixels:
    """Return RGB or RGBA, height x width x channels, as the encoder takes it."""
    if image.alpha is None:
        return np.ascontiguousarray(image.rgb)
    return np.ascontiguousarray(np.dstack([image.rgb, image.alpha]))
