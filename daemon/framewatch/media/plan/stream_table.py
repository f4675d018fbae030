"""The stream table: what becomes of each stream of a source, and what of the preset's wishes cannot be done.

Pure: one pass over the probed streams gives the rows, the refusals and the warnings, so that what is checked
and what is done can never differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from framewatch.domain import MediaInfo, Record, Stream, StreamKind
from framewatch.errors import Finding
from framewatch.media.containers import Container, rules
from framewatch.media.filters.audio import AudioTarget, audio_target, audio_warnings
from framewatch.media.preset.preset import Preset, Tracks

Action = Literal["upscale", "encode", "copy", "drop"]

_SELECT = "name the tracks to keep in selected_subtitle_tracks (none keeps none)"


class StreamPlan(Record):
    """What becomes of one source stream. Rows that are not dropped stand in the order of the output."""

    index: int  # absolute, in the source
    kind: StreamKind
    codec: str
    action: Action
    codec_out: str = ""  # ffmpeg's codec name; "" when dropped
    encoder: str = ""  # ffmpeg's encoder name; "" when not encoded
    cover: bool = False
    audio: AudioTarget | None = None
    language: str = ""
    title: str = ""
    note: str = ""


@dataclass
class StreamTable:
    """The rows, and what was found on the way."""

    rows: list[StreamPlan] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)


def stream_table(preset: Preset, info: MediaInfo) -> StreamTable:
    """The table for a preset whose container is known to be one that is made here."""
    return _Tabler(preset, info).table()


def row(stream: Stream, action: Action, codec_out: str = "", note: str = "") -> StreamPlan:
    """A row for `stream`."""
    return StreamPlan(
        index=stream.index, kind=stream.kind, codec=stream.codec, action=action, codec_out=codec_out,
        note=note, cover=stream.cover, language=stream.language, title=stream.title,
    )  # fmt: skip


class _Tabler:
    """Goes through the streams kind by kind."""

    def __init__(self, preset: Preset, info: MediaInfo) -> None:
        self.preset = preset
        self.info = info
        self.container: Container = rules().containers[preset.container]
        self.copy_mode = preset.processing_mode == "copy"
        self.out = StreamTable()
        self.dropped: list[StreamPlan] = []

    def table(self) -> StreamTable:
        if self.container.audio_only:
            self._sound_alone()
        else:
            self._video()
        for stream in self._selected("audio", self._audio_tracks()):
            self._audio(stream)
        for stream in self._selected("subtitle", self._subtitle_tracks()):
            self._subtitle(stream)
        for stream in self.info.of_kind("attachment"):
            self._attachment(stream)
        for stream in self.info.streams:
            if stream.cover:
                self._cover(stream)
        for stream in self.info.of_kind("data"):
            self._data(stream)
        self.out.rows.extend(self.dropped)
        return self.out

    def _keep(self, plan: StreamPlan) -> None:
        self.out.rows.append(plan)

    def _drop(self, stream: Stream, note: str, code: str = "") -> None:
        self.dropped.append(row(stream, "drop", note=note))
        if code:
            self.out.warnings.append(Finding(code, f"{described(stream)} is left out: {note}", "", place(stream)))

    def _refuse(self, stream: Stream, code: str, message: str, hint: str) -> None:
        self.out.errors.append(Finding(code, message, hint, place(stream)))

    def _video(self) -> None:
        main = self.info.main_video
        if main is None:
            self._no_video()
            return
        encoder = rules().video_encoders[self.preset.video_codec]
        if self.copy_mode:
            self._keep(row(main, "copy", main.codec))
            if main.codec not in self.container.video.copied:
                self._cannot_copy(main, self.container.video.copied)
        else:
            plan = row(main, "upscale" if self.preset.upscales else "encode", encoder.codec)
            self._keep(plan.evolve(encoder=encoder.program))
        for other in self.info.of_kind("video"):
            if other is not main:
                self._drop(other, "only the first video stream is processed", "streams.second_video")

    def _no_video(self) -> None:
        covers = any(stream.cover for stream in self.info.streams)
        what = "only a cover picture, no video" if covers else "no video stream"
        self.out.errors.append(Finding("media.no_video", f"there is {what} in this file", "a video file is needed"))

    def _sound_alone(self) -> None:
        for stream in self.info.of_kind("video"):
            self._drop(stream, f"{self.preset.container} holds sound alone")
        if not self.info.of_kind("audio"):
            message = "there is no sound in this file"
            self.out.errors.append(Finding("media.no_audio", message, "a file with an audio stream is needed"))

    def _audio_tracks(self) -> Tracks:
        """The chosen ones; where all are wished and the container holds fewer, the default one or the first."""
        chosen, most = self.preset.selected_audio_tracks, self.container.audio_tracks
        there = self.info.of_kind("audio")
        if chosen or most is None or len(there) <= most:
            return chosen if self.container.has_audio else "none"
        kept = tuple(sorted(there, key=lambda stream: not stream.default)[:most])
        message = f"{self.preset.container} holds {most} track: {described(kept[0])} is kept of {len(there)}"
        hint = "selected_audio_tracks chooses another"
        self.out.warnings.append(Finding("streams.second_audio", message, hint, place(kept[0])))
        return tuple(stream.index for stream in kept)

    def _subtitle_tracks(self) -> Tracks:
        return self.preset.selected_subtitle_tracks if self.container.has_subtitles else "none"

    def _audio(self, stream: Stream) -> None:
        if self.copy_mode or self.preset.audio_codec == "copy":
            self._keep(row(stream, "copy", stream.codec))
            if stream.codec not in self.container.audio.copied:
                self._cannot_copy(stream, self.container.audio.copied)
            return
        encoder = rules().audio_encoders[self.preset.audio_codec]
        target = audio_target(self.preset, encoder, stream.audio)
        told = audio_warnings(self.preset, encoder, stream.audio, target, described(stream))
        self.out.warnings += (each.at(place(stream)) for each in told)
        plan = row(stream, "encode", encoder.codec, _audio_note(target))
        self._keep(plan.evolve(encoder=encoder.program, audio=target))

    def _subtitle(self, stream: Stream) -> None:
        allowed = self.container.subtitles
        if stream.codec in allowed.copied:
            self._keep(row(stream, "copy", stream.codec))
        elif self.copy_mode:
            self._cannot_copy(stream, allowed.copied)
        elif stream.codec in rules().text_subtitles and allowed.encode:
            self._convert(stream, allowed.encode)
        else:
            self._cannot_convert(stream, allowed.encode)

    def _convert(self, stream: Stream, codec: str) -> None:
        note = ""
        if stream.codec in rules().styled_subtitles:
            note = f"fonts, colours and positions are lost: {codec} has none"
            message = f"{described(stream)}: {note}"
            self.out.warnings.append(
                Finding("subtitle.styling_lost", message, 'container "mkv" keeps them', place(stream))
            )
        self._keep(row(stream, "encode", codec, note).evolve(encoder=codec))

    def _cannot_convert(self, stream: Stream, codec: str | None) -> None:
        name = self.preset.container
        if codec is None:
            self._cannot_hold(stream)
            return
        what = "pictures, not text" if stream.codec != "unknown" else "of an unknown kind"
        message = f"{described(stream)} is {what} and cannot become {codec}, which {name} needs"
        hint = f"{self._fitting_hint(stream)}, or {_SELECT}"
        code = "subtitle.bitmap" if stream.codec != "unknown" else "subtitle.unknown_codec"
        self._refuse(stream, code, message, hint)

    def _cannot_hold(self, stream: Stream) -> None:
        name, allowed = self.preset.container, self.container.subtitles.copied
        message = f"{described(stream)} cannot go into {name}, and nothing can be made of it that can"
        hint = f"{name} takes {allowed}; {self._fitting_hint(stream)}, or {_SELECT}"
        self._refuse(stream, "subtitle.not_held", message, hint)

    def _cannot_copy(self, stream: Stream, allowed: Iterable[str] | object) -> None:
        name = self.preset.container
        message = f"{described(stream)} cannot be copied into {name}"
        hint = f"{name} takes {allowed}; {self._fitting_hint(stream)}"
        if stream.kind == "audio":
            hint += ", or an audio_codec that encodes" if not self.copy_mode else ', or processing_mode "reencode"'
        elif self.copy_mode:
            hint += ', or processing_mode "reencode"'
        self._refuse(stream, f"copy.{stream.kind}_codec", message, hint)

    def _fitting_hint(self, stream: Stream) -> str:
        fitting = [name for name in rules().moving() if takes(rules().containers[name], stream)]
        return f"use container {' or '.join(fitting)}" if fitting else "no container here takes it"

    def _attachment(self, stream: Stream) -> None:
        if self.container.attachments:
            self._keep(row(stream, "copy", stream.codec))
        else:
            self._drop(stream, f"{self.preset.container} has no attachments", "streams.attachment_dropped")

    def _cover(self, stream: Stream) -> None:
        if self.container.covers == "none":
            self._drop(stream, f"{self.preset.container} has no cover pictures", "streams.cover_dropped")
        elif stream.codec not in rules().cover_types:
            self._drop(stream, f"a {stream.codec} cover cannot be carried along", "streams.cover_dropped")
        else:
            self._keep(row(stream, "copy", stream.codec))

    def _data(self, stream: Stream) -> None:
        if stream.codec == "bin_data" and self.info.chapters:
            self._drop(stream, "the names of the chapters; they are written anew")
        else:
            self._drop(stream, "data streams are not carried along", "streams.data_dropped")

    def _selected(self, kind: Literal["audio", "subtitle"], chosen: Tracks) -> Iterator[Stream]:
        """The chosen streams in their order; the others become rows that say so."""
        there = {stream.index: stream for stream in self.info.of_kind(kind)}
        keep = [] if chosen == "none" else list(chosen or there)
        for stream in there.values():
            if stream.index not in keep:
                self._drop(stream, "not selected")
        for index in keep:
            if index in there:
                yield there[index]
            else:
                self.out.errors.append(_no_such_track(kind, index, there, self.info))


def takes(container: Container, stream: Stream) -> bool:
    """Whether `container` takes `stream` as it is."""
    sets = {
        "video": container.video.copied,
        "audio": container.audio.copied,
        "subtitle": container.subtitles.copied,
    }
    return stream.kind in sets and stream.codec in sets[stream.kind]


def place(stream: Stream) -> str:
    """Where a finding about this stream is."""
    return f"stream {stream.index}"


def described(stream: Stream) -> str:
    """`subtitle stream 3 (hdmv_pgs_subtitle, jpn)`."""
    facts = ", ".join(part for part in (stream.codec, stream.language) if part)
    kind = "cover picture" if stream.cover else f"{stream.kind} stream"
    return f"{kind} {stream.index} ({facts})"


def _audio_note(target: AudioTarget) -> str:
    parts = [
        f"{target.kbps} kbit/s" if target.kbps else "",
        f"variable rate {target.quality.split()[1]}" if target.quality else "",
        f"{target.channels} channels" if target.channels else "",
        "normalized" if target.normalize else "",
        "filtered" if target.before or target.after else "",
    ]
    return ", ".join(part for part in parts if part)


def _no_such_track(kind: str, index: int, there: dict[int, Stream], info: MediaInfo) -> Finding:
    other = next((stream for stream in info.streams if stream.index == index), None)
    message = f"stream {index} is {other.kind}, not {kind}" if other else f"there is no stream {index}"
    known = ", ".join(f"{stream.index} ({stream.language or stream.codec})" for stream in there.values())
    hint = f"{kind} streams here: {known}" if known else f"this file has no {kind} stream"
    return Finding(f"tracks.{kind}_not_found", message, hint, f"selected_{kind}_tracks")
