"""What the two programs of each sample do: one function a scene."""

from __future__ import annotations

import errno
import socket
import struct

from netns import ACK, SYN, Wire

PAGE = (
    b"<!doctype html>\n<title>A small page</title>\n"
    b"<p>Two programs shook hands in three segments, passed this page across, and parted in four.\n"
)
REQUEST = b"GET /page.html HTTP/1.0\r\nHost: www.example.org\r\n\r\n"
RESPONSE = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE


def exchange(wire: Wire, client: socket.socket, server: socket.socket, ask: bytes, answer: bytes) -> None:
    """The client asks, the server answers, and both have seen all of it."""
    client.sendall(ask)
    server.recv(4096)
    server.sendall(answer)
    wire.settle()
    client.recv(4096)


def close_in_turn(wire: Wire, first: socket.socket, second: socket.socket) -> None:
    """Close one end, and the other once the first FIN has been acknowledged."""
    first.close()
    wire.settle()
    second.close()
    wire.settle()


def normal_close_by_client(wire: Wire) -> None:
    client, server = wire.connect()
    exchange(wire, client, server, b"question\n", b"answer\n")
    close_in_turn(wire, client, server)


def normal_close_by_server(wire: Wire) -> None:
    client, server = wire.connect()
    exchange(wire, client, server, b"question\n", b"answer\n")
    close_in_turn(wire, server, client)


def three_segment_close(wire: Wire) -> None:
    client, server = wire.connect()
    exchange(wire, client, server, b"question\n", b"answer\n")
    client.close()
    server.recv(4096)
    server.close()
    wire.settle()


def simultaneous_open(wire: Wire) -> None:
    ends = wire.client.new_socket(wire.ports["client"]), wire.server.new_socket(wire.ports["server"])
    for end, other in zip(ends, (wire.at("server"), wire.at("client")), strict=True):
        end.setblocking(False)
        assert end.connect_ex(other) == errno.EINPROGRESS
    wire.settle()


def simultaneous_close(wire: Wire) -> None:
    client, server = wire.connect()
    client.close()
    server.close()
    wire.settle()


def half_close(wire: Wire) -> None:
    client, server = wire.connect()
    client.sendall(b"send me all you have\n")
    client.shutdown(socket.SHUT_WR)
    wire.settle()
    server.recv(4096)
    server.sendall(b"x" * 2000)
    wire.settle()
    client.recv(4096)
    server.close()
    wire.settle()


def refused(wire: Wire) -> None:
    assert wire.client.new_socket(wire.ports["client"]).connect_ex(wire.at("server")) == errno.ECONNREFUSED
    wire.settle()


def filtered(wire: Wire) -> None:
    wire.client.sysctl("net.ipv4.tcp_syn_retries", "2")
    wire.client.sysctl("net.ipv4.tcp_syn_linear_timeouts", "0")
    wire.drop = lambda segment: segment.to == "server"
    assert wire.client.new_socket(wire.ports["client"]).connect_ex(wire.at("server")) == errno.ETIMEDOUT


def half_open(wire: Wire) -> None:
    wire.listen()
    wire.server.sysctl("net.ipv4.tcp_synack_retries", "2")
    wire.drop = lambda segment: segment.to == "client"
    client = wire.client.new_socket(wire.ports["client"])
    client.setblocking(False)
    assert client.connect_ex(wire.at("server")) == errno.EINPROGRESS
    client.close()
    wire.settle(4)


def syn_lost(wire: Wire) -> None:
    wire.drop_once(lambda segment: segment.flags == SYN)
    wire.connect()


def reset(wire: Wire) -> None:
    client, server = wire.connect()
    exchange(wire, client, server, b"question\n", b"answer\n")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    wire.settle()


def close_wait_leak(wire: Wire) -> None:
    client, server = wire.connect()
    exchange(wire, client, server, b"question\n", b"answer\n")
    client.close()
    wire.settle(1)


def fin_into_time_wait(wire: Wire) -> None:
    client, server = wire.connect()
    client.close()
    wire.settle()
    wire.drop_once(lambda segment: segment.to == "server" and segment.flags == ACK)
    server.close()
    wire.settle(1)


def mid_stream(wire: Wire) -> None:
    client, server = wire.connect()
    wire.forget()
    exchange(wire, client, server, b"question\n", b"answer\n")
    close_in_turn(wire, client, server)


def ipv6(wire: Wire) -> None:
    client, server = wire.connect(socket.AF_INET6)
    exchange(wire, client, server, b"question\n", b"answer\n")
    close_in_turn(wire, client, server)


def http_walkthrough(wire: Wire) -> None:
    client, server = wire.connect()
    exchange(wire, client, server, REQUEST, RESPONSE)
    close_in_turn(wire, server, client)
