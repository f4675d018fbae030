"""A worker process whose every task fails, with the error that the task names."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal

from pydantic import TypeAdapter

from framewatch import errors
from framewatch.domain import Record, StageName
from framewatch.errors import Finding, FramewatchError, Need, Remedy
from framewatch.media.process_bounds import Bounds, begin, room
from framewatch.render.messages import Logged
from framewatch.render.worker import WorkerKind, serve


class FailTask(Record):
    op: Literal["fail"] = "fail"
    error: str  # a class of `framewatch.errors`, "NewerError", or what to do: "bad_alloc", "abort" or "flood"
    bound: int | None = None  # bytes of memory
    hold: float = 0  # the share of them that the task still holds as it fails
    says: str = ""  # on stderr


class Failing:
    stage: StageName = "decode"

    def __init__(self, send: Callable[[Record], None]) -> None:
        self._send = send
        self._held = bytearray(0)

    def run(self, task: Any) -> Any:
        """Raise the error, with two findings and a need; die as a C++ library does without memory; or log a lot."""
        self._held = bytearray(0)  # of the last task
        begin(Bounds(worker=task.bound, beyond_held=False))
        self._held = bytearray(round(room(0) * task.hold))
        if task.says:
            os.write(2, f"{task.says}\n".encode())
        if task.error == "bad_alloc":
            os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
        if task.error in ("bad_alloc", "abort"):
            os.abort()
        if task.error == "flood":
            for number in range(5000):
                self._send(Logged(stage="encode", line=f"no glyph {number}", level="warning"))
                os.write(2, b"x" * 5000 + b"\n")
            raise errors.MediaError("enough")
        kind: type[FramewatchError] = globals().get(task.error) or getattr(errors, task.error)
        error = kind.of([Finding("a.b", "first \udcff", "hint", "where"), Finding("c.d", "second")])
        error.needs = (Need("output", 7),)
        raise error


if __name__ == "__main__":

    class NewerError(FramewatchError):
        """Known to this process alone."""

        remedy = Remedy.WAIT

    serve(WorkerKind(TypeAdapter(FailTask), Failing, lambda report: report))
