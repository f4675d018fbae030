"""What the signal that ended a process says about the reason."""

from __future__ import annotations

import signal

_CRASHES = {
    signal.SIGSEGV: "it used memory that it does not have",
    signal.SIGBUS: "it used memory that is not there",
    signal.SIGILL: "it came to an instruction that this processor does not have",
    signal.SIGFPE: "it divided by zero",
    signal.SIGABRT: "it found its own data damaged",
    signal.SIGTRAP: "it came to a place that it should never reach",
    signal.SIGSYS: "it made a system call that it is not allowed",
}


def is_crash(number: int) -> bool:
    """Return whether a process gets this signal for what it did itself, which a file can lead it to.

    SIGKILL is what the kernel sends where memory is short, and what people send; SIGTERM and others come from people
    and from the system. None of them is the file's fault.
    """
    return number in _CRASHES


def signal_text(number: int) -> str:
    """Return a signal for people: "signal 11 (SIGSEGV: it used memory that it does not have)"."""
    try:
        name = signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
    meaning = _CRASHES.get(signal.Signals(number))
    return f"signal {number} ({name}: {meaning})" if meaning else f"signal {number} ({name})"
