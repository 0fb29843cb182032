"""What a report says in words, before any layout: shared by the table and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from handshake_inspect.render.selection import SEVERITIES, Selection
from handshake_inspect.render.text import clean, clock, counted, counts, duration, frame_number, size

if TYPE_CHECKING:
    from handshake_inspect.report import CaptureInfo, Connection, Summary

ROWS_MAX = 20
"""So many connections are shown in a report for people; the other formats have all."""
FINDINGS_MAX = 10

# fmt: off
COUNTERS = (
    # field of Counters   in words
    ("tcp",               "TCP"),
    ("not_tcp",           "not TCP"),
    ("fragment",          "IP fragments"),
    ("truncated",         "cut short by the snap length"),
    ("malformed",         "malformed"),
    ("unsupported",       "of kinds not supported"),
)
CLOSINGS = {
    # closing         in other words, where the word alone could be misread
    "none":           "never opened",
    "open":           "when the capture ends",
}
LEFT_OVER = (
    # final state      what that means
    ("SYN_SENT",       "its SYN was never answered"),
    ("SYN_RECEIVED",   "its SYN-ACK was never acknowledged"),
    ("CLOSE_WAIT",     "the peer has closed; the application here has not"),
    ("FIN_WAIT_1",     "its FIN was never acknowledged"),
    ("FIN_WAIT_2",     "it has closed; the peer has not"),
    ("CLOSING",        "both closed at once; its FIN was never acknowledged"),
    ("LAST_ACK",       "it closed last; its FIN was never acknowledged"),
    ("TIME_WAIT",      "closed in order; it waits out 2MSL"),
)
# fmt: on


class FindingRow(NamedTuple):
    """One kind of finding in the selection: how many connections have it, what it means, and the first example."""

    severity: str
    id: str
    connections: int
    text: str
    example: str


def captures_in_words(selection: Selection, *, utc: bool) -> list[tuple[str, list[str]]]:
    """For each capture a head line, and the faults under it."""
    several = len(selection.captures) > 1
    return [
        (f"[{number}] {head(capture, utc=utc)}" if several else head(capture, utc=utc), faults(capture))
        for number, capture in enumerate(selection.captures)
    ]


def head(capture: CaptureInfo, *, utc: bool) -> str:
    """`web.pcap: 12 frames over 2.01 s from 2026-03-01 10:00:00.000000 UTC, EN10MB: 12 TCP`."""
    words = f"{clean(capture.path)}: {counted(capture.frames, 'frame')}"
    if capture.first_time_ns is not None and capture.last_time_ns is not None:
        words += f" over {duration(capture.last_time_ns - capture.first_time_ns)}"
        words += f" from {clock(capture.first_time_ns, utc=utc)}"
    if capture.link_types:
        words += f", {' and '.join(clean(name) for name in capture.link_types)}"
    numbers = [(getattr(capture.counters, field), name) for field, name in COUNTERS]
    there = [f"{number:,} {name}" for number, name in numbers if number]
    if there:
        words += f": {', '.join(there)}"
    if capture.unsupported:
        words += f" ({counts(capture.unsupported)})"
    return words


def faults(capture: CaptureInfo) -> list[str]:
    """Each fault of the input with its place, as it is also told on standard error."""
    return [f"{place_of(fault.frame, fault.offset)}{clean(fault.problem)}" for fault in capture.faults]


def place_of(frame: int | None, offset: int | None) -> str:
    """`frame 11, offset 1400: `, with only what is known."""
    parts = [f"{name} {number}" for name, number in (("frame", frame), ("offset", offset)) if number is not None]
    return f"{', '.join(parts)}: " if parts else ""


def shown_of(selection: Selection) -> str:
    """`4 connections`, or `1 of 4 connections` when some were not chosen; of a live run also how many have left."""
    chosen = len(selection)
    ever = selection.summary.connections
    if selection.everything and ever > chosen:
        return f"{counted(ever, 'connection')}, {chosen:,} of them still in the table"
    return counted(chosen, "connection") if chosen == selection.total else (
        f"{chosen:,} of {counted(selection.total, 'connection')}"
    )  # fmt: skip


def how_they_went(summary: Summary) -> list[tuple[str, str]]:
    """How the connections opened, how they closed, and who closed first."""
    return [
        ("opened", counts(summary.openings)),
        ("closed", counts(summary.closings, CLOSINGS)),
        ("closed first", counts(summary.closed_first)),
    ]


def left_over(summary: Summary) -> list[tuple[str, int, str]]:
    """The endpoints that are neither closed nor open at the end of the capture: state, how many, what it means."""
    return [(s, summary.final_states[s], sentence) for s, sentence in LEFT_OVER if summary.final_states.get(s)]


def finding_rows(selection: Selection) -> list[FindingRow]:
    """Every kind of finding, worst first, then the most frequent; one that occurs once is told in its own words."""
    from handshake_inspect.verdict.findings import FINDINGS

    known = {row.id: row for row in FINDINGS}
    rows = []
    for id, number in selection.summary.findings.items():
        if not number:
            continue
        first = selection.first_with(id)
        example = None if first is None else next((f for f in selection[first].findings if f.id == id), None)
        severity = known[id].severity if id in known else example.severity if example else "note"
        sentence = example.text if example and number == 1 else known[id].sentence if id in known else ""
        place = "" if first is None else f"#{first}"
        if example and example.frames:
            place += f" frame {frame_number(example.frames[0])}"
        rows.append(FindingRow(severity, id, number, clean(sentence), place))
    return sorted(rows, key=lambda row: (SEVERITIES.index(row.severity), -row.connections))


def rows_to_show(selection: Selection) -> list[Connection]:
    """All connections in order, or the worst ROWS_MAX of them when there are more."""
    if len(selection) <= ROWS_MAX:
        return list(selection)
    return [selection[id] for id in selection.worst(ROWS_MAX)]


def payload(connection: Connection) -> str:
    """`client 10 B, server 300 B`."""
    return f"client {size(connection.client.bytes)}, server {size(connection.server.bytes)}"
