"""The default filter of live runs, which the kernel runs over frames by hand: what reaches the process."""

from __future__ import annotations

import json
import struct

import pytest

from frames_by_hand import ACK, B4, ethernet, ipv4, ipv6, tcp, tcp6, udp
from live_runs import Namespace

pytestmark = pytest.mark.root

IPV6, ARP, VLAN, SERVICE_VLAN, MPLS, PPPOE = 0x86DD, 0x0806, 0x8100, 0x88A8, 0x8847, 0x8864
MORE, LATER = 0x2000, 0x00B9
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
ROUTER_ALERT = bytes((0x94, 4, 0, 0))


def icmp(kind: int) -> bytes:
    """Return an ICMP message that has the beginning of a TCP packet, as an error has."""
    return struct.pack(">BBHI", kind, 0, 0, 0) + ipv4(tcp(ACK))[:28]


def extension(following: int, payload: bytes) -> bytes:
    """Return eight bytes of an IPv6 extension header, and what it stands before."""
    return struct.pack(">BBHI", following, 0, 0, 1) + payload


# What it is: the IP packet, and whether it passes.
PACKETS = {
    "TCP over IPv4": (ipv4(tcp()), True),
    "TCP behind options of IPv4": (ipv4(tcp(), options=ROUTER_ALERT), True),
    "TCP over IPv6": (ipv6(tcp6()), True),
    "the first fragment of TCP": (ipv4(tcp(), fragment=MORE), True),
    "a later fragment of TCP": (ipv4(b"no header" * 3, fragment=LATER), True),
    "a later fragment of UDP": (ipv4(b"no header" * 3, 17, fragment=LATER), False),
    "a later fragment over IPv6": (ipv6(struct.pack(">BBHI", 6, 0, LATER << 3, 7) + b"no header", FRAGMENT), True),
    **{
        f"TCP behind extension {header}": (ipv6(extension(6, tcp6()), header), True)
        for header in (HOP_BY_HOP, ROUTING, AUTHENTICATION, DESTINATION)
    },
    **{f"ICMP {kind}": (ipv4(icmp(kind), 1), kind in (3, 4, 5, 11, 12)) for kind in (0, 3, 4, 5, 8, 11, 12, 13)},
    "an ICMP error behind options": (ipv4(icmp(3), 1, options=ROUTER_ALERT), True),
    "an ICMP echo behind options": (ipv4(icmp(8), 1, options=ROUTER_ALERT), False),
    **{f"ICMPv6 {kind}": (ipv6(icmp(kind), 58), kind in (1, 2, 3, 4)) for kind in (1, 2, 3, 4, 128, 129, 135, 136)},
    "UDP over IPv4": (ipv4(udp(b"query", 53), 17), False),
    "UDP over IPv6": (ipv6(udp(b"query", 53), 17), False),
    "SCTP": (ipv4(bytes(12), 132), False),
    "no next header": (ipv6(b"", 59), False),
}  # fmt: skip


def family(packet: bytes) -> int:
    return IPV6 if packet[0] >> 4 == 6 else 0x0800


def tagged(packet: bytes, *kinds: int) -> bytes:
    """Return a frame with the packet behind a VLAN tag of each of the kinds, the first outermost."""
    inside = packet
    following = family(packet)
    for kind in reversed(kinds):
        inside = struct.pack(">HH", 7, following) + inside
        following = kind
    return ethernet(inside, following)


# What it is: the frame, whether it passes where its tag is in it, and where the kernel took the outermost tag out.
UDP = PACKETS["UDP over IPv4"][0]
FRAMES = {
    **{name: (ethernet(packet, family(packet)), passes, passes) for name, (packet, passes) in PACKETS.items()},
    "TCP over IPv4 behind a VLAN tag": (tagged(ipv4(tcp()), VLAN), True, True),
    "TCP over IPv6 behind a VLAN tag": (tagged(ipv6(tcp6()), VLAN), True, True),
    "a later fragment behind a VLAN tag": (tagged(ipv4(b"x" * 9, fragment=LATER), VLAN), True, True),
    "TCP over IPv4 in QinQ": (tagged(ipv4(tcp()), SERVICE_VLAN, VLAN), True, True),
    "TCP over IPv6 in QinQ": (tagged(ipv6(tcp6()), SERVICE_VLAN, VLAN), True, True),
    "TCP behind two equal tags": (tagged(ipv4(tcp()), VLAN, VLAN), True, True),
    "TCP in QinQ of old": (tagged(ipv4(tcp()), 0x9100, VLAN), True, True),
    "UDP behind a VLAN tag": (tagged(UDP, VLAN), True, False),
    "TCP behind MPLS": (ethernet(bytes((0, 1, 1, 64)) + ipv4(tcp()), MPLS), True, True),
    "TCP in PPPoE": (ethernet(struct.pack(">BBHHH", 0x11, 0, 1, 42, 0x21) + ipv4(tcp()), PPPOE), True, True),
    "ARP": (ethernet(struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + bytes(10) + B4 + bytes(6) + B4, ARP), False, False),
    "spanning tree": (ethernet(b"\x42\x42\x03" + bytes(35), 38), False, False),
}

# Numbers each frame behind its packet, as padding; ends when the last one, which passes, has come.
SEND_AND_SNIFF = """
import fcntl, json, os, socket, struct, subprocess, sys
from handshake_inspect.capture import kernel_filter, taps
sent_from, seen_at, frames = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
MAGIC = b"\\xa5filter"
if sent_from == "tun":
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", b"tun", 0x1001))
    subprocess.run(["ip", "link", "set", "tun", "up"], check=True)
    send = lambda frame: os.write(device, frame)
else:
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((sent_from, 0))
    send = out.send
sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
taps.attach(sniffer, kernel_filter.guarded(kernel_filter.tcp_only(65535)))
sniffer.bind((seen_at, 3))
sniffer.settimeout(10)
for number, frame in enumerate(frames):
    send(bytes.fromhex(frame) + MAGIC + bytes((number,)))
seen = []
while not seen or seen[-1] != len(frames) - 1:
    frame = sniffer.recv(65535)
    if frame[-8:-1] == MAGIC:
        seen.append(frame[-1])
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def namespace():
    with Namespace("filter") as namespace:
        namespace.ip("link", "add", "here", "type", "veth", "peer", "name", "there")
        for device in ("here", "there"):
            namespace.ip("link", "set", device, "up")
        yield namespace


def passed(namespace, sent_from, seen_at, frames, last):
    """Return the names of those frames that reach a socket with the filter, as often as they do."""
    wanted = json.dumps([frame.hex() for frame in (*frames.values(), last)])
    found = namespace.python(SEND_AND_SNIFF, sent_from, seen_at, wanted)
    *numbers, _ = json.loads(found)
    return [list(frames)[number] for number in numbers]


@pytest.mark.parametrize(("seen_at", "column"), [("here", 1), ("there", 2)], ids=["tag in the frame", "tag taken out"])
def test_tcp_and_what_belongs_to_it_reach_the_process_and_nothing_else_does(namespace, seen_at, column):
    frames = {name: row[0] for name, row in FRAMES.items()}
    found = passed(namespace, "here", seen_at, frames, ethernet(ipv4(tcp())))
    assert found == [name for name, row in FRAMES.items() if row[column]]


def test_frames_of_a_device_without_link_headers_are_told_apart_as_well(namespace):
    packets = {name: packet for name, (packet, _) in PACKETS.items()}
    found = passed(namespace, "tun", "tun", packets, ipv4(tcp()))
    assert found == [name for name, (_, passes) in PACKETS.items() if passes]


def test_the_loopback_shows_each_frame_once_and_by_the_same_rules(namespace):
    frames = {name: row[0] for name, row in FRAMES.items()}
    found = passed(namespace, "lo", "lo", frames, ethernet(ipv4(tcp())))
    assert found == [name for name, row in FRAMES.items() if row[2]]
