"""IPv4, IPv6 with its extension headers, and ICMP errors that quote a segment."""

import struct

import pytest

from frames_by_hand import A4, A6, ACK, B4, SYN, checksum, decode, ethernet, ipv4, ipv6, tcp, tcp6, udp

ROUTER4 = bytes((203, 0, 113, 9))
ROUTER6 = bytes.fromhex("20010db8" + "00" * 11 + "99")
HOP_BY_HOP = bytes.fromhex("0600010400000000")


def v6(payload, following=6):
    return ethernet(ipv6(payload, following), 0x86DD)


def one(frame, **settings):
    rows, seen = decode(frame, **settings)
    assert seen == {"tcp": 1}
    return rows[0]


def test_ipv4_options_are_stepped_over():
    assert one(ethernet(ipv4(tcp(), options=bytes.fromhex("94040000") + bytes(4))))["dst_port"] == 443


@pytest.mark.parametrize("options", ["8307040a0000ff00", "89070c0a0000ff00"])
def test_a_checksum_is_not_judged_while_a_source_route_hides_the_destination(options):
    used = bytes.fromhex(options)
    row = one(ethernet(ipv4(tcp(good=False), options=used)))
    assert row["marks"] == (0 if used[2] <= used[1] else 1)


@pytest.mark.parametrize(
    "change", [(0, b"\x44"), (0, b"\x55"), (2, b"\0\x13"), (2, b"\0\1"), (0, b"\x4f\0\0\x30")], ids=str
)
def test_an_ipv4_header_whose_lengths_lie_is_malformed(change):
    packet = bytearray(ipv4(tcp()))
    packet[change[0] : change[0] + len(change[1])] = change[1]
    assert decode(ethernet(bytes(packet))) == ([], {"malformed": 1})


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        (0, bytes.fromhex("06000104") + bytes(4)),
        (43, bytes.fromhex("06000000") + bytes(4)),
        (44, bytes.fromhex("0600000000000001")),
        (51, bytes.fromhex("06040000") + bytes(20)),
        (60, bytes.fromhex("06010104") + bytes(12)),
        (135, bytes.fromhex("06000000") + bytes(4)),
        (139, bytes.fromhex("06000000") + bytes(4)),
        (140, bytes.fromhex("06000000") + bytes(4)),
    ],
)
def test_each_ipv6_extension_header_is_stepped_over(kind, header):
    row = one(v6(header + tcp6(), kind))
    assert (row["family"], row["dst_port"], row["marks"], row["length"]) == (6, 443, 0, 0)


def test_extension_headers_in_a_row_are_stepped_over_up_to_a_bound():
    more = bytes.fromhex("3c00010400000000")
    last = bytes.fromhex("0600010400000000")
    assert one(v6(more * 14 + last + tcp6(), 60))["dst_port"] == 443
    assert decode(v6(more * 40 + last + tcp6(), 60)) == ([], {"malformed": 1})


def test_a_route_not_yet_travelled_hides_the_destination_from_the_checksum():
    route = bytes.fromhex("0602040100000000") + bytes(16)
    assert one(v6(route + tcp6(good=False), 43))["marks"] == 0
    assert one(v6(bytes.fromhex("0602040000000000") + bytes(16) + tcp6(good=False), 43))["marks"] == 1


def test_a_jumbogram_has_the_length_of_its_option():
    payload = tcp6(flags=ACK, payload=bytes(70_000))
    header = struct.pack(">BBBBI", 6, 0, 0xC2, 4, 8 + len(payload))
    packet = ipv6(header + payload, 0, length=0)
    assert one(ethernet(packet, 0x86DD))["length"] == 70_000
    row = one(ethernet(packet, 0x86DD)[:200])
    assert (row["length"], row["marks"]) == (70_000, 4)


def test_ipv4_authentication_headers_are_stepped_over():
    assert one(ethernet(ipv4(bytes.fromhex("06040000") + bytes(20) + tcp(), 51)))["seq"] == 0xFFFFFFF0


@pytest.mark.parametrize("protocol", [2, 17, 50, 59, 88, 89, 103, 132, 255])
def test_what_carries_no_tcp_is_understood(protocol):
    assert decode(ethernet(ipv4(udp(bytes(40), 53), protocol))) == ([], {"not_tcp": 1})
    assert decode(v6(udp(bytes(40), 53), protocol)) == ([], {"not_tcp": 1})


@pytest.mark.parametrize("kind", [3, 4, 5, 11, 12])
@pytest.mark.parametrize("kept", [8, 12, 14, 20, 24])
def test_an_icmp_error_that_quotes_a_segment_makes_a_row(kind, kept):
    quoted = ipv4(tcp(SYN, bytes.fromhex("020405b4")))
    error = struct.pack(">BBHI", kind, 13, 0, 0) + quoted[: 20 + kept]
    rows, seen = decode(ethernet(ipv4(error, 1, ROUTER4, A4)))
    assert seen == {"not_tcp": 1}
    row = rows[0]
    expected = {
        "kind": 2, "family": 4, "src_low": int.from_bytes(A4), "dst_low": int.from_bytes(B4), "src_port": 49152,
        "dst_port": 443, "seq": 0xFFFFFFF0, "icmp_type": kind, "icmp_code": 13, "reporter_high": 0,
        "reporter_low": int.from_bytes(ROUTER4),
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["flags"] == (SYN if kept >= 14 else 0)
    assert (row["length"], row["marks"]) == (0, 0)


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_an_icmpv6_error_that_quotes_a_segment_makes_a_row(kind):
    error = struct.pack(">BBHI", kind, 4, 0, 0) + ipv6(bytes.fromhex("0600010400000000") + tcp6(), 60)
    rows, seen = decode(ethernet(ipv6(error, 58, ROUTER6, A6), 0x86DD))
    assert seen == {"not_tcp": 1}
    high = 0x20010DB8 << 32
    expected = {
        "kind": 2, "family": 6, "src_high": high, "src_low": 1, "dst_high": high, "dst_low": 2, "src_port": 49152,
        "dst_port": 443, "seq": 0xFFFFFFF0, "icmp_type": kind, "icmp_code": 4, "reporter_high": high,
        "reporter_low": 0x99,
    }  # fmt: skip
    assert {name: rows[0][name] for name in expected} == expected


@pytest.mark.parametrize(
    "error",
    [
        struct.pack(">BBHI", 8, 0, 0, 0) + ipv4(tcp()),
        struct.pack(">BBHI", 0, 0, 0, 0) + ipv4(tcp()),
        struct.pack(">BBHI", 3, 3, 0, 0) + ipv4(udp(b"", 53), 17),
        struct.pack(">BBHI", 3, 3, 0, 0) + ipv4(tcp())[:27],
        struct.pack(">BBHI", 3, 3, 0, 0) + ipv4(tcp(), fragment=5),
        struct.pack(">BBHI", 3, 3, 0, 0)[:7],
    ],
)
def test_any_other_icmp_carries_no_tcp(error):
    assert decode(ethernet(ipv4(error, 1))) == ([], {"not_tcp": 1})


def test_a_home_address_is_the_source_that_the_checksum_counts():
    options = bytes.fromhex("0602" + "0100" + "0000" + "c910") + bytes(16)
    assert one(v6(options + tcp6(good=False), 60))["marks"] == 0
    padding = bytes.fromhex("0600010400000000")
    assert one(v6(padding + tcp6(good=False), 60))["marks"] == 1


def test_a_router_that_is_told_apart_from_the_quoted_sender_even_in_a_tunnel():
    error = ipv4(struct.pack(">BBHI", 3, 1, 0, 0) + ipv4(tcp(src=B4, dst=A4), src=B4, dst=A4), 1, ROUTER4, B4)
    rows, seen = decode(ethernet(ipv4(error, 4)))
    assert seen == {"not_tcp": 1}
    assert rows[0]["reporter_low"] == int.from_bytes(ROUTER4)
    assert rows[0]["src_low"] == int.from_bytes(B4)


def test_the_icmp_fields_of_a_segment_are_empty():
    error = struct.pack(">BBHI", 3, 13, 0, 0) + ipv4(tcp())
    rows, seen = decode(ethernet(ipv4(error, 1, ROUTER4, A4)), ethernet(ipv4(tcp())))
    assert seen == {"tcp": 1, "not_tcp": 1}
    assert [rows[1][name] for name in ("icmp_type", "icmp_code", "reporter_high", "reporter_low")] == [0, 0, 0, 0]


def test_the_checksums_made_here_are_those_of_the_standard():
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
