"""The command `live`: who may run it, what it gives up, how it ends, and the board on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from live_runs import Namespace, ended, listening, read_for, status_of, wait_until
from test_live_wire import MANY

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux's rights")


@pytest.fixture
def namespace():
    with Namespace("command") as namespace:
        yield namespace


def test_without_an_interface_the_way_to_their_names_is_told(cli):
    done = cli("live")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "handshake-inspect: name an interface with -i; `handshake-inspect live --list` names them all\n"
    )


@needs_linux
def test_an_interface_that_is_not_there_is_told_with_those_that_are(cli):
    done = cli("live", "-i", "nope0")
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(
        r"handshake-inspect: nope0: no such interface; there are .*\blo\b.*, and any for all of them\n", done.stderr
    )


@needs_linux
def test_the_interfaces_are_listed_with_their_addresses(cli):
    done = cli("live", "--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^lo +up +127\.0\.0\.1", done.stdout, re.MULTILINE)


def test_a_duration_that_is_none_is_refused(cli):
    done = cli("live", "-i", "lo", "--duration", "soon")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("handshake-inspect: --duration needs a duration such as 250ms, 1.5s or 2min, not 'soon'\n")


@pytest.mark.root
def test_without_cap_net_raw_the_two_ways_to_give_it_are_told(command):
    # Root without the capability: the kernel refuses it like anybody else.
    program = "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 13, 0, 0, 0); os.execvp(sys.argv[1], sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, *command, "live", "-i", "lo"], capture_output=True, text=True, timeout=60
    )
    python = os.path.realpath(sys.executable)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "handshake-inspect: lo: needs the capability CAP_NET_RAW: run it with sudo (root is given up as soon as the "
        f"socket is open), or give it to this Python: sudo setcap cap_net_raw=ep {python} (every program of this "
        "Python can sniff then)\n"
    )


@pytest.mark.root
@pytest.mark.parametrize(
    ("sudo", "user"), [({}, "65534"), ({"SUDO_UID": "4321", "SUDO_GID": "4322"}, "4321")], ids=["root", "sudo"]
)
def test_root_and_every_capability_are_given_up_while_it_listens(namespace, command, sudo, user):
    with listening([*command, "live", "-i", "lo"], namespace, env=sudo) as running:
        for task in Path("/proc", str(running.pid), "task").iterdir():
            status = status_of(int(task.name))
            assert status["Uid"].split() == [user] * 4
            assert status["Gid"].split() == [sudo.get("SUDO_GID", user)] * 4
            assert status["Groups"] == ""
            assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
            assert status["NoNewPrivs"] == "1"
        namespace.python(MANY, "3")
        time.sleep(0.5)
        status, out, err = ended(running)
    assert (status, err) == (0, "")
    assert "\n3 connections\n" in out


@pytest.mark.root
def test_it_opens_no_socket_but_the_one_that_sniffs_and_starts_no_program(namespace, command):
    with listening([*command, "live", "-i", "lo"], namespace) as running:
        found = [os.readlink(each) for each in Path("/proc", str(running.pid), "fd").iterdir()]
        assert len({name for name in found if name.startswith("socket:")}) == 1
        assert Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text() == ""
        # ptype, the sockets that see frames: one, for all protocols.
        assert namespace.python("print(open('/proc/net/packet').read())").count("\n") == 3


@pytest.mark.root
def test_sigterm_ends_the_run_with_the_report(namespace, command):
    with listening([*command, "live", "-i", "lo"], namespace) as running:
        namespace.python(MANY, "3")
        time.sleep(0.5)
        status, out, err = ended(running, signal.SIGTERM)
    assert (status, err) == (0, "")
    assert "\n3 connections\n" in out
    assert len(re.findall(r"^\d\d:\d\d:\d\d\.\d{6}  #\d 127\.0\.0\.1:2000\d -> 127", out, re.MULTILINE)) > 10


@pytest.mark.root
def test_ndjson_ends_with_each_connection_as_the_report_has_it(namespace, command):
    with listening([*command, "live", "-i", "lo", "--format", "ndjson"], namespace) as running:
        namespace.python(MANY, "7")
        time.sleep(0.5)
        status, out, err = ended(running)
    assert (status, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    last = {line["connection"]["id"]: line["connection"] for line in lines if line["type"] == "connection"}
    assert sorted(last) == list(range(7))
    assert last[0]["opening"]["kind"] == "refused"
    assert ("refused", 0) in {(line["finding"]["id"], line["id"]) for line in lines if line["type"] == "finding"}


@pytest.mark.root
def test_connections_that_left_are_counted_and_told(namespace, command):
    with listening([*command, "live", "-i", "lo", "--max-connections", "16"], namespace) as running:
        namespace.python(MANY, "100")
        time.sleep(0.5)
        status, out, err = ended(running)
    assert status == 0
    assert re.search(r"^100 connections, \d+ of them still in the table$", out, re.MULTILINE)
    assert re.fullmatch(
        r"handshake-inspect: \d+ connections left the table and are only counted \(\d+ oldest\): "
        r"--max-connections keeps more\n",
        err,
    )


class Terminal:
    """A pseudo-terminal of a size, on which a run draws."""

    def __init__(self, columns, lines):
        self.master, self.slave = pty.openpty()
        self.resize(columns, lines)

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def last_board(self, seconds=1.5):
        """Return what was drawn, and the lines of the last whole board."""
        drawn = read_for(self.master, seconds).decode()
        boards = [board for board in drawn.split("\x1b[H") if board.endswith("\x1b[K\x1b[J")]
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", boards[-1])
        return drawn, plain.replace("\r", "").split("\n")

    def close(self):
        os.close(self.master)
        os.close(self.slave)


@pytest.mark.root
@pytest.mark.slow
def test_the_board_is_drawn_in_place_and_fits_every_size_of_the_terminal(namespace, command):
    terminal = Terminal(100, 30)
    try:
        words = [*command, "live", "-i", "lo"]
        with listening(words, namespace, stdout=terminal.slave, env={"TERM": "xterm"}) as running:
            namespace.python(MANY, "10")
            drawn, board = terminal.last_board()
            assert drawn.startswith("\x1b[?1049h\x1b[?25l")
            assert board[0].startswith("live on lo  0:00:0")
            assert board[0].endswith("Ctrl-C: report")
            assert board[2].startswith("10 connections, ")
            states = {words[0]: int(words[1]) for words in map(str.split, board[4:13])}
            assert list(states) == [
                "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING",
                "LAST_ACK", "TIME_WAIT",
            ]  # fmt: skip
            assert states["TIME_WAIT"] == 6
            assert "error        2  refused" in board
            assert "#9    client 127.0.0.1:20009" in board[-1] or "#9    server 127.0.0.1:8000" in board[-1]
            for columns, lines in ((50, 14), (20, 5), (200, 60)):
                terminal.resize(columns, lines)
                _, board = terminal.last_board()
                assert len(board) <= lines
                assert max(map(len, board)) <= columns
                assert board[0].startswith("live on lo")
            running.send_signal(signal.SIGINT)
            wait_until(lambda: running.poll() is not None, "the run ends")
            drawn = read_for(terminal.master, 0.5).decode()
            assert running.returncode == 0
            board, report = drawn.split("\x1b[?25h\x1b[?1049l")
            assert "10 connections" in report
            assert "\x1b[H" not in report
    finally:
        terminal.close()
