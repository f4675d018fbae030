"""Renders the pieces of a task, several at once, and begins to decode the next while an encoder still empties.

As many pieces as the task has lanes go through the engine at once, each until it is whole: so much, and no more, is
upscaled again after a crash.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from framewatch.domain import Segment, StageName
from framewatch.errors import StorageError
from framewatch.media.decode.decoder import DecodeOptions, Decoder, VideoSource
from framewatch.media.ffmpeg.matroska_pipe import MatroskaFraming
from framewatch.media.ffmpeg.process import Encoder, OnLog
from framewatch.media.heartbeat import Beat, unheard
from framewatch.media.plan.plane_format import PlaneCoding
from framewatch.render.lane import Lane, Meter, TimedFrame
from framewatch.render.messages import Counted, Pieced
from framewatch.render.segment_check import require_whole, size_and_digest
from framewatch.render.tasks import Piece, RenderTask
from framewatch.upscale.engine import Session
from framewatch.upscale.frames.frame import Frame

StageLog = Callable[[StageName], OnLog]


class Pieces:
    """The pieces of one task, which may be finished by several sessions, one after the other."""

    def __init__(self, task: RenderTask, say: Callable[[Pieced], None], log: StageLog, beat: Beat = unheard) -> None:
        """`say` is told of each piece that is whole, and `beat` called as all gets on, from any thread."""
        self._beat = beat
        self._task = task
        self._say = say
        self._log = log
        self._left = {piece.segment.number: piece for piece in task.pieces}
        self._claimed: set[int] = set()
        self._lock = threading.Lock()
        self._running: dict[int, tuple[Lane, Segment]] = {}
        self._done = Counted(stage=None)
        self.busy: dict[StageName, float] = {}

    def run(self, session: Session) -> None:
        """Work until all pieces are whole, or others have them.

        Raises:
            FramewatchError: what the first lane to fail failed with; the others have ended by then.
        """
        self._session = session
        self._failure: BaseException | None = None
        self._waiting = deque(self._left.values())
        self._decoding = threading.Semaphore(self._task.lanes)
        self._upscaling = threading.Semaphore(self._task.lanes)
        lanes = [threading.Thread(target=self._work, name=f"lane-{n}") for n in range(self._task.lanes + 1)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        self._running.clear()
        if self._failure is not None:
            raise self._failure

    def counts(self) -> Counted:
        """How far all of them are together; leads are left out."""
        with self._lock:
            parts = [self._done, *(_counts(lane.meter, segment) for lane, segment in self._running.values())]
            stage = next((part.stage for part in parts[1:]), "encode")
        sums = {key: sum(getattr(part, key) for part in parts) for key in ("decoded", "upscaled", "encoded")}
        return Counted(stage=stage, **sums)

    def _work(self) -> None:
        while True:
            decoding, upscaling = _Turn(self._decoding), _Turn(self._upscaling)
            try:
                decoding.take()
                piece = self._next()
                if piece is None:
                    return
                self._render(piece, decoding, upscaling)
            except BaseException as error:  # noqa: BLE001 - a thread's boundary: `run` raises it
                self._fail(error)
            finally:
                decoding.over()
                upscaling.over()

    def _next(self) -> Piece | None:
        with self._lock:
            while self._waiting and self._failure is None:
                piece = self._waiting.popleft()
                if self._is_ours(piece):
                    return piece
            return None

    def _is_ours(self, piece: Piece) -> bool:
        """Whether a piece is this worker's to render, which it then is for every session."""
        if piece.claim is None or piece.segment.number in self._claimed:
            return True
        if not _claimed(piece.claim):
            return False
        self._claimed.add(piece.segment.number)
        return True

    def _render(self, piece: Piece, decoding: _Turn, upscaling: _Turn) -> None:
        task, rendered = self._task, piece.segment.rendered
        planes = task.planes if self._session.shape.yuv else None
        log = self._log("decode")
        options = DecodeOptions(
            deinterlace=task.deinterlace,
            filters=task.filters,
            planes=planes.format if planes else None,
            hwaccel=task.hwaccel or None,
            max_pixels=task.max_pixels or None,
        )
        decoder = Decoder(
            VideoSource(task.source, task.video, task.timeline, task.seekable),
            options,
            rendered,
            on_damage=lambda line: log("warning", line),
            beat=self._beat,
        )
        frames = (TimedFrame(frame.pixels, frame.repeat) for frame in decoder)
        argv = piece.planes_encoder if planes else piece.encoder
        encoder = Encoder(argv, on_log=self._log("encode"), beat=self._beat)
        sink = TimedFrames(encoder, self._framing(rendered, planes)) if task.timeline.times else encoder

        def upscale(frames: Iterable[Frame]) -> Iterator[Frame]:
            upscaling.take()
            return self._session.upscale(frames)

        lane = Lane(frames, upscale, sink, task.sizing, decoding.over)
        if self._admit(lane, piece.segment):
            lane.run()
            self._finish(piece, lane, decoder.damaged)
        else:
            encoder.abort()

    def _framing(self, rendered: Segment, planes: PlaneCoding | None) -> MatroskaFraming:
        task, scale = self._task, self._task.scale
        pixels = planes.out_format if planes else task.working_format
        return MatroskaFraming(task.timeline, rendered, pixels, task.width * scale, task.height * scale)

    def _admit(self, lane: Lane, segment: Segment) -> bool:
        """Note a lane, so that it can be aborted; False where another has failed already."""
        with self._lock:
            if self._failure is None:
                self._running[segment.number] = lane, segment
            return self._failure is None

    def _finish(self, piece: Piece, lane: Lane, damaged: int) -> None:
        require_whole(piece, self._beat)
        size, digest = _facts(piece.path, self._beat)
        with self._lock:
            del self._running[piece.segment.number], self._left[piece.segment.number]
            ended, before = _counts(lane.meter, piece.segment), self._done
            self._done = Counted(
                stage=None,
                decoded=before.decoded + ended.decoded,
                upscaled=before.upscaled + ended.upscaled,
                encoded=before.encoded + ended.encoded,
            )
            for stage, seconds in lane.meter.busy.items():
                self.busy[stage] = self.busy.get(stage, 0.0) + seconds
        self._say(
            Pieced(
                number=piece.segment.number,
                frames=piece.segment.frames,
                size=size,
                digest=digest,
                engine=self._session.name,
                upscaled=lane.meter.distinct,
                damaged=damaged,
            )
        )

    def _fail(self, error: BaseException) -> None:
        """End all lanes; the first failure is the one that counts."""
        with self._lock:
            if self._failure is None:
                self._failure = error
            others = [lane for lane, _ in self._running.values()]
        for lane in others:
            lane.abort()


class _Turn:
    """One piece's right to decode, or to upscale. It is taken once, and given back once by whoever is first."""

    def __init__(self, turns: threading.Semaphore) -> None:
        self._turns = turns
        self._taken = False
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait for it."""
        self._turns.acquire()
        self._taken = True

    def over(self) -> None:
        """Give it back; again, or where it was not taken, does nothing."""
        with self._lock:
            taken, self._taken = self._taken, False
        if taken:
            self._turns.release()


def _claimed(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    except OSError as error:
        message = f"a piece cannot be claimed: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "free some space; the job goes on by itself"
            raise StorageError(message, code="storage.full", hint=hint, where=path.name) from error
        raise StorageError(message, where=path.name) from error
    return True


def _facts(path: Path, beat: Beat) -> tuple[int, str]:
    try:
        return size_and_digest(path, beat)
    except OSError as error:
        raise StorageError(f"a piece cannot be read: {error.strerror}", where=path.name) from error


def _counts(meter: Meter, segment: Segment) -> Counted:
    lead = segment.lead
    return Counted(
        stage=meter.stage,
        decoded=max(meter.decoded - lead, 0),
        upscaled=max(meter.upscaled - lead, 0),
        encoded=max(meter.encoded - lead, 0),
    )


class TimedFrames:
    """An encoder that is told when each frame is shown: frames of a variable rate, each in a container's block."""

    def __init__(self, encoder: Encoder, framing: MatroskaFraming) -> None:
        self._encoder = encoder
        self._framing = framing

    def write(self, frame: Frame) -> None:
        """Give one frame; they come in the order of the timeline."""
        self._encoder.write(self._framing.header(frame.nbytes))
        self._encoder.write(frame)

    def finish(self) -> None:
        """As the encoder's."""
        self._encoder.finish()

    def abort(self) -> None:
        """As the encoder's."""
        self._encoder.abort()
