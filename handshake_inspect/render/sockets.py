"""`ss`: the sockets of each host as `ss -tan` prints them, as a table, JSON or CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from handshake_inspect.render import Style
from handshake_inspect.render.csv import Sheet
from handshake_inspect.render.lines import columns, width_of
from handshake_inspect.render.paint import painter, wrapped
from handshake_inspect.render.text import called, clean, clock, counted, duration, frame_number, host_port

if TYPE_CHECKING:
    from handshake_inspect.looks.sockets import Socket, Sockets, Timer

# fmt: off
SS = {
    # state          as ss spells it
    "LISTEN":       "LISTEN",
    "SYN_SENT":     "SYN-SENT",
    "SYN_RECEIVED": "SYN-RECV",
    "ESTABLISHED":  "ESTAB",
    "FIN_WAIT_1":   "FIN-WAIT-1",
    "FIN_WAIT_2":   "FIN-WAIT-2",
    "CLOSE_WAIT":   "CLOSE-WAIT",
    "CLOSING":      "CLOSING",
    "LAST_ACK":     "LAST-ACK",
    "TIME_WAIT":    "TIME-WAIT",
}
SPELLINGS = ("ss", "rfc")
MARKS = {"observed": "", "confirmed": "", "inferred": "?", "assumed": "*"}
LEGEND = (
    ("inferred", "? inferred: the segment behind it passed the capture point; nothing proves that it arrived"),
    ("assumed",  "* assumed: no segment shows it"),
)
WAITS = {
    "CLOSE_WAIT": "close() here",
    "FIN_WAIT_2": "the peer's FIN",
}
NAMES_MAX = 3
COPIES = {"syn": "SYN", "syn-ack": "SYN-ACK", "fin": "FIN"}
NEVER = 1 << 30
TITLES = ("State", "Send-Q", "Local", "Peer", "Since", "#", "Waits for")
ALIGN = "<><<>><"
CSV = (
    "state", "address", "port", "peer_address", "peer_port", "connection", "role", "since_ns", "frame", "certainty",
    "send_q", "timer", "timer_left_ns", "timer_basis", "timer_at_most", "names", "peer_names",
)
# fmt: on
NARROWER = ((None, True), (None, False), (30, False), (24, False), (20, False), (17, False))
"""How long an address may be, and whether the host's own is repeated; each for a narrower line than the one before."""


def spelled(state: str, spelling: str) -> str:
    """The state as ss spells it, or as RFC 9293 does."""
    return SS[state] if spelling == "ss" else state


def write_table(table: Sockets, out: TextIO, style: Style, spelling: str) -> None:
    """One block a host; what a mark means, and what is missing, below."""
    paint = painter(style)
    out.write(
        paint(f"at {clock(table.time_ns, utc=style.utc)}: {counted(len(table.sockets), 'socket')}", "title") + "\n"
    )
    for host in table.hosts:
        rows = [row for row in table.sockets if row.address == host]
        for line in wrapped("\n", "  ", heading(host, rows), style.width, 0):
            out.write(paint(line, "title") + "\n")
        cells = _fitting(rows, table, style.width, spelling)
        if cells is None:
            for row in rows:
                out.writelines(line + "\n" for line in _stacked(row, table, style.width, spelling))
            continue
        for number, line in enumerate(columns(TITLES, ALIGN, cells)):
            out.write("  " + (paint(line, "aside") if number == 0 else line) + "\n")
    there = {row.certainty for row in table.sockets}
    legend = [sentence for certainty, sentence in LEGEND if certainty in there]
    if legend:
        out.write("\n")
    for sentence in legend:
        for line in wrapped("", "  ", sentence, style.width):
            out.write(paint(line, "aside") + "\n")


def heading(host: str, rows: list[Socket]) -> str:
    """The host's address, with what the capture calls it where that was asked for: the first name of each socket."""
    names = list(dict.fromkeys(row.names[0] for row in rows if row.names))
    more = ", ..." if len(names) > NAMES_MAX else ""
    return f"{host} ({', '.join(map(clean, names[:NAMES_MAX]))}{more})" if names else host


def _fitting(rows: list[Socket], table: Sockets, width: int, spelling: str) -> list[list[str]] | None:
    """The cells of one host; where the width is short, long addresses are cut in the middle.  None: it is too short."""
    for longest, whole in NARROWER:
        cells = [_cells(row, table, longest, whole, spelling) for row in rows]
        if width_of(TITLES, cells) <= width - 2:
            return cells
    return None


def _stacked(row: Socket, table: Sockets, width: int, spelling: str) -> Iterator[str]:
    """One socket on lines of its own, for a width that has no room for the columns."""
    state, send_q, local, peer, since, number, waits = _cells(row, table, None, False, spelling)
    yield from wrapped("", "    ", f"  {state}  {local} <-> {peer}", width)
    facts = [
        f"Send-Q {send_q}" if row.send_q is not None else "",
        f"since {since}" if row.since_ns is not None else "",
        f"#{number}" if row.connection is not None else "",
        waits,
    ]
    if any(facts):
        yield from wrapped("      ", "      ", ", ".join(fact for fact in facts if fact), width)


def _cells(row: Socket, table: Sockets, longest: int | None, whole: bool, spelling: str) -> list[str]:
    peer = "*" if row.peer_address is None or row.peer_port is None else (
        host_port(called(row.peer_address, row.peer_names), row.peer_port, longest)
    )  # fmt: skip
    return [
        spelled(row.state, spelling) + MARKS[row.certainty],
        "-" if row.send_q is None else str(row.send_q),
        host_port(called(row.address, row.names), row.port, longest) if whole else f":{row.port}",
        peer,
        "-" if row.since_ns is None else duration(table.time_ns - row.since_ns),
        "-" if row.connection is None else str(row.connection),
        WAITS.get(row.state, "") if row.timer is None else timer_in_words(row.timer),
    ]


def timer_in_words(timer: Timer) -> str:
    """`2MSL: 59.8 s`, `SYN in ~1.00 s`, without ~ where the capture holds the copy."""
    left = duration(timer.left_ns)
    if timer.kind == "2msl":
        return f"2MSL: {'at most ' if timer.at_most else ''}{left}"
    return f"{COPIES[timer.kind]} in {'' if timer.basis == 'seen' else '~'}{left}"


def write_csv(table: Sockets, out: TextIO) -> None:
    """One row a socket, states as in RFC 9293."""
    sheet = Sheet(out)
    sheet.writerow(CSV)
    for row in table.sockets:
        timer = row.timer
        sheet.writerow([
            row.state, row.address, row.port, row.peer_address, row.peer_port, row.connection, row.role, row.since_ns,
            "" if row.frame is None else frame_number(row.frame), row.certainty, row.send_q,
            *(("",) * 4 if timer is None else (timer.kind, timer.left_ns, timer.basis, str(timer.at_most).lower())),
            ";".join(row.names), ";".join(row.peer_names),
        ])  # fmt: skip
