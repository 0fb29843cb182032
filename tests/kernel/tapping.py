"""A capture inside a host, stamped by the kernel as tcpdump's is."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

from netns import CannotRecord, Host

ETH_P_ALL = 0x0003  # linux/if_ether.h
SO_TIMESTAMPNS = 35  # asm-generic/socket.h
SO_RCVBUFFORCE = 33
SOL_PACKET = 263
PACKET_STATISTICS = 6  # linux/if_packet.h


@contextmanager
def packets_stamped() -> Iterator[None]:
    """Have the kernel stamp packets when they come.

    It begins to do so some time after the first socket asks; until then, a packet gets the time at
    which it is read.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        probe.settimeout(5)
        probe.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            probe.sendto(b"?", probe.getsockname())
            time.sleep(0.02)
            before = time.time_ns()
            if stamp_of(probe.recvmsg(16, 256)[1]) < before:
                break
        else:
            raise CannotRecord("this kernel does not stamp packets")
        yield


def stamp_of(notes: list[tuple[int, int, bytes]]) -> int:
    """Return the time of a packet, in ns since 1970, from what recvmsg says beside it."""
    stamp = next(data for _, kind, data in notes if kind == SO_TIMESTAMPNS)
    seconds, nanoseconds = struct.unpack("=qq", stamp)
    return seconds * 1_000_000_000 + nanoseconds


class Tap:
    """What passes a host's device from now on; it waits in the kernel until it is read."""

    def __init__(self, host: Host) -> None:
        self._socket = host.keep(host.inside(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind(("wire", ETH_P_ALL))
        self._socket.setblocking(False)

    def frames(self) -> list[tuple[int, bytes]]:
        """Return what has passed, as (time in ns since 1970, frame); it is an error if one was lost."""
        read = []
        while True:
            try:
                frame, notes, *_ = self._socket.recvmsg(65536, 256)
            except BlockingIOError:
                break
            read.append((stamp_of(notes), frame))
        _, lost = struct.unpack("=II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        assert lost == 0, f"the capture lost {lost} frames"
        return read
