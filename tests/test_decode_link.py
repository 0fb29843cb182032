"""What a frame begins with: one sample for each row of LINK_TYPES and of ETHERTYPES."""

import struct

import pytest

from frames_by_hand import ACK, batch, decode, ethernet, ipv4, ipv6, rows_of, tcp, tcp6
from handshake_inspect.decode import ETHERTYPES, LINK_TYPES, Decoder

PACKET4, PACKET6 = ipv4(tcp()), ipv6(tcp6())
SNAP = bytes.fromhex("aaaa03000000")
IP4_SNAP = SNAP + b"\x08\x00" + PACKET4
DATA_80211 = bytes.fromhex("08020000") + bytes(range(18)) + b"\0\0"
RADIOTAP = bytes.fromhex("0000080000000000")
ODD_SLL = struct.pack(">HHHQH", 0, 1, 6, 0, 0x86DD)

LINK_SAMPLES = {
    0: [b"\2\0\0\0" + PACKET4, b"\0\0\0\2" + PACKET4]
    + [bytes((family, 0, 0, 0)) + PACKET6 for family in (10, 23, 24, 28, 30)]
    + [bytes((0, 0, 0, family)) + PACKET6 for family in (10, 23, 24, 28, 30)],
    1: [ethernet(PACKET4), ethernet(PACKET6, 0x86DD), ethernet(IP4_SNAP, len(IP4_SNAP)),
        ethernet(b"\6\6\3" + PACKET4, 43)],
    6: [b"\x10\x40" + bytes(6) + b"\2" + bytes(5) + IP4_SNAP,
        b"\x10\x40" + bytes(6) + b"\x82" + bytes(5) + b"\6\0abcd" + IP4_SNAP],
    9: [
        b"\xff\3\0\x21" + PACKET4, b"\0\x21" + PACKET4, b"\x21" + PACKET4, b"\xff\3\x21" + PACKET4, b"\0\x57" + PACKET6,
        b"\x0f\0\x08\0" + PACKET4, b"\xff\3\2\x81" + b"\0\1\1\x40" + PACKET4,
    ],
    10: [b"\x50" + bytes(12) + IP4_SNAP, b"\x57" + bytes(12) + IP4_SNAP],
    12: [PACKET4, PACKET6],
    14: [PACKET4, PACKET6],
    50: [b"\xff\3\0\x21" + PACKET4, b"\x8f\0\x86\xdd" + PACKET6],
    51: [struct.pack(">BBHH", 0x11, 0, 9, 2 + len(PACKET4)) + b"\0\x21" + PACKET4],
    100: [IP4_SNAP, bytes.fromhex("aaaa030080c200070000") + ethernet(PACKET4)],
    101: [PACKET4, PACKET6],
    104: [b"\x0f\0\x08\0" + PACKET4, b"\x8f\0\x86\xdd" + PACKET6, b"\x0f\0\x88\x47" + b"\0\1\1\x40" + PACKET4],
    105: [DATA_80211 + IP4_SNAP],
    107: [
        b"\x18\x41\3\xcc" + PACKET4, b"\x18\x41\3\x8e" + PACKET6, b"\x18\x41\3\0\x80\0\0\0\x08\0" + PACKET4,
        b"\x18\x41\3\x80\0\0\0\x08\0" + PACKET4, b"\x18\x41\x08\0" + PACKET4,
    ],
    108: [b"\0\0\0\2" + PACKET4, b"\0\0\0\x18" + PACKET6, b"\x18\0\0\0" + PACKET6],
    109: [bytes(12) + PACKET4, bytes(12) + PACKET6],
    113: [
        struct.pack(">HHHQH", 0, 1, 6, 0, 0x0800) + PACKET4, ODD_SLL + PACKET6,
        struct.pack(">HHHQH", 0, 1, 6, 0, 0x8100) + b"\0\5\x08\0" + PACKET4,
        struct.pack(">HHHQH", 0, 1, 6, 0, 4) + IP4_SNAP, struct.pack(">HHHQH", 0, 778, 4, 0, 0x0800) + PACKET4,
    ],
    117: [b"\x3d\2" + bytes(62) + PACKET4, b"\x64\x18" + bytes(98) + PACKET6],
    119: [bytes(144) + DATA_80211 + IP4_SNAP],
    122: [bytes(16) + IP4_SNAP],
    127: [RADIOTAP + DATA_80211 + IP4_SNAP],
    129: [b"\1\2\0\0\xf0" + PACKET4.ljust(100, b"\0"), b"\1\2\0\0\xd4\0\0\1" + PACKET4],
    138: [bytes(16) + b"\x08\0" + PACKET4],
    163: [struct.pack(">II", 0x80211001, 64) + bytes(56) + DATA_80211 + IP4_SNAP],
    166: [b"\0\0\x21" + PACKET4, b"\1\xff\3\0\x21" + PACKET4],
    192: [struct.pack("<BBHI", 0, 0, 8, 105) + DATA_80211 + IP4_SNAP],
    204: [b"\1\xff\3\0\x21" + PACKET4],
    205: [b"\1\x0f\0\x08\0" + PACKET4],
    226: [bytes(24) + PACKET4],
    228: [PACKET4],
    229: [PACKET6],
    239: [b"\2\0\0\0" + struct.pack("<HHI", 8, 1, 0) + struct.pack("<HH", 5, 3) + b"\0\0\0\0"
          + struct.pack("<HH", 4 + len(PACKET4), 9) + PACKET4,
          b"\x0a\0\0\0" + struct.pack("<HH", 4 + len(PACKET6), 9) + PACKET6],
    258: [
        struct.pack("<III", 108, 1, link).ljust(108, b"\0") + frame
        for link, frame in (
            (1, ethernet(PACKET4)), (0, b"\x1e\0\0\0" + PACKET6), (12, PACKET4), (105, DATA_80211 + IP4_SNAP),
        )
    ],
    274: [b"\x55" * 7 + b"\xd5" + ethernet(PACKET4)],
    276: [struct.pack(">HHIHBBQ", 0x0800, 0, 2, 1, 0, 6, 0) + PACKET4,
          struct.pack(">HHIHBBQ", 0x86DD, 0, 2, 1, 0, 6, 0) + PACKET6],
    284: [ethernet(PACKET4)[:12] + b"\xc0\0\0\0" + b"\x08\0" + PACKET4],
    285: [ethernet(b"\0\0\xc0\0\0\0\x08\0" + PACKET4, 0xDADA), ethernet(PACKET4)],
}  # fmt: skip

INNER = ethernet(PACKET4)
ETHERTYPE_SAMPLES = {
    0x0800: PACKET4,
    0x22F3: bytes(6) + INNER,
    0x6558: INNER,
    0x8100: b"\0\5\x08\0" + PACKET4,
    0x86DD: PACKET6,
    0x880B: b"\0\x21" + PACKET4,
    0x8847: b"\0\1\0\x40" + b"\0\2\1\x40" + PACKET4,
    0x8848: b"\0\1\1\x40" + PACKET6,
    0x8864: struct.pack(">BBHH", 0x11, 0, 9, 2 + len(PACKET4)) + b"\0\x21" + PACKET4,
    0x88A8: b"\0\5\x81\0" + b"\0\6\x08\0" + PACKET4,
    0x88E7: bytes(4) + INNER,
    0x8903: bytes(2) + INNER,
    0x8909: bytes(6) + b"\x08\0" + PACKET4,
    0x8926: bytes(4) + b"\x08\0" + PACKET4,
    0x893F: bytes(6) + b"\x08\0" + PACKET4,
    0x894F: struct.pack(">HBBI", 0x0FC2, 1, 1, 5) + PACKET4,
    0x9100: b"\0\5\x08\0" + PACKET4,
    0x9200: b"\0\5\x08\0" + PACKET4,
}


def whole(rows, seen, count=1):
    """Whether the samples' one segment came out, unharmed."""
    assert seen == {"tcp": count}
    for row in rows:
        assert (row["src_port"], row["dst_port"], row["seq"], row["flags"], row["length"]) == (
            49152,
            443,
            0xFFFFFFF0,
            2,
            0,
        )
        if row["family"] == 4:
            assert (row["src_high"], row["src_low"], row["dst_high"], row["dst_low"]) == (0, 0xC0000201, 0, 0xC6336402)
        else:
            high = 0x20010DB8 << 32
            assert (row["src_high"], row["src_low"], row["dst_high"], row["dst_low"]) == (high, 1, high, 2)
        assert row["marks"] == 0
    return True


@pytest.mark.parametrize("link", LINK_TYPES, ids=lambda link: f"{link.number}-{link.name}")
def test_every_link_type_leads_to_its_segment_or_is_named_as_unsupported(link):
    if link.first is not None:
        samples = LINK_SAMPLES[link.number]
        assert whole(*decode(*samples, link_type=link.number), count=len(samples))
        return
    decoder = Decoder()
    assert decoder.decode(batch([PACKET4] * 3, link.number)) == 0
    assert decoder.unsupported == {f"link type {link.number} ({link.name})": 3}
    assert list(decoder.counters) == [0, 0, 0, 0, 0, 3]


@pytest.mark.parametrize("ether", ETHERTYPES, ids=lambda ether: f"{ether.number:04x}")
def test_every_ethertype_leads_to_its_segment_or_carries_no_tcp(ether):
    if ether.next is None:
        assert decode(ethernet(PACKET4, ether.number)) == ([], {"not_tcp": 1})
    else:
        assert whole(*decode(ethernet(ETHERTYPE_SAMPLES[ether.number], ether.number)))


def test_no_number_stands_twice_in_a_table():
    for table in (LINK_TYPES, ETHERTYPES):
        assert len({row.number for row in table}) == len(table)


def test_what_nobody_knows_is_counted_under_its_name():
    decoder = Decoder()
    decoder.decode(batch([ethernet(b"", 0x88F7), ethernet(b"", 0x88F7), ethernet(b"", 0x1234)]))
    decoder.decode(batch([b"\x63\0\0\0" + PACKET4], 0))
    decoder.decode(batch([b"\xff\3\0\x2d" + PACKET4], 9))
    decoder.decode(batch([PACKET4], 8224))
    assert decoder.unsupported == {
        "EtherType 0x88f7": 2, "EtherType 0x1234": 1, "address family 99": 1, "PPP protocol 0x002d": 1,
        "link type 8224": 1,
    }  # fmt: skip
    decoder.reset()
    assert (decoder.unsupported, list(decoder.counters)) == ({}, [0] * 6)


def test_more_kinds_of_unsupported_frames_than_are_kept_apart_lose_their_names_but_not_their_count():
    decoder = Decoder()
    decoder.decode(batch([ethernet(b"", 0xA000 + number) for number in range(100)]))
    assert decoder.unsupported["others"] == 37
    assert sum(decoder.unsupported.values()) == decoder.counters[5] == 100


def test_tags_may_be_many_but_not_endless():
    tag = b"\0\5\x81\0"
    assert whole(*decode(ethernet(tag * 30 + b"\0\5\x08\0" + PACKET4, 0x8100)))
    assert decode(ethernet(tag * 100 + b"\0\5\x08\0" + PACKET4, 0x8100)) == ([], {"unsupported": 1})


def test_ethernet_padding_is_no_payload():
    rows, seen = decode(ethernet(ipv4(tcp(ACK))).ljust(60, b"\xee"))
    assert (seen, rows[0]["length"], rows[0]["marks"]) == ({"tcp": 1}, 0, 0)
    framed = len(IP4_SNAP)
    assert decode(ethernet(IP4_SNAP, framed) + b"\xee" * 9)[0][0]["length"] == 0
    uncounted = SNAP + b"\x08\0" + ipv4(tcp(ACK, payload=b"12345"), total=0)
    assert decode(ethernet(uncounted, len(uncounted)) + b"\xee" * 9)[0][0]["length"] == 5
    session = struct.pack(">BBHH", 0x11, 0, 9, 2 + 45) + b"\0\x21" + ipv4(tcp(ACK, payload=b"12345"), total=0)
    assert decode(ethernet(session, 0x8864) + b"\xee" * 9)[0][0]["length"] == 5


def test_a_802_3_frame_of_another_service_carries_no_tcp():
    assert decode(ethernet(bytes.fromhex("424203") + bytes(40), 43)) == ([], {"not_tcp": 1})


def test_a_frame_says_where_it_stood():
    some = batch([ethernet(b"", 0x0806), ethernet(PACKET4), b"", ethernet(PACKET6, 0x86DD)], time_ns=[5, 6, 7, 8])
    some.first_frame, some.capture = 1001, 3
    decoder = Decoder()
    rows = rows_of(decoder, decoder.decode(some))
    assert [(row["frame"], row["time_ns"], row["family"]) for row in rows] == [
        (3 << 40 | 1002, 6, 4),
        (3 << 40 | 1004, 8, 6),
    ]


def test_a_frame_outside_its_buffer_is_malformed():
    some = batch([ethernet(PACKET4)])
    some.buffer = some.buffer[:-1]
    decoder = Decoder()
    assert decoder.decode(some) == 0
    assert list(decoder.counters) == [0, 0, 0, 0, 1, 0]


def test_an_empty_batch_makes_no_rows():
    decoder = Decoder()
    assert decoder.decode(batch([])) == 0
    assert decoder.decode(batch([b""])) == 0
    assert list(decoder.counters) == [0, 0, 0, 0, 1, 0]
