"""Where a frame begins, and what an EtherType leads to: two tables with one row per thing.

The numbers are those of https://www.tcpdump.org/linktypes.html and of IANA's IEEE 802 registry.
"""

from typing import NamedTuple


class LinkType(NamedTuple):
    """`first` is the layer that stands `skip` bytes into the frame: one of layers.py's LAYERS ("ethertype": the last
    two of the skipped bytes are one), "slow" when scapy is to find the IP packet, or None when nobody here can."""

    number: int
    name: str
    first: str | None
    skip: int = 0


class EtherType(NamedTuple):
    """`next` is what follows `skip` bytes behind the EtherType: one of layers.py's LAYERS ("ethertype": the last
    two of the skipped bytes are one), "slow", or None when no TCP can follow."""

    number: int
    name: str
    next: str | None
    skip: int = 0


LINK_TYPES = (
    LinkType(0, "NULL", "null"),
    LinkType(1, "ETHERNET", "ethernet"),
    LinkType(6, "IEEE802_5", "token_ring"),
    LinkType(7, "ARCNET_BSD", None),
    LinkType(9, "PPP", "ppp"),
    LinkType(10, "FDDI", "fddi"),
    LinkType(12, "RAW", "ip"),
    LinkType(14, "RAW", "ip"),
    LinkType(50, "PPP_HDLC", "ppp"),
    LinkType(51, "PPP_ETHER", "pppoe"),
    LinkType(100, "ATM_RFC1483", "llc"),
    LinkType(101, "RAW", "ip"),
    LinkType(104, "C_HDLC", "ethertype", 4),
    LinkType(105, "IEEE802_11", "slow"),
    LinkType(107, "FRELAY", "frame_relay"),
    LinkType(108, "LOOP", "null"),
    LinkType(109, "ENC", "ip", 12),
    LinkType(113, "LINUX_SLL", "linux_sll"),
    LinkType(117, "PFLOG", "pflog"),
    LinkType(119, "IEEE802_11_PRISM", "slow"),
    LinkType(122, "IP_OVER_FC", "llc", 16),
    LinkType(123, "SUNATM", None),
    LinkType(127, "IEEE802_11_RADIOTAP", "slow"),
    LinkType(129, "ARCNET_LINUX", "arcnet"),
    LinkType(138, "APPLE_IP_OVER_IEEE1394", "ethertype", 18),
    LinkType(143, "DOCSIS", None),
    LinkType(144, "LINUX_IRDA", None),
    LinkType(147, "USER0", None),
    LinkType(163, "IEEE802_11_AVS", "slow"),
    LinkType(166, "PPP_PPPD", "ppp", 1),
    LinkType(187, "BLUETOOTH_HCI_H4", None),
    LinkType(189, "USB_LINUX", None),
    LinkType(192, "PPI", "slow"),
    LinkType(195, "IEEE802_15_4_WITHFCS", None),
    LinkType(201, "BLUETOOTH_HCI_H4_WITH_PHDR", None),
    LinkType(204, "PPP_WITH_DIR", "ppp", 1),
    LinkType(205, "C_HDLC_WITH_DIR", "ethertype", 5),
    LinkType(220, "USB_LINUX_MMAPPED", None),
    LinkType(226, "IPNET", "ip", 24),
    LinkType(227, "CAN_SOCKETCAN", None),
    LinkType(228, "IPV4", "ipv4"),
    LinkType(229, "IPV6", "ipv6"),
    LinkType(230, "IEEE802_15_4_NOFCS", None),
    LinkType(239, "NFLOG", "nflog"),
    LinkType(240, "NETANALYZER", None),
    LinkType(249, "USBPCAP", None),
    LinkType(251, "BLUETOOTH_LE_LL", None),
    LinkType(252, "WIRESHARK_UPPER_PDU", None),
    LinkType(253, "NETLINK", None),
    LinkType(258, "PKTAP", "pktap"),
    LinkType(272, "NORDIC_BLE", None),
    LinkType(274, "ETHERNET_MPACKET", "mpacket"),
    LinkType(276, "LINUX_SLL2", "linux_sll2"),
    LinkType(284, "DSA_TAG_DSA", "ethertype", 18),
    LinkType(285, "DSA_TAG_EDSA", "edsa"),
)

ETHERTYPES = (
    EtherType(0x0800, "IPv4", "ipv4"),
    EtherType(0x0806, "ARP", None),
    EtherType(0x0842, "Wake-on-LAN", None),
    EtherType(0x2000, "CDP", None),
    EtherType(0x22F0, "AVTP", None),
    EtherType(0x22F3, "TRILL", "ethernet", 6),
    EtherType(0x6001, "DEC MOP dump", None),
    EtherType(0x6002, "DEC MOP console", None),
    EtherType(0x6003, "DECnet", None),
    EtherType(0x6558, "transparent Ethernet bridging", "ethernet"),
    EtherType(0x8035, "RARP", None),
    EtherType(0x809B, "AppleTalk", None),
    EtherType(0x80F3, "AppleTalk ARP", None),
    EtherType(0x8100, "802.1Q", "ethertype", 4),
    EtherType(0x8137, "IPX", None),
    EtherType(0x86DD, "IPv6", "ipv6"),
    EtherType(0x8808, "flow control", None),
    EtherType(0x8809, "slow protocols", None),
    EtherType(0x880B, "PPP", "ppp"),
    EtherType(0x8847, "MPLS", "mpls"),
    EtherType(0x8848, "MPLS multicast", "mpls"),
    EtherType(0x8863, "PPPoE discovery", None),
    EtherType(0x8864, "PPPoE session", "pppoe"),
    EtherType(0x887B, "HomePlug", None),
    EtherType(0x888E, "EAPOL", None),
    EtherType(0x8899, "RRCP and loop detection", None),
    EtherType(0x88A8, "802.1ad", "ethertype", 4),
    EtherType(0x88CC, "LLDP", None),
    EtherType(0x88E7, "802.1ah", "ethernet", 4),
    EtherType(0x8903, "FabricPath", "ethernet", 2),
    EtherType(0x8909, "Cisco metadata", "ethertype", 8),
    EtherType(0x8926, "VN-tag", "ethertype", 6),
    EtherType(0x893F, "802.1BR E-tag", "ethertype", 8),
    EtherType(0x894F, "NSH", "nsh"),
    EtherType(0x9000, "loopback", None),
    EtherType(0x9100, "802.1Q, older number", "ethertype", 4),
    EtherType(0x9200, "802.1Q, older number", "ethertype", 4),
)


def link_type_name(number: int) -> str:
    """Return a link type's name, or its number where it has none here."""
    for link in LINK_TYPES:
        if link.number == number:
            return link.name
    return str(number)


def _link_reason(number: int) -> str:
    name = link_type_name(number)
    return f"link type {number}" if name == str(number) else f"link type {number} ({name})"


NAMES_OF_REASONS = {
    0: lambda number: "others",
    1: _link_reason,
    2: lambda number: f"EtherType 0x{number:04x}",
    3: lambda number: f"PPP protocol 0x{number:04x}",
    4: lambda number: f"address family {number}",
    5: lambda number: "more than 64 headers",
    6: lambda number: "IP fragments within IP fragments",
    7: lambda number: f"GRE protocol 0x{number:04x}",
    8: lambda number: f"IP protocol {number}",
    9: lambda number: f"UDP port {number}",
}
"""What an unsupported frame is counted under, by the REASON_ numbers of packet.pxd."""
