"""Two readers of the same bytes: what scapy builds and reads, the compiled walk reads alike."""

import ipaddress
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames_by_hand import decode

logging.getLogger("scapy").setLevel(logging.CRITICAL)
inet = pytest.importorskip("scapy.layers.inet")
inet6 = pytest.importorskip("scapy.layers.inet6")
l2 = pytest.importorskip("scapy.layers.l2")
vxlan = pytest.importorskip("scapy.layers.vxlan")

OPTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("MSS"), st.integers(0, 65535)),
        st.tuples(st.just("WScale"), st.integers(0, 14)),
        st.tuples(st.just("SAckOK"), st.just(b"")),
        st.tuples(st.just("Timestamp"), st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))),
        st.tuples(st.just("NOP"), st.none()),
        st.tuples(st.just("TFO"), st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))),
    ),
    max_size=6,
    unique_by=lambda option: option[0],
)
ADDRESSES = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)), st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6))
)
# Every address is given: scapy would ask the machine, and the network, for those left out.
OUTER4 = {"src": "192.0.2.1", "dst": "192.0.2.2"}
OUTER6 = {"src": "2001:db8::1", "dst": "2001:db8::2"}
MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
WRAPS = {
    "ethernet": lambda packet: l2.Ether(**MACS) / packet,
    "tags": lambda packet: l2.Ether(**MACS) / l2.Dot1AD(vlan=5) / l2.Dot1Q(vlan=6) / packet,
    "cooked": lambda packet: l2.CookedLinux() / packet,
    "gre": lambda packet: l2.Ether(**MACS) / inet.IP(**OUTER4) / l2.GRE() / packet,
    "vxlan": lambda packet: (
        l2.Ether(**MACS) / inet.IP(**OUTER4) / inet.UDP(dport=4789) / vxlan.VXLAN(vni=9) / l2.Ether(**MACS) / packet
    ),
    "in IPv4": lambda packet: l2.Ether(**MACS) / inet.IP(**OUTER4) / packet,
    "in IPv6": lambda packet: l2.Ether(**MACS) / inet6.IPv6(**OUTER6) / packet,
    "options": lambda packet: l2.Ether(**MACS) / inet6.IPv6(**OUTER6) / inet6.IPv6ExtHdrDestOpt() / packet,
}


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(WRAPS)), ADDRESSES, st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1), st.integers(0, 511), st.integers(0, 65535), OPTIONS, st.binary(max_size=200),
)  # fmt: skip
def test_both_read_the_same(wrap, addresses, sport, dport, seq, ack, flags, window, options, payload):
    source, target = addresses
    ip = inet.IP if source.version == 4 else inet6.IPv6
    segment = inet.TCP(
        sport=sport, dport=dport, seq=seq, ack=ack, flags=flags, window=window, options=options
    ) / payload  # fmt: skip
    built = bytes(WRAPS[wrap](ip(src=str(source), dst=str(target)) / segment))
    rows, seen = decode(built, link_type=113 if wrap == "cooked" else 1)
    assert seen == {"tcp": 1}
    row = rows[0]
    assert row["family"] == source.version
    assert row["src_high"] << 64 | row["src_low"] == int(source)
    assert row["dst_high"] << 64 | row["dst_low"] == int(target)
    assert (row["src_port"], row["dst_port"], row["seq"], row["ack"]) == (sport, dport, seq, ack)
    assert (row["flags"], row["window"], row["length"]) == (flags, window, len(payload))
    read = (l2.CookedLinux if wrap == "cooked" else l2.Ether)(built)
    last = read[inet.TCP]
    assert (row["src_port"], row["seq"], row["flags"], row["checksum"]) == (
        last.sport,
        last.seq,
        int(last.flags),
        last.chksum,
    )
    # scapy computes checksums by itself, so ours must find each of them right.
    assert row["marks"] == 0
    known = dict(last.options)
    bits = {"MSS": 1, "WScale": 2, "SAckOK": 4, "Timestamp": 8, "TFO": 16}
    # After the SYN only timestamps are promised: with the common layout nothing else is looked for.
    wanted = sum(bit for name, bit in bits.items() if name in known)
    if flags & 2 or row["options"] != 8:
        assert row["options"] == wanted
    assert not row["options"] & 8 or (row["ts_value"], row["ts_echo"]) == known["Timestamp"]
    if flags & 2:
        assert not wanted & 1 or row["mss"] == known["MSS"]
        assert not wanted & 2 or row["window_scale"] == known["WScale"]
        assert not wanted & 16 or row["fast_open"] == 8


def test_addresses_are_numbers_in_host_order():
    row = decode(bytes(l2.Ether(**MACS) / inet6.IPv6(src="fe80::1", dst="ff02::2") / inet.TCP()))[0][0]
    assert row["src_high"] << 64 | row["src_low"] == int(ipaddress.ip_address("fe80::1"))
    assert row["dst_high"] << 64 | row["dst_low"] == int(ipaddress.ip_address("ff02::2"))
