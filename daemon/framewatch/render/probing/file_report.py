"""Reads everything about a file that its plan depends on."""

from __future__ import annotations

import os
from collections.abc import Sequence

from framewatch.domain import Entry, FrameMessages, InputFile, MediaInfo, Video
from framewatch.errors import Finding, MediaError
from framewatch.media import process_bounds
from framewatch.media.clock.jumps import Bridged, jump_warning
from framewatch.media.damage.missing import Missing
from framewatch.media.decode.image_file import with_image_details
from framewatch.media.heartbeat import Beat
from framewatch.media.inventory.derived import merged
from framewatch.media.limits import check_length, check_spans
from framewatch.media.plan.avi_timestamps import frame_times
from framewatch.media.plan.mid_stream import check_pictures, with_changes
from framewatch.media.plan.output_time import (
    dropped_frames_warnings,
    lengths_in_cut,
    requested_timeline,
    standstill_warnings,
)
from framewatch.media.plan.segments import plan_segments
from framewatch.media.probe.completeness import missing_warning
from framewatch.media.probe.file_kind import is_image
from framewatch.media.probe.packet_scan import ScanResult, Spans, StreamScan, scan, stream_spans
from framewatch.media.probe.probe import probe
from framewatch.media.probe.streams.late import late_warnings
from framewatch.media.probe.streams.reach import reach_for_late
from framewatch.media.probe.structure.structure_warnings import structure_warnings
from framewatch.media.reading_cost import image_bytes, scanning_bytes
from framewatch.render.tasks import ProbeReport, ProbeTask


def report_on(task: ProbeTask, beat: Beat) -> ProbeReport:
    """Read a file, as often as it takes: its clock may jump, and its streams may begin late.

    Raises:
        MediaError: the file is damaged, or beyond the limits.
        StorageError: it is gone or cannot be read now.
    """
    source = task.source
    # The headers' sizes are checked against the limits before a packet is scanned or a frame decoded.
    info = probe(source, task.limits, beat, video_track=task.video_track, reach=task.reach)
    odd = structure_warnings(source, beat)
    if is_image(info):
        return _image_report(task, info, beat).evolve(warnings=odd)
    process_bounds.let_take(scanning_bytes(info.size))
    main = info.main_video
    if task.timeline and (main is None or main.video is None):
        return ProbeReport(info=info, timeline=None, warnings=odd)
    # One scan of all packets before the work gives the exact timeline, finds a truncated file before hours are
    # spent on it, and measures each stream's length, which headers only estimate.
    read = scan if task.timeline else stream_spans
    scanned = read(source, _main_stream(info), beat, info.extras.reach)
    if isinstance(scanned, Bridged):
        return _bridged(task, scanned, beat)
    if scanned.late and (reach := reach_for_late(info.container, task.reach)):
        return report_on(task.evolve(reach=reach), beat)
    info = _without_packets_marked(info, scanned.spans)
    report = _report(task, info, scanned)
    warnings = (*odd, *_missing_warnings(scanned.missing), *late_warnings(scanned.late), *report.warnings)
    return report.evolve(warnings=warnings)


def _report(task: ProbeTask, info: MediaInfo, scanned: ScanResult | StreamScan) -> ProbeReport:
    main = info.main_video
    if isinstance(scanned, StreamScan) or main is None or main.video is None:
        return _stream_report(task, info, scanned)
    return _video_report(task, _with_messages(info, main.index, scanned.messages), main.video, scanned)


def _bridged(task: ProbeTask, bridged: Bridged, beat: Beat) -> ProbeReport:
    """Probe a file whose clock jumps once more, with a clock that does not: all else of it depends on that."""
    assert isinstance(task.source, InputFile)  # noqa: S101 - files of framewatch's own are read as they are
    report = report_on(task.evolve(source=task.source.evolve(clock=bridged.clock)), beat)
    return report.evolve(clock=bridged.clock, warnings=(jump_warning(bridged.joints), *report.warnings))


def _image_report(task: ProbeTask, info: MediaInfo, beat: Beat) -> ProbeReport:
    needed = image_bytes(info.streams[0].video, info.size, os.cpu_count() or 1)
    process_bounds.let_take(needed)
    with process_bounds.narrowed(needed):
        return ProbeReport(info=with_image_details(task.source, info, beat), timeline=None)


def _stream_report(task: ProbeTask, info: MediaInfo, scanned: ScanResult | StreamScan) -> ProbeReport:
    """Return the report about a file whose frames do not matter."""
    durations = {index: float(end - begin) for index, (begin, end) in scanned.spans.items()}
    if task.limits and (findings := check_spans(durations, info, task.limits)):
        raise MediaError.of(findings)
    return ProbeReport(
        info=with_changes(info, scanned.changes, None),
        timeline=None,
        lengths=lengths_in_cut(task.timeline_request, None, scanned.spans, info.start),
    )


def _video_report(task: ProbeTask, info: MediaInfo, video: Video, scanned: ScanResult) -> ProbeReport:
    """Return the report about a file with the timeline of its video."""
    request, limits = task.timeline_request, task.limits
    timeline = requested_timeline(request, scanned, video.rate, info.start)
    if limits and (findings := [*check_length(timeline.duration, limits), *check_pictures(scanned.changes, limits)]):
        raise MediaError.of(findings)
    return ProbeReport(
        info=with_changes(info, scanned.changes, timeline),
        timeline=timeline,
        lengths=lengths_in_cut(request, timeline, scanned.spans, info.start),
        frame_times=frame_times(scanned),
        segments=plan_segments(
            timeline, scanned.pts, scanned.keyframes, task.segment_options, seekable=scanned.seekable
        ),
        seekable=scanned.seekable,
        warnings=(
            *standstill_warnings(info.container, scanned, timeline),
            *dropped_frames_warnings(request, scanned, timeline, info.start),
        ),
    )


def _without_packets_marked(info: MediaInfo, spans: Spans) -> MediaInfo:
    """Return `info` with the audio tracks marked that a broadcast announces and never sends."""
    streams = (each.evolve(empty=each.kind == "audio" and each.index not in spans) for each in info.streams)
    return info.evolve(streams=tuple(streams))


def _main_stream(info: MediaInfo) -> int:
    """Return the index of the stream by whose seconds a file is judged, whatever is wanted of it."""
    main = info.main_video
    return next((each.index for each in (main, *info.of_kind("audio"), *info.streams) if each is not None), 0)


def _with_messages(info: MediaInfo, video: int, messages: Sequence[FrameMessages]) -> MediaInfo:
    """Complete what a file has by what its video attaches to single frames."""
    entries = [
        Entry(kind=each.kind, stream=video, detail=f"{each.frames} frames from {each.first:.2f} s on")
        for each in messages
    ]
    extras = info.extras.evolve(frame_messages=messages)
    return info.evolve(extras=extras, inventory=merged(entries, info.inventory))


def _missing_warnings(missing: Missing) -> tuple[Finding, ...]:
    return (missing_warning(missing),) if missing.bytes else ()
