"""One still picture through the engine and into its file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from framewatch.media.decode.image_file import DecodedImage, Pixels, bound_alpha, flatten_on_white, read_image
from framewatch.media.ffmpeg.process import Encoder, OnLog
from framewatch.media.heartbeat import Beat, unheard
from framewatch.render.messages import Counted
from framewatch.render.tasks import ImageReport, ImageTask
from framewatch.upscale.engine import Session

Say = Callable[[Counted], None]


def render_picture(
    task: ImageTask, session: Session | None, say: Say, on_log: OnLog, beat: Beat = unheard
) -> ImageReport:
    """Decode, enlarge and encode.

    Args:
        task: what is to be done.
        session: the engine; None where the picture keeps its size.
        say: told of each stage.
        on_log: gets what ffmpeg says.
        beat: called as reading and writing get on.

    Raises:
        MediaError: the picture cannot be decoded.
        EngineError: the engine stopped working.
        WorkerError, StorageError: the encoder failed.
    """
    say(Counted(stage="decode"))
    opened = read_image(task.source, task.still, beat)
    if opened.alpha is not None and not task.keep_alpha:
        opened = DecodedImage(flatten_on_white(opened.rgb, opened.alpha), None)
    say(Counted(stage="upscale", decoded=1))
    enlarged = opened if session is None else _enlarged(opened, session)
    say(Counted(stage="encode", decoded=1, upscaled=1))
    with Encoder(task.encoder, on_log=on_log, beat=beat) as encoder:
        encoder.write(_joined(enlarged))
        encoder.finish()
    say(Counted(stage="encode", decoded=1, upscaled=1, encoded=1))
    return ImageReport(engine=session.name if session else None)


def _enlarged(opened: DecodedImage, session: Session) -> DecodedImage:
    rgb = session.run(opened.rgb)
    if opened.alpha is None:
        return DecodedImage(rgb, None)
    grey = np.ascontiguousarray(np.repeat(opened.alpha[..., None], 3, axis=2))
    alpha = session.run(grey)[..., 1]  # the three are all but the same
    return DecodedImage(rgb, bound_alpha(alpha, opened.alpha, session.scale))


def _joined(opened: DecodedImage) -> Pixels:
    """RGB, or RGBA, as the encoder takes it."""
    if opened.alpha is None:
        return np.ascontiguousarray(opened.rgb)
    return np.ascontiguousarray(np.dstack([opened.rgb, opened.alpha]))
