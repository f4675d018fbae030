"""Captions of several frames are joined without losing one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from frame_messages import caption
from framewatch.media.frame_messages.captions import joined, message, triplets

TRIPLET = st.tuples(st.sampled_from([0xFC, 0xFD, 0xFE, 0xFF, 0xF8, 0xFA]), st.integers(0, 255), st.integers(0, 255))


def test_the_message_of_one_frame_stays_as_it_is() -> None:
    odd = caption(3) + b"\x00\x00"
    assert joined([odd]) == [odd]


def test_those_of_two_frames_are_one_message() -> None:
    (made,) = joined([caption(1), caption(2)])
    assert triplets(made) == triplets(caption(1)) + triplets(caption(2))


@given(st.lists(st.lists(TRIPLET, max_size=31), min_size=2, max_size=8))
def test_no_valid_caption_is_lost_and_none_changes_its_place(frames: list[list[tuple[int, int, int]]]) -> None:
    messages = [message([bytes(each) for each in frame]) for frame in frames]
    made = [each for one in joined(messages) for each in triplets(one)]
    valid = [bytes(each) for frame in frames for each in frame if each[0] & 4]
    assert [each for each in made if each[0] & 4] == valid


@given(st.binary(max_size=120))
def test_broken_messages_have_the_captions_that_are_whole(content: bytes) -> None:
    found = triplets(caption(1)[:8] + content)
    assert len(found) <= 31
    assert all(len(each) == 3 for each in found)


def test_captions_that_are_not_to_be_shown_are_none() -> None:
    hidden = bytearray(caption(1))
    hidden[8] &= ~0x40
    assert triplets(bytes(hidden)) == []
