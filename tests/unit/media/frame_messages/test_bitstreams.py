"""Messages of single frames are read from packets of each codec, put into them, and survive hostile bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frame_messages import AFD, caption, hdr10plus
from framewatch.media.frame_messages.bitstreams import MAX_MESSAGE, FrameMessage, reader, stated_messages, writer
from framewatch.media.frame_messages.captions import triplets
from framewatch.media.frame_messages.dolby_vision import is_profile_5
from framewatch.media.frame_messages.kinds import kind_of, windows

AVCC = bytes([1, 100, 0, 30, 0xFF, 0xE1])
HVCC = bytes([1, *bytes(20), 0xFF, 0])
CODECS = {
    # extradata, and a packet without messages: parameter sets or delimiters, then a picture
    "h264, measured": ("h264", AVCC, b"\0\0\0\2\x09\x10\0\0\0\4\x65\x88\x84\x21"),
    "h264, separated": ("h264", b"", b"\0\0\0\1\x09\x10\0\0\0\1\x65\x88\x84\x21"),
    "hevc, measured": ("hevc", HVCC, b"\0\0\0\3\x46\x01\x10\0\0\0\5\x26\x01\xaf\x11\x22"),
    "hevc, separated": ("hevc", b"", b"\0\0\1\x46\x01\x10\0\0\1\x26\x01\xaf\x11\x22"),
    "av1": ("av1", b"", b"\x12\0\x32\3abc\x1a\2xy"),
    "mpeg2video": ("mpeg2video", b"", b"\0\0\1\0\0\x0f\xff\xf8\0\0\1\xb5\x8f\xff\0\0\1\1\x12\x34"),
}
EVERY_CODEC = pytest.mark.parametrize("name", CODECS)


def read(name: str, packet: bytes) -> list[FrameMessage]:
    codec, extradata, _ = CODECS[name]
    read_messages = reader(codec, extradata)
    assert read_messages is not None
    return read_messages(memoryview(packet))


def written(name: str, *messages: bytes) -> bytes:
    codec, extradata, packet = CODECS[name]
    write = writer(codec, extradata)
    assert write is not None
    return write(memoryview(packet), messages)


@EVERY_CODEC
def test_what_is_put_into_a_packet_is_read_from_it(name: str) -> None:
    assert read(name, CODECS[name][2]) == []
    made = written(name, caption(1), AFD)
    assert read(name, made) == [FrameMessage("captions_a53", caption(1)), FrameMessage("afd", AFD)]
    begin, end = made[:4], made[-4:]
    assert (begin, end) == (CODECS[name][2][:4], CODECS[name][2][-4:])


@pytest.mark.parametrize("name", [each for each in CODECS if each != "mpeg2video"])
@given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 0x80, 255]), min_size=1, max_size=600).map(bytes))
def test_every_byte_of_a_message_comes_back(name: str, content: bytes) -> None:
    message = b"\xb5\0\x3c\0\1\4" + content + b"\x55"
    assert read(name, written(name, message)) == [FrameMessage("hdr10plus", message)]


@pytest.mark.parametrize("name", [each for each in CODECS if "h" in each])
@given(st.lists(st.sampled_from([0, 0, 0, 1, 3]), max_size=60).map(bytes))
def test_a_message_never_looks_like_the_start_of_a_unit(name: str, content: bytes) -> None:
    plain = CODECS[name][2]
    made = written(name, b"\xb5" + content + b"\x55")
    assert made.count(b"\0\0\1") + made.count(b"\0\0\0\4") <= plain.count(b"\0\0\1") + plain.count(b"\0\0\0\4") + 1


@EVERY_CODEC
@given(st.binary(max_size=400))
def test_hostile_packets_give_messages_of_limited_size_and_never_an_error(name: str, content: bytes) -> None:
    good = written(name, caption(1))
    for packet in (content, good + content, good[: len(content)], good.replace(b"GA94", content), content + good):
        found = read(name, packet)
        assert len(found) <= 32
        assert all(len(each.data) <= MAX_MESSAGE for each in found)
        assert all(len(triplets(each.data)) <= 31 for each in found)
        assert all(windows(each.data) in range(4) for each in found)


@EVERY_CODEC
@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_is_never_an_error(name: str, position: int, value: int) -> None:
    packet = bytearray(written(name, caption(1), hdr10plus(2)))
    packet[position % len(packet)] = value
    read(name, bytes(packet))


@EVERY_CODEC
def test_a_packet_without_a_picture_takes_no_message(name: str) -> None:
    codec, extradata, _ = CODECS[name]
    write = writer(codec, extradata)
    assert write is not None
    with pytest.raises(ValueError, match="without"):
        write(memoryview(b"\0\0\0\2\x46\x10"), [caption(1)])


def test_a_message_goes_before_the_frame_that_is_shown() -> None:
    hidden_and_shown = b"\x12\0\x32\3abc\x32\2xy"
    write, read_messages = writer("av1", b""), reader("av1", b"")
    assert write is not None
    assert read_messages is not None
    made = write(memoryview(hidden_and_shown), [caption(1)])
    assert made.startswith(hidden_and_shown[:7])
    assert made.endswith(hidden_and_shown[-4:])
    assert read_messages(memoryview(made)) == [FrameMessage("captions_a53", caption(1))]


def test_an_h265_message_has_the_sublayer_of_its_picture() -> None:
    write = writer("hevc", b"")
    assert write is not None
    assert write(memoryview(b"\0\0\1\x02\x03\xaf"), [caption(1)]).startswith(b"\0\0\1\x4e\x03\x04")


def test_dolby_vision_and_timecodes_are_found() -> None:
    rpu = b"\0\0\0\3\x7c\x01\x19"
    timecode = b"\0\0\0\6\x4e\x01\x88\x01\x00\x80"
    found = read("hevc, measured", timecode + CODECS["hevc, measured"][2] + rpu)
    assert [each.kind for each in found] == ["frame_timecode", "dolby_vision"]


def test_captions_of_a_dvd_are_those_of_both_fields() -> None:
    user_data = b"\0\0\1\xb2CC\x01\xf8\x82" + b"\xff\x14\x2c\xfe\x80\x80" + b"\xff\x41\x42\xfe\x80\x80"
    (found,) = read("mpeg2video", user_data + CODECS["mpeg2video"][2])
    assert found.kind == "captions_a53"
    assert triplets(found.data) == [b"\xfc\x14\x2c", b"\xfd\x80\x80", b"\xfc\x41\x42", b"\xfd\x80\x80"]


def test_kinds_are_told_by_their_registration() -> None:
    assert kind_of(caption(1)) == "captions_a53"
    assert kind_of(hdr10plus(1)) == "hdr10plus"
    assert kind_of(b"\xb5\0\x31GA94\x06") == "bar_data"
    assert kind_of(b"\xb5\0\x31GA94\x09") == "registered_data"
    assert kind_of(b"") == "registered_data"
    assert [windows(hdr10plus(1, count)) for count in (1, 2, 3)] == [1, 2, 3]


def test_captions_of_scte_20_are_turned_around() -> None:
    pairs = [(1, 0x14, 0x2C), (2, 0x80, 0x80), (0, 1, 1)]
    bits = format(len(pairs), "05b")
    for field, one, other in pairs:
        text = "".join(format(each, "08b")[::-1] for each in (one, other))
        bits += "00" + format(field, "02b") + "01011" + text + "1"
    bits += "0" * (-len(bits) % 8)
    user_data = b"\0\0\1\xb2\x03\x81" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    (found,) = read("mpeg2video", user_data + CODECS["mpeg2video"][2])
    assert triplets(found.data) == [b"\xfc\x14\x2c", b"\xfd\x80\x80"]


def rpu(profile: int, *, full: int) -> bytes:
    """The beginning of an RPU in H.265."""
    fields = [(25, 8), (2, 6), (18, 11), (profile, 4), (0, 4), (1, 1), (0, 1), (0, 2), (0b000011000, 9)]
    bits = "".join(format(value, f"0{width}b") for value, width in [*fields, (1, 2), (full, 1)])
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def test_profile_5_shows_in_the_metadata_itself() -> None:
    assert is_profile_5(rpu(0, full=1))
    assert not is_profile_5(rpu(0, full=0))
    assert not is_profile_5(rpu(1, full=1))
    assert not is_profile_5(b"")


@given(st.binary(max_size=40))
def test_any_bytes_may_be_taken_for_metadata_of_dolby_vision(content: bytes) -> None:
    assert is_profile_5(content) in (True, False)
    assert is_profile_5(rpu(0, full=1)[: len(content) // 2] + content) in (True, False)


ALPHA = b"\x4e\x01\xa5\x04\x00\x7f\x90\x80\x80"  # an SEI message about alpha channels (H.265, F.14.2.8)


def test_a_layer_of_transparency_is_found_in_packets_and_beside_them() -> None:
    packet = b"\0\0\1" + ALPHA + CODECS["hevc, separated"][2]
    assert read("hevc, separated", packet) == [FrameMessage("alpha_layer", b"")]
    assert read("hevc, separated", packet.replace(b"\x04\x00\x7f", b"\x04\x80\x7f")) == []  # there is none any more
    beside = HVCC[:-1] + b"\1" + b"\xa7\0\1" + len(ALPHA).to_bytes(2, "big") + ALPHA
    assert stated_messages("hevc", beside) == [FrameMessage("alpha_layer", b"")]


@given(st.binary(max_size=60))
def test_any_bytes_may_stand_beside_packets(content: bytes) -> None:
    assert len(stated_messages("hevc", HVCC[:-1] + content)) <= 32
