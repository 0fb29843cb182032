"""Lists that Linux gives over netlink: a question, and messages until the list is done.  Needs no privilege.

Source: netlink(7), sock_diag(7), rtnetlink(7).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

REQUEST, DUMP = 1, 0x300
ERROR, DONE = 2, 3
HEADER = struct.Struct("=IHHII")
ANSWER = 64 * 1024
"""Bytes of the largest answer: the kernel fills 32 KiB at most."""
PATIENCE_S = 2.0


def ask(protocol: int, kind: int, body: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """Yield the messages of a list as type, datagram, and begin and end of the message's own bytes in it.

    Raises OSError when the kernel does not know the question, or does not answer.
    """
    question = HEADER.pack(HEADER.size + len(body), kind, REQUEST | DUMP, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as line:
        line.settimeout(PATIENCE_S)
        line.send(question)
        while True:
            data = line.recv(ANSWER)
            at = 0
            while at + HEADER.size <= len(data):
                length, found, _, _, _ = HEADER.unpack_from(data, at)
                if length < HEADER.size:
                    raise OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))
                if found == DONE:
                    return
                if found == ERROR:
                    (code,) = struct.unpack_from("=i", data, at + HEADER.size)
                    raise OSError(-code, os.strerror(-code))
                yield found, data, at + HEADER.size, at + length
                at += length + -length % 4


ADDRESS_QUESTION, ADDRESS_ANSWER = 22, 20
"""RTM_GETADDR and RTM_NEWADDR."""
ADDRESS, LOCAL = 1, 2
"""IFA_ADDRESS, and IFA_LOCAL where the two ends of a link have different addresses."""


def own_addresses() -> frozenset[bytes]:
    """Return the addresses of this host's interfaces, as packed bytes; loopback's whole block is not among them."""
    found = set()
    for kind, data, begin, end in ask(socket.NETLINK_ROUTE, ADDRESS_QUESTION, struct.pack("=Bxxxi", 0, 0)):
        if kind != ADDRESS_ANSWER:
            continue
        own: dict[int, bytes] = {}
        at = begin + 8
        while at + 4 <= end:
            length, name = struct.unpack_from("=HH", data, at)
            if length < 4:
                break
            own[name] = data[at + 4 : at + length]
            at += length + -length % 4
        address = own.get(LOCAL, own.get(ADDRESS))
        if address is not None:
            found.add(address)
    return frozenset(found)
