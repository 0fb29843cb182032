"""The words on a ladder's rungs, the same in every drawing: flags, numbers, sums, states, what a run carried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handshake_inspect.render.text import address, clean, clock, counted, duration, frame_number, seconds, size

if TYPE_CHECKING:
    from handshake_inspect.looks.ladder import Carried, Ladder, Row, Start, Step, Sum, Takes
    from handshake_inspect.report import Certainty

# fmt: off
SIGNS: dict[Certainty, str] = {
    "observed":  "",
    "confirmed": "+",
    "inferred":  "~",
    "assumed":   "?",
}
MEANINGS: dict[Certainty, str] = {
    "observed":  "the endpoint itself sent the segment that makes this step",
    "confirmed": "it received the segment, and a later one of its own proves that",
    "inferred":  "the segment passed the capture point; nothing later proves that it arrived",
    "assumed":   "no segment shows it",
}
# fmt: on


def title(ladder: Ladder) -> str:
    """`#0 192.0.2.1:40000 -> 192.0.2.2:80: three-way open, four-way close`."""
    connection = ladder.connection
    ends = f"{address(connection.client)} -> {address(connection.server)}"
    return f"#{connection.id} {ends}: {how(ladder)}"


def how(ladder: Ladder) -> str:
    """`opening three-way, closing four-way (the client first)`."""
    closing = ladder.connection.closing
    words = f"opening {ladder.connection.opening.kind}, closing {closing.kind}"
    return words + (f" (the {closing.first} first)" if closing.first else "")


def zero(ladder: Ladder, *, utc: bool) -> str:
    """`seconds since 2026-11-21 05:25:51.108796 UTC`: the first frame of the capture."""
    return f"seconds since {clock(ladder.start_ns, utc=utc)}"


def time_of(row: Row, ladder: Ladder) -> str:
    """Seconds since the first frame of the capture."""
    return seconds(row.time_ns - ladder.start_ns, ladder.decimals)


def frames_of(row: Row) -> str:
    """`8`, `4-7` for a run; empty for a timer."""
    if row.frame is None:
        return ""
    first = frame_number(row.frame)
    return first if row.last_frame == row.frame else f"{first}-{frame_number(row.last_frame)}"


def label(row: Row) -> str:
    """What the arrow says: `SYN`, `PSH,ACK 9 bytes`; for a row without a segment, what happens there."""
    if row.kind == "run":
        return run_head(row)
    if row.kind == "timer":
        return "2MSL is over (timer)"
    if row.kind == "elsewhere":
        return "new SYN, next connection"
    if row.kind == "icmp":
        return "ICMP error"
    return row.flags + (f" {counted(row.length, 'byte')}" if row.length else "")


def run_head(row: Row) -> str:
    """`4 segments of data`."""
    carried = [one for one in (row.by_client, row.by_server) if one is not None]
    total = sum(one.segments + one.acks + one.copies for one in carried)
    return counted(total, "segment") + (" of data" if any(one.segments for one in carried) else "")


def run_lines(row: Row) -> list[str]:
    """What each side sent in a run: `client: 9 bytes in 1 segment, 1 ACK`."""
    lines = []
    for name, one in (("client", row.by_client), ("server", row.by_server)):
        if one is not None and (words := carried_in_words(one)):
            lines.append(f"{name}: {words}")
    return lines


def carried_in_words(one: Carried) -> str:
    """`9 bytes in 1 segment, 1 ACK, 2 sent again`."""
    words = []
    if one.segments:
        amount = counted(one.bytes, "byte") if one.bytes < 1000 else size(one.bytes)
        words.append(f"{amount} in {counted(one.segments, 'segment')}")
    if one.acks:
        words.append(counted(one.acks, "ACK"))
    if one.again:
        words.append(f"{one.again:,} sent again")
    if one.copies:
        words.append("1 mirrored copy" if one.copies == 1 else f"{one.copies:,} mirrored copies")
    return ", ".join(words)


def numbers(row: Row) -> list[str]:
    """`seq 4070827017 (1)` and `ack 2301286561 (1)`: raw, and relative in parentheses."""
    parts = []
    for name, raw, relative in (("seq", row.seq, row.relative_seq), ("ack", row.ack, row.relative_ack)):
        if raw is not None:
            parts.append(f"{name} {raw}" + (f" ({relative})" if relative is not None else ""))
    return parts


def takes_in_words(takes: Takes) -> str:
    """`SYN takes 4070827016, next 4070827017`."""
    return f"{takes.what} {takes_short(takes)}"


def takes_short(takes: Takes) -> str:
    """The same without what takes the number."""
    return f"takes {takes.number}, next {takes.next}"


def sum_short(one: Sum) -> str:
    """`ack 1001 = 1000 + 1 ok`, or by how much it is wrong."""
    return _sum(one, "")


def sum_long(one: Sum) -> str:
    """The same with whose number it is: `ack 1001 = client's SYN 1000 + 1 ok`."""
    return _sum(one, f"{one.of} ")


def _sum(one: Sum, of: str) -> str:
    head = f"{one.field.lower()} {one.seen}"
    if one.ok:
        data = f" + {counted(one.data, 'byte')} of data" if one.data else ""
        return f"{head} = {of}{one.number} + 1{data} ok"
    amount = f"{one.off:,} too many" if one.off > 0 else f"{-one.off:,} too few"
    return f"{head} != {of}{one.number} + 1 WRONG, {amount}"


def start_in_words(start: Start) -> str:
    """`LISTEN ?`; `not seen` for an end that shows no sign of life."""
    if start.state is None:
        return "not seen"
    return signed(start.state, start.certainty or "observed")


def signed(state: str, certainty: Certainty) -> str:
    """`ESTABLISHED +`: a state with the sign of how it is known."""
    return f"{state} {SIGNS[certainty]}".rstrip()


def step_in_words(step: Step) -> str:
    """`CLOSING +`."""
    return signed(step.transition.to, step.transition.certainty)


def cause(step: Step) -> str:
    """`(by frame 9)` where the cause is another row's frame; `(or frame 8)` where an earlier copy may have been it."""
    transition = step.transition
    if step.caused_elsewhere:
        return f"(by frame {frame_number(transition.frame)})"
    if transition.earliest_frame is not None and transition.earliest_frame != transition.frame:
        return f"(or frame {frame_number(transition.earliest_frame)})"
    return ""


def copies_in_words(row: Row) -> str:
    """`frame 2 is a mirrored copy`."""
    frames = ", ".join(frame_number(frame) for frame in row.copies)
    if len(row.copies) == 1:
        return f"frame {frames} is a mirrored copy"
    return f"frames {frames} are mirrored copies"


def notes_of(row: Row, ladder: Ladder) -> list[tuple[str, str]]:
    """The remarks under a row: severity and text.  What a sum or the ICMP error says already is not told twice."""
    told = {"wrong-ack"} if any(not one.ok for one in row.sums) else set()
    if row.kind == "icmp" and ladder.connection.opening.icmp is not None:
        told.add("icmp-unreachable")
    notes = [(note.severity, clean(note.text)) for note in row.notes if note.id not in told]
    if row.kind == "icmp" and (icmp := ladder.connection.opening.icmp) is not None and icmp.frame == row.frame:
        notes.insert(0, ("error", f"{clean(icmp.meaning)}, from {clean(icmp.reporter)}"))
    if row.copies:
        notes.append(("note", copies_in_words(row)))
    return [*notes, *(("note", words) for words in stay_in_words(row, ladder))]


def stay_in_words(row: Row, ladder: Ladder) -> list[str]:
    """Where TIME_WAIT begins again."""
    return [
        f"the {stay.holder}'s TIME_WAIT begins again"
        for stay in ladder.connection.time_wait
        if row.frame is not None and row.frame in stay.restarts
    ]


def certainties(ladder: Ladder) -> list[Certainty]:
    """The certainties that occur, in the order of SIGNS."""
    there = {
        step.transition.certainty for row in ladder.rows for side in (row.client, row.server) for step in side.steps
    }
    there |= {start.certainty for start in (ladder.client_start, ladder.server_start) if start.certainty}
    return [certainty for certainty in SIGNS if certainty in there]


def legend(ladder: Ladder) -> list[tuple[str, str]]:
    """A sign and what it means, for each that occurs; the state without a sign is explained too."""
    rows = []
    for certainty in certainties(ladder):
        rows.append((SIGNS[certainty] or "no sign", f"{certainty}: {MEANINGS[certainty]}"))
    return rows


def lasted(row: Row) -> str:
    """How long a run lasted."""
    return duration(row.last_time_ns - row.time_ns)
