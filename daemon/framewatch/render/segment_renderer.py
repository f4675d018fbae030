"""Renders the segments of a task, several at once.

As many segments as the task has lanes are upscaled at once, each until its file is complete. So a crash costs no more
upscaled frames than one segment for each lane. The next segment is decoded while an encoder still empties.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from pathlib import Path

from framewatch.domain import Segment, StageName
from framewatch.media.decode.decoder import DecodeOptions, Decoder, VideoSource
from framewatch.media.decode.frame_messages import messages_of, put_messages, too_many_warning
from framewatch.media.ffmpeg.matroska_pipe import MatroskaFraming
from framewatch.media.ffmpeg.process import Encoder
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.iso_files.sample_entry import put_into
from framewatch.media.plan.plane_format import PlaneCoding
from framewatch.render.lane import Lane, LanePermits, Meter, NotBegunError, Permit, RepeatedFrame
from framewatch.render.messages import FramesCounted, SegmentRendered, Send, Warned, stage_log
from framewatch.render.segment_check import require_all_frames, size_and_digest
from framewatch.render.tasks import RenderTask, SegmentOutput
from framewatch.storage.os_errors import storage_faults
from framewatch.upscale.engine import Session
from framewatch.upscale.frames.frame import Frame


class SegmentRenderer:
    """The segments of one task. Several sessions may finish them, one after the other."""

    def __init__(self, task: RenderTask, send: Send, beat: Beat = no_beat) -> None:
        """Start nothing yet.

        Args:
            task: names the segments.
            send: takes a message for each segment whose file is complete, and what ffmpeg prints.
            beat: called as data is read and written, from any thread.
        """
        self.busy: dict[StageName, float] = {}  # seconds that each stage worked, all lanes together
        self._task = task
        self._send = send
        self._beat = beat
        self._left = {output.segment.number: output for output in task.outputs}
        self._claimed: set[int] = set()
        self._lock = threading.Lock()
        self._running: dict[int, tuple[Lane, Segment]] = {}
        self._done = FramesCounted(stage=None)
        self._waiting: deque[SegmentOutput] = deque()
        self._failure: BaseException | None = None
        self._decoding = threading.Semaphore(task.lanes)
        self._upscaling = threading.Semaphore(task.lanes)

    def run(self, session: Session) -> str:
        """Render all segments that are left, but those that another worker has claimed; returns the engine's name.

        It ends early, once those that are begun are finished, where the task says that they are the last for now.

        Raises:
            FramewatchError: the error of the first lane that failed; the others have ended by then.
        """
        self._failure = None
        self._waiting = deque(self._left.values())
        # One thread more than lanes: it decodes ahead, and waits for its turn to upscale.
        threads = [
            threading.Thread(target=self._work, args=(session,), name=f"lane-{number}")
            for number in range(self._task.lanes + 1)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._running.clear()
        if self._failure is not None:
            raise self._failure
        return session.name

    def counts(self) -> FramesCounted:
        """Return how far all segments are together; leads are left out."""
        with self._lock:
            running = [_counts(lane.meter, segment) for lane, segment in self._running.values()]
            stage = running[0].stage if running else "encode"
            return FramesCounted.total([self._done, *running], stage=stage)

    def _work(self, session: Session) -> None:
        while True:
            permits = LanePermits(Permit(self._decoding), Permit(self._upscaling), self._may_begin)
            try:
                permits.decode.acquire()
                output = self._next()
                if output is None:
                    return
                self._render(session, output, permits)
            except BaseException as error:  # noqa: BLE001 - a thread's boundary: `run` raises it
                self._fail(error)
            finally:
                permits.decode.release()
                permits.upscale.release()

    def _next(self) -> SegmentOutput | None:
        with self._lock:
            while self._waiting and self._failure is None and self._may_begin():
                output = self._waiting.popleft()
                if self._claim(output):
                    return output
            return None

    def _may_begin(self) -> bool:
        """Return whether another segment may be begun."""
        return self._task.last is None or not self._task.last.exists()

    def _claim(self, output: SegmentOutput) -> bool:
        """Return whether this worker may render a segment; once claimed, it is this worker's for every session."""
        if output.claim is None or output.segment.number in self._claimed:
            return True
        if not _create_claim(output.claim):
            return False
        self._claimed.add(output.segment.number)
        return True

    def _render(self, session: Session, output: SegmentOutput, permits: LanePermits) -> None:
        task, rendered = self._task, output.segment.rendered
        planes = task.planes if session.shape.yuv else None
        log = stage_log(self._send, "decode")
        options = DecodeOptions(
            filters=task.filters,
            deinterlace=task.deinterlace,
            planes=planes.format if planes else None,
            hwaccel=task.hwaccel,
            max_pixels=task.max_pixels,
        )
        decoder = Decoder(
            self._source(),
            options,
            rendered,
            on_damage=lambda line: log("warning", line),
            beat=self._beat,
        )
        frames = (RepeatedFrame(frame.pixels, frame.repeat) for frame in decoder)
        encoder = Encoder(
            output.command(yuv=planes is not None), on_log=stage_log(self._send, "encode"), beat=self._beat
        )
        sink = TimestampedEncoder(encoder, self._framing(rendered, planes)) if task.timeline.times else encoder
        lane = Lane(frames, session.upscale, sink, task.sizing, permits)
        if not self._register(lane, output.segment):
            encoder.abort()
            return
        try:
            lane.run()
        except NotBegunError:
            with self._lock:
                del self._running[output.segment.number]
            return
        self._finish(session, output, lane, decoder.damaged)

    def _framing(self, rendered: Segment, planes: PlaneCoding | None) -> MatroskaFraming:
        task, scale = self._task, self._task.scale
        pixels = planes.out_format if planes else task.working_format
        return MatroskaFraming(task.timeline, rendered, pixels, task.width * scale, task.height * scale)

    def _register(self, lane: Lane, segment: Segment) -> bool:
        """Note a lane, so that it can be aborted; returns False where another one has failed already."""
        with self._lock:
            if self._failure is None:
                self._running[segment.number] = lane, segment
            return self._failure is None

    def _finish(self, session: Session, output: SegmentOutput, lane: Lane, damaged: int) -> None:
        with storage_faults(output.path):
            if self._task.boxes:
                put_into(output.path, bytes.fromhex(self._task.boxes))
        require_all_frames(output, self._beat)
        self._put_messages(output)
        with storage_faults(output.path):
            size, digest = size_and_digest(output.path, self._beat)
        segment = output.segment
        with self._lock:
            del self._running[segment.number], self._left[segment.number]
            self._done = FramesCounted.total([self._done, _counts(lane.meter, segment)], stage=None)
            for stage, seconds in lane.meter.busy.items():
                self.busy[stage] = self.busy.get(stage, 0.0) + seconds
        self._send(
            SegmentRendered(
                number=segment.number,
                frames=segment.frames,
                size=size,
                digest=digest,
                engine=session.name,
                upscaled=lane.meter.distinct,
                damaged=damaged,
            )
        )

    def _put_messages(self, output: SegmentOutput) -> None:
        """Give the frames of a finished file what the source attaches to its own; the network takes bare pixels."""
        task = self._task
        if task.messages is None:
            return
        found = messages_of(self._source(), output.segment, task.messages, self._beat)
        if found.lost:
            self._send(Warned(warning=too_many_warning(found.lost)))
        if found.by_frame:
            with storage_faults(output.path):
                put_messages(output.path, lambda frame: found.by_frame.get(frame, ()), self._beat)

    def _source(self) -> VideoSource:
        task = self._task
        return VideoSource(task.source, task.video, task.timeline, task.seekable, task.changes)

    def _fail(self, error: BaseException) -> None:
        """Abort all lanes; the first failure is the one that `run` raises."""
        with self._lock:
            if self._failure is None:
                self._failure = error
            lanes = [lane for lane, _ in self._running.values()]
        for lane in lanes:
            lane.abort()


def _create_claim(path: Path) -> bool:
    """Create a claim file; returns False where another worker has created it."""
    with storage_faults(path):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return False
    return True


def _counts(meter: Meter, segment: Segment) -> FramesCounted:
    lead = segment.lead
    return FramesCounted(
        stage=meter.stage,
        decoded=max(meter.decoded - lead, 0),
        upscaled=max(meter.upscaled - lead, 0),
        encoded=max(meter.encoded - lead, 0),
    )


class TimestampedEncoder:
    """An encoder for a variable frame rate: each frame is written in a Matroska block with its own PTS."""

    def __init__(self, encoder: Encoder, framing: MatroskaFraming) -> None:
        self._encoder = encoder
        self._framing = framing

    def write(self, frame: Frame) -> None:
        """Write one frame; frames come in the order of the timeline."""
        self._encoder.write(self._framing.header(frame.nbytes))
        self._encoder.write(frame)

    def finish(self) -> None:
        """Finish the encoder."""
        self._encoder.finish()

    def abort(self) -> None:
        """Abort the encoder."""
        self._encoder.abort()
