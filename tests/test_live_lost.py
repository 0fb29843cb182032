"""Frames that the kernel dropped are counted, told, and put a mark on the verdicts that they can fake."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from handshake_inspect.analysis import capture_info, two_msl_ns
from handshake_inspect.capture import open_capture
from handshake_inspect.decode import Decoder
from handshake_inspect.live.table import Table
from live_runs import Namespace, ended, listening
from wrappings import START_NS, capture_bytes, frames

SECOND = 10**9
# What happens; when frames were lost, in seconds; whether one of them can have changed the verdict.
CASES = {
    "an answer to a SYN": ("SYN >; quiet @9", 1, True),
    "an answer to a SYN that was not sent yet": ("SYN >; port 50000; SYN @5 >; quiet @9", 1, False),
    "the ACK of a SYN-ACK": ("SYN >; < SYN-ACK; quiet @9", 1, True),
    "the other FIN": ("open; FIN >; < ACK; quiet @9", 1, True),
    "the end of a connection that fell silent": ("open; talk; quiet @9", 1, True),
    "nothing of a connection that went on": ("open; talk; DATA(10) @5 >; < ACK", 1, False),
    "nothing of a connection that closed": ("open; talk; DATA(10) @5 >; < ACK; close; quiet @9", 1, False),
    "nothing of a refusal": ("SYN >; < RST-ACK; quiet @9", 1, False),
    "a handshake": ("SYN >; port 50000; mid; DATA(10) @5 >; < ACK; close", 1, True),
    "no handshake, which was before the run": ("mid; DATA(10) >; < ACK; DATA(10) @5 >; < ACK; close", 1, False),
    "bytes that were acknowledged": ("open; DATA(10) hidden @5 >; < ACK; close", 4.9, True),
}


@pytest.mark.parametrize(("ladder", "lost_at", "matters"), CASES.values(), ids=CASES.keys())
def test_a_loss_marks_the_verdicts_that_it_can_fake(tmp_path, ladder, lost_at, matters):
    path = tmp_path / "ladder.pcap"
    path.write_bytes(capture_bytes(frames(ladder)))
    capture, decoder = open_capture(str(path)), Decoder()
    table = Table(two_msl_ns("linux"), "linux", 100)
    for batch in capture.batches():
        rows = decoder.decode(batch)
        table.take(decoder.segments, rows)
    when = START_NS + int(lost_at * SECOND)
    table.lose(when, when + SECOND // 5, 7)
    report = table.report(capture_info(capture, decoder), capture.last_time_ns, [])
    found = [finding.text for finding in report.connections[-1].findings if finding.id == "frames-lost"]
    assert found == ["7 frames lost by the capture: a segment that is missing here may be among them"] * matters


BULK = """
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 8001))
client = socket.create_connection(("127.0.0.1", 8001))
server, _ = listener.accept()
left = int(sys.argv[1])
def read():
    while server.recv(1 << 20):
        pass
reader = threading.Thread(target=read)
reader.start()
chunk = bytes(1 << 20)
for _ in range(left):
    client.sendall(chunk)
client.close()
reader.join()
"""
HELD = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 8000))
client = socket.create_connection(("127.0.0.1", 8000))
server, _ = listener.accept()
print("open", flush=True)
sys.stdin.readline()
client.close()
server.close()
print("closed", flush=True)
"""


@pytest.mark.root
@pytest.mark.slow
def test_frames_that_the_kernel_drops_are_told_and_mark_what_they_hid(command):
    with Namespace("lost") as namespace, listening(
        [*command, "live", "-i", "lo", "--format", "json"], namespace
    ) as running, subprocess.Popen(
        namespace.words(sys.executable, "-c", HELD), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as held:  # fmt: skip
        assert held.stdout.readline() == "open\n"
        time.sleep(0.5)
        running.send_signal(signal.SIGSTOP)
        # More than the ring holds: nobody takes it, and what comes after finds no place.
        namespace.python(BULK, "200")
        held.communicate("close\n")
        running.send_signal(signal.SIGCONT)
        time.sleep(1)
        status, out, err = ended(running)
    assert status == 0
    lost = err.removeprefix("handshake-inspect: ").split(" frames lost: they came faster than they were taken; ")
    assert int(lost[0].replace(",", "")) > 0
    assert lost[1] == "--snaplen 128 takes less of each\n"
    connection = json.loads(out)["connections"][0]
    assert connection["server"]["port"] == 8000
    assert connection["closing"]["kind"] == "open"
    assert "frames-lost" in [finding["id"] for finding in connection["findings"]]
