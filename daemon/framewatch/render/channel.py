"""A bounded queue between two stages, which also carries the end or the failure of the stage before it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class ChannelClosedError(Exception):
    """The consumer is gone; nobody needs the item any more."""


class Channel(Generic[Item]):
    """A bounded first-in-first-out queue with one producer and one consumer.

    The producer ends it with `finish` (no more items) or `fail` (the consumer raises the error after the items that
    came before it). The consumer may `abandon` it, which ends a producer that waits for space.
    """

    def __init__(self, size: int) -> None:
        """`size`: how many items may wait, at least 1."""
        self._size = max(1, size)
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._abandoned = False
        self._error: BaseException | None = None

    def put(self, item: Item) -> None:
        """Wait for space, then append the item.

        Raises:
            ChannelClosedError: the consumer has abandoned the channel.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or len(self._items) < self._size)
            if self._abandoned:
                raise ChannelClosedError
            self._items.append(item)
            self._changed.notify_all()

    def finish(self) -> None:
        """End the channel after the items that it holds."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """End the channel with an error, after the items that it holds."""
        with self._changed:
            self._error = error
            self._ended = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Take no more items, and drop those that wait."""
        with self._changed:
            self._abandoned = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        """Yield the items until the end; raises the error that the producer failed with."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended or self._abandoned)
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
