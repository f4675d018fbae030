"""Compares an output with its source: what is missing, and whether a warning names it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from facts import Facts, Track
from framewatch.errors import Finding

KINDS = ("video", "cover", "audio", "subtitle", "attachment", "data")
_SAME_LANGUAGE = (
    {"ger", "deu", "de"}, {"fre", "fra", "fr"}, {"dut", "nld", "nl"}, {"chi", "zho", "zh"}, {"cze", "ces", "cs"},
    {"gre", "ell", "el"}, {"rum", "ron", "ro"}, {"eng", "en"}, {"jpn", "ja"}, {"spa", "es"},
)  # fmt: skip
# What names the loss of side data, by the name that ffmpeg gives it.
_SIDE = (
    ("caption", r"caption"), (r"hdr10\+|dynamic hdr|2094", r"hdr10\+|dynamic"), ("dovi|dolby", r"dolby"),
    ("spherical", r"360|spherical"), ("stereo3d|stereo 3d", r"stereo"), ("icc", r"icc|colour profile"),
    ("mastering", r"mastering|hdr"), ("content light", r"light|hdr"), ("film grain", r"grain"),
    ("afd|active", r"active format|afd"), ("timecode", r"time ?code|type 12"), ("ambient", r"ambient"),
    ("panscan", r"pan and scan"), ("lcevc", r"lcevc|enhancement"), ("audio service", r"service"),
    ("matrix", r"downmix"), ("exif", "exif"),
)  # fmt: skip
# What ffmpeg lists as side data and is no property of the film: notes of encoders, buffers, how blocks are coded,
# and a pan and scan rectangle without a size, which libav gives all MPEG-2 (tests of the probe have others).
_NOT_CARRIED = re.compile(
    r"^(gop timecode|avpanscan|cpb|replaygain|skip samples|parameter|qp table|motion vectors"
    r"|video encoding parameters|h.26\[45\] user data unregistered sei message"
    r"|view position|regions of interest|matroska.*|mpegts.*)",
    re.IGNORECASE,
)
_ALPHA = "yuva|rgba|argb|bgra|abgr|gbrap|^ya"
_BLOCK = 2048 / 44100  # seconds


@dataclass(frozen=True, slots=True)
class Times:
    """What is to be expected of the times of frames."""

    constant_rate: bool  # the output has one, whatever the source has
    unknown: bool  # by the container of the source


def problems(source: Facts, made: Facts, warnings: Iterable[Finding], main: int | None, times: Times) -> list[str]:
    """Return what the output lacks and no warning names; `main` is the number of the source's video."""
    told = Told(warnings)
    found = [each for kind in KINDS for each in _tracks(source, made, kind, told, main)]
    found += _file(source, made, told)
    found += _picture(source, made, told)
    found += _frames(source, made, told, times)
    return found


class Told:
    """The warnings of a job."""

    def __init__(self, warnings: Iterable[Finding]) -> None:
        self.warnings = list(warnings)

    def about(self, pattern: str) -> bool:
        return any(
            re.search(pattern, f"{each.code} {each.message} {each.hint}", re.IGNORECASE) for each in self.warnings
        )

    def stream(self, index: int) -> bool:
        own = re.compile(rf"\bstreams? (\d+[^\d]{{1,5}})*{index}\b")
        return any(own.search(each.where) or own.search(each.message) for each in self.warnings)


def _tracks(source: Facts, made: Facts, kind: str, told: Told, main: int | None) -> Iterator[str]:
    before, after = source.of(kind), made.of(kind)
    if kind == "video" and len(before) > len(after):
        before = [each for each in before if each.index == main or not told.stream(each.index)]
    missing = len(before) - len(after)
    if kind == "data" and _timecodes(source) <= _timecodes(made):
        before = [each for each in before if "tmcd" not in each.line]  # a track of timecodes became a tag
        missing = len(before) - len(after)
    if kind == "data" and (made.chapters or told.about("chapter")):
        before = [each for each in before if each.codec != "bin_data"]  # the names of the chapters
        missing = len(before) - len(after)
    if missing > 0:
        named = [each for each in before if told.stream(each.index)]
        if kind == "attachment" and told.about("attachment"):
            named = before
        if len(named) < missing:
            unnamed = ", ".join(f"{each.index} ({each.codec})" for each in before if each not in named)
            yield f"{kind} stream {unnamed} is gone"
            return
        before = [each for each in before if each not in named[:missing]] if missing < len(before) else []
        if len(before) != len(after):
            return
    for one, other in zip(before, after, strict=False):
        yield from _track(one, other, told, made)


def _track(one: Track, other: Track, told: Told, made: Facts) -> Iterator[str]:
    where = f"{one.kind} {one.index}"
    if one.language and not _same_language(one.language, other.language) and not told.about("language"):
        yield f"{where}: language {one.language} became {other.language or 'none'}"
    lost = one.dispositions - other.dispositions - {"default", "attached pic"}
    if "visual impaired" in other.dispositions:  # what transport streams call the same by two names
        lost -= {"descriptions"}
    yield from (f"{where}: disposition {each} is gone" for each in sorted(lost) if not told.about(each))
    there = other.side | made.side if one.kind == "video" else other.side
    for name, value in one.tags.items():
        if name in ("language", "filename", "mimetype", "comment"):
            continue
        told_so = told.about(r"\btags?\b|metadata") or (name == "alpha_mode" and told.about("transparen"))
        kept = value in {*other.tags.values(), *made.tags.values()} or (
            name == "stereo_mode" and "Stereo 3D" in there
        )
        if not kept and not told_so:
            yield f"{where}: tag {name} is gone"
    for each in sorted(one.side - there):
        if not _NOT_CARRIED.match(each) and not _side_told(each, told) and not _turned(each):
            yield f"{where}: side data {each} is gone"
    if one.kind == "audio":
        yield from _sound(one, other, told, where)
    if one.kind == "subtitle" and one.packets > other.packets and not told.stream(one.index):
        yield f"{where}: {one.packets} events became {other.packets}"


def _timecodes(facts: Facts) -> set[str]:
    tags = (facts.tags, *(each.tags for each in facts.tracks))
    return {value for each in tags for name, value in each.items() if name.lower() == "timecode"}


def _same_language(one: str, other: str) -> bool:
    return one.lower() == other.lower() or any({one, other} <= names for names in _SAME_LANGUAGE)


def _turned(name: str) -> bool:
    return "displaymatrix" in name.lower().replace(" ", "")  # applied to the picture; its shape is compared


def _sound(one: Track, other: Track, told: Told, where: str) -> Iterator[str]:
    if one.begin is None:
        return
    if other.begin is None:
        yield f"{where}: silent"
        return
    span = one.end - one.begin  # gaps are filled with silence
    block = _BLOCK if one.codec != other.codec or "aac" in other.codec else 0.0  # the last of an encoder is filled
    if not any(each - 0.001 <= other.length <= each + block + 0.001 for each in (one.length, span)):
        yield f"{where}: lasts {other.length:.4f} s instead of {one.length:.4f} s"
    layouts = [re.search(r"\d+ Hz, ([^,]+),", each.line) for each in (one, other)]
    names = [each[1] if each else "" for each in layouts]
    count = [_channels(each) for each in names]
    if count[0] != count[1] and not told.about("channel|layout|sound_changes"):
        yield f"{where}: channels {names[0]} became {names[1]}"


def _channels(name: str) -> str:
    name = re.sub(r"\((side|back)\)", "", name)
    # A single channel that was somewhere else is a centre then; 6.0 has its rear channels at the side.
    same = {"1 channels (FC)": "mono", "1 channels (FL)": "mono", "2 channels": "stereo", "1 channels": "mono"}
    return (same | {"6.0": "hexagonal"}).get(name, name)


def _file(source: Facts, made: Facts, told: Told) -> Iterator[str]:
    if len(source.chapters) != len(made.chapters) and not told.about("chapter"):
        yield f"{len(source.chapters)} chapters became {len(made.chapters)}"
    elif len(source.chapters) == len(made.chapters):
        for one, other in zip(source.chapters, made.chapters, strict=True):
            if abs(one[0] - other[0]) > 0.0015 and not told.about("chapter"):
                yield f"chapter at {one[0]} moved to {other[0]}"
            if one[2] != other[2] and not told.about("chapter"):
                yield f"chapter {one[2]!r} is called {other[2]!r}"
    there = {value for each in (made.tags, *(each.tags for each in made.tracks)) for value in each.values()}
    for name, value in source.tags.items():
        if value not in there and not told.about(r"\btags?\b|metadata"):
            yield f"tag {name} is gone"


def _picture(source: Facts, made: Facts, told: Told) -> Iterator[str]:
    if not source.shapes or not made.shapes:
        if source.shapes and made.of("video"):
            yield "no frame can be read"
        return
    for name in sorted(source.side - made.side):
        if not _NOT_CARRIED.match(name) and not _side_told(name, told) and not _turned(name):
            yield f"frames: side data {name} is gone"
    (before, sar, size, fields), (after, new_sar, new_size, new_fields) = source.shapes[0], made.shapes[0]
    shape, new_shape = (_shape(*each) for each in ((size, sar), (new_size, new_sar)))
    turned = any(map(_turned, source.side.union(*(each.side for each in source.of("video")))))
    shapes = (shape, 1 / shape) if turned else (shape,)
    if min(abs(each / new_shape - 1) for each in shapes) > 0.02 and not told.about(
        r"crop|fit|pad|shape|aspect|edges|square|size"
    ):
        yield f"shape {size} {sar} became {new_size} {new_sar}"
    if fields != new_fields and fields in "TB" and not told.about(r"interlac|field"):
        yield f"fields {fields} became {new_fields}"
    # ffmpeg reads a GIF's palette as colours with transparency, whether or not it has any; tests of the probe ask.
    palette = any(each.codec == "gif" for each in source.of("video"))
    if not palette and (lost := _less(before, after)) and not told.about(lost):
        yield f"pixels {before} became {after}"
    yield from _colours(source, made, told)


def _colours(source: Facts, made: Facts, told: Told) -> Iterator[str]:
    if re.search("rgb|bgr|gbr|pal8|0r|r0", source.shapes[0][0]):
        return  # converted, as no encoder here takes RGB
    if source.shapes[0][0].startswith("gray") and not made.shapes[0][0].startswith("gray"):
        return  # which has its own range in ffmpeg; tests/integration/test_levels.py compares black and white
    one, other = next(iter(sorted(source.colours)), ()), next(iter(sorted(made.colours)), ())
    names = ("range", "matrix", "primaries", "transfer")
    for name, before, after in zip(names, one, other, strict=False):
        if before in (after, "unknown", "reserved", "gbr") or (before, after) == ("tv", "unknown"):
            continue
        if not told.about(r"colou?r|range|matrix|primaries|transfer|hdr"):
            yield f"colour {name} {before} became {after}"


def _side_told(name: str, told: Told) -> bool:
    low = name.lower()
    named = [pattern for key, pattern in _SIDE if re.search(key, low)]
    return told.about(named[0] if named else re.escape(name))


def _shape(size: str, sar: str) -> Fraction:
    width, height = map(int, size.split("x"))
    ratio = Fraction(sar) if not sar.startswith("0") else Fraction(1)
    return Fraction(width, height) * ratio


def _less(before: str, after: str) -> str:
    """Return what names the loss from one pixel format to another."""
    if re.search(_ALPHA, before) and not re.search(_ALPHA, after):
        return "transparen|alpha"
    ranks = {"420": 1, "411": 1, "410": 1, "422": 2, "440": 2, "444": 3}
    one, other = (
        ranks.get(next(iter(re.findall(r"4[0-4]\d", each)), ""), 3 if re.search("rgb|gbr|bgr|pal8", each) else 0)
        for each in (before, after)
    )
    if one > max(other, 1) and "uyvy" not in before:
        return "chroma|4:2:0|4:2:2|4:4:4|pixel"
    if _depth(before) > _depth(after):
        return r"\bbits?\b|depth|pixel"
    return ""


def _depth(name: str) -> int:
    found = re.search(r"p(9|10|12|14|16)|gray(9|10|12|14|16)|(48|64)|x2(10)", name)
    if not found:
        return 8
    number = int(next(each for each in found.groups() if each))
    return {48: 16, 64: 16, 10: 10}.get(number, number)


def _frames(source: Facts, made: Facts, told: Told, times: Times) -> Iterator[str]:
    if not source.frames or times.unknown:
        return
    if len(source.frames) != len(made.frames):
        steps = [b - a for a, b in zip(source.frames, source.frames[1:], strict=False)] or [Fraction(0)]
        even = max(steps) - min(steps) <= source.tick and source.tick < Fraction(1, 100)
        if (not times.constant_rate or even) and not told.about("frame|jump|gap|damag|decod"):
            yield f"{len(source.frames)} frames became {len(made.frames)}"
        return
    if times.constant_rate:
        return
    tolerance = max(source.tick, made.tick) / 2 + Fraction(1, 100000)
    first, new_first = source.frames[0], made.frames[0]
    off = [abs((a - first) - (b - new_first)) for a, b in zip(source.frames, made.frames, strict=True)]
    if max(off) > tolerance + Fraction(1, 2000) and not told.about("time|jump|gap"):
        yield f"frame {off.index(max(off))} is {float(max(off)) * 1000:.1f} ms off"
    pairs = list(zip(source.of("audio"), made.of("audio"), strict=False))
    for before, after in pairs if len(source.of("audio")) == len(made.of("audio")) else []:
        if before.begin is None or after.begin is None:
            continue
        drift = (after.begin - float(new_first)) - (before.begin - float(first))
        if abs(drift) > float(tolerance) + 0.0015 and not told.stream(before.index):
            yield f"sound {before.index} and picture are {drift * 1000:+.1f} ms apart"
