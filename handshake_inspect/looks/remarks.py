"""Remarks on rows: repeats of a SYN, SYN-ACK, FIN or data, mirrored copies, and findings at their frames."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from handshake_inspect.looks.ladder import Note
from handshake_inspect.report import FrameOf

if TYPE_CHECKING:
    from handshake_inspect.report import Connection, Finding, Frame, Role
    from handshake_inspect.segments import OneSegment

FIN, SYN, RST, PSH, ACK = 0x001, 0x002, 0x004, 0x008, 0x010
FLAG_NAMES = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE")
"""The control bits, the lowest first: the order in which Wireshark spells them."""

TOLD_BY_ROWS = frozenset({"syn-retransmitted", "syn-ack-retransmitted", "fin-retransmitted", "mirrored"})
"""Findings that count repeats: each repeat has a note on its own row, so the count needs none."""


def flag_names(flags: int) -> str:
    """`SYN,ACK`; `no flags` for none."""
    return ",".join(name for bit, name in enumerate(FLAG_NAMES) if flags >> bit & 1) or "no flags"


def number(frame: Frame) -> str:
    return f"{frame.capture}:{frame.frame}" if isinstance(frame, FrameOf) else str(frame)


class Repeats:
    """Knows what each side has sent, and says when it comes again."""

    def __init__(self) -> None:
        self.first: dict[tuple[Role, str, int], tuple[Frame, int]] = {}
        self.count: dict[tuple[Role, str, int], int] = {}

    def of(self, segment: OneSegment, frame: Frame, sender: Role, *, again: bool) -> list[Note]:
        """The note on a repeat, none for a first copy; `again` says that the data was sent before."""
        what = control(segment.flags)
        if not what:
            text = f"{segment.length:,} bytes sent again: the {sender} has had no ACK of them"
            return [Note(id="data-again", severity="note", text=text)] if again else []
        key = (sender, what, segment.seq)
        self.count[key] = self.count.get(key, 0) + 1
        first, _ = self.first.setdefault(key, (frame, segment.time_ns))
        if first == frame:
            return []
        text = f"{what} sent again, copy {self.count[key]}; the first is frame {number(first)}"
        return [Note(id=f"{what.lower()}-again", severity="warning", text=text)]

    def copied(self, original: Frame) -> Note:
        """The note on a mirrored copy that has a row of its own."""
        return Note(id="mirrored", severity="note", text=f"mirrored copy of frame {number(original)}, not sent again")


def control(flags: int) -> str:
    """SYN, SYN-ACK or FIN; empty for any other segment."""
    if flags & RST:
        return ""
    if flags & SYN:
        return "SYN-ACK" if flags & ACK else "SYN"
    return "FIN" if flags & FIN else ""


def by_frame(connection: Connection, there: Container[Frame]) -> tuple[dict[Frame, list[Note]], list[Note]]:
    """The findings as notes: by the frame whose row tells them (the last of theirs that has one), and the others."""
    placed: dict[Frame, list[Note]] = {}
    others = []
    for finding in connection.findings:
        note = Note(id=finding.id, severity=finding.severity, text=finding.text)
        place = where(finding, there)
        if place is None:
            others.append(note)
        elif finding.id not in TOLD_BY_ROWS:
            placed.setdefault(place, []).append(note)
    return placed, others


def where(finding: Finding, there: Container[Frame]) -> Frame | None:
    """The last frame of a finding that has a row."""
    return next((frame for frame in reversed(finding.frames) if frame in there), None)


def frames_of(connection: Connection, id: str) -> frozenset[Frame]:
    """The frames of the findings with this id."""
    return frozenset(frame for finding in connection.findings if finding.id == id for frame in finding.frames)


def challenged(by: Frame) -> Note:
    """The note on a challenge ACK."""
    return Note(id="challenge-ack", severity="note", text=f"challenge ACK (RFC 5961) after frame {number(by)}")
