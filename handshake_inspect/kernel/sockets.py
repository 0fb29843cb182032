"""The kernel's TCP sockets: asked for over sock_diag, as `ss` does, else read from /proc/net/tcp.

sock_diag gives a socket in a hundredth of a millisecond and TIME_WAIT and half-open requests like any other; /proc is
text, slower, and always there.  psutil reads that same text, and the files of every process besides.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from handshake_inspect.errors import UsageError
from handshake_inspect.kernel.netlink import ask

SOCK_DIAG = 4
"""NETLINK_SOCK_DIAG of linux/netlink.h."""
BY_FAMILY = 20

# include/net/tcp_states.h; a request that is not a socket yet is told as SYN_RECV or NEW_SYN_RECV.
NAMES = (
    "", "ESTABLISHED", "SYN_SENT", "SYN_RECEIVED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT", "CLOSED", "CLOSE_WAIT",
    "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECEIVED",
)  # fmt: skip
TABLES = Path("/proc/thread-self/net")
"""The tables of the network namespace that the calling thread is in; /proc/net is that of the process."""
CONNECTED = sum(1 << number for number, name in enumerate(NAMES) if name not in ("", "CLOSED", "LISTEN"))
"""The states to ask for.  A socket that is CLOSED has no connection, only a program that has not noticed yet."""

KEY = 36
"""Bytes of a key: local port, remote port, local address, remote address, in network order, addresses of 16 bytes."""

FAMILIES = (socket.AF_INET, socket.AF_INET6)
MAPPED = bytes(10) + b"\xff\xff"
"""What stands before an IPv4 address of a socket of IPv6."""


def key_of(local: bytes, local_port: int, remote: bytes, remote_port: int) -> bytes:
    """Return the key of one end of a connection; the addresses are packed, of 4 or of 16 bytes."""
    return struct.pack("!HH16s16s", local_port, remote_port, local, remote)


class Sockets:
    """The sockets at one moment: `state` finds the one of an end."""

    def __init__(self, of_4: dict[bytes, int], of_6: dict[bytes, int]) -> None:
        self._of = {4: of_4, 16: of_6}

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def state(self, local: bytes, local_port: int, remote: bytes, remote_port: int) -> str | None:
        """Return the state in RFC 9293's words; None where there is no socket."""
        number = self._of[len(local)].get(key_of(local, local_port, remote, remote_port))
        if number is None and len(local) == 4:
            number = self._of[16].get(key_of(MAPPED + local, local_port, MAPPED + remote, remote_port))
        return None if number is None else NAMES[number]


def by_sock_diag() -> Sockets:
    """Ask over netlink (linux/inet_diag.h).  Raises OSError where the kernel has no sock_diag."""
    return Sockets(*(_diag(family) for family in FAMILIES))


def _diag(family: int) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    question = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 0, CONNECTED)
    for kind, data, begin, _ in ask(SOCK_DIAG, BY_FAMILY, question):
        if kind == BY_FAMILY and data[begin + 1] < len(NAMES):
            found[data[begin + 4 : begin + 4 + KEY]] = data[begin + 1]
    return found


def by_proc() -> Sockets:
    """Read /proc/net/tcp and tcp6 (proc(5)).  Raises OSError where they are not there."""
    return Sockets(_lines(TABLES / "tcp"), _lines(TABLES / "tcp6"))


def _lines(path: Path) -> dict[bytes, int]:
    """Read one table: a line a socket, with addresses as hexadecimal words of this machine's byte order."""
    found: dict[bytes, int] = {}
    if not path.exists():
        return found
    for line in path.read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        number = int(state, 16)
        if number < len(NAMES) and 1 << number & CONNECTED:
            ends = [_end(text) for text in (local, remote)]
            found[key_of(ends[0][0], ends[0][1], ends[1][0], ends[1][1])] = number
    return found


def _end(text: str) -> tuple[bytes, int]:
    address, port = text.split(":")
    words = (int(address[at : at + 8], 16) for at in range(0, len(address), 8))
    return b"".join(word.to_bytes(4, sys.byteorder) for word in words), int(port, 16)


WAYS: tuple[tuple[str, Callable[[], Sockets]], ...] = (
    ("sock_diag", by_sock_diag),
    ("/proc/net/tcp", by_proc),
)
"""How the kernel can be asked, the better way first."""


def how_to_ask() -> Callable[[], Sockets]:
    """Return what asks this kernel.  UsageError where there is no way."""
    problems = []
    for name, way in WAYS:
        try:
            way()
        except (OSError, AttributeError) as problem:
            reason = os.strerror(problem.errno) if isinstance(problem, OSError) and problem.errno else str(problem)
            problems.append(f"{name}: {reason}")
            continue
        return way
    raise UsageError(f"--kernel needs Linux, whose kernel tells its sockets ({'; '.join(problems)})")
