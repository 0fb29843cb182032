"""What the pcapng reader promises: sections, interfaces, clocks, and blocks of every kind."""

import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures import block, interface, obsolete_packet, option, packet, section, simple_packet
from frames import read
from handshake_inspect.capture import open_capture
from handshake_inspect.errors import CaptureError

T = 1_700_000_000_123_456_789
START = section() + interface()
LITTLE, BIG = "little", "big"


def written(tmp_path, *blocks):
    path = tmp_path / "a.pcapng"
    path.write_bytes(b"".join(blocks))
    return path


def times(frames):
    return [frame.time_ns for frame in frames]


def test_each_section_has_its_own_byte_order_and_interfaces(tmp_path):
    path = written(
        tmp_path,
        section(BIG), interface(BIG, 101), interface(BIG, 1), packet(BIG, T, b"a", None, 1),
        section(LITTLE), interface(LITTLE, 113, tsresol=None), packet(LITTLE, T // 1000, b"b"),
    )  # fmt: skip
    capture, frames = read(path)
    assert [(frame.data, frame.link_type, frame.interface) for frame in frames] == [(b"a", 1, 1), (b"b", 113, 0)]
    assert times(frames) == [T, T // 1000 * 1000]
    assert (capture.byte_order, capture.link_types, capture.time_resolution_ns) == (BIG, [101, 1, 113], 1)
    assert capture.faults == []


def test_an_interface_of_the_section_before_is_forgotten(tmp_path):
    path = written(tmp_path, START, packet(LITTLE, T, b"a"), section(), packet(LITTLE, T, b"a"))
    capture, frames = read(path)
    assert len(frames) == 1
    assert [str(fault) for fault in capture.faults] == [
        f"{path}: frame 2, offset {28 + 32 + 36 + 28}: packet is of interface 0, the section has described none"
    ]


def test_without_an_interface_there_is_no_resolution(tmp_path):
    capture, _ = read(written(tmp_path, section()))
    assert (capture.time_resolution_ns, capture.link_types, capture.faults) == (None, [], [])


@pytest.mark.parametrize(
    ("tsresol", "resolution_ns"),
    [(None, 1000), (0, 10**9), (3, 10**6), (6, 1000), (9, 1), (12, 1), (0x80, 10**9), (0x8A, 976562), (0x9E, 1)],
)
def test_the_finest_resolution_is_named_in_nanoseconds(tmp_path, tsresol, resolution_ns):
    capture, _ = read(written(tmp_path, section(), interface(tsresol=0), interface(tsresol=tsresol)))
    assert capture.time_resolution_ns == resolution_ns


@settings(max_examples=600, deadline=None)
@given(
    stamps=st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 2**31)), min_size=1, max_size=5),
    tsresol=st.integers(0, 255),
    offset_s=st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-(10**9), 10**9)),
    order=st.sampled_from([LITTLE, BIG]),
)
def test_every_clock_is_exact_and_rounds_down(tmp_path_factory, stamps, tsresol, offset_s, order):
    path = tmp_path_factory.getbasetemp() / "clock"
    path.write_bytes(
        section(order) + interface(order, 1, 0, tsresol, offset_s) + b"".join(packet(order, n, b"") for n in stamps)
    )
    per_second = 2 ** (tsresol & 127) if tsresol & 128 else 10**tsresol
    most = 2**63 - 1

    def fitting(value):
        return max(-most, min(most, value))

    # A time that 64 bits of nanoseconds do not hold is the nearest that they do.
    expected = [fitting(fitting(n * 10**9 // per_second) + fitting((offset_s or 0) * 10**9)) for n in stamps]
    assert times(read(path)[1]) == expected


@pytest.mark.parametrize("stamp", [1, 2**32 - 1, 2**62 + 12345, 2**64 - 1])
def test_each_of_the_256_clocks_is_exact(tmp_path, stamp):
    path = written(
        tmp_path, section(), *(interface(tsresol=n) for n in range(256)),
        *(packet(LITTLE, stamp, b"", None, n) for n in range(256)),
    )  # fmt: skip
    per_second = [2 ** (n & 127) if n & 128 else 10**n for n in range(256)]
    assert times(read(path)[1]) == [min(2**63 - 1, stamp * 10**9 // unit) for unit in per_second]


def test_a_simple_packet_has_the_time_of_the_packet_before_it_or_0(tmp_path):
    path = written(
        tmp_path, section(), interface(snaplen=4), simple_packet(LITTLE, b"abcd", 9), packet(LITTLE, T, b"e"),
        simple_packet(LITTLE, b"fg"),
    )  # fmt: skip
    capture, frames = read(path)
    assert times(frames) == [0, T, T]
    assert [(frame.data, frame.wire) for frame in frames] == [(b"abcd", 9), (b"e", 1), (b"fg", 2)]
    assert capture.faults == []


@pytest.mark.parametrize("order", [LITTLE, BIG])
def test_the_obsolete_packet_block_is_read(tmp_path, order):
    path = written(
        tmp_path, section(order), interface(order), interface(order, 101), obsolete_packet(order, T, b"abc", 5, 1)
    )
    (frame,) = read(path)[1]
    assert (frame.time_ns, frame.data, frame.wire, frame.link_type, frame.interface) == (T, b"abc", 5, 101, 1)


def test_blocks_without_packets_are_skipped_wherever_the_chunks_end(tmp_path):
    others = [block(LITTLE, kind, bytes(40)) for kind in (4, 5, 7, 8, 9, 10, 0xBAD, 0xBAD0BAD, 0x40000BAD, 0x80000001)]
    path = written(tmp_path, section(), *others, interface(), packet(LITTLE, T, b"a"), *others, packet(LITTLE, T, b"b"))
    for chunk in (1, 5, 13, 100, 10000):
        capture, frames = read(path, chunk=chunk)
        assert [frame.data for frame in frames] == [b"a", b"b"]
        assert capture.faults == []


def test_options_after_the_packet_and_in_the_section_are_passed_over(tmp_path):
    note = option(LITTLE, 1, b"a comment") + option(LITTLE, 0, b"")
    path = written(tmp_path, section(options=note), interface(), packet(LITTLE, T, b"abc", options=note))
    capture, frames = read(path)
    assert ([frame.data for frame in frames], capture.faults) == ([b"abc"], [])


def raw(kind, length, body=b"", trailer=None):
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length if trailer is None else trailer)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (raw(6, 8), "block says 8 bytes, it needs 12"),
        (raw(77, 0), "block says 0 bytes, it needs 12"),
        (raw(6, 34, bytes(26)), "block says 34 bytes, which is not a multiple of 4"),
        (raw(77, 15, bytes(26)), "block says 15 bytes, which is not a multiple of 4"),
        (raw(6, 32, bytes(20), 36), "block says 32 bytes where it begins and 36 where it ends"),
        (raw(77, 16, bytes(4), 12), "block says 16 bytes where it begins and 12 where it ends"),
        (raw(6, 28, bytes(16)), "block says 28 bytes, one of its type needs 32"),
        (raw(3, 12), "block says 12 bytes, one of its type needs 16"),
        (raw(1, 16, bytes(4)), "block says 16 bytes, one of its type needs 20"),
        (raw(6, 2**26 + 4), "block says 67108868 bytes, more than the 67108864 that it may have"),
        (raw(77, 2**32 - 4), "block says 4294967292 bytes, 36 are left"),
        (raw(6, 400), "block says 400 bytes, 36 are left"),
        (
            raw(6, 32, struct.pack("<IIIII", 0, 0, 0, 1, 1)),
            "packet says 1 bytes, its block has room for 0",
        ),
        (raw(3, 20, struct.pack("<II", 5, 0)), "packet says 5 bytes, its block has room for 4"),
        (
            raw(6, 32, struct.pack("<IIIII", 1, 0, 0, 0, 0)),
            "packet is of interface 1, the section has described only interface 0",
        ),
        (
            raw(1, 24, struct.pack("<HHIHH", 1, 0, 0, 9, 5)),
            "interface description has an option that is longer than the block",
        ),
        (section(version=(2, 0)), "section is of pcapng version 2.0, 1.x is read"),
        (
            raw(0x0A0D0D0A, 28, bytes(16)),
            "section header has the byte-order magic 00 00 00 00, 1a 2b 3c 4d or 4d 3c 2b 1a is needed",
        ),
        (section()[:4] + struct.pack("<I", 24) + section()[8:], "section header says 24 bytes, it needs 28"),
        (section()[:4] + struct.pack("<I", 30) + section()[8:],
         "section header says 30 bytes, which is not a multiple of 4"),
        (section()[:-4] + bytes(4), "block says 28 bytes where it begins and 0 where it ends"),
        (section()[:4] + struct.pack("<I", 2**31) + section()[8:],
         "section header says 2147483648 bytes, more than the 67108864 that it may have"),
        (section()[:4] + struct.pack("<I", 400) + section()[8:], "block says 400 bytes, 52 are left"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("chunk", [1, 10000])
def test_a_bad_block_is_named_with_its_place_and_what_was_needed(tmp_path, bad, problem, chunk):
    path = written(tmp_path, START, packet(LITTLE, T, b"a"), bad, bytes(24))
    capture, frames = read(path, chunk=chunk)
    assert [frame.data for frame in frames] == [b"a"]
    assert [str(fault) for fault in capture.faults] == [f"{path}: frame 2, offset 96: {problem}"]


def test_a_file_that_begins_like_a_section_but_is_none_is_refused(tmp_path):
    path = written(tmp_path, b"\n\r\r\n" + bytes(40))
    with pytest.raises(CaptureError) as error:
        open_capture(str(path))
    assert str(error.value) == (
        f"{path}: offset 0: section header has the byte-order magic 00 00 00 00, 1a 2b 3c 4d or 4d 3c 2b 1a is needed"
    )


def test_a_section_has_at_most_65536_interfaces(tmp_path):
    path = written(tmp_path, section(), interface() * 65536, packet(LITTLE, T, b"a", None, 65535), interface())
    capture, frames = read(path)
    assert [frame.interface for frame in frames] == [65535]
    assert [fault.problem for fault in capture.faults] == ["section has more than 65536 interfaces"]


def test_a_long_block_without_a_packet_needs_no_room(tmp_path):
    path = written(tmp_path, START, block(LITTLE, 10, bytes(3_000_000)), packet(LITTLE, T, b"a"))
    capture = open_capture(str(path), chunk=4096)
    assert [(batch.count, len(batch.buffer)) for batch in capture.batches()] == [(1, 4096)]
    assert capture.faults == []


@pytest.mark.parametrize(
    "blocks",
    [
        lambda n: [START, block(LITTLE, 0xBAD, b"") * n],
        lambda n: [section(), b"".join(interface(LITTLE, i % 65536) for i in range(min(n, 65536)))],
        lambda n: [section() * n],
        lambda n: [(section() + b"".join(interface(LITTLE, i) for i in range(10))) * (n // 10)],
    ],
    ids=["unknown", "interfaces", "sections", "interfaces in sections"],
)
def test_endless_blocks_without_a_packet_cost_no_more_than_their_bytes(tmp_path, blocks):
    def seconds(n):
        path = written(tmp_path, *blocks(n))
        start = time.process_time()
        capture, frames = read(path)
        assert (frames, capture.faults) == ([], [])
        return time.process_time() - start

    few = min(seconds(6_000) for _ in range(3))
    assert seconds(60_000) < 10 * few * 3 + 0.05
