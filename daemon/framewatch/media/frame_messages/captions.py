"""Captions of ANSI/CTA-708, with those of CTA-608 in them: as ATSC A/53 attaches them to frames. Pure.

A caption is three bytes: validity and type, and two of text. A message has up to 31 of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from framewatch.media.frame_messages.kinds import CAPTIONS_HEAD

_MOST = 31  # captions of a message, whose number has five bits
_SIZE = 3
_COUNT_AT = len(CAPTIONS_HEAD)
_BEGIN_AT = _COUNT_AT + 2  # after the number and a byte that is reserved
_PROCESS = 0x40  # the captions are to be shown
_VALID = 0x04  # in the first byte of a caption
_SCTE20_HEAD, _SCTE20_BITS = 3, 26
_MOST_USER_DATA = 512  # bytes with captions of a DVD or of SCTE 20; a number of 5 bits says how many there are
_FIELDS = (0xFC, 0xFD)  # that byte, for CTA-608 in the first and the second field


def triplets(message: bytes) -> list[bytes]:
    """Return the captions of a message; those that it does not hold whole are left out."""
    if len(message) < _BEGIN_AT or not message[_COUNT_AT] & _PROCESS:
        return []
    end = min(_BEGIN_AT + _SIZE * (message[_COUNT_AT] & 31), len(message) - _SIZE + 1)
    return [message[at : at + _SIZE] for at in range(_BEGIN_AT, end, _SIZE)]


def message(captions: Sequence[bytes]) -> bytes:
    """Return the message of up to 31 captions."""
    return b"".join((CAPTIONS_HEAD, bytes([_PROCESS | len(captions), 0xFF]), *captions, b"\xff"))


def joined(messages: Sequence[bytes]) -> list[bytes]:
    """Return the messages of one frame that has those of several frames: as few as hold every caption.

    Padding, which keeps the rate of captions even, is left out where it does not fit.
    """
    if len(messages) == 1:
        return [*messages]
    captions = [each for one in messages for each in triplets(one)]
    if len(captions) > _MOST:
        captions = [each for each in captions if each[0] & _VALID]
    return [message(captions[at : at + _MOST]) for at in range(0, len(captions), _MOST)]


def captions_of_dvd(user_data: bytes) -> Iterator[bytes]:
    """Yield messages with the captions of a DVD: pairs for both fields of all frames of a group, in its user data.

    The number of captions in the data is often wrong, so those that are there count.
    """
    user_data = user_data[:_MOST_USER_DATA]
    first_field = bool(user_data[4] & 0x80) if len(user_data) > 4 else False
    captions: list[bytes] = []
    for at in range(5, len(user_data) - 5, 6):
        if user_data[at] & 0xFE != 0xFE:
            break
        for begin, is_second in ((at, False), (at + 3, True)):
            is_first_field = user_data[begin] == 0xFF and first_field is not is_second
            field = _FIELDS[0] if is_first_field else _FIELDS[1]
            captions.append(bytes([field]) + user_data[begin + 1 : begin + _SIZE])
    for part in range(0, len(captions), _MOST):
        yield message(captions[part : part + _MOST])


def captions_of_scte20(user_data: bytes) -> Iterator[bytes]:
    """Yield the message with the captions of SCTE 20, the older way of cable networks.

    Each has 26 bits: priority (2), field (2), line (5), two bytes from the last bit to the first, and a mark.
    """
    user_data = user_data[:_MOST_USER_DATA]
    if len(user_data) < _SCTE20_HEAD or user_data[1] & 0x7F != 1:
        return
    bits = int.from_bytes(user_data[2:], "big")
    left = 8 * (len(user_data) - 2) - 5
    count = min(bits >> left, left // _SCTE20_BITS)
    captions = []
    for _ in range(count):
        left -= _SCTE20_BITS
        one = bits >> left
        field = one >> 22 & 3
        if field:
            text = bytes(int(f"{one >> at & 0xFF:08b}"[::-1], 2) for at in (9, 1))
            captions.append(bytes([_FIELDS[field == 2]]) + text)
    if captions:
        yield message(captions)
