"""`extra_encoder_args`: which options may be appended for the video encoder, and how they are written. Pure.

A preset may come from a stranger, and ffmpeg's options can read files, write files and open connections. So what
is allowed is listed (encoder_options.yaml), and every value has the shape of a number, a word or a list of them.
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

_OPTION = re.compile(r"-([A-Za-z0-9][A-Za-z0-9_-]*)(?::v(?::0)?)?")
# Numbers, words, and lists of them; no separator of paths and, but for `-1:1`, no colon.
_VALUE = re.compile(r"[A-Za-z0-9_.,+%()|-]{1,200}(?::[-+]?[0-9.]+)*")
_PARAMETER = re.compile(r"([a-z0-9-]{1,40})(?:=([A-Za-z0-9_.,+%()|-]{1,200}))?")
# Options that hold a list of an encoder library's own: which library.
_LISTS = {"x264-params": "x264", "x264opts": "x264", "x265-params": "x265", "svtav1-params": "svtav1"}
_FILTERS = ("vf", "filter", "filter_complex", "lavfi", "filter_script", "bsf", "vbsf", "af")


class EncoderOptions(Record):
    """The list."""

    options: tuple[tuple[str, ...], ...]
    parameters: dict[str, tuple[tuple[str, ...], ...]]
    keys: dict[str, str]

    @property
    def allowed(self) -> frozenset[str]:
        """Names of the options."""
        return frozenset(name for group in self.options for name in group)

    def of(self, library: str) -> frozenset[str]:
        """Names in an encoder library's own list."""
        return frozenset(name for group in self.parameters[library] for name in group)


@cache
def encoder_options() -> EncoderOptions:
    """The list, read once."""
    return documents.validate(documents.read(OPTIONS), EncoderOptions)


def encoder_args(extra: Sequence[str]) -> list[str]:
    """The options as ffmpeg gets them: for the first video stream and no other."""
    args: list[str] = []
    for option, value in zip(extra[::2], extra[1::2], strict=True):
        name = option.removeprefix("-").partition(":")[0]
        quiet = "log-level=error:" if name == "x265-params" and "log-level" not in value else ""
        args += [f"-{name}:v:0", quiet + value]
    return args


def check_extra_args(extra: Sequence[str], video_codec: str) -> list[Finding]:
    """What may not stand there."""
    if len(extra) > MAX_ARGS:
        message = f"{len(extra)} words; {MAX_ARGS} are allowed"
        return [_finding("extra_args.too_many", message, "keep those that matter", 0)]
    findings: list[Finding] = []
    for number in range(0, len(extra), 2):
        option = extra[number]
        refused = _option(option, number)
        if refused is not None:
            return [*findings, refused]  # what follows may be read out of step
        if number + 1 == len(extra):
            message, hint = f"{option} has no value", "each option is followed by its value"
            findings.append(_finding("extra_args.no_value", message, hint, number))
        else:
            findings += _value(option, extra[number + 1], number + 1, video_codec)
    return findings


def _option(option: str, number: int) -> Finding | None:
    match = _OPTION.fullmatch(option)
    if match is None:
        message = f'"{option}" is not an encoder option'
        return _finding("extra_args.not_an_option", message, "write pairs, such as -tune, animation", number)
    name, listed = match[1], encoder_options()
    if name in listed.allowed:
        return None
    if name in listed.keys:
        hint = f"use the key {listed.keys[name]}"
    elif name in _FILTERS:
        hint = "filters are set by keys of their own"
    else:
        hint = documents.suggestion(name, listed.allowed) or "only encoders' options are, and none that names a file"
    return _finding("extra_args.not_allowed", f"-{name} is not allowed here", hint, number)


def _value(option: str, value: str, number: int, video_codec: str) -> Iterator[Finding]:
    name = option.removeprefix("-").partition(":")[0]
    if name in _LISTS:
        yield from _list(name, value, number, video_codec)
    elif not _VALUE.fullmatch(value) or ".." in value:
        yield _bad_value(option, value, number)


def _list(name: str, value: str, number: int, video_codec: str) -> Iterator[Finding]:
    library = _LISTS[name]
    if not video_codec.endswith(library):
        message = f"-{name} is for another encoder than {video_codec}"
        yield _finding("extra_args.other_encoder", message, "take it out", number - 1)
        return
    for part in value.split(":"):
        match = _PARAMETER.fullmatch(part)
        # x264 writes `deblock=-1,-1` as `deblock=-1:-1` too; the comma does for both libraries.
        if match is None or ".." in part:
            yield _bad_value(f"-{name}", part, number)
        elif match[1] not in encoder_options().of(library):
            hint = documents.suggestion(match[1], encoder_options().of(library)) or "none that names a file is"
            yield _finding("extra_args.not_allowed", f"{match[1]} in -{name} is not allowed here", hint, number)


def _bad_value(option: str, value: str, number: int) -> Finding:
    shown = value if len(value) <= 60 else f"{value[:57]}..."
    hint = "numbers, words and lists of them; no paths, protocols or blanks"
    return _finding("extra_args.bad_value", f'"{shown}" is not a value for {option}', hint, number)


def _finding(code: str, message: str, hint: str, number: int) -> Finding:
    return Finding(code, message, hint, f"extra_encoder_args[{number}]")
