"""What the kernel is asked: both ways tell the same sockets, in every state that a program can bring one into."""

from __future__ import annotations

import socket
import struct
import time

import pytest

from handshake_inspect import UsageError
from handshake_inspect.kernel import how_to_ask, sockets
from handshake_inspect.kernel.netlink import own_addresses
from handshake_inspect.kernel.sockets import by_proc, by_sock_diag
from netns import ADDRESSES, SYN

pytestmark = pytest.mark.root
WAYS = pytest.mark.parametrize("ask", [by_sock_diag, by_proc], ids=["sock_diag", "proc"])
FAMILIES = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])


def states(wire, ask, family=socket.AF_INET):
    """Return the states of the client's and the server's end."""
    client, server = (socket.inet_pton(family, ADDRESSES[side][family]) for side in ("client", "server"))
    ends = {"client": (client, 40000, server, 80), "server": (server, 80, client, 40000)}
    return tuple(getattr(wire, side).inside(ask).state(*end) for side, end in ends.items())


def until(wire, ask, wanted, family=socket.AF_INET):
    """Wait for the states, and return them."""
    end = time.monotonic() + 10
    while (found := states(wire, ask, family)) != wanted and time.monotonic() < end:
        time.sleep(0.01)
    return found


@WAYS
@FAMILIES
def test_each_state_of_a_connection_is_told(wire, ask, family):
    client, server = wire.connect(family)
    assert states(wire, ask, family) == ("ESTABLISHED", "ESTABLISHED")
    client.shutdown(socket.SHUT_WR)
    assert until(wire, ask, ("FIN_WAIT_2", "CLOSE_WAIT"), family) == ("FIN_WAIT_2", "CLOSE_WAIT")
    wire.drop = lambda segment: segment.to == "server"
    server.close()
    assert until(wire, ask, ("TIME_WAIT", "LAST_ACK"), family) == ("TIME_WAIT", "LAST_ACK")
    wire.drop = lambda segment: False
    assert until(wire, ask, ("TIME_WAIT", None), family) == ("TIME_WAIT", None)


@WAYS
@FAMILIES
def test_an_attempt_and_a_request_that_is_no_socket_yet_are_told(wire, ask, family):
    wire.server.listen(80, family)
    wire.drop = lambda segment: segment.to == "client"
    client = wire.client.new_socket(40000, family)
    client.setblocking(False)
    client.connect_ex(wire.at("server", family))
    assert until(wire, ask, ("SYN_SENT", "SYN_RECEIVED"), family) == ("SYN_SENT", "SYN_RECEIVED")


@WAYS
def test_an_orphan_that_waits_for_the_other_fin_is_told_as_what_it_is(wire, ask):
    client, _ = wire.connect()
    client.close()
    assert until(wire, ask, ("FIN_WAIT_2", "CLOSE_WAIT")) == ("FIN_WAIT_2", "CLOSE_WAIT")


@WAYS
def test_fins_that_cross_are_told(wire, ask):
    client, server = wire.connect()
    # The ACKs of the FINs are lost, so that both ends stay in CLOSING.
    wire.drop = lambda segment: segment.flag_names == "ACK"
    client.shutdown(socket.SHUT_WR)
    server.shutdown(socket.SHUT_WR)
    assert until(wire, ask, ("CLOSING", "CLOSING")) == ("CLOSING", "CLOSING")


@WAYS
def test_the_fin_that_is_not_acknowledged_is_told(wire, ask):
    client, _ = wire.connect()
    wire.drop = lambda segment: segment.to == "server"
    client.shutdown(socket.SHUT_WR)
    assert until(wire, ask, ("FIN_WAIT_1", "ESTABLISHED")) == ("FIN_WAIT_1", "ESTABLISHED")


@WAYS
def test_a_socket_that_was_reset_and_that_its_program_still_holds_is_no_socket(wire, ask):
    client, server = wire.connect()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    assert until(wire, ask, (None, None)) == (None, None)
    assert client.fileno() >= 0


@WAYS
def test_an_ipv4_connection_of_a_listener_for_ipv6_is_found(wire, ask):
    listener = wire.server.keep(wire.server.inside(socket.socket, socket.AF_INET6, socket.SOCK_STREAM))
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", 80))
    listener.listen()
    client = wire.client.new_socket(40000)
    wire.drop_once(lambda segment: segment.to == "client" and segment.flags & SYN)
    client.setblocking(False)
    client.connect_ex(wire.at("server"))
    assert until(wire, ask, ("SYN_SENT", "SYN_RECEIVED")) == ("SYN_SENT", "SYN_RECEIVED")
    assert until(wire, ask, ("ESTABLISHED", "ESTABLISHED")) == ("ESTABLISHED", "ESTABLISHED")


def test_a_host_knows_its_addresses(wire):
    found = wire.client.inside(own_addresses)
    expected = {socket.inet_pton(family, address) for family, address in ADDRESSES["client"].items()}
    assert found - {socket.inet_aton("127.0.0.1"), socket.inet_pton(socket.AF_INET6, "::1")} == expected


def test_without_netlink_proc_is_read(monkeypatch):
    def gone():
        raise OSError(93, "Protocol not supported")

    monkeypatch.setattr(sockets, "WAYS", (("sock_diag", gone), ("/proc/net/tcp", by_proc)))
    assert how_to_ask() is by_proc
    monkeypatch.setattr(sockets, "WAYS", (("sock_diag", gone),))
    with pytest.raises(UsageError) as refusal:
        how_to_ask()
    assert str(refusal.value) == (
        "--kernel needs Linux, whose kernel tells its sockets (sock_diag: Protocol not supported)"
    )
