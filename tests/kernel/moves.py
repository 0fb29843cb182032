"""What many scenes do."""

from __future__ import annotations

import socket
from collections.abc import Callable

from netns import ACK, FIN, RST, SYN, Segment, Side
from stage import NotAsDesigned, Stage

A_LITTLE = 0.05
"""Seconds by which the client is first where two things are done at once, so that it is first in the middle too."""

FLAGS = FIN | SYN | RST | ACK


def has(flags: int) -> Callable[[Segment], bool]:
    """Match the segments without data that have exactly these flags."""
    return lambda segment: segment.flags & FLAGS == flags and not segment.length


def exchange(client: socket.socket, server: socket.socket) -> None:
    client.sendall(b"question\n")
    assert server.recv(100) == b"question\n"
    server.sendall(b"answer\n")
    assert client.recv(100) == b"answer\n"


def receive(end: socket.socket, count: int) -> None:
    """Read exactly so many bytes."""
    while count:
        got = len(end.recv(count))
        assert got, "closed too early"
        count -= got


def close_by(stage: Stage, first: Side, ends: tuple[socket.socket, socket.socket]) -> None:
    """Close one end; when its FIN is acknowledged, the other; wait until nothing more will happen."""
    client, server = ends
    one, other, second = (client, server, "server") if first == "client" else (server, client, "client")
    one.close()
    stage.until(second, "CLOSE_WAIT")
    stage.until(first, "FIN_WAIT_2")
    other.close()
    stage.until(first, "TIME_WAIT")
    stage.until(second, "LISTEN")


def client_first_in_the_middle(stage: Stage, flags: int) -> None:
    """Where two ends sent the same, the client's must have come first past the capture in the middle."""
    if stage.seen_in_the_middle(has(flags))[0].to != "server":
        raise NotAsDesigned("the server's came first past the middle")
