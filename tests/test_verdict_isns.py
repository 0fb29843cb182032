"""Whose ISNs can be predicted: each pattern is found; chance and a clock behind a secret are not accused."""

from __future__ import annotations

import random

import pytest

from handshake_inspect.looks.isn import isns_of_hosts
from handshake_inspect.verdict.isns import Isns
from handshake_inspect.verdict.words import MOVES
from handshake_inspect.views.sentences import isn_moves
from wrappings import ids, play

SECOND = 10**9
TICK_4_US, TICK_64_NS = 250_000, 15_625_000
HOST = 7


def judged(isns, *, every_ns=SECOND, peers=None):
    """How the ISNs of one host move: the word and the sentence; `peers` tells 4-tuples apart."""
    known = Isns()
    for number, isn in enumerate(isns):
        known.add(HOST, number if peers is None else peers[number], isn % 2**32, number * every_ns)
    move, detail = known.move(HOST)
    return MOVES[move], isn_moves(MOVES[move], detail)


# fmt: off
PREDICTABLE = {
    "constant":              ([7] * 4, "every connection begins with the same number"),
    "constant-step":         ([2**32 - 70_000 + 64_000 * n for n in range(4)], "each is 64,000 after the one before"),
    "constant-step down":    ([100 - 64 * n for n in range(4)], "each is -64 after the one before"),
    "clock":                 ([9 + n * TICK_4_US + n % 2 * 300 for n in range(4)],
                              "they follow RFC 6528's clock, one each 4 us, without a secret that differs for each "
                              "4-tuple"),
    "clock of Linux":        ([n * TICK_64_NS + n % 2 * 70_000 for n in range(4)],
                              "they follow Linux's clock, one each 64 ns, without a secret that differs for each "
                              "4-tuple"),
    "small-steps":           ([5, 90, 131_161, 131_000], "each lies within 131,071 of the one before"),
    "small-steps mostly":    ([100 * n + n % 2 + (2**31 if n > 20 else 0) for n in range(40)],
                              "nearly all lie within 101 of the one before"),
}
# fmt: on


@pytest.mark.parametrize("name", PREDICTABLE)
def test_what_can_be_predicted_is_found(name):
    isns, text = PREDICTABLE[name]
    assert judged(isns) == (name.split()[0], text)


# fmt: off
NEAR = {
    "three are too few":           ([7, 7, 7], "too-few"),
    "a step that is not small":    ([5, 90, 131_162, 131_000], "random"),
    "a clock that is off":         ([n * 2 * TICK_4_US + n % 2 * 300 for n in range(9)], "random"),
    "too many jumps":              ([100 * n + n % 2 + (2**30 * (n // 8)) for n in range(64)], "random"),
}
# fmt: on


@pytest.mark.parametrize("name", NEAR)
def test_what_comes_close_is_not(name):
    isns, move = NEAR[name]
    assert judged(isns)[0] == move


def test_a_4_tuple_that_comes_again_tells_nothing():
    assert judged([7] * 9, peers=[1] * 9)[0] == "too-few"


def gaps(source):
    return source.choice([1000, SECOND // 1000, SECOND // 10, SECOND, 60 * SECOND, 6000 * SECOND])


def test_chance_is_not_accused():
    source = random.Random(1)
    for _ in range(5000):
        isns = [source.randrange(2**32) for _ in range(source.choice([4, 5, 8, 30]))]
        assert judged(isns, every_ns=gaps(source))[0] == "random"


@pytest.mark.parametrize("ticks_per_s", [TICK_4_US, TICK_64_NS])
def test_a_clock_behind_a_secret_is_not_accused(ticks_per_s):
    """RFC 6528: ISN = M + F(4-tuple); 4-tuples that come again follow the clock, and are left out."""
    source = random.Random(2)
    for _ in range(500):
        every_ns = gaps(source)
        secrets = [source.randrange(2**32) for _ in range(source.choice([2, 3, 10]))]
        peers = [source.randrange(len(secrets)) for _ in range(30)]
        isns = [secrets[peer] + number * every_ns * ticks_per_s // SECOND for number, peer in enumerate(peers)]
        assert judged(isns, every_ns=every_ns, peers=peers)[0] == "random"


def test_twenty_four_random_bits_on_a_clock_are_not_accused():
    """Linux before 3.1: a hash of 24 bits that is keyed anew every five minutes, on a clock."""
    source = random.Random(3)
    for _ in range(500):
        isns = [source.randrange(2**24) + number * 15_625 for number in range(10)]
        assert judged(isns, every_ns=SECOND // 1000)[0] == "random"


LADDER = "; ".join(
    f"port {port}; SYN isn+{client} @{port} >; < SYN-ACK isn+{server}; ACK >; RST >"
    for port, client, server in (
        (1, 0, 0), (2, 2**30, 64_000), (3, 5, 90_000), (4, 2**31 - 9, 100_000), (5, 99, 101_000),
    )
)  # fmt: skip


def test_every_connection_of_the_host_says_so_and_names_the_end():
    report = play(LADDER)
    found = [finding for each in report.connections for finding in each.findings if finding.id == "isn-predictable"]
    assert [finding.endpoint for finding in found] == ["server"] * 5
    assert [finding.frames for finding in found] == [(2,), (6,), (10,), (14,), (18,)]
    assert {finding.text for finding in found} == {
        "the server's ISNs can be predicted: each lies within 64,000 of the one before"
    }
    assert report.summary.findings["isn-predictable"] == 5
    assert report.first_with("isn-predictable") == 0


def test_each_end_is_judged_by_its_own_4_tuples():
    ladder = "; ".join(f"port {port}; open; RST >" for port in (1, 2, 3, 4))
    for each in play(ladder).connections:
        ends = [finding.endpoint for finding in each.findings if finding.id == "isn-predictable"]
        assert ends == ["client", "server"]
    again = "; ".join(f"port {port}; open; RST >" for port in (1, 2, 3))
    assert "isn-predictable" not in play(again).summary.findings


def test_connections_that_did_not_open_do_not_count():
    # A port scan sends the same ISN to every port, and resets what answers.
    scan = "; ".join(f"port {port}; SYN @{port} >; < SYN-ACK; RST >" for port in range(1, 9))
    assert all("isn-predictable" not in ids(each) for each in play(scan).connections)
    # An attempt beside connections of a predictable server is not one that opened.
    last = play(f"{LADDER}; port 6; SYN >; < RST-ACK").connections[5]
    assert ids(last) == {"refused"}


def test_the_look_over_all_hosts_says_the_same():
    report = play(LADDER)
    # The predictable one comes first.
    server, client = isns_of_hosts(report.connections).hosts
    assert [server.address, client.address] == [
        report.connections[0].server.address,
        report.connections[0].client.address,
    ]
    assert (server.move, server.text) == ("small-steps", "each lies within 64,000 of the one before")
    assert (client.move, client.finding) == ("random", None)


def test_many_hosts_are_kept_apart():
    known = Isns()
    for number in range(4):
        for host in range(1, 2001):
            known.add(host << 40 | host, number, host if host % 2 else (number * number * host) << 17, number)
    assert [known.move(host << 40 | host)[0] for host in range(1, 2001)] == [MOVES.index("constant"), 1] * 1000
    assert known.move(2001 << 40) == (0, 0)
