"""Input files of an ffmpeg command, passed as descriptors.

A command names its inputs by their paths, so that a log shows one that can be copied. ffmpeg is never given those:
what a path leads to may change between a check and the moment it is opened. Each is opened and checked here, and
ffmpeg reads it through `/dev/fd`. On Linux that opens the same file once more; on macOS it duplicates the descriptor,
and with it the position in the file. So each argument has a descriptor of its own, which nobody has read from. A file
whose clock is corrected comes through a pipe.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from framewatch.domain import InputFile
from framewatch.media.commands.output_args import file_url
from framewatch.media.ffmpeg.corrected_pipe import CorrectedPipe
from framewatch.storage.files import open_input


@dataclass(frozen=True, slots=True)
class BoundCommand:
    """A command whose inputs are open."""

    argv: tuple[str, ...]
    names: Mapping[int, str] = field(default_factory=dict)  # descriptors that it gets, and their names in the log
    pipes: Sequence[CorrectedPipe] = ()  # that it reads

    def readable(self, line: str) -> str:
        """Return a line of ffmpeg's log with the names of the files in place of descriptors."""
        for descriptor, name in self.names.items():
            line = name.join(re.split(rf"{_url(descriptor)}(?!\d)", line))
        return line


@contextmanager
def open_inputs(argv: Sequence[str], inputs: Sequence[InputFile]) -> Iterator[BoundCommand]:
    """Open the input files of a command, and yield the command that reads them by descriptor.

    The descriptors are closed after the block; a process that was started in it has its own.

    Args:
        argv: the command, with the paths of its inputs as `file_url` returns them.
        inputs: the files that it may read; each is named in it.

    Raises:
        MediaError, StorageError: as for `open_input`.
        ValueError: an input is not named in the command.
    """
    found = {file_url(file.path): file for file in inputs}
    if not found.keys() <= set(argv):
        raise ValueError("the command does not read all of its inputs")
    names: dict[int, str] = {}
    pipes: list[CorrectedPipe] = []
    bound: list[str] = []
    with ExitStack() as opened:
        for argument in argv:
            if (file := found.get(argument)) is None:
                bound.append(argument)
                continue
            descriptor = open_input(file)
            if file.clock is not None:
                pipes.append(CorrectedPipe(descriptor, file.clock, file.path))
                descriptor = pipes[-1].read_end
            opened.callback(os.close, descriptor)
            names[descriptor] = argument
            bound.append(_url(descriptor))
        yield BoundCommand(tuple(bound), names, pipes)


def _url(descriptor: int) -> str:
    return f"file:/dev/fd/{descriptor}"
