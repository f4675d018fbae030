"""Upscales a video in segments: keeps those of earlier attempts, renders the others, and joins all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

from framewatch.domain import Segment, Timeline
from framewatch.errors import (
    CancelledError,
    MediaError,
    Need,
    RuleError,
    StorageError,
    VerificationError,
    WorkerError,
)
from framewatch.jobs.attempt.concurrency import (
    EncoderLoad,
    Host,
    encoder_threads,
    inspector_workers,
    lane_count,
    lanes_per_device,
    stages,
)
from framewatch.jobs.attempt.context import AttemptContext
from framewatch.jobs.attempt.fingerprint import fingerprint
from framewatch.jobs.attempt.forecast.disk import FinishedSegments, require_room_for
from framewatch.jobs.attempt.join_proof import find_flaw, share_decoder_setup
from framewatch.jobs.attempt.request import AttemptRequest
from framewatch.jobs.attempt.segment_inspector import NICENESS, Inspector
from framewatch.jobs.attempt.segment_ledger import LedgerEntry, SegmentLedger
from framewatch.jobs.attempt.verify import damaged_frames_warning
from framewatch.jobs.work_folder import last_segments_marker, rehearsal_path
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.commands.video_filters import SegmentEncoding, deinterlace_filters, source_filters
from framewatch.media.decode.output_inspection import Inspection
from framewatch.media.encoders.hardware import encoding_hardware
from framewatch.media.plan.plan import VideoPlan
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
from framewatch.upscale.memory_budget import needed_gb

WAIT_SECONDS = 0.1  # between two checks of the stop event while segments are inspected

_HINT = "it will be rendered again; look in the log for ffmpeg's messages"


class SegmentedRender:
    """The segments of one job, in its work folder."""

    def __init__(
        self, context: AttemptContext, request: AttemptRequest, plan: VideoPlan, probed: ProbeReport
    ) -> None:
        """Take up the ledger of an earlier attempt; everything else is removed from the work folder.

        Raises:
            StorageError: the work folder cannot be read or written.
            CancelledError: the attempt was stopped.
        """
        assert probed.timeline is not None  # noqa: S101 - no plan upscales without one
        self._context = context
        self._request = request
        self._plan = plan
        self._probed = probed
        self._timeline: Timeline = probed.timeline
        self._segments = probed.segments
        main = probed.info.main_video
        self._planes = plane_coding(plan, main.video) if main and main.video else None
        self._load, self._host = EncoderLoad.of(plan), Host.here(context.tools.jobs)
        self._inspections: dict[int, Inspection] = {}  # of segments that were decoded to their ends, by number
        self._ledger = SegmentLedger.open(
            request.work,
            fingerprint(request.source, plan, probed, context.tools),
            probed.segments,
            ffmpeg_commands.segment_extension(plan),
            context.stop,
        )
        kept = self._ledger.done.values()
        if kept:
            context.observer.resumed(len(kept), len(probed.segments))
        context.track_frames(plan.frames, kept=sum(entry.frames for entry in kept))

    @property
    def begun(self) -> bool:
        """Whether a segment is done already."""
        return bool(self._ledger.done)

    @property
    def inspections(self) -> tuple[Inspection, ...]:
        """What was found in each segment, in order; empty where not all of them were inspected."""
        numbers = [segment.number for segment in self._segments]
        if not self._inspections.keys() >= set(numbers):
            return ()
        return tuple(self._inspections[number] for number in numbers)

    def require_room(self) -> None:
        """Return if what is still to be made will fit.

        Raises:
            StorageError: `storage.will_not_fit`.
        """
        done = self._ledger.done.values()
        finished = FinishedSegments(
            frames=sum(entry.frames for entry in done), size=sum(entry.size for entry in done)
        )
        request = self._request
        size = self._probed.info.size
        self._context.share.ask(
            partial(require_room_for, self._plan, request.source.root, size, request.places, finished)
        )

    def rehearse(self, plan: VideoPlan) -> None:
        """Send one black frame through encoder and container: what they refuse must not fail after hours of work.

        `plan` may have fewer streams than the one that the segments are made for.

        Raises:
            RuleError: `encoder.refused`.
        """
        source = self._request.source
        out = rehearsal_path(self._request.work, plan.extension)
        argv = ffmpeg_commands.rehearsal_command(plan, self._context.tools.ffmpeg, source.path, out)
        try:
            self._context.run_command(argv, source)
        except WorkerError as error:
            if error.finding.code != "ffmpeg.failed":
                raise
            options = "check extra_encoder_args, or " if plan.preset.extra_encoder_args else ""
            hint = error.finding.hint or f"{options}choose another video_codec, audio_codec or container"
            raise RuleError(error.finding.message, code="encoder.refused", hint=hint) from None
        with storage_faults(out):
            out.unlink(missing_ok=True)

    # --- rendering -----------------------------------------------------------------------------------------

    def render(self) -> str:
        """Render the missing segments; returns the engine that rendered the last segment of the video.

        Where there are several segments, each is decoded to its end meanwhile.

        Raises:
            CancelledError: those that were begun were to be the last for now.
            VerificationError: `verify.segment`: one cannot be decoded; it is dropped.
            FramewatchError: rendering failed; the segments that were finished by then are in the ledger.
        """
        with self._inspector() as inspector:
            with self._context.also_checking(lambda: self._require_no_flaws(inspector)):
                self._render_missing(inspector)
                while not inspector.wait_idle(WAIT_SECONDS):
                    self._context.require_running()
            self._require_no_flaws(inspector)
            self._inspections = inspector.inspections
            if inspector.failure is not None:
                line = f"segments are no longer inspected one by one: {inspector.failure.finding.message}"
                self._context.observer.logged("encode", line, "warning")
        done = [self._ledger.done[segment.number] for segment in self._segments]
        if damaged := sum(entry.damaged for entry in done):
            self._context.warn(damaged_frames_warning(damaged))
        return done[-1].engine

    def _inspector(self) -> Inspector:
        workers, threads = inspector_workers(self._load, self._host)
        return Inspector(
            lambda: self._context.helper(NICENESS),
            self._context.tools.stall_seconds,
            max_workers=workers,
            threads=threads,
            bounds=self._context.bounds,
        )

    def _render_missing(self, inspector: Inspector) -> None:
        for number in sorted(self._ledger.done):
            self._inspect(number, inspector)
        devices: list[DeviceReport] = []
        lost: list[DeviceReport] | None = None
        # Segments that a device left behind as it failed are rendered on the others, in another round.
        while lost != [] and (missing := self._missing()):
            self._require_another()
            devices = [each for each in devices or self._devices() if each not in (lost or ())]
            self._context.continue_tracking(sum(entry.frames for entry in self._ledger.done.values()))
            lost = self._render_on(devices, missing, inspector)
        if self._missing():
            raise CancelledError("the work was stopped after the segments that were begun")

    def _require_another(self) -> None:
        if self._request.last_segments.is_set():
            raise CancelledError("the work was stopped before another segment")

    def _missing(self) -> list[Segment]:
        return [segment for segment in self._segments if segment.number not in self._ledger.done]

    def _devices(self) -> list[DeviceReport]:
        first = self._context.device()
        return [first, *first.others]

    def _render_on(
        self, devices: Sequence[DeviceReport], missing: Sequence[Segment], inspector: Inspector
    ) -> list[DeviceReport]:
        """Render on those devices that are free; returns those that failed and left segments undone."""
        plan, tools = self._plan, self._context.tools
        most = len(missing) if tools.gpus == "auto" else min(tools.gpus, len(missing))
        gigabytes = needed_gb(plan.frame_width, plan.frame_height, plan.scale)
        with self._context.device_shares(devices, most, gigabytes) as free:
            lanes = lane_count(
                tools.lanes, self._load, devices[0], self._host, segments=len(missing), devices=len(free)
            )
            threads = encoder_threads(lanes, self._host.cores)
            outputs = tuple(self._output(segment, threads, claimed=len(free) > 1) for segment in missing)
            tasks = self._tasks(outputs, lanes, devices[0], free)
            self._context.log_command(outputs[0].command(yuv=self._planes is not None and devices[0].planes))
            with self._asking_for_one_segment():
                lost = self._context.render(tasks, lambda rendered: self._record(rendered, inspector))
            return [free[index] for index in lost]

    def _tasks(
        self, outputs: tuple[SegmentOutput, ...], lanes: int, first: DeviceReport, free: Sequence[DeviceReport]
    ) -> list[RenderTask]:
        """Return a task for each device, all with the same segments.

        The first device is not named, so that its worker may go on with other engines and equal devices. It is never
        among those that failed. Should it break, the attempt holds its share and computes on another device whose
        share it does not hold: slower, and with a warning, which is better than not at all.
        """
        shares = lanes_per_device(lanes, len(free))
        task = self._task(outputs, first)
        names = [{} if device is first else {"engine": device.engine, "device": device.id} for device in free]
        return [task.evolve(lanes=share, **name) for name, share in zip(names, shares, strict=True)]

    def _task(self, outputs: tuple[SegmentOutput, ...], device: DeviceReport) -> RenderTask:
        plan, tools = self._plan, self._context.tools
        sizes = stages(plan.frame_width, plan.frame_height, cores())
        return RenderTask(
            source=self._request.source,
            video=self._probed.info.main_video,
            timeline=self._timeline,
            seekable=self._probed.seekable,
            changes=self._probed.info.changes,
            outputs=outputs,
            scale=plan.scale,
            width=plan.decoded_width,
            height=plan.decoded_height,
            working_format=plan.working_format,
            planes=self._planes,
            hwaccel=plan.hwaccel,
            hwaccel_is_guessed=encoding_hardware(plan.preset) is None,
            max_pixels=tools.limits.decoder_pixels,
            boxes=plan.segment_boxes.hex(),
            deinterlace=deinterlace_filters(plan.preset),
            filters=source_filters(plan.preset),
            messages=plan.carried_messages,
            engine=tools.engine,
            precision=tools.precision,
            last=last_segments_marker(self._request.work),
            sizing=Sizing(load=sizes.load, proc=max(sizes.proc, device.in_flight), save=sizes.save),
        )

    def _output(self, segment: Segment, threads: int | None, *, claimed: bool) -> SegmentOutput:
        path = self._ledger.partial_path(segment.number)

        def command(planes: PlaneCoding | None) -> tuple[str, ...]:
            start = self._timeline.time_of(segment.first_frame)
            encoding = SegmentEncoding(start, segment.lead, planes, threads)
            return tuple(ffmpeg_commands.segment_command(self._plan, self._context.tools.ffmpeg, path, encoding))

        return SegmentOutput(
            segment=segment,
            encoder=command(None),
            planes_encoder=command(self._planes) if self._planes else None,
            path=path,
            claim=self._ledger.clear_claim(segment.number) if claimed else None,
        )

    def _record(self, rendered: SegmentRendered, inspector: Inspector) -> None:
        """Enter a rendered segment in the ledger, and check that the attempt may go on."""
        entry = LedgerEntry.of(rendered)
        made_progress = self._ledger.add(entry)
        self._inspect(entry.number, inspector)
        self._context.observer.segment_done(entry, len(self._segments), made_progress=made_progress)
        self._context.check()
        self.require_room()

    @contextmanager
    def _asking_for_one_segment(self) -> Iterator[None]:
        """Where the disk is full, let the job wait until there is space for one more segment."""
        try:
            yield
        except StorageError as error:
            if error.finding.code == "storage.full":
                largest = max((entry.size for entry in self._ledger.done.values()), default=SPARE)
                error.with_needs(Need("work", largest))
            raise

    # --- checks of segments --------------------------------------------------------------------------------

    def _inspect(self, number: int, inspector: Inspector) -> None:
        """Have a segment inspected. A single one is the whole result, which is inspected anyway."""
        if len(self._segments) > 1:
            inspector.submit(self._segments[number], self._ledger.path(number))

    def _require_no_flaws(self, inspector: Inspector) -> None:
        """Return where no segment has a flaw; else drop those that have one.

        Raises:
            VerificationError: `verify.segment`; the next attempt renders the dropped segments again.
        """
        flaws = dict(inspector.flaws)  # a copy, since its threads go on meanwhile
        if not flaws:
            return
        number, flaw = min(flaws.items())
        self._ledger.drop(flaws)
        raise VerificationError(f"segment {number} is bad: {flaw}", code="verify.segment", hint=_HINT)

    def drop_bad_segments(self) -> None:
        """After the joined file has turned out wrong, drop the segments that are.

        The next attempt renders them again; where none is wrong, it only joins again.
        """
        unseen = [segment for segment in self._segments if segment.number not in self._inspections]
        self._ledger.drop([segment.number for segment in unseen if not self._is_whole(segment)])

    def _is_whole(self, segment: Segment) -> bool:
        """Return whether a done segment has all its frames, and each can be decoded."""
        try:
            report: InspectReport = self._context.run(InspectTask(path=self._ledger.path(segment.number)))
        except MediaError:
            return False
        return find_flaw(segment, report.inspection) is None

    # --- joining -------------------------------------------------------------------------------------------

    def join(self, plan: VideoPlan, result: Path) -> None:
        """Join the segments and the source's other streams into `result`.

        Args:
            plan: knows the loudness of its tracks.
            result: the file to write.

        Raises:
            VerificationError: `verify.segment`: a segment has changed; the next attempt renders it again.
        """
        if changed := self._ledger.changed_segments():
            self._ledger.drop(changed)
            message = f"{len(changed)} finished segments were changed after they were rendered"
            raise VerificationError(message, code="verify.segment", hint="keep other programs out of work_dir")
        paths = [self._ledger.path(segment.number) for segment in self._segments]
        if len(paths) > 1:
            listed = ffmpeg_commands.segment_list(result)
            with storage_faults(listed):
                listed.write_text(ffmpeg_commands.segment_list_text(paths, result, self._durations()))
        # Segments with equal decoder setup are joined without `concat`'s own filter, which would write parameter sets
        # into their packets: then no byte changes, and the packets prove that the joined file can be decoded.
        source = self._request.source
        argv = ffmpeg_commands.mux_command(
            plan,
            self._context.tools.ffmpeg,
            paths,
            source.path,
            result,
            uniform=share_decoder_setup(self.inspections),
        )
        self._context.run_command(argv, source)

    def _durations(self) -> list[float]:
        """Return the seconds that each segment lasts on the timeline, so that no rounding adds up in the join."""
        begins = [self._timeline.time_of(segment.first_frame) for segment in self._segments]
        return [after - before for before, after in pairwise([*begins, self._timeline.duration])]
