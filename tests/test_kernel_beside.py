"""What is promised of the wire and the kernel side by side: only a difference that lasts and has no reason is one."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from handshake_inspect.kernel import Beside, Disagreement
from handshake_inspect.kernel.beside import ENDS_MOST, LASTING_POLLS, LASTING_S, _packed
from handshake_inspect.kernel.differences import DIFFERENCES, NOT_OURS, NOT_TAKEN, reason_for
from handshake_inspect.kernel.sockets import NAMES, Sockets, key_of
from handshake_inspect.rfc9293.states import State

HOST, PEER = "192.0.2.1", "192.0.2.2"
END = (HOST, 40000, PEER, 80)


class Machine:
    """A host whose sockets and clock the test sets, and what is found on it."""

    def __init__(self):
        self.sockets = {}
        self.now_s = 100.0
        self.beside = Beside(self.ask, lambda: frozenset({_packed(HOST), _packed("2001:db8::1")}))

    def ask(self):
        of = {4: {}, 16: {}}
        for (local, port, remote, peer_port), state in self.sockets.items():
            of[len(_packed(local))][key_of(_packed(local), port, _packed(remote), peer_port)] = NAMES.index(state)
        return Sockets(of[4], of[16])

    def wire(self, *states, certainty="observed", end=END, connection=0):
        for before, after in pairwise(states):
            self.beside.moved(connection, "client", end, (before, after, certainty))

    def kernel(self, state, end=END):
        self.sockets.pop(end, None)
        if state is not None:
            self.sockets[end] = state

    def poll(self, times=1, every_s=0.2):
        found = []
        for _ in range(times):
            self.now_s += every_s
            found += self.beside.poll(lambda: self.now_s)
        return found

    def counts(self):
        beside = self.beside
        return beside.agreed, beside.passing, beside.explained.total(), beside.lasting


@pytest.fixture
def machine():
    return Machine()


def test_states_that_agree_agree(machine):
    for wire, kernel in (("SYN_SENT", "SYN_SENT"), ("ESTABLISHED", "ESTABLISHED"), ("FIN_WAIT_1", "FIN_WAIT_1")):
        machine.wire("", wire)
        machine.kernel(kernel)
        assert machine.poll(10) == []
    machine.wire("FIN_WAIT_1", "CLOSED")
    machine.kernel(None)
    assert (machine.poll(10), machine.counts(), list(machine.beside.rows())) == ([], (31, 0, 0, 0), [])


@pytest.mark.parametrize("first", ["wire", "kernel"])
def test_a_difference_that_goes_away_is_counted_apart(machine, first):
    machine.wire("CLOSED", "SYN_SENT")
    machine.kernel("SYN_SENT")
    machine.poll()
    changes = [lambda: machine.wire("SYN_SENT", "ESTABLISHED"), lambda: machine.kernel("ESTABLISHED")]
    for change in changes if first == "wire" else reversed(changes):
        change()
        assert machine.poll(3) == []
    assert machine.counts() == (4, 1, 0, 0)


def test_a_difference_that_lasts_and_has_no_reason_is_told_once(machine):
    machine.wire("CLOSED", "SYN_SENT", "ESTABLISHED")
    machine.kernel("CLOSE_WAIT")
    found = machine.poll(50)
    assert [each._replace(lasted_s=0) for each in found] == [
        Disagreement(0, "client", END, "ESTABLISHED", "CLOSE_WAIT", 0)
    ]
    assert found[0].lasted_s == pytest.approx(LASTING_S, abs=0.21)
    assert machine.counts() == (0, 0, 0, 1)
    assert [row.verdict for row in machine.beside.rows()] == ["lasting"]


def test_it_must_last_for_so_many_polls_however_rare_they_are(machine):
    machine.wire("CLOSED", "SYN_SENT", "ESTABLISHED")
    machine.kernel("CLOSE_WAIT")
    assert machine.poll(LASTING_POLLS - 1, every_s=60) == []
    assert len(machine.poll(1, every_s=60)) == 1


def test_a_change_on_the_wire_begins_the_wait_anew(machine):
    machine.wire("CLOSED", "SYN_SENT")
    machine.kernel("CLOSE_WAIT")
    for before, after in (("SYN_SENT", "ESTABLISHED"), ("ESTABLISHED", "FIN_WAIT_1"), ("FIN_WAIT_1", "FIN_WAIT_2")):
        assert machine.poll(4) == []
        machine.wire(before, after)
    assert machine.counts() == (0, 3, 0, 0)


def test_a_socket_that_is_gone_is_a_disagreement_only_where_there_was_one(machine):
    machine.wire("CLOSED", "SYN_SENT", "ESTABLISHED")
    assert machine.poll(20) == []
    assert machine.beside.explained == {NOT_OURS: 1}
    other = (HOST, 40001, PEER, 80)
    machine.wire("CLOSED", "SYN_SENT", "ESTABLISHED", end=other, connection=1)
    machine.kernel("ESTABLISHED", other)
    machine.poll()
    machine.kernel(None, other)
    assert [each.kernel for each in machine.poll(20)] == [None]


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: f"{row.wire}-{row.kernel}")
def test_what_the_kernel_does_without_a_segment_is_explained_when_it_lasts(machine, row):
    # A kernel that never had a socket would be a reason of its own.
    machine.wire("", "ESTABLISHED" if row.wire != "ESTABLISHED" else "SYN_SENT")
    machine.kernel("ESTABLISHED")
    machine.poll()
    machine.wire("", row.wire)
    machine.kernel(row.kernel)
    assert machine.poll(20) == []
    assert machine.beside.explained == {row.reason: 1}


def test_a_segment_that_nothing_proves_to_have_arrived_explains_the_state_before_it(machine):
    machine.wire("LISTEN", "SYN_RECEIVED")
    machine.wire("SYN_RECEIVED", "ESTABLISHED", certainty="inferred")
    machine.kernel("SYN_RECEIVED")
    assert machine.poll(20) == []
    assert machine.beside.explained == {NOT_TAKEN: 1}


def test_a_segment_that_is_proved_to_have_arrived_explains_nothing(machine):
    machine.wire("LISTEN", "SYN_RECEIVED")
    machine.wire("SYN_RECEIVED", "ESTABLISHED", certainty="confirmed")
    machine.kernel("SYN_RECEIVED")
    assert len(machine.poll(20)) == 1


def test_two_steps_that_nothing_proves_explain_both_states_before_them(machine):
    steps = [("ESTABLISHED", "FIN_WAIT_1", "observed"), ("FIN_WAIT_1", "FIN_WAIT_2", "inferred"),
             ("FIN_WAIT_2", "TIME_WAIT", "inferred")]  # fmt: skip
    machine.beside.anew(0, "client", END, steps)
    machine.kernel("FIN_WAIT_1")
    assert machine.poll(20) == []
    assert machine.beside.explained == {NOT_TAKEN: 1}


def test_what_was_told_before_is_replaced(machine):
    machine.wire("CLOSED", "SYN_SENT", "ESTABLISHED", "FIN_WAIT_1")
    machine.kernel("ESTABLISHED")
    machine.poll()
    machine.beside.anew(0, "client", END, [("SYN_SENT", "ESTABLISHED", "observed")])
    machine.poll()
    assert machine.counts() == (1, 1, 0, 0)


def test_a_state_that_is_told_once_more_does_not_begin_the_wait_anew(machine):
    machine.kernel("CLOSE_WAIT")
    found = []
    for _ in range(10):
        machine.beside.anew(0, "client", END, [("SYN_SENT", "ESTABLISHED", "observed")])
        found += machine.poll(1)
    assert len(found) == 1


def test_a_newer_connection_on_the_same_four_takes_the_place_of_the_older(machine):
    machine.wire("FIN_WAIT_2", "TIME_WAIT")
    machine.kernel("TIME_WAIT")
    machine.poll()
    machine.wire("CLOSED", "SYN_SENT", connection=1)
    machine.wire("TIME_WAIT", "CLOSED", connection=0)
    assert [(row.connection, row.wire) for row in machine.beside.rows()] == [(1, "SYN_SENT")]


def test_ends_of_other_hosts_are_not_compared(machine):
    machine.wire("CLOSED", "SYN_SENT", end=(PEER, 80, HOST, 40000))
    assert (machine.poll(20), machine.beside.compared, list(machine.beside.rows())) == ([], 0, [])


def test_addresses_of_loopback_are_this_hosts(machine):
    end = ("127.5.5.5", 1, "127.0.0.1", 2)
    machine.wire("CLOSED", "SYN_SENT", end=end)
    assert [row.end for row in machine.beside.rows()] == [end]


def test_an_ipv4_connection_of_an_ipv6_socket_is_found(machine):
    machine.wire("CLOSED", "SYN_SENT")
    machine.kernel("SYN_SENT", (f"::ffff:{HOST}", 40000, f"::ffff:{PEER}", 80))
    machine.poll()
    assert machine.counts() == (1, 0, 0, 0)


def test_asking_takes_a_small_share_of_the_time(machine):
    def slow():
        machine.now_s += 0.5
        return Sockets({}, {})

    machine.beside._ask = slow
    machine.wire("CLOSED", "SYN_SENT")
    machine.poll(200, every_s=0.1)
    assert machine.beside.polls == 3, "0.5 s of every 10.5"


def test_the_ends_that_are_compared_at_once_are_bounded(machine, monkeypatch):
    monkeypatch.setattr("handshake_inspect.kernel.beside.ENDS_MOST", 10)
    for n in range(15):
        machine.wire("CLOSED", "SYN_SENT", end=(HOST, n, PEER, 80), connection=n)
    assert (len(list(machine.beside.rows())), machine.beside.left_out, ENDS_MOST) == (10, 5, 100_000)


def test_every_row_of_differences_is_of_the_standards_states_and_gives_a_reason_once():
    known = {state.name for state in State}
    assert {row.wire for row in DIFFERENCES} <= known
    assert {row.kernel for row in DIFFERENCES} <= known | {None}
    assert len({(row.wire, row.kernel) for row in DIFFERENCES}) == len(DIFFERENCES)
    assert all(reason_for(row.wire, row.kernel, (), True) == row.reason for row in DIFFERENCES)


def test_the_kernels_numbers_are_those_of_its_header():
    header = Path("/usr/include/netinet/tcp.h")
    if not header.exists():
        pytest.skip("no C library's headers here")
    names = re.findall(
        r"TCP_(\w+)(?: = 1)?,?\s", re.search(r"enum\s*{\s*(TCP_ESTABLISHED.*?)}", header.read_text(), re.S)[1]
    )
    plain = {"SYN_RECV": "SYN_RECEIVED", "FIN_WAIT1": "FIN_WAIT_1", "FIN_WAIT2": "FIN_WAIT_2", "CLOSE": "CLOSED"}
    assert tuple(plain.get(name, name) for name in names) == NAMES[1:12]
