"""Which settings to use on this machine, and how long an episode will take. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from framewatch.bench.engine_speed import CANDIDATES
from framewatch.bench.report import Clip, EndToEnd, EngineRow, Episode, Phase, Recommendation
from framewatch.upscale.selection import ENGINES

_EPISODE_FRAMES = int(24 * 60 * Fraction(24000, 1001))
_FULL_HD = (1920, 1080)
_ONCE: tuple[Phase, ...] = ("start", "rehearsal", "open", "other")  # once for a file; the rest grows with its frames
_SINGLE_UNIT = 10  # hours or days from which on the minutes or hours no longer matter
_NOISE = 1.05  # speeds that differ by less cannot be told apart in a measurement of this length


def recommend(
    clip: Clip, rows: Sequence[EngineRow], runs: Sequence[EndToEnd], auto_lanes: int, wanted: str = "auto"
) -> Recommendation:
    """Recommend settings from what was measured.

    Args:
        clip: what was measured with.
        rows: the engines alone.
        runs: from file to file, by lanes, on the engine that was asked for.
        auto_lanes: the lanes that `lanes: auto` uses here.
        wanted: the engine that was asked for; unless it is "auto", no other one was measured.
    """
    best = max(runs, key=lambda run: run.fps)
    engine, reason = wanted, f"engine: {wanted} was asked for; no other was measured."
    if wanted == "auto":
        engine, reason = _engine(rows, best)
    lanes, lanes_reason = _lanes(runs, best, auto_lanes)
    sizes = [(clip.width, clip.height)]
    if _FULL_HD not in sizes:
        sizes.append(_FULL_HD)
    episodes = tuple(_episode(clip, best, *size) for size in sizes)
    reasons = (reason, *_fast_precision(rows, best), lanes_reason, _slowest_stage(best))
    return Recommendation(engine=engine, lanes=lanes, reasons=reasons, episodes=episodes)


def _engine(rows: Sequence[EngineRow], best: EndToEnd) -> tuple[str, str]:
    """Return the value of `engine:` and a sentence."""
    # Operations, not frames: on a CPU a part of the frame is measured, so frames a second are not comparable.
    speeds = {row.engine: row.result.tflops for row in rows if row.result and row.engine in ENGINES}
    used = best.engine.partition("/")[0]
    if not speeds:
        return "auto", f"engine: auto uses {best.engine} here."
    fastest = max(speeds, key=lambda name: speeds[name])
    if used not in speeds or speeds[fastest] > speeds[used] * _NOISE:
        setting = CANDIDATES[fastest].setting
        return setting, f"engine: {setting}. {fastest} was the fastest; auto uses {used}."
    return "auto", f"engine: auto is right: it uses {best.engine}, the fastest of those measured."


def _fast_precision(rows: Sequence[EngineRow], best: EndToEnd) -> list[str]:
    """Mention 8 bits where they are faster than the exact precision of the engine that was used."""
    results = {row.engine: row.result for row in rows if row.result}
    exact, fast = results.get("openvino"), results.get("openvino fast")
    if exact is None or fast is None or best.engine != exact.name or fast.fps < exact.fps * _NOISE:
        return []
    return [f"precision: fast is {fast.fps / exact.fps:.1f} times as fast, at {fast.psnr_db:.0f} dB."]


def _lanes(runs: Sequence[EndToEnd], best: EndToEnd, auto: int) -> tuple[int | Literal["auto"], str]:
    """Return the value of `lanes:` and a sentence."""
    run_of_auto = next((run for run in runs if run.lanes == auto), None)
    if run_of_auto is None:
        return best.lanes, f"lanes: {best.lanes} was the fastest of those measured; auto is {auto} here."
    if best.fps <= run_of_auto.fps * _NOISE:
        return "auto", f"lanes: auto is right: it uses {auto}."
    times = best.fps / run_of_auto.fps
    return best.lanes, f"lanes: {best.lanes} is {times:.2f} times as fast from file to file as auto, which is {auto}."


def _slowest_stage(best: EndToEnd) -> str:
    return {
        "decode": "Decoding is the slowest stage: hw_decode in the preset may help.",
        "upscale": "Upscaling is the slowest stage: only a faster device helps.",
        "encode": "Encoding is the slowest stage: a faster encoder preset, or a hardware encoder, helps.",
    }[best.slowest]


def _episode(clip: Clip, run: EndToEnd, width: int, height: int) -> Episode:
    once = sum(run.phases.get(phase, 0.0) for phase in _ONCE)
    per_frame = max(run.seconds - once, 0.0) / run.frames * (width * height) / (clip.width * clip.height)
    seconds = once + per_frame * _EPISODE_FRAMES
    extrapolated = (width, height) != (clip.width, clip.height)
    return Episode(width=width, height=height, seconds=seconds, extrapolated=extrapolated, text=in_words(seconds))


def in_words(seconds: float) -> str:
    """Return a duration in at most two units, and in one unit from ten of it on: "3 hours 20 minutes"."""
    units = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
    at, (name, size) = next((n, unit) for n, unit in enumerate(units) if seconds >= unit[1] or unit[1] == 1)
    if name == "second":
        return _counted(round(seconds), name) if round(seconds) < units[at - 1][1] else in_words(round(seconds))
    lower, step = units[at + 1]
    rounded = round(seconds / step) * step
    if at and rounded >= units[at - 1][1]:  # rounding has turned 59 minutes 59.6 seconds into a whole hour
        return in_words(rounded)
    rest = rounded % size // step if rounded < _SINGLE_UNIT * size else 0
    return " ".join([_counted(rounded // size, name), *([_counted(rest, lower)] if rest else [])])


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
