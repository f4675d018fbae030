"""Bounds that the kernel enforces on a worker and on each ffmpeg that it starts (docs/decisions/0029).

Memory is bounded by RLIMIT_DATA, which counts private writable memory (Linux, since 4.7): what a process can really
use. RLIMIT_AS would count reserved addresses as well, and CUDA reserves hundreds of times of what it uses. The bound
of a running process can be read in /proc/PID/limits ("Max data size", "Max file size").

Elsewhere than on Linux, memory is not bounded: macOS accepts the limits and ignores them.
"""

from __future__ import annotations

import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from framewatch.domain import Record

_LINUX = sys.platform == "linux"
_UNLIMITED = resource.RLIM_INFINITY
# What most systems give a process anyway, so it is known to be enough. A lane needs a dozen, CUDA about a hundred.
_OPEN_FILES = 1024
# Of -1000 to 1000, in thousandths of the machine's memory that the process seems to use in addition: high enough that
# a worker goes before the daemon and before most other programs.
_OOM_SCORE = 500
# What a process can always take beyond what it holds: without room for a thread and a message it could not even say
# what is wrong, and Python waits forever for a thread that finds no memory when it starts.
_LEAST_ROOM = 64 * 2**20
_NEAR = 0.7  # of its bound, which is several times what is needed: a process that dies there probably died of it


class Bounds(Record):
    """What the processes of a task may use; None: no bound. Sizes are in bytes."""

    worker: int | None = None  # memory of the worker
    beyond_held: bool = True  # `worker` comes on top of what the process holds when the task begins
    ffmpeg: int | None = None  # memory of each ffmpeg
    file: int | None = None  # size of each file that is written


NO_BOUNDS = Bounds()
_current = NO_BOUNDS
_is_worker = False  # whether this process may be bounded: a test may run tasks in its own process
_bound: int | None = None  # bytes that it may use; kept, because the limit is lifted now and then
_granted = 0  # bytes that the task could take beyond what the process held when the bound was set
_changing = threading.Lock()  # several lanes may run out of memory at once


def set_up() -> None:
    """Set what is the same for every task; called once, when a worker starts. Every ffmpeg inherits it.

    Processes and threads are not limited: RLIMIT_NPROC counts all those of the user, whichever program runs them, and
    does not hold root. A thread's stack counts as memory, which is bounded.
    """
    global _is_worker  # noqa: PLW0603 - a limit belongs to the process
    _is_worker = True
    _limit(resource.RLIMIT_CORE, 0, hard=True)  # a crash must not fill a disk, nor keep a stranger's frames
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES, hard=True)
    with suppress(OSError, ValueError):  # no Linux, or a container without /proc
        score = Path("/proc/self/oom_score_adj")
        if int(score.read_text("ascii")) < _OOM_SCORE:
            score.write_text(str(_OOM_SCORE), encoding="ascii")


def begin(bounds: Bounds) -> None:
    """Bound this process, and every ffmpeg that it starts from now on, for a task."""
    global _current  # noqa: PLW0603 - a limit belongs to the process
    if not _is_worker:
        return
    _current = bounds
    _limit(resource.RLIMIT_FSIZE, bounds.file)
    if bounds.worker is None:
        _bound_memory(None)
    else:
        # A fixed bound leaves half of itself to a task where an engine, or a GPU's driver, holds the rest.
        least = _LEAST_ROOM if bounds.beyond_held else max(_LEAST_ROOM, bounds.worker // 2)
        _bound_memory(max(bounds.worker + (held() if bounds.beyond_held else 0), held() + least))


def let_take(size: int) -> None:
    """Let this process take `size` bytes more, if its bound is a forecast and less: a fixed one stays as it is."""
    bound = bound_of_worker()
    if bound is not None and _current.beyond_held:
        _bound_memory(max(bound, held() + size))


@contextmanager
def narrowed(size: int) -> Iterator[None]:
    """Let this process take no more than `size` bytes in the block, if its bound is a forecast and more.

    For what reads a stranger's data while the bound is made for work that takes far more. `let_take` still widens it.
    """
    before = bound_of_worker()
    if before is None or not _current.beyond_held:
        yield
        return
    _bound_memory(min(before, held() + size))
    try:
        yield
    finally:
        _bound_memory(max(before, bound_of_worker() or before))


def bound_of_worker() -> int | None:
    """Return the bytes that this process may use; None where they are not bounded."""
    return _bound


def granted() -> int:
    """Return the bytes that the task could take in all when its bound was set; 0 where there is none."""
    return _granted


def room(unbounded: int) -> int:
    """Return the bytes that this process may still take; `unbounded` where it has no bound."""
    bound = bound_of_worker()
    return unbounded if bound is None else max(bound - held(), 0)


def of_ffmpeg() -> Bounds:
    """Return the bounds of an ffmpeg that is started now."""
    return _current.evolve(ffmpeg=_current.ffmpeg if _LINUX else None)


def held() -> int:
    """Return the bytes of memory that this process uses, as its bound counts them; 0 where that is not known."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[5]
    except (OSError, IndexError):
        return 0
    return int(pages) * resource.getpagesize()


def is_at_bound(pid: int) -> bool:
    """Return whether another process uses most of the memory that it may use; False where that is not known."""
    try:
        limits = Path(f"/proc/{pid}/limits").read_text("ascii").splitlines()
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[5])
        bound = next(line.split()[3] for line in limits if line.startswith("Max data size"))
    except (OSError, IndexError, ValueError, StopIteration):
        return False
    return bound != "unlimited" and pages * resource.getpagesize() > _NEAR * int(bound)


def bound_child(pid: int) -> None:
    """Bound the memory of an ffmpeg that has just been started.

    Until now it had this process's own bound. `preexec_fn` would be unsafe: there are other threads.
    """
    if sys.platform != "linux" or _current.ffmpeg is None:
        return
    with suppress(OSError):  # it has ended already
        _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
        limit = _within(_current.ffmpeg, hard)
        resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))


@contextmanager
def lifted() -> Iterator[None]:
    """Lift this process's memory bound while the block runs, to see what the machine itself would allow."""
    if _bound is None:
        yield
        return
    with _changing:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _bound_memory(size: int | None) -> None:
    global _bound, _granted  # noqa: PLW0603 - a limit belongs to the process
    if not _LINUX:
        return
    with _changing:
        _limit(resource.RLIMIT_DATA, size)
        soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
        _bound = None if size is None or soft == _UNLIMITED else soft
        _granted = max((_bound or 0) - held(), 0)


def _limit(kind: int, value: int | None, *, hard: bool = False) -> None:
    """Set a soft limit, or both; None: as high as the hard one allows. A stricter hard limit stays."""
    _, highest = resource.getrlimit(kind)
    soft = _within(_UNLIMITED if value is None else value, highest)
    with suppress(OSError, ValueError):  # macOS refuses some values; the work goes on without the limit
        resource.setrlimit(kind, (soft, soft if hard else highest))


def _within(value: int, highest: int) -> int:
    if highest == _UNLIMITED:
        return value
    return highest if value == _UNLIMITED else min(value, highest)
