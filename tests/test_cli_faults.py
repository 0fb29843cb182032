"""What befalls a run from outside: signals, a full disk, a file that changes under its reader, a bare environment."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wrappings import capture_bytes, frames

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and files")

TALK = capture_bytes(frames("open; talk; close"))
OPEN = capture_bytes(frames("open; talk"))
SIGNALS = [(signal.SIGINT, "SIGINT", 130), (signal.SIGTERM, "SIGTERM", 143)]
FULL = Path("/dev/full")
PATIENCE_S = 30
POLLS = ("7", "73")
"""The number of poll() on x86-64, and of ppoll() on most others."""
needs_proc = pytest.mark.skipif(
    not os.access("/proc/self/syscall", os.R_OK), reason="needs Linux to see a process wait"
)


def hears():
    """In a process to be: Ctrl-C is not ignored, as it is in what a shell started in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start(command):
    """Start the command; what still runs at the end of the test is killed."""
    started = []

    def begin(*arguments, **options):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        environment = {**os.environ, "TZ": "UTC", "NO_COLOR": "1", "COLUMNS": "100", **pipes.pop("env", {})}
        words = [*command, *map(str, arguments)]
        started.append(subprocess.Popen(words, env=environment, **{"preexec_fn": hears, **pipes}))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def ended(process, open_input=False, **choices):
    """Wait for a process; return its status and what it printed.  Its standard input may stay open."""
    kept, process.stdin = process.stdin, None if open_input else process.stdin
    out, err = process.communicate(timeout=PATIENCE_S, **choices)
    kept.close()
    return process.returncode, out.decode(), err.decode()


def waits_in_read(process):
    """Wait until the process waits for its standard input."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        call = Path(f"/proc/{process.pid}/syscall").read_text().split()
        if call[0] in POLLS and not unread(process):
            return
        time.sleep(0.02)
    raise AssertionError("it never waited for its input")


def unread(process):
    """How many bytes are in the pipe to the process."""
    import array
    import fcntl
    import termios

    waiting = array.array("i", [0])
    fcntl.ioctl(process.stdin, termios.FIONREAD, waiting)
    return waiting[0]


@needs_proc
@pytest.mark.parametrize(("number", "name", "status"), SIGNALS)
def test_a_signal_ends_the_reading_and_the_report_is_on_what_was_read(start, number, name, status):
    process = start("report", "-", "--format", "json")
    process.stdin.write(OPEN)
    process.stdin.flush()
    waits_in_read(process)
    process.send_signal(number)
    left, out, err = ended(process, open_input=True)
    assert (left, err) == (
        status, f"handshake-inspect: -: frame 8, offset {len(OPEN)}: reading was stopped here by {name}\n",
    )  # fmt: skip
    document = json.loads(out)
    assert [one["client"]["state"] for one in document["connections"]] == ["ESTABLISHED"]
    assert document["captures"][0]["faults"][0]["problem"] == f"reading was stopped here by {name}"


@needs_proc
def test_what_the_writer_of_a_pipe_sends_as_it_ends_is_read_too(start):
    """Ctrl-C goes to `tcpdump -w - | handshake-inspect -` as a whole, and tcpdump then writes what it has kept."""
    process = start("-")
    process.stdin.write(TALK[: len(OPEN)])
    process.stdin.flush()
    waits_in_read(process)
    process.send_signal(signal.SIGINT)
    left, out, err = ended(process, input=TALK[len(OPEN) :])
    assert (left, err) == (130, "")
    assert "11 frames" in out and "four-way" in out


@needs_proc
def test_a_signal_before_anything_came_says_so(start):
    process = start("-")
    waits_in_read(process)
    process.send_signal(signal.SIGINT)
    assert ended(process, open_input=True) == (130, "", "handshake-inspect: -: reading was stopped here by SIGINT\n")


@needs_proc
def test_a_signal_that_whoever_started_it_has_ignored_stays_ignored(start):
    process = start("-", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    waits_in_read(process)
    process.send_signal(signal.SIGINT)
    left, out, err = ended(process, input=TALK)
    assert (left, err) == (0, "")
    assert "11 frames" in out


SLOW = """
import os, sys
from handshake_inspect.capture.capture import Capture
from handshake_inspect.cli import main

def once(self, ended, grow=Capture.growing):
    for number, batch in enumerate(grow(self, ended)):
        yield batch
        if number == 0 and sys.argv[1] != "0":
            os.kill(os.getpid(), int(sys.argv[1]))
            sys.argv[1] = "0"
Capture.growing = once
sys.exit(main(sys.argv[2:]))
"""
"""The command line, which sends itself a signal once it has read the first batch of a capture."""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A capture of three batches: an opening, many segments, a close."""
    path = tmp_path_factory.mktemp("large") / "large.pcap"
    talk = frames("open; talk; close")
    more = [(time_ns + 10**9, data) for time_ns, data in talk[3:5]] * 10_000
    path.write_bytes(capture_bytes([*talk[:7], *more, *talk[7:]]))
    return path


@pytest.mark.parametrize(("number", "name", "status"), SIGNALS)
@pytest.mark.parametrize(
    "command", [("report", "--format", "json"), ("walk", "--format", "json", "--all"), ("doctor",)], ids=str
)
def test_a_second_reading_ends_where_the_first_one_did(large, number, name, status, command):
    words = [sys.executable, "-c", SLOW, str(int(number)), command[0], str(large), *command[1:]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, preexec_fn=hears)
    assert done.returncode == status, done.stderr
    said = re.fullmatch(
        rf"handshake-inspect: {large}: frame (\d+), offset \d+: reading was stopped here by {name}\n", done.stderr
    )
    assert said, done.stderr
    read = int(said[1]) - 1
    assert 1000 < read < 20_000
    if command[0] == "report":
        assert json.loads(done.stdout)["captures"][0]["frames"] == read
    if command[0] == "walk":
        assert max(map(int, re.findall(r'"frame": (\d+)', done.stdout))) == read
    assert "FIN_WAIT_1" not in done.stdout


def test_a_second_signal_does_not_wait(tmp_path):
    """The first one would have it go on to the report; here that takes for ever."""
    path = tmp_path / "a.pcap"
    path.write_bytes(TALK)
    program = SLOW.replace("sys.exit(main", "import time, handshake_inspect.verdict.judge as judge\n"
        "class Slow(judge.Judge):\n"
        "    def judge_all(self):\n"
        "        os.kill(os.getpid(), 15)\n"
        "        time.sleep(60)\n"
        "import handshake_inspect.analysis\n"
        "handshake_inspect.analysis.Judge = Slow\n"
        "sys.exit(main")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", program, "2", str(path)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        preexec_fn=hears,
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (143, "", "")


def test_a_signal_leaves_no_half_of_an_output_file(tmp_path):
    path, output = tmp_path / "a.pcap", tmp_path / "report.json"
    path.write_bytes(TALK)
    output.write_text("old")
    program = (
        "import os, sys, time\n"
        "import handshake_inspect.render.json as json\n"
        "def write(selection, out, style):\n"
        "    out.write('{'); out.flush(); os.kill(os.getpid(), 15); time.sleep(60)\n"
        "json.write = write\n"
        "from handshake_inspect.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", program, str(path), "-o", str(output)]
    assert subprocess.run(words, capture_output=True, timeout=PATIENCE_S).returncode == 143
    assert (output.read_text(), sorted(os.listdir(tmp_path))) == ("old", ["a.pcap", "report.json"])
