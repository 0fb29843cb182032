"""Hostile bytes: whatever is in a frame, it ends in exactly one counter, and nothing outside it is read."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames_by_hand import batch, ethernet, ipv4, ipv6, rows_of, tcp, tcp6
from handshake_inspect.decode import LINK_TYPES, Decoder
from test_decode_fragments import WHOLE4, WHOLE6, parts4, parts6
from test_decode_ip import HOP_BY_HOP
from test_decode_link import ETHERTYPE_SAMPLES, LINK_SAMPLES
from test_decode_tunnels import SAMPLES

OPTIONS = bytes.fromhex("020405b40402080a0000000100000000010303072202")
LINKS = [row.number for row in LINK_TYPES]


@cache
def frames_of_all_kinds():
    """Return (link type, frame) of every sample that the other tests have."""
    some = [(link, frame) for link, frames in LINK_SAMPLES.items() for frame in frames]
    some += [(1, ethernet(payload, kind)) for kind, payload in ETHERTYPE_SAMPLES.items()]
    some += [(101, packet) for packet in SAMPLES.values()]
    some += [(101, part) for part in (*parts4(WHOLE4, 104), *parts6(WHOLE6, 104))]
    some += [(101, ipv4(tcp(2, OPTIONS, b"payload"))), (101, ipv6(HOP_BY_HOP + tcp6(), 0))]
    return some


def counted(frames, link_type, wire=None):
    """Decode, and hold what must be true of any bytes; return the decoder."""
    decoder = Decoder()
    rows = rows_of(decoder, decoder.decode(batch(frames, link_type, wire)))
    assert sum(decoder.counters) == len(frames)
    assert sum(decoder.unsupported.values()) == decoder.counters[5]
    assert sum(row["kind"] == 1 for row in rows) == decoder.counters[0]
    assert {row["kind"] for row in rows} <= {1, 2}
    numbers = [row["frame"] for row in rows]
    assert numbers == sorted(set(numbers))
    return decoder


def test_every_prefix_of_every_sample_ends_in_one_counter():
    for link, frame in frames_of_all_kinds():
        pieces = [frame[:kept] for kept in range(len(frame) + 1)]
        counted(pieces, link)
        cut = counted(pieces[:-1], link, [len(frame)] * len(frame))
        # A record that says it was cut is never blamed on the sender, unless its own lengths already lie.
        assert cut.counters[4] == 0, (link, frame.hex())


def test_every_byte_of_every_sample_may_be_any_other():
    for link, frame in frames_of_all_kinds():
        pieces = [
            frame[:at] + bytes((value,)) + frame[at + 1 :] for at in range(len(frame)) for value in (0, 1, 127, 255)
        ]
        if link not in (105, 119, 127, 163, 192):
            counted(pieces, link)


def test_nothing_beyond_the_frame_is_read():
    for link, frame in frames_of_all_kinds():
        for kept in range(0, len(frame), 3):
            alone = batch([frame[:kept]], link, [len(frame)])
            followed = batch([frame[:kept]], link, [len(frame)])
            followed.buffer = frame
            first, second = Decoder(), Decoder()
            assert rows_and_counts(first, alone) == rows_and_counts(second, followed)


def rows_and_counts(decoder, some):
    """Return the fields that are set in any row, and the counters."""
    rows = rows_of(decoder, decoder.decode(some))
    unset = {"mss": 1, "window_scale": 2, "ts_value": 8, "ts_echo": 8}
    for row in rows:
        for name, bit in unset.items():
            if not row["options"] & bit:
                del row[name]
        if row["kind"] == 2:
            del row["fast_open"]
    return rows, list(decoder.counters)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(LINKS), st.lists(st.binary(max_size=120), min_size=1, max_size=8), st.integers(0, 70_000))
def test_random_bytes_end_in_one_counter(link, frames, more):
    counted(frames, link, [len(frame) + more for frame in frames])


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_damaged_samples_end_in_one_counter(data):
    link, frame = data.draw(st.sampled_from([row for row in frames_of_all_kinds() if row[0] not in (119, 163)]))
    damaged = bytearray(frame)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    counted([bytes(damaged)[: data.draw(st.integers(0, len(frame)))]], link)


@pytest.mark.parametrize("link", LINKS)
def test_frames_of_one_byte_value_end_in_one_counter(link):
    counted([bytes((value,)) * size for value in (0, 0x45, 0x60, 0xFF) for size in (0, 1, 20, 60, 2000)], link)
