"""One case of a finding, in one sentence with its numbers."""

from __future__ import annotations

from handshake_inspect.rfc9293.seq import seq_distance
from handshake_inspect.verdict.findings import FindingKind

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
        what=f"the SYN-ACK of frame {frame} stands before its SYN, frame {second}" if frame else "the clock goes back",
    )


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
