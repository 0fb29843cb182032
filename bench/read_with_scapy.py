"""What a script with scapy does at the least: dissect each frame, and look at its IP and TCP headers.

python bench/read_with_scapy.py CAPTURE
"""

import sys

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether  # noqa: F401  (its import tells scapy what link type 1 is)
from scapy.utils import PcapReader

flags_seen: dict[tuple[str, int, str, int], int] = {}
with PcapReader(sys.argv[1]) as frames:
    for frame in frames:
        if TCP in frame:
            ip, tcp = frame[IP], frame[TCP]
            key = ip.src, tcp.sport, ip.dst, tcp.dport
            flags_seen[key] = flags_seen.get(key, 0) | int(tcp.flags)
print(len(flags_seen))
