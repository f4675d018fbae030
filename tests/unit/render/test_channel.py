"""A channel carries items, the end and the failure of its producer."""

from __future__ import annotations

import threading

import pytest

from framewatch.errors import MediaError
from framewatch.render.channel import Channel, ChannelClosedError


def test_a_producer_learns_that_its_consumer_is_gone() -> None:
    channel: Channel[int] = Channel(1)
    channel.put(1)
    outcome: list[str] = []

    def produce() -> None:
        try:
            channel.put(2)
        except ChannelClosedError:
            outcome.append("closed")

    producer = threading.Thread(target=produce)
    producer.start()
    channel.abandon()
    producer.join(5)
    assert outcome == ["closed"]


def test_items_before_a_failure_still_reach_the_consumer() -> None:
    channel: Channel[int] = Channel(3)
    channel.put(1)
    channel.put(2)
    channel.fail(MediaError("the end is missing"))
    items = iter(channel)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(MediaError):
        next(items)
