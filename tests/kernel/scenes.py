"""The lifecycles: what two programs and the network between them do.  What comes of each is in lifecycles.py."""

from __future__ import annotations

import errno
import fcntl
import socket
import termios
import time
from collections.abc import Callable

from netns import ACK, FIN, RST, SYN, Segment, Side
from stage import NotAsDesigned, Stage, begin_at, linger_none

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


def client_first_in_the_middle(stage: Stage, flags: int) -> None:
    """Where two ends sent the same, the client's must have come first past the capture in the middle."""
    if stage.seen_in_the_middle(has(flags))[0].to != "server":
        raise NotAsDesigned("the server's came first past the middle")


def simultaneous_close(stage: Stage) -> None:
    client, server = stage.connect()
    client.close()
    time.sleep(A_LITTLE)
    server.close()
    stage.until("client", "TIME_WAIT")
    stage.until("server", "TIME_WAIT")
    client_first_in_the_middle(stage, FIN | ACK)


def start_both(stage: Stage, client: socket.socket, server: socket.socket) -> None:
    """Connect each end to the other, before the other's SYN arrives."""
    for end, other in ((client, stage.address), (server, client.getsockname()[:2])):
        end.setblocking(False)
        assert end.connect_ex(other) == errno.EINPROGRESS
        time.sleep(A_LITTLE)
    for side in ("client", "server"):
        stage.until(side, "ESTABLISHED")
    client_first_in_the_middle(stage, SYN)
    for end in (client, server):
        end.settimeout(20)


def new_server(stage: Stage) -> socket.socket:
    """Return a socket at the server's port that does not listen."""
    return stage.wire.server.new_socket(stage.port, stage.family)


def simultaneous_open(stage: Stage) -> None:
    ends = stage.new_client(), new_server(stage)
    start_both(stage, *ends)
    exchange(*ends)
    close_by(stage, "client", ends)


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


def refused(stage: Stage) -> None:
    assert stage.new_client().connect_ex(stage.address) == errno.ECONNREFUSED


def filtered_at_the_host(stage: Stage) -> None:
    stage.wire.client.sysctl("net.ipv4.tcp_syn_retries", "1")
    stage.firewall("server", "tcp flags syn drop")
    assert stage.new_client().connect_ex(stage.address) == errno.ETIMEDOUT


def filtered_on_the_way(stage: Stage) -> None:
    stage.wire.client.sysctl("net.ipv4.tcp_syn_retries", "1")
    stage.wire.drop = lambda segment: segment.to == "server"
    assert stage.new_client().connect_ex(stage.address) == errno.ETIMEDOUT


def reset_by_firewall(stage: Stage) -> None:
    stage.firewall("server", "tcp flags syn reject with tcp reset")
    assert stage.new_client().connect_ex(stage.address) == errno.ECONNREFUSED


def port_unreachable(stage: Stage) -> None:
    stage.firewall("server", "tcp flags syn reject with icmpx type port-unreachable")
    assert stage.new_client().connect_ex(stage.address) == errno.ECONNREFUSED


def admin_prohibited(stage: Stage) -> None:
    stage.firewall("server", "tcp flags syn reject with icmpx type admin-prohibited")
    stage.wire.client.sysctl("net.ipv4.tcp_syn_retries", "1")
    expected = errno.EHOSTUNREACH if stage.family == socket.AF_INET else errno.EACCES
    assert stage.new_client().connect_ex(stage.address) == expected


def half_open(stage: Stage) -> None:
    stage.wire.server.sysctl("net.ipv4.tcp_synack_retries", "1")
    stage.wire.drop = lambda segment: segment.to == "client"
    stage.listen()
    stage.start_connect().close()
    stage.until("server", "SYN_RECEIVED")
    stage.until("server", "LISTEN")


def abort_in_syn_sent(stage: Stage) -> None:
    stage.listen()
    stage.start_connect().close()
    stage.until_seen("server", 1, has(RST))
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


def tuple_reused_by_client(stage: Stage) -> None:
    stage.wire.client.sysctl("net.ipv4.tcp_tw_reuse", "1")
    listener = stage.listen()
    close_by(stage, "client", stage.connect(listener))
    time.sleep(1.2)  # tcp_tw_reuse_delay: a second
    stage.connect(listener)


def tuple_accepted_in_time_wait(stage: Stage) -> None:
    listener = stage.listen()
    close_by(stage, "server", stage.connect(listener))
    stage.connect(listener)
    [fin] = stage.seen("client", has(FIN | ACK))
    isn = stage.seen("client", has(SYN | ACK))[1].seq
    assert (isn - (fin.seq + 1)) % 2**32 == 65537, "the new ISN is not the old SND.NXT + 65537"


def syn_challenged_in_time_wait(stage: Stage) -> None:
    for host in (stage.wire.client, stage.wire.server):
        host.sysctl("net.ipv4.tcp_timestamps", "0")
    listener = stage.listen()
    first = stage.new_client()
    begin_at(first, 2_000_000_000)
    close_by(stage, "server", stage.connect(listener, first))
    second = stage.new_client()
    begin_at(second, 1_000_000_000)
    stage.connect(listener, second)


def sequence_numbers_wrap(stage: Stage) -> None:
    client = stage.new_client()
    begin_at(client, 2**32 - 5)
    ends = stage.connect(client=client)
    exchange(*ends)
    close_by(stage, "client", ends)


def syn_wraps(stage: Stage) -> None:
    client = stage.new_client()
    begin_at(client, 2**32 - 1)
    ends = stage.connect(client=client)
    close_by(stage, "server", ends)


def both_wrap(stage: Stage) -> None:
    ends = stage.new_client(), new_server(stage)
    for end in ends:
        begin_at(end, 2**32 - 2)
    start_both(stage, *ends)
    exchange(*ends)
    close_by(stage, "client", ends)


def fast_open(stage: Stage) -> None:
    for host in (stage.wire.client, stage.wire.server):
        host.sysctl("net.ipv4.tcp_fastopen", "3")
    listener = stage.listen()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
    for which in range(2):
        client = stage.new_client(which)
        client.settimeout(None)
        client.sendto(b"question\n", socket.MSG_FASTOPEN, stage.address)
        server = stage.accept(listener)
        assert server.recv(100) == b"question\n"
        for side in ("client", "server"):
            stage.until(side, "ESTABLISHED", which)
    with_data = [segment for segment in stage.seen("server", lambda segment: True) if segment.flags & SYN]
    assert [segment.length for segment in with_data] == [0, 9]


def syn_cookies(stage: Stage) -> None:
    stage.wire.server.sysctl("net.ipv4.tcp_syncookies", "1")
    listener = stage.listen(backlog=2)
    stage.firewall("server", f"tcp sport {stage.port + 1}-{stage.port + 2} tcp flags & (syn|ack) == ack drop")
    for which in range(2):
        stage.start_connect(which)
        stage.until("server", "SYN_RECEIVED", which)
        stage.until("client", "ESTABLISHED", which)
    client = stage.new_client(2)
    client.connect(stage.address)
    stage.until("server", "ESTABLISHED", 2)
    stage.accept(listener)
    # The SYN-ACKs come again, which shows that their ACKs were not taken; a cookie is sent once.
    stage.until_seen("client", 5, has(SYN | ACK))
    stage.until_seen("server", 5, has(ACK))


def accept_queue_full(stage: Stage) -> None:
    for name, value in (("tcp_synack_retries", "2"), ("tcp_syncookies", "0")):
        stage.wire.server.sysctl(f"net.ipv4.{name}", value)
    stage.listen(backlog=2)
    for which in range(2):
        stage.start_connect(which)
        stage.until("server", "ESTABLISHED", which)
        stage.until("client", "ESTABLISHED", which)
    for which in (2, 3):
        stage.start_connect(which)
    for which in (2, 3):
        stage.until("client", "ESTABLISHED", which)
    # The SYN-ACK comes again, which shows that its ACK was not taken.
    stage.until_seen("client", 5, has(SYN | ACK))
    stage.until_seen("server", 5, has(ACK))
    if sorted(stage.watches["server", which].runs[-1].state for which in (2, 3)) != ["ESTABLISHED", "SYN_RECEIVED"]:
        raise NotAsDesigned("the handshakes were not at the same time")


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
