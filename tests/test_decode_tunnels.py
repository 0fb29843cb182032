"""Tunnels: one sample for each, down to the innermost segment; and ports that only look like a tunnel's."""

import struct

import pytest

from frames_by_hand import A4, A6, ACK, B4, B6, decode, ethernet, ipv4, ipv6, tcp, tcp6, udp

OUTER4 = {"src": bytes((10, 0, 0, 1)), "dst": bytes((10, 0, 0, 2))}
OUTER6 = {"src": bytes(15) + b"\1", "dst": bytes(15) + b"\2"}
PACKET4, PACKET6 = ipv4(tcp()), ipv6(tcp6())
FRAME4, FRAME6 = ethernet(PACKET4), ethernet(PACKET6, 0x86DD)
LABEL = b"\0\1\1\x40"


def gre(flags, kind, body):
    return ipv4(struct.pack(">HH", flags, kind) + body, 47, **OUTER4)


def over_udp(port, body, **ports):
    return ipv4(udp(body, port, **ports), 17, **OUTER4)


VXLAN = bytes.fromhex("0800000000000100")
TEREDO_ORIGIN = bytes.fromhex("0000aabbc0000201")
TEREDO_AUTHENTICATION = bytes.fromhex("00010203") + b"id" + b"key" + bytes(9)
SAMPLES = {
    "ipip": ipv4(PACKET4, 4, **OUTER4),
    "6in4": ipv4(PACKET6, 41, **OUTER4),
    "4in6": ipv6(PACKET4, 4, **OUTER6),
    "6in6": ipv6(PACKET6, 41, **OUTER6),
    "ipip four deep": ipv4(ipv4(ipv4(ipv4(PACKET4, 4), 4), 4), 4),
    "etherip": ipv4(b"\x30\0" + FRAME4, 97, **OUTER4),
    "mpls in ip": ipv4(LABEL + PACKET4, 137, **OUTER4),
    "gre": gre(0, 0x0800, PACKET4),
    "gre ipv6": gre(0, 0x86DD, PACKET6),
    "gre over ipv6": ipv6(struct.pack(">HH", 0, 0x0800) + PACKET4, 47, **OUTER6),
    "gre checksum": gre(0x8000, 0x0800, bytes(4) + PACKET4),
    "gre key": gre(0x2000, 0x0800, bytes(4) + PACKET4),
    "gre sequence": gre(0x1000, 0x0800, bytes(4) + PACKET4),
    "gre all": gre(0xB000, 0x0800, bytes(12) + PACKET4),
    "gre ethernet": gre(0x2000, 0x6558, bytes(4) + FRAME4),
    "gre mpls": gre(0, 0x8847, LABEL + PACKET6),
    "gre ppp": gre(0, 0x880B, b"\xff\3\0\x21" + PACKET4),
    "gre wccp 1": gre(0, 0x883E, PACKET4),
    "gre wccp 2": gre(0, 0x883E, b"\0\0\0\0" + PACKET4),
    "erspan 1": gre(0, 0x88BE, FRAME4),
    "erspan 2": gre(0x1000, 0x88BE, bytes(4) + bytes.fromhex("1001000100000000") + FRAME4),
    "erspan 3": gre(0x1000, 0x22EB, bytes(4) + bytes.fromhex("20010001") + bytes(8) + FRAME4),
    "erspan 3 platform": gre(
        0x1000, 0x22EB, bytes(4) + bytes.fromhex("20010001") + bytes(7) + b"\1" + bytes(8) + FRAME4
    ),
    "pptp": gre(0x3001, 0x880B, struct.pack(">HHI", len(PACKET4) + 4, 9, 1) + b"\xff\3\0\x21" + PACKET4),
    "pptp acknowledged": gre(0x3081, 0x880B, struct.pack(">HHII", len(PACKET4) + 1, 9, 1, 0) + b"\x21" + PACKET4),
    "vxlan": over_udp(4789, VXLAN + FRAME4),
    "vxlan ipv6": over_udp(4789, VXLAN + FRAME6),
    "vxlan over ipv6": ipv6(udp(VXLAN + FRAME4, 4789), 17, **OUTER6),
    "vxlan linux": over_udp(8472, VXLAN + FRAME4),
    "vxlan group policy": over_udp(4789, bytes.fromhex("8800001000000101") + FRAME4),
    "vxlan vlan": over_udp(4789, VXLAN + ethernet(b"\0\5\x08\0" + PACKET4, 0x8100)),
    "vxlan gpe ipv4": over_udp(4790, bytes.fromhex("0c00000100000100") + PACKET4),
    "vxlan gpe ipv6": over_udp(4790, bytes.fromhex("0c00000200000100") + PACKET6),
    "vxlan gpe ethernet": over_udp(4790, bytes.fromhex("0c00000300000100") + FRAME4),
    "vxlan gpe nsh": over_udp(4790, bytes.fromhex("0c00000400000100") + bytes.fromhex("0002020100000000") + PACKET4),
    "vxlan gpe mpls": over_udp(4790, bytes.fromhex("0c00000500000100") + LABEL + PACKET4),
    "geneve": over_udp(6081, bytes.fromhex("0000655800000100") + FRAME4),
    "geneve options": over_udp(6081, bytes.fromhex("0240080000000100") + bytes(8) + PACKET4),
    "geneve ipv6": over_udp(6081, bytes.fromhex("000086dd00000100") + PACKET6),
    "gtp": over_udp(2152, struct.pack(">BBHI", 0x30, 255, len(PACKET4), 1) + PACKET4),
    "gtp from its port": over_udp(9, struct.pack(">BBHI", 0x30, 255, len(PACKET4), 1) + PACKET4, sport=2152),
    "gtp sequence": over_udp(2152, struct.pack(">BBHI", 0x32, 255, 4 + len(PACKET4), 1) + b"\0\1\0\x85" + PACKET4),
    "gtp extensions": over_udp(
        2152,
        struct.pack(">BBHI", 0x34, 255, 16 + len(PACKET6), 1)
        + b"\0\1\0\x85" + b"\1\0\0\x85" + b"\2\0\0\0\0\0\0\0" + PACKET6,
    ),
    "teredo": over_udp(3544, PACKET6),
    "teredo from its port": over_udp(9, PACKET6, sport=3544),
    "teredo origin": over_udp(3544, TEREDO_ORIGIN + PACKET6),
    "teredo authentication": over_udp(3544, TEREDO_AUTHENTICATION + TEREDO_ORIGIN + PACKET6),
    "gre in udp": over_udp(4754, struct.pack(">HH", 0, 0x0800) + PACKET4),
    "mpls in udp": over_udp(6635, LABEL + PACKET4),
    "vxlan in gre in ipip": ipv4(gre(0, 0x0800, over_udp(4789, VXLAN + FRAME6)), 4, **OUTER4),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_each_tunnel_leads_to_the_innermost_segment(name):
    rows, seen = decode(ethernet(SAMPLES[name], 0x86DD if SAMPLES[name][0] >> 4 == 6 else 0x0800))
    assert seen == {"tcp": 1}
    row = rows[0]
    addresses = (A4, B4) if row["family"] == 4 else (A6, B6)
    found = [row[end + "_high"] << 64 | row[end + "_low"] for end in ("src", "dst")]
    assert found == [int.from_bytes(address) for address in addresses]
    assert (row["src_port"], row["dst_port"], row["seq"], row["flags"], row["length"]) == (49152, 443, 0xFFFFFFF0, 2, 0)
    assert row["marks"] == 0


LONG = ipv4(tcp(ACK, payload=bytes(500)))


@pytest.mark.parametrize(
    "packet",
    [
        ipv4(LONG, 4),
        gre(0x1000, 0x0800, bytes(4) + LONG),
        over_udp(4789, VXLAN + ethernet(LONG)),
        over_udp(2152, struct.pack(">BBHI", 0x30, 255, len(LONG), 1) + LONG),
        over_udp(6081, bytes.fromhex("0000080000000100") + LONG),
    ],
)
def test_a_segment_that_was_cut_in_its_tunnel_keeps_the_payloads_length(packet):
    frame = ethernet(packet)
    rows, seen = decode(frame[:-480], wire=len(frame))
    assert (seen, rows[0]["length"], rows[0]["marks"]) == ({"tcp": 1}, 500, 4)


@pytest.mark.parametrize(
    "packet",
    [
        over_udp(4789, b"\0" * 8 + FRAME4),
        over_udp(4789, VXLAN + ethernet(bytes(60), 0x9999)),
        over_udp(4789, VXLAN + ethernet(b"\x45" + bytes(60))),
        over_udp(4789, VXLAN + ethernet(ipv4(tcp(), total=1400))),
        over_udp(4789, b"no tunnel at all"),
        over_udp(4789, b""),
        over_udp(4790, bytes.fromhex("0c00000900000100") + PACKET4),
        over_udp(6081, b"\xc0" + bytes(70)),
        over_udp(6081, bytes.fromhex("0000080000000100") + b"plain text, no IP header"),
        over_udp(6081, bytes.fromhex("3f00080000000100") + PACKET4),
        over_udp(2152, struct.pack(">BBHI", 0x30, 1, len(PACKET4), 1) + PACKET4),
        over_udp(2152, struct.pack(">BBHI", 0x30, 255, 900, 1) + PACKET4),
        over_udp(2152, struct.pack(">BBHI", 0x34, 255, 12 + len(PACKET4), 1) + b"\0\1\0\x85" + bytes(8) + PACKET4),
        over_udp(2152, struct.pack(">BBHI", 0x30, 255, 30, 1) + b"x" * 30),
        over_udp(3544, b"x" * 60),
        over_udp(3544, ipv6(tcp6(), length=999)),
        over_udp(4754, b"\xff" * 40),
        over_udp(6635, b"\xff" * 40),
        over_udp(1701, b"\xff" * 40),
        gre(0x2001, 0x880B, bytes(8)),
        gre(0, 0x0001, bytes(8)),
        ipv4(LABEL + b"\x10\0\0\x21" + PACKET4, 137),
    ],
)
def test_a_port_alone_makes_no_tunnel(packet):
    rows, seen = decode(ethernet(packet))
    assert rows == []
    assert seen in ({"not_tcp": 1}, {"malformed": 1})
    if packet[9] == 17:
        assert seen == {"not_tcp": 1}


def test_a_tunnel_in_a_tunnel_in_a_tunnel_ends_somewhere():
    packet = PACKET4
    for _ in range(100):
        packet = ipv4(packet, 4)
    assert decode(ethernet(packet)) == ([], {"unsupported": 1})


def test_a_pseudowire_is_known_by_the_frame_in_it():
    for inner in (FRAME4, b"\0\0\0\0" + FRAME4, b"\0\0\0\0" + FRAME6):
        assert decode(ethernet(LABEL + inner, 0x8847))[1] == {"tcp": 1}
    assert decode(ethernet(LABEL + b"\0\0\0\0" + bytes(60), 0x8847))[1] == {"not_tcp": 1}


def test_a_label_stack_without_a_bottom_is_malformed():
    assert decode(ethernet(b"\0\1\0\x40" * 40, 0x8847))[1] == {"malformed": 1}


def test_a_malformed_segment_in_a_proven_tunnel_is_malformed():
    segment = bytearray(tcp())
    segment[12] = 0
    assert decode(ethernet(over_udp(4789, VXLAN + ethernet(ipv4(bytes(segment))))))[1] == {"malformed": 1}


@pytest.mark.parametrize("name", ["source routes", "version 3"])
def test_gre_that_nobody_sends_is_named(name):
    flags = {"source routes": 0x4000, "version 3": 3}[name]
    assert decode(ethernet(gre(flags, 0x0800, bytes(8) + PACKET4))) == ([], {"unsupported": 1})
