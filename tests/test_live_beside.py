"""The wire and the kernel side by side, on real connections of every kind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from live_runs import PATIENCE_S, Namespace, ended, listening
from talks import KINDS

pytestmark = pytest.mark.root
TALKS = str(Path(__file__).with_name("talks.py"))


@pytest.fixture
def namespace():
    with Namespace("beside") as namespace:
        yield namespace


def talk(namespace, count, family="4"):
    """Have so many connections in the namespace, of every kind in turn."""
    words = namespace.words(sys.executable, TALKS, str(count), family)
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")


def live(command, *more):
    return [*command, "live", "-i", "lo", "--kernel", *more]


@pytest.mark.slow
@pytest.mark.parametrize("family", ["4", "6"])
def test_a_thousand_short_connections_of_all_kinds_show_no_lasting_disagreement(command, namespace, tmp_path, family):
    with (
        (tmp_path / "lines").open("w") as out,
        listening(live(command, "--format", "ndjson"), namespace, stdout=out) as running,
    ):
        talk(namespace, 1000, family)
        # So long that a difference that is there at the end would be a lasting one.
        time.sleep(2)
        status, _, err = ended(running)
    *events, summary = map(json.loads, (tmp_path / "lines").read_text().splitlines())
    assert (status, err) == (0, "")
    assert len({event["connection"]["id"] for event in events if event["type"] == "connection"}) == 1000
    assert [event for event in events if event["type"] == "disagreement"] == []
    assert (summary["type"], summary["lasting"], summary["explained"], summary["left_out"]) == ("kernel", 0, {}, 0)
    assert summary["polls"] >= 5
    assert summary["agreed"] / summary["states"] > 0.9, summary


DEFERRED = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
listener.bind(("127.0.0.1", 8000))
listener.listen()
client = socket.create_connection(("127.0.0.1", 8000))
sys.stdin.read()
"""


def test_a_handshake_that_the_listener_does_not_take_yet_is_a_difference_with_a_reason(command, namespace):
    """With TCP_DEFER_ACCEPT the ACK passes, and the kernel waits for data in SYN_RECEIVED."""
    with (
        listening(live(command), namespace) as running,
        subprocess.Popen(namespace.words(sys.executable, "-c", DEFERRED), stdin=subprocess.PIPE) as deferred,
    ):
        time.sleep(2.5)
        status, out, err = ended(running)
        deferred.stdin.close()
    assert (status, err) == (0, "")
    assert "client  SYN_SENT -> ESTABLISHED  rcv SYN,ACK, frame 2, confirmed, kernel ESTABLISHED\n" in out
    assert "server  SYN_RECEIVED -> ESTABLISHED  rcv ACK of SYN, frame 3, inferred, kernel SYN_RECEIVED\n" in out
    beside = out[out.index("\nbeside the kernel's sockets\n") :]
    assert "  explained  1: a segment passed the capture point and was not taken: " in beside
    assert "  lasting    none\n" in beside
    rows = [line.split() for line in beside[beside.index("\n#") :].splitlines()[2:]]
    assert [row[3:] for row in rows] == [["ESTABLISHED", "SYN_RECEIVED", "explained"], ["ESTABLISHED"] * 2]


FORGED = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 8000))
client = socket.create_connection(("127.0.0.1", 8000))
server, _ = listener.accept()
sys.stdin.readline()
# The socket is made to forget its connection (TCP_REPAIR: it closes without a word).
client.setsockopt(socket.IPPROTO_TCP, 19, 1)
client.close()
sys.stdin.read()
"""


@pytest.mark.parametrize("format", ["table", "ndjson", "json"])
def test_a_socket_that_vanishes_without_a_word_is_a_lasting_disagreement(command, namespace, format):
    with (
        listening(live(command, "--format", format), namespace) as running,
        subprocess.Popen(namespace.words(sys.executable, "-c", FORGED), stdin=subprocess.PIPE, text=True) as forged,
    ):
        time.sleep(1)
        forged.stdin.write("\n")
        forged.stdin.flush()
        time.sleep(2)
        status, out, err = ended(running)
        forged.stdin.close()
    assert status == 0
    if format == "ndjson":
        found = [json.loads(line) for line in out.splitlines()]
        [told] = [event for event in found if event["type"] == "disagreement"]
        assert (told["id"], told["endpoint"], told["wire"], told["kernel"]) == (0, "client", "ESTABLISHED", None)
        assert told["client"]["port"] != 8000 and told["server"]["port"] == 8000
        assert (found[-1]["type"], found[-1]["lasting"]) == ("kernel", 1)
    else:
        sentence = " with 127.0.0.1:8000: ESTABLISHED by the wire, no socket by the kernel, for "
        assert sentence in (out if format == "table" else err)
        assert ("1 lasting" in err) == (format == "json")


def test_other_hosts_connections_are_left_alone(command, namespace):
    with listening(live(command, "--format", "ndjson"), namespace) as running:
        time.sleep(0.5)
        _, out, _ = ended(running)
    [summary] = map(json.loads, out.splitlines())
    assert (summary["type"], summary["states"]) == ("kernel", 0)


def test_every_kind_of_connection_is_talked():
    assert len(KINDS) == 10
