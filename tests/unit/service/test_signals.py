"""Signals reach the daemon's loop, however many come and whenever they come."""

from __future__ import annotations

import signal
import subprocess
import sys

LOOP = """
import sys
from framewatch.service.signals import Signals
with Signals() as signals:
    print("ready", flush=True)
    reloads = 0
    while not signals.stop:
        signals.wait(0.001)
        reloads += signals.take_reload()
print(reloads, flush=True)
"""

ONCE = """
import os, signal, threading
from framewatch.service.signals import Signals
signal.signal(signal.SIGHUP, signal.SIG_IGN)
hangup = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGHUP))
with Signals() as signals:
    hangup.start()
    signals.wait(30)
    assert signals.take_reload()
    assert not signals.take_reload()
    assert not signals.stop
assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
print("done")
"""


def test_a_storm_of_signals_does_not_block_the_loop() -> None:
    """The handlers run in the middle of the loop's wait, and must not need its lock."""
    with subprocess.Popen([sys.executable, "-c", LOOP], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(20_000):
            process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert int(process.stdout.read()) > 0


def test_a_signal_ends_the_wait_and_the_old_handlers_are_restored() -> None:
    """In a process of its own, since these signals end a process by default."""
    result = subprocess.run([sys.executable, "-c", ONCE], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")
