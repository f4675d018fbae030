"""What is in a file, as the packaged ffmpeg tells: nothing of framewatch reads it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from media_samples import PACKAGED

_STREAM = re.compile(r"^ {2,6}Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\(([^)]*)\))?: (\w+): (.*)$")
_CHAPTER = re.compile(r"^    Chapter #0:\d+: start (-?[\d.]+), end (-?[\d.]+)")
_START = re.compile(r", start: (-?[\d.]+)")
_TAG = re.compile(r"^( +)([^:]*\S) *: (.*)$")
_DISPOSITION = re.compile(
    r"\((default|dub|original|comment|lyrics|karaoke|forced|hearing impaired|visual impaired|attached pic|captions"
    r"|descriptions|metadata|non-diegetic|dependent|still image|clean effects|timed thumbnails)\)"
)
_FRAME = re.compile(r"\] n: *\d+ pts: .*? fmt:(\S+).*? sar:(\S+) s:(\d+x\d+) i:(\S)")
_COLOUR = re.compile(r"\] color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
_SIDE = re.compile(r"\]   side data - ([^:(]*)")
_ALL = (
    "-map",
    "0:v?",
    "-map",
    "0:a?",
    "-c",
    "copy",
    "-f",
    "null",
    "-",
)  # ffmpeg counts from the first of what it uses
_SHOW = ("-vf", "showinfo", "-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framecrc", "-")
_NOT_KEPT = re.compile(
    r"^(encoder|major_brand|minor_version|compatible_brands|handler_name|vendor_id|duration|_statistics.*|bps.*|number_of_.*"
    r"|software|isvbr|ismooth.*|wm/.*|devicemanufacturer|metadatacreator|hasvideo|hasaudio|hasmetadata|cansee.*|audio.*id"
    r"|.*datarate|.*codecid|framerate|width|height|filesize|stereo|audiosample.*|totalduration|lasttime.*|has.*"
    r"|creation_time|modification_date|.*_uid|uid|.*_package_.*|.*product.*|company_name|application_platform|.*toolkit.*"
    r"|operational_pattern.*|generation_uid|track_name|data_type|file_package.*|reel_.*|project_name)$"
)  # fmt: skip


@dataclass
class Track:
    """A stream."""

    index: int
    kind: str  # video, cover, audio, subtitle, attachment, data
    codec: str
    line: str
    language: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    side: set[str] = field(default_factory=set)
    dispositions: set[str] = field(default_factory=set)
    packets: int = 0
    times: set[float] = field(default_factory=set)
    begin: float | None = None
    length: float = 0.0  # of what is decoded
    end: float = 0.0


@dataclass
class Facts:
    """A file."""

    tracks: list[Track] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    start: float = 0.0  # the first time in it, from which outputs count
    chapters: list[tuple[float, float, str]] = field(default_factory=list)
    frames: list[Fraction] = field(default_factory=list)
    tick: Fraction = Fraction(0)
    shapes: list[tuple[str, str, str, str]] = field(default_factory=list)  # pixel format, SAR, size, fields
    colours: set[tuple[str, ...]] = field(default_factory=set)
    side: set[str] = field(default_factory=set)  # of frames

    def of(self, kind: str) -> list[Track]:
        return [each for each in self.tracks if each.kind == kind]


def read(path: Path, main: int | None = None) -> Facts:
    """Return what is in a file; `main` is the number of the stream whose frames are read, else the first picture."""
    facts = Facts()
    told = _run("-i", str(path))
    facts.tracks = list(_headers(told.splitlines(), facts))
    if main is None:
        main = next((each.index for each in facts.of("video")), None)
    if main is not None:
        _frames(path, main, facts)
    _packets(path, [each for each in facts.of("audio") if " 0 channels" not in each.line], "a", "pcm_s16le")
    _packets(path, facts.of("subtitle"), "s", "copy")
    return facts


def _run(*args: str) -> str:
    command = [str(PACKAGED), "-nostdin", "-hide_banner", *args]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return done.stderr.decode(errors="replace")


def _packets(path: Path, tracks: list[Track], kind: str, codec: str) -> None:
    """Read the times of sound as it is decoded, or of subtitles as they are."""
    if not tracks:
        return
    chosen = [word for each in tracks for word in ("-map", f"0:{each.index}")]
    command = [
        str(PACKAGED),
        "-nostdin",
        "-v",
        "error",
        "-i",
        str(path),
        *chosen,
        f"-c:{kind}",
        codec,
        "-f",
        "framecrc",
        "-",
        *_ALL,
    ]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    base: dict[int, Fraction] = {}
    for line in done.stdout.decode().splitlines():
        if line.startswith("#tb"):
            number, _, value = line[4:].partition(":")
            base[int(number)] = Fraction(value.strip())
        elif not line.startswith("#"):
            number, _, pts, duration, size, *_ = (word.strip() for word in line.split(","))
            track, tick = tracks[int(number)], base[int(number)]
            if int(size) <= 2:
                continue  # timed text has empty samples between the lines
            # All parts of a Blu-ray subtitle have the same time, nearly.
            moment = round(float(int(pts) * tick), 1)
            track.packets += track.codec != "hdmv_pgs_subtitle" or moment not in track.times
            track.times.add(moment)
            track.length += float(int(duration) * tick)
            track.end = float((int(pts) + int(duration)) * tick)
            if track.begin is None:
                track.begin = float(int(pts) * tick)


def _frames(path: Path, main: int, facts: Facts) -> None:
    command = [str(PACKAGED), "-nostdin", "-hide_banner", "-nostats", "-noautorotate", "-i", str(path)]
    done = subprocess.run(
        [*command, "-map", f"0:{main}", *_SHOW, *_ALL], capture_output=True, check=False, timeout=60
    )
    for line in done.stdout.decode().splitlines():
        if found := re.match(r"#tb 0: (\d+/\d+)", line):
            facts.tick = Fraction(found[1])
        elif not line.startswith("#"):
            facts.frames.append(int(line.split(",")[2]) * facts.tick)
    if path.suffix == ".mxf" and any(b <= a for a, b in pairwise(facts.frames)):
        # It states no times, and ffmpeg takes the order of packets for them. Frames of an MXF are evenly spaced.
        facts.frames = [facts.frames[0] + number * facts.tick for number in range(len(facts.frames))]
    for line in done.stderr.decode(errors="replace").splitlines():  # in which threads may mix their lines
        if found := _FRAME.search(line):
            facts.shapes.append((found[1], found[2], found[3], found[4]))
        elif found := _COLOUR.search(line):
            facts.colours.add(found.groups())
        elif found := _SIDE.search(line):
            facts.side.add(found[1].strip())


def _headers(lines: list[str], facts: Facts) -> Iterator[Track]:
    """Read ffmpeg's description of an input."""
    reader = _Reader(facts)
    for line in lines:
        if found := _STREAM.match(line):
            yield reader.stream(_track(found))
        else:
            reader.take(line)


class _Reader:
    """Reads the lines between those that begin streams."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._tags = facts.tags
        self._track: Track | None = None
        self._in_side_data = self._in_chapter = False

    def stream(self, track: Track) -> Track:
        self._track, self._tags = track, track.tags
        self._in_side_data = self._in_chapter = False
        return track

    def take(self, line: str) -> None:
        if found := _CHAPTER.match(line):
            begin, end = (max(0.0, float(each) - self._facts.start) for each in found.groups())
            self._facts.chapters.append((begin, end, ""))
            self._tags, self._in_side_data, self._in_chapter = {}, False, True
        elif line.strip() in ("Side data:", "Metadata:", "Chapters:"):
            self._in_side_data = line.strip() == "Side data:"
        elif line.startswith(("  Duration:", "  Program ", "  Stream group ")):
            self._tags, self._in_side_data = {}, False
            if found := _START.search(line):
                self._facts.start = float(found[1])
        elif found := _TAG.match(line):
            self._value(found[2].strip(), found[3])
        elif self._in_side_data and self._track is not None and line.startswith("        "):
            self._track.side.add(line.strip().split(",")[0])

    def _value(self, name: str, value: str) -> None:
        if self._in_side_data and self._track is not None:
            if (name, value) != ("Audio Service Type", "main"):  # a complete sound, which every other one is as well
                self._track.side.add(name)
        elif self._in_chapter and name == "title":
            self._facts.chapters[-1] = (*self._facts.chapters[-1][:2], value)
        elif not _NOT_KEPT.match(name.lower()) or (name == "handler_name" and "Handler" not in value):
            self._tags[name.lower()] = value


def _track(found: re.Match[str]) -> Track:
    number, language, kind, line = found.groups()
    kind = kind.lower()
    dispositions = set(_DISPOSITION.findall(line))
    if "attached pic" in dispositions:
        kind = "cover"
    codec = line.split(",")[0].split(" ")[0]
    return Track(int(number), kind, codec, line, (language or "").replace("und", ""), dispositions=dispositions)
