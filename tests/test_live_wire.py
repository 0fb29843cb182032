"""Live runs on real sockets: what is seen live is what tcpdump saved, and each frame counts once."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time

import pytest

from handshake_inspect import analyse
from live_runs import Namespace, added_up, ended, listening, wait_until

pytestmark = pytest.mark.root

# Every seventh connection goes another way; each has a port of its own, so that it is found again.
MANY = """
import socket, struct, sys
count = int(sys.argv[1])
listener = socket.create_server(("127.0.0.1", 8000), backlog=64)
for number in range(count):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind(("127.0.0.1", 20000 + number))
    way = number % 7
    if way == 0:
        try:
            client.connect(("127.0.0.1", 9))
        except ConnectionRefusedError:
            pass
        client.close()
        continue
    client.connect(("127.0.0.1", 8000))
    server, _ = listener.accept()
    client.sendall(b"question")
    server.recv(100)
    if way == 1:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        server.close()
    elif way == 2:
        server.close()
        client.recv(1)
        client.close()
    elif way == 3:
        client.shutdown(socket.SHUT_WR)
        server.recv(100)
        server.sendall(b"late answer")
        server.close()
        client.recv(100)
        client.close()
    else:
        server.sendall(b"answer")
        client.recv(100)
        client.close()
        server.recv(1)
        server.close()
print(count)
"""


@pytest.fixture
def namespace():
    with Namespace("wire") as namespace:
        yield namespace


def course(transitions):
    """Spell transitions without times and frames, which two captures of one run number differently."""
    return [(step["from"], step["to"], step["event"], step["certainty"]) for step in transitions]


@pytest.mark.slow
def test_every_transition_of_1000_connections_is_told_live_as_tcpdump_has_it(namespace, command, tmp_path):
    if not shutil.which("tcpdump"):
        pytest.skip("tcpdump is missing")
    saved, lines = tmp_path / "saved.pcap", tmp_path / "live.ndjson"
    save = ("tcpdump", "-i", "lo", "-w", str(saved), "-B", "32768", "-s", "256", "--immediate-mode", "-U", "-Z", "root")
    dump = subprocess.Popen(namespace.words(*save, "tcp"), stderr=subprocess.PIPE, text=True)
    try:
        assert any("listening on lo" in line for line in dump.stderr)
        with (
            lines.open("w") as out,
            listening([*command, "live", "-i", "lo", "--format", "ndjson"], namespace, stdout=out) as running,
        ):
            namespace.python(MANY, "1000")
            wait_until(lambda: lines.read_text().count('"type":"transition"') > 8000, "most is told while it runs")
            time.sleep(0.5)
            status, _, err = ended(running)
        assert (status, err) == (0, "")
    finally:
        dump.send_signal(signal.SIGINT)
        assert "0 packets dropped by kernel" in dump.communicate()[1]
    report = analyse(str(saved))
    expected = {
        (connection.client.port, role): course(json_of(end.transitions))
        for connection in report.connections
        for role, end in (("client", connection.client), ("server", connection.server))
        if end.transitions
    }
    text = lines.read_text().splitlines()
    ports = {each["id"]: each["client"]["port"] for each in map(json.loads, text) if "client" in each}
    told = {(ports[id], role): course(steps) for (id, role), steps in added_up(text).items()}
    assert len(report.connections) == 1000
    assert told == expected


def json_of(value):
    import msgspec

    return json.loads(msgspec.json.encode(value))


def test_the_loopback_is_counted_once_alone_and_among_all(namespace, command):
    for interface in ("lo", "any"):
        with listening([*command, "live", "-i", interface, "--format", "json"], namespace) as running:
            namespace.python(MANY, "7")
            time.sleep(0.5)
            status, out, err = ended(running, signal.SIGTERM)
        assert (status, err) == (0, "")
        report = json.loads(out)
        assert report["summary"]["connections"] == 7
        assert {end["duplicates"] for each in report["connections"] for end in (each["client"], each["server"])} == {0}
        assert report["captures"][0]["path"] == interface
        assert report["captures"][0]["link_types"] == ["ETHERNET"]


def test_count_and_duration_end_the_run_with_its_report(namespace, command):
    with listening([*command, "live", "-i", "lo", "--count", "5", "--format", "json"], namespace) as running:
        namespace.python(MANY, "7")
        out, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (0, "")
    assert json.loads(out)["captures"][0]["frames"] == 5
    begin = time.monotonic()
    with listening([*command, "live", "-i", "lo", "--duration", "1.5s", "--format", "json"], namespace) as running:
        out, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (0, "")
    assert json.loads(out)["captures"][0]["frames"] == 0
    assert time.monotonic() - begin >= 1.5


TAGGED = """
import socket, sys
sys.path.insert(0, "tests")
from frames_by_hand import SYN, ethernet, ipv4, tcp
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("here", 0))
packet = ipv4(tcp(SYN))
out.send(ethernet(bytes((0x60, 7, 8, 0)) + packet, 0x8100))
"""


def test_a_vlan_tag_that_the_kernel_keeps_aside_is_put_back(namespace, command):
    namespace.ip("link", "add", "here", "type", "veth", "peer", "name", "there")
    for device in ("here", "there"):
        namespace.ip("link", "set", device, "addrgenmode", "none", "up")
    # Linux takes the tag out of a frame that arrives, and leaves it in one that it sends.
    for interface, bpf in (("there", ()), ("here", ()), ("there", ("--bpf", ""))):
        words = [*command, "live", "-i", interface, *bpf, "--format", "json"]
        with listening(words, namespace) as running:
            namespace.python(TAGGED)
            time.sleep(0.3)
            status, out, err = ended(running)
        assert (status, err) == (0, "")
        report = json.loads(out)
        assert (report["captures"][0]["counters"]["tcp"], len(report["connections"])) == (1, 1)
        if not bpf:
            # An Ethernet header, the tag, IPv4 and TCP.
            assert report["captures"][0]["bytes"] == 14 + 4 + 20 + 20


def test_several_interfaces_are_one_capture_in_order(namespace, command):
    namespace.ip("link", "add", "here", "type", "veth", "peer", "name", "there")
    namespace.ip("addr", "add", "198.51.100.1/24", "dev", "here")
    for device in ("here", "there"):
        namespace.ip("link", "set", device, "up")
    words = [*command, "live", "-i", "lo", "-i", "here", "--format", "json"]
    with listening(words, namespace) as running:
        namespace.python(MANY, "3")
        namespace.python("import socket; s = socket.socket(); s.settimeout(0.3); s.connect_ex(('198.51.100.1', 80))")
        time.sleep(0.3)
        status, out, err = ended(running)
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert report["captures"][0]["path"] == "lo, here"
    assert report["summary"]["openings"] == {"three-way": 2, "refused": 2}


def test_bpf_filters_in_the_kernel_and_a_slip_in_it_is_told(namespace, command, cli):
    with listening(
        [*command, "live", "-i", "lo", "--bpf", "port 20001 or port 20002", "--format", "json"], namespace
    ) as running:
        namespace.python(MANY, "7")
        time.sleep(0.3)
        status, out, err = ended(running)
    assert (status, err) == (0, "")
    assert sorted(each["client"]["port"] for each in json.loads(out)["connections"]) == [20001, 20002]
    done = cli("live", "-i", "lo", "--bpf", "port nonsense")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("handshake-inspect: --bpf 'port nonsense': ")
    assert done.stderr.count("\n") == 1


def test_snaplen_cuts_frames_and_their_length_is_still_known(namespace, command):
    words = [*command, "live", "-i", "lo", "--snaplen", "64", "--format", "json"]
    with listening(words, namespace) as running:
        namespace.python(MANY, "2")
        time.sleep(0.3)
        status, out, err = ended(running)
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert report["captures"][0]["bytes"] <= 64 * report["captures"][0]["frames"]
    assert report["connections"][1]["client"]["bytes"] == len("question")


def test_a_reader_that_closes_the_pipe_ends_the_run_quietly(namespace, command):
    with listening([*command, "live", "-i", "lo"], namespace) as running:
        namespace.python(MANY, "3")
        assert running.stdout.readline().endswith("CLOSED -> SYN_SENT  snd SYN, frame 1, observed\n")
        running.stdout.close()
        namespace.python(MANY, "3")
        assert running.wait(timeout=20) == 0
        assert running.stderr.read() == ""
