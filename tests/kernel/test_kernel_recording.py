"""The recorder of lifecycles: it reads what the kernel says, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kernel_record import Change, Socket
from lifecycles import LIFECYCLES
from netns import remove_namespaces_of_the_dead
from polling import Run, question, state_in
from recording import PORTS, Played, play_all, sockets_of
from stage import PORTS_EACH
from tracing import Row, StateTrace, instances, rows_in

CLIENT = ("192.0.2.1", 21001, "192.0.2.2", 21000)
SERVER = ("192.0.2.2", 21000, "192.0.2.1", 21001)

# A process that holds all that a run holds, and is killed.
HOLDS_EVERYTHING = """
import sys, time
from netns import Wire
from tracing import StateTrace
with StateTrace(range(9000, 9001)), Wire() as wire:
    print(wire.client.namespace, flush=True)
    time.sleep(60)
"""


def test_a_line_of_the_trace_is_a_change_in_our_spelling():
    line = (
        "  sshd-1 [000] ..s2. 1795241100.861468: inet_sock_set_state: family=AF_INET6 protocol=IPPROTO_TCP sport=80 "
        "dport=40000 saddr=0.0.0.0 daddr=0.0.0.0 saddrv6=2001:db8::2 daddrv6=2001:db8::1 oldstate=TCP_SYN_RECV "
        "newstate=TCP_CLOSE\n"
    )
    ahead = round((time.clock_gettime_ns(time.CLOCK_TAI) - time.time_ns()) / 1e9) * 1_000_000_000
    key = ("2001:db8::2", 80, "2001:db8::1", 40000)
    assert list(rows_in(line)) == [Row(1795241100_861468000 - ahead, key, "SYN_RECEIVED", "CLOSED")]


def play(side, key, rows, runs):
    """Return (state, earliest, latest) of each change of each socket that a record gives."""
    rows = [Row(time_ns, key, before, after) for time_ns, before, after in rows]
    played = Played({}, {}, {(side, key): [Run(*run) for run in runs]}, 10**12, [])
    return [[(c.state, c.earliest_ns, c.latest_ns) for c in life.changes] for life in sockets_of(played, rows)]


MS = 1_000_000


def test_a_socket_that_is_closed_and_polled_in_time_wait_went_there():
    rows = [(10 * MS, "CLOSED", "SYN_SENT"), (50 * MS, "SYN_SENT", "FIN_WAIT_2"), (90 * MS, "FIN_WAIT_2", "CLOSED")]
    runs = [("FIN_WAIT_2", 50 * MS, 59 * MS, 88 * MS), ("TIME_WAIT", 88 * MS, 97 * MS, 150 * MS)]
    assert play("client", CLIENT, rows, runs)[0][-1] == ("TIME_WAIT", 90 * MS, 90 * MS)


def test_an_orphan_is_polled_in_fin_wait_2_after_the_trace_says_closed():
    rows = [(10 * MS, "CLOSED", "SYN_SENT"), (50 * MS, "SYN_SENT", "FIN_WAIT_2"), (50 * MS, "FIN_WAIT_2", "CLOSED")]
    runs = [("FIN_WAIT_2", 48 * MS, 56 * MS, 88 * MS), ("LISTEN", 88 * MS, 97 * MS, 150 * MS)]
    assert play("client", CLIENT, rows, runs)[0][1:] == [("FIN_WAIT_2", 50 * MS, 50 * MS), ("CLOSED", 88 * MS, 97 * MS)]


def test_a_child_was_a_request_before_and_a_request_alone_is_a_socket_too():
    runs = [("LISTEN", 0, 8 * MS, 8 * MS), ("SYN_RECEIVED", 8 * MS, 16 * MS, 40 * MS), ("LISTEN", 40 * MS, 48 * MS, 9)]
    request = [("SYN_RECEIVED", 8 * MS, 16 * MS)]
    assert play("server", SERVER, [], runs) == [[*request, ("LISTEN", 40 * MS, 48 * MS)]]
    child = [(47 * MS, "LISTEN", "SYN_RECEIVED"), (47 * MS, "SYN_RECEIVED", "ESTABLISHED")]
    assert play("server", SERVER, child, runs[:2]) == [[*request, ("ESTABLISHED", 47 * MS, 47 * MS)]]


def test_a_change_of_a_socket_of_another_time_is_none_of_ours():
    rows = [(5 * MS, "LAST_ACK", "CLOSED"), (10 * MS, "CLOSED", "SYN_SENT"), (20 * MS, "SYN_SENT", "CLOSED")]
    assert play("client", CLIENT, rows, []) == [[("SYN_SENT", 10 * MS, 10 * MS), ("CLOSED", 20 * MS, 20 * MS)]]


def test_states_and_changes_are_told_once():
    change = Change("TIME_WAIT", 1, 1, 1, False)
    assert Socket("client", CLIENT, [change, change]).path == ["TIME_WAIT"]


def test_the_ports_suffice_and_are_not_ephemeral():
    assert len(LIFECYCLES) * PORTS_EACH <= 1000
    assert max(lifecycle.clients for lifecycle in LIFECYCLES) < PORTS_EACH
    assert PORTS.start > 1024 and PORTS.stop <= 32768
    assert len({lifecycle.name for lifecycle in LIFECYCLES}) == len(LIFECYCLES)


@pytest.mark.root
def test_the_kernel_answers_about_one_socket():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as diag,
    ):
        for local_port, expected in ((client.getsockname()[1], "ESTABLISHED"), (1, "LISTEN")):
            diag.send(question(("127.0.0.1", local_port, *client.getpeername())))
            assert state_in(diag.recv(8192)) == expected


def left_behind() -> tuple[set[str], set[str], set[str]]:
    namespaces = {path.name for path in Path("/run/netns").glob(f"handshake-*-{os.getpid()}-*")}
    return namespaces, instances(), {thread.name for thread in threading.enumerate()}


@pytest.mark.root
def test_playing_leaves_no_namespace_no_trace_and_no_thread_even_where_a_scene_fails():
    before = left_behind()

    def fails(stage):
        stage.connect()
        raise LookupError("as it must")

    refused = next(lifecycle for lifecycle in LIFECYCLES if lifecycle.name == "refused")
    failing = type(refused)("failing", fails, ())
    played = play_all([(0, refused), (1, failing)])
    assert isinstance(played["refused"], Played)
    assert repr(played["failing"]) == "LookupError('as it must')"
    assert left_behind() == before


@pytest.mark.root
def test_what_a_killed_run_left_behind_the_next_one_removes():
    paths = os.pathsep.join(sys.path)
    command = (sys.executable, "-c", HOLDS_EVERYTHING)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}) as run:
        namespace = Path("/run/netns", run.stdout.readline().strip())
        assert namespace.exists()
        assert f"handshake-inspect-{run.pid}" in instances()
        run.send_signal(signal.SIGKILL)
    assert f"handshake-inspect-{run.pid}" in instances()
    remove_namespaces_of_the_dead()
    assert not namespace.exists()
    with StateTrace(PORTS):
        assert f"handshake-inspect-{run.pid}" not in instances()
        assert f"handshake-inspect-{os.getpid()}" in instances()
    assert f"handshake-inspect-{os.getpid()}" not in instances()
