"""The TCP header, its options, its checksum, and what damage does to them."""

import struct

import pytest

from frames_by_hand import A4, ACK, B4, FIN, PSH, RST, SYN, checksum, decode, ethernet, ipv4, ipv6, tcp, tcp6

MSS, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS, FAST_OPEN, MPTCP, DAMAGED = 1, 2, 4, 8, 16, 32, 64
BAD_CHECKSUM, OFFLOADED, CUT = 1, 2, 4
STAMPS = bytes.fromhex("0101080a1122334455667788")


def one(*frames, **settings):
    """Return the only row of a frame that is counted as TCP."""
    rows, seen = decode(*frames, **settings)
    assert seen == {"tcp": 1}
    return rows[0]


def with_options(options, flags=SYN):
    return one(ethernet(ipv4(tcp(flags, options))))


def test_every_field_of_the_header_is_read():
    segment = tcp(0x1FF, b"", b"hello", seq=1, ack=0xFEDCBA98, sport=1, dport=65535, window=3)
    expected = {
        "seq": 1, "ack": 0xFEDCBA98, "src_port": 1, "dst_port": 65535, "flags": 0x1FF, "window": 3, "length": 5,
        "ip_id": 515, "kind": 1, "family": 4, "options": 0, "marks": 0, "fast_open": 0, "src_high": 0, "dst_high": 0,
        "src_low": int.from_bytes(A4), "dst_low": int.from_bytes(B4), "checksum": int.from_bytes(segment[16:18]),
    }  # fmt: skip
    row = one(ethernet(ipv4(segment, ip_id=515)))
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("options", "bits", "fields"),
    [
        ("020405b4", MSS, {"mss": 1460}),
        ("030307", WINDOW_SCALE, {"window_scale": 7}),
        ("0303ff", WINDOW_SCALE, {"window_scale": 14}),
        ("0402", SACK_PERMITTED, {}),
        ("080a0102030405060708", TIMESTAMPS, {"ts_value": 0x01020304, "ts_echo": 0x05060708}),
        ("2202", FAST_OPEN, {"fast_open": 0}),
        ("220a0102030405060708", FAST_OPEN, {"fast_open": 8}),
        ("fe04f989", FAST_OPEN, {"fast_open": 0}),
        ("fe0cf9890102030405060708", FAST_OPEN, {"fast_open": 8}),
        ("fe04abcd", 0, {}),
        ("1e0c00010102030405060708", MPTCP, {}),
        ("020405b40402080a000000010000000001030307", 15, {"mss": 1460, "window_scale": 7, "ts_value": 1, "ts_echo": 0}),
        ("0101010100020405b4", 0, {}),
        ("1312" + "00" * 16 + "0402", SACK_PERMITTED, {}),
    ],
)
def test_each_option_of_a_syn_is_read(options, bits, fields):
    row = with_options(bytes.fromhex(options))
    assert row["options"] == bits
    assert {name: row[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("options", "bits"),
    [
        ("020405b40300", MSS | DAMAGED),
        ("020405b40301", MSS | DAMAGED),
        ("020405b40320", MSS | DAMAGED),
        ("020305", DAMAGED),
        ("0402080901020304050607", SACK_PERMITTED | DAMAGED),
        ("01010102", DAMAGED),
        ("0403000303", DAMAGED),
    ],
)
def test_an_option_whose_length_lies_ends_the_options_and_is_marked(options, bits):
    assert with_options(bytes.fromhex(options))["options"] == bits


@pytest.mark.parametrize(
    "options", [STAMPS, STAMPS[2:] + b"\1\1", b"\1\1\1" + STAMPS[2:], STAMPS + b"\1\1\5\12" + bytes(8)]
)
def test_timestamps_are_read_wherever_they_stand_after_the_syn(options):
    row = with_options(options, ACK)
    assert (row["options"], row["ts_value"], row["ts_echo"]) == (TIMESTAMPS, 0x11223344, 0x55667788)


@pytest.mark.parametrize("offset", [0, 4, 16, 24, 60])
def test_a_data_offset_that_lies_is_malformed(offset):
    segment = bytearray(tcp())
    segment[12] = offset // 4 << 4
    assert decode(ethernet(ipv4(bytes(segment)))) == ([], {"malformed": 1})


def test_the_length_is_the_ip_headers_when_the_capture_cut_the_payload():
    frame = ethernet(ipv4(tcp(ACK | PSH, STAMPS, bytes(1000))))
    row = one(frame[: 14 + 20 + 32], wire=len(frame))
    assert (row["length"], row["options"], row["marks"]) == (1000, TIMESTAMPS, CUT)


def test_a_cut_shows_in_the_ip_header_when_the_record_denies_it():
    frame = ethernet(ipv4(tcp(ACK | PSH, b"", bytes(1000))))
    row = one(frame[:60])
    assert (row["length"], row["marks"]) == (1000, CUT)


def test_a_segment_whose_options_were_cut_keeps_those_that_are_there():
    frame = ethernet(ipv4(tcp(SYN, bytes.fromhex("020405b40402080a000000010000000001030307"))))
    for kept, bits in ((54, 0), (57, 0), (58, 1), (60, 5), (61, 5), (69, 5), (70, 13), (71, 13), (73, 13)):
        row = one(frame[:kept], wire=len(frame))
        assert (row["options"], row["marks"], row["length"], row["seq"]) == (bits, CUT, 0, 0xFFFFFFF0), kept


@pytest.mark.parametrize("kept", range(34, 54))
def test_a_header_that_was_cut_is_truncated(kept):
    frame = ethernet(ipv4(tcp()))
    assert decode(frame[:kept], wire=len(frame)) == ([], {"truncated": 1})


@pytest.mark.parametrize("size", range(20))
def test_a_header_that_the_packet_has_no_room_for_is_malformed(size):
    assert decode(ethernet(ipv4(tcp()[:size]))) == ([], {"malformed": 1})


@pytest.mark.parametrize("flags", [SYN, SYN | ACK, FIN | ACK, RST])
@pytest.mark.parametrize("payload", [b"", b"x", b"xy", bytes(range(101))])
def test_checksums_of_control_segments_are_judged(flags, payload):
    for packet, kind in ((tcp(flags, STAMPS, payload), 0x0800), (tcp6(flags=flags, payload=payload), 0x86DD)):
        wrap = ipv4 if kind == 0x0800 else ipv6
        assert one(ethernet(wrap(packet), kind))["marks"] == 0
        broken = packet[:4] + bytes((packet[4] ^ 1,)) + packet[5:]
        assert one(ethernet(wrap(broken), kind))["marks"] == BAD_CHECKSUM


def test_checksums_of_data_are_not_judged():
    assert one(ethernet(ipv4(tcp(ACK | PSH, payload=b"data", good=False))))["marks"] == 0


def test_the_checksum_of_a_cut_segment_is_not_judged():
    frame = ethernet(ipv4(tcp(SYN, b"", b"data", good=False)))
    assert one(frame[:-1], wire=len(frame))["marks"] == CUT


def test_a_checksum_that_the_card_was_to_finish_is_told_from_a_bad_one():
    segment = tcp(SYN)
    pseudo = checksum(A4 + B4 + struct.pack(">HH", 6, len(segment))) ^ 0xFFFF
    row = one(ethernet(ipv4(segment[:16] + struct.pack(">H", pseudo) + segment[18:])))
    assert (row["marks"], row["checksum"]) == (OFFLOADED, pseudo)


def test_a_segment_that_the_card_was_to_cut_has_the_length_of_its_frame():
    assert one(ethernet(ipv4(tcp(ACK, STAMPS, bytes(70_000)), total=0)))["length"] == 70_000
    assert one(ethernet(ipv6(tcp6(flags=ACK, payload=bytes(70_000)), length=0), 0x86DD))["length"] == 70_000
