"""The stream table: what becomes of each stream of a source, and which of the preset's requests cannot be done. Pure.

One pass over the probed streams gives rows, errors and warnings, so that what is checked and what is done cannot
differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from framewatch.domain import MediaInfo, Record, Stream, StreamKind
from framewatch.errors import Finding
from framewatch.media.containers import AudioEncoder, CodecSet, Container, rules
from framewatch.media.filters.audio import AudioTarget, audio_obstacle, audio_target, audio_warnings, lost_layout
from framewatch.media.limits import MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, MAX_COVER_PIXELS
from framewatch.media.preset.preset import Preset, Tracks

Action = Literal["upscale", "encode", "copy", "drop"]

_CONVERTED_KBPS = 64  # of each channel, at the least, of a track that was to be copied
_SOUND_LOST = (
    "streams.empty",
    "copy.audio_codec",
    "audio.no_decoder",
    "audio.too_many_channels",
    "audio.unknown_layout",
)


class StreamPlan(Record):
    """What becomes of one source stream."""

    index: int  # absolute, in the source
    kind: StreamKind
    codec: str
    action: Action
    codec_out: str | None = None  # ffmpeg's codec name; None where the stream is dropped
    encoder: str | None = None  # ffmpeg's encoder name; None where nothing is encoded
    cover: bool = False
    audio: AudioTarget | None = None  # of an audio track that is encoded
    sample_rate: int | None = None  # of the source's sound
    page: int | None = None  # of teletext that is converted; None: all of its pages
    language: str = ""
    title: str = ""
    note: str = ""


_SEVERAL_DESCRIPTIONS = ("mp4", "mov")  # containers that hold several sets of parameters beside the packets
# Codecs whose packets can be decoded whatever was said of others before them.
_SELF_CONTAINED = ("opus", "mp3", "mp2", "ac3", "eac3", "dts")


@dataclass
class StreamTable:
    """One row per stream, kept streams first and in the order of the output; and what was found on the way."""

    rows: list[StreamPlan] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)


class Abilities(Record):
    """What the ffmpeg at hand can do; as far as nobody has asked it, everything."""

    encoders: CodecSet = CodecSet(rest=True)  # ffmpeg's names of those that work here
    decoded: CodecSet = CodecSet(rest=True)  # codecs that it has a decoder for
    known: CodecSet = CodecSet(rest=True)  # codecs that it has a name for: no other one can be copied


ALL = Abilities()


def stream_table(preset: Preset, info: MediaInfo, ffmpeg: Abilities = ALL) -> StreamTable:
    """Decide what becomes of each stream of `info`."""
    return _StreamTableBuilder(preset, info, ffmpeg).build()


def location(stream: Stream) -> str:
    """Return the `where` of a finding about this stream."""
    return f"stream {stream.index}"


def description(stream: Stream) -> str:
    """Return the stream for a message: `subtitle stream 3 (hdmv_pgs_subtitle, jpn)`."""
    facts = ", ".join(part for part in (stream.codec, stream.language) if part)
    kind = "cover image" if stream.cover else f"{stream.kind} stream"
    return f"{kind} {stream.index} ({facts})"


def _row(
    stream: Stream, action: Action, codec_out: str | None = None, *, encoder: str | None = None, note: str = ""
) -> StreamPlan:
    return StreamPlan(
        index=stream.index,
        kind=stream.kind,
        codec=stream.codec,
        action=action,
        codec_out=codec_out,
        encoder=encoder,
        note=note,
        cover=stream.cover,
        sample_rate=stream.audio.sample_rate if stream.audio else None,
        language=stream.language,
        title=stream.title,
    )


class _StreamTableBuilder:
    """Goes through the streams, one kind after the other."""

    def __init__(self, preset: Preset, info: MediaInfo, ffmpeg: Abilities) -> None:
        self.preset = preset
        self.info = info
        self.ffmpeg = ffmpeg
        self.container: Container = rules().containers[preset.container]
        self.copy_mode = preset.processing_mode == "copy"
        self.table = StreamTable()
        self.dropped: list[StreamPlan] = []
        self.attachments = 0  # that are kept
        self.attached_bytes = 0

    def build(self) -> StreamTable:
        if self.container.audio_only:
            self._drop_video()
        else:
            self._video()
        for stream in self._selected("audio", self._audio_tracks()):
            self._audio(stream)
        self._require_sound()
        for stream in self._selected("subtitle", self._subtitle_tracks()):
            self._subtitle(stream)
        for stream in self.info.of_kind("attachment"):
            self._attachment(stream)
        for stream in self.info.streams:
            if stream.cover:
                self._cover(stream)
        for stream in self.info.of_kind("data"):
            self._data(stream)
        if any(each.code == "copy.video_codec" for each in self.table.errors):
            self._refuse(("copy.audio_codec", "copy.subtitle_codec"))  # what else to know before another container
        self.table.rows.extend(self.dropped)
        return self.table

    def _keep(self, row: StreamPlan) -> None:
        self.table.rows.append(row)

    def _drop(self, stream: Stream, note: str, warning: str | None = None, hint: str = "") -> None:
        """Leave a stream out; `warning` is the code of a warning about it, None where the user wants it so."""
        self.dropped.append(_row(stream, "drop", note=note))
        if warning is not None:
            self._found(Finding(warning, f"{description(stream)} is dropped: {note}", hint, location(stream)))

    def _found(self, loss: Finding) -> None:
        """Note that a stream is lost or becomes another one; only a strict preset refuses the file for it."""
        (self.table.errors if self.preset.strict_streams else self.table.warnings).append(loss)

    def _video(self) -> None:
        main = self.info.main_video
        if main is None:
            self._no_video()
            return
        encoder = rules().video_encoders[self.preset.video_codec]
        if self.copy_mode:
            self._keep(_row(main, "copy", main.codec))
            if main.codec not in self.container.video.copied:
                self._cannot_copy_video(main)
            elif (
                self.info.changes.apart
                and main.codec != "h264"
                and self.preset.container not in _SEVERAL_DESCRIPTIONS
            ):
                self._cannot_hold_parameters(main)
        else:
            action: Action = "upscale" if self.preset.upscales else "encode"
            self._keep(_row(main, action, encoder.codec, encoder=encoder.program))
        for other in self.info.of_kind("video"):
            if other is not main:
                self._second_video(other, main)
        self._require_video_track()

    def _second_video(self, stream: Stream, main: Stream) -> None:
        """Keep another video beside the one that is copied, which loses nothing; else leave it out."""
        # AVI does not say when frames are shown, and only those of the main video have been timed.
        if (
            self.copy_mode
            and self.container.kind == "video"
            and self._is_held(stream, self.container.video.copied)
            and self.info.container != "avi"
        ):
            self._keep(_row(stream, "copy", stream.codec))
            return
        hint = f"video_track: {stream.index} processes it instead"
        if not self.copy_mode and self._is_held(stream, self.container.video.copied):
            hint += '; processing_mode "copy" keeps both'
        self._drop(stream, f"one video is processed, stream {main.index}", "streams.second_video", hint)

    def _require_video_track(self) -> None:
        """Refuse a file without the video that the preset names."""
        index, videos = self.preset.video_track, self.info.of_kind("video")
        if index != "auto" and index not in [each.index for each in videos]:
            known = {each.index: each for each in videos}
            self.table.errors.append(_no_such_track("video", index, known, self.info, "video_track"))

    def _no_video(self) -> None:
        covers = any(stream.cover for stream in self.info.streams)
        what = "only a cover image, no video" if covers else "no video stream"
        self.table.errors.append(Finding("media.no_video", f"there is {what} in this file", "a video file is needed"))

    def _drop_video(self) -> None:
        for stream in self.info.of_kind("video"):
            self._drop(stream, f"{self.preset.container} holds only audio")
        if not self.info.of_kind("audio"):
            message = "there is no audio in this file"
            self.table.errors.append(Finding("media.no_audio", message, "a file with an audio stream is needed"))

    def _audio_tracks(self) -> Tracks:
        """Return the selected tracks; where all are, and the container holds fewer, the default one or the first."""
        selected, limit = self.preset.selected_audio_tracks, self.container.audio_tracks
        tracks = self.info.of_kind("audio")
        if selected or limit is None or len(tracks) <= limit:
            return selected
        kept = tuple(sorted(tracks, key=lambda stream: not stream.default)[:limit])
        message = f"{self.preset.container} holds {limit} track: of {len(tracks)}, {description(kept[0])} is kept"
        hint = "selected_audio_tracks selects another"
        self._found(Finding("streams.second_audio", message, hint, location(kept[0])))
        return tuple(stream.index for stream in kept)

    def _subtitle_tracks(self) -> Tracks:
        return self.preset.selected_subtitle_tracks

    def _audio(self, stream: Stream) -> None:
        if not self.container.has_audio:
            hint = "selected_audio_tracks: none says that it is not wanted"
            self._drop(stream, f"{self.preset.container} holds no sound", "streams.audio_dropped", hint)
            return
        if stream.empty:
            message = f"{description(stream)} is announced and has no sound in it"
            self._lose(stream, Finding("streams.empty", message, "", location(stream)))
            return
        copied = self._is_held(stream, self.container.audio.copied) and not self._changes_apart(stream)
        if self.copy_mode or self.preset.audio_codec == "copy":
            if copied:
                self._keep(_row(stream, "copy", stream.codec))
                if self.container.muxer in ("matroska", "webm"):
                    self.table.warnings += lost_layout(
                        stream.codec, stream.audio, description(stream), location(stream)
                    )
            else:
                self._convert_audio(stream)
            return
        encoder = rules().audio_encoders[self.preset.audio_codec]
        obstacle = self._audio_obstacle(stream, encoder)
        if obstacle is None:
            self._encode_audio(stream, encoder, self.preset)
        elif copied:
            self._found(replace(obstacle, message=f"{obstacle.message}; it is copied as it is"))
            self._keep(_row(stream, "copy", stream.codec, note="cannot be converted"))
        else:
            self._lose(stream, obstacle)

    def _changes_apart(self, stream: Stream) -> bool:
        """Return whether only a part of a track could be decoded once it was copied."""
        changes = self.info.changes
        if self.preset.container == "mkv" and stream.codec == "aac" and stream.index in changes.sounds_resent:
            return True  # ffmpeg 9 damages the file's header by writing the same once more
        return stream.index in changes.sounds_apart and stream.codec not in _SELF_CONTAINED

    def _is_held(self, stream: Stream, held: CodecSet) -> bool:
        """Return whether a stream can be copied into a container that holds these codecs."""
        return stream.codec in held and stream.codec in self.ffmpeg.known and stream.codec != "unknown"

    def _convert_audio(self, stream: Stream) -> None:
        """Encode a track that cannot be copied: that loses less than to leave it out."""
        name = self.preset.container
        message = f"{description(stream)} cannot be copied into {name}"
        if self._changes_apart(stream):
            message = f"{description(stream)} changes in the middle, beside its packets, and cannot be copied"
        fallback = self.container.audio.fallback
        if fallback is None:
            self._lose(stream, Finding("copy.audio_codec", message, self._fitting_hint(stream), location(stream)))
            return
        encoder = rules().audio_encoders[fallback]
        if obstacle := self._audio_obstacle(stream, encoder):
            message = f"{message}, nor converted: {obstacle.message}"
            self._lose(stream, Finding("copy.audio_codec", message, self._fitting_hint(stream), location(stream)))
            return
        hint = "an audio_codec says how it is encoded"
        if not self._changes_apart(stream):
            hint = f"{self._fitting_hint(stream)}, which keeps it; {hint}"
        message = f"{message}, and is converted to {encoder.codec}"
        self._found(Finding("copy.audio_codec", message, hint, location(stream)))
        channels = stream.audio.channels if stream.audio else 0
        kbps = max(self.preset.audio_bitrate, _CONVERTED_KBPS * channels)
        self._encode_audio(stream, encoder, self.preset.evolve(audio_codec=fallback, audio_bitrate=kbps))

    def _audio_obstacle(self, stream: Stream, encoder: AudioEncoder) -> Finding | None:
        """Return why a track cannot be encoded; None: it can."""
        name = description(stream)
        if stream.codec == "unknown" or stream.codec not in self.ffmpeg.decoded:
            message, hint = f"{name}: this ffmpeg has no decoder for it", self._fitting_hint(stream, copied=True)
            return Finding("audio.no_decoder", message, hint, location(stream))
        if encoder.program not in self.ffmpeg.encoders:
            message = f"{name}: this ffmpeg was built without {encoder.program}"
            return Finding("encoder.missing", message, "choose another audio_codec, or ffmpeg", location(stream))
        found = audio_obstacle(self.preset, encoder, stream, name)
        return found.at(location(stream)) if found else None

    def _encode_audio(self, stream: Stream, encoder: AudioEncoder, preset: Preset) -> None:
        target = audio_target(preset, encoder, stream.audio)
        warnings = audio_warnings(preset, encoder, stream.audio, target, description(stream))
        self.table.warnings += (warning.at(location(stream)) for warning in warnings)
        row = _row(stream, "encode", encoder.codec, encoder=encoder.program, note=_audio_note(target))
        self._keep(row.evolve(audio=target))

    def _lose(self, stream: Stream, reason: Finding) -> None:
        """Drop a track for a reason that is stated without a word of what follows from it."""
        self.dropped.append(_row(stream, "drop", note=reason.message))
        self._found(replace(reason, message=f"{reason.message}; it is dropped"))

    def _require_sound(self) -> None:
        """Refuse a file whose output would hold nothing."""
        if self.container.audio_only and not any(row.kind == "audio" for row in self.table.rows):
            self._refuse(_SOUND_LOST)

    def _refuse(self, codes: Sequence[str]) -> None:
        """Make errors of the warnings with these codes."""
        reasons = [each for each in self.table.warnings if each.code in codes]
        self.table.errors += reasons
        self.table.warnings = [each for each in self.table.warnings if each not in reasons]

    def _subtitle(self, stream: Stream) -> None:
        allowed = self.container.subtitles
        if not self.container.has_subtitles:
            hint = "selected_subtitle_tracks: none says that it is not wanted"
            note = f"{self.preset.container} holds no subtitles"
            self._drop(stream, note, "streams.subtitles_dropped", hint)
            return
        if self._is_held(stream, allowed.copied):
            self._keep(_row(stream, "copy", stream.codec))
        elif allowed.encode and stream.codec in rules().text_subtitles and stream.codec in self.ffmpeg.decoded:
            self._convert(stream, allowed.encode)
        else:
            self._lose(stream, self._unfit_subtitle(stream, allowed.encode))

    def _convert(self, stream: Stream, codec: str) -> None:
        note, where = "", location(stream)
        if self.copy_mode:
            message = f"{description(stream)} cannot be copied into {self.preset.container}, and becomes {codec}"
            self._found(Finding("copy.subtitle_codec", message, self._fitting_hint(stream), where))
        if stream.codec in rules().styled_subtitles:
            note = f"fonts, colours and positions are lost: {codec} has none"
            message, hint = f"{description(stream)}: {note}", 'container "mkv" keeps them'
            self.table.warnings.append(Finding("subtitle.styling_lost", message, hint, where))
        if stream.pages[1:]:
            message = (
                f"{description(stream)}: of its pages, {stream.pages[0]} is kept, {_listed(stream.pages[1:])} not"
            )
            self._found(Finding("subtitle.pages_dropped", message, self._fitting_hint(stream), where))
        self._keep(
            _row(stream, "encode", codec, encoder=codec, note=note).evolve(page=next(iter(stream.pages), None))
        )

    def _unfit_subtitle(self, stream: Stream, codec: str | None) -> Finding:
        """Return why a subtitle track can be neither copied nor converted to `codec`."""
        name, hint, where = self.preset.container, self._fitting_hint(stream), location(stream)
        if codec is None:
            message = f"{description(stream)} cannot be stored in {name}, nor converted to anything that can"
            return Finding("subtitle.not_held", message, hint, where)
        if stream.codec == "unknown":
            message = f"{description(stream)} is of an unknown kind, which {name} cannot hold"
            return Finding("subtitle.unknown_codec", message, hint, where)
        if stream.codec in rules().text_subtitles:
            message = f"{description(stream)} cannot be stored in {name}, and this ffmpeg has no decoder for it"
            return Finding("subtitle.no_decoder", message, hint, where)
        message = f"{description(stream)} is images, not text, and cannot be converted to {codec}, which {name} needs"
        return Finding("subtitle.bitmap", message, hint, where)

    def _cannot_copy_video(self, stream: Stream) -> None:
        name, allowed = self.preset.container, self.container.video.copied
        message = f"{description(stream)} cannot be copied into {name}"
        hint = f'{name} takes {allowed}; {self._fitting_hint(stream)}, or processing_mode "reencode"'
        self.table.errors.append(Finding("copy.video_codec", message, hint, location(stream)))

    def _cannot_hold_parameters(self, stream: Stream) -> None:
        message = (
            f"{description(stream)} changes in the middle, beside its packets: a copy could be decoded only in part"
        )
        hint = 'processing_mode "reencode" keeps all of it'
        self.table.errors.append(Finding("copy.parameters_apart", message, hint, location(stream)))

    def _fitting_hint(self, stream: Stream, *, copied: bool = False) -> str:
        known = stream.codec in self.ffmpeg.known
        fitting = [name for name in rules().moving() if known and _holds(rules().containers[name], stream)]
        how = " and audio_codec copy" if copied else ""
        return f"use container {' or '.join(fitting)}{how}" if fitting else "no container here takes it"

    def _attachment(self, stream: Stream) -> None:
        size = self.info.extras.attachments.get(stream.index, 0)
        if not self.container.attachments:
            fitting = " or ".join(name for name, each in rules().containers.items() if each.attachments)
            hint = f"container {fitting} keeps it"
            self._drop(stream, f"{self.preset.container} has no attachments", "streams.attachment_dropped", hint)
        elif self.attachments == MAX_ATTACHMENTS:
            self._drop(stream, f"more than {MAX_ATTACHMENTS} attachments", "streams.attachment_dropped")
        elif self.attached_bytes + size > MAX_ATTACHMENT_BYTES:
            note = f"more than {MAX_ATTACHMENT_BYTES >> 20} MiB of attachments"
            self._drop(stream, note, "streams.attachment_dropped")
        else:
            self.attachments += 1
            self.attached_bytes += size
            self._keep(_row(stream, "copy", stream.codec))

    def _cover(self, stream: Stream) -> None:
        if self.container.covers == "none":
            fitting = " or ".join(name for name in rules().moving() if rules().containers[name].covers != "none")
            hint = f"container {fitting} keeps it" if stream.codec in rules().cover_types else ""
            self._drop(stream, f"{self.preset.container} has no cover images", "streams.cover_dropped", hint)
        elif stream.codec not in rules().cover_types:
            self._drop(stream, f"a {stream.codec} cover cannot be copied", "streams.cover_dropped")
        elif stream.video and stream.video.width * stream.video.height > MAX_COVER_PIXELS:
            size = f"{stream.video.width}x{stream.video.height}"
            self._drop(stream, f"{size} is too large for a cover", "streams.cover_dropped")
        else:
            self._keep(_row(stream, "copy", stream.codec))

    def _data(self, stream: Stream) -> None:
        if stream.codec == "bin_data" and self.info.chapters:
            written = "; they are written again" if self.container.chapters else ""
            self._drop(stream, f"the names of the chapters{written}")
        elif stream.codec == "tmcd" and any(entry.kind == "timecode" for entry in self.info.inventory):
            self._drop(stream, "the timecode, which is a property of the video")
        elif stream.codec == "dvd_nav_packet":
            self._drop(stream, "for the menus and searches of a DVD player")
        else:
            self._drop(stream, "data streams are not copied", "streams.data_dropped")

    def _selected(self, kind: Literal["audio", "subtitle"], selected: Tracks) -> Iterator[Stream]:
        """The selected streams in their order; the others are dropped with a note."""
        available = {stream.index: stream for stream in self.info.of_kind(kind)}
        keep = [] if selected == "none" else list(selected or available)
        for stream in available.values():
            if stream.index not in keep:
                self._drop(stream, "not selected")
        for index in keep:
            if index in available:
                yield available[index]
            else:
                self.table.errors.append(_no_such_track(kind, index, available, self.info, f"selected_{kind}_tracks"))


def _holds(container: Container, stream: Stream) -> bool:
    """Return whether `container` can hold `stream` as it is."""
    copied = {
        "video": container.video.copied,
        "audio": container.audio.copied,
        "subtitle": container.subtitles.copied,
    }
    return stream.kind in copied and stream.codec in copied[stream.kind]


def _audio_note(target: AudioTarget) -> str:
    parts = [
        f"{target.kbps} kbit/s" if target.kbps else "",
        f"variable rate {target.quality.value}" if target.quality else "",
        f"{target.channels} channels" if target.channels else "",
        "normalized" if target.normalize else "",
        "filtered" if target.before or target.after else "",
    ]
    return ", ".join(part for part in parts if part)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _no_such_track(kind: str, index: int, available: dict[int, Stream], info: MediaInfo, key: str) -> Finding:
    other = next((stream for stream in info.streams if stream.index == index), None)
    message = f"stream {index} is {other.kind}, not {kind}" if other else f"there is no stream {index}"
    known = ", ".join(f"{stream.index} ({stream.language or stream.codec})" for stream in available.values())
    hint = f"{kind} streams here: {known}" if known else f"this file has no {kind} stream"
    return Finding(f"tracks.{kind}_not_found", message, hint, key)
