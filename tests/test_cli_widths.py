"""What people read is never wider than their terminal: every command, on every sample and every scenario."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from handshake_inspect.cli import main
from handshake_inspect.looks.sockets import Socket, Sockets, Timer
from handshake_inspect.render import Style
from handshake_inspect.render import sockets as drawn
from handshake_inspect.render.folding import wide

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = sorted(ROOT.glob("sample_pcaps/*/capture.pcap"))
NARROWEST = 50

# fmt: off
COMMANDS = (
    ("report",),
    ("walk",),
    ("walk", "--all"),
    ("walk", "--explain"),
    ("walk", "--explain", "--lang", "ko"),
    ("walk", "--names"),
    ("ss",),
    ("ss", "--at", "+0"),
    ("ss", "--census"),
    ("ss", "--census", "--format", "chart"),
    ("time-wait",),
    ("why", "--stream", "0"),
    ("why", "--isn"),
    ("doctor",),
)
# fmt: on


class Screen(io.StringIO):
    """Standard output that can show what a terminal can."""

    encoding = "utf-8"


def too_wide(command, captures, width, monkeypatch):
    """The lines that are wider than `width`; a single word, such as a path, is never cut."""
    monkeypatch.setenv("COLUMNS", str(width))
    name, *options = command
    out, told = Screen(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        assert main([name, *map(str, captures), *options, "--utc"]) == 0
    assert out.getvalue()
    return [line for line in out.getvalue().splitlines() if wide(line) > width and " " in line.strip()]


@pytest.mark.parametrize("width", [NARROWEST, 57, 66, 80, 160])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_line_of_a_sample_is_wider_than_the_terminal(monkeypatch, command, width):
    monkeypatch.chdir(ROOT)
    for capture in SAMPLES:
        assert too_wide(command, [capture], width, monkeypatch) == []
    assert too_wide(command, SAMPLES, width, monkeypatch) == []


@pytest.mark.parametrize("width", [NARROWEST, 80])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_line_of_a_scenario_is_wider_than_the_terminal(monkeypatch, shared, command, width):
    scenarios = sorted((shared / "scenarios").glob("*.pcap"))
    assert scenarios
    for capture in scenarios:
        assert too_wide(command, [capture], width, monkeypatch) == []


@pytest.mark.parametrize("width", [NARROWEST, 80, 120])
def test_the_longest_row_of_ss_fits(width):
    longest = "2001:db8:1111:2222:3333:4444:5555:6666"
    timer = Timer(kind="syn-ack", left_ns=3_999_000_000, basis="schedule", at_most=True)
    row = Socket(
        state="SYN_RECEIVED", address=longest, port=65535, peer_address=longest, peer_port=65535,
        connection=99_999_999, role="server", since_ns=0, frame=1, certainty="inferred", send_q=1_000_000_000,
        timer=timer, names=(f"{'a' * 60}.example",),
    )  # fmt: skip
    table = Sockets(
        schema="handshake-inspect/ss/1", time_ns=3_000_000_000, two_msl_ns=60, hosts=(longest,), sockets=(row,)
    )
    out = Screen()
    drawn.write_table(table, out, Style(width=width, colour=False, utc=True), "rfc")
    lines = out.getvalue().splitlines()
    assert [line for line in lines if len(line) > width and " " in line.strip()] == []
    assert "SYN-ACK in ~4.00 s" in out.getvalue()
