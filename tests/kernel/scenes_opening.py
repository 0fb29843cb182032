"""Lifecycles that differ in how they open.  What comes of each is in lifecycles.py."""

from __future__ import annotations

import errno
import socket
import time

from moves import A_LITTLE, client_first_in_the_middle, close_by, exchange, has
from netns import ACK, FIN, RST, SYN
from stage import NotAsDesigned, Stage, begin_at


def new_server(stage: Stage) -> socket.socket:
    """Return a socket at the server's port that does not listen."""
    return stage.wire.server.new_socket(stage.port, stage.family)


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


def simultaneous_open(stage: Stage) -> None:
    ends = stage.new_client(), new_server(stage)
    start_both(stage, *ends)
    exchange(*ends)
    close_by(stage, "client", ends)


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
    # The SYN-ACK comes again, which shows that its ACK was not taken, and meets a client that says nothing.
    stage.firewall("client", "tcp flags & (syn|ack) == syn|ack drop")
    stage.until_seen("client", 5, has(SYN | ACK))
    if len(stage.seen("server", has(ACK))) != 4:
        raise NotAsDesigned("the client answered again")
    if sorted(stage.watches["server", which].runs[-1].state for which in (2, 3)) != ["ESTABLISHED", "SYN_RECEIVED"]:
        raise NotAsDesigned("the handshakes were not at the same time")
