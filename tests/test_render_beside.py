"""How the wire and the kernel are shown side by side."""

from __future__ import annotations

import io

import pytest

from handshake_inspect.kernel.differences import NOT_TAKEN
from handshake_inspect.render import Style
from handshake_inspect.render.beside import in_short, write_table
from test_kernel_beside import END, HOST, PEER, Machine

OTHER = (HOST, 40001, PEER, 80)
THIRD = ("2001:db8::1", 40002, "2001:db8::2", 80)


@pytest.fixture
def beside():
    """An end that agrees, one that differs for a reason, and one without."""
    machine = Machine()
    machine.wire("CLOSED", "SYN_SENT", end=END)
    machine.kernel("SYN_SENT", END)
    machine.wire("LISTEN", "SYN_RECEIVED", end=OTHER, connection=1)
    machine.wire("SYN_RECEIVED", "ESTABLISHED", certainty="inferred", end=OTHER, connection=1)
    machine.kernel("SYN_RECEIVED", OTHER)
    machine.wire("SYN_SENT", "ESTABLISHED", end=THIRD, connection=2)
    machine.kernel("CLOSE_WAIT", THIRD)
    machine.poll(10)
    machine.beside.finish()
    return machine.beside


def written(beside, width, lost=None):
    out = io.StringIO()
    write_table(beside, lost, out, Style(width=width, colour=False, utc=True))
    return out.getvalue()


def test_the_comparison_ends_with_each_end_that_is_there_the_worst_first(beside):
    assert (
        written(beside, 120, lost=3)
        == f"""
beside the kernel's sockets
  compared   30 states in 10 polls, 33.33% agree
  in passing 0 differences that went away: the two are never asked at one instant
  explained  1: {NOT_TAKEN}
  lasting    1; 3 frames lost, which the wire's states may lack
    #2 [2001:db8::1]:40002 with [2001:db8::2]:80: ESTABLISHED by the wire, CLOSE_WAIT by the kernel, for 1.00 s

#  local                peer              wire         kernel
2  [2001:db8::1]:40002  [2001:db8::2]:80  ESTABLISHED  CLOSE_WAIT    lasting
1  192.0.2.1:40001      192.0.2.2:80      ESTABLISHED  SYN_RECEIVED  explained
0  192.0.2.1:40000      192.0.2.2:80      SYN_SENT     SYN_SENT
"""
    )


def test_on_a_narrow_terminal_the_ends_are_stacked(beside):
    lines = written(beside, 50).splitlines()
    assert max(map(len, lines)) <= 50
    assert lines[-9:-6] == [
        "#2 [2001:db8::1]:40002",
        "  with [2001:db8::2]:80",
        "  wire ESTABLISHED, kernel CLOSE_WAIT, lasting",
    ]


def test_the_board_has_it_in_one_line(beside):
    assert in_short(beside) == ("kernel: 1 lasting, 33.3% agree; 1 explained, 0 in passing", "error")
