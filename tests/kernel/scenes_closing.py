"""Lifecycles that differ in how they close, or lose a segment.  What comes of each is in lifecycles.py."""

from __future__ import annotations

import fcntl
import socket
import termios
import time
from collections.abc import Callable

from moves import A_LITTLE, client_first_in_the_middle, close_by, exchange, has, receive
from netns import ACK, FIN, Side
from stage import NotAsDesigned, Stage, linger_none


def close_by_client(stage: Stage) -> None:
    ends = stage.connect()
    exchange(*ends)
    close_by(stage, "client", ends)


def close_by_server(stage: Stage) -> None:
    ends = stage.connect()
    exchange(*ends)
    close_by(stage, "server", ends)


def three_segment_close(stage: Stage) -> None:
    client, server = stage.connect()
    exchange(client, server)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)  # the ACK waits 40 ms for company
    acks = len(stage.seen("client", has(ACK)))
    client.shutdown(socket.SHUT_WR)
    assert server.recv(100) == b""
    server.close()
    stage.until("client", "TIME_WAIT")
    stage.until("server", "LISTEN")
    if len(stage.seen("client", has(ACK))) > acks:
        raise NotAsDesigned("the ACK went before the FIN")


def simultaneous_close(stage: Stage) -> None:
    client, server = stage.connect()
    client.close()
    time.sleep(A_LITTLE)
    server.close()
    stage.until("client", "TIME_WAIT")
    stage.until("server", "TIME_WAIT")
    client_first_in_the_middle(stage, FIN | ACK)


def half_close_with_data(stage: Stage) -> None:
    client, server = stage.connect()
    client.sendall(b"send me all you have\n")
    client.shutdown(socket.SHUT_WR)
    stage.until("server", "CLOSE_WAIT")
    stage.until("client", "FIN_WAIT_2")
    server.recv(100)
    server.sendall(b"x" * 2000)
    receive(client, 2000)
    server.close()
    stage.until("client", "TIME_WAIT")
    stage.until("server", "LISTEN")


def lost(to: Side, flags: str, place: str, *, which: int) -> Callable[[Stage], None]:
    """Return a scene in which one segment of a connection's life is lost: the `which`th to `to` with these flags."""

    def scene(stage: Stage) -> None:
        if which == 1:
            stage.lose_once(to, flags, place)
        client, server = stage.connect()
        if which == 2:
            stage.lose_once(to, flags, place)
        client.close()
        stage.until("server", "CLOSE_WAIT")
        stage.until("client", "FIN_WAIT_2")
        if which == 3:
            stage.lose_once(to, flags, place)
        server.close()
        stage.until("client", "TIME_WAIT")
        stage.until("server", "LISTEN")

    return scene


def reset_by_client(stage: Stage) -> None:
    client, server = stage.connect()
    exchange(client, server)
    linger_none(client)
    client.close()
    stage.until("server", "LISTEN")


def reset_by_server(stage: Stage) -> None:
    client, server = stage.connect()
    exchange(client, server)
    linger_none(server)
    server.close()
    stage.until("client", "LISTEN")


def reset_after_own_fin(stage: Stage) -> None:
    client, server = stage.connect()
    exchange(client, server)
    client.shutdown(socket.SHUT_WR)
    stage.until("server", "CLOSE_WAIT")
    stage.until("client", "FIN_WAIT_2")
    linger_none(client)
    client.close()
    stage.until("server", "LISTEN")


def reset_for_unread_data(stage: Stage) -> None:
    client, server = stage.connect()
    client.sendall(b"never read\n")
    stage.until_true(lambda: bool(server.recv(100, socket.MSG_PEEK)), "the data did not arrive")
    stage.until_seen("client", 1, has(ACK))
    server.close()
    stage.until("client", "LISTEN")


def data_to_a_closed_socket(stage: Stage) -> None:
    client, server = stage.connect()
    client.close()
    stage.until("server", "CLOSE_WAIT")
    stage.until("client", "FIN_WAIT_2")
    server.sendall(b"anybody there?\n")
    stage.until("server", "LISTEN")
    stage.until("client", "LISTEN")


def close_wait_leak(stage: Stage) -> None:
    client, server = stage.connect()
    exchange(client, server)
    client.close()
    stage.until("server", "CLOSE_WAIT")
    stage.until("client", "FIN_WAIT_2")


def orphan_forgotten(stage: Stage) -> None:
    stage.wire.client.sysctl("net.ipv4.tcp_fin_timeout", "1")
    close_wait_leak(stage)
    stage.until("client", "LISTEN")


def keep_alive(stage: Stage) -> None:
    client, server = stage.connect()
    exchange(client, server)
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1)):
        client.setsockopt(socket.IPPROTO_TCP, option, value)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    before = len(stage.seen("client", has(ACK)))
    stage.until_seen("client", before + 2, has(ACK))
    close_by(stage, "client", (client, server))


def keep_alive_gives_up(stage: Stage) -> None:
    client, server = stage.connect()
    exchange(client, server)
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 1)):
        client.setsockopt(socket.IPPROTO_TCP, option, value)
    stage.firewall("server", "tcp flags & rst == 0 drop")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    stage.until("client", "LISTEN")
    stage.until("server", "LISTEN")


def zero_window(stage: Stage) -> None:
    listener = stage.listen()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client, server = stage.connect(listener)
    client.setblocking(False)
    sent = 0
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < 0.5:
        try:
            sent += client.send(b"x" * 4096)
            idle_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.02)
    server.settimeout(20)
    receive(server, sent)
    # Until its last byte is acknowledged, a FIN would wait in the queue.
    stage.until_true(lambda: fcntl.ioctl(client, termios.TIOCOUTQ, b"\0" * 4) == b"\0" * 4, "data stayed in the queue")
    close_by(stage, "client", (client, server))
