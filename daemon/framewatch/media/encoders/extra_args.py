"""`extra_encoder_args`: which options a preset may add for the video encoder, and how they are passed. Pure.

A preset may come from a stranger, and ffmpeg's options can read files, write files and open connections. So the
allowed options are listed (encoder_options.yaml), and every value must be a number, a word or a list of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from framewatch import documents
from framewatch.domain import Record
from framewatch.errors import Finding

OPTIONS = Path(__file__).with_name("encoder_options.yaml")
MAX_ARGS = 64
_MAX_CHARACTERS = 4000  # of a value; all parameters of x265 together have about 2000

_OPTION = re.compile(r"-([A-Za-z0-9][A-Za-z0-9_-]*)(?::v(?::0)?)?")
# Numbers, words, and lists of them; no path separator and, except in `-1:1`, no colon. No parentheses either: ffmpeg
# computes the values of its options, and `while(1,1)` never ends. Libraries only read their parameters.
_VALUE = re.compile(r"[A-Za-z0-9_.,+%|-]{1,200}(?::[-+]?[0-9.]+)*")
_PARAMETER = re.compile(r"([a-z0-9-]{1,40})(?:=([A-Za-z0-9_.,+%()|-]{1,200}))?")
# Options that hold a list of parameters of an encoder library: which library.
_PARAMETER_LISTS = {"x264-params": "x264", "x264opts": "x264", "x265-params": "x265", "svtav1-params": "svtav1"}
_NUMBER = re.compile(r"([-+]?[0-9]+(?:\.[0-9]*)?)([kKmMgG]?)")
_RANGED_WORDS = ("", "auto", "none", "infinite", "+", "-")  # the signs are for x265's pools
_SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_MOST = 10**10  # bits per second, and of a buffer
_FILTER_OPTIONS = ("vf", "filter", "filter_complex", "lavfi", "filter_script", "bsf", "vbsf", "af")


class EncoderOptions(Record):
    """What encoder_options.yaml allows."""

    options: tuple[tuple[str, ...], ...]
    parameters: dict[str, tuple[tuple[str, ...], ...]]
    ranges: dict[str, tuple[int, int]]  # of numbers, by option or parameter
    keys: dict[str, str]  # options that a preset key replaces, and its name

    @property
    def allowed(self) -> frozenset[str]:
        """The names of the allowed options."""
        return frozenset(name for group in self.options for name in group)

    def of(self, library: str) -> frozenset[str]:
        """Return the names of the allowed parameters of an encoder library."""
        return frozenset(name for group in self.parameters[library] for name in group)


@cache
def encoder_options() -> EncoderOptions:
    """Read encoder_options.yaml, once."""
    return documents.validate(documents.read(OPTIONS), EncoderOptions)


def for_first_video(extra: Sequence[str]) -> list[str]:
    """Return the options as ffmpeg gets them: limited to the first video stream."""
    args: list[str] = []
    for option, value in zip(extra[::2], extra[1::2], strict=True):
        name = option.removeprefix("-").partition(":")[0]
        quiet = "log-level=error:" if name == "x265-params" and "log-level" not in value else ""
        args += [f"-{name}:v:0", quiet + value]
    return args


def check_extra_args(extra: Sequence[str], video_codec: str) -> list[Finding]:
    """Return what is wrong with a preset's options."""
    if len(extra) > MAX_ARGS:
        message = f"{len(extra)} words; {MAX_ARGS} are allowed"
        return [_finding("extra_args.too_many", message, "keep those that matter", 0)]
    findings: list[Finding] = []
    for number in range(0, len(extra), 2):
        option = extra[number]
        error = _check_option(option, number)
        if error is not None:
            return [*findings, error]  # what follows may be a value taken for an option
        if number + 1 == len(extra):
            message, hint = f"{option} has no value", "each option is followed by its value"
            findings.append(_finding("extra_args.no_value", message, hint, number))
        else:
            findings += _check_value(option, extra[number + 1], number + 1, video_codec)
    return findings


def _check_option(option: str, number: int) -> Finding | None:
    match = _OPTION.fullmatch(option)
    if match is None:
        message = f'"{documents.shown(option)}" is not an encoder option'
        return _finding("extra_args.not_an_option", message, "write pairs, such as -tune, animation", number)
    name, known = match[1], encoder_options()
    if name in known.allowed:
        return None
    if name in known.keys:
        hint = f"use the key {known.keys[name]}"
    elif name in _FILTER_OPTIONS:
        hint = "filters have their own preset keys"
    else:
        hint = documents.suggestion(name, known.allowed) or "only options of encoders are, and none that names a file"
    return _finding("extra_args.not_allowed", f"-{documents.shown(name)} is not allowed here", hint, number)


def _check_value(option: str, value: str, number: int, video_codec: str) -> Iterator[Finding]:
    name = option.removeprefix("-").partition(":")[0]
    if len(value) > _MAX_CHARACTERS:
        yield _bad_value(option, value, number)
    elif name in _PARAMETER_LISTS:
        yield from _check_parameters(name, value, number, video_codec)
    elif not _VALUE.fullmatch(value) or ".." in value:
        yield _bad_value(option, value, number)
    else:
        yield from _check_numbers(name, option, value, number)


def _check_parameters(name: str, value: str, number: int, video_codec: str) -> Iterator[Finding]:
    library = _PARAMETER_LISTS[name]
    if not video_codec.endswith(library):
        message = f"-{name} is not for {video_codec}"
        yield _finding("extra_args.other_encoder", message, "remove it", number - 1)
        return
    for part in value.split(":"):
        match = _PARAMETER.fullmatch(part)
        # x264 also takes `deblock=-1:-1`, with a colon; `deblock=-1,-1` works for both libraries.
        if match is None or ".." in part:
            yield _bad_value(f"-{name}", part, number)
        elif match[1] not in encoder_options().of(library):
            hint = (
                documents.suggestion(match[1], encoder_options().of(library))
                or "only encoding parameters are, and none that names a file"
            )
            yield _finding("extra_args.not_allowed", f"{match[1]} in -{name} is not allowed here", hint, number)
        else:
            yield from _check_numbers(match[1], f"{match[1]} in -{name}", match[2] or "", number)


def _check_numbers(name: str, shown: str, value: str, number: int) -> Iterator[Finding]:
    """Yield a finding for a number that is out of its range, since it could cost any memory or time.

    ffmpeg computes expressions, such as 1e6 and max: where there is a range, only plain numbers are taken.
    """
    known = encoder_options().ranges.get(name)
    least, most = known or (-_MOST, _MOST)
    for part in re.split("[,:|]", value):
        if plain := _NUMBER.fullmatch(part):
            found = float(plain[1]) * _SUFFIXES[plain[2].lower()]
        elif known is None or part in _RANGED_WORDS:
            continue
        else:
            yield _finding(
                "extra_args.out_of_range",
                f'"{documents.shown(part)}" is no number for {shown}',
                _between(known),
                number,
            )
            return
        if not least <= found <= most:
            message = f"{documents.shown(part)} is too {'small' if found < least else 'large'} for {shown}"
            yield _finding("extra_args.out_of_range", message, _between((least, most)), number)
            return


def _between(bounds: tuple[int, int]) -> str:
    return f"from {bounds[0]} to {bounds[1]}"


def _bad_value(option: str, value: str, number: int) -> Finding:
    hint = "use numbers, words and lists of them; no paths, protocols or spaces"
    message = f'"{documents.shown(value)}" is not a value for {documents.shown(option)}'
    return _finding("extra_args.bad_value", message, hint, number)


def _finding(code: str, message: str, hint: str, number: int) -> Finding:
    return Finding(code, message, hint, f"extra_encoder_args[{number}]")
