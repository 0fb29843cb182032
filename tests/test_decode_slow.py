"""The slow path: scapy says where IP begins, the compiled walk reads the segment, and no failure escapes."""

import struct
import subprocess
import sys

import pytest

from frames_by_hand import ACK, FIN, batch, decode, ethernet, ipv4, rows_of, tcp, udp
from handshake_inspect.decode import LINK_TYPES, Decoder, slow

PACKET = ipv4(tcp())
SNAP = bytes.fromhex("aaaa030000000800")
DATA = bytes.fromhex("08020000") + bytes(range(18)) + b"\0\0"
QOS = bytes.fromhex("88020000") + bytes(range(18)) + b"\0\0" + b"\0\0"
BEACON = bytes.fromhex("80000000") + bytes(range(18)) + b"\0\0" + bytes(12) + b"\0\4name"
L2TP = struct.pack(">HHH", 0x0002, 5, 6)


@pytest.mark.parametrize("header", [DATA, QOS])
def test_the_data_of_a_wireless_frame_is_found(header):
    rows, seen = decode(header + SNAP + PACKET, link_type=105)
    assert (seen, rows[0]["dst_port"], rows[0]["marks"], rows[0]["frame"]) == ({"tcp": 1}, 443, 0, 1)


def test_a_long_payload_does_not_reach_scapy_and_is_whole(monkeypatch):
    given = []
    dissector = slow._dissector(1, 105)

    def watched(data):
        given.append(len(data))
        return dissector(data)

    monkeypatch.setattr(slow, "_dissector", lambda kind, number: watched)
    rows, seen = decode(DATA + SNAP + ipv4(tcp(FIN, payload=bytes(60_000))), link_type=105)
    assert (seen, rows[0]["length"], rows[0]["marks"], given) == ({"tcp": 1}, 60_000, 0, [512])


def test_a_check_sequence_behind_the_packet_is_no_payload():
    radiotap = struct.pack("<BBHIBx", 0, 0, 10, 2, 0x10)
    rows, seen = decode(radiotap + DATA + SNAP + PACKET + b"\1\2\3\4", link_type=127)
    assert (seen, rows[0]["length"], rows[0]["marks"]) == ({"tcp": 1}, 0, 0)


def test_a_wireless_frame_without_data_carries_no_tcp():
    assert decode(BEACON, link_type=105) == ([], {"not_tcp": 1})


def test_a_wireless_frame_that_was_cut_before_ip_is_truncated():
    whole = DATA + SNAP + PACKET
    assert decode(whole[:28], link_type=105, wire=len(whole)) == ([], {"truncated": 1})


def test_a_wireless_frame_that_was_cut_in_the_payload_keeps_its_length():
    whole = DATA + SNAP + ipv4(tcp(ACK, payload=bytes(400)))
    rows, seen = decode(whole[:-300], link_type=105, wire=len(whole))
    assert (seen, rows[0]["length"], rows[0]["marks"]) == ({"tcp": 1}, 400, 4)


def test_an_access_points_wireless_frames_are_found_in_gre():
    packet = ipv4(struct.pack(">HH", 0, 0x8200) + QOS + SNAP + PACKET, 47)
    assert decode(ethernet(packet))[1] == {"tcp": 1}


def test_a_packet_is_found_in_l2tp():
    for body in (b"\xff\3\0\x21" + PACKET, b"\0\x21" + PACKET):
        assert decode(ethernet(ipv4(udp(L2TP + body, 1701), 17)))[1] == {"tcp": 1}
    assert decode(ethernet(ipv4(udp(b"\xc8\2" + bytes(30), 1701), 17)))[1] == {"not_tcp": 1}


def test_a_tunnel_behind_the_slow_path_is_followed():
    rows, seen = decode(DATA + SNAP + ipv4(PACKET, 4), link_type=105)
    assert (seen, rows[0]["src_low"]) == ({"tcp": 1}, 0xC0000201)


def test_rows_stand_in_frame_order_whichever_path_they_took():
    decoder = Decoder()
    some = batch([DATA + SNAP + PACKET, BEACON, DATA + SNAP + PACKET], 105)
    assert [row["frame"] for row in rows_of(decoder, decoder.decode(some))] == [1, 3]
    assert list(decoder.counters) == [2, 1, 0, 0, 0, 0]


def test_a_dissector_that_fails_ends_no_run(monkeypatch):
    class Broken:
        def __init__(self, data):
            raise RuntimeError("not today")

    monkeypatch.setattr(slow, "_dissector", lambda kind, number: Broken)
    decoder = Decoder()
    assert decoder.decode(batch([DATA + SNAP + PACKET], 105)) == 0
    assert decoder.unsupported == {"link type 105 (IEEE802_11)": 1}


def test_a_dissector_that_scapy_lacks_is_unsupported_by_name(monkeypatch):
    monkeypatch.setitem(slow.DISSECTORS, (1, 105), ("scapy.layers.absent", "Absent"))
    slow._dissector.cache_clear()
    decoder = Decoder()
    assert decoder.decode(batch([DATA + SNAP + PACKET], 105)) == 0
    assert decoder.unsupported == {"link type 105 (IEEE802_11)": 1}
    slow._dissector.cache_clear()


def test_every_link_type_that_is_called_slow_has_a_dissector():
    assert {row.number for row in LINK_TYPES if row.first == "slow"} == {
        number for kind, number in slow.DISSECTORS if kind == 1
    }


def test_scapy_is_not_imported_before_it_is_needed():
    program = "import sys, handshake_inspect.decode as d; d.Decoder(); print([m for m in sys.modules if 'scapy' in m])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_scapy_prints_nothing_and_leaves_its_settings_as_they_were():
    program = (
        "from scapy.config import conf; before = conf.route_autoload\n"
        "from handshake_inspect.decode import slow\n"
        f"print(slow.find_ip(1, 105, {DATA + SNAP + PACKET!r}) == {PACKET!r}, conf.route_autoload == before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True True\n", "")
