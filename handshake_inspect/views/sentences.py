"""One case of a finding, in one sentence with its numbers."""

from __future__ import annotations

from handshake_inspect.rfc9293.seq import seq_distance
from handshake_inspect.verdict.findings import FindingKind
from handshake_inspect.verdict.words import CLOCKS, MOVES

LINUX_REOPENS = 65537
"""Linux reopens a TIME_WAIT socket with the old SND.NXT + 65535 + 2 (tcp_minisocks.c, from its documentation)."""


def sentence(kind: FindingKind, role: str | None, frame: str, second: str, a: int, b: int) -> str:
    """Fill the text of `kind`: the frames as they are printed ("" for none), `a` and `b` as the row says."""
    return kind.text.format(
        who=role or "connection",
        other={"client": "server", "server": "client"}.get(role or "", "connection"),
        frame=frame,
        second=second,
        a=a,
        b=b,
        plural="" if a == 1 else "s",
        off=_off(kind.id, a, b),
        times=f" (refused {a} times: one attempt)" if a > 1 else "",
        proof="; the new ISN is the old SND.NXT + 65537: Linux reopened it from TIME_WAIT"
        if a == LINUX_REOPENS
        else "",
        moves=isn_moves(MOVES[a], b) if kind.id == "isn-predictable" else "",
        what=f"the SYN-ACK of frame {frame} stands before its SYN, frame {second}" if frame else "the clock goes back",
    )


def isn_moves(move: str, number: int) -> str:
    """Say how a host's ISNs move from one 4-tuple to another; `number` as verdict.isns gives it with the move."""
    if move == "constant":
        return "every connection begins with the same number"
    if move == "constant-step":
        return f"each is {number:,} after the one before"
    if move == "clock":
        return f"they follow {CLOCKS[number][0]}, without a secret that differs for each 4-tuple"
    if move == "small-steps":
        return f"{'each lies' if number > 0 else 'nearly all lie'} within {abs(number):,} of the one before"
    return "nothing in common from one 4-tuple to another"


def _off(finding: str, a: int, b: int) -> str:
    """Say by how much a number is off: of a wrong ACK `a` from `b`, of a RST `b` from RCV.NXT."""
    if finding == "wrong-ack":
        off = seq_distance(b & 0xFFFFFFFF, a & 0xFFFFFFFF)
        return f"{off} too many" if off > 0 else f"{-off} too few"
    if finding == "rst-ignored":
        if b == 0:
            return "it does not acknowledge the SYN"
        place = f"{b} past RCV.NXT, outside the window" if b > 0 else f"{-b} before RCV.NXT"
        return f"its SEQ {a} is {place}"
    return ""
