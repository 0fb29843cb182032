"""Short TCP connections of every kind that two programs on one host can have, for live runs to look at.

Run as a program inside a namespace: `python talks.py COUNT [FAMILY]`.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
import time
from collections.abc import Callable

PATIENCE_S = 10
LINGER_NONE = struct.pack("ii", 1, 0)
"""With it, close sends a RST."""


class Talker:
    """A listener and its clients, on loopback."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self.family = family
        self.listener = self.listen()

    def listen(self, backlog: int = 64) -> socket.socket:
        listener = socket.socket(self.family, socket.SOCK_STREAM)
        listener.bind(("::1" if self.family == socket.AF_INET6 else "127.0.0.1", 0))
        listener.listen(backlog)
        return listener

    def client(self) -> socket.socket:
        made = socket.socket(self.family, socket.SOCK_STREAM)
        made.settimeout(PATIENCE_S)
        return made

    def pair(self) -> tuple[socket.socket, socket.socket]:
        client = self.client()
        client.connect(self.listener.getsockname())
        server, _ = self.listener.accept()
        server.settimeout(PATIENCE_S)
        return client, server

    def close_by_client(self) -> None:
        client, server = self.pair()
        client.close()
        server.recv(1)
        server.close()

    def close_by_server(self) -> None:
        client, server = self.pair()
        server.sendall(b"x" * 5000)
        server.close()
        while client.recv(4096):
            pass
        client.close()

    def close_at_once(self) -> None:
        client, server = self.pair()
        client.close()
        server.close()

    def half_close(self) -> None:
        client, server = self.pair()
        client.shutdown(socket.SHUT_WR)
        server.recv(1)
        server.sendall(b"late")
        server.close()
        client.recv(4)
        client.recv(1)
        client.close()

    def reset_by_client(self) -> None:
        client, server = self.pair()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        client.close()
        server.close()

    def reset_by_server(self) -> None:
        client, server = self.pair()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        server.close()
        client.close()

    def reset_for_unread_data(self) -> None:
        client, server = self.pair()
        client.sendall(b"unread")
        server.recv(1)
        server.close()
        client.close()

    def refused(self) -> None:
        gone = self.listen()
        address = gone.getsockname()
        gone.close()
        client = self.client()
        assert client.connect_ex(address) == errno.ECONNREFUSED
        client.close()

    def listener_gone_before_accept(self) -> None:
        listener = self.listen()
        client = self.client()
        client.connect(listener.getsockname())
        listener.close()
        client.close()

    def data_both_ways(self) -> None:
        client, server = self.pair()
        for _ in range(3):
            client.sendall(b"question")
            server.sendall(server.recv(100))
            client.recv(100)
        client.close()
        server.close()


KINDS: tuple[Callable[[Talker], None], ...] = tuple(
    value
    for name, value in vars(Talker).items()
    if not name.startswith("_") and name not in ("listen", "client", "pair")
)
"""Every kind."""


def talk(count: int, family: socket.AddressFamily) -> None:
    """Have `count` connections, of each kind in turn."""
    talker = Talker(family)
    for number in range(count):
        KINDS[number % len(KINDS)](talker)
    talker.listener.close()


if __name__ == "__main__":
    talk(int(sys.argv[1]), socket.AF_INET6 if sys.argv[2:] == ["6"] else socket.AF_INET)
    time.sleep(0.1)
