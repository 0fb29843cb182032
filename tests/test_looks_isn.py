"""How hosts choose their ISNs: each pattern that can be predicted is found, and honest ones are left in peace."""

from __future__ import annotations

import random

from handshake_inspect.looks.isn import TUPLES_MAX, isns_of_hosts
from reports import MS, START_NS, connection, endpoint, opening

SECOND = 1000 * MS
TICK_4_US, TICK_64_NS = 250_000, 15_625_000
CLIENT = "10.0.0.1"


def client_of(isns, *, every_ns=SECOND, ports=None):
    """The judgement on a client whose connections begin with these ISNs, one each `every_ns`."""
    made = [
        connection(
            number,
            client=endpoint(CLIENT, 40000 + number if ports is None else ports[number], isn=isn % 2**32),
            server=endpoint("10.0.0.2", 80, isn=isn * 977 % 2**32),
            first_time_ns=START_NS + number * every_ns,
        )
        for number, isn in enumerate(isns)
    ]
    return next(host for host in isns_of_hosts(made).hosts if host.address == CLIENT)


def rng(count):
    source = random.Random(1)
    return [source.randrange(2**32) for _ in range(count)]


def test_a_host_that_can_be_predicted_has_a_finding():
    host = client_of([7] * 5)
    assert (host.address, host.isns, host.move) == (CLIENT, 5, "constant")
    assert host.text == "every connection begins with the same number"
    assert host.finding is not None
    assert (host.finding.id, host.finding.severity, host.finding.frames) == ("isn-predictable", "warning", (1,))
    assert host.finding.text == f"the ISNs of {CLIENT} can be predicted: {host.text}"


def test_random_ones_are_left_in_peace():
    for count in (4, 5, 40):
        host = client_of(rng(count))
        assert (host.move, host.finding, host.same_tuple) == ("random", None, None)


def test_a_clock_behind_a_secret_is_what_rfc_6528_asks():
    # Two 4-tuples by turns, each with its own offset on one clock: random across, the clock on each.
    first, second = rng(2)
    isns = [(first if n % 2 else second) + n * TICK_64_NS for n in range(8)]
    host = client_of(isns, ports=[40000 + n % 2 for n in range(8)])
    assert (host.move, host.finding) == ("random", None)
    assert host.same_tuple == "they follow Linux's clock, one each 64 ns, as RFC 6528 asks"


def test_a_few_are_too_few():
    assert client_of([7, 7, 7]).move == "too-few"
    assert client_of([7] * 9, ports=[40000] * 9).move == "too-few"


def test_the_server_is_judged_by_its_syn_acks():
    made = [
        connection(
            n,
            client=endpoint(f"10.0.1.{n}", 40000, isn=isn),
            server=endpoint("10.0.0.2", 80, isn=1000 + n),
            opening=opening(server_side_ns=MS),
            first_time_ns=START_NS + n * SECOND,
        )
        for n, isn in enumerate(rng(6))
    ]
    hosts = isns_of_hosts(made).hosts
    assert (hosts[0].address, hosts[0].move) == ("10.0.0.2", "constant-step")
    assert {host.move for host in hosts[1:]} == {"too-few"}


def test_connections_that_did_not_open_are_left_out():
    made = [
        connection(number, client=endpoint(CLIENT, 40000 + number, isn=7), opening=opening("half-open"))
        for number in range(9)
    ]
    assert isns_of_hosts(made).hosts == ()


def test_no_more_4_tuples_are_remembered_than_there_is_room_for():
    isns = [*range(0, TUPLES_MAX * 10**6, 10**6), 5, 5 + 250_000 * 9]
    host = client_of(isns, ports=[*range(TUPLES_MAX), TUPLES_MAX + 1, TUPLES_MAX + 1])
    assert (host.isns, host.same_tuple) == (TUPLES_MAX + 2, None)
