"""Calls that may hang on a dead share: nobody waits for them for longer than agreed."""

from __future__ import annotations

import threading
import time

import pytest

from framewatch.threads import FolderCalls, NoAnswerError


def test_a_call_returns_its_answer_or_raises_what_it_raised() -> None:
    calls = FolderCalls("test")
    assert calls.call("a", lambda: 7, 5) == 7
    with pytest.raises(TimeoutError):  # an error of the operating system, and no missing answer
        calls.call("a", _times_out, 5)


def test_a_call_that_hangs_is_left_behind_and_later_ones_of_its_folder_do_not_wait() -> None:
    calls, back = FolderCalls("test"), threading.Event()
    made: list[str] = []
    with pytest.raises(NoAnswerError):
        calls.call("dead", back.wait, 0.2)
    began = time.monotonic()
    with pytest.raises(NoAnswerError):
        calls.call("dead", lambda: made.append("refused"), 0.2)
    assert time.monotonic() - began < 0.1
    assert calls.call("healthy", lambda: 7, 5) == 7
    back.set()
    calls.call("dead", lambda: made.append("made"), None)
    assert made == ["made"]


def test_a_call_that_is_no_longer_wanted_is_given_up() -> None:
    back = threading.Event()
    with pytest.raises(NoAnswerError):
        FolderCalls("test").call("dead", back.wait, 60, wanted=lambda: False)
    back.set()


def _times_out() -> None:
    raise TimeoutError
