"""IP fragments: the frame that completes a datagram is counted by what the datagram is."""

import random
import struct
import tracemalloc

import pytest

from frames_by_hand import ACK, batch, decode, ethernet, ipv4, ipv6, rows_of, tcp, tcp6, udp
from handshake_inspect.decode import Decoder, fragments
from handshake_inspect.decode.fragments import DATAGRAMS_MOST, PIECES_MOST, STORED_BYTES_MOST, Fragments

SECOND = 1_000_000_000
WHOLE4 = tcp(ACK, payload=bytes(range(200)))
WHOLE6 = tcp6(flags=ACK, payload=bytes(range(200)))


def parts4(payload, size, ip_id=7, protocol=6):
    """Cut `payload` into IPv4 packets of `size` bytes each."""
    return [
        ipv4(
            payload[at : at + size],
            protocol,
            fragment=at // 8 | (0x2000 if at + size < len(payload) else 0),
            ip_id=ip_id,
        )
        for at in range(0, len(payload), size)
    ]


def parts6(payload, size, number=9, before=b"", first=44):
    """Cut `payload` into IPv6 packets of `size` bytes each, behind the extension headers `before`."""
    return [
        ipv6(
            before + struct.pack(">BBHI", 6, 0, at | (at + size < len(payload)), number) + payload[at : at + size],
            first,
        )
        for at in range(0, len(payload), size)
    ]


def frames(parts):
    return [ethernet(part, 0x86DD if part[0] >> 4 == 6 else 0x0800) for part in parts]


@pytest.mark.parametrize("parts", [parts4(WHOLE4, 8), parts4(WHOLE4, 104), parts6(WHOLE6, 16), parts6(WHOLE6, 104)])
@pytest.mark.parametrize("order", ["sent", "reversed", "mixed"])
def test_fragments_in_any_order_make_one_segment_at_the_frame_that_completes_it(parts, order):
    some = frames(parts)
    if order != "sent":
        some.reverse()
    if order == "mixed":
        random.Random(1).shuffle(some)
    rows, seen = decode(*some)
    assert seen == {"fragment": len(some) - 1, "tcp": 1}
    row = rows[0]
    assert (row["frame"], row["time_ns"]) == (len(some), len(some) - 1)
    assert (row["src_port"], row["dst_port"], row["length"], row["flags"], row["marks"]) == (49152, 443, 200, ACK, 0)
    assert row["ip_id"] == (7 if row["family"] == 4 else 0)


def test_rows_before_and_after_a_fragment_keep_their_order():
    first, second = frames(parts4(WHOLE4, 104))[:2]
    third = frames(parts4(WHOLE4, 104))[2]
    plain = ethernet(ipv4(tcp(sport=1)))
    rows, seen = decode(plain, first, plain, second, third, plain)
    assert seen == {"tcp": 4, "fragment": 2}
    assert [row["frame"] for row in rows] == [1, 3, 5, 6]


def test_extension_headers_before_the_fragment_header_stay():
    before = bytes.fromhex("2c00010400000000")
    assert decode(*frames(parts6(WHOLE6, 104, before=before, first=60)))[1] == {"fragment": 2, "tcp": 1}
    twice = bytes.fromhex("3c00010400000000") + before
    assert decode(*frames(parts6(WHOLE6, 104, before=twice, first=0)))[1] == {"fragment": 2, "tcp": 1}


def test_a_copy_of_each_fragment_is_harmless():
    some = frames(parts4(WHOLE4, 104))
    assert decode(some[0], some[0], some[1], some[1], some[2])[1] == {"fragment": 4, "tcp": 1}


def test_of_bytes_that_come_twice_the_first_are_kept():
    first = ipv4(WHOLE4[:104], fragment=0x2000)
    forged = ipv4(b"\xff" * 112, fragment=0x2000)
    last = ipv4(WHOLE4[104:], fragment=13)
    store = Fragments()
    assert store.add(first, 0, True, 0) is None
    assert store.add(forged, 0, True, 0) is None
    whole = store.add(last, 0, True, 0)
    assert whole[20:124] == WHOLE4[:104]
    assert whole[124:132] == b"\xff" * 8
    assert whole[132:] == WHOLE4[112:]


def test_a_datagram_that_carries_no_tcp_is_counted_as_that():
    assert decode(*frames(parts4(udp(bytes(300), 53), 104, protocol=17)))[1] == {"fragment": 2, "not_tcp": 1}


def test_a_tunnel_in_fragments_and_fragments_in_a_tunnel():
    inner = ipv4(WHOLE4)
    assert decode(*frames(parts4(inner, 64, protocol=4)))[1] == {"fragment": 3, "tcp": 1}
    assert decode(*frames([ipv4(part, 4) for part in parts4(WHOLE4, 64)]))[1] == {"fragment": 3, "tcp": 1}
    twice = [piece for number, part in enumerate(parts4(WHOLE4, 104)) for piece in parts4(part, 64, 50 + number, 4)]
    rows, seen = decode(*frames(twice))
    assert (seen["tcp"], rows[0]["length"]) == (1, 200)
    assert seen["fragment"] == len(twice) - 1


def test_datagrams_of_other_addresses_protocols_and_numbers_are_kept_apart():
    one, two = parts4(WHOLE4, 112, ip_id=1), parts4(WHOLE4, 112, ip_id=2)
    assert decode(*frames([one[0], two[1]]))[1] == {"fragment": 2}
    assert decode(*frames([one[0], two[1], one[1], two[0]]))[1] == {"fragment": 2, "tcp": 2}
    other = parts4(WHOLE4, 112, ip_id=1, protocol=17)
    assert decode(*frames([one[0], other[1]]))[1] == {"fragment": 2}
    six, seven = parts6(WHOLE6, 112, 6), parts6(WHOLE6, 112, 7)
    assert decode(*frames([six[0], seven[1]]))[1] == {"fragment": 2}


def test_fragments_are_remembered_across_batches_and_decoders():
    some = frames(parts4(WHOLE4, 112))
    first = Decoder()
    assert first.decode(batch(some[:1])) == 0
    second = Decoder(first.fragments)
    assert second.decode(batch(some[1:])) == 1
    assert rows_of(second, 1)[0]["length"] == 200


def test_a_fragment_that_was_cut_leaves_a_hole():
    some = frames(parts4(WHOLE4, 112))
    for first, second in ((1, 0), (8, 0), (0, 1), (0, 8)):
        cut = [some[0][: len(some[0]) - first], some[1][: len(some[1]) - second]]
        decoder = Decoder()
        assert decoder.decode(batch(cut, wire=[len(frame) for frame in some])) == 0
        assert list(decoder.counters) == [0, 0, 2, 0, 0, 0]


def test_a_datagram_that_takes_a_minute_is_given_up():
    some = frames(parts4(WHOLE4, 112))
    for wait, rows in ((60 * SECOND, 1), (60 * SECOND + 1, 0)):
        assert Decoder().decode(batch(some, time_ns=[0, wait])) == rows


@pytest.mark.parametrize(
    "packet",
    [
        ipv4(b"", fragment=0x2000),
        ipv4(bytes(12), fragment=0x2000),
        ipv4(bytes(64), fragment=0x1FFF),
        ipv4(bytes(16), fragment=0x3FFF),
    ],
)
def test_a_fragment_that_cannot_be_is_forgotten(packet):
    store = Fragments()
    assert store.add(packet, 0, True, 0) is None
    assert not store._datagrams


def test_the_store_is_bounded_in_datagrams_bytes_and_pieces():
    store = Fragments()
    for number in range(DATAGRAMS_MOST + 100):
        store.add(ipv4(bytes(8), fragment=0x2000, src=number.to_bytes(4)), 0, True, number)
    assert len(store._datagrams) == DATAGRAMS_MOST
    store = Fragments()
    for number in range(1000):
        store.add(ipv4(bytes(65_000), fragment=0x2000, src=number.to_bytes(4)), 0, True, number)
    assert store._bytes <= STORED_BYTES_MOST + 65_000
    assert store._bytes == sum(datagram.size for datagram in store._datagrams.values())
    store = Fragments()
    for number in range(PIECES_MOST + 1):
        store.add(ipv4(bytes(8), fragment=0x2000 | number * 2), 0, True, 0)
    assert not store._datagrams
    assert store._bytes == 0


def test_fragments_of_eight_bytes_take_no_more_memory_than_the_bound(monkeypatch):
    """Each costs Python some three hundred bytes, which are counted."""
    monkeypatch.setattr(fragments, "STORED_BYTES_MOST", 1 << 20)
    store = Fragments()
    tracemalloc.start()
    for number in range(12_000):
        datagram, piece = divmod(number, 600)
        store.add(ipv4(bytes(8), fragment=0x2000 | 2 * piece, ip_id=datagram), 0, True, 0)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert 500_000 < held < 1 << 20
    assert store._bytes <= 1 << 20


def test_a_fragment_between_a_thousand_holes_finds_its_own():
    """Only the holes that it touches are looked at, however many there are."""
    datagram = fragments._Datagram(0)
    for piece in range(1_000):
        datagram.add(16 * piece, bytes(8), False)
    assert len(datagram.holes) == 1_000
    looked_at = []

    class Counted(list):
        def __getitem__(self, place):
            looked_at.append(place)
            return super().__getitem__(place)

    datagram.holes = Counted(datagram.holes)
    datagram.add(8_008, bytes(8), False)
    assert len(datagram.holes) == 999
    assert len(looked_at) < 30


def test_an_atomic_fragment_is_a_whole_datagram():
    atomic = ipv6(struct.pack(">BBHI", 6, 0, 0, 1) + tcp6(), 44)
    assert decode(ethernet(atomic, 0x86DD))[1] == {"tcp": 1}
