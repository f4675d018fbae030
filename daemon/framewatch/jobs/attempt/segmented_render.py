"""An upscaled video by segments: those of earlier attempts are kept, the others rendered, and all of them joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from framewatch.domain import Segment
from framewatch.errors import MediaError, Need, RuleError, StorageError, VerificationError, WorkerError
from framewatch.jobs.attempt.concurrency import (
    EncoderLoad,
    Host,
    encoder_threads,
    inspectors,
    lane_count,
    lanes_per_device,
)
from framewatch.jobs.attempt.context import AttemptContext
from framewatch.jobs.attempt.disk_forecast import FinishedSegments, require_room_for
from framewatch.jobs.attempt.fingerprint import fingerprint
from framewatch.jobs.attempt.join_proof import alike, flaw
from framewatch.jobs.attempt.request import AttemptRequest
from framewatch.jobs.attempt.segment_inspector import NICENESS, Inspector
from framewatch.jobs.attempt.segment_ledger import Entry, SegmentLedger
from framewatch.jobs.attempt.verify import damaged_frames_warning
from framewatch.media.commands import commands
from framewatch.media.commands.video_filters import deinterlace_filters, source_filters
from framewatch.media.decode.output_inspection import Inspection
from framewatch.media.encoders.hardware import encoding_hardware
from framewatch.media.plan.plan import Plan
from framewatch.media.plan.plane_format import PlaneCoding, plane_coding
from framewatch.render.messages import SegmentRendered
from framewatch.render.tasks import (
    DeviceReport,
    InspectReport,
    InspectTask,
    ProbeReport,
    RenderTask,
    SegmentOutput,
    Sizing,
)
from framewatch.storage.free_space import SPARE
from framewatch.storage.os_errors import storage_faults
from framewatch.upscale.host import cores
from framewatch.upscale.memory_budget import stages

_HINT = "it is rendered anew; look into the log for what ffmpeg said"


class SegmentedRender:
    """The segments of one job, in its work folder."""

    def __init__(self, context: AttemptContext, order: AttemptRequest, plan: Plan, probed: ProbeReport) -> None:
        """Take up the ledger of an earlier attempt; everything else is removed from the work folder.

        Raises:
            StorageError: the work folder cannot be read or written.
            CancelledError: the stop was set.
        """
        self._context = context
        self._order = order
        self._plan = plan
        self._probed = probed
        main = probed.info.main_video
        self._planes = plane_coding(plan, main.video) if main and main.video else None
        self._encoding, self._host = EncoderLoad.of(plan), Host.here(context.tools.jobs)
        self._seen: dict[int, Inspection] = {}  # segments that were decoded to their ends, by number
        made_of = fingerprint(order.source, plan, probed, context.tools)
        self._ledger = SegmentLedger.open(
            order.work, made_of, probed.segments, commands.piece_extension(plan), context.stop
        )
        kept = self._ledger.done.values()
        if kept:
            context.observer.resumed(len(kept), len(probed.segments))
        context.track(plan.frames, kept=sum(entry.frames for entry in kept))

    @property
    def begun(self) -> bool:
        """Whether a segment is done already."""
        return bool(self._ledger.done)

    def require_room(self) -> None:
        """Go on only where what is still to come will fit.

        Raises:
            StorageError: `storage.will_not_fit`.
        """
        done = self._ledger.done.values()
        made = FinishedSegments(frames=sum(entry.frames for entry in done), size=sum(entry.size for entry in done))
        require_room_for(self._plan, self._order.source, self._probed.info.size, self._order.places, made)

    def rehearse(self) -> None:
        """Let the encoder and the container refuse now what they would refuse after hours of work.

        Raises:
            RuleError: `encoder.refused`.
        """
        plan, source = self._plan, self._order.source
        out = self._order.work / f"rehearsal.{plan.extension}"
        # Loudness is left out: within the first second there may be nothing but silence, which has none.
        unmeasured = plan.with_loudness({track.index: None for track in plan.of_kind("audio")})
        try:
            self._context.command(commands.rehearsal_command(unmeasured, self._context.tools.ffmpeg, source, out))
        except WorkerError as error:
            if error.finding.code != "ffmpeg.failed":
                raise
            added = "look at extra_encoder_args, or " if plan.preset.extra_encoder_args else ""
            hint = error.finding.hint or f"{added}choose another video_codec, audio_codec or container"
            raise RuleError(error.finding.message, code="encoder.refused", hint=hint) from None
        with storage_faults(out):
            out.unlink(missing_ok=True)

    def render(self) -> str:
        """Render what is missing; gives the engine that did it, or did the last of what was there.

        Where there are several segments, each is decoded to its end meanwhile.

        Raises:
            VerificationError: `verify.segment`: one cannot be decoded; it is struck out.
            FramewatchError: what rendering failed with; what was finished by then is in the ledger.
        """
        most, threads = inspectors(self._encoding, self._host)
        stall = self._context.tools.stall_seconds
        with Inspector(lambda: self._context.helper(NICENESS), stall, most=most, threads=threads) as inspector:
            with self._context.looking(lambda: self._require_good(inspector)):
                self._render_missing(inspector)
                self._context.wait(inspector.over)
            self._require_good(inspector)
            self._seen = inspector.seen
            if inspector.gave_up is not None:
                line = f"segments are not looked at one by one any more: {inspector.gave_up.finding.message}"
                self._context.observer.logged("encode", line, "warning")
        done = [self._ledger.done[segment.number] for segment in self._probed.segments]
        if damaged := sum(entry.damaged for entry in done):
            self._context.warn(damaged_frames_warning(damaged))
        return done[-1].engine

    @property
    def pieces(self) -> tuple[Inspection, ...]:
        """What was found in each segment, in order; empty where not all of them were looked at alone."""
        numbers = [segment.number for segment in self._probed.segments]
        return tuple(self._seen[number] for number in numbers) if self._seen.keys() >= set(numbers) else ()

    def join(self, plan: Plan, result: Path) -> None:
        """Put the segments and everything else of the source together; `plan` knows the loudness of its tracks.

        Raises:
            VerificationError: `verify.segment`: one is not what was rendered; the next attempt renders it anew.
        """
        if spoiled := self._ledger.spoiled():
            self._ledger.drop(spoiled)
            message = f"{len(spoiled)} finished segments are not what was rendered any more"
            raise VerificationError(message, code="verify.segment", hint="keep other programs out of work_dir")
        paths = [self._ledger.path(segment.number) for segment in self._probed.segments]
        if len(paths) > 1:
            listed = commands.pieces_list(result)
            with storage_faults(listed):
                listed.write_text(commands.concat_text(paths, result, self._lengths()))
        ffmpeg, source = self._context.tools.ffmpeg, self._order.source
        self._context.command(commands.mux_command(plan, ffmpeg, paths, source, result, alike=alike(self.pieces)))

    def drop_bad(self) -> None:
        """Look for segments that are not what they should be, after the whole has turned out wrong.

        What is found goes, and is rendered anew by the next attempt; where none is, only joining is tried again.
        """
        unseen = [segment for segment in self._probed.segments if segment.number not in self._seen]
        self._ledger.drop([segment.number for segment in unseen if not self._is_whole(segment)])

    def _is_whole(self, segment: Segment) -> bool:
        """Whether a segment that is done has all its frames, and each can be decoded."""
        try:
            report: InspectReport = self._context.do(InspectTask(path=self._ledger.path(segment.number)))
        except MediaError:
            return False
        return not flaw(segment, report.inspection)

    def _render_missing(self, inspector: Inspector) -> None:
        for number in sorted(self._ledger.done):
            self._hand_on(number, inspector)
        self._context.on_piece = lambda pieced: self._enter(pieced, inspector)
        devices: list[DeviceReport] = []
        lost: list[DeviceReport] | None = None
        while lost != [] and (missing := self._missing()):
            devices = [each for each in devices or self._devices() if each not in (lost or ())]
            self._context.track_on(sum(entry.frames for entry in self._ledger.done.values()))
            lost = self._render_on(devices, missing)

    def _missing(self) -> list[Segment]:
        return [segment for segment in self._probed.segments if segment.number not in self._ledger.done]

    def _devices(self) -> list[DeviceReport]:
        first = self._context.device()
        return [first, *first.others]

    def _render_on(self, devices: Sequence[DeviceReport], missing: Sequence[Segment]) -> list[DeviceReport]:
        """Render on those of the devices that are free; gives those that failed, and left segments undone.

        The first is not named to its worker, which has equal devices and other engines: it is never among those that
        failed.
        """
        plan, wish = self._plan, self._context.tools.gpus
        most = len(missing) if wish == "auto" else min(wish, len(missing))
        with self._context.shares(devices, most, plan.frame_width, plan.frame_height, plan.scale) as free:
            lanes = lane_count(
                self._context.tools.lanes, self._encoding, devices[0], self._host,
                segments=len(missing), devices=len(free),
            )  # fmt: skip
            threads = encoder_threads(lanes, self._host.cores)
            pieces = tuple(self._piece(segment, threads, claimed=len(free) > 1) for segment in missing)
            tasks = self._tasks(pieces, lanes, devices[0], free)
            say = pieces[0].command(yuv=tasks[0].planes is not None and devices[0].planes)
            self._context.say_command(say)
            with self._waiting_for_a_segment():
                return [free[place] for place in self._context.render(tasks)]

    def _tasks(
        self, pieces: tuple[SegmentOutput, ...], lanes: int, first: DeviceReport, free: Sequence[DeviceReport]
    ) -> list[RenderTask]:
        """One for each device, of the same pieces; the first device is not named, so that others may stand in."""
        shares = lanes_per_device(lanes, len(free))
        task = self._task(pieces, first)
        named = [{} if device is first else {"engine": device.engine, "device": device.id} for device in free]
        return [task.evolve(lanes=share, **name) for name, share in zip(named, shares, strict=True)]

    def _hand_on(self, number: int, inspector: Inspector) -> None:
        """Have a segment looked at. One alone is the whole result, which is looked at anyway."""
        if len(self._probed.segments) > 1:
            inspector.take(self._probed.segments[number], self._ledger.path(number))

    def _require_good(self, inspector: Inspector) -> None:
        """Go on only where no segment has turned out bad.

        Raises:
            VerificationError: `verify.segment`; the bad ones are struck out, and the next attempt renders them anew.
        """
        flaws = dict(inspector.flaws)  # whose thread goes on meanwhile
        if not flaws:
            return
        number, wrong = min(flaws.items())
        self._ledger.drop(flaws)
        raise VerificationError(f"segment {number} is bad: {wrong}", code="verify.segment", hint=_HINT)

    def _enter(self, pieced: SegmentRendered, inspector: Inspector) -> None:
        entry = Entry.of(pieced)
        new = self._ledger.add(entry)
        self._hand_on(entry.number, inspector)
        self._context.observer.segment_done(entry, len(self._probed.segments), made_progress=new)
        self._context.look()
        self.require_room()

    @contextmanager
    def _waiting_for_a_segment(self) -> Iterator[None]:
        """A disk that is full all the same is waited for until one more segment has room."""
        try:
            yield
        except StorageError as error:
            if error.finding.code == "storage.full":
                largest = max((entry.size for entry in self._ledger.done.values()), default=SPARE)
                error.with_needs(Need("work", largest))
            raise

    def _piece(self, segment: Segment, threads: int, *, claimed: bool) -> SegmentOutput:
        part = self._ledger.part(segment.number)

        def command(planes: PlaneCoding | None) -> tuple[str, ...]:
            plan, ffmpeg, begins = self._plan, self._context.tools.ffmpeg, self._begins(segment)
            argv = commands.piece_command(
                plan, ffmpeg, part, begins=begins, lead=segment.lead, planes=planes, threads=threads
            )
            return tuple(argv)

        planes_encoder = command(self._planes) if self._planes else None
        claim = self._ledger.claim(segment.number) if claimed else None
        return SegmentOutput(
            segment=segment, encoder=command(None), planes_encoder=planes_encoder, path=part, claim=claim
        )

    def _begins(self, segment: Segment) -> float:
        """Seconds from the output's first frame to a segment's."""
        line = self._probed.timeline
        assert line is not None  # noqa: S101 - there is no plan to upscale without one
        return line.time_of(segment.first_frame)

    def _lengths(self) -> list[float]:
        """Seconds that each segment lasts, so that no error adds up where they are joined."""
        line = self._probed.timeline
        assert line is not None  # noqa: S101 - as above
        begins = [*map(self._begins, self._probed.segments), line.duration]
        return [after - before for before, after in pairwise(begins)]

    def _task(self, pieces: tuple[SegmentOutput, ...], device: DeviceReport) -> RenderTask:
        plan, tools = self._plan, self._context.tools
        sizes = stages(plan.frame_width, plan.frame_height, cores())
        return RenderTask(
            source=self._order.source,
            video=self._probed.info.main_video,
            timeline=self._probed.timeline,
            seekable=self._probed.seekable,
            outputs=pieces,
            scale=plan.scale,
            width=plan.decoded_width,
            height=plan.decoded_height,
            working_format=plan.working_format,
            planes=self._planes,
            hwaccel=plan.hwaccel,
            hwaccel_is_guessed=encoding_hardware(plan.preset) is None,
            max_pixels=tools.limits.decoder_pixels,
            deinterlace=deinterlace_filters(plan.preset),
            filters=source_filters(plan.preset),
            engine=tools.engine,
            precision=tools.precision,
            sizing=Sizing(load=sizes.load, proc=max(sizes.proc, device.in_flight), save=sizes.save),
        )
