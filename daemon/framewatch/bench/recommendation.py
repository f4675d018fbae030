"""What to take on this machine, and how long an episode will need. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from framewatch.bench.engine_speed import CANDIDATES
from framewatch.bench.report import Advice, Clip, EngineRow, Episode, Phase, WholeWay
from framewatch.upscale.selection import ENGINES

_EPISODE_FRAMES = int(24 * 60 * Fraction(24000, 1001))
_FULL_HD = (1920, 1080)
_ONCE: tuple[Phase, ...] = ("start", "rehearsal", "open", "other")  # paid once a file; the rest grows with its frames
_ROUGH = 10  # hours, or days, from which on nobody asks for the minutes
_ALIKE = 1.05  # two speeds that differ by less are the same in a measurement of this kind


def advise(
    clip: Clip, rows: Sequence[EngineRow], ways: Sequence[WholeWay], auto_lanes: int, asked: str = "auto"
) -> Advice:
    """Say it.

    Args:
        clip: what was measured with.
        rows: the engines alone.
        ways: from file to file, by lanes, on the engine that was asked for.
        auto_lanes: how many `lanes: auto` takes here.
        asked: the engine that was asked for; unless it is "auto", no other was measured.
    """
    best = max(ways, key=lambda way: way.fps)
    engine, why = asked, f"engine: {asked} was asked for; no other was measured."
    if asked == "auto":
        engine, why = _engine(rows, best)
    lanes, because = _lanes(ways, best, auto_lanes)
    sizes = [(clip.width, clip.height)]
    if _FULL_HD not in sizes:
        sizes.append(_FULL_HD)
    episodes = tuple(_episode(clip, best, *size) for size in sizes)
    said = (why, *_faster(rows, best), because, _slowest(best))
    return Advice(engine=engine, lanes=lanes, said=said, episodes=episodes)


def _faster(rows: Sequence[EngineRow], best: WholeWay) -> list[str]:
    """Whether 8 bits are worth a thought, where what was measured is the same engine without."""
    found = {row.engine: row.found for row in rows if row.found}
    exact, fast = found.get("openvino"), found.get("openvino fast")
    if exact is None or fast is None or best.engine != exact.name or fast.fps < exact.fps * _ALIKE:
        return []
    return [f"precision: fast is {fast.fps / exact.fps:.1f} times as fast, at {fast.psnr_db:.0f} dB."]


def _engine(rows: Sequence[EngineRow], best: WholeWay) -> tuple[str, str]:
    """The word for the configuration, and a sentence."""
    speeds = {row.engine: row.found.tflops for row in rows if row.found and row.engine in ENGINES}
    used = best.engine.partition("/")[0]
    if not speeds:
        return "auto", f"engine: auto takes {best.engine} here."
    fastest = max(speeds, key=lambda name: speeds[name])
    if used not in speeds or speeds[fastest] > speeds[used] * _ALIKE:
        word = CANDIDATES[fastest].word
        return word, f"engine: {word}. {fastest} is the fastest here; what was measured from file to file is {used}."
    return "auto", f"engine: auto is right: it takes {best.engine}, the fastest that works here."


def _lanes(ways: Sequence[WholeWay], best: WholeWay, auto: int) -> tuple[int | Literal["auto"], str]:
    usual = next((way for way in ways if way.lanes == auto), None)
    if usual is None:
        return best.lanes, f"lanes: {best.lanes} was the fastest of those that were measured; auto is {auto} here."
    if best.fps <= usual.fps * _ALIKE:
        return "auto", f"lanes: auto is right: it takes {auto}."
    more = best.fps / usual.fps
    return best.lanes, f"lanes: {best.lanes} is {more:.2f} times as fast from file to file as auto, which is {auto}."


def _slowest(best: WholeWay) -> str:
    what = {"decode": "Decoding", "upscale": "The network", "encode": "The encoder"}[best.slowest]
    more = {
        "decode": "hw_decode in the preset may help",
        "upscale": "only a faster device helps",
        "encode": "a faster encoder preset, or a hardware encoder, helps",
    }[best.slowest]
    return f"{what} is the slowest stage: {more}."


def _episode(clip: Clip, way: WholeWay, width: int, height: int) -> Episode:
    once = sum(way.phases.get(phase, 0.0) for phase in _ONCE)
    each = max(way.seconds - once, 0.0) / way.frames * (width * height) / (clip.width * clip.height)
    seconds = once + each * _EPISODE_FRAMES
    other = (width, height) != (clip.width, clip.height)
    return Episode(width=width, height=height, seconds=seconds, extrapolated=other, words=in_words(seconds))


def in_words(seconds: float) -> str:
    """A duration as people say it, in at most two units, and in one from ten on: "3 hours 20 minutes"."""
    units = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
    at, (name, size) = next((n, unit) for n, unit in enumerate(units) if seconds >= unit[1] or unit[1] == 1)
    if name == "second":
        return _counted(round(seconds), name) if round(seconds) < units[at - 1][1] else in_words(round(seconds))
    lower, step = units[at + 1]
    rounded = round(seconds / step) * step
    if at and rounded >= units[at - 1][1]:  # rounding has made a whole hour of 59 minutes 59.6 seconds
        return in_words(rounded)
    rest = rounded % size // step if rounded < _ROUGH * size else 0
    return " ".join([_counted(rounded // size, name), *([_counted(rest, lower)] if rest else [])])


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
